//! The one writer of a run under way.
//!
//! On the real clock an OS thread of its own owns the connection: a commit waits for the disk, and
//! a runtime that waited with it would measure the disk. Commands reach it through a bounded
//! queue; it takes what is queued, commits once, and only then answers the callers that wait for an
//! intent. So one `fsync` serves all the requests that are about to leave together.
//!
//! In virtual time nothing may wait for a thread, for the paused clock would leap ahead: commands
//! run inline, under a lock that is never held across an `await`.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use super::place::Place;
use super::run_file::RunFile;
use super::{
    AttemptId, NewRun, PlannedTrial, Record, RequestIntent, RequestRecord, ScoreRow, StoreError,
    StoreMode, TrialEnding,
};
use crate::units::RunEnding;

/// Commands that may wait for the writer. When they are this many, who brings more waits: a disk
/// that cannot keep up slows the run down and is seen, instead of filling memory.
const QUEUE: usize = 1024;
/// Commands in one commit at most, so that the first of them does not wait for long.
const GROUP: usize = 512;
/// Records in one transaction in virtual time.
const INLINE_BATCH: usize = 1000;

/// Why nothing is taken any more after the end.
const HAS_ENDED: &str = "the run has ended";

/// The run database of a run under way. Clones write to the same database.
#[derive(Clone, Debug)]
pub struct Store(pub(super) Arc<WriterMode>);

#[derive(Debug)]
pub(super) enum WriterMode {
    Threaded(Threaded),
    Inline(Mutex<Inline>),
}

impl Store {
    /// Creates `run.sqlite` in a folder (which is made where it is missing), and commits the plan
    /// to it. Fails with [`StoreError::Exists`] where there is one; leaves nothing behind when it
    /// fails.
    pub fn create(
        dir: &Path,
        mode: StoreMode,
        new: NewRun<'_>,
        trials: impl Iterator<Item = PlannedTrial>,
    ) -> Result<Self, StoreError> {
        Self::create_limited(dir, mode, new, trials, None)
    }

    /// [`Store::create`] with a limit on the file's size in pages: how tests fill a disk.
    pub(super) fn create_limited(
        dir: &Path,
        mode: StoreMode,
        new: NewRun<'_>,
        trials: impl Iterator<Item = PlannedTrial>,
        max_pages: Option<u32>,
    ) -> Result<Self, StoreError> {
        Self::on(RunFile::create(dir, mode, &new, trials, max_pages)?, mode)
    }

    /// Takes records into an open file.
    pub(super) fn on(file: RunFile, mode: StoreMode) -> Result<Self, StoreError> {
        let lane = match mode {
            StoreMode::Threaded => WriterMode::Threaded(Threaded::start(file)?),
            StoreMode::Inline | StoreMode::InlineIntents => {
                let keeps_intents = mode == StoreMode::InlineIntents;
                WriterMode::Inline(Mutex::new(Inline::Open {
                    file: Box::new(file),
                    pending: 0,
                    keeps_intents,
                }))
            }
        };
        Ok(Self(Arc::new(lane)))
    }

    /// Records that a request is about to leave. When this returns on the real clock, the intent
    /// is on the disk; only then may the request be sent.
    pub async fn intent(&self, id: AttemptId, intent: RequestIntent) -> Result<(), StoreError> {
        self.durable(Record::Intent(id, intent)).await
    }

    /// Takes a record; when this returns on the real clock, it is on the disk.
    pub(super) async fn durable(&self, record: Record) -> Result<(), StoreError> {
        match &*self.0 {
            WriterMode::Threaded(lane) => {
                let (done, committed) = oneshot::channel();
                lane.send(Command::Record(record, Some(done))).await?;
                lane.answer(committed).await
            }
            WriterMode::Inline(lane) => locked(lane).durable(&record),
        }
    }

    /// Records the end of an attempt. Queued: a failure shows in a later call.
    pub fn attempt(
        &self,
        id: AttemptId,
        record: RequestRecord,
    ) -> impl Future<Output = Result<(), StoreError>> {
        self.record(Record::Attempt(id, Box::new(record)))
    }

    /// Records the end of a trial's last attempt and of the trial as one: a crash keeps both or
    /// neither, so that an answer is never without its trial, nor a verdict that was given at once
    /// without either. Queued.
    pub fn last_attempt(
        &self,
        id: AttemptId,
        record: RequestRecord,
        trial: TrialEnding,
        score: Option<ScoreRow>,
    ) -> impl Future<Output = Result<(), StoreError>> {
        self.record(Record::Last(id, Box::new((record, trial, score))))
    }

    /// Records the end of a trial whose last attempt ended before. Queued.
    pub fn trial(&self, ending: TrialEnding) -> impl Future<Output = Result<(), StoreError>> {
        self.record(Record::Trial(Box::new(ending)))
    }

