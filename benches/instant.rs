//! What a run itself costs, beside what it waits for.
//!
//! ```sh
//! cargo bench --bench instant
//! ```
//!
//! 2,000 one-word tasks on one endpoint at a concurrency of 50, against a server that answers at
//! once (`weighbridge sim --instant 1`, a process of its own), over HTTP, every intent on the disk
//! before its request leaves, all files of the run included: from the start of the process to its
//! end. The median of five runs.
//!
//! Bar: at most 5 s. (Three well-known harnesses took 19, 35 and 71 s.)

mod support;

use std::fmt::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use support::{Bars, Sim, csv, finished, folder, grouped, weighbridge};

const TASKS: usize = 2_000;
const RUNS: usize = 5;
const BAR: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let Some(mut bars) = Bars::start("2,000 one-word tasks, answered at once") else {
        return ExitCode::SUCCESS;
    };
    let dir = folder();
    let mut tasks = String::new();
    for i in 0..TASKS {
        writeln!(tasks, r#"{{"id":"{i}","prompt":"Say word ({i}).","reference":"word"}}"#)
            .expect("memory");
    }
    std::fs::write(dir.path().join("words.jsonl"), tasks).expect("a file");
    let sim = Sim::start(dir.path(), &["--instant", "1", "--answers", "words.jsonl"]);
    let mut walls: Vec<Duration> = (0..RUNS).map(|i| run(&bars, dir.path(), i)).collect();
    let requests = sim.ledger().len();
    walls.sort_unstable();
    let median = walls[RUNS / 2];
    bars.figure("requests", &grouped(requests as u64));
    let rate = TASKS as f64 / median.as_secs_f64();
    bars.figure("tasks per second, all files included", &format!("{rate:.0}"));
    bars.bar("median wall time", &seconds(median), "≤ 5 s", median <= BAR);
    bars.end()
}

/// One run of all tasks, and what it took.
#[expect(clippy::disallowed_methods, reason = "the wall time of a child process is the figure")]
fn run(bars: &Bars, dir: &std::path::Path, i: usize) -> Duration {
    let out = format!("run-{i}");
    let mut run = weighbridge(dir);
    run.args(["run", "--suite", "words.jsonl", "--catalog", Sim::CATALOG]);
    run.args(["--endpoint", "gale/small@fjord", "--concurrency", "50", "--yes", "--out", &out]);
    let begun = Instant::now();
    // 13: nothing is measured here of what would be invalid.
    finished(&mut run, &[0, 13]);
    let wall = begun.elapsed();
    let right = csv(&dir.join(&out).join("trials.csv")).filter(|t| t["score"] == "1").count();
    assert_eq!(right, TASKS, "every answer is the word");
    bars.figure(&format!("run {}", i + 1), &seconds(wall));
    wall
}

fn seconds(wall: Duration) -> String {
    format!("{:.2} s", wall.as_secs_f64())
}
