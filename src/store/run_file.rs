//! What is done to a run database, one transaction at a time. Who calls this, and on which
//! thread, is the business of `store.rs`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, params};

use super::sql::{self, Unsigned, at};
use super::{
    AttemptEnding, AttemptIntent, Ended, NewRun, PlannedTrial, Record, ScoreRow, Source,
    StoreError, StoreMode, StoredEndpoint, StoredTask, TrialEnding, TrialStatus,
};
use crate::units::ContentHash;

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
    keep_content: bool,
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
        let path = sql::path_in(dir);
        make_file(dir, &path)?;
        Self::create_in(path.clone(), mode, new, trials, max_pages).inspect_err(|_| {
            for suffix in ["", "-wal", "-shm"] {
                let mut file = path.clone().into_os_string();
                file.push(suffix);
                // What cannot be removed is an empty file at worst, which nothing takes for a run.
                let _ = std::fs::remove_file(file);
            }
        })
    }

    fn create_in(
        path: PathBuf,
        mode: StoreMode,
        new: &NewRun<'_>,
        trials: impl Iterator<Item = PlannedTrial>,
        max_pages: Option<u32>,
    ) -> Result<Self, StoreError> {
        let conn =
            sql::connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|e| at(&path, e))?;
        let file = Self { conn, path, keep_content: new.keep_content };
        file.sqlite(file.prepare(mode, max_pages))?;
        file.begin()?;
        file.sqlite(file.insert_plan(new, trials))?;
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
            StoreMode::Inline => "OFF",
        };
        self.conn.pragma_update(None, "synchronous", synchronous)?;
        if let Some(pages) = max_pages {
            self.conn.pragma_update(None, "max_page_count", pages)?;
        }
        Ok(())
    }

    fn insert_plan(
        &self,
        new: &NewRun<'_>,
        trials: impl Iterator<Item = PlannedTrial>,
    ) -> rusqlite::Result<()> {
        // The marks that make the file ours are part of the transaction: a file whose plan is not
        // complete is never taken for a run.
        sql::migrate(&self.conn)?;
        self.conn.pragma_update(None, "application_id", sql::APPLICATION_ID)?;
        self.set_meta(MANIFEST, &json(new.manifest))?;
        self.set_meta(KEEP_CONTENT, &json(&new.keep_content))?;
        for task in new.tasks {
            self.insert_task(task)?;
        }
        for endpoint in new.endpoints {
            self.insert_endpoint(endpoint)?;
        }
        for trial in trials {
            self.insert_trial(&trial)?;
        }
        Ok(())
    }

    fn insert_task(&self, task: &StoredTask) -> rusqlite::Result<()> {
        let kept = |value: &Option<serde_json::Value>| {
            value.as_ref().filter(|_| self.keep_content).map(json)
        };
        let prompt = if self.keep_content && !task.messages.is_empty() {
            let body = json(&task.messages);
            let hash = ContentHash::of(body.as_bytes());
            self.insert_content(&hash, &body)?;
            Some(hash)
        } else {
            None
        };
        self.conn
            .prepare_cached("INSERT INTO task VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?
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
            ])?;
        Ok(())
    }

    fn insert_endpoint(&self, stored: &StoredEndpoint) -> rusqlite::Result<()> {
        let mut endpoint = stored.endpoint.clone();
        if !self.keep_content {
            // A variant's system message is part of every prompt.
            endpoint.system = None;
        }
        self.conn.prepare_cached("INSERT INTO endpoint VALUES (?, ?, ?)")?.execute(params![
            stored.idx,
            endpoint.id.as_str(),
            json(&endpoint)
        ])?;
        Ok(())
    }

    fn insert_trial(&self, trial: &PlannedTrial) -> rusqlite::Result<()> {
        let status = match trial.ineligible {
            Some(_) => TrialStatus::Ineligible,
            None => TrialStatus::Planned,
        };
        self.conn
            .prepare_cached(
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

    fn insert_content(&self, hash: &ContentHash, body: &str) -> rusqlite::Result<()> {
        self.conn
            .prepare_cached("INSERT INTO content VALUES (?, ?) ON CONFLICT DO NOTHING")?
            .execute(params![hash, body])?;
        Ok(())
    }

    /// Starts a transaction.
    pub(super) fn begin(&self) -> Result<(), StoreError> {
        self.execute("BEGIN IMMEDIATE")
    }

    /// Commits it. In `Threaded` mode the records are on the disk when this returns.
    pub(super) fn commit(&self) -> Result<(), StoreError> {
        self.execute("COMMIT")
    }

    fn execute(&self, statement: &str) -> Result<(), StoreError> {
        let done = self.conn.prepare_cached(statement).and_then(|mut s| s.execute([]));
        self.sqlite(done).map(|_| ())
    }

    /// Gives up what is not committed.
    pub(super) fn roll_back(&self) {
        // After a full disk SQLite may have rolled back by itself, and closing would do it too.
        if !self.conn.is_autocommit() {
            let _ = self.conn.execute_batch("ROLLBACK");
        }
    }

    /// Writes one record inside the open transaction.
    pub(super) fn apply(&self, record: &Record) -> Result<(), StoreError> {
        let (changed, what) = match record {
            Record::Intent(intent) => (self.intent(intent), None),
            Record::Attempt(ending) => {
                let what = ("attempt", "it ended without an intent, or twice", ending.trial);
                (self.attempt(ending), Some(what))
            }
            Record::Trial(ending) => {
                let what = ("trial", "it ended without being planned, or twice", ending.trial);
                (self.trial(ending), Some(what))
            }
            Record::Score(row) => (self.score(row), None),
            Record::Load(change) => return super::load::apply(&self.conn, &self.path, change),
        };
        match (self.sqlite(changed)?, what) {
            (0, Some((what, why, trial))) => Err(StoreError::Corrupt {
                path: self.shown(),
                what: format!("the {what} of trial {trial}"),
                why: why.to_owned(),
            }),
            _ => Ok(()),
        }
    }

    fn intent(&self, intent: &AttemptIntent) -> rusqlite::Result<usize> {
        self.conn
            .prepare_cached(
                "INSERT INTO attempt (trial, attempt, source, bound, intended_ns)
                 VALUES (?, ?, ?, ?, ?)",
            )?
            .execute(params![
                intent.trial,
                intent.attempt,
                Source::Run.name(),
                intent.bound,
                Unsigned(intent.at_ns),
            ])
    }

    fn attempt(&self, ending: &AttemptEnding) -> rusqlite::Result<usize> {
        let int = |value: Option<u64>| value.map(Unsigned);
        // A provider's own words may quote what it was sent.
        let detail = ending.error_detail.as_ref().filter(|_| self.keep_content);
        let usage = ending.usage_verbatim.as_ref().filter(|_| self.keep_content);
        self.conn
            .prepare_cached(
                "UPDATE attempt SET
                     error = ?, error_detail = ?, http_status = ?, simulated = ?, streamed = ?,
                     dispatched_ns = ?, connected_ns = ?, headers_ns = ?, first_byte_ns = ?,
                     first_token_ns = ?, first_output_ns = ?, last_token_ns = ?, ended_ns = ?,
                     token_reads = ?, token_events = ?, reasoning_seen = ?, gaps_us = ?,
                     input_tokens = ?, cached_input_tokens = ?, cache_write_tokens = ?,
                     output_tokens = ?, reasoning_tokens = ?, usage = ?, tokens_source = ?,
                     cost_usd = ?, cost_reported_usd = ?, finish_reason = ?, response_model = ?,
                     served_by = ?
                 WHERE trial = ? AND attempt = ? AND ended_ns IS NULL",
            )?
            .execute(params![
                ending.error,
                detail,
                ending.http_status,
                ending.simulated,
                ending.streamed,
                Unsigned(ending.dispatched_ns),
                int(ending.connected_ns),
                int(ending.headers_ns),
                int(ending.first_byte_ns),
                int(ending.first_token_ns),
                int(ending.first_output_ns),
                int(ending.last_token_ns),
                Unsigned(ending.ended_ns),
                ending.token_reads,
                ending.token_events,
                ending.reasoning_seen,
                super::gaps::encode(&ending.gaps_us),
                int(ending.usage.input),
                int(ending.usage.cached_input),
                int(ending.usage.cache_write),
                int(ending.usage.output),
                int(ending.usage.reasoning),
                usage,
                ending.tokens_source,
                ending.cost,
                ending.cost_reported,
                ending.finish_reason,
                ending.response_model,
                ending.served_by,
                ending.trial,
                ending.attempt,
            ])
    }

    fn trial(&self, ending: &TrialEnding) -> rusqlite::Result<usize> {
        let answer = match &ending.answer {
            Some(answer) if self.keep_content => {
                let body = json(answer);
                let hash = ContentHash::of(body.as_bytes());
                self.insert_content(&hash, &body)?;
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
    pub(super) fn finish(self, ended: &Ended) -> Result<(), StoreError> {
        self.sqlite(self.conn.pragma_update(None, "synchronous", "FULL"))?;
        self.begin()?;
        self.sqlite(self.close_trials(ended))?;
        self.commit()?;
        self.sqlite(self.fold_log())?;
        let path = self.path;
        self.conn.close().map_err(|(_, e)| at(&path, e))
    }

    fn close_trials(&self, ended: &Ended) -> rusqlite::Result<()> {
        // An attempt without an ending was sent, and nobody knows what came of it. A trial whose
        // attempts all ended but which was to be tried again is left out like one never begun.
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

/// Notes a fact about the run.
pub(super) fn set_meta(conn: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO meta VALUES (?, ?)")?.execute([key, value])?;
    Ok(())
}

/// Stores a verdict, in place of an earlier one. The detail quotes the answer, so it goes the way
/// of the answers.
pub(super) fn insert_score(
    conn: &Connection,
    row: &ScoreRow,
    keep_content: bool,
) -> rusqlite::Result<usize> {
    let detail = if keep_content { row.detail.as_str() } else { "" };
    conn.prepare_cached("INSERT OR REPLACE INTO score VALUES (?, ?, ?)")?
        .execute(params![row.trial, row.score, detail])
}

fn is_busy(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
    matches!(error.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked))
}

/// Our own types as JSON text.
fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("our own types have string keys only")
}

/// Makes the empty file, which must not exist; only its owner may read it, for prompts are often
/// confidential. SQLite gives its side files the same mode.
fn make_file(dir: &Path, path: &Path) -> Result<(), StoreError> {
    let shown = || path.display().to_string();
    let io = |source| StoreError::Io { path: shown(), source };
    std::fs::create_dir_all(dir).map_err(io)?;
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
