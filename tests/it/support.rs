//! What the feature tests share: the real binary, temporary folders, a server on port 0.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// The binary under test, in a folder, with no key of the machine's in its environment.
pub fn weighbridge(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weighbridge"));
    command.current_dir(dir).env_clear();
    for name in ["PATH", "HOME", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// Runs with these arguments and gives what came out.
pub fn run(dir: &Path, args: &[&str]) -> Ran {
    Ran::of(weighbridge(dir).args(args).output().expect("the binary runs"))
}

/// What a run of the binary gave.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    fn of(output: Output) -> Self {
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

    /// Asserts that stderr says all of these.
    #[track_caller]
    pub fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} is not in:\n{}", self.stderr);
        }
        self
    }
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
    pub url: String,
    pub catalog: PathBuf,
    pub ledger: PathBuf,
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
        let mut url = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut url).expect("a line");
        Self { child, url: url.trim().to_owned(), catalog, ledger }
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
pub fn csv(path: &Path) -> Vec<std::collections::BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).expect("a CSV file");
    reader.deserialize().map(|row| row.expect("a row")).collect()
}

/// The folder of public data beside the checkout; tests that need it skip loudly without it.
pub fn shared_data(what: &str) -> Option<PathBuf> {
    let root = std::env::var_os("WEIGHBRIDGE_SHARED_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        PathBuf::from,
    );
    let path = root.join(what);
    if !path.exists() {
        eprintln!("SKIPPED: {} is not here", path.display());
        return None;
    }
    Some(path)
}
