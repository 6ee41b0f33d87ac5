//! A run that is killed at random moments loses nothing and pays nothing twice.
//!
//! ```sh
//! cargo bench --bench kill              # 200 kills, some minutes
//! cargo bench --bench kill -- --quick   # 10 kills
//! ```
//!
//! 2,000 trials over HTTP at `--concurrency 32` against `weighbridge sim` as a process of its own. The run is
//! killed with SIGKILL after a random time and gone on with by `--resume`, again and again, until so many kills
//! are made; then it runs to its end. Between a kill and the next session the run database is read: what had an
//! ending then must never be asked again. The simulator's ledger says what was billed, kill or no kill. Where a
//! run ends before it can be killed often enough, another is begun, and every figure is of all of them.
//!
//! Bars:
//! - trials with an ending that were asked again: 0; trials lost: 0;
//! - trials ≤ requests billed ≤ trials + requests in doubt;
//! - in doubt ≤ requests under way at once, per kill;
//! - every trial ends `ok`; rows of trials.csv = trials planned;
//! - an answer is on the disk within 50 ms: of what was in doubt after a kill, nothing had been sent in full by the
//!   simulator so long before it.
//!
//! It proves the same of an unoptimised build, so it runs in one too.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, ExitCode, Stdio};
use std::time::Duration;

use support::{Bars, Sim, csv, finished, folder, grouped, weighbridge};
use weighbridge::store::{ExistingRun, StoredTrial, TrialStatus};
use weighbridge::units::{Clock, Seed, Stamp};

const TASKS: u64 = 1_000;
const ENDPOINTS: [&str; 2] = ["delta/dense@dune", "elm/moe@fjord"];
const CONCURRENCY: u64 = 32;
const KILLS: u64 = 200;
const KILLS_QUICK: u64 = 10;

/// What all runs came to.
#[derive(Default)]
struct Sum {
    runs: u64,
    kills: u64,
    planned: u64,
    rows: u64,
    ok: u64,
    in_doubt: u64,
    most_in_doubt: u64,
    billed: u64,
    asked_again: u64,
    lost: u64,
    /// The longest that an answer was sent in full before a kill that left it in doubt.
    late: Duration,
}

/// A request that a kill left in doubt: its key, and from when to when the session lasted that made
/// it.
struct Doubt {
    id: String,
    begun: Stamp,
    killed: Stamp,
}

fn main() -> ExitCode {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let wanted = if quick { KILLS_QUICK } else { KILLS };
    let mut bars = Bars::always(&format!("kill -9 at {wanted} random moments"));
    let seed = Seed(
        std::env::args()
            .skip_while(|a| a != "--seed")
            .nth(1)
            .map_or(1, |text| text.parse().expect("--seed N")),
    );
    let mut sum = Sum::default();
    while sum.kills < wanted {
        sum.runs += 1;
        one_run(&mut sum, wanted, seed);
    }
    judge(&mut bars, &sum);
    bars.end()
}

fn one_run(sum: &mut Sum, wanted: u64, seed: Seed) {
    let dir = folder();
    let rows: Vec<String> =
        (0..TASKS).map(|i| format!("t{i},What is {i} plus 1?,{}\n", i + 1)).collect();
    std::fs::write(
        dir.path().join("prompts.csv"),
        format!("id,question,expected\n{}", rows.concat()),
    )
    .expect("written");
    // About two seconds of work: some kills fall in each part of it.
    let schedule =
        ["--schedule", "ttft=20ms,gap=2ms,tokens=6", "--answers", "prompts.csv", "--steady"];
    let sim = Sim::start(dir.path(), &schedule);
    let run = dir.path().join("run");
    let (mut ended, mut in_doubt) = (BTreeSet::new(), BTreeMap::new());
    let (mut doubts, clock) = (Vec::new(), Clock::real());
    loop {
        let begun = clock.now();
        let mut child = begin(dir.path());
        let mut draw = seed.draw("kill", &[&sum.kills.to_string(), &sum.runs.to_string()]);
        // From before the first byte of the database to well into the run.
        let wait = Duration::from_secs_f64(0.6 * draw.uniform() * draw.uniform());
        std::thread::sleep(wait);
        if sum.kills >= wanted || child.try_wait().expect("it runs").is_some() {
            child.wait().expect("it ends");
            break;
        }
        let killed = clock.now();
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        sum.kills += 1;
        let Some(earlier) = ExistingRun::open(&run).expect("readable after a kill") else {
            continue;
        };
        let finished = earlier.trials.iter().filter(|trial| trial.is_finished());
        let now: BTreeSet<String> = finished.map(|trial| trial.key.hex()).collect();
        sum.lost += ended.difference(&now).count() as u64;
        let run = &earlier.manifest.run;
        let mut new = 0;
        for trial in &earlier.trials {
            let before = in_doubt.insert(trial.key, trial.in_doubt()).unwrap_or(0);
            new += u64::from(trial.in_doubt() - before);
            if trial.in_doubt() > before {
                let number = trial.ended - trial.primed;
                let id = format!("{}-{}-{number}-{run}", trial.key.hex(), trial.repeat);
                doubts.push(Doubt { id, begun, killed });
            }
        }
        sum.most_in_doubt = sum.most_in_doubt.max(new);
        // What had an ending keeps its attempts for ever.
        ended = now;
        check_attempts(sum, &earlier.trials, dir.path());
    }
    let mut last = command(dir.path());
    // 13: the machine was too busy for the latencies to be valid.
    finished(&mut last, &[0, 13]);
    let earlier = ExistingRun::open(&run).expect("readable").expect("a run");
    check_attempts(sum, &earlier.trials, dir.path());
    sum.planned += TASKS * ENDPOINTS.len() as u64;
    sum.ok += earlier.trials.iter().filter(|t| t.status == TrialStatus::Ok).count() as u64;
    sum.in_doubt += earlier.trials.iter().map(|t| u64::from(t.in_doubt())).sum::<u64>();
    drop(earlier);
    sum.rows += csv(&run.join("trials.csv")).count() as u64;
    let ledger = sim.ledger();
    sum.billed += ledger.len() as u64;
    sum.late = sum.late.max(late(&doubts, &ledger));
}

