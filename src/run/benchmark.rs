//! A benchmark run: a closed loop over the plan's trials, endpoints interleaved, each trial once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use super::render;
use super::spend_watch::{SpendCheck, SpendWatch};
use crate::client::Transport;
use crate::dispatch::{
    BudgetScope, Budgets, DispatchError, EndpointClient, TokenUse, TrialJob, TrialOutcome, Trials,
};
use crate::plan::{Plan, Trial, input_bound, output_bound};
use crate::store::{StoreError, TrialProgress};
use crate::units::{CacheMode, Stamp, Usd};
use crate::wire::ErrorClass;

/// No endpoint runs more than this many blocks ahead of the slowest live one, so that drift over
/// time affects all endpoints alike.
const MAX_BLOCKS_AHEAD: u32 = 4;

/// An endpoint with requests in flight of which none ended for this long is not waited for: one that
/// hangs must not slow all others down to its time-outs.
const SILENT: Duration = Duration::from_secs(15);

/// How often endpoints are checked for silence.
const SILENCE_CHECK: Duration = Duration::from_secs(1);

/// How a user stops a run.
#[derive(Clone, Debug, Default)]
pub struct Signals {
    /// Cancelled: no new request is sent; those in flight end normally.
    pub drain: CancellationToken,
    /// Cancelled: requests in flight are cut off.
    pub abort: CancellationToken,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEnd {
    /// Whether every eligible trial was dispatched.
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
    /// A trial's task panicked.
    #[error("a trial broke: {0}")]
    Broken(String),
}

/// One endpoint's trials.
struct Queue {
    /// Positions in the plan, in order.
    trials: Vec<u32>,
    next: usize,
    in_flight: usize,
    at_once: usize,
    /// When a trial last ended here, or the first was started.
    last_end: Stamp,
}

/// A plan, and how far its trials are in the run database.
#[derive(Clone, Copy, Debug)]
pub struct PlanProgress<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// How far each trial is, in the plan's order.
    pub progress: &'a [TrialProgress],
}

impl<'a> PlanProgress<'a> {
    /// The trials without an end, in the plan's order.
    pub fn open(self) -> impl Iterator<Item = &'a Trial> {
        let both = self.plan.trials.iter().zip(self.progress);
        both.filter(|(trial, progress)| progress.open && trial.ineligible.is_none()).map(|b| b.0)
    }
}

/// The suites of a plan, in the order of [`TrialJob::suite`].
#[must_use]
pub fn suites(plan: &Plan) -> Vec<&str> {
    let names: BTreeSet<&str> = plan.tasks.iter().map(|task| task.suite.as_str()).collect();
    names.into_iter().collect()
}

