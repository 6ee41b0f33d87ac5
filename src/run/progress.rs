//! The progress of a benchmark run.

use std::sync::Mutex;
use std::time::Duration;

use crate::dispatch::TrialOutcome;
use crate::store::TrialStatus;
use crate::units::{Histogram, Usd};

/// The state of every endpoint of a running run.
#[derive(Debug)]
pub struct Progress(Mutex<Vec<EndpointProgress>>);

/// One endpoint's state.
#[derive(Clone, Debug, Default)]
pub struct EndpointProgress {
    /// Trials in all.
    pub total: u64,
    /// Trials that ended.
    pub done: u64,
    /// Answered.
    pub ok: u64,
    /// Failed.
    pub failed: u64,
    /// Times to the first token so far.
    pub ttft: Histogram,
    /// Dollars so far.
    pub cost: Usd,
    /// The most that requests of unknown cost may have cost beside that.
    pub open_cost: Usd,
}

impl EndpointProgress {
    /// The median time to the first token so far.
    #[must_use]
    pub fn ttft_p50(&self) -> Option<Duration> {
        self.ttft.quantile(0.5)
    }

    /// The remaining time at the pace so far.
    #[must_use]
    pub fn eta(&self, elapsed: Duration) -> Option<Duration> {
        let left = u32::try_from(self.total.saturating_sub(self.done)).ok()?;
        let done = u32::try_from(self.done).ok().filter(|done| *done > 0)?;
        Some(elapsed.checked_mul(left)? / done)
    }
}

impl Progress {
    /// Nothing done yet; the number of trials of each endpoint.
    #[must_use]
    pub fn new(totals: &[u64]) -> Self {
        let start = |total: &u64| EndpointProgress { total: *total, ..EndpointProgress::default() };
        Self(Mutex::new(totals.iter().map(start).collect()))
    }

    /// A copy of every endpoint's state.
    #[must_use]
    pub fn now(&self) -> Vec<EndpointProgress> {
        self.0.lock().expect("nothing panics while it holds the progress").clone()
    }

    /// Calls `read` with every endpoint's state, without copying it.
    pub fn with<R>(&self, read: impl FnOnce(&[EndpointProgress]) -> R) -> R {
        read(&self.0.lock().expect("nothing panics while it holds the progress"))
    }

    pub(super) fn note(&self, done: &TrialOutcome) {
        let mut all = self.0.lock().expect("nothing panics while it holds the progress");
        let endpoint = &mut all[done.endpoint];
        endpoint.done += 1;
        endpoint.ok += u64::from(done.status == TrialStatus::Ok);
        endpoint.failed += u64::from(done.status == TrialStatus::Failed);
        endpoint.cost += done.cost;
        endpoint.open_cost += done.open_cost;
        if let (TrialStatus::Ok, Some(ttft)) = (done.status, done.ttft) {
            endpoint.ttft.record(ttft);
        }
    }
}
