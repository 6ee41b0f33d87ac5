//! Every trial, every pass and every cent against the simulator's own ledger.
//!
//! ```sh
//! cargo bench --bench ledger
//! ```
//!
//! The whole of GSM8K (1,319 problems) × 3 endpoints of a fleet that `weighbridge sim` serves as a
//! process of its own, over HTTP, at `--concurrency 64`. Two of the endpoints fail now and then (one
//! with errors of the server, one by rate limits), so that retries are in it. The ledger is what the
//! simulator meant, wrote and billed on its side of the socket, and knows nothing of the client.
//! About a minute; needs `suites/gsm8k_test.jsonl` in `../shared/data` or where the environment
//! variable `WEIGHBRIDGE_SHARED_DATA` says, and skips loudly without it.
//!
//! Bars:
//! - ok + failed + ineligible + skipped + in doubt = planned;
//! - the passes graded equal the passes intended, trial by trial (of a trial that was tried again,
//!   the last attempt's);
//! - `cost_usd` equals what was billed to the last digit, trial by trial and in sum;
//! - at least 64 requests were under way at once, and some were retries, so that it was a test.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use serde_json::Value;
use support::{Bars, Row, Sim, csv, finished, folder, grouped, shared_data, weighbridge};
use weighbridge::units::Usd;

const ENDPOINTS: [&str; 3] = ["birch/flash@bluff", "delta/dense@dune", "elm/moe@fjord"];
const MAP: &str = "prompt=question,reference=answer";
/// The states of a trial, as trials.csv names them.
const STATES: [&str; 5] = ["ok", "failed", "ineligible", "skipped", "in_doubt"];

fn main() -> ExitCode {
    let Some(mut bars) = Bars::start("GSM8K × 3 endpoints against the ledger") else {
        return ExitCode::SUCCESS;
    };
    let Some(suite) = shared_data("suites/gsm8k_test.jsonl") else { return ExitCode::SUCCESS };
    let text = std::fs::read_to_string(&suite).expect("UTF-8");
    let tasks = text.lines().filter(|line| !line.trim().is_empty()).count();
    let suite = suite.canonicalize().expect("it is there").display().to_string();

    let dir = folder();
    let sim = Sim::start(dir.path(), &["--answers", &suite, "--map", MAP]);
    let mut run = weighbridge(dir.path());
    run.args(["run", "--suite", &suite, "--map", MAP, "--catalog", Sim::CATALOG]);
    run.args(["--concurrency", "64", "--yes", "--out", "run"]);
    for endpoint in ENDPOINTS {
        run.args(["--endpoint", endpoint]);
    }
    // 13: the machine was too busy for the latencies to be valid; neither passes nor cents are.
    finished(&mut run, &[0, 13]);
    let ledger = Ledger::of(&sim.ledger());
    let trials: Vec<Row> = csv(&dir.path().join("run/trials.csv")).collect();
    judge(&mut bars, tasks * ENDPOINTS.len(), &trials, &ledger);
    bars.end()
}

fn judge(bars: &mut Bars, planned: usize, trials: &[Row], ledger: &Ledger) {
    let counts = STATES.map(|state| trials.iter().filter(|t| t["status"] == state).count());
    let shown: Vec<String> =
        STATES.iter().zip(counts).map(|(state, n)| format!("{n} {state}")).collect();
    bars.figure("trials", &shown.join(" + "));
    let sum: usize = counts.iter().sum();
    let conserved = sum == planned && trials.len() == planned;
    bars.bar("their sum", &count(sum), &format!("= {} planned", count(planned)), conserved);

    let attempts: usize = trials.iter().map(|t| number(&t["attempts"])).sum();
    let requests: usize = ledger.trials.values().map(Vec::len).sum();
    let known: BTreeSet<&str> = trials.iter().map(|trial| trial["trial"].as_str()).collect();
    let unknown = ledger.trials.keys().filter(|key| !known.contains(key.as_str())).count();
    let strangers = unknown + ledger.unread;
    let equal = attempts == requests && strangers == 0;
    bars.bar("attempts", &count(attempts), &format!("= {} in the ledger", count(requests)), equal);

    let retried = trials.iter().filter(|t| number(&t["attempts"]) > 1).count();
    bars.bar("trials tried again", &count(retried), "> 0", retried > 0);
    bars.bar("requests at once, at most", &count(ledger.at_once), "≥ 64", ledger.at_once >= 64);

    let (graded, intended, apart) = passes(trials, ledger);
    let bar = format!("= {} intended", count(intended));
    bars.bar("passes graded", &count(graded), &bar, graded == intended);
    bars.bar("trials graded otherwise", &count(apart), "= 0", apart == 0);

    let (cost, billed, apart) = costs(trials, ledger);
    bars.bar("Σ cost_usd", &format!("${cost}"), &format!("= ${billed} billed"), cost == billed);
    bars.bar("trials that cost otherwise", &count(apart), "= 0", apart == 0);
}

