//! A cap is a cap: random plans in virtual time, each with a budget that holds a part of it.
//!
//! ```sh
//! cargo bench --bench budget              # 500 plans
//! cargo bench --bench budget -- --quick   # 50
//! ```
//!
//! Every plan is drawn from a seed: 4 to 40 tasks, 1 to 6 endpoints of the simulated fleet, the unreliable ones
//! among them, random prices over four orders of magnitude, injected faults in half of the plans, 1 to 256 requests
//! under way at once, and a cap anywhere between one trial's worst case and more than all of them. What was billed
//! stands in the simulator's ledger, which knows nothing of the client.
//!
//! Bars:
//! - dollars billed above the cap, over all plans: 0;
//! - plans that ended for their budget with at least one trial's bound unspent: 0;
//! - a third of the plans and more did end for their budget, so that it was a test.

mod support;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use support::plans::{Stored, below, picked, tasks};
use support::{Bars, folder, grouped};
use tokio_util::sync::CancellationToken;
use weighbridge::catalog::{Endpoint, Price, Rates};
use weighbridge::client::AttemptLimits;
use weighbridge::dispatch::{
    BreakerPolicy, Budget, Budgets, Caller, EndpointClient, Keys, RetryPolicy, Trials,
};
use weighbridge::plan::Plan;
use weighbridge::run::{PlanProgress, Progress, RunEnd, Signals, max_cost, run_trials, suites};
use weighbridge::sim::{
    AnswerKey, FaultKind, FaultRate, Faults, Fleet, InProcess, Ledger, Simulator,
};
use weighbridge::store::{Store, StoreMode, TrialProgress};
use weighbridge::units::{Clock, Draw, Seed, Usd};

