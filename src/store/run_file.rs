//! Operations on a run database, one transaction at a time. `live.rs` decides which thread runs
//! them.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, params};

use super::lock::RunLock;
use super::place::Place;
use super::request;
use super::sql::{self, Unsigned, at};
use super::{
    AttemptId, Grading, NewRun, PlannedTrial, Record, RequestIntent, RequestRecord, ScoreRow,
    StoreError, StoreMode, StoredEndpoint, StoredTask, TrialEnding, TrialStatus,
};
use crate::graders::form_fault;
use crate::units::{ContentHash, RunEnding};

/// Moves the write-ahead log into the file.
const FOLD: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// How long the end of a run waits for readers that are looking at it, before it leaves the
/// write-ahead log where it is: a reader that stays is not worth more.
const READERS_TIMEOUT: Duration = Duration::from_millis(200);

/// Where the run is described, in `meta`.
pub(super) const MANIFEST: &str = "manifest";
/// How it ended, in `meta`.
pub(super) const ENDED: &str = "ended";
/// Whether prompts and answers are kept, in `meta`.
pub(super) const KEEP_CONTENT: &str = "keep_content";

/// An open run database that takes records.
#[derive(Debug)]
pub(super) struct RunFile {
    conn: Connection,
    path: PathBuf,
    place: Place,
    keep_content: bool,
    /// Given back after the connection is closed: fields are dropped in order.
    _lock: RunLock,
}

impl RunFile {
    /// Makes the file and commits the whole plan to it; on failure nothing is left behind.
    pub(super) fn create(
        dir: &Path,
        mode: StoreMode,
        new: &NewRun<'_>,
        trials: impl Iterator<Item = PlannedTrial>,
        max_pages: Option<u32>,
    ) -> Result<Self, StoreError> {
        Self::create_with(dir, mode, new, max_pages, |conn| {
            trials.into_iter().try_for_each(|trial| insert_trial(conn, &trial))
        })
    }

    /// [`RunFile::create`], where `fill` writes the trials in the transaction of the plan.
    pub(super) fn create_with(
        dir: &Path,
        mode: StoreMode,
        new: &NewRun<'_>,
        max_pages: Option<u32>,
        fill: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> Result<Self, StoreError> {
        let path = sql::path_in(dir);
        std::fs::create_dir_all(dir)
            .map_err(|source| StoreError::Io { path: path.display().to_string(), source })?;
        let lock = RunLock::take(dir)?;
        sql::are_plain(&path, true)?;
        make_file(&path)?;
        Self::create_in(path.clone(), mode, new, fill, (max_pages, lock))
            .inspect_err(|_| remove(&path))
    }

    /// Continues with a file that holds a run.
    pub(super) fn reopen(
        conn: Connection,
        path: PathBuf,
        mode: StoreMode,
        keep_content: bool,
        lock: RunLock,
    ) -> Result<Self, StoreError> {
        let place = Place::of(&path);
        let file = Self { conn, path, place, keep_content, _lock: lock };
        file.sqlite(file.prepare(mode, None))?;
        Ok(file)
    }

    fn create_in(
        path: PathBuf,
        mode: StoreMode,
        new: &NewRun<'_>,
        fill: impl FnOnce(&Connection) -> rusqlite::Result<()>,
        (max_pages, lock): (Option<u32>, RunLock),
    ) -> Result<Self, StoreError> {
        let conn =
            sql::connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|e| at(&path, e))?;
        let place = Place::of(&path);
        let file = Self { conn, path, place, keep_content: new.keep_content, _lock: lock };
        file.sqlite(file.prepare(mode, max_pages))?;
        file.begin()?;
        file.sqlite(file.insert_plan(new))?;
        file.sqlite(fill(&file.conn))?;
        file.commit()?;
        // The plan is in the file itself before the first request: the log holds only the run.
        file.sqlite(file.conn.query_row(FOLD, [], |_| Ok(())))?;
        Ok(file)
    }

    fn prepare(&self, mode: StoreMode, max_pages: Option<u32>) -> rusqlite::Result<()> {
        self.conn.pragma_update(None, "journal_mode", "WAL")?;
        // In virtual time the same seed makes the same run again, so a power cut costs seconds.
        let synchronous = match mode {
            StoreMode::Threaded => "FULL",
            StoreMode::Inline | StoreMode::InlineIntents => "OFF",
        };
        self.conn.pragma_update(None, "synchronous", synchronous)?;
        if let Some(pages) = max_pages {
            self.conn.pragma_update(None, "max_page_count", pages)?;
        }
        Ok(())
    }

