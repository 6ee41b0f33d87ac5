//! The CSV files. `results/README.md` documents every column.
//!
//! Unknown is an empty cell, never 0. A text that a spreadsheet would run as a formula is made
//! inert; numbers are untouched.

mod cells;
mod latency;
mod load;
mod summary;
mod trials;

pub(super) use cells::{io_error, number};
pub(super) use latency::write as write_latency;
pub(super) use load::{request_cells, request_columns};
pub(super) use load::{write_latency as write_load_latency, write_summary as write_load_summary};
pub(super) use summary::write as write_summary;
pub(super) use trials::{trial_cells, trial_columns};
