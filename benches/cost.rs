//! What a run says it cost is what was billed, to the last digit; where nobody said, it is between
//! what is known and what was reserved.
//!
//! ```sh
//! cargo bench --bench cost
//! ```
//!
//! 10,368 trials: the bundled tasks, three times each, of two models of the simulated fleet in each of
//! the four dialects, over HTTP. One request in four meets a fault: refused, reset, cut, hung until
//! the client gives it up, an error within the stream, an answer without usage, with usage twice, on
//! the wrong chunk. Half-way the run is killed, with requests under way, and resumed. The ledger is
//! what the simulator billed on its side of the socket; it bills a stream that broke, or whose
//! reader left, in full. About two minutes.
//!
//! Bars:
//! - every trial has an ending, and rows = planned;
//! - of each trial whose cost the run knows: `cost_usd` = billed, to the last digit;
//! - of each other trial: billed ≤ `cost_upper_usd`;
//! - of each endpoint, and in all: known cost ≤ billed ≤ upper, by `summary.csv`;
//! - usage was missing, attempts were retried, given up and left in doubt, so that it was a test.
//!
//! It proves the same of an unoptimised build, so it runs in one too.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use serde_json::Value;
use support::{Bars, Row, Sim, csv, finished, folder, grouped, weighbridge};
use weighbridge::store::{ExistingRun, Reader, TrialStatus};
use weighbridge::units::Usd;

const MODELS: [&str; 2] = ["delta/dense", "gale/small"];
const DIALECTS: &str = "openai-chat,openai-responses,anthropic,gemini";
const REPEATS: &str = "3";
const PLANNED: usize = 432 * 3 * 2 * 4;

/// What requests meet, with the share that does.
const FAULTS: [&str; 15] = [
    "429=0.03",
    "500=0.03",
    "529=0.02",
    "reset-before-head=0.02",
    "reset-after-head=0.02",
    "cut=0.03",
    "hang-before-head=0.003",
    "hang-between-tokens=0.003",
    "error-integer=0.02",
    "error-string=0.02",
    "malformed-json=0.01",
    "empty-stream=0.01",
    "usage-missing=0.03",
    "usage-twice=0.01",
    "usage-on-last=0.01",
];

fn main() -> ExitCode {
    let mut bars = Bars::always(&format!("{} trials against the ledger", grouped(PLANNED as u64)));
    let dir = folder();
    let mut sim_args = vec!["--dialect", DIALECTS, "--instant"];
    sim_args.extend(FAULTS.iter().flat_map(|fault| ["--fault", *fault]));
    let sim = Sim::start(dir.path(), &sim_args);
    let in_doubt = killed_half_way(dir.path());
    bars.figure("in doubt after the kill", &grouped(in_doubt));
    finished(asked(dir.path()).arg("--resume"), &[0, 13]);
    let trials: Vec<Row> = csv(&dir.path().join("run/trials.csv")).collect();
    let billed = billed(&sim.ledger());
    by_trial(&mut bars, &trials, &billed, in_doubt);
    by_endpoint(&mut bars, dir.path(), &trials, &billed);
    bars.end()
}

fn asked(dir: &Path) -> Command {
    let mut run = weighbridge(dir);
    run.args(["run", "--catalog", Sim::CATALOG, "--repeats", REPEATS, "--concurrency", "16"]);
    run.args(["--timeout", "first_token=1s,stall=1s", "--yes", "--out", "run"]);
    for model in MODELS {
        run.args(["-m", model]);
    }
    run
}

