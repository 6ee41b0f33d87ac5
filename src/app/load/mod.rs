//! `load`: traffic for latency under load.

mod conclude;
mod job;
mod mode;
mod run;
mod sweep;

pub(crate) use conclude::conclude;
pub use run::load;
