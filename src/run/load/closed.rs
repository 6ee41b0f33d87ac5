//! The closed loop: so many users at each endpoint, each of whom asks again once answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use super::LoadError;
use super::lane::{LoadEnd, LoadLane, Ticket};
use crate::client::Transport;
use crate::units::{Stamp, Usd};
use crate::wire::ErrorClass;

/// After a connection was refused a user waits this long: otherwise the run would do nothing but
/// knock, tens of thousands of times a second.
const AFTER_REFUSAL: Duration = Duration::from_millis(10);

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
    lane: Arc<LoadLane<T>>,
    /// Numbers of requests.
    next: AtomicU64,
    /// Per endpoint: requests so far, and those that may still count.
    endpoints: Vec<(AtomicU64, AtomicU64)>,
    from: Stamp,
    until: Option<Stamp>,
    /// When the first user went home, in nanoseconds; 0: none has.
    first_left: AtomicU64,
    stopped: AtomicBool,
}

/// Runs a closed loop to its end.
///
/// # Errors
/// When nothing more can be recorded. Failing requests are not errors.
pub async fn run_closed<T: Transport>(
    lane: &Arc<LoadLane<T>>,
    closed: Closed,
) -> Result<LoadEnd, LoadError> {
    lane.sink.intents.begin(u64::MAX).await;
    let start = lane.setup.clock.now();
    let from = start.after(closed.ramp + closed.warmup);
    let n = lane.setup.prompts.n_endpoints() as u64;
    let share = |at: u64| match closed.requests {
        Some(all) => all / n + u64::from(at < all % n),
        None => u64::MAX,
    };
    let shared = Arc::new(Shared {
        lane: Arc::clone(lane),
        next: AtomicU64::new(0),
        endpoints: (0..n).map(|at| (AtomicU64::new(0), AtomicU64::new(share(at)))).collect(),
        from,
        until: closed.window.map(|window| from.after(window)),
        first_left: AtomicU64::new(0),
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
    let to = Stamp::from_nanos(shared.first_left.load(Ordering::Relaxed));
    Ok(lane.end(from, to, !shared.stopped.load(Ordering::Relaxed)))
}

impl<T: Transport> Shared<T> {
    async fn user(self: Arc<Self>, endpoint: u32, comes: Stamp) {
        let clock = &self.lane.setup.clock;
        tokio::select! {
            () = clock.sleep_until(comes) => {}
            () = self.lane.setup.signals.drain.cancelled() => {}
        }
        while self.ask_once(endpoint).await {}
        // The first to leave: from here on fewer ask than should.
        let now = clock.now().as_nanos();
        let _ = self.first_left.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Asks once; false: there is nothing more to ask.
    async fn ask_once(&self, endpoint: u32) -> bool {
        let lane = &self.lane;
        if lane.is_over() {
            self.stopped.store(true, Ordering::Relaxed);
            return false;
        }
        let now = lane.setup.clock.now();
        let warmup = now < self.from;
        if self.until.is_some_and(|until| now >= until) {
            return false;
        }
        let (so_far, left) = &self.endpoints[endpoint as usize];
        let may = |left: u64| left.checked_sub(1);
        if !warmup && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, may).is_err() {
            return false;
        }
        let nth = so_far.fetch_add(1, Ordering::Relaxed);
        // The money first: a request that it does not allow has no number and no intent.
        let prepared = lane.setup.prompts.prepare(0, endpoint, nth, None);
        let reserved = tokio::select! {
            reserved = lane.setup.budget.reserve(prepared.bound.unwrap_or(Usd::ZERO)) => reserved,
            () = lane.setup.signals.drain.cancelled() => {
                self.stopped.store(true, Ordering::Relaxed);
                return false;
            }
        };
        let Ok(reservation) = reserved else {
            lane.exhausted.store(true, Ordering::Relaxed);
            return false;
        };
        let request = self.next.fetch_add(1, Ordering::Relaxed);
        lane.sink.intents.want_beyond(request);
        lane.sink.intents.durable(request).await;
        lane.setup.progress.asked.fetch_add(1, Ordering::Relaxed);
        let prepared = super::prompts::Prepared { request, ..prepared };
        let ticket = Ticket { scheduled: None, warmup };
        let failed = lane.ask(prepared, ticket, reservation).await;
        if matches!(failed, Some(ErrorClass::Connect | ErrorClass::ConnectTimeout)) {
            tokio::time::sleep(AFTER_REFUSAL).await;
        }
        true
    }
}
