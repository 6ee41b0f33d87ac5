//! Off the timed path: what ended goes to the run database in batches, gaps into histograms.
//!
//! The recorder is a thread with a runtime of its own. A stream never waits for it; a request that
//! has ended waits where the disk cannot keep up, so that memory stays bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::LoadError;
use super::progress::LoadProgress;
use crate::store::{LoadFate, LoadRecord, Store, StoreError};
use crate::units::{Histogram, Stamp};

/// Endings that may wait for the recorder.
const QUEUE: usize = 8_192;
/// Rows in one batch at most.
const BATCH: usize = 1_024;
/// How long a row may wait for its batch to fill.
const BATCH_WAIT: Duration = Duration::from_millis(100);
/// Requests whose intents are committed together, half of them or more ahead of their time. After
/// a crash so many may be in doubt that never left.
const INTENT_RANGE: u64 = 2_048;
/// Slots in which it is counted how many requests were under way.
const OCCUPANCY_SLOT_NS: u64 = 100_000_000;

/// How a request ended.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    pub(super) row: LoadRecord,
    pub(super) gaps_us: Vec<u32>,
    /// Without connection set-up.
    pub(super) ttft: Option<Duration>,
}

/// What the recorder needs.
#[derive(Debug)]
pub struct RecorderSetup {
    /// The run database.
    pub store: Store,
    /// What is shown.
    pub progress: Arc<LoadProgress>,
    /// How many endpoints there are.
    pub n_endpoints: usize,
}

/// The recorder's thread.
#[derive(Debug)]
pub struct Recorder(JoinHandle<Result<Recorded, LoadError>>);

/// What the recorder knows at the end.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// Answered, of what counts and of what does not.
    pub ok: u64,
    /// Failed, likewise.
    pub failed: u64,
    /// Times to the first token of what counts, without connection set-up.
    pub ttft: Histogram,
    /// How late requests left in an open loop: the client's own doing.
    pub queue: Histogram,
    /// Nanoseconds under way in each slot since the anchor.
    occupancy: Vec<u64>,
}

/// Where endings go.
#[derive(Debug)]
pub struct Sink {
    endings: mpsc::Sender<Ending>,
    /// Which requests may leave.
    pub(super) intents: Intents,
    failed: Arc<AtomicBool>,
}

/// Which requests may leave: those whose intents are on the disk.
#[derive(Debug)]
pub(super) struct Intents {
    wanted: watch::Sender<u64>,
    durable: watch::Receiver<u64>,
    /// There are no requests from here on.
    most: std::sync::atomic::AtomicU64,
}

impl Intents {
    /// Waits until the first requests may leave. `most`: so many requests there are.
    pub(super) async fn begin(&self, most: u64) {
        self.most.store(most, Ordering::Relaxed);
        self.want_beyond(0);
        self.durable(0).await;
    }

    /// Request `number` is about to leave: those after it will want to as well.
    pub(super) fn want_beyond(&self, number: u64) {
        let most = self.most.load(Ordering::Relaxed);
        let near = |wanted: u64| wanted < most && wanted.saturating_sub(number) <= INTENT_RANGE / 2;
        if near(*self.wanted.borrow()) {
            self.wanted.send_if_modified(|wanted| {
                let grow = near(*wanted);
                if grow {
                    *wanted = (*wanted + INTENT_RANGE).min(most);
                }
                grow
            });
        }
    }

    pub(super) fn is_durable(&self, number: u64) -> bool {
        number < *self.durable.borrow()
    }

    /// Waits until a request may leave, or until the recorder has failed.
    pub(super) async fn durable(&self, number: u64) {
        if !self.is_durable(number) {
            // An error means that the recorder is gone; the lane sees that by itself.
            let _ = self.durable.clone().wait_for(|durable| number < *durable).await;
        }
    }
}

impl Sink {
    pub(super) async fn take(&self, ending: Ending) {
        // An error means that the recorder has failed; `has_failed` ends the lane.
        let _ = self.endings.send(ending).await;
    }

    /// The same from a plain thread.
    pub(super) fn take_blocking(&self, ending: Ending) {
        let _ = self.endings.blocking_send(ending);
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }
}

impl Recorder {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn start(setup: RecorderSetup) -> Result<(Self, Sink), LoadError> {
        let (endings, taken) = mpsc::channel(QUEUE);
        let (wanted, wants) = watch::channel(0);
        let (durables, durable) = watch::channel(0);
        let failed = Arc::new(AtomicBool::new(false));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(LoadError::Thread)?;
        let on_failure = Arc::clone(&failed);
        let thread = std::thread::Builder::new().name("recorder".to_owned()).spawn(move || {
            let store = setup.store.clone();
            let result = runtime.block_on(async {
                let mut beside = tokio::task::JoinSet::new();
                beside.spawn(intend(store, wants, durables, Arc::clone(&on_failure)));
                let recorded = record(setup, taken).await;
                while let Some(intended) = beside.join_next().await {
                    intended.map_err(|_| LoadError::Broken("the task that intends panicked"))??;
                }
                recorded
            });
            if result.is_err() {
                on_failure.store(true, Ordering::Relaxed);
            }
            result
        });
        let thread = thread.map_err(LoadError::Thread)?;
        let most = std::sync::atomic::AtomicU64::new(u64::MAX);
        let intents = Intents { wanted, durable, most };
        Ok((Self(thread), Sink { endings, intents, failed }))
    }

