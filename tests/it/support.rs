//! What the feature tests share: the real binary, temporary folders, a server on port 0.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};

/// The binary under test, in a folder, with no key of the machine's in its environment.
pub fn weighbridge(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weighbridge"));
    command.current_dir(dir).env_clear();
    for name in ["PATH", "HOME", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    // What this machine was calibrated to is no part of a test.
    command.env("XDG_CACHE_HOME", dir.join("no-cache"));
    command
}

/// Runs with these arguments and gives what came out.
pub fn run(dir: &Path, args: &[&str]) -> Ran {
    Ran::of(weighbridge(dir).args(args).output().expect("the binary runs"))
}

/// Runs with these arguments and this variable in the environment.
pub fn run_with(dir: &Path, (name, value): (&str, &str), args: &[&str]) -> Ran {
    Ran::of(weighbridge(dir).env(name, value).args(args).output().expect("the binary runs"))
}

/// What a run of the binary gave.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    #[expect(clippy::needless_pass_by_value, reason = "its end: nothing else reads it")]
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Asserts that it ended with this code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts that it ended well. On a busy machine a run over HTTP may find that its client could
    /// not keep up and end with 13; then [`measured`] repeats the test.
    #[track_caller]
    pub fn weighed(self) -> Self {
        if self.code == 13 {
            std::panic::panic_any(Busy(self.stderr));
        }
        self.exits(0)
    }

    /// Asserts that everything was measured, in time or not: for tests that read no latency and
    /// whose requests keep a debug build too busy for a valid one.
    #[track_caller]
    pub fn completed(self) -> Self {
        assert!([0, 13].contains(&self.code), "exit {}, stderr:\n{}", self.code, self.stderr);
        self
    }

    /// Asserts that stderr says all of these, on one line or several.
    #[track_caller]
    pub fn says(self, parts: &[&str]) -> Self {
        let unwrapped = self.stderr.replace("\n  ", " ");
        for part in parts {
            let is_said = self.stderr.contains(part) || unwrapped.contains(part);
            assert!(is_said, "{part:?} is not in:\n{}", self.stderr);
        }
        self
    }
}

/// An address at which nobody listens. A port that was free a moment ago could become the server of
/// another test meanwhile.
pub const NOBODY: &str = "127.0.0.1:9";

/// The machine was too busy to measure on; what the run said.
struct Busy(String);

/// The most times that a test is made on a busy machine.
const TRIES: u32 = 3;

/// Makes a test, and makes it again from the start when a run in it was marked invalid because the
/// machine was busy. It fails if that stays so.
#[track_caller]
pub fn measured(test: fn()) {
    for attempt in 1..=TRIES {
        let Err(payload) = std::panic::catch_unwind(test) else { return };
        let Busy(stderr) = match payload.downcast::<Busy>() {
            Ok(busy) => *busy,
            Err(other) => std::panic::resume_unwind(other),
        };
        let name = std::thread::current().name().unwrap_or("a test").to_owned();
        let _ = writeln!(
            std::io::stderr(),
            "BUSY: {name}: a run was marked invalid (exit 13), attempt {attempt} of {TRIES}"
        );
        assert!(attempt < TRIES, "invalid {TRIES} times on a busy machine:\n{stderr}");
    }
}

/// [`measured`], one at a time: for tests that depend on wall-clock time.
#[track_caller]
pub fn alone(test: fn()) {
    static WALL_CLOCK: Mutex<()> = Mutex::new(());
    // A test that failed holds nobody else up.
    let _turn = WALL_CLOCK.lock().unwrap_or_else(PoisonError::into_inner);
    measured(test);
}

#[test]
fn a_test_is_repeated_on_a_busy_machine_and_fails_if_it_stays_so() {
    use std::sync::atomic::{AtomicU32, Ordering};
    static CALLS: AtomicU32 = AtomicU32::new(0);
    fn ends_with(code: i32) {
        Ran { code, stdout: String::new(), stderr: "late".to_owned() }.weighed();
    }
    measured(|| ends_with(if CALLS.fetch_add(1, Ordering::Relaxed) == 0 { 13 } else { 0 }));
    assert_eq!(CALLS.swap(0, Ordering::Relaxed), 2);
    let stays = || {
        CALLS.fetch_add(1, Ordering::Relaxed);
        ends_with(13);
    };
    assert!(std::panic::catch_unwind(|| measured(stays)).is_err());
    assert_eq!(CALLS.swap(0, Ordering::Relaxed), TRIES);
    let fails = || {
        CALLS.fetch_add(1, Ordering::Relaxed);
        ends_with(1);
    };
    assert!(std::panic::catch_unwind(|| measured(fails)).is_err());
    assert_eq!(CALLS.load(Ordering::Relaxed), 1, "a failure is not repeated");
}

