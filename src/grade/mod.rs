//! Grading the answers of a run.

mod regrade;

pub use regrade::{Graded, grade_run};