    fn insert_plan(&self, new: &NewRun<'_>) -> rusqlite::Result<()> {
        // The marks that make the file ours are part of the transaction: a file whose plan is not
        // complete is never taken for a run.
        sql::migrate(&self.conn)?;
        self.conn.pragma_update(None, "application_id", sql::APPLICATION_ID)?;
        self.set_meta(MANIFEST, &json(new.manifest))?;
        self.set_meta(KEEP_CONTENT, &json(&new.keep_content))?;
        for task in new.tasks {
            put_task(&self.conn, task, self.keep_content)?;
        }
        for endpoint in new.endpoints {
            put_endpoint(&self.conn, endpoint, self.keep_content)?;
        }
        Ok(())
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Works on the file itself.
    pub(super) fn with<R>(&self, work: impl FnOnce(&Connection, &Path) -> R) -> R {
        work(&self.conn, &self.path)
    }

    /// Starts a transaction.
    pub(super) fn begin(&self) -> Result<(), StoreError> {
        self.execute("BEGIN IMMEDIATE")
    }

    /// Commits it. In `Threaded` mode the records are on the disk when this returns.
    pub(super) fn commit(&self) -> Result<(), StoreError> {
        self.place.check()?;
        self.execute("COMMIT")
    }

    fn execute(&self, statement: &str) -> Result<(), StoreError> {
        let done = self.conn.prepare_cached(statement).and_then(|mut s| s.execute([]));
        self.sqlite(done).map(|_| ())
    }

    /// Rolls back the open transaction.
    pub(super) fn roll_back(&self) {
        // After a full disk SQLite may have rolled back by itself, and closing would do it too.
        if !self.conn.is_autocommit() {
            let _ = self.conn.execute_batch("ROLLBACK");
        }
    }

    /// Writes one record inside the open transaction.
    pub(super) fn apply(&self, record: &Record) -> Result<(), StoreError> {
        match record {
            Record::Intent(id, intent) => self.sqlite(self.intent(*id, intent)).map(|_| ()),
            Record::Attempt(id, record) => self.end_attempt(*id, record),
            Record::Last(id, last) => {
                let (record, trial, score) = last.as_ref();
                self.end_attempt(*id, record)?;
                if let Some(score) = score {
                    self.sqlite(self.score(score))?;
                }
                self.end_trial(trial)
            }
            Record::Trial(ending) => self.end_trial(ending),
            Record::Score(row) => self.sqlite(self.score(row)).map(|_| ()),
            Record::Load(change) => super::load::apply(&self.conn, &self.path, change),
        }
    }

    fn end_attempt(&self, id: AttemptId, record: &RequestRecord) -> Result<(), StoreError> {
        let changed = self.sqlite(self.attempt(id, record))?;
        self.changed(changed, "attempt", "it ended without an intent, or twice", id.trial)
    }

    fn end_trial(&self, ending: &TrialEnding) -> Result<(), StoreError> {
        let changed = self.sqlite(self.trial(ending))?;
        self.changed(changed, "trial", "it ended without being planned, or twice", ending.trial)
    }

    fn changed(&self, rows: usize, what: &str, why: &str, trial: u32) -> Result<(), StoreError> {
        if rows > 0 {
            return Ok(());
        }
        let what = format!("the {what} of trial {trial}");
        Err(StoreError::Corrupt { path: self.shown(), what, why: why.to_owned() })
    }

    fn intent(&self, id: AttemptId, intent: &RequestIntent) -> rusqlite::Result<usize> {
        self.conn
            .prepare_cached(
                "INSERT INTO attempt (trial, attempt, source, bound, intended_ns)
                 VALUES (?, ?, ?, ?, ?)",
            )?
            .execute(params![
                id.trial,
                id.attempt,
                intent.source,
                intent.bound,
                Unsigned(intent.at_ns),
            ])
    }

    fn attempt(&self, id: AttemptId, record: &RequestRecord) -> rusqlite::Result<usize> {
        static END: LazyLock<String> = LazyLock::new(|| {
            let set: Vec<String> =
                request::ending_columns().map(|column| format!("{} = ?", column.name)).collect();
            format!(
                "UPDATE attempt SET {} WHERE trial = ? AND attempt = ? AND ended_ns IS NULL",
                set.join(", ")
            )
        });
        let mut statement = self.conn.prepare_cached(&END)?;
        let columns = request::ending_columns();
        let next = request::bind(&mut statement, 1, columns, record, self.keep_content)?;
        statement.raw_bind_parameter(next, id.trial)?;
        statement.raw_bind_parameter(next + 1, id.attempt)?;
        statement.raw_execute()
    }

    fn trial(&self, ending: &TrialEnding) -> rusqlite::Result<usize> {
        let answer = match &ending.answer {
            Some(answer) if self.keep_content => {
                let body = json(answer);
                let hash = ContentHash::of(body.as_bytes());
                insert_content(&self.conn, &hash, &body)?;
                Some(hash)
            }
            _ => None,
        };
        self.conn
            .prepare_cached(
                "UPDATE trial SET status = ?, error = ?, attempts = ?, backoff_ns = ?,
                     pacing_ns = ?, e2e_with_retries_ns = ?, refused = ?, answer = ?
                 WHERE idx = ? AND status = 'planned'",
            )?
            .execute(params![
                ending.status,
                ending.error,
                ending.attempts,
                Unsigned(ending.backoff_ns),
                Unsigned(ending.pacing_ns),
                ending.e2e_with_retries_ns.map(Unsigned),
                ending.answer.as_ref().is_some_and(|answer| !answer.refusal.is_empty()),
                answer,
                ending.trial,
            ])
    }

    fn score(&self, row: &ScoreRow) -> rusqlite::Result<usize> {
        insert_score(&self.conn, row, self.keep_content)
    }

    fn set_meta(&self, key: &str, value: &str) -> rusqlite::Result<()> {
        set_meta(&self.conn, key, value)
    }

    /// Gives every trial without an ending one, notes how the run ended, and folds the write-ahead
    /// log into the file, which is then whole without any other.
    pub(super) fn finish(self, ended: &RunEnding) -> Result<(), StoreError> {
        self.sqlite(self.conn.pragma_update(None, "synchronous", "FULL"))?;
        self.begin()?;
        self.sqlite(self.close_trials(ended))?;
        self.commit()?;
        self.sqlite(self.fold_log())?;
        let path = self.path;
        self.conn.close().map_err(|(_, e)| at(&path, e))
    }

    fn close_trials(&self, ended: &RunEnding) -> rusqlite::Result<()> {
        // An attempt without an ending was sent, and its outcome is unknown. A trial whose attempts
        // all ended but which was to be tried again counts as skipped, like one never begun.
        self.conn.execute_batch(
            "UPDATE trial SET
                 attempts = (SELECT count(*) FROM attempt WHERE attempt.trial = trial.idx),
                 status = CASE WHEN EXISTS (SELECT 1 FROM attempt
                                  WHERE attempt.trial = trial.idx AND ended_ns IS NULL)
                               THEN 'in_doubt' ELSE 'skipped' END
             WHERE status = 'planned'",
        )?;
        self.set_meta(ENDED, &json(ended))
    }

    /// Makes one tidy file of it, which can be copied and read from a read-only folder. While a
    /// reader looks on, SQLite refuses; then the log stays beside the file, and nothing is lost.
    fn fold_log(&self) -> rusqlite::Result<()> {
        self.conn.busy_timeout(READERS_TIMEOUT)?;
        self.conn.flush_prepared_statement_cache();
        for pragma in [FOLD, "PRAGMA journal_mode = DELETE"] {
            match self.conn.query_row(pragma, [], |_| Ok(())) {
                Err(e) if !is_busy(&e) => return Err(e),
                _ => {}
            }
        }
        Ok(())
    }

    fn sqlite<T>(&self, result: rusqlite::Result<T>) -> Result<T, StoreError> {
        result.map_err(|e| at(&self.path, e))
    }

    fn shown(&self) -> String {
        self.path.display().to_string()
    }
}

/// Writes a task, in place of an earlier form of it.
pub(super) fn put_task(
    conn: &Connection,
    task: &StoredTask,
    keep_content: bool,
) -> rusqlite::Result<()> {
    let kept =
        |value: &Option<serde_json::Value>| value.as_ref().filter(|_| keep_content).map(json);
    let prompt = if keep_content && !task.messages.is_empty() {
        let body = json(&task.messages);
        let hash = ContentHash::of(body.as_bytes());
        insert_content(conn, &hash, &body)?;
        Some(hash)
    } else {
        None
    };
    // An upsert, for trials refer to the row.
    conn.prepare_cached(
        "INSERT INTO task (idx, suite, task, category, cluster, tags, grader, reference, schema,
                           prompt, content_hash)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (idx) DO UPDATE SET category = excluded.category,
             cluster = excluded.cluster, tags = excluded.tags, grader = excluded.grader,
             reference = excluded.reference, schema = excluded.schema, prompt = excluded.prompt,
             content_hash = excluded.content_hash",
    )?
    .execute(params![
        task.idx,
        task.suite,
        task.task,
        task.category,
        task.cluster,
        json(&task.tags),
        json(&task.grader),
        kept(&task.reference),
        kept(&task.schema),
        prompt,
        task.content_hash,
    ])?;
    Ok(())
}

