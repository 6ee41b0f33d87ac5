//! One row per trial, with the columns of trials.csv.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::AggregateError;
use super::run::{Run, settled};
use super::timing::Timing;
#[cfg(feature = "tokenizer")]
use super::{local, token_counter::Counter};
use crate::store::{Reader, TrialRow};
use crate::units::{TokensSource, Usd};
use crate::wire::{ErrorClass, FinishReason};

/// A trial as trials.csv shows it. `None` is not known, or does not apply; durations are whole
/// microseconds, rounded down.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrialView {
    /// The run's id.
    pub run: String,
    /// The trial's key, hexadecimal.
    pub trial: String,
    /// The suite.
    pub suite: String,
    /// The task's id within the suite.
    pub task: String,
    /// The category.
    pub category: String,
    /// The endpoint's id.
    pub endpoint: String,
    /// Its model.
    pub model: String,
    /// Its provider.
    pub provider: String,
    /// The repeat, from 0.
    pub repeat: u32,
    /// `ok`, `failed`, `ineligible`, `skipped` or `in_doubt`.
    pub status: &'static str,
    /// The class of the last failure, where it did not answer.
    pub error_class: Option<String>,
    /// Requests made.
    pub attempts: u32,
    /// 0..1; `None`: not judged, or the grader could not.
    pub score: Option<f64>,
    /// Why the answer ended.
    pub finish_reason: Option<String>,
    /// Time to the first token, less connection set-up.
    pub ttft_us: Option<u64>,
    /// Time to the first token that is not reasoning.
    pub ttfo_us: Option<u64>,
    /// Mean time per token after the first; a mean, so with a fraction.
    pub itl_us: Option<f64>,
    /// From dispatch to the last token.
    pub e2e_us: Option<u64>,
    /// The client's own lag: open loop only.
    pub queue_us: Option<u64>,
    /// Connection set-up, where a new one was made.
    pub connect_us: Option<u64>,
    /// Prompt tokens of the attempt that answered, else of the last one that ended; so below.
    pub input_tokens: Option<u64>,
    /// Prompt tokens read from a cache.
    pub cached_input_tokens: Option<u64>,
    /// Billed output tokens.
    pub output_tokens: Option<u64>,
    /// Reasoning tokens among them.
    pub reasoning_tokens: Option<u64>,
    /// By the price snapshot, all attempts.
    pub cost_usd: Option<Usd>,
    /// What the provider says it charged, all attempts.
    pub cost_reported_usd: Option<Usd>,
    /// What grading cost.
    pub judge_cost_usd: Option<Usd>,
    /// When the first request left: RFC 3339 with microseconds.
    pub started_at: Option<String>,
    /// The endpoint's variant.
    pub variant: Option<String>,
    /// The model that really answered.
    pub response_model: Option<String>,
    /// The provider that really answered.
    pub served_by: Option<String>,
    /// The task's labels.
    pub tags: Vec<String>,
    /// Waited between attempts; `None`: nothing was sent.
    pub backoff_us: Option<u64>,
    /// Waited for a slot or a rate limit; `None`: nothing was sent.
    pub pacing_us: Option<u64>,
    /// From the first dispatch to the end, where it answered.
    pub e2e_with_retries_us: Option<u64>,
    /// Prompt tokens written to a cache.
    pub cache_write_tokens: Option<u64>,
    /// Where the counts come from: `usage`, `local tokenizer` or `estimate`.
    pub tokens_source: Option<&'static str>,
    /// The known costs plus the bounds of attempts whose cost is not known.
    pub cost_upper_usd: Option<Usd>,
}

/// The trials of a run in the order of the plan, one at a time: memory does not grow with them.
#[derive(Debug)]
pub struct TrialViews {
    reader: Reader,
    run: Run,
    started: Timestamp,
    #[cfg(feature = "tokenizer")]
    counter: Counter,
    /// The position to go on from; `None`: the end, or a failure.
    next: Option<u32>,
}

impl TrialViews {
    /// Those of the run in this folder, finished or not.
    pub fn open(dir: &Path) -> Result<Self, AggregateError> {
        let reader = Reader::open(dir)?;
        let run = Run::read(&reader)?;
        let started = run.started()?;
        Ok(Self {
            reader,
            run,
            started,
            #[cfg(feature = "tokenizer")]
            counter: Counter::default(),
            next: Some(0),
        })
    }

