//! One row per request, with the columns of trials.csv and those that only load has.

use std::path::Path;
use std::vec;

use jiff::Timestamp;

use super::observed::{Observed, endpoint_of, is_lost, max_cost};
use crate::aggregate::run::Run;
use crate::aggregate::trials::wall;
use crate::aggregate::{AggregateError, TrialView};
use crate::store::{LoadOutcome, LoadRecord, LoadRow, Reader};
use crate::units::TokensSource;

/// A request as requests.csv shows it. `None` is not known, or does not apply; durations are whole
/// microseconds, rounded down.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestView {
    /// What a trial's row has too. `trial` is the place in the order of arrivals, from 0; `status`
    /// may be `dropped` besides. Of a request in doubt no more than these two is known.
    pub trial: TrialView,
    /// Whether it belongs to ramp or warm-up, and is left out of the figures.
    pub warmup: Option<bool>,
    /// From the schedule to the first token: open loop only.
    pub ttft_sched_us: Option<u64>,
    /// From the schedule to the last token: open loop only.
    pub e2e_sched_us: Option<u64>,
    /// When it was due: RFC 3339 with microseconds; open loop only.
    pub scheduled_at: Option<String>,
    /// The HTTP status, when a head came.
    pub http_status: Option<u16>,
    /// Whether it was sent again because a kept connection had been closed.
    pub retried_stale: Option<bool>,
}

/// The requests of a load run in the order of arrivals, a few at a time: memory does not grow with
/// them.
#[derive(Debug)]
pub struct LoadViews {
    reader: Reader,
    run: Run,
    started: Timestamp,
    rows: vec::IntoIter<LoadRow>,
    /// The request to go on from; `None`: the end, or a failure.
    next: Option<u64>,
}

impl LoadViews {
    /// Those of the run in this folder, finished or not.
    pub fn open(dir: &Path) -> Result<Self, AggregateError> {
        let reader = Reader::open(dir)?;
        let run = Run::read(&reader)?;
        let started = run.started()?;
        Ok(Self { reader, run, started, rows: Vec::new().into_iter(), next: Some(0) })
    }

    fn read(&mut self) -> Result<Option<RequestView>, AggregateError> {
        if self.rows.len() == 0 {
            let Some(from) = self.next.take() else { return Ok(None) };
            let Some(rows) = self.reader.load_from(from)? else { return Ok(None) };
            self.next = rows.last().map(|row| row.request() + 1);
            self.rows = rows.into_iter();
        }
        let Some(row) = self.rows.next() else { return Ok(None) };
        let known = match &row {
            LoadRow::Known(record) => view(&self.run, self.started, record),
            LoadRow::InDoubt { .. } => None,
        };
        Ok(Some(known.unwrap_or_else(|| RequestView {
            trial: TrialView {
                run: self.run.manifest.run.clone(),
                trial: row.request().to_string(),
                status: "in_doubt",
                ..TrialView::default()
            },
            ..RequestView::default()
        })))
    }
}

impl Iterator for LoadViews {
    type Item = Result<RequestView, AggregateError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read();
        if read.is_err() {
            (self.next, self.rows) = (None, Vec::new().into_iter());
        }
        read.transpose()
    }
}

/// The row of a request; `None`: it is of no task or endpoint of the run.
fn view(run: &Run, started: Timestamp, record: &LoadRecord) -> Option<RequestView> {
    let endpoint = endpoint_of(run, record)?;
    let task = &run.tasks[record.task as usize];
    let observed = Observed::of(record, endpoint);
    let request = &record.request;
    let timing = observed.timing.unwrap_or_default();
    let micros = |nanos: u64| nanos / 1000;
    // Earlier versions recorded a request and its repeat as one.
    let is_repeat_included = record.retried_stale && !is_lost(record);
    let attempts = 1 + u32::from(is_repeat_included);
    let (status, attempts, error) = match record.outcome() {
        LoadOutcome::Ok => ("ok", attempts, None),
        LoadOutcome::Failed(class) => ("failed", attempts, Some(class)),
        LoadOutcome::Dropped => ("dropped", 0, None),
    };
    let usage = request.usage;
    let trial = TrialView {
        run: run.manifest.run.clone(),
        trial: record.number.to_string(),
        suite: task.suite.clone(),
        task: task.task.clone(),
        category: task.category.clone(),
        endpoint: endpoint.id.to_string(),
        model: endpoint.model.clone(),
        provider: endpoint.provider.name.clone(),
        status,
        error_class: error.map(|class| class.name().to_owned()),
        attempts,
        ttft_us: timing.ttft_ns.map(micros),
        ttfo_us: timing.ttfo_ns.map(micros),
        itl_us: timing.itl_ns.map(|nanos| nanos as f64 / 1000.0),
        e2e_us: timing.e2e_ns.map(micros),
        queue_us: observed.queue_ns.map(micros),
        connect_us: timing.connect_ns.map(micros),
        input_tokens: usage.input,
        cached_input_tokens: usage.cached_input,
        output_tokens: usage.output,
        reasoning_tokens: usage.reasoning,
        cost_usd: request.cost,
        started_at: request.dispatched_ns.map(|nanos| wall(started, nanos)),
        variant: endpoint.variant.clone(),
        tags: task.tags.clone(),
        cache_write_tokens: usage.cache_write,
        tokens_source: (!usage.is_unknown()).then_some(TokensSource::Usage.name()),
        cost_upper_usd: max_cost(record),
        ..TrialView::default()
    };
    Some(RequestView {
        trial,
        warmup: Some(record.warmup),
        ttft_sched_us: observed.ttft_sched_ns.map(micros),
        e2e_sched_us: observed.e2e_sched_ns.map(micros),
        scheduled_at: request.scheduled_ns.map(|nanos| wall(started, nanos)),
        http_status: request.http_status,
        retried_stale: Some(record.retried_stale),
    })
}
