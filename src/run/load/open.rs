//! The open loop: requests leave when the list says, whatever the answers are doing.

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

/// Between the start of the thread that keeps time and the first moment: it wakes up, and makes the
/// first requests ready.
const HEAD_START: Duration = Duration::from_millis(50);
/// Requests that are made ready ahead of their time. A long prompt of a trace is some 100 KB, so
/// this bounds memory as well.
const READY_AHEAD: usize = 64;
/// Nothing is made ready when the next moment is this near: it would come late.
const TOO_NEAR: Duration = Duration::from_micros(300);
/// How far ahead of their time intents are put on the disk, as long as the disk keeps up.
const INTENT_AHEAD: Duration = Duration::from_millis(250);
/// How long to wait before looking again whether an intent is on the disk.
const LOOK_AGAIN: Duration = Duration::from_micros(50);

/// Sends every request of the list at its time; gives how it ended once all answers are in. What
/// comes in the first `warmup` is left out of the figures.
///
/// # Errors
/// When nothing more can be recorded. Failing requests are not errors.
pub async fn run_open<T: Transport>(
    lane: &Arc<LoadTest<T>>,
    arrivals: Arrivals,
    warmup: Duration,
) -> Result<LoadEnd, LoadError> {
    let planned = arrivals.len() as u64;
    if !lane.sink.intents.begin(planned, arrivals.within(INTENT_AHEAD)).await {
        return Ok(lane.end(lane.setup.caller.clock.now(), 0, false));
    }
    lane.next_number.store(planned, Ordering::Relaxed);
    let under_way = TaskTracker::new();
    let (done, ended) = oneshot::channel();
    let start = lane.setup.caller.clock.now().after(HEAD_START);
    let mut sender = Sender {
        lane: Arc::clone(lane),
        runtime: Handle::current(),
        under_way: under_way.clone(),
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
            let clock = sender.lane.setup.caller.clock.clone();
            let asked = keep_time(&clock, start, &at_ns, &mut sender);
            // Who started this thread waits for it, unless it was itself given up.
            let _ = done.send(asked);
        })
        .map_err(LoadError::Thread)?;
    let sent = ended.await;
    let joined = thread.join();
    let (Ok(asked), Ok(())) = (sent, joined) else {
        return Err(LoadError::Broken("the thread that keeps time panicked"));
    };
    under_way.close();
    under_way.wait().await;
    Ok(lane.end(start.after(warmup), asked, asked == planned))
}

/// What the thread that keeps time does at each moment.
struct Sender<T> {
    lane: Arc<LoadTest<T>>,
    runtime: Handle,
    under_way: TaskTracker,
    lengths: Option<Vec<crate::plan::Lengths>>,
    planned: u64,
    start: Stamp,
    warmup_ns: u64,
    ready: VecDeque<Prepared>,
    /// The first request that is not made ready yet.
    next: u64,
}

impl<T> Sender<T> {
    fn make_ready(&mut self) {
        let lengths = self.lengths.as_ref();
        let lengths =
            lengths.map(|all| all[usize::try_from(self.next).expect("an index of a list")]);
        self.ready.push_back(self.lane.setup.prompts.prepare_open(self.next, lengths));
        self.next += 1;
    }
}

impl<T: Transport> Timekeeper for Sender<T> {
    fn is_over(&self) -> bool {
        self.lane.is_over()
    }

    fn idle(&mut self, until_next: Duration) -> Worked {
        let full = self.ready.len() >= READY_AHEAD || self.next >= self.planned;
        if full || until_next < TOO_NEAR && !self.ready.is_empty() {
            return Worked::Nothing;
        }
        self.make_ready();
        Worked::Some
    }

    fn due(&mut self, idx: usize, scheduled: Stamp) {
        if self.ready.is_empty() {
            self.make_ready();
        }
        let prepared = self.ready.pop_front().expect("made ready just above");
        let lane = &self.lane;
        lane.sink.intents.want_beyond(prepared.request);
        if !lane.sink.intents.is_durable(prepared.request) {
            lane.sink.intents.was_late();
        }
        while !lane.sink.intents.is_durable(prepared.request) {
            if lane.sink.has_failed() {
                // Nothing leaves without a record; the lane ends with the recorder's error.
                return;
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        debug_assert_eq!(prepared.request, idx as u64, "requests are made ready in order");
        lane.setup.progress.asked.fetch_add(1, Ordering::Relaxed);
        let warmup = nanos(scheduled.since(self.start)) < self.warmup_ns;
        let ticket = Ticket { scheduled: Some(scheduled), warmup };
        let is_lost = lane.setup.caller.clock.now().since(scheduled) > MOST_LATE;
        if is_lost || lane.under_way.load(Ordering::Relaxed) >= lane.setup.max_in_flight {
            lane.sink.take_blocking(lane.dropped(&prepared, ticket));
            return;
        }
        lane.under_way.fetch_add(1, Ordering::Relaxed);
        let asking = Arc::clone(lane).send_now(prepared, ticket);
        self.under_way.spawn_on(asking, &self.runtime);
    }
}
