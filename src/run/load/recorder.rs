//! Records the ends of requests off the timed path: rows in batches, gaps in histograms.
//!
//! The recorder is a thread with its own runtime. A stream never waits for it. A request that has
//! ended does where the disk cannot keep up, so that memory stays bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::error::LoadError;
use super::progress::LoadProgress;
use crate::store::{LoadOutcome, LoadRecord, Store, StoreError};
use crate::units::Histogram;
use crate::wire::ErrorClass;

/// Endings that may wait for the recorder.
const QUEUE: usize = 8_192;
/// Rows in one batch at most.
const BATCH: usize = 1_024;
/// How long a row may wait for its batch to fill.
const BATCH_WAIT: Duration = Duration::from_millis(100);
/// The most requests whose intents are committed together.
const MOST_INTENTS: u64 = 2_048;

/// How a request ended.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    pub(super) row: LoadRecord,
    /// Without connection set-up.
    pub(super) ttft: Option<Duration>,
}

/// The parts of a recorder.
#[derive(Debug)]
pub struct RecorderSetup {
    /// The run database.
    pub store: Store,
    /// The load's progress.
    pub progress: Arc<LoadProgress>,
    /// How many endpoints there are.
    pub n_endpoints: usize,
}

/// The recorder's thread.
#[derive(Debug)]
pub struct Recorder(JoinHandle<Result<Recorded, LoadError>>);

/// What was recorded.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// Answered, of what counts and of what does not.
    pub ok: u64,
    /// Failed, likewise.
    pub failed: u64,
    /// Times to the first token of what counts, without connection set-up.
    pub ttft: Histogram,
    /// How late requests outside the warm-up were sent in an open loop: the client's delay.
    pub queue: Histogram,
    /// Requests outside the warm-up whose time came.
    pub asked: u64,
    /// Of them, those that were dropped.
    pub dropped: u64,
}

/// The way to the recorder.
#[derive(Debug)]
pub struct Sink {
    endings: mpsc::Sender<Ending>,
    /// Which requests may be sent.
    pub(super) intents: Intents,
    failed: Arc<AtomicBool>,
}

/// Which requests may be sent: those whose intents are durable.
///
/// Intents are committed in ranges, ahead of their time. After a crash every request of a range
/// that has no ending is in doubt, so a range is as short as possible: it starts at the number in flight at a
/// time, and doubles whenever a request had to wait for the disk.
#[derive(Debug)]
pub(super) struct Intents {
    store: Store,
    failed: Arc<AtomicBool>,
    wanted: watch::Sender<u64>,
    durable: watch::Receiver<u64>,
    range: AtomicU64,
    /// The numbers below this are intended in ranges, those from it on one by one: repeats of
    /// requests that a stale connection lost, in a load whose length is known.
    listed: AtomicU64,
}

impl Intents {
    /// Waits until the first requests may be sent. `most`: the number of requests; `range`: how many
    /// may be sent at about the same time. `false`: the recorder has failed.
    pub(super) async fn begin(&self, most: u64, range: u64) -> bool {
        self.listed.store(most, Ordering::Relaxed);
        self.range.store(range.clamp(1, MOST_INTENTS), Ordering::Relaxed);
        self.want_beyond(0);
        self.wait(0).await
    }

    /// Request `number` is about to be sent: asks for the intents of those after it.
    pub(super) fn want_beyond(&self, number: u64) {
        let most = self.listed.load(Ordering::Relaxed);
        let range = self.range.load(Ordering::Relaxed);
        let near = |wanted: u64| wanted < most && wanted.saturating_sub(number) <= range / 2;
        if near(*self.wanted.borrow()) {
            self.wanted.send_if_modified(|wanted| {
                let grow = near(*wanted);
                if grow {
                    *wanted = (*wanted).max(number).saturating_add(range).min(most);
                }
                grow
            });
        }
    }

    pub(super) fn is_durable(&self, number: u64) -> bool {
        number < *self.durable.borrow()
    }

    /// A request had to wait for the disk: later intents are committed further ahead.
    pub(super) fn was_late(&self) {
        let double = |range: u64| Some((range * 2).min(MOST_INTENTS));
        let _ = self.range.fetch_update(Ordering::Relaxed, Ordering::Relaxed, double);
    }

