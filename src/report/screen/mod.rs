//! The answer on one screen: *which model for what, and why*, in at most 24 lines of at most 80
//! columns.

mod answer;
mod endpoints;
mod headline;
mod problems;
mod work;

pub(super) use answer::{COLUMNS, LINES, files, lines};
pub use answer::{Detail, answer};