    /// Records a verdict. Queued.
    pub async fn score(&self, row: ScoreRow) -> Result<(), StoreError> {
        self.record(Record::Score(row)).await
    }

    /// Takes a record. Queued: a failure shows in a later call.
    pub async fn record(&self, record: Record) -> Result<(), StoreError> {
        match &*self.0 {
            WriterMode::Threaded(lane) => lane.send(Command::Record(record, None)).await,
            WriterMode::Inline(lane) => locked(lane).record(&record),
        }
    }

    /// Whether what is recorded still reaches the run's folder.
    ///
    /// # Errors
    /// [`StoreError::Vanished`] where it does not.
    pub fn check_place(&self) -> Result<(), StoreError> {
        match &*self.0 {
            WriterMode::Threaded(lane) => lane.place.check(),
            WriterMode::Inline(_) => Ok(()),
        }
    }

    /// Ends the run: trials with an attempt that never ended become `in_doubt`, others without an
    /// ending `skipped`; how the run ended is noted; the file is made whole and closed. Calls on
    /// clones fail from now on.
    pub async fn finish(self, ended: RunEnding) -> Result<(), StoreError> {
        match &*self.0 {
            WriterMode::Threaded(lane) => {
                let (done, finished) = oneshot::channel();
                lane.send(Command::Finish(Box::new(ended), done)).await?;
                lane.answer(finished).await
            }
            WriterMode::Inline(lane) => locked(lane).finish(&ended),
        }
    }
}

type Ack = oneshot::Sender<Result<(), StoreError>>;

enum Command {
    Record(Record, Option<Ack>),
    Finish(Box<RunEnding>, Ack),
}

/// The handle of the writer's thread.
#[derive(Debug)]
pub(super) struct Threaded {
    /// `None` only while it is dropped.
    queue: Option<mpsc::Sender<Command>>,
    /// `None` only while it is dropped.
    thread: Option<JoinHandle<()>>,
    /// Why the writer stopped, once it has.
    stopped: Arc<OnceLock<String>>,
    place: Place,
}

impl Threaded {
    fn start(file: RunFile) -> Result<Self, StoreError> {
        let (queue, commands) = mpsc::channel(QUEUE);
        let stopped = Arc::new(OnceLock::new());
        let place = file.place().clone();
        let writer = Writing { commands, stopped: Arc::clone(&stopped) };
        let thread = std::thread::Builder::new()
            .name("run-database".to_owned())
            .spawn(move || {
                yield_to_streams();
                writer.serve(file);
            })
            .map_err(|e| StoreError::Stopped(format!("no thread for it: {e}")))?;
        Ok(Self { queue: Some(queue), thread: Some(thread), stopped, place })
    }

    async fn send(&self, command: Command) -> Result<(), StoreError> {
        let queue = self.queue.as_ref().expect("present until dropped");
        queue.send(command).await.map_err(|_| self.why())
    }

    async fn answer(
        &self,
        answer: oneshot::Receiver<Result<(), StoreError>>,
    ) -> Result<(), StoreError> {
        answer.await.unwrap_or_else(|_| Err(self.why()))
    }

    fn why(&self) -> StoreError {
        let reason = self.stopped.get().map_or("its thread is gone", String::as_str);
        StoreError::Stopped(reason.to_owned())
    }
}

/// Lets the calling thread run after those that read streams: where cores are few, a commit would
/// otherwise delay a request on its way out. What waits for the disk can wait for a core.
fn yield_to_streams() {
    /// A tenth of an I/O thread's share where both want the core.
    #[cfg(target_os = "linux")]
    const NICE: i32 = 10;
    // On Linux the calling thread alone is meant, elsewhere the whole process: so only there. A
    // refusal leaves things as they were.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, NICE);
}

impl Drop for Threaded {
    /// What is queued is still committed, also when a run is given up without an end.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported by the panic hook; there is no one to tell here.
            let _ = thread.join();
        }
    }
}

/// The writer's side of the queue.
struct Writing {
    commands: mpsc::Receiver<Command>,
    stopped: Arc<OnceLock<String>>,
}

/// The end of a group of commands.
enum Group {
    Committed,
    Finish(Box<RunEnding>, Ack),
}