    /// The next trial from this position on that is of a task and an endpoint of the run.
    fn read(&mut self, mut from: u32) -> Result<Option<TrialView>, AggregateError> {
        let row = loop {
            let Some(row) = self.reader.trial_from(from)? else { return Ok(None) };
            if self.run.has(&row) {
                break row;
            }
            let Some(next) = row.idx.checked_add(1) else { return Ok(None) };
            from = next;
        };
        let shown = view(&self.run, self.started, &row);
        #[cfg(feature = "tokenizer")]
        let shown = self.count_tokens(&row, shown)?;
        self.next = row.idx.checked_add(1);
        Ok(Some(shown))
    }

    /// Fills in the tokens of an answer without usage, as far as the run kept it.
    #[cfg(feature = "tokenizer")]
    fn count_tokens(
        &mut self,
        row: &TrialRow,
        mut view: TrialView,
    ) -> Result<TrialView, AggregateError> {
        if local::is_uncounted(row) {
            let endpoint = &self.run.endpoints[row.endpoint as usize].endpoint;
            if let Some(counted) = self.counter.count(&self.reader, endpoint, row)? {
                view.input_tokens = Some(counted.input);
                view.output_tokens = Some(counted.output);
                view.tokens_source = Some(TokensSource::LocalTokenizer.name());
            }
        }
        Ok(view)
    }
}

impl Iterator for TrialViews {
    type Item = Result<TrialView, AggregateError>;

    fn next(&mut self) -> Option<Self::Item> {
        let from = self.next.take()?;
        self.read(from).transpose()
    }
}

fn view(run: &Run, started: Timestamp, row: &TrialRow) -> TrialView {
    let (task, stored) = (&run.tasks[row.task as usize], &run.endpoints[row.endpoint as usize]);
    let (endpoint, status) = (&stored.endpoint, settled(row));
    let timing = Timing::of(row, endpoint).unwrap_or_default();
    let attempt = row.attempt.as_ref();
    let usage = attempt.map(|a| a.usage).unwrap_or_default();
    let micros = |nanos: u64| nanos / 1000;
    let sent = row.started_ns.is_some();
    TrialView {
        run: run.manifest.run.clone(),
        trial: row.key.hex(),
        suite: task.suite.clone(),
        task: task.task.clone(),
        category: task.category.clone(),
        endpoint: endpoint.id.to_string(),
        model: endpoint.model.clone(),
        provider: endpoint.provider.name.clone(),
        repeat: row.repeat,
        status: status.name(),
        error_class: row.error.map(ErrorClass::name).map(str::to_owned),
        attempts: row.attempts,
        score: row.score.flatten(),
        finish_reason: attempt
            .and_then(|a| a.finish_reason)
            .map(FinishReason::name)
            .map(str::to_owned),
        ttft_us: timing.ttft_ns.map(micros),
        ttfo_us: timing.ttfo_ns.map(micros),
        itl_us: timing.itl_ns.map(|nanos| nanos as f64 / 1000.0),
        e2e_us: timing.e2e_ns.map(micros),
        queue_us: None,
        connect_us: timing.connect_ns.map(micros),
        input_tokens: usage.input,
        cached_input_tokens: usage.cached_input,
        output_tokens: usage.output,
        reasoning_tokens: usage.reasoning,
        cost_usd: row.cost(),
        cost_reported_usd: row.cost_reported,
        judge_cost_usd: row.grading_cost,
        started_at: row.started_ns.map(|nanos| wall(started, nanos)),
        variant: endpoint.variant.clone(),
        response_model: attempt.and_then(|a| a.response_model.clone()),
        served_by: attempt.and_then(|a| a.served_by.clone()),
        tags: task.tags.clone(),
        backoff_us: sent.then(|| micros(row.backoff_ns)),
        pacing_us: sent.then(|| micros(row.pacing_ns)),
        e2e_with_retries_us: timing.e2e_with_retries_ns.map(micros),
        cache_write_tokens: usage.cache_write,
        tokens_source: attempt.and_then(|a| a.tokens_source).map(TokensSource::name),
        cost_upper_usd: row.cost_upper.filter(|_| sent),
    }
}

/// The wall-clock time of a stamp.
pub(super) fn wall(anchor: Timestamp, nanos: u64) -> String {
    let since = SignedDuration::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX));
    format!("{:.6}", anchor.checked_add(since).unwrap_or(anchor))
}
