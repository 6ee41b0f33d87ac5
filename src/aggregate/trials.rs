//! One row per trial, with the columns of trials.csv.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::AggregateError;
use super::run::{Run, settled};
use super::timing::Timing;
use crate::store::{Order, Reader, StoreError, TrialRow};
use crate::units::{TokensSource, TrialKey, Usage, Usd};
use crate::wire::{ErrorClass, FinishReason};

/// A trial as trials.csv shows it. `None` is not known, or does not apply; durations are whole
/// microseconds, rounded down.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialView<'a> {
    /// The run's id.
    pub run: &'a str,
    /// The trial's identity.
    pub trial: TrialKey,
    /// The suite.
    pub suite: &'a str,
    /// The task's id within the suite.
    pub task: &'a str,
    /// The category.
    pub category: &'a str,
    /// The endpoint's id.
    pub endpoint: &'a str,
    /// Its model.
    pub model: &'a str,
    /// Its provider.
    pub provider: &'a str,
    /// Its variant.
    pub variant: Option<&'a str>,
    /// The repeat, from 0.
    pub repeat: u32,
    /// `ok`, `failed`, `ineligible`, `skipped` or `in_doubt`.
    pub status: &'static str,
    /// The class of the last failure, where it did not answer.
    pub error_class: Option<ErrorClass>,
    /// Requests made.
    pub attempts: u32,
    /// 0..1; `None`: not judged, or the grader could not.
    pub score: Option<f64>,
    /// Why the answer ended.
    pub finish_reason: Option<FinishReason>,
    /// Time to the first token, less connection set-up.
    pub ttft_us: Option<u64>,
    /// Time to the first token that is not reasoning.
    pub ttfo_us: Option<u64>,
    /// Mean time per token after the first.
    pub itl_us: Option<u64>,
    /// From dispatch to the last token.
    pub e2e_us: Option<u64>,
    /// The client's own lag: open loop only.
    pub queue_us: Option<u64>,
    /// Connection set-up, where a new one was made.
    pub connect_us: Option<u64>,
    /// Tokens of the attempt that answered, else of the last one.
    pub usage: Usage,
    /// Where the counts come from.
    pub tokens_source: Option<TokensSource>,
    /// By the price snapshot, all attempts.
    pub cost_usd: Option<Usd>,
    /// What the provider says it charged, all attempts.
    pub cost_reported_usd: Option<Usd>,
    /// What grading cost.
    pub judge_cost_usd: Option<Usd>,
    /// The known costs plus the bounds of attempts whose cost is not known.
    pub cost_upper_usd: Option<Usd>,
    /// When the first request left: RFC 3339 with microseconds.
    pub started_at: Option<String>,
    /// The model that really answered.
    pub response_model: Option<&'a str>,
    /// The provider that really answered.
    pub served_by: Option<&'a str>,
    /// The task's labels, joined by `;`.
    pub tags: String,
    /// Waited between attempts; `None`: nothing was sent.
    pub backoff_us: Option<u64>,
    /// Waited for a slot or a rate limit; `None`: nothing was sent.
    pub pacing_us: Option<u64>,
    /// From the first dispatch to the end, where it answered.
    pub e2e_with_retries_us: Option<u64>,
}

/// Visits every trial of the run in this folder, in the order of the plan.
pub fn for_each_trial<E: From<AggregateError>>(
    dir: &Path,
    mut visit: impl FnMut(&TrialView<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let reader = Reader::open(dir).map_err(AggregateError::from)?;
    let run = Run::read(&reader)?;
    let started: Timestamp = run
        .manifest
        .started_at
        .parse()
        .map_err(|e| AggregateError::Corrupt(format!("the run's start is not a time: {e}")))?;
    let visited = reader.for_each_trial(Order::Plan, |row| {
        let view = view(&run, started, row).map_err(|e| Stop(e.into()))?;
        visit(&view).map_err(Stop)
    });
    visited.map_err(|Stop(error)| error)
}

/// The caller's error on its way through the store.
struct Stop<E>(E);

impl<E: From<AggregateError>> From<StoreError> for Stop<E> {
    fn from(error: StoreError) -> Self {
        Self(AggregateError::from(error).into())
    }
}

fn view<'a>(
    run: &'a Run,
    started: Timestamp,
    row: &'a TrialRow,
) -> Result<TrialView<'a>, AggregateError> {
    let found = (run.tasks.get(row.task as usize), run.endpoints.get(row.endpoint as usize));
    let (Some(task), Some(stored)) = found else {
        let why = format!("trial {} is of no task or endpoint of the run", row.idx);
        return Err(AggregateError::Corrupt(why));
    };
    let (endpoint, status) = (&stored.endpoint, settled(row));
    let timing = Timing::of(row, endpoint).unwrap_or_default();
    let attempt = row.attempt.as_ref();
    let micros = |nanos: u64| nanos / 1000;
    let sent = row.started_ns.is_some();
    Ok(TrialView {
        run: &run.manifest.run,
        trial: row.key,
        suite: &task.suite,
        task: &task.task,
        category: &task.category,
        endpoint: endpoint.id.as_str(),
        model: &endpoint.model,
        provider: &endpoint.provider.name,
        variant: endpoint.variant.as_deref(),
        repeat: row.repeat,
        status: status.name(),
        error_class: row.error,
        attempts: row.attempts,
        score: row.score.flatten(),
        finish_reason: attempt.and_then(|a| a.finish_reason),
        ttft_us: timing.ttft_ns.map(micros),
        ttfo_us: timing.ttfo_ns.map(micros),
        itl_us: timing.itl_ns.map(micros),
        e2e_us: timing.e2e_ns.map(micros),
        queue_us: None,
        connect_us: timing.connect_ns.map(micros),
        usage: attempt.map(|a| a.usage).unwrap_or_default(),
        tokens_source: attempt.and_then(|a| a.tokens_source),
        cost_usd: row.cost(),
        cost_reported_usd: row.cost_reported,
        judge_cost_usd: None,
        cost_upper_usd: row.cost_upper.filter(|_| sent),
        started_at: row.started_ns.map(|nanos| wall(started, nanos)),
        response_model: attempt.and_then(|a| a.response_model.as_deref()),
        served_by: attempt.and_then(|a| a.served_by.as_deref()),
        tags: task.tags.join(";"),
        backoff_us: sent.then(|| micros(row.backoff_ns)),
        pacing_us: sent.then(|| micros(row.pacing_ns)),
        e2e_with_retries_us: timing.e2e_with_retries_ns.map(micros),
    })
}

/// The wall-clock time of a stamp.
fn wall(anchor: Timestamp, nanos: u64) -> String {
    let since = SignedDuration::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX));
    format!("{:.6}", anchor.checked_add(since).unwrap_or(anchor))
}