const PLANS: u64 = 500;
const PLANS_QUICK: u64 = 50;
const CONCURRENCY: [usize; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/// What one plan came to.
struct Came {
    end: RunEnd,
    billed: Usd,
    cap: Usd,
    unspent: Usd,
    bound: Usd,
    requests: u64,
}

fn main() -> ExitCode {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let plans = if quick { PLANS_QUICK } else { PLANS };
    let mut bars = Bars::always(&format!("budgets of {plans} random plans"));
    let (mut over, mut overspent, mut wasteful, mut short, mut requests) = (Usd::ZERO, 0, 0, 0, 0);
    for number in 0..plans {
        let came = one_plan(number);
        requests += came.requests;
        if came.billed > came.cap {
            over += came.billed - came.cap;
            overspent += 1;
            support::say(&format!("   plan {number}: ${} of ${}", came.billed, came.cap));
        }
        if !came.end.complete {
            short += 1;
            if came.unspent >= came.bound {
                wasteful += 1;
                support::say(&format!(
                    "   plan {number}: ${} unspent, a trial is at most ${}; {:?}",
                    came.unspent, came.bound, came.end.why
                ));
            }
        }
    }
    bars.figure("requests billed", &grouped(requests));
    let bar = format!("≥ {}", plans / 3);
    bars.bar("plans that ended for their budget", &grouped(short), &bar, short >= plans / 3);
    bars.bar("plans that overspent", &grouped(overspent), "= 0", overspent == 0);
    bars.bar("overspend by the ledger", &format!("${over}"), "= $0", over == Usd::ZERO);
    bars.bar("with a trial's bound unspent", &grouped(wasteful), "= 0", wasteful == 0);
    bars.end()
}

fn one_plan(number: u64) -> Came {
    let dir = folder();
    let mut draw = Seed(1).draw("budget plan", &[&number.to_string()]);
    let fleet = priced(&mut draw);
    let endpoints = picked(&fleet, &mut draw);
    let (tasks, seed) = (tasks(&mut draw), Seed(number));
    let plan = Plan::new(tasks, endpoints, 1, seed).expect("a plan");
    let at_once = CONCURRENCY[below(&mut draw, CONCURRENCY.len())];
    let (_, bound) = max_cost(&plan).expect("all are bounded").expect("none is free");
    let all = bound.times(plan.trials.len() as u64);
    // Most caps hold a small part: a worst case is far above what an answer costs.
    let part = draw.uniform() * draw.uniform() * draw.uniform() * 0.2;
    let cap = bound + all.times(millionths(part)).per(1_000_000).expect("not zero");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(asked(dir.path(), &plan, fleet, at_once, cap, bound))
}

async fn asked(
    dir: &Path,
    plan: &Plan,
    fleet: Fleet,
    at_once: usize,
    cap: Usd,
    bound: Usd,
) -> Came {
    let clock = Clock::virtual_time();
    let path = dir.join("ledger.jsonl");
    let ledger = Ledger::create(&path, clock.clone()).expect("a new file");
    let mut sim =
        Simulator::new(fleet, AnswerKey::new(Arc::clone(&plan.tasks)), plan.seed, clock.clone());
    if plan.seed.0.is_multiple_of(2) {
        let kinds = [FaultKind::Cut, FaultKind::Status500, FaultKind::UsageMissing];
        let faults = kinds.map(|kind| FaultRate { kind, rate: 0.1 });
        sim = sim.with_faults(Faults::new(&faults).expect("three tenths"));
    }
    let sim = Arc::new(sim.with_ledger(ledger));
    let lane = |endpoint: &Endpoint| {
        EndpointClient::new(endpoint.clone(), &Keys::new(), BreakerPolicy::default())
            .expect("no key")
    };
    let none = |_: &Endpoint| Budget::new(None);
    let (store, standing) = store(&dir.join("run"), plan);
    let trials = Arc::new(Trials {
        caller: Caller {
            transport: InProcess::new(Arc::clone(&sim)),
            clock,
            limits: AttemptLimits::default(),
            abort: CancellationToken::new(),
        },
        store,
        tasks_to_grade: None,
        seed: plan.seed,
        endpoints: plan.endpoints.iter().map(lane).collect(),
        budgets: Budgets {
            run: Budget::new(Some(cap)),
            month: Budget::new(None),
            endpoints: plan.endpoints.iter().map(none).collect(),
            suites: suites(plan).iter().map(|_| Budget::new(None)).collect(),
        },
        retry: RetryPolicy::default(),
        since_start: Duration::ZERO,
        run: "budget".to_owned(),
        held: tokio::sync::Notify::new(),
        drain: CancellationToken::new(),
    });
    let progress = Progress::new(&vec![0; plan.endpoints.len()]);
    let at_once = vec![at_once; plan.endpoints.len()];
    let asked = PlanProgress { plan, progress: &standing };
    let signals = Signals::default();
    let end =
        run_trials(asked, &trials, &at_once, &progress, &signals, None).await.expect("it ends");
    let spent = trials.budgets.run.spent();
    drop(trials);
    sim.ledger().expect("kept").finish().expect("written");
    let text = std::fs::read_to_string(&path).expect("a ledger");
    let billed = |line: &str| -> Usd {
        let entry: serde_json::Value = serde_json::from_str(line).expect("JSON");
        entry["billed_usd"].as_str().expect("text").parse().expect("dollars")
    };
    Came {
        end,
        billed: text.lines().map(billed).sum(),
        cap,
        unspent: if spent > cap { Usd::ZERO } else { cap - spent },
        bound,
        requests: text.lines().count() as u64,
    }
}

/// The fleet at random prices.
fn priced(draw: &mut Draw) -> Fleet {
    let mut fleet = Fleet::embedded().clone();
    for profile in &mut fleet.profiles {
        // 0.01 to 100 dollars a million tokens.
        let mut usd = || -> Usd {
            let micros = 10_f64.powf(4.0 * draw.uniform() - 2.0);
            Usd::per_million(&format!("{micros:.6}")).expect("a decimal")
        };
        profile.price = Price::Rates(Rates { input: usd(), output: usd(), ..Rates::default() });
    }
    fleet
}

/// A share as millionths.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1")]
fn millionths(share: f64) -> u64 {
    (share * 1e6) as u64
}

fn store(dir: &Path, plan: &Plan) -> (Store, Vec<TrialProgress>) {
    let stored = Stored::of(plan, "budget");
    let standing =
        plan.trials.iter().map(|t| TrialProgress::fresh(t.idx, t.ineligible.is_none())).collect();
    let trials = stored.trials.iter().cloned();
    let store = Store::create(dir, StoreMode::Inline, stored.new_run(), trials);
    (store.expect("a new folder"), standing)
}
