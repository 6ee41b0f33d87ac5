//! Writing to a finished run: new scores for old answers.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::lock::RunLock;
use super::read::{decode_answer, meta};
use super::run_file::{KEEP_CONTENT, insert_score};
use super::sql::{self, at};
use super::{ScoreRow, StoreError};
use crate::units::AnswerContent;

/// A synchronous writer on a finished run.
///
/// While it writes, no [`super::Reader`] of the same run may be held: one file, one lock.
#[derive(Debug)]
pub struct Writer<'a> {
    conn: Connection,
    path: PathBuf,
    keep_content: bool,
    _lock: &'a RunLock,
}

impl<'a> Writer<'a> {
    /// Opens the run in the folder of this lock.
    pub fn open(lock: &'a RunLock) -> Result<Self, StoreError> {
        let path = sql::path_in(lock.dir());
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

    /// Grades every answer of the run again, in the order of the plan, and replaces all scores with
    /// the new ones, in one transaction. `grade` takes the trial, its task and its answer (`None`:
    /// not kept); where it gives `None`, the trial has no score.
    ///
    /// # Errors
    /// [`StoreError::NoContent`] for a run that keeps no answers: it cannot be graded again.
    pub fn regrade(
        &mut self,
        mut grade: impl FnMut(u32, u32, Option<AnswerContent>) -> Option<ScoreRow>,
    ) -> Result<(), StoreError> {
        if !self.keep_content {
            return Err(StoreError::NoContent { path: self.path.display().to_string() });
        }
        self.transaction(|conn, path| {
            conn.execute_batch("DELETE FROM score")?;
            let mut answers = conn.prepare(super::read::ANSWERS)?;
            let mut rows = answers.query([])?;
            while let Some(row) = rows.next()? {
                // A damaged trial has no score.
                let place = [sql::cell::<u32>(row, 0)?, sql::cell::<u32>(row, 1)?];
                let ([Some(trial), Some(task)], Ok(answer)) = (place, decode_answer(row, path))
                else {
                    continue;
                };
                if let Some(score) = grade(trial, task, answer) {
                    insert_score(conn, &score, true)?;
                }
            }
            Ok(())
        })
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
