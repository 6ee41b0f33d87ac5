//! The task lane: closed loop, endpoints interleaved, every trial once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use super::render;
use crate::client::Transport;
use crate::dispatch::{
    BudgetScope, Budgets, DispatchError, EndpointClient, TokenUse, TrialJob, TrialOutcome, Trials,
};
use crate::plan::{Plan, Trial, input_bound, output_bound};
use crate::store::{StoreError, TrialProgress};
use crate::units::{CacheMode, Stamp, Usd};

/// No endpoint runs more than this many blocks ahead of the slowest live one, so that drift over
/// the hour falls on all alike.
const BLOCKS_AHEAD: u32 = 4;

/// An endpoint that has requests under way and has ended none for this long is not waited for: a
/// hung one must not slow all others to its time-outs.
const SILENT: Duration = Duration::from_secs(15);

/// How often the lane looks whether an endpoint has fallen silent.
const LOOK: Duration = Duration::from_secs(1);

/// How a user stops a run.
#[derive(Clone, Debug, Default)]
pub struct Signals {
    /// Start nothing new; what is under way ends in its own time.
    pub drain: CancellationToken,
    /// Cut what is under way.
    pub abort: CancellationToken,
}

/// How the lane ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEnd {
    /// Whether every eligible trial was asked.
    pub complete: bool,
    /// Why not.
    pub why: Option<String>,
}

/// The run cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The run database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A trial's task panicked: our own bug.
    #[error("a trial broke: {0}")]
    Broken(String),
}

/// One endpoint's share of the plan.
struct Queue {
    /// Positions in the plan, in order.
    trials: Vec<u32>,
    next: usize,
    under_way: usize,
    at_once: usize,
    /// When a trial last ended here, or the first was started.
    heard: Stamp,
}

/// What is asked: a plan, and where each of its trials stands in the run database.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Where each trial stands, in the plan's order.
    pub standing: &'a [TrialProgress],
}

impl<'a> Asked<'a> {
    /// The trials that are still to be asked, in the plan's order.
    pub fn open(self) -> impl Iterator<Item = &'a Trial> {
        let both = self.plan.trials.iter().zip(self.standing);
        both.filter(|(trial, standing)| standing.open && trial.ineligible.is_none()).map(|b| b.0)
    }
}

/// The suites of a plan, in the order in which jobs name them.
#[must_use]
pub fn suites(plan: &Plan) -> Vec<&str> {
    let names: BTreeSet<&str> = plan.tasks.iter().map(|task| task.suite.as_str()).collect();
    names.into_iter().collect()
}