impl Writing {
    fn serve(mut self, file: RunFile) {
        let mut group = Vec::with_capacity(GROUP);
        while self.commands.blocking_recv_many(&mut group, GROUP) > 0 {
            match commit(&file, &mut group) {
                Ok(Group::Committed) => {}
                Ok(Group::Finish(ended, done)) => {
                    let result = file.finish(&ended).map_err(|e| stopped(&e.to_string()));
                    let reason = result.as_ref().map_or_else(reason_of, |()| HAS_ENDED.to_owned());
                    self.stop(&reason, &mut group);
                    // Who asked may be gone; then no one wants to know.
                    let _ = done.send(result);
                    return;
                }
                Err(reason) => {
                    file.roll_back();
                    // The file is closed before anyone learns of the failure, so that a reader
                    // finds it at rest.
                    drop(file);
                    self.stop(&reason, &mut group);
                    return;
                }
            }
        }
    }

    /// Takes nothing more, and tells everyone who waits why.
    fn stop(&mut self, reason: &str, group: &mut Vec<Command>) {
        self.stopped.get_or_init(|| reason.to_owned());
        self.commands.close();
        while let Some(command) = group.pop().or_else(|| self.commands.blocking_recv()) {
            let (Command::Record(_, Some(done)) | Command::Finish(_, done)) = command else {
                continue;
            };
            // As above: who asked may be gone.
            let _ = done.send(Err(stopped(reason)));
        }
    }
}

/// Commits a group up to and without the command to finish. On failure, the reason; the commands
/// that were not answered are left in the group.
fn commit(file: &RunFile, group: &mut Vec<Command>) -> Result<Group, String> {
    let write = || -> Result<(), StoreError> {
        file.begin()?;
        for command in group.iter() {
            match command {
                Command::Record(record, _) => file.apply(record)?,
                Command::Finish(..) => break,
            }
        }
        file.commit()
    };
    write().map_err(|e| e.to_string())?;
    let mut commands = group.drain(..);
    while let Some(command) = commands.next() {
        match command {
            Command::Record(_, Some(done)) => {
                // Who asked may be gone: the record is kept all the same.
                let _ = done.send(Ok(()));
            }
            Command::Record(_, None) => {}
            Command::Finish(ended, done) => {
                let late: Vec<Command> = commands.collect();
                *group = late;
                return Ok(Group::Finish(ended, done));
            }
        }
    }
    Ok(Group::Committed)
}

/// The writer of virtual time.
#[derive(Debug)]
pub(super) enum Inline {
    Open {
        file: Box<RunFile>,
        /// Records in the open transaction; none: no transaction is open.
        pending: usize,
        /// Whether what is acknowledged as durable is committed.
        keeps_intents: bool,
    },
    Stopped(String),
}

impl Inline {
    pub(super) fn record(&mut self, record: &Record) -> Result<(), StoreError> {
        let result = match self {
            Self::Stopped(reason) => return Err(stopped(reason)),
            Self::Open { file, pending, .. } => Self::write(file, pending, record),
        };
        result.map_err(|e| self.stop(&e.to_string()))
    }

    fn durable(&mut self, record: &Record) -> Result<(), StoreError> {
        self.record(record)?;
        match self {
            Self::Open { file, pending, keeps_intents: true } if *pending > 0 => {
                *pending = 0;
                file.commit().map_err(|e| self.stop(&e.to_string()))
            }
            _ => Ok(()),
        }
    }

    fn write(file: &RunFile, pending: &mut usize, record: &Record) -> Result<(), StoreError> {
        if *pending == 0 {
            file.begin()?;
        }
        file.apply(record)?;
        *pending += 1;
        if *pending == INLINE_BATCH {
            file.commit()?;
            *pending = 0;
        }
        Ok(())
    }

    fn finish(&mut self, ended: &RunEnding) -> Result<(), StoreError> {
        match std::mem::replace(self, Self::Stopped(HAS_ENDED.to_owned())) {
            Self::Stopped(reason) => {
                *self = Self::Stopped(reason.clone());
                Err(stopped(&reason))
            }
            Self::Open { file, pending, .. } => {
                let rest = if pending > 0 { file.commit() } else { Ok(()) };
                rest.and_then(|()| file.finish(ended)).map_err(|e| self.stop(&e.to_string()))
            }
        }
    }

    /// Gives up what is not committed, closes the file and remembers why.
    fn stop(&mut self, reason: &str) -> StoreError {
        if let Self::Open { file, .. } = self {
            file.roll_back();
        }
        *self = Self::Stopped(reason.to_owned());
        stopped(reason)
    }
}

fn stopped(reason: &str) -> StoreError {
    StoreError::Stopped(reason.to_owned())
}

fn reason_of(error: &StoreError) -> String {
    match error {
        StoreError::Stopped(reason) => reason.clone(),
        other => other.to_string(),
    }
}

/// A panic while the lock was held left a transaction open, which the next call reports.
fn locked(lane: &Mutex<Inline>) -> std::sync::MutexGuard<'_, Inline> {
    lane.lock().unwrap_or_else(PoisonError::into_inner)
}
