//! The CSV files. `results/README.md` documents every column.
//!
//! Unknown is an empty cell, never 0. A text that a spreadsheet would run as a formula is made
//! inert; numbers are untouched.

use std::io;

use crate::report::model::Estimate;
use crate::units::escape::escape_csv_formula;

use super::number;

mod latency;
mod load;
mod summary;
mod trials;

pub(super) use latency::write as write_latency;
pub(super) use load::{REQUEST_COLUMNS, request_cells};
pub(super) use load::{write_latency as write_load_latency, write_summary as write_load_summary};
pub(super) use summary::write as write_summary;
pub(super) use trials::{COLUMNS as TRIAL_COLUMNS, cells as trial_cells};

/// Significant digits of a number in a file.
const DIGITS: usize = 6;

/// A number cell.
pub(super) fn number(value: f64) -> String {
    number::significant(value, DIGITS)
}

/// The cells `value, ci_low, ci_high, n, method` of an estimate.
fn estimate(estimate: &Estimate) -> [String; 5] {
    [
        number(estimate.value),
        estimate.low.map(number).unwrap_or_default(),
        estimate.high.map(number).unwrap_or_default(),
        estimate.n.to_string(),
        estimate.method.name().to_owned(),
    ]
}

/// What the `csv` crate says, as an I/O error: our rows all have the same length and are UTF-8.
pub(super) fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}
