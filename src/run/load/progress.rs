//! The progress of a load test.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::units::Histogram;

/// The state of a running load test.
#[derive(Debug, Default)]
pub struct LoadProgress {
    /// Requests whose time has come.
    pub(super) asked: AtomicU64,
    /// Requests that were sent.
    pub(super) sent: AtomicU64,
    /// Requests that were dropped.
    pub(super) dropped: AtomicU64,
    /// Requests that ended.
    pub(super) ended: Mutex<Ended>,
}

/// Requests that ended and are with the recorder.
#[derive(Clone, Debug, Default)]
pub(super) struct Ended {
    pub(super) ok: u64,
    pub(super) failed: u64,
    /// Times to the first token outside the warm-up, without connection set-up.
    pub(super) ttft: Histogram,
}

/// A snapshot of the state.
#[derive(Clone, Debug, Default)]
pub struct LoadState {
    /// Requests whose time has come.
    pub asked: u64,
    /// Requests that were sent.
    pub sent: u64,
    /// Requests that were dropped.
    pub dropped: u64,
    /// Answered.
    pub ok: u64,
    /// Failed.
    pub failed: u64,
    /// The median time to the first token so far.
    pub ttft_p50: Option<std::time::Duration>,
}

impl LoadProgress {
    /// A snapshot of the state.
    #[must_use]
    pub fn now(&self) -> LoadState {
        let ended = self.ended.lock().expect("nothing panics while it holds the counts");
        LoadState {
            asked: self.asked.load(Ordering::Relaxed),
            sent: self.sent.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            ok: ended.ok,
            failed: ended.failed,
            ttft_p50: ended.ttft.quantile(0.5),
        }
    }
}
