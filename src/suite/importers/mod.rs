//! One file per format of a suite. Each reads its format into raw tasks; `raw` builds the suite.

mod columns;
pub(super) mod csv;
mod fields;
pub(super) mod folder;
pub(super) mod jsonl;
mod raw;
mod table;

pub use columns::ColumnMap;