/// Passes graded, passes intended, and trials on which the two differ: each trial's score against
/// what its last attempt meant to be, unscored against nothing meant.
fn passes(trials: &[Row], ledger: &Ledger) -> (usize, usize, usize) {
    let (mut graded, mut intended, mut apart) = (0, 0, 0);
    for trial in trials {
        let score = match trial["score"].as_str() {
            "" => None,
            "1" => Some(true),
            "0" => Some(false),
            other => panic!("a score of {other:?} where all is right or wrong"),
        };
        let last = ledger.of_trial(trial).iter().max_by_key(|entry| entry.attempt);
        let meant = last.and_then(|entry| entry.intended_pass);
        graded += usize::from(score == Some(true));
        intended += usize::from(meant == Some(true));
        apart += usize::from(score != meant);
    }
    (graded, intended, apart)
}

/// What the trials cost, what was billed for all requests, and trials on which the two differ.
fn costs(trials: &[Row], ledger: &Ledger) -> (Usd, Usd, usize) {
    let (mut cost, mut apart) = (Usd::ZERO, 0);
    for trial in trials {
        let known: Option<Usd> = trial["cost_usd"].parse().ok();
        let billed: Usd = ledger.of_trial(trial).iter().map(|entry| entry.billed).sum();
        cost += known.unwrap_or_default();
        apart += usize::from(known != Some(billed));
    }
    let billed = ledger.trials.values().flatten().map(|entry| entry.billed).sum();
    (cost, billed, apart)
}

/// One request as the simulator saw it.
struct Entry {
    attempt: u32,
    endpoint: String,
    intended_pass: Option<bool>,
    billed: Usd,
}

/// The ledger by trial.
struct Ledger {
    trials: BTreeMap<String, Vec<Entry>>,
    /// Lines whose id is not that of a trial's attempt.
    unread: usize,
    at_once: usize,
}

impl Ledger {
    fn of(lines: &[Value]) -> Self {
        let mut ledger = Self { trials: BTreeMap::new(), unread: 0, at_once: at_once(lines) };
        for line in lines {
            // `<trial key>-<repeat>-<attempt>-<run>`.
            let id = line["id"].as_str().expect("an id");
            let mut parts = id.split('-');
            let (key, _repeat) = (parts.next(), parts.next());
            let attempt = parts.next().and_then(|attempt| attempt.parse().ok());
            let (Some(key), Some(attempt)) = (key, attempt) else {
                ledger.unread += 1;
                continue;
            };
            let billed = line["billed_usd"].as_str().and_then(|usd| usd.parse().ok());
            ledger.trials.entry(key.to_owned()).or_default().push(Entry {
                attempt,
                endpoint: line["endpoint"].as_str().unwrap_or_default().to_owned(),
                intended_pass: line["intended_pass"].as_bool(),
                billed: billed.expect("dollars"),
            });
        }
        ledger
    }

    fn of_trial(&self, trial: &Row) -> &[Entry] {
        let entries = self.trials.get(&trial["trial"]).map_or([].as_slice(), Vec::as_slice);
        assert!(
            entries.iter().all(|entry| entry.endpoint == trial["endpoint"]),
            "{} was sent to another endpoint",
            trial["trial"]
        );
        entries
    }
}

/// The most requests that were read and not yet answered in full at one time.
fn at_once(lines: &[Value]) -> usize {
    let mut steps: Vec<(u64, i32)> = Vec::new();
    for line in lines {
        let read = line["read_ns"].as_u64();
        let last = line["writes_ns"].as_array().and_then(|writes| writes.last()?.as_u64());
        if let (Some(read), Some(last)) = (read, last) {
            steps.extend([(read, 1), (last, -1)]);
        }
    }
    steps.sort_unstable();
    let (mut now, mut most) = (0, 0);
    for (_, step) in steps {
        now += step;
        most = most.max(now);
    }
    usize::try_from(most).expect("not below zero")
}

fn number(cell: &str) -> usize {
    cell.parse().expect("a count")
}

fn count(n: usize) -> String {
    grouped(n as u64)
}
