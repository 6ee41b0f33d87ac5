//! The application: everything between options and layers.
//!
//! Each function takes plain options, reports what happens through [`Events`], and returns an
//! outcome or an [`AppError`]. It prints nothing and never ends the process. A function that sends
//! requests builds its own async runtime, so call it from a thread that is not driving one.
//!
//! The demo in virtual time, into a folder of the caller's, and its verdicts:
//!
//! ```
//! use weighbridge::app::{self, RunOptions, RunStatus, Silent};
//!
//! let folder = tempfile::tempdir()?;
//! let mut options = RunOptions { virtual_time: true, ..RunOptions::default() };
//! options.out = Some(folder.path().join("run"));
//! options.plan.select.demo = true;
//! options.plan.select.limit = Some(45);
//!
//! let outcome = app::run(options, &Silent)?;
//! assert_eq!(outcome.status, RunStatus::Complete);
//! let weights = outcome.weights.expect("the demo is graded");
//! for (category, choice) in &weights.categories {
//!     println!("{category}: {}", choice.verdict.word.word());
//! }
//! assert!(folder.path().join("run/report.html").exists());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub(crate) mod calibrate;
pub(crate) mod catalog;
pub(crate) mod catalog_source;
pub(crate) mod csv_rows;
pub(crate) mod error;
pub(crate) mod fleet;
pub(crate) mod init;
pub(crate) mod suites;
pub(crate) mod weights;

mod baseline;
mod events;
mod execution;
mod export;
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
mod month;
mod options;
mod outcome;
mod outcomes;
mod plan;
mod policy;
mod report;
mod reprice;
mod resume;
mod run;
mod run_folder;
mod selection;
mod served;
mod show;
mod snapshots;
mod spend;
mod tune;

pub use error::AppError;
pub(crate) use error::chain;
pub use events::{Answer, Event, Events, LiveLoad, LiveRun, Progress, Question, Silent};
pub use export::{ExportOutcome, export};
pub use grade::grade;
pub use load::load;
pub use merge::merge;
pub use options::{
    ExportOptions, GradeOptions, ImportOptions, LoadOptions, MergeOptions, PlanOptions,
    ReportOptions, RunOptions, SelectOptions, ShowOptions, SweepOptions, Timeouts, TuneOptions,
};
pub use outcome::{LoadOutcome, RunOutcome, RunStatus};
pub use outcomes::import;
pub use plan::{PlanOutcome, plan};
pub use report::{ReportOutcome, report};
pub(crate) use reprice::reprice;
pub use run::{resume, run};
pub use show::{ShowOutcome, show};
pub use tune::tune;

// What the signatures above reach.
pub use crate::export::{Gateway, KeyVariable};
pub use crate::outcomes::OutcomeFormat;
pub use crate::plan::Shard;
pub use crate::plan::estimate::{CategoryEstimate, EndpointEstimate, PlanEstimate};
pub use crate::report::Detail;
pub use crate::run::Signals;
pub use crate::suite::ColumnMap;
pub use crate::units::{CacheMode, Goal, Usd};
