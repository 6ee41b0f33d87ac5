//! The open loop: requests are sent at the times of a list, however long answers take.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use super::error::LoadError;
use super::load_test::{LoadEnd, LoadTest, Ticket};
use super::prompts::Prepared;
use super::schedule::{MOST_LATE, Timekeeper, Worked, keep_time};
use crate::client::Transport;
use crate::plan::Arrivals;
use crate::units::Stamp;
use crate::units::clock::nanos;

/// Between the start of the scheduler thread and the first arrival: it starts up and prepares the
/// first requests.
const HEAD_START: Duration = Duration::from_millis(50);
/// Requests that are prepared ahead of their time. A long prompt of a trace is some 100 KB, so this
/// bounds memory too.
const READY_AHEAD: usize = 64;
/// Nothing is prepared when the next arrival is this near: it would be sent late.
const TOO_NEAR: Duration = Duration::from_micros(300);
/// How far ahead of their time intents are made durable, as long as the disk keeps up.
const INTENT_AHEAD: Duration = Duration::from_millis(250);
/// How often an intent that is not durable yet is checked.
const LOOK_AGAIN: Duration = Duration::from_micros(50);

/// Sends every request of the list at its time; returns how the load ended once all answers are in.
/// Requests of the first `warmup` count in no metric.
///
/// # Errors
/// When nothing more can be recorded. Failing requests are not errors.
pub async fn run_open<T: Transport>(
    load: &Arc<LoadTest<T>>,
    arrivals: Arrivals,
    warmup: Duration,
) -> Result<LoadEnd, LoadError> {
    let planned = arrivals.len() as u64;
    if !load.sink.intents.begin(planned, arrivals.within(INTENT_AHEAD)).await {
        return Ok(load.end(load.setup.caller.clock.now(), 0, false));
    }
    load.next_number.store(planned, Ordering::Relaxed);
    let in_flight = TaskTracker::new();
    let (done, ended) = oneshot::channel();
    let start = load.setup.caller.clock.now().after(HEAD_START);
    let mut sender = Sender {
        load: Arc::clone(load),
        runtime: Handle::current(),
        in_flight: in_flight.clone(),
        lengths: arrivals.lengths,
        planned,
        start,
        warmup_ns: nanos(warmup),
        ready: VecDeque::with_capacity(READY_AHEAD),
        next: 0,
    };
    let at_ns = arrivals.at_ns;
    let thread = std::thread::Builder::new()
        .name("schedule".to_owned())
        .spawn(move || {
            let clock = sender.load.setup.caller.clock.clone();
            let asked = keep_time(&clock, start, &at_ns, &mut sender);
            // The receiver is gone only where the load itself was dropped.
            let _ = done.send(asked);
        })
        .map_err(LoadError::Thread)?;
    let sent = ended.await;
    let joined = thread.join();
    let (Ok(asked), Ok(())) = (sent, joined) else {
        return Err(LoadError::Broken("the scheduler thread panicked"));
    };
    in_flight.close();
    in_flight.wait().await;
    Ok(load.end(start.after(warmup), asked, asked == planned))
}

/// What the scheduler thread does at each arrival.
struct Sender<T> {
    load: Arc<LoadTest<T>>,
    runtime: Handle,
    in_flight: TaskTracker,
    lengths: Option<Vec<crate::plan::Lengths>>,
    planned: u64,
    start: Stamp,
    warmup_ns: u64,
    ready: VecDeque<Prepared>,
    /// The first request that is not prepared yet.
    next: u64,
}

impl<T> Sender<T> {
    fn prepare_next(&mut self) {
        let lengths = self.lengths.as_ref();
        let lengths =
            lengths.map(|all| all[usize::try_from(self.next).expect("an index of a list")]);
        self.ready.push_back(self.load.setup.prompts.prepare_open(self.next, lengths));
        self.next += 1;
    }
}

impl<T: Transport> Timekeeper for Sender<T> {
    fn is_over(&self) -> bool {
        self.load.is_over()
    }

    fn idle(&mut self, until_next: Duration) -> Worked {
        let full = self.ready.len() >= READY_AHEAD || self.next >= self.planned;
        if full || until_next < TOO_NEAR && !self.ready.is_empty() {
            return Worked::Nothing;
        }
        self.prepare_next();
        Worked::Some
    }

    fn due(&mut self, idx: usize, scheduled: Stamp) {
        if self.ready.is_empty() {
            self.prepare_next();
        }
        let prepared = self.ready.pop_front().expect("prepared just above");
        let load = &self.load;
        load.sink.intents.want_beyond(prepared.request);
        if !load.sink.intents.is_durable(prepared.request) {
            load.sink.intents.was_late();
        }
        while !load.sink.intents.is_durable(prepared.request) {
            if load.sink.has_failed() {
                // No request is sent without a record; the load ends with the recorder's error.
                return;
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        debug_assert_eq!(prepared.request, idx as u64, "requests are prepared in order");
        load.setup.progress.asked.fetch_add(1, Ordering::Relaxed);
        let warmup = nanos(scheduled.since(self.start)) < self.warmup_ns;
        let ticket = Ticket { scheduled: Some(scheduled), warmup };
        let is_lost = load.setup.caller.clock.now().since(scheduled) > MOST_LATE;
        if is_lost || load.in_flight.load(Ordering::Relaxed) >= load.setup.max_in_flight {
            load.sink.take_blocking(load.dropped(&prepared, ticket));
            return;
        }
        load.in_flight.fetch_add(1, Ordering::Relaxed);
        let asking = Arc::clone(load).send_now(prepared, ticket);
        self.in_flight.spawn_on(asking, &self.runtime);
    }
}
