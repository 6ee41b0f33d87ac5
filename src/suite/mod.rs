//! Suites of tasks: prompts with references and graders, and loading them.

pub mod bundled;
mod check;
mod error;
mod importers;
mod load;
mod source;
mod task;

pub use check::{Finding, Severity, check_suite};
pub use error::SuiteError;
pub use importers::ColumnMap;
pub use load::{load_path, load_texts};
pub use task::{LoadedSuite, Suite, Task, prompt_hash};
