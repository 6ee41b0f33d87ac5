//! Whatever happens to a run, its books agree: random plans, faults, kills and clocks, in virtual
//! time.
//!
//! ```sh
//! cargo bench --bench simulation               # 2,000 seeds
//! cargo bench --bench simulation -- --quick    # 100
//! cargo bench --bench simulation -- --seed 17  # one, again, as a failing one says
//! ```
//!
//! Every seed draws a plan (4 to 40 tasks, 1 to 6 endpoints, 1 to 256 requests under way), up to
//! four of the thirty faults, and up to six kills: at a random moment everything that the process
//! had in memory is gone, a random while passes on the clock, and another session takes the run up
//! from its database alone. The simulator outlives them all; what it was asked stands in its ledger.
//!
//! Bars, over all seeds, each 0: trials without an ending; trials that were asked again although
//! they had one; requests in the ledger that the database knows nothing of; dollars billed outside
//! what the run states (its known cost, and with the bounds of what is in doubt at most); seeds
//! that came out otherwise when played again (every twentieth is).

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use support::plans::{Stored, below, picked, tasks};
use support::{Bars, folder, grouped};
use tokio_util::sync::CancellationToken;
use weighbridge::catalog::Endpoint;
use weighbridge::client::AttemptLimits;
use weighbridge::dispatch::{
    BreakerPolicy, Budget, Budgets, Caller, EndpointClient, Keys, RetryPolicy, Trials,
};
use weighbridge::plan::Plan;
use weighbridge::run::{PlanProgress, Progress, Signals, run_trials, suites};
use weighbridge::sim::{
    AnswerKey, FaultKind, FaultRate, Faults, Fleet, InProcess, Ledger, Simulator,
};
use weighbridge::store::{ExistingRun, Store, StoreMode, TrialProgress};
use weighbridge::units::{Clock, Draw, RunEnding, Seed, Usd, Validity, ValidityMark};

const SEEDS: u64 = 2_000;
const SEEDS_QUICK: u64 = 100;
const CONCURRENCY: [usize; 6] = [1, 2, 8, 32, 128, 256];
/// Faults that end by themselves or by a time-out.
const FAULTS: [FaultKind; 14] = [
    FaultKind::TooMany,
    FaultKind::Status500,
    FaultKind::Status503,
    FaultKind::ResetBeforeHead,
    FaultKind::ResetAfterHead,
    FaultKind::Cut,
    FaultKind::HangBeforeHead,
    FaultKind::HangBetweenTokens,
    FaultKind::MalformedJson,
    FaultKind::ErrorString,
    FaultKind::EmptyStream,
    FaultKind::NoDone,
    FaultKind::UsageMissing,
    FaultKind::Redirect,
];

/// What a seed came to.
#[derive(Clone, Debug, Default, PartialEq)]
struct Came {
    kills: u64,
    requests: u64,
    in_doubt: u64,
    /// What broke, in words; empty: nothing.
    broken: Vec<String>,
    /// Every trial's end, to tell whether a seed comes out the same again.
    ends: BTreeMap<String, (String, u32, u32)>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let alone = arguments.iter().skip_while(|a| *a != "--seed").nth(1);
    let alone: Option<u64> = alone.and_then(|seed| seed.parse().ok());
    let seeds: Vec<u64> = match alone {
        Some(seed) => vec![seed],
        None => (0..if quick { SEEDS_QUICK } else { SEEDS }).collect(),
    };
    let mut bars = Bars::always(&format!("{} seeds of faults, kills and clocks", seeds.len()));
    let (mut kills, mut requests, mut in_doubt, mut broken, mut other) = (0, 0, 0, 0, 0);
    for seed in seeds {
        let came = one(seed);
        kills += came.kills;
        requests += came.requests;
        in_doubt += came.in_doubt;
        for why in &came.broken {
            broken += 1;
            support::say(&format!(
                "   seed {seed}: {why}; again: cargo bench --bench simulation -- --seed {seed}"
            ));
        }
        if seed % 20 == 0 && one(seed) != came {
            other += 1;
            support::say(&format!("   seed {seed} comes out otherwise when it is played again"));
        }
    }
    bars.figure("kills", &grouped(kills));
    bars.figure("requests, by the ledger", &grouped(requests));
    bars.figure("requests left in doubt", &grouped(in_doubt));
    bars.bar("invariants that broke", &grouped(broken), "= 0", broken == 0);
    bars.bar("seeds that come out otherwise", &grouped(other), "= 0", other == 0);
    bars.end()
}