/// The longest that an answer in doubt was sent in full before the kill.
fn late(doubts: &[Doubt], ledger: &[serde_json::Value]) -> Duration {
    let mut sent: BTreeMap<&str, Vec<(Stamp, Stamp)>> = BTreeMap::new();
    let whole = ledger.iter().filter(|line| line["complete"] == true);
    for line in whole {
        let at = |value: &serde_json::Value| value.as_u64().map(Stamp::from_nanos);
        let last = line["writes_ns"].as_array().and_then(|writes| at(writes.last()?));
        if let (Some(id), Some(read), Some(last)) =
            (line["id"].as_str(), at(&line["read_ns"]), last)
        {
            sent.entry(id).or_default().push((read, last));
        }
    }
    let late = |doubt: &Doubt| {
        // Other sessions may have sent the same key; a request that this one did not get as far as
        // sending was not answered.
        let its = |read: Stamp| (doubt.begun..=doubt.killed).contains(&read);
        let all = sent.get(doubt.id.as_str())?.iter().filter(|(read, _)| its(*read));
        let (_, last) = all.max_by_key(|(read, _)| *read)?;
        Some(doubt.killed.since(*last))
    };
    doubts.iter().filter_map(late).max().unwrap_or_default()
}

fn begin(dir: &Path) -> Child {
    command(dir).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary runs")
}

fn command(dir: &Path) -> std::process::Command {
    let mut command = weighbridge(dir);
    command.args(["run", "--suite", "prompts.csv", "--catalog", Sim::CATALOG, "--yes"]);
    command.args(["--out", "run", "--resume", "--concurrency", &CONCURRENCY.to_string()]);
    for endpoint in ENDPOINTS {
        command.args(["--endpoint", endpoint]);
    }
    command
}

/// Counts trials that were asked after they had their ending: their attempts have grown since.
fn check_attempts(sum: &mut Sum, trials: &[StoredTrial], dir: &Path) {
    let path = dir.join("ended.json");
    let before: BTreeMap<String, u32> = std::fs::read_to_string(&path)
        .map(|text| serde_json::from_str(&text).expect("our own"))
        .unwrap_or_default();
    let now: BTreeMap<String, u32> = trials
        .iter()
        .filter(|trial| trial.is_finished())
        .map(|trial| (trial.key.hex(), trial.attempts))
        .collect();
    let again = |(key, attempts): (&String, &u32)| now.get(key).is_some_and(|now| now > attempts);
    sum.asked_again += before.iter().filter(|one| again(*one)).count() as u64;
    std::fs::write(path, serde_json::to_string(&now).expect("text keys")).expect("written");
}

fn judge(bars: &mut Bars, sum: &Sum) {
    let of = |n: u64| grouped(n);
    bars.figure("runs, kills", &format!("{}, {}", of(sum.runs), of(sum.kills)));
    bars.bar("finished trials asked again", &of(sum.asked_again), "= 0", sum.asked_again == 0);
    bars.bar("finished trials lost", &of(sum.lost), "= 0", sum.lost == 0);
    let most = sum.planned + sum.in_doubt;
    let bar = format!("{} … {}", of(sum.planned), of(most));
    let between = (sum.planned..=most).contains(&sum.billed);
    bars.bar("requests billed by the ledger", &of(sum.billed), &bar, between);
    let at_once = CONCURRENCY * ENDPOINTS.len() as u64;
    let few = sum.most_in_doubt <= at_once;
    bars.bar("in doubt, most by one kill", &of(sum.most_in_doubt), &format!("≤ {at_once}"), few);
    bars.bar("in doubt in all", &of(sum.in_doubt), "> 0", sum.in_doubt > 0);
    let late = sum.late.as_millis();
    bars.bar("sent and not on the disk", &format!("{late} ms at most"), "≤ 50 ms", late <= 50);
    let ok = sum.ok == sum.planned;
    bars.bar("trials that ended ok", &of(sum.ok), &format!("= {}", of(sum.planned)), ok);
    let rows = sum.rows == sum.planned;
    bars.bar("rows of trials.csv", &of(sum.rows), &format!("= {}", of(sum.planned)), rows);
}