    /// The number of requests that are known beforehand; `u64::MAX` where it is not known.
    pub(super) fn n_listed(&self) -> u64 {
        self.listed.load(Ordering::Relaxed)
    }

    /// Waits until the intent of a request is durable; `false`: the recorder has failed, and the
    /// request must not be sent.
    pub(super) async fn durable(&self, number: u64) -> bool {
        if number >= self.n_listed() {
            let intended = self.store.intend_load(number, number + 1).await;
            self.failed.fetch_or(intended.is_err(), Ordering::Relaxed);
            return intended.is_ok();
        }
        self.want_beyond(number);
        if self.is_durable(number) {
            return true;
        }
        self.was_late();
        self.wait(number).await
    }

    async fn wait(&self, number: u64) -> bool {
        // An error means that the recorder is gone.
        self.durable.clone().wait_for(|durable| number < *durable).await.is_ok()
    }
}

impl Sink {
    pub(super) async fn take(&self, ending: Ending) {
        // An error means that the recorder has failed; `has_failed` ends the load.
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
        let store = setup.store.clone();
        let thread = std::thread::Builder::new().name("recorder".to_owned()).spawn(move || {
            let store = setup.store.clone();
            let result = runtime.block_on(async {
                let mut beside = tokio::task::JoinSet::new();
                beside.spawn(intend(store, wants, durables, Arc::clone(&on_failure)));
                let recorded = record(setup, taken).await;
                if recorded.is_err() {
                    // Said before the lane is waited for: it must not go on without a record.
                    on_failure.store(true, Ordering::Relaxed);
                }
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
        let (range, listed) = (AtomicU64::new(1), AtomicU64::new(u64::MAX));
        let intents =
            Intents { store, failed: Arc::clone(&failed), wanted, durable, range, listed };
        Ok((Self(thread), Sink { endings, intents, failed }))
    }

    /// Waits until everything is in the database. The load must be dropped by now.
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
        for ending in &mut batch {
            recorded.count(ending);
            // Not kept: a row waits for the disk without them.
            let gaps_us = std::mem::take(&mut ending.row.request.gaps_us);
            if counts(ending) {
                let gaps = &mut icl[ending.row.endpoint as usize];
                for gap in gaps_us {
                    gaps.record_us(u64::from(gap));
                }
            }
        }
        {
            let mut ended =
                progress.ended.lock().expect("nothing panics while it holds the counts");
            (ended.ok, ended.failed) = (recorded.ok, recorded.failed);
            let counted = batch.iter().filter(|ending| counts(ending));
            counted.filter_map(|ending| ending.ttft).for_each(|ttft| ended.ttft.record(ttft));
        }
        store.load(batch.drain(..).map(|ending| ending.row)).await?;
    }
    for (endpoint, gaps) in (0..).zip(&icl) {
        if !gaps.is_empty() {
            store.load_histogram(endpoint, "icl", gaps).await?;
        }
    }
    Ok(recorded)
}

/// Whether a request counts in the latency histograms.
fn counts(ending: &Ending) -> bool {
    !ending.row.warmup && ending.row.outcome() == LoadOutcome::Ok
}

impl Recorded {
    fn count(&mut self, ending: &Ending) {
        // Its repeat counts.
        if ending.row.outcome() == LoadOutcome::Failed(ErrorClass::StaleConnection) {
            return;
        }
        match ending.row.outcome() {
            LoadOutcome::Ok => self.ok += 1,
            LoadOutcome::Failed(_) => self.failed += 1,
            LoadOutcome::Dropped => {}
        }
        if let Some(ttft) = ending.ttft.filter(|_| counts(ending)) {
            self.ttft.record(ttft);
        }
        if ending.row.warmup {
            return;
        }
        self.asked += 1;
        self.dropped += u64::from(ending.row.outcome() == LoadOutcome::Dropped);
        let request = &ending.row.request;
        if let (Some(due), Some(left)) = (request.scheduled_ns, request.dispatched_ns) {
            self.queue.record(Duration::from_nanos(left.saturating_sub(due)));
        }
    }
}
