//! The task lane: closed loop, endpoints interleaved, every trial once.

use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use crate::catalog::{Capability, Endpoint};
use crate::client::Transport;
use crate::dispatch::{DispatchError, Dispatcher, Done, Job};
use crate::plan::{Plan, Trial, input_bound, output_bound};
use crate::store::StoreError;
use crate::suite::Task;
use crate::wire::{Request, openai_chat};

/// No endpoint runs more than this many blocks ahead of the slowest live one, so that drift over
/// the hour falls on all alike.
const BLOCKS_AHEAD: u32 = 4;

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
pub struct LaneEnd {
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
}

/// Asks every eligible trial of the plan; `at_once` says for each endpoint how many requests may be
/// under way.
///
/// # Errors
/// [`RunError`] when nothing more can be recorded. Failing trials are not errors.
pub async fn run_tasks<T: Transport>(
    plan: &Plan,
    dispatcher: &Arc<Dispatcher<T>>,
    at_once: &[usize],
    progress: &Progress,
    signals: &Signals,
) -> Result<LaneEnd, RunError> {
    let mut queues = queues(plan, at_once);
    let mut under_way: JoinSet<Result<Done, DispatchError>> = JoinSet::new();
    let mut exhausted = false;
    let mut unasked = 0;
    loop {
        if !exhausted && !signals.drain.is_cancelled() && !signals.abort.is_cancelled() {
            start(plan, dispatcher, &mut queues, &mut under_way);
        }
        let joined = tokio::select! {
            joined = under_way.join_next() => joined,
            // Wakes the lane so that it stops starting trials; then it waits for the rest.
            () = signals.drain.cancelled(), if !signals.drain.is_cancelled() => continue,
        };
        match joined {
            None => break,
            Some(Ok(Ok(done))) => {
                queues[done.lane].under_way -= 1;
                progress.note(&done);
            }
            Some(Ok(Err(DispatchError::Budget(_)))) => {
                exhausted = true;
                unasked += 1;
            }
            Some(Ok(Err(DispatchError::Interrupted))) => unasked += 1,
            Some(Ok(Err(DispatchError::Store(error)))) => {
                under_way.shutdown().await;
                return Err(error.into());
            }
            Some(Err(error)) => return Err(RunError::Broken(error.to_string())),
        }
    }
    let left: usize = queues.iter().map(|queue| queue.trials.len() - queue.next).sum();
    Ok(end(left + unasked, exhausted, signals))
}

fn end(left: usize, exhausted: bool, signals: &Signals) -> LaneEnd {
    let why = if exhausted {
        Some(format!("the budget allows no further trial; {} left out", plural(left)))
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
    LaneEnd { complete: why.is_none(), why }
}

fn plural(trials: usize) -> String {
    if trials == 1 { "1 trial".to_owned() } else { format!("{trials} trials") }
}

fn queues(plan: &Plan, at_once: &[usize]) -> Vec<Queue> {
    let mut queues: Vec<Queue> = at_once
        .iter()
        .map(|&at_once| Queue { trials: Vec::new(), next: 0, under_way: 0, at_once })
        .collect();
    for trial in plan.trials.iter().filter(|trial| trial.ineligible.is_none()) {
        queues[trial.endpoint as usize].trials.push(trial.idx);
    }
    queues
}

/// Starts every trial that may start now.
fn start<T: Transport>(
    plan: &Plan,
    dispatcher: &Arc<Dispatcher<T>>,
    queues: &mut [Queue],
    under_way: &mut JoinSet<Result<Done, DispatchError>>,
) {
    let now = dispatcher.clock.now();
    let block =
        |queue: &Queue| queue.trials.get(queue.next).map(|&i| plan.trials[i as usize].block);
    let slowest = queues
        .iter()
        .enumerate()
        .filter(|(lane, _)| !dispatcher.lanes[*lane].is_held(now))
        .filter_map(|(_, queue)| block(queue))
        .min()
        .or_else(|| queues.iter().filter_map(block).min());
    let Some(slowest) = slowest else { return };
    let next = |queue: &Queue| {
        let idx = *queue.trials.get(queue.next).filter(|_| queue.under_way < queue.at_once)?;
        let block = plan.trials[idx as usize].block;
        (block <= slowest.saturating_add(BLOCKS_AHEAD)).then_some(idx)
    };
    // In the order of the plan over all endpoints, which is the order in which they take their turn
    // at the budget.
    while let Some((idx, lane)) =
        queues.iter().zip(0..).filter_map(|(queue, lane)| Some((next(queue)?, lane))).min()
    {
        let job = job(plan, &plan.trials[idx as usize], lane);
        let dispatcher = Arc::clone(dispatcher);
        under_way.spawn(async move { dispatcher.ask(job).await });
        queues[lane].next += 1;
        queues[lane].under_way += 1;
    }
}

fn job(plan: &Plan, trial: &Trial, lane: usize) -> Job {
    let task = &plan.tasks[trial.task as usize];
    let endpoint = &plan.endpoints[lane];
    let max_tokens = output_bound(task, endpoint);
    let body = Bytes::from(openai_chat::encode(&request(task, endpoint, max_tokens)));
    let input = input_bound(body.len(), task.messages.len());
    Job {
        trial: trial.idx,
        key: trial.key,
        repeat: trial.repeat,
        lane,
        bound: max_tokens.and_then(|output| endpoint.price.at_most(input, output)),
        // A quarter of the bytes is what English text comes to in most vocabularies.
        tokens: body.len() as u64 / 4 + max_tokens.unwrap_or(0).min(1024),
        body,
    }
}

/// The request for a task as an endpoint takes it.
fn request<'a>(task: &'a Task, endpoint: &'a Endpoint, max_tokens: Option<u64>) -> Request<'a> {
    Request {
        model: &endpoint.upstream_model,
        system: endpoint.system.as_deref(),
        messages: &task.messages,
        tools: task.tools.as_ref(),
        schema: task.schema.as_ref().filter(|_| endpoint.can(Capability::JsonSchema)),
        max_tokens,
        limit_counts_reasoning: endpoint.provider.is_openai(),
        temperature: None,
        stream: endpoint.stream,
        params: &endpoint.params,
    }
}
