//! The answer on one screen: *which model for what, and why*, in at most 24 lines of at most 80
//! columns.

mod answer;
mod below;
mod endpoints;
mod headline;
mod problems;
mod size;
mod work;

pub use answer::{Detail, answer};
pub(super) use answer::{files, lines};
pub(super) use size::{COLUMNS, LINES};
