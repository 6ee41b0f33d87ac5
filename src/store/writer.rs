//! Writing on a finished run: new scores for old answers, and notes.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::lock::RunLock;
use super::read::{decode_answer, meta};
use super::run_file::{ENDED, KEEP_CONTENT, MANIFEST, insert_score, set_meta};
use super::sql::{self, at};
use super::{ScoreRow, StoreError};
use crate::units::AnswerContent;

/// A synchronous writer on a finished run.
///
/// While it writes, no [`super::Reader`] of the same run may be held: one file, one lock.
#[derive(Debug)]
pub struct Writer {
    conn: Connection,
    path: PathBuf,
    keep_content: bool,
    /// Given back after the connection is closed: fields are dropped in order.
    _lock: RunLock,
}

impl Writer {
    /// Opens the run in this folder; [`StoreError::InUse`] while it still runs.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = sql::path_in(dir);
        if !path.is_file() {
            return Err(StoreError::Missing { path: path.display().to_string() });
        }
        let lock = RunLock::take(dir)?;
        let mut conn = sql::open_existing(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        conn.pragma_update(None, "synchronous", "FULL").map_err(|e| at(&path, e))?;
        // What is written on is brought to the newest format first, whole or not at all.
        if sql::format(&conn).map_err(|e| at(&path, e))? < sql::FORMAT {
            let migrated = conn
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .and_then(|step| sql::migrate(&step).and_then(|()| step.commit()));
            migrated.map_err(|e| at(&path, e))?;
        }
        let kept = meta(&conn, KEEP_CONTENT).map_err(|e| at(&path, e))?;
        Ok(Self { conn, path, keep_content: kept.as_deref() == Some("true"), _lock: lock })
    }

    /// Puts these scores in the place of all that were there, in one transaction: either all are
    /// new afterwards or none.
    pub fn replace_scores(
        &mut self,
        rows: impl Iterator<Item = ScoreRow>,
    ) -> Result<(), StoreError> {
        let keep_content = self.keep_content;
        self.transaction(|conn, _| {
            conn.execute_batch("DELETE FROM score")?;
            for row in rows {
                insert_score(conn, &row, keep_content)?;
            }
            Ok(())
        })
    }

    /// Judges every answer of the run again, in the order of the plan, and puts the verdicts in
    /// the place of all that were there, in one transaction. `judge` takes the trial, its task and
    /// its answer (`None`: not kept); its `None` leaves the trial without a verdict.
    ///
    /// # Errors
    /// [`StoreError::NoContent`] for a run that keeps no answers: its verdicts cannot be made again.
    pub fn regrade(
        &mut self,
        mut judge: impl FnMut(u32, u32, Option<AnswerContent>) -> Option<ScoreRow>,
    ) -> Result<(), StoreError> {
        if !self.keep_content {
            return Err(StoreError::NoContent { path: self.path.display().to_string() });
        }
        self.transaction(|conn, path| {
            conn.execute_batch("DELETE FROM score")?;
            let mut answers = conn.prepare(super::read::ANSWERS)?;
            let mut rows = answers.query([])?;
            while let Some(row) = rows.next()? {
                let answer = decode_answer(row, path)?;
                if let Some(score) = judge(row.get(0)?, row.get(1)?, answer) {
                    insert_score(conn, &score, true)?;
                }
            }
            Ok(())
        })
    }

    /// Notes a fact about the run under a key, in place of an earlier one.
    ///
    /// # Panics
    /// On the keys that the run itself is described by.
    pub fn set_meta(&mut self, key: &str, value: &str) -> Result<(), StoreError> {
        assert!(![MANIFEST, ENDED, KEEP_CONTENT].contains(&key), "{key} is the run's own");
        set_meta(&self.conn, key, value).map_err(|e| at(&self.path, e))
    }

    fn transaction(
        &mut self,
        write: impl FnOnce(&Connection, &Path) -> Result<(), Failure>,
    ) -> Result<(), StoreError> {
        let path = &self.path;
        let sqlite = |e| at(path, e);
        let begun = self.conn.transaction_with_behavior(TransactionBehavior::Immediate);
        let transaction = begun.map_err(sqlite)?;
        match write(&transaction, path) {
            Ok(()) => transaction.commit().map_err(sqlite),
            Err(Failure::Sqlite(e)) => Err(sqlite(e)),
            Err(Failure::Store(e)) => Err(e),
        }
    }
}

/// What can go wrong inside a transaction.
enum Failure {
    Sqlite(rusqlite::Error),
    Store(StoreError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