fn one(seed: u64) -> Came {
    let dir = folder();
    let mut draw = Seed(2).draw("simulation", &[&seed.to_string()]);
    let fleet = Fleet::embedded().clone();
    let endpoints = picked(&fleet, &mut draw);
    let repeats = if below(&mut draw, 4) == 0 { 2 } else { 1 };
    let plan = Plan::new(tasks(&mut draw), endpoints, repeats, Seed(seed)).expect("a plan");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(play(dir.path(), &plan, fleet, &mut draw))
}

async fn play(dir: &Path, plan: &Plan, fleet: Fleet, draw: &mut Draw) -> Came {
    let clock = Clock::virtual_time();
    let ledger_path = dir.join("ledger.jsonl");
    let ledger = Ledger::create(&ledger_path, clock.clone()).expect("a new file");
    let answer_key = AnswerKey::new(Arc::clone(&plan.tasks));
    let faults: Vec<FaultRate> = (0..below(draw, 5))
        .map(|_| FaultRate {
            kind: FAULTS[below(draw, FAULTS.len())],
            rate: 0.15 * draw.uniform() + 0.01,
        })
        .collect();
    let sim = Simulator::new(fleet, answer_key, plan.seed, clock.clone())
        .with_faults(Faults::new(&faults).unwrap_or_default())
        .with_ledger(ledger);
    let sim = Arc::new(sim);
    let at_once = CONCURRENCY[below(draw, CONCURRENCY.len())];
    let stored = Stored::of(plan, "simulation");
    let run = dir.join("run");
    let mut came = Came { kills: below(draw, 7) as u64, ..Came::default() };
    // Trials that had their ending when a session began, and how often they had been asked by then.
    let mut finished: BTreeMap<String, u32> = BTreeMap::new();
    for session in 0..=came.kills {
        let (store, standing) = if session == 0 {
            let fresh =
                |t: &weighbridge::plan::Trial| TrialProgress::fresh(t.idx, t.ineligible.is_none());
            let trials = stored.trials.iter().cloned();
            let store = Store::create(&run, StoreMode::InlineIntents, stored.new_run(), trials);
            (store.expect("a new folder"), plan.trials.iter().map(fresh).collect())
        } else {
            // Nobody was there for a while.
            tokio::time::sleep(Duration::from_secs_f64(draw.uniform() * 900.0)).await;
            let earlier = ExistingRun::open(&run).expect("it reads").expect("a run");
            for trial in earlier.trials.iter().filter(|trial| trial.is_finished()) {
                finished.entry(trial.key.hex()).or_insert(trial.attempts);
            }
            let from_ns = clock.now().since(clock.anchor()).as_nanos();
            let from_ns = u64::try_from(from_ns).expect("days");
            let again =
                earlier.resume(StoreMode::InlineIntents, stored.new_run(), &stored.trials, from_ns);
            let again = again.expect("it goes on");
            (again.store, again.progress)
        };
        let trials = trials(plan, &sim, &clock, store);
        let progress = Progress::new(&vec![0; plan.endpoints.len()]);
        let (asked, signals) = (PlanProgress { plan, progress: &standing }, Signals::default());
        let slots = vec![at_once; plan.endpoints.len()];
        let lane = run_trials(asked, &trials, &slots, &progress, &signals, None);
        if session < came.kills {
            // Short of the usual length of such a run as often as beyond it.
            let until = Duration::from_secs_f64(0.05 + 30.0 * draw.uniform() * draw.uniform());
            // A kill: whatever is under way is dropped where it stands.
            let _ = tokio::time::timeout(until, lane).await;
        } else if let Err(error) = lane.await {
            came.broken.push(format!("the last session failed: {error}"));
        } else {
            let ended = trials.store.clone().finish(ended()).await;
            ended.expect("it ends in good order");
        }
    }
    check(&run, &ledger_path, &sim, &finished, &mut came);
    came
}

