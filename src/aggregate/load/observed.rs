//! What is observed of one request of a load.

use crate::aggregate::LatencyMetric;
use crate::aggregate::run::Run;
use crate::aggregate::timing::Timing;
use crate::catalog::Endpoint;
use crate::store::{LoadOutcome, LoadRecord};
use crate::units::Usd;
use crate::wire::ErrorClass;

/// The endpoint of a record; `None`: it is of no task or endpoint of the run, because the database
/// is damaged.
pub(super) fn endpoint_of<'a>(run: &'a Run, record: &LoadRecord) -> Option<&'a Endpoint> {
    let found = run.endpoints.get(record.endpoint as usize);
    found.filter(|_| (record.task as usize) < run.tasks.len()).map(|e| &e.endpoint)
}

/// The most that a request can have cost; `None`: unknown, or it was never sent.
pub(super) fn max_cost(record: &LoadRecord) -> Option<Usd> {
    record.request.max_cost().filter(|_| record.outcome() != LoadOutcome::Dropped)
}

/// What is observed of one request, by metric: nanoseconds.
pub(super) struct Observed {
    pub timing: Option<Timing>,
    pub queue_ns: Option<u64>,
    pub ttft_sched_ns: Option<u64>,
    pub ttfo_sched_ns: Option<u64>,
    pub e2e_sched_ns: Option<u64>,
}

/// Whether a stale connection lost the request. It was sent again under a number of its own, which
/// counts in its place.
pub(super) fn is_lost(record: &LoadRecord) -> bool {
    record.outcome() == LoadOutcome::Failed(ErrorClass::StaleConnection)
}

impl Observed {
    pub(super) fn of(record: &LoadRecord, endpoint: &Endpoint) -> Self {
        let request = &record.request;
        let answered = record.outcome() == LoadOutcome::Ok;
        let timing = Timing::of_attempt(request, endpoint);
        let due = |stamp: Option<u64>| Some(stamp?.saturating_sub(request.scheduled_ns?));
        let of_answer = |stamp: Option<u64>| due(stamp.filter(|_| answered));
        Self {
            timing,
            queue_ns: due(request.dispatched_ns),
            ttft_sched_ns: of_answer(request.first_token_ns),
            ttfo_sched_ns: of_answer(request.first_output_ns),
            e2e_sched_ns: of_answer(request.last_token_ns),
        }
    }

    pub(super) fn get(&self, metric: LatencyMetric) -> Option<u64> {
        match metric {
            LatencyMetric::Queue => self.queue_ns,
            LatencyMetric::TtftSched => self.ttft_sched_ns,
            LatencyMetric::E2eSched => self.e2e_sched_ns,
            of_service => self.timing.as_ref()?.get(of_service),
        }
    }
}