/// Asks every trial of the plan that is open; `at_once` says for each endpoint how many requests may be
/// under way.
///
/// # Errors
/// [`RunError`] when nothing more can be recorded. Failing trials are not errors.
pub async fn run_tasks<T: Transport>(
    asked: Asked<'_>,
    trials: &Arc<Trials<T>>,
    at_once: &[usize],
    progress: &Progress,
    signals: &Signals,
) -> Result<RunEnd, RunError> {
    let clock = &trials.caller.clock;
    let plan = asked.plan;
    let mut queues = queues(asked, at_once, clock.now());
    let suites: BTreeMap<&str, usize> = suites(plan).into_iter().zip(0..).collect();
    let suite_of = |idx: u32| suites[plan.task(&plan.trials[idx as usize]).suite.as_str()];
    let mut closed_suites = Vec::new();
    let mut under_way: JoinSet<(usize, Result<TrialOutcome, DispatchError>)> = JoinSet::new();
    let mut exhausted = None;
    let mut unasked = 0;
    let mut look = clock.now().after(LOOK);
    loop {
        if exhausted.is_none() && !signals.drain.is_cancelled() && !signals.abort.is_cancelled() {
            let job = |idx: u32, lane| {
                let trial = &plan.trials[idx as usize];
                let standing = asked.standing[idx as usize];
                let job = job(plan, trial, lane);
                let TrialProgress { stored, attempts, ended, primed, .. } = standing;
                TrialJob { trial: stored, suite: suite_of(idx), attempts, ended, primed, ..job }
            };
            start(plan, trials, &mut queues, &mut under_way, job);
        }
        let (lane, ended) = tokio::select! {
            joined = under_way.join_next() => match joined {
                None => break,
                Some(Ok(ended)) => ended,
                Some(Err(error)) => return Err(RunError::Broken(error.to_string())),
            },
            // Wakes the lane so that it stops starting trials; then it waits for the rest.
            () = signals.drain.cancelled(), if !signals.drain.is_cancelled() => continue,
            () = trials.held.notified() => continue,
            () = clock.sleep_until(look) => {
                look = clock.now().after(LOOK);
                continue;
            }
        };
        queues[lane].under_way -= 1;
        queues[lane].heard = clock.now();
        match ended {
            Ok(done) => progress.note(&done),
            Err(DispatchError::Budget(BudgetScope::Suite { suite })) => {
                unasked += 1 + leave_out(&mut queues, |idx| suite_of(idx) == suite);
                closed_suites.push(suite);
            }
            Err(DispatchError::Budget(purse)) => {
                exhausted = Some(purse);
                unasked += 1;
            }
            Err(DispatchError::Interrupted | DispatchError::Closed) => unasked += 1,
            Err(DispatchError::Store(error)) => {
                under_way.shutdown().await;
                return Err(error.into());
            }
        }
    }
    let left: usize = queues.iter().map(|queue| queue.trials.len() - queue.next).sum();
    let lanes = trials.endpoints.iter().filter_map(EndpointClient::closed).map(str::to_owned);
    closed_suites.sort_unstable();
    closed_suites.dedup();
    let names: Vec<&str> = suites.into_keys().collect();
    let suites = closed_suites.into_iter().map(|suite| {
        let limit = trials.budgets.suites[suite].limit().unwrap_or_default();
        format!("the budget of ${limit} for {} allows no further trial", names[suite])
    });
    let closed = lanes.chain(suites).collect::<Vec<_>>().join("; ");
    Ok(end(left + unasked, exhausted, &trials.budgets, &closed, signals))
}

/// Takes what is not yet begun out of the queues, and says how much it was.
fn leave_out(queues: &mut [Queue], out: impl Fn(u32) -> bool) -> usize {
    let mut left_out = 0;
    for queue in queues {
        let rest = queue.trials.split_off(queue.next);
        let before = rest.len();
        queue.trials.extend(rest.into_iter().filter(|idx| !out(*idx)));
        left_out += before - (queue.trials.len() - queue.next);
    }
    left_out
}

fn end(
    left: usize,
    exhausted: Option<BudgetScope>,
    budgets: &Budgets,
    closed: &str,
    signals: &Signals,
) -> RunEnd {
    let why = if let Some(more) = budgets.run.passed_by() {
        // The cap is on the worst case of what was asked; what a provider states is its own.
        Some(format!(
            "the budget was passed by ${}: a provider stated more tokens than it was allowed; {} \
             left out",
            more.to_fixed(4),
            plural(left)
        ))
    } else if exhausted == Some(BudgetScope::Month) {
        let limit = budgets.month.limit().unwrap_or_default();
        Some(format!("[spend] per_month = \"{limit}\" is used up; {} left out", plural(left)))
    } else if exhausted.is_some() {
        Some(format!("the budget allows no further trial; {} left out", plural(left)))
    } else if !closed.is_empty() && left > 0 {
        Some(format!("{closed}; {} left out", plural(left)))
    } else if signals.abort.is_cancelled() {
        Some(format!(
            "interrupted twice; what was under way is in doubt, {} not asked",
            plural(left)
        ))
    } else if signals.drain.is_cancelled() && left > 0 {
        Some(format!("interrupted; {} not asked", plural(left)))
    } else {
        None
    };
    RunEnd { complete: why.is_none(), why }
}

fn plural(trials: usize) -> String {
    if trials == 1 { "1 trial".to_owned() } else { format!("{trials} trials") }
}

fn queues(asked: Asked<'_>, at_once: &[usize], now: Stamp) -> Vec<Queue> {
    let mut queues: Vec<Queue> = at_once
        .iter()
        .map(|&at_once| Queue { trials: Vec::new(), next: 0, under_way: 0, at_once, heard: now })
        .collect();
    for trial in asked.open() {
        queues[trial.endpoint as usize].trials.push(trial.idx);
    }
    queues
}