    /// Waits until everything is with the database. The lane must be gone by now.
    ///
    /// # Errors
    /// What the recorder met.
    pub fn finish(self) -> Result<Recorded, LoadError> {
        self.0.join().unwrap_or(Err(LoadError::Broken("the recorder panicked")))
    }
}

async fn intend(
    store: Store,
    mut wants: watch::Receiver<u64>,
    durables: watch::Sender<u64>,
    failed: Arc<AtomicBool>,
) -> Result<(), StoreError> {
    let mut from = 0;
    // It ends when the lane has gone.
    while wants.changed().await.is_ok() {
        let to = *wants.borrow_and_update();
        if to > from {
            store.intend_load(from, to).await.inspect_err(|_| {
                failed.store(true, Ordering::Relaxed);
            })?;
            from = to;
            durables.send_replace(to);
        }
    }
    Ok(())
}

async fn record(
    setup: RecorderSetup,
    mut taken: mpsc::Receiver<Ending>,
) -> Result<Recorded, LoadError> {
    let RecorderSetup { store, progress, n_endpoints } = setup;
    let mut recorded = Recorded::default();
    let mut icl = vec![Histogram::new(); n_endpoints];
    let mut batch = Vec::with_capacity(BATCH);
    while taken.recv_many(&mut batch, BATCH).await > 0 {
        let fill =
            async { while batch.len() < BATCH && taken.recv_many(&mut batch, BATCH).await > 0 {} };
        // When the time is up, what has come is a batch.
        let _ = tokio::time::timeout(BATCH_WAIT, fill).await;
        for ending in &batch {
            recorded.count(ending);
            if counts(ending) {
                let gaps = &mut icl[ending.row.endpoint as usize];
                ending.gaps_us.iter().for_each(|gap| gaps.record_us(u64::from(*gap)));
            }
        }
        {
            let mut ended =
                progress.ended.lock().expect("nothing panics while it holds the counts");
            (ended.ok, ended.failed) = (recorded.ok, recorded.failed);
            let counted = batch.iter().filter(|ending| counts(ending));
            counted.filter_map(|ending| ending.ttft).for_each(|ttft| ended.ttft.record(ttft));
        }
        store.load(batch.drain(..).map(|ending| ending.row).collect()).await?;
    }
    for (endpoint, gaps) in (0..).zip(&icl) {
        if !gaps.is_empty() {
            store.load_histogram(endpoint, "icl", gaps).await?;
        }
    }
    Ok(recorded)
}

/// Whether an ending enters the figures' histograms.
fn counts(ending: &Ending) -> bool {
    !ending.row.warmup && ending.row.fate == LoadFate::Ok
}

impl Recorded {
    fn count(&mut self, ending: &Ending) {
        match ending.row.fate {
            LoadFate::Ok => self.ok += 1,
            LoadFate::Failed(_) => self.failed += 1,
            LoadFate::Dropped => {}
        }
        if let Some(ttft) = ending.ttft.filter(|_| counts(ending)) {
            self.ttft.record(ttft);
        }
        if let (Some(due), Some(left)) = (ending.row.scheduled_ns, ending.row.dispatched_ns) {
            self.queue.record(Duration::from_nanos(left.saturating_sub(due)));
        }
        if let (Some(from), Some(to)) = (ending.row.dispatched_ns, ending.row.ended_ns) {
            self.occupy(from, to);
        }
    }

    fn occupy(&mut self, mut from: u64, to: u64) {
        let last = usize::try_from(to / OCCUPANCY_SLOT_NS).unwrap_or(0);
        if self.occupancy.len() <= last {
            self.occupancy.resize(last + 1, 0);
        }
        while from < to {
            let slot = from / OCCUPANCY_SLOT_NS;
            let end = ((slot + 1) * OCCUPANCY_SLOT_NS).min(to);
            self.occupancy[usize::try_from(slot).unwrap_or(0)] += end - from;
            from = end;
        }
    }

    /// Little's law where requests do not start and end with the window: throughput × mean latency
    /// is the mean number under way, counted between two moments. `None` below one second.
    #[must_use]
    pub fn mean_under_way(&self, anchor: Stamp, from: Stamp, to: Stamp) -> Option<f64> {
        let slot = |stamp: Stamp| super::lane::nanos(stamp.since(anchor)) / OCCUPANCY_SLOT_NS;
        let (first, end) = (slot(from) + 1, slot(to));
        if end < first + 1_000_000_000 / OCCUPANCY_SLOT_NS {
            return None;
        }
        let slots = usize::try_from(first).ok()?..usize::try_from(end).ok()?;
        let busy: u64 = slots.map(|at| self.occupancy.get(at).copied().unwrap_or(0)).sum();
        Some(busy as f64 / ((end - first) * OCCUPANCY_SLOT_NS) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn occupancy_is_time_under_way() {
        let mut recorded = Recorded::default();
        let ms = 1_000_000;
        recorded.occupy(50 * ms, 2_050 * ms);
        recorded.occupy(100 * ms, 1_100 * ms);
        let at = |ms_: u64| Stamp::from_nanos(ms_ * ms);
        let anchor = Stamp::from_nanos(0);
        assert_eq!(recorded.mean_under_way(anchor, at(0), at(1_100)), Some(2.0));
        assert_eq!(recorded.mean_under_way(anchor, at(0), at(2_100)), Some(1.475));
        assert_eq!(recorded.mean_under_way(anchor, at(0), at(900)), None, "too short to tell");
    }
}
