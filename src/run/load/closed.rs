//! The closed loop: so many users at each endpoint, each of whom asks again once answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use super::error::LoadError;
use super::load_test::{LoadEnd, LoadTest, Ticket};
use crate::client::Transport;
use crate::units::clock::nanos;
use crate::units::{Stamp, Usd};

/// After a failure a user waits this long, and twice as long after each further one in a row:
/// otherwise a run against a server that refuses would do nothing but knock, tens of thousands of
/// times a second.
const AFTER_FAILURE: Duration = Duration::from_millis(10);
/// The longest such wait.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// A closed loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Users at each endpoint.
    pub concurrency: u32,
    /// Over how long they come.
    pub ramp: Duration,
    /// How long after the ramp nothing counts yet.
    pub warmup: Duration,
    /// How long what counts takes; `None`: until `requests` are asked.
    pub window: Option<Duration>,
    /// Requests that count, of all endpoints together; each gets the same share.
    pub requests: Option<u64>,
}

/// What all users share.
struct Shared<T> {
    lane: Arc<LoadTest<T>>,
    /// Per endpoint: requests so far, and those that may still count.
    endpoints: Vec<(AtomicU64, AtomicU64)>,
    from: Stamp,
    until: Option<Stamp>,
    stopped: AtomicBool,
}

/// Runs a closed loop to its end.
///
/// # Errors
/// When nothing more can be recorded. Failing requests are not errors.
pub async fn run_closed<T: Transport>(
    lane: &Arc<LoadTest<T>>,
    closed: Closed,
) -> Result<LoadEnd, LoadError> {
    let n = lane.setup.prompts.n_endpoints() as u64;
    // With a warm-up nobody knows how many come before those that count.
    let counts_all = (closed.ramp + closed.warmup).is_zero();
    let most = closed.requests.filter(|_| counts_all).unwrap_or(u64::MAX);
    let ready = lane.sink.intents.begin(most, u64::from(closed.concurrency) * n).await;
    let start = lane.setup.caller.clock.now();
    let from = start.after(closed.ramp + closed.warmup);
    if !ready {
        return Ok(lane.end(from, 0, false));
    }
    let share = |at: u64| match closed.requests {
        Some(all) => all / n + u64::from(at < all % n),
        None => u64::MAX,
    };
    let shared = Arc::new(Shared {
        lane: Arc::clone(lane),
        endpoints: (0..n).map(|at| (AtomicU64::new(0), AtomicU64::new(share(at)))).collect(),
        from,
        until: closed.window.map(|window| from.after(window)),
        stopped: AtomicBool::new(false),
    });
    let mut users = JoinSet::new();
    for nth in 0..closed.concurrency {
        let comes =
            start.after(closed.ramp.mul_f64(f64::from(nth) / f64::from(closed.concurrency)));
        for endpoint in (0..).take(lane.setup.prompts.n_endpoints()) {
            users.spawn(Arc::clone(&shared).user(endpoint, comes));
        }
    }
    while let Some(left) = users.join_next().await {
        left.map_err(|_| LoadError::Broken("a user of the closed loop panicked"))?;
    }
    let next = lane.next_number.load(Ordering::Relaxed).min(most);
    Ok(lane.end(from, next, !shared.stopped.load(Ordering::Relaxed)))
}

impl<T: Transport> Shared<T> {
    async fn user(self: Arc<Self>, endpoint: u32, comes: Stamp) {
        let clock = &self.lane.setup.caller.clock;
        tokio::select! {
            () = clock.sleep_until(comes) => {}
            () = self.lane.setup.signals.drain.cancelled() => {}
        }
        let mut failures = 0_u32;
        while let Some(failed) = self.ask_once(endpoint).await {
            failures = if failed { failures + 1 } else { 0 };
            if failures > 0 {
                let wait = AFTER_FAILURE * (1 << (failures - 1).min(10));
                self.wait(tokio::time::sleep(wait.min(LONGEST_WAIT))).await;
            }
        }
    }

    /// Waits on purpose, and keeps count of it: a place that is empty on purpose is not the client's
    /// failing. `None`: the run drains.
    async fn wait<F: Future>(&self, wait: F) -> Option<F::Output> {
        let clock = &self.lane.setup.caller.clock;
        let began = clock.now();
        let waited = tokio::select! {
            biased;
            waited = wait => Some(waited),
            () = self.lane.setup.signals.drain.cancelled() => None,
        };
        let counted = clock.now().since(began.max(self.from));
        self.lane.waited_ns.fetch_add(nanos(counted), Ordering::Relaxed);
        waited
    }

    /// Asks once; whether that failed. `None`: there is nothing more to ask.
    async fn ask_once(&self, endpoint: u32) -> Option<bool> {
        let lane = &self.lane;
        if lane.is_over() {
            self.stopped.store(true, Ordering::Relaxed);
            return None;
        }
        let is_past = |now: Stamp| self.until.is_some_and(|until| now >= until);
        let now = lane.setup.caller.clock.now();
        let warmup = now < self.from;
        if is_past(now) {
            return None;
        }
        let (so_far, left) = &self.endpoints[endpoint as usize];
        let may = |left: u64| left.checked_sub(1);
        if !warmup && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, may).is_err() {
            return None;
        }
        let nth = so_far.fetch_add(1, Ordering::Relaxed);
        // The money first: a request that it does not allow has no number and no intent.
        let prepared = lane.setup.prompts.prepare(0, endpoint, nth, None);
        let worst = prepared.bound.unwrap_or(Usd::ZERO);
        let reservation = match lane.setup.budget.reserve_now(worst) {
            Some(reservation) => reservation,
            None => match self.wait(lane.setup.budget.reserve(worst)).await {
                Some(Ok(reservation)) => reservation,
                Some(Err(_)) => {
                    lane.exhausted.store(true, Ordering::Relaxed);
                    return None;
                }
                None => {
                    self.stopped.store(true, Ordering::Relaxed);
                    return None;
                }
            },
        };
        // The window may have closed while the budget was waited for.
        if is_past(lane.setup.caller.clock.now()) {
            reservation.release();
            return None;
        }
        let request = lane.next_number.fetch_add(1, Ordering::Relaxed);
        let prepared = super::prompts::Prepared { request, ..prepared };
        lane.send(prepared, Ticket { scheduled: None, warmup }, reservation).await
    }
}