/// Every file below a folder, by its path from there.
pub fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(dir).expect("below it").display().to_string();
            found.insert(name.replace('\\', "/"), std::fs::read(&path).expect("a file"));
        }
    }
    found
}

/// The files that are made from a run: all but the run database.
pub fn made(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = files(dir);
    assert!(files.remove("run.sqlite").is_some(), "{} holds a run", dir.display());
    files
}

/// Says where two sets of files differ first.
#[track_caller]
pub fn assert_same(left: &BTreeMap<String, Vec<u8>>, right: &BTreeMap<String, Vec<u8>>) {
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(left), names(right));
    for (name, bytes) in left {
        let (left, right) = (String::from_utf8_lossy(bytes), String::from_utf8_lossy(&right[name]));
        if left == right {
            continue;
        }
        let lines = left.lines().zip(right.lines()).zip(1..);
        let differ = lines.into_iter().find(|((left, right), _)| left != right);
        match differ {
            Some(((left, right), line)) => panic!("{name}:{line} differs:\n{left}\n{right}"),
            None => panic!("{name} differs in its length"),
        }
    }
}

/// A cell of summary.csv; `*` is all categories.
#[track_caller]
pub fn summary(run: &Path, endpoint: &str, category: &str, metric: &str) -> String {
    let rows = csv(&run.join("summary.csv"));
    let found = rows.iter().find(|row| {
        row["endpoint"] == endpoint && row["category"] == category && row["metric"] == metric
    });
    found.unwrap_or_else(|| panic!("no {metric} of {endpoint} in {category}"))["value"].clone()
}

/// How many trials have each status.
pub fn statuses(trials: &[BTreeMap<String, String>]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for trial in trials {
        *counts.entry(trial["status"].clone()).or_default() += 1;
    }
    counts
}

/// A folder that goes with the test.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Writes a file and gives its path as an argument.
pub fn file(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).expect("a folder");
    }
    std::fs::write(&path, text).expect("a file");
    path.display().to_string()
}

/// A served simulated fleet; it is stopped when this is dropped.
pub struct Sim {
    child: Child,
    address: String,
    catalog: PathBuf,
    ledger: PathBuf,
}

impl Sim {
    /// Starts `weighbridge sim` on a free port and waits until it has said its address.
    pub fn start(dir: &Path, more: &[&str]) -> Self {
        let (catalog, ledger) = (dir.join("fleet.toml"), dir.join("ledger.jsonl"));
        let mut child = weighbridge(dir)
            .args(["sim", "--write-catalog", "fleet.toml", "--ledger", "ledger.jsonl"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the simulator starts");
        // The address is said once everything is ready.
        let mut address = String::new();
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut address)
            .expect("a line");
        assert!(address.starts_with("http://127.0.0.1:"), "{address:?}");
        Self { child, address: address.trim().to_owned(), catalog, ledger }
    }

    /// Where to find it, as an argument for `--catalog`.
    pub fn catalog(&self) -> String {
        self.catalog.display().to_string()
    }

    /// Its address: `http://127.0.0.1:8100`.
    pub fn url(&self) -> &str {
        &self.address
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Stops it in good order, so that its ledger is whole, and reads the ledger.
    pub fn ledger(mut self) -> Vec<serde_json::Value> {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it runs");
        self.child.wait().expect("it ends");
        let text = std::fs::read_to_string(&self.ledger).expect("a ledger");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A CSV file as maps from column to cell.
pub fn csv(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).expect("a CSV file");
    reader.deserialize().map(|row| row.expect("a row")).collect()
}

/// Says that a test could not be made here, past the harness, which shows what passes in silence.
pub fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

/// The folder of public data beside the checkout; tests that need it skip loudly without it.
pub fn shared_data(what: &str) -> Option<PathBuf> {
    let root = std::env::var_os("WEIGHBRIDGE_SHARED_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        PathBuf::from,
    );
    let path = root.join(what);
    if !path.exists() {
        skipped(&format!("{} is not here", path.display()));
        return None;
    }
    Some(path)
}