/// Writes an endpoint, in place of an earlier form of it.
pub(super) fn put_endpoint(
    conn: &Connection,
    stored: &StoredEndpoint,
    keep_content: bool,
) -> rusqlite::Result<()> {
    let mut endpoint = stored.endpoint.clone();
    if !keep_content {
        // A variant's system message is part of every prompt.
        endpoint.system = None;
    }
    conn.prepare_cached(
        "INSERT INTO endpoint VALUES (?, ?, ?)
         ON CONFLICT (idx) DO UPDATE SET spec = excluded.spec",
    )?
    .execute(params![stored.idx, endpoint.id.as_str(), json(&endpoint)])?;
    Ok(())
}

/// Writes a trial that is to be asked, or that cannot be.
pub(super) fn insert_trial(conn: &Connection, trial: &PlannedTrial) -> rusqlite::Result<()> {
    let status = match trial.ineligible {
        Some(_) => TrialStatus::Ineligible,
        None => TrialStatus::Planned,
    };
    conn.prepare_cached(
        "INSERT INTO trial (idx, key, task, endpoint, repeat, status, ineligible)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        trial.idx,
        trial.key,
        trial.task,
        trial.endpoint,
        trial.repeat,
        status,
        trial.ineligible,
    ])?;
    Ok(())
}

