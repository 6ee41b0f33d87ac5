//! Outcome tables: what a team's own evaluation measured, query by query and model by model. One file
//! per format reads into [`OutcomeTable`].

mod builder;
mod csv_table;
mod error;
mod format;
mod inspect;
mod inspect_log;
mod json;
mod number;
mod options;
mod place;
mod promptfoo;
mod read;
mod table;
mod unpack;
mod zip;

pub use error::OutcomesError;
pub use format::OutcomeFormat;
pub use options::ReadOptions;
pub use read::read_tables;
pub use table::{Outcome, OutcomeTable, Query, TableModel};