/// Starts every trial that may start now.
fn start<T: Transport>(
    plan: &Plan,
    trials: &Arc<Trials<T>>,
    queues: &mut [Queue],
    under_way: &mut JoinSet<(usize, Result<TrialOutcome, DispatchError>)>,
    job: impl Fn(u32, usize) -> TrialJob,
) {
    let now = trials.caller.clock.now();
    let block =
        |queue: &Queue| queue.trials.get(queue.next).map(|&i| plan.trials[i as usize].block);
    let live = |lane: usize, queue: &Queue| {
        let silent = queue.under_way > 0 && now.since(queue.heard) > SILENT;
        let lane = &trials.endpoints[lane];
        !silent && !lane.is_held(now) && lane.closed().is_none()
    };
    let slowest = queues
        .iter()
        .enumerate()
        .filter(|(lane, queue)| live(*lane, queue))
        .filter_map(|(_, queue)| block(queue))
        .min()
        .or_else(|| queues.iter().filter_map(block).min());
    let Some(slowest) = slowest else { return };
    let most = slowest.saturating_add(BLOCKS_AHEAD);
    // In the plan's order, whichever endpoint is next in it: where a budget or a limit lets only
    // some through, what was asked is balanced over endpoints.
    while let Some((lane, idx)) = next(plan, trials, queues, most) {
        let job = job(idx, lane);
        let trials = Arc::clone(trials);
        under_way.spawn(async move { (lane, trials.ask(job).await) });
        let queue = &mut queues[lane];
        if queue.under_way == 0 {
            queue.heard = now;
        }
        queue.next += 1;
        queue.under_way += 1;
    }
}

/// The first trial in the plan's order that may start now: its endpoint has a free place, is not
/// closed, and is not too far ahead.
fn next<T: Transport>(
    plan: &Plan,
    trials: &Trials<T>,
    queues: &[Queue],
    most_block: u32,
) -> Option<(usize, u32)> {
    let open = |(lane, queue): (usize, &Queue)| {
        let idx = *queue.trials.get(queue.next)?;
        let free = queue.under_way < queue.at_once && trials.endpoints[lane].closed().is_none();
        (free && plan.trials[idx as usize].block <= most_block).then_some((lane, idx))
    };
    queues.iter().enumerate().filter_map(open).min_by_key(|(_, idx)| *idx)
}

fn job(plan: &Plan, trial: &Trial, lane: usize) -> TrialJob {
    let task = &plan.tasks[trial.task as usize];
    let endpoint = &plan.endpoints[lane];
    let max_tokens = output_bound(task, endpoint);
    let body = render::body(task, endpoint, max_tokens, plan.cache);
    let messages = task.messages.len() + usize::from(endpoint.system.is_some());
    let input = input_bound(body.bytes.len(), messages);
    TrialJob {
        trial: trial.idx,
        task: trial.task,
        key: trial.key,
        repeat: trial.repeat,
        endpoint: lane,
        suite: 0,
        attempts: 0,
        ended: 0,
        primed: 0,
        bound: max_tokens.and_then(|output| endpoint.max_cost(input, output)),
        // A quarter of the bytes is what English text comes to in most vocabularies.
        prime: plan.cache == CacheMode::Warm,
        token_use: TokenUse {
            input: body.bytes.len() as u64 / 4,
            output: max_tokens.unwrap_or(0).min(1024),
        },
        body,
    }
}

/// The dearest worst case of any trial, and its position; `None`: every trial is free. Without a
/// bound (an unknown price, nothing that limits the answer) the trial itself is the error.
///
/// # Errors
/// The first trial that no budget can hold.
pub fn dearest(plan: &Plan) -> Result<Option<(u32, Usd)>, u32> {
    let mut dearest = None;
    for trial in plan.trials.iter().filter(|t| t.ineligible.is_none() && t.repeat == 0) {
        let bound = job(plan, trial, trial.endpoint as usize).bound.ok_or(trial.idx)?;
        if bound > dearest.map_or(Usd::ZERO, |(_, most)| most) {
            dearest = Some((trial.idx, bound));
        }
    }
    Ok(dearest)
}
