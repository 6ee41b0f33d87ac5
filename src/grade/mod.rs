//! Grading the answers of a run.

mod regrade;
mod timed;

pub use regrade::{GradeCounts, grade_run};
