//! What the bars share: the real binary, a served fleet, a child that is watched, the verdicts.
#![allow(dead_code, reason = "each bar is a crate of its own and uses a part of this")]

pub mod count;
pub mod drawn;
pub mod plans;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

/// The figures of a bench and whether its bars hold.
pub struct Bars {
    missed: usize,
}

impl Bars {
    /// Starts a bench with its heading; `None`, said aloud, where the build is not optimised: such
    /// figures mean nothing.
    pub fn start(heading: &str) -> Option<Self> {
        say(&format!("== {heading}"));
        if cfg!(debug_assertions) {
            say("   SKIPPED: not an optimised build; run it with cargo bench");
            return None;
        }
        Some(Self { missed: 0 })
    }

    /// Starts a bench of what holds or does not hold, however fast the build is.
    pub fn always(heading: &str) -> Self {
        say(&format!("== {heading}"));
        Self { missed: 0 }
    }

    /// A figure without a bar.
    #[expect(clippy::unused_self, reason = "figures belong between a start and an end")]
    pub fn figure(&self, name: &str, figure: &str) {
        say(&format!("   {name:<36} {figure}"));
    }

    /// A figure with its bar.
    pub fn bar(&mut self, name: &str, figure: &str, bar: &str, holds: bool) {
        let verdict = if holds { "PASS" } else { "MISS" };
        say(&format!("   {name:<36} {figure:<24} {bar:<22} {verdict}"));
        self.missed += usize::from(!holds);
    }

    /// The exit status: 1 where a bar was missed.
    pub fn end(self) -> ExitCode {
        if self.missed == 0 {
            return ExitCode::SUCCESS;
        }
        say(&format!("   {} of the bars missed", self.missed));
        ExitCode::FAILURE
    }
}

/// Prints a line.
#[expect(clippy::print_stdout, reason = "figures are what a bench is for")]
pub fn say(line: &str) {
    println!("{line}");
}

/// The optimised binary, in a folder, with no key of the machine's in its environment.
pub fn weighbridge(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weighbridge"));
    command.current_dir(dir).env_clear().stdin(Stdio::null());
    for name in ["PATH", "HOME", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// Runs to the end and gives stdout; panics with everything that was said unless it exits with one
/// of these codes.
pub fn finished(command: &mut Command, codes: &[i32]) -> String {
    let output = command.output().expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let code = output.status.code().unwrap_or(-1);
    assert!(codes.contains(&code), "{command:?} exited with {code}\n{stdout}\n{said}");
    stdout
}

/// The kernel's high mark of a process's resident memory.
pub fn high_mark_mib(id: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

/// A folder that goes with the bench.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// A public data file beside the checkout, or where `WEIGHBRIDGE_SHARED_DATA` says; `None`, said
/// aloud, where it is missing.
pub fn shared_data(what: &str) -> Option<PathBuf> {
    let root = std::env::var_os("WEIGHBRIDGE_SHARED_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        PathBuf::from,
    );
    let path = root.join(what);
    if path.exists() {
        return Some(path);
    }
    say(&format!("   SKIPPED: {what} is neither in ../shared/data nor where the environment"));
    say("   variable WEIGHBRIDGE_SHARED_DATA says");
    None
}

/// A served simulated fleet; it is stopped when this is dropped.
pub struct Sim {
    child: Child,
    dir: PathBuf,
}

impl Sim {
    /// The catalog that it writes, in its folder.
    pub const CATALOG: &str = "fleet.toml";
    const LEDGER: &str = "ledger.jsonl";

    /// Starts `weighbridge sim` on a free port and waits until it has said its address.
    pub fn start(dir: &Path, more: &[&str]) -> Self {
        Self::without_ledger(dir, &[&["--ledger", Self::LEDGER], more].concat())
    }

    /// The same where nobody will read a ledger, which grows with every token.
    pub fn without_ledger(dir: &Path, more: &[&str]) -> Self {
        let mut child = weighbridge(dir)
            .args(["sim", "--write-catalog", Self::CATALOG])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the simulator starts");
        let mut url = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut url).expect("a line");
        assert!(url.starts_with("http://"), "the simulator said {url:?}");
        Self { child, dir: dir.to_owned() }
    }

    /// Stops it in good order, so that its ledger is whole, and reads the ledger.
    pub fn ledger(mut self) -> Vec<serde_json::Value> {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it runs");
        self.child.wait().expect("it ends");
        let text = std::fs::read_to_string(self.dir.join(Self::LEDGER)).expect("a ledger");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        // It may have ended already; there is no one to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A row of a CSV file: cells by column.
pub type Row = std::collections::BTreeMap<String, String>;

/// The rows of a CSV file.
pub fn csv(path: &Path) -> impl Iterator<Item = Row> + use<> {
    let reader = csv::Reader::from_path(path).expect("a CSV file");
    reader.into_deserialize().map(|row| row.expect("a row"))
}

/// 12345 as 12,345.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).expect("digits"))
        .collect();
    groups.join(",")
}
