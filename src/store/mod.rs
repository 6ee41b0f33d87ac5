//! The run database: the truth of a run.
//!
//! SQLite (WAL, `synchronous=FULL`), one writer, one process at a time. Its tables are in
//! `schema_v1.sql` and those after it; times are integer nanoseconds since the run's clock anchor, money is a decimal
//! string, unknown is NULL.

mod answers;
mod error;
mod gaps;
mod import;
mod live;
mod load;
mod load_reader;
mod load_store;
mod lock;
mod lost;
mod merge;
mod new_run;
mod place;
mod read;
mod record;
mod request;
mod resume;
mod run_file;
mod sql;
#[cfg(test)]
mod tests;
mod writer;

pub use answers::TrialPlace;
pub use error::StoreError;
pub use import::{ImportedTrial, import_run};
pub use live::Store;
pub use load::{LoadChange, LoadOutcome, LoadRecord, LoadRow, LoadSpan};
pub use lock::RunLock;
pub use lost::check_not_lost;
pub use merge::{MergeError, MergePart, merge_runs};
pub use new_run::{NewRun, StoreMode};
pub use read::{Order, Reader, TaskLabels, TaskRubric, TrialRow, recover};
pub use record::{
    AttemptId, Grading, OVERALL, PlannedTrial, Record, ScoreRow, StoredEndpoint, StoredTask,
    TrialEnding, TrialStatus,
};
pub use request::{RequestIntent, RequestRecord, RequestSource};
pub use resume::{ExistingRun, PriorSessions, ResumedRun, Spend, StoredTrial, TrialProgress};
pub use sql::FILE_NAME;
pub use writer::Writer;
