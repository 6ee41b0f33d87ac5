//! Grading the answers of a run.

mod regrade;

pub use regrade::{GradeCounts, grade_run};
