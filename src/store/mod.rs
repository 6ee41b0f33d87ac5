//! The run database: the truth of a run.
//!
//! SQLite (WAL, `synchronous=FULL`), one writer, one process at a time. Its tables are in
//! `schema_v1.sql` and those after it; times are integer nanoseconds since the run's clock anchor, money is a decimal
//! string, unknown is NULL.

mod gaps;
mod live;
mod load;
mod lock;
mod merge;
mod read;
mod record;
mod request;
mod resume;
mod run_file;
mod sql;
#[cfg(test)]
mod tests;
mod writer;

pub use live::{NewRun, Store, StoreMode};
pub use load::{LoadChange, LoadOutcome, LoadRecord, LoadRow, LoadSpan};
pub use merge::{MergeError, MergePart, merge_runs};
pub use read::{Order, Reader, TaskLabels, TaskRubric, TrialRow};
pub use record::{
    AttemptId, Grading, OVERALL, PlannedTrial, Record, ScoreRow, StoredEndpoint, StoredTask,
    TrialEnding, TrialStatus,
};
pub use request::{RequestIntent, RequestRecord, RequestSource};
pub use resume::{ExistingRun, PriorSessions, ResumedRun, Spend, StoredTrial, TrialProgress};
pub use sql::FILE_NAME;
pub use writer::Writer;

/// Why the run database failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder or the file cannot be made.
    #[error("{path}: {source}")]
    Io {
        /// The database file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// SQLite's own error, with the file.
    #[error("{path}: {source}")]
    Sqlite {
        /// The database file.
        path: String,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file is not a run database.
    #[error("{path} is not a Weighbridge run database")]
    NotOurs {
        /// The file.
        path: String,
    },
    /// The file was written by a newer version.
    #[error("{path} has format {found}; this version reads up to {known}. Update weighbridge")]
    TooNew {
        /// The file.
        path: String,
        /// Its format.
        found: i32,
        /// What is known here.
        known: i32,
    },
    /// A stored value does not read back.
    #[error("{path}: {what} does not read back: {why}")]
    Corrupt {
        /// The file.
        path: String,
        /// Which value.
        what: String,
        /// Why.
        why: String,
    },
    /// A run without answers cannot be judged again.
    #[error(
        "{path} keeps no answers (--no-content): they were graded as they came, and their scores stand"
    )]
    NoContent {
        /// The file.
        path: String,
    },
    /// The folder already holds a run.
    #[error("{path} already holds a run; choose another --out, or remove it")]
    Exists {
        /// The database file.
        path: String,
    },
    /// Another process works on the run.
    #[error("{dir} is in use by {by}: wait until it has ended, or choose another folder")]
    InUse {
        /// The run folder.
        dir: String,
        /// Who uses it.
        by: String,
    },
    /// No run there.
    #[error("{path} does not exist: is this a run folder?")]
    Missing {
        /// The database file.
        path: String,
    },
    /// The writer stopped, so nothing more can be recorded.
    #[error("the run database stopped taking records: {0}")]
    Stopped(String),
}
