//! Cells as text.

use std::io;

use crate::report::model::Estimate;
use crate::report::number::significant;

/// Significant digits of a number in a file.
const DIGITS: usize = 6;

/// A number cell.
pub(crate) fn number(value: f64) -> String {
    significant(value, DIGITS)
}

/// The cells `value, ci_low, ci_high, n, method` of an estimate.
pub(super) fn estimate(estimate: &Estimate) -> [String; 5] {
    [
        number(estimate.value),
        estimate.low.map(number).unwrap_or_default(),
        estimate.high.map(number).unwrap_or_default(),
        estimate.n.to_string(),
        estimate.method.name().to_owned(),
    ]
}

/// What the `csv` crate says, as an I/O error: our rows all have the same length and are UTF-8.
pub(crate) fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}