pub(super) fn insert_content(
    conn: &Connection,
    hash: &ContentHash,
    body: &str,
) -> rusqlite::Result<()> {
    conn.prepare_cached("INSERT INTO content VALUES (?, ?) ON CONFLICT DO NOTHING")?
        .execute(params![hash, body])?;
    Ok(())
}

/// Notes a fact about the run.
pub(super) fn set_meta(conn: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO meta VALUES (?, ?)")?.execute([key, value])?;
    Ok(())
}

/// Stores a score, in place of an earlier one. The detail quotes the answer: without content only
/// what it says of the answer's form is kept.
pub(super) fn insert_score(
    conn: &Connection,
    row: &ScoreRow,
    keep_content: bool,
) -> rusqlite::Result<usize> {
    let fault = || form_fault(&row.detail).unwrap_or_default();
    let detail = if keep_content { row.detail.as_str() } else { fault() };
    let Grading { grader, version } = &row.grading;
    conn.prepare_cached(
        "INSERT INTO grading (grader, version) VALUES (?, ?) ON CONFLICT DO NOTHING",
    )?
    .execute(params![grader, version])?;
    conn.prepare_cached(
        "INSERT OR REPLACE INTO score (grading, trial, criterion, value, detail, cost)
         SELECT id, ?, ?, ?, ?, ? FROM grading WHERE grader = ? AND version = ?",
    )?
    .execute(params![row.trial, row.criterion, row.value, detail, row.cost, grader, version])
}

fn is_busy(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
    matches!(error.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked))
}

/// Our own types as JSON text.
pub(super) fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("our own types have string keys only")
}

/// Makes the empty file, which must not exist; only its owner may read it, for prompts are often
/// confidential. SQLite gives its side files the same mode.
fn make_file(path: &Path) -> Result<(), StoreError> {
    let shown = || path.display().to_string();
    let io = |source| StoreError::Io { path: shown(), source };
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(StoreError::Exists { path: shown() })
        }
        Err(e) => Err(io(e)),
    }
}

/// Removes a file that holds no run, with what SQLite keeps beside it.
pub(super) fn remove(path: &Path) {
    for file in sql::with_side_files(path) {
        // What cannot be removed is an empty file at worst, which nothing takes for a run.
        let _ = std::fs::remove_file(file);
    }
}
