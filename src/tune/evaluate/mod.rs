//! What a weights file gives on the tasks of a run, beside simpler policies on the same tasks.
//!
//! Everything here is counted on the run's tasks: on tasks that a file was not tuned on, these figures
//! are honest ones of the file.

mod evaluation;
mod figures;
mod outage;
mod policies;
mod served;

pub use evaluation::{EvaluateError, Evaluation, Policy, evaluate, outages};
pub use figures::{Figures, Percentiles};
pub use outage::Outage;