/// Kills the run when about half of its trials have an ending, and counts the requests in doubt.
fn killed_half_way(dir: &Path) -> u64 {
    let out = dir.join("run");
    let mut child =
        asked(dir).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary runs");
    let planned = || {
        let counts = Reader::open(&out).ok()?.status_counts().ok()?;
        Some(counts.get(&TrialStatus::Planned).copied().unwrap_or(0))
    };
    while planned().is_none_or(|n| n > PLANNED as u64 / 2) {
        assert!(child.try_wait().expect("our child").is_none(), "it ended before it was killed");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    let earlier = ExistingRun::open(&out).expect("readable after a kill").expect("a run");
    earlier.trials.iter().map(|trial| u64::from(trial.in_doubt())).sum()
}

fn by_trial(bars: &mut Bars, trials: &[Row], ledger: &BTreeMap<String, Usd>, in_doubt: u64) {
    let rows = grouped(trials.len() as u64);
    let planned = format!("= {} planned", grouped(PLANNED as u64));
    bars.bar("rows", &rows, &planned, trials.len() == PLANNED);
    let open = trials.iter().filter(|t| !["ok", "failed"].contains(&t["status"].as_str()));
    let open = open.count();
    bars.bar("trials without an ending", &open.to_string(), "= 0", open == 0);

    let (mut known, mut wrong, mut unknown, mut over, mut retried) = (0_u64, 0, 0_u64, 0, 0_u64);
    for trial in trials {
        let billed = ledger.get(&trial["trial"]).copied().unwrap_or_default();
        retried += u64::from(trial["attempts"] != "1");
        if trial["cost_usd"].is_empty() {
            unknown += 1;
            over += usize::from(billed > usd(&trial["cost_upper_usd"]));
        } else {
            known += 1;
            wrong += usize::from(billed != usd(&trial["cost_usd"]));
        }
    }
    bars.bar("known cost, billed otherwise", &wrong.to_string(), "= 0", wrong == 0);
    bars.bar("unknown cost, billed above the bound", &over.to_string(), "= 0", over == 0);
    let failed = trials.iter().filter(|t| t["status"] == "failed").count();
    let tested = known > 0 && unknown > 0 && retried > 0 && failed > 0 && in_doubt > 0;
    for (what, n) in [("known", known), ("unknown", unknown)] {
        bars.figure(&format!("trials of {what} cost"), &grouped(n));
    }
    let shown = format!("{} and {failed}", grouped(retried));
    bars.bar("trials tried again, and failed", &shown, "some of each", tested);
}

/// The sums that the run states, endpoint by endpoint, and in all.
fn by_endpoint(bars: &mut Bars, dir: &Path, trials: &[Row], ledger: &BTreeMap<String, Usd>) {
    // The simulator knows no dialects: to it, four of these endpoints are one.
    let mut bills = BTreeMap::<&str, Usd>::new();
    for trial in trials {
        let billed = ledger.get(&trial["trial"]).copied().unwrap_or_default();
        *bills.entry(&trial["endpoint"]).or_default() += billed;
    }
    let mut stated = BTreeMap::<String, [Usd; 2]>::new();
    for row in csv(&dir.join("run/summary.csv")).filter(|row| row["category"] == "*") {
        let at = match row["metric"].as_str() {
            "cost_usd" => 0,
            "cost_upper_usd" => 1,
            _ => continue,
        };
        stated.entry(row["endpoint"].clone()).or_default()[at] = usd(&row["value"]);
    }
    let mut outside = 0;
    for (endpoint, [known, upper]) in &stated {
        let billed = bills.get(endpoint.as_str()).copied().unwrap_or_default();
        outside += usize::from(billed < *known || billed > *upper);
    }
    let of = |at: usize| stated.values().map(|sums| sums[at]).sum::<Usd>();
    let billed: Usd = ledger.values().copied().sum();
    bars.figure("known cost", &format!("${}", of(0)));
    bars.figure("billed by the ledger", &format!("${billed}"));
    bars.figure("bound that the run states", &format!("${}", of(1)));
    bars.bar("endpoints billed outside", &outside.to_string(), "= 0", outside == 0);
    bars.bar("endpoints", &stated.len().to_string(), "= 8", stated.len() == 8);
    let within = of(0) <= billed && billed <= of(1);
    bars.bar("billed, of all", if within { "within" } else { "outside" }, "known … bound", within);
}

/// What was billed, by the key of the trial.
fn billed(lines: &[Value]) -> BTreeMap<String, Usd> {
    let mut by_trial = BTreeMap::<String, Usd>::new();
    for line in lines {
        // `<trial key>-<repeat>-<attempt>-<run>`.
        let id = line["id"].as_str().expect("an id");
        let key = id.split('-').next().expect("a first part").to_owned();
        let billed = usd(line["billed_usd"].as_str().expect("dollars"));
        *by_trial.entry(key).or_default() += billed;
    }
    by_trial
}

fn usd(text: &str) -> Usd {
    text.parse().expect("a decimal")
}