fn ended() -> RunEnding {
    let validity = Validity {
        mark: ValidityMark::Virtual,
        reasons: Vec::new(),
        lag_p99_us: None,
        io_cpu_peak: None,
    };
    RunEnding {
        complete: true,
        why: None,
        validity,
        duration_ns: 0,
        waited_ns: 0,
        paced: Vec::new(),
        unknown_events: BTreeMap::new(),
        notes: Vec::new(),
        usage_faults: BTreeMap::new(),
    }
}

fn trials(
    plan: &Plan,
    sim: &Arc<Simulator>,
    clock: &Clock,
    store: Store,
) -> Arc<Trials<InProcess>> {
    // Given up, an endpoint would leave trials open, which is no failing of the books.
    let breaker = BreakerPolicy { failures: 0, ..BreakerPolicy::default() };
    let lane = |endpoint: &Endpoint| {
        EndpointClient::new(endpoint.clone(), &Keys::new(), breaker).expect("no key")
    };
    let none = || Budget::new(None);
    Arc::new(Trials {
        caller: Caller {
            transport: InProcess::new(Arc::clone(sim)),
            clock: clock.clone(),
            limits: AttemptLimits::default(),
            abort: CancellationToken::new(),
        },
        store,
        tasks_to_grade: None,
        seed: plan.seed,
        endpoints: plan.endpoints.iter().map(lane).collect(),
        budgets: Budgets {
            run: none(),
            month: none(),
            endpoints: plan.endpoints.iter().map(|_| none()).collect(),
            suites: suites(plan).iter().map(|_| none()).collect(),
        },
        retry: RetryPolicy::default(),
        since_start: Duration::ZERO,
        run: "simulation".to_owned(),
        held: tokio::sync::Notify::new(),
        drain: CancellationToken::new(),
    })
}

/// Holds the run database against the ledger.
fn check(
    run: &Path,
    ledger: &Path,
    sim: &Simulator,
    finished: &BTreeMap<String, u32>,
    came: &mut Came,
) {
    let earlier = ExistingRun::open(run).expect("it reads").expect("a run");
    sim.ledger().expect("kept").finish().expect("written");
    let text = std::fs::read_to_string(ledger).expect("a ledger");
    let (mut asked, mut billed) = (BTreeMap::<String, u32>::new(), Usd::ZERO);
    for line in text.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let id = entry["id"].as_str().expect("text");
        *asked.entry(id.split('-').next().unwrap_or(id).to_owned()).or_default() += 1;
        billed += entry["billed_usd"].as_str().expect("text").parse::<Usd>().expect("dollars");
        came.requests += 1;
    }
    for trial in &earlier.trials {
        let key = trial.key.hex();
        let requests = asked.remove(&key[..32]).unwrap_or(0);
        came.in_doubt += u64::from(trial.in_doubt());
        if !trial.is_finished() {
            came.broken.push(format!("trial {key} has no ending: {:?}", trial.status));
        }
        if requests > trial.attempts {
            came.broken.push(format!(
                "trial {key} was asked {requests} times, of which {} are on the disk",
                trial.attempts
            ));
        }
        if requests < trial.ended {
            came.broken.push(format!("trial {key}: {} ended, {requests} came", trial.ended));
        }
        if finished.get(&key).is_some_and(|before| *before != trial.attempts) {
            came.broken.push(format!("trial {key} had its ending and was asked again"));
        }
        came.ends.insert(key, (format!("{:?}", trial.status), trial.attempts, trial.ended));
    }
    if let Some(unknown) = asked.keys().next() {
        came.broken.push(format!("{unknown} was asked and is not in the database"));
    }
    drop(earlier);
    let metrics = weighbridge::aggregate::compute_metrics(run).expect("figures");
    if metrics.counts.ok + metrics.counts.failed + metrics.counts.ineligible
        != metrics.counts.planned
    {
        came.broken.push(format!("counts do not add up: {:?}", metrics.counts));
    }
    if billed < metrics.cost || billed > metrics.cost_upper {
        came.broken.push(format!(
            "${billed} billed, and the run states ${} to ${}",
            metrics.cost, metrics.cost_upper
        ));
    }
}