/// Asks every open trial of the plan; `at_once` is the most requests in flight for each endpoint,
/// `watch` what the run was expected to cost.
///
/// # Errors
/// [`RunError`] when nothing more can be recorded. Failing trials are not errors.
pub async fn run_trials<T: Transport>(
    todo: PlanProgress<'_>,
    trials: &Arc<Trials<T>>,
    at_once: &[usize],
    progress: &Progress,
    signals: &Signals,
    watch: Option<SpendWatch<'_>>,
) -> Result<RunEnd, RunError> {
    let clock = &trials.caller.clock;
    let plan = todo.plan;
    let mut queues = queues(todo, at_once, clock.now());
    let suites: BTreeMap<&str, usize> = suites(plan).into_iter().zip(0..).collect();
    let suite_of = |idx: u32| suites[plan.task(&plan.trials[idx as usize]).suite.as_str()];
    let mut closed_suites = Vec::new();
    let mut in_flight: JoinSet<(usize, Result<TrialOutcome, DispatchError>)> = JoinSet::new();
    let mut exhausted = None;
    let mut not_asked = 0;
    let mut check = clock.now().after(SILENCE_CHECK);
    let mut spend = SpendCheck::new(watch, progress);
    loop {
        if exhausted.is_none()
            && !spend.is_halted()
            && !signals.drain.is_cancelled()
            && !signals.abort.is_cancelled()
        {
            let job = |idx: u32, endpoint| {
                let trial = &plan.trials[idx as usize];
                let progress = todo.progress[idx as usize];
                let job = job(plan, trial, endpoint);
                let TrialProgress { stored, attempts, ended, primed, uncounted, .. } = progress;
                let (trial, suite, cache_warmups) = (stored, suite_of(idx), primed);
                TrialJob { trial, suite, attempts, ended, cache_warmups, uncounted, ..job }
            };
            start(plan, trials, &mut queues, &mut in_flight, job);
        }
        let (endpoint, ended) = tokio::select! {
            joined = in_flight.join_next() => match joined {
                None => {
                    let is_open = queues.iter().any(|queue| queue.next < queue.trials.len());
                    if is_open && !signals.drain.is_cancelled() && spend.goes_on() {
                        continue;
                    }
                    break;
                }
                Some(Ok(ended)) => ended,
                Some(Err(error)) => return Err(RunError::Broken(error.to_string())),
            },
            // Wakes the loop so that it starts no more trials; then it waits for the rest.
            () = signals.drain.cancelled(), if !signals.drain.is_cancelled() => continue,
            () = trials.held.notified() => continue,
            () = clock.sleep_until(check) => {
                check = clock.now().after(SILENCE_CHECK);
                if let Err(error) = trials.store.check_place() {
                    in_flight.shutdown().await;
                    return Err(error.into());
                }
                give_up_unreachable(trials, &queues);
                continue;
            }
        };
        queues[endpoint].in_flight -= 1;
        queues[endpoint].last_end = clock.now();
        match ended {
            Ok(done) => {
                progress.note(&done);
                spend.look(progress);
            }
            Err(DispatchError::Budget(BudgetScope::Suite { suite })) => {
                not_asked += 1 + remove(&mut queues, |idx| suite_of(idx) == suite);
                closed_suites.push(suite);
            }
            Err(DispatchError::Budget(purse)) => {
                exhausted = Some(purse);
                not_asked += 1;
            }
            Err(DispatchError::Interrupted | DispatchError::Closed) => not_asked += 1,
            Err(DispatchError::Store(error)) => {
                in_flight.shutdown().await;
                return Err(error.into());
            }
        }
    }
    let left: usize = queues.iter().map(|queue| queue.trials.len() - queue.next).sum();
    let endpoints = trials.endpoints.iter().filter_map(EndpointClient::given_up);
    let mut endpoints: Vec<String> = endpoints.map(|given_up| given_up.why.clone()).collect();
    // Endpoints of one provider may have one reason.
    endpoints.dedup();
    closed_suites.sort_unstable();
    closed_suites.dedup();
    let names: Vec<&str> = suites.into_keys().collect();
    let suites = closed_suites.into_iter().map(|suite| {
        let limit = trials.budgets.suites[suite].limit().unwrap_or_default();
        format!("the budget of ${limit} for {} allows no further trial", names[suite])
    });
    let closed = Closed {
        why: endpoints.into_iter().chain(suites).collect::<Vec<_>>().join("; "),
        has_refused: trials.endpoints.iter().any(has_refused),
    };
    let left = left + not_asked;
    if let Some(why) = spend.why(&plural(left)).filter(|_| left > 0 && exhausted.is_none()) {
        return Ok(RunEnd { complete: false, why: Some(why) });
    }
    Ok(end(left, exhausted, &trials.budgets, &closed, signals))
}

/// Gives all endpoints up where none could ever be reached: nothing is measured, and nobody is left
/// to wait for.
fn give_up_unreachable<T>(trials: &Trials<T>, queues: &[Queue]) {
    let asked = || {
        let both = queues.iter().zip(&trials.endpoints);
        both.filter(|(queue, _)| !queue.trials.is_empty()).map(|(_, endpoint)| endpoint)
    };
    if asked().all(|endpoint| endpoint.unreachable().is_some()) {
        asked().for_each(EndpointClient::give_up_unreachable);
    }
}

/// Removes trials that have not begun from the queues; returns how many.
fn remove(queues: &mut [Queue], out: impl Fn(u32) -> bool) -> usize {
    let mut removed = 0;
    for queue in queues {
        let rest = queue.trials.split_off(queue.next);
        let before = rest.len();
        queue.trials.extend(rest.into_iter().filter(|idx| !out(*idx)));
        removed += before - (queue.trials.len() - queue.next);
    }
    removed
}

/// What was closed before all was asked.
struct Closed {
    /// Endpoints and suites, with the reasons; empty: none.
    why: String,
    /// Whether trials failed that are asked again once the account or its key is mended.
    has_refused: bool,
}

fn has_refused(endpoint: &EndpointClient) -> bool {
    let class = endpoint.given_up().and_then(|given_up| given_up.class);
    class.is_some_and(ErrorClass::concerns_account)
}

