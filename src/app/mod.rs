//! The application: everything between options and layers.
//!
//! Each function takes plain options, tells what happens through [`Events`], and returns what it
//! made. It prints nothing and exits nowhere.

pub(crate) mod calibrate;
pub(crate) mod catalog;
pub(crate) mod catalog_source;
pub(crate) mod csv_rows;
pub(crate) mod error;
pub(crate) mod fleet;
pub(crate) mod init;
pub(crate) mod suites;

mod baseline;
mod events;
mod execution;
mod file_limit;
mod finish;
mod grade;
mod inputs;
mod key_command;
mod keys;
mod lanes;
mod load;
mod manifest;
mod merge;
mod options;
mod outcome;
mod plan;
mod policy;
mod report;
mod reprice;
mod resume;
mod run;
mod run_folder;
mod selection;
mod snapshots;
mod spend;
mod tune;

pub use error::AppError;
pub use events::{Answer, Event, Events, LiveLoad, LiveRun, Progress, Question, Silent};
pub use grade::grade;
pub use load::load;
pub use merge::merge;
pub use options::{
    GradeOptions, LoadOptions, MergeOptions, PlanOptions, ReportOptions, RunOptions, SelectOptions,
    SweepOptions, Timeouts, TuneOptions,
};
pub use outcome::{LoadOutcome, RunOutcome, RunStatus};
pub use plan::{PlanOutcome, plan};
pub use report::{ReportOutcome, report};
pub(crate) use reprice::reprice;
pub use run::{resume, run};
pub use tune::tune;
