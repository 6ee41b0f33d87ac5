//! Everything that a finished run shows: the screen, the page, the Markdown summary, the charts,
//! the CSV files.
//!
//! `model` computes [`RunReport`] and [`LoadReport`]; everything else renders them. Names from
//! catalogs, suites and servers are hostile: `text` escapes their control characters, and each file
//! escapes them again for its place.

mod answers;
mod answers_page;
mod billing_notes;
mod chart;
mod csv;
mod error;
mod html;
mod in_service;
pub mod load;
mod markdown;
pub(crate) mod model;
mod names;
mod number;
mod page;
mod rate_limit_notes;
mod remedy;
mod routing_notes;
mod run_text;
mod screen;
mod text;
mod timing_error;
mod token_count_notes;
mod usage_notes;
mod verdict;
mod write;

#[cfg(test)]
mod fixture;

pub use answers::{Pair, answers_json, answers_text};
pub use billing_notes::notes as billing_notes;
pub use error::ReportError;
pub use load::{answer as load_answer, write as write_load};
pub use model::{LoadReport, RunReport};
pub use remedy::remedy;
pub use screen::{Detail, answer};
pub(crate) use text::provider_words;
pub use write::{remove_unfinished, write_all, write_whole};
