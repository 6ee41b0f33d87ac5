//! The closed loop: a number of users at each endpoint, each of whom sends the next request once the
//! last one ended.

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
/// otherwise a server that refuses would get tens of thousands of requests a second.
const AFTER_FAILURE: Duration = Duration::from_millis(10);
/// The longest such wait.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// A closed loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Users at each endpoint.
    pub concurrency: u32,
    /// The time over which they start.
    pub ramp: Duration,
    /// The time after the ramp in which no request counts.
    pub warmup: Duration,
    /// The time in which requests count; `None`: until `requests` were sent.
    pub window: Option<Duration>,
    /// Requests that count, of all endpoints together; each gets the same share.
    pub requests: Option<u64>,
}

/// The state that all users share.
struct Shared<T> {
    load: Arc<LoadTest<T>>,
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
    load: &Arc<LoadTest<T>>,
    closed: Closed,
) -> Result<LoadEnd, LoadError> {
    let n = load.setup.prompts.n_endpoints() as u64;
    // With a warm-up the number of requests before those that count is not known.
    let counts_all = (closed.ramp + closed.warmup).is_zero();
    let most = closed.requests.filter(|_| counts_all).unwrap_or(u64::MAX);
    let ready = load.sink.intents.begin(most, u64::from(closed.concurrency) * n).await;
    let start = load.setup.caller.clock.now();
    let from = start.after(closed.ramp + closed.warmup);
    if !ready {
        return Ok(load.end(from, 0, false));
    }
    let share = |at: u64| match closed.requests {
        Some(all) => all / n + u64::from(at < all % n),
        None => u64::MAX,
    };
    let shared = Arc::new(Shared {
        load: Arc::clone(load),
        endpoints: (0..n).map(|at| (AtomicU64::new(0), AtomicU64::new(share(at)))).collect(),
        from,
        until: closed.window.map(|window| from.after(window)),
        stopped: AtomicBool::new(false),
    });
    let mut users = JoinSet::new();
    for nth in 0..closed.concurrency {
        let comes =
            start.after(closed.ramp.mul_f64(f64::from(nth) / f64::from(closed.concurrency)));
        for endpoint in (0..).take(load.setup.prompts.n_endpoints()) {
            users.spawn(Arc::clone(&shared).user(endpoint, comes));
        }
    }
    while let Some(left) = users.join_next().await {
        left.map_err(|_| LoadError::Broken("a user of the closed loop panicked"))?;
    }
    let next = load.next_number.load(Ordering::Relaxed).min(most);
    Ok(load.end(from, next, !shared.stopped.load(Ordering::Relaxed)))
}

impl<T: Transport> Shared<T> {
    async fn user(self: Arc<Self>, endpoint: u32, comes: Stamp) {
        let clock = &self.load.setup.caller.clock;
        tokio::select! {
            () = clock.sleep_until(comes) => {}
            () = self.load.setup.signals.drain.cancelled() => {}
        }
        let mut failures = 0_u32;
        while let Some(failed) = self.send_one(endpoint).await {
            failures = if failed { failures + 1 } else { 0 };
            if failures > 0 {
                let wait = AFTER_FAILURE * (1 << (failures - 1).min(10));
                self.wait(tokio::time::sleep(wait.min(LONGEST_WAIT))).await;
            }
        }
    }

    /// Waits on purpose and counts the time: a user who waits on purpose is not the client's failure
    /// to keep up. `None`: the load drains.
    async fn wait<F: Future>(&self, wait: F) -> Option<F::Output> {
        let clock = &self.load.setup.caller.clock;
        let began = clock.now();
        let waited = tokio::select! {
            biased;
            waited = wait => Some(waited),
            () = self.load.setup.signals.drain.cancelled() => None,
        };
        let counted = clock.now().since(began.max(self.from));
        self.load.waited_ns.fetch_add(nanos(counted), Ordering::Relaxed);
        waited
    }

    /// Sends one request; returns whether it failed. `None`: there is none to send.
    async fn send_one(&self, endpoint: u32) -> Option<bool> {
        let load = &self.load;
        if load.is_over() {
            self.stopped.store(true, Ordering::Relaxed);
            return None;
        }
        let is_past = |now: Stamp| self.until.is_some_and(|until| now >= until);
        let now = load.setup.caller.clock.now();
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
        // The budget first: a request that does not fit has no number and no intent.
        let prepared = load.setup.prompts.prepare(0, endpoint, nth, None);
        let worst = prepared.bound.unwrap_or(Usd::ZERO);
        let reservation = match load.setup.budget.reserve_now(worst) {
            Some(reservation) => reservation,
            None => match self.wait(load.setup.budget.reserve(worst)).await {
                Some(Ok(reservation)) => reservation,
                Some(Err(_)) => {
                    load.exhausted.store(true, Ordering::Relaxed);
                    return None;
                }
                None => {
                    self.stopped.store(true, Ordering::Relaxed);
                    return None;
                }
            },
        };
        // The window may have closed while the budget was waited for.
        if is_past(load.setup.caller.clock.now()) {
            reservation.release();
            return None;
        }
        let request = load.next_number.fetch_add(1, Ordering::Relaxed);
        let prepared = super::prompts::Prepared { request, ..prepared };
        load.send(prepared, Ticket { scheduled: None, warmup }, reservation).await
    }
}
