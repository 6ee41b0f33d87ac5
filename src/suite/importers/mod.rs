//! One file per format of a suite. Each reads its format into raw tasks; `raw` builds the suite.

mod choices;
mod columns;
mod conversation;
pub(super) mod csv;
mod fields;
pub(super) mod folder;
pub(super) mod json;
pub(super) mod jsonl;
mod layout;
mod line_fields;
mod promptfoo;
mod raw;
mod rows;
mod suggestion;
mod table;
mod table_notes;
mod template;

pub use columns::ColumnMap;
