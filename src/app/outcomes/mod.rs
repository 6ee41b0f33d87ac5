//! `outcomes`: runs that were measured elsewhere.

mod error_class;
mod import;
mod judging;
mod stored;

pub use import::import;