fn end(
    left: usize,
    exhausted: Option<BudgetScope>,
    budgets: &Budgets,
    closed: &Closed,
    signals: &Signals,
) -> RunEnd {
    let why = if let Some(more) = budgets.run.passed_by() {
        // The cap holds for the worst case of a request; a provider may state more than that.
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
    } else if !closed.why.is_empty() && left > 0 {
        Some(format!("{}; {} left out", closed.why, plural(left)))
    } else if closed.has_refused {
        Some(closed.why.clone())
    } else if signals.abort.is_cancelled() {
        Some(format!(
            "interrupted twice; requests in flight are in doubt, {} not asked",
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

fn queues(todo: PlanProgress<'_>, at_once: &[usize], now: Stamp) -> Vec<Queue> {
    let mut queues: Vec<Queue> = at_once
        .iter()
        .map(|&at_once| Queue { trials: Vec::new(), next: 0, in_flight: 0, at_once, last_end: now })
        .collect();
    for trial in todo.open() {
        queues[trial.endpoint as usize].trials.push(trial.idx);
    }
    queues
}

/// Starts every trial that may start now.
fn start<T: Transport>(
    plan: &Plan,
    trials: &Arc<Trials<T>>,
    queues: &mut [Queue],
    in_flight: &mut JoinSet<(usize, Result<TrialOutcome, DispatchError>)>,
    job: impl Fn(u32, usize) -> TrialJob,
) {
    let now = trials.caller.clock.now();
    let block =
        |queue: &Queue| queue.trials.get(queue.next).map(|&i| plan.trials[i as usize].block);
    let is_live = |endpoint: usize, queue: &Queue| {
        let is_silent = queue.in_flight > 0 && now.since(queue.last_end) > SILENT;
        let endpoint = &trials.endpoints[endpoint];
        !is_silent && !endpoint.is_held(now) && endpoint.given_up().is_none()
    };
    let slowest = queues
        .iter()
        .enumerate()
        .filter(|(endpoint, queue)| is_live(*endpoint, queue))
        .filter_map(|(_, queue)| block(queue))
        .min()
        .or_else(|| queues.iter().filter_map(block).min());
    let Some(slowest) = slowest else { return };
    let most = slowest.saturating_add(MAX_BLOCKS_AHEAD);
    // In the plan's order over all endpoints: where a budget or a limit lets only some trials
    // through, they are balanced over endpoints.
    while let Some((endpoint, idx)) = next(plan, trials, queues, most) {
        let job = job(idx, endpoint);
        let trials = Arc::clone(trials);
        in_flight.spawn(async move { (endpoint, trials.ask(&job).await) });
        let queue = &mut queues[endpoint];
        if queue.in_flight == 0 {
            queue.last_end = now;
        }
        queue.next += 1;
        queue.in_flight += 1;
    }
}

/// The first trial in the plan's order that may start now: its endpoint has a free slot, is not
/// closed, and is not too far ahead.
fn next<T: Transport>(
    plan: &Plan,
    trials: &Trials<T>,
    queues: &[Queue],
    most_block: u32,
) -> Option<(usize, u32)> {
    let open = |(endpoint, queue): (usize, &Queue)| {
        let idx = *queue.trials.get(queue.next)?;
        let is_closed = trials.endpoints[endpoint].given_up().is_some();
        let free = queue.in_flight < queue.at_once && !is_closed;
        (free && plan.trials[idx as usize].block <= most_block).then_some((endpoint, idx))
    };
    queues.iter().enumerate().filter_map(open).min_by_key(|(_, idx)| *idx)
}

fn job(plan: &Plan, trial: &Trial, endpoint_idx: usize) -> TrialJob {
    let task = &plan.tasks[trial.task as usize];
    let endpoint = &plan.endpoints[endpoint_idx];
    let max_tokens = output_bound(task, endpoint);
    let body = render::body(task, endpoint, max_tokens, plan.cache);
    let messages = task.messages.len() + usize::from(endpoint.system.is_some());
    let input = input_bound(body.bytes.len(), messages);
    TrialJob {
        trial: trial.idx,
        task: trial.task,
        key: trial.key,
        repeat: trial.repeat,
        endpoint: endpoint_idx,
        suite: 0,
        attempts: 0,
        ended: 0,
        cache_warmups: 0,
        uncounted: 0,
        bound: max_tokens.and_then(|output| endpoint.max_cost(input, output)),
        max_output: max_tokens,
        // English text has about four bytes a token in most vocabularies.
        warm_cache: plan.cache == CacheMode::Warm,
        token_use: TokenUse {
            input: body.bytes.len() as u64 / 4,
            output: max_tokens.unwrap_or(0).min(1024),
        },
        body,
    }
}

/// The highest worst case of any trial, and its position; `None`: every trial is free.
///
/// # Errors
/// The first trial without a bound: its price is unknown, or nothing limits its answer.
pub fn max_cost(plan: &Plan) -> Result<Option<(u32, Usd)>, u32> {
    let mut max = None;
    for trial in plan.trials.iter().filter(|t| t.ineligible.is_none() && t.repeat == 0) {
        let bound = job(plan, trial, trial.endpoint as usize).bound.ok_or(trial.idx)?;
        if bound > max.map_or(Usd::ZERO, |(_, most)| most) {
            max = Some((trial.idx, bound));
        }
    }
    Ok(max)
}
