//! The memory of a long load run: a million streamed requests, and the report read back from their
//! rows.
//!
//! ```sh
//! cargo bench --bench memory                 # ten minutes and 1 GB of disk: 1,000,000 requests
//! cargo bench --bench memory -- --quick      # 100,000
//! ```
//!
//! `weighbridge load` at 64 requests at a time against a simulator that answers 50 tokens at once,
//! run database on; the kernel's own high mark of the process, from its start to its last chart.
//!
//! Bars: at most 150 MiB, for the run as for `report`; and flat: at most 1.25 × that of a tenth of
//! the requests.

mod support;

use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use support::{Bars, Sim, csv, folder, grouped, high_mark_mib, weighbridge};

/// How often the high mark is read.
const LOOK_EVERY: Duration = Duration::from_millis(20);

fn main() -> ExitCode {
    let Some(mut bars) = Bars::start("memory of a long load run") else {
        return ExitCode::SUCCESS;
    };
    let requests = if std::env::args().any(|arg| arg == "--quick") { 100_000 } else { 1_000_000 };
    let dir = folder();
    let sim = Sim::without_ledger(dir.path(), &["--instant", "50"]);
    let tenth = run(dir.path(), "tenth", requests / 10);
    let whole = run(dir.path(), "whole", requests);
    drop(sim);
    let report = peak(dir.path(), &["report", "whole"]);
    let n = grouped(requests);
    bars.figure(&format!("{} requests", grouped(requests / 10)), &mib(tenth));
    bars.bar(&format!("{n} requests"), &mib(whole), "≤ 150 MiB", whole <= 150.0);
    let growth = whole / tenth;
    bars.bar("  ÷ a tenth of them", &format!("{growth:.2}"), "≤ 1.25", growth <= 1.25);
    bars.bar("report of the same rows", &mib(report), "≤ 150 MiB", report <= 150.0);
    let size = std::fs::metadata(dir.path().join("whole/run.sqlite")).map_or(0, |m| m.len());
    bars.figure("bytes a request in the run database", &(size / requests).to_string());
    bars.end()
}

fn run(dir: &Path, out: &str, requests: u64) -> f64 {
    let n = requests.to_string();
    let flags = ["-c", "64", "-n", &n, "--out", out];
    let peak =
        peak(dir, &[&["load", "--catalog", Sim::CATALOG, "-m", "gale/small"], &flags[..]].concat());
    let rows = csv(&dir.join(out).join("requests.csv")).filter(|row| row["status"] == "ok").count();
    assert_eq!(rows as u64, requests, "every request has a row, and was answered");
    peak
}

fn mib(mib: f64) -> String {
    format!("{mib:.1} MiB")
}

/// The high mark of a command's memory, MiB.
fn peak(dir: &Path, flags: &[&str]) -> f64 {
    let mut child = weighbridge(dir)
        .args(flags)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary runs");
    let mut peak = None;
    loop {
        if let Some(ended) = child.try_wait().expect("it is ours") {
            // 13: what a client that shares two cores with its server measures may mean nothing.
            assert!(matches!(ended.code(), Some(0 | 13)), "{flags:?} ended with {ended}");
            return peak.expect("it was seen running");
        }
        peak = high_mark_mib(child.id()).or(peak);
        std::thread::sleep(LOOK_EVERY);
    }
}
