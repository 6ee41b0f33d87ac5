//! Why a run database failed.

use std::path::Path;

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
    /// A stored value cannot be read.
    #[error("{path}: {what} is corrupt: {why}")]
    Corrupt {
        /// The file.
        path: String,
        /// Which value.
        what: String,
        /// Why.
        why: String,
    },
    /// A run without answers cannot be graded again.
    #[error(
        "{path} keeps no answers (--no-content); they were graded during the run, and those scores are kept"
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
    #[error("{dir} is in use by {by}; wait until it has ended, or choose another folder")]
    InUse {
        /// The run folder.
        dir: String,
        /// Who uses it.
        by: String,
    },
    /// Nothing can be written in the run folder.
    #[error("{dir} cannot be written to ({source}); copy it to a place that you may write to")]
    ReadOnly {
        /// The run folder.
        dir: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A process was cut off while it wrote, and nothing can be written to set that right.
    #[error(
        "{path} was cut off in the middle of a write, and its folder cannot be written to; copy the \
         folder to a place that you may write to"
    )]
    Torn {
        /// The database file.
        path: String,
    },
    /// The files that are made from a run are there, and the run is not.
    #[error(
        "{dir} holds {file} of a run, and run.sqlite is {state}: a new run would pay for all its \
         requests again. Put run.sqlite back from a copy, or choose another --out"
    )]
    Lost {
        /// The run folder.
        dir: String,
        /// A file of the run.
        file: String,
        /// `missing` or `empty`.
        state: &'static str,
    },
    /// No run there.
    #[error("{path} does not exist: is this a run folder?")]
    Missing {
        /// The database file.
        path: String,
    },
    /// The file is no longer where it was.
    #[error(
        "{path} is gone: its folder was removed or moved while the run went on. Nothing more is sent"
    )]
    Vanished {
        /// The database file.
        path: String,
    },
    /// The writer stopped, so nothing more can be recorded.
    #[error("the run database stopped taking records: {0}")]
    Stopped(String),
}

pub(super) fn corrupt(path: &Path, what: &str, why: &str) -> StoreError {
    let path = path.display().to_string();
    StoreError::Corrupt { path, what: what.to_owned(), why: why.to_owned() }
}
