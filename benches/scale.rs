//! A long run stays quick and small.
//!
//! ```sh
//! cargo bench --bench scale
//! ```
//!
//! `run --virtual` of 10,000 tasks × 10 endpoints, an exact answer of 30 tokens each, graded, with
//! all files of the run; and the same of 1,000 tasks. The resident memory is the kernel's own high
//! mark (`VmHWM`), read every few milliseconds until the process ends; the phases are seen by the
//! files that appear. Linux only, for the memory.
//!
//! Bars: 100,000 trials within 60 s and within 200 MiB; memory at 100,000 trials within 1.5 times
//! that at 10,000; a mean of 30 token events to a trial (28 to 32), so that it was a test.

mod support;

use std::fmt::Write;
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use support::{Bars, csv, folder, grouped, high_mark_mib, weighbridge};
use weighbridge::store::{Order, Reader, StoreError};
use weighbridge::units::Seed;

const ENDPOINTS: [&str; 10] = [
    "acme/thinker@apex",
    "acme/flagship@apex",
    "birch/pro@bluff",
    "birch/flash@bluff",
    "cedar/large@crest",
    "delta/dense@dune",
    "elm/moe@ember",
    "elm/moe@fjord",
    "elm/moe-thinking@grove",
    "fir/agent@harbor",
];
const CATEGORIES: [&str; 4] = ["classify", "extract", "math", "rewrite"];
const FEW_TASKS: usize = 1_000;
const MANY_TASKS: usize = 10_000;
const TOKENS: usize = 30;
const TIME_BAR: Duration = Duration::from_secs(60);
const MEMORY_BAR_MIB: f64 = 200.0;
const GROWTH_BAR: f64 = 1.5;
/// How often the process is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(2);

fn main() -> ExitCode {
    let Some(mut bars) = Bars::start("100,000 trials in virtual time") else {
        return ExitCode::SUCCESS;
    };
    let dir = folder();
    let few = watched(&bars, dir.path(), FEW_TASKS);
    let many = watched(&bars, dir.path(), MANY_TASKS);
    let events = token_events(&dir.path().join(format!("run-{MANY_TASKS}")));
    bars.bar(
        "token events a trial",
        &format!("{events:.1}"),
        "30 ± 2",
        (28.0..=32.0).contains(&events),
    );
    let seconds = many.wall.as_secs_f64();
    bars.bar("wall time", &format!("{seconds:.1} s"), "≤ 60 s", many.wall <= TIME_BAR);
    match (few.peak_mib, many.peak_mib) {
        (Some(few), Some(many)) => {
            let holds = many <= MEMORY_BAR_MIB;
            bars.bar("peak memory", &format!("{many:.1} MiB"), "≤ 200 MiB", holds);
            let growth = many / few;
            let figure = format!("{growth:.2} × {few:.1} MiB");
            bars.bar("growth from 10,000 trials", &figure, "≤ 1.5 ×", growth <= GROWTH_BAR);
        }
        _ => bars.figure("peak memory", "SKIPPED: this system does not tell it in /proc"),
    }
    bars.end()
}

/// What was seen of a run.
struct Seen {
    wall: Duration,
    peak_mib: Option<f64>,
}

/// What a run does, one after the other, and the file in its folder whose appearance ends it
/// (the first ends when the run begins, the second when the log is folded into the database).
const PHASES: [(&str, &str); 4] = [
    ("plan", "run.sqlite-wal"),
    ("ask", ""),
    ("grade, aggregate, tune", "weights.json"),
    ("write trials.csv", "trials.csv"),
];

/// Runs over so many tasks, and looks on.
#[expect(clippy::disallowed_methods, reason = "the wall time of a child process is the figure")]
fn watched(bars: &Bars, dir: &Path, tasks: usize) -> Seen {
    let (suite, out) = (format!("suite-{tasks}"), format!("run-{tasks}"));
    write_suite(&dir.join(&suite), tasks);
    let mut run = weighbridge(dir);
    run.args(["run", "--virtual", "--suite", &suite, "--out", &out]);
    for endpoint in ENDPOINTS {
        run.args(["--endpoint", endpoint]);
    }
    let begun = Instant::now();
    let mut child =
        run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary runs");
    let (mut seen, mut peak) = (Vec::new(), None);
    let ended = loop {
        if let Some(ended) = child.try_wait().expect("it is ours") {
            break ended;
        }
        peak = high_mark_mib(child.id()).or(peak);
        if let Some((_, file)) = PHASES.get(seen.len()) {
            let over = match *file {
                "" => !dir.join(&out).join("run.sqlite-wal").exists(),
                file => dir.join(&out).join(file).exists(),
            };
            if over {
                seen.push(begun.elapsed());
            }
        }
        std::thread::sleep(LOOK_EVERY);
    };
    let wall = begun.elapsed();
    assert!(ended.success(), "the run ended with {ended}");
    let rows = csv(&dir.join(&out).join("trials.csv")).count();
    assert_eq!(rows, tasks * ENDPOINTS.len(), "every trial has a row");
    let mut phases = String::new();
    let mut from = Duration::ZERO;
    for ((name, _), until) in PHASES.iter().zip(&seen) {
        let took = until.saturating_sub(from).as_secs_f64();
        write!(phases, "{name} {took:.2} s · ").expect("memory");
        from = *until;
    }
    let rest = wall.saturating_sub(from).as_secs_f64();
    write!(phases, "the rest {rest:.2} s").expect("memory");
    bars.figure(&format!("{} trials", grouped(rows as u64)), &phases);
    Seen { wall, peak_mib: peak }
}

/// A suite of so many tasks, with answers of 30 words of 3 characters: 30 tokens as the simulator cuts
/// them. No two are alike, so that nothing is stored once for all.
fn write_suite(dir: &Path, tasks: usize) {
    std::fs::create_dir(dir).expect("a folder");
    let header = "name = \"lines\"\nversion = \"1\"\nlicense = \"MIT\"\ncategory = \"classify\"\n\
                  grader = \"exact\"\n";
    std::fs::write(dir.join("suite.toml"), header).expect("a file");
    let mut text = String::new();
    for i in 0..tasks {
        let mut draw = Seed(1).draw("scale", &[&i.to_string()]);
        let word = || format!("{:03x}", draw.bits() & 0xfff);
        let words: Vec<String> = std::iter::repeat_with(word).take(TOKENS).collect();
        let category = CATEGORIES[i % CATEGORIES.len()];
        writeln!(
            text,
            r#"{{"id":"{i}","prompt":"Say line {i} of the list.","reference":"{}","category":"{category}"}}"#,
            words.join(" "),
        )
        .expect("memory");
    }
    std::fs::write(dir.join("tasks.jsonl"), text).expect("a file");
}

/// Mean token events of the trials that were answered.
fn token_events(run: &Path) -> f64 {
    let (mut events, mut answers) = (0_u64, 0_u64);
    let reader = Reader::open(run).expect("a run");
    let counted = reader.for_each_trial(Order::Plan, |trial| {
        if let Some(attempt) = trial.attempt.as_ref().filter(|attempt| attempt.error.is_none()) {
            events += u64::from(attempt.token_events);
            answers += 1;
        }
        Ok::<(), StoreError>(())
    });
    counted.expect("it reads");
    events as f64 / answers as f64
}
