//! From a run's figures to its routing weights: estimates, admissibility, the linear program,
//! verdicts.
//!
//! [`tune`] is pure. It learns from the whole run how much better and cheaper each endpoint is
//! (`evidence`), admits endpoints per category (`admit`, `exclusion`), mixes them by one linear program
//! over all categories (`mix`, `limits`, `solve`, `round`), keeps the surest moves (`choose`), and
//! explains the result (`verdict`, `forecast`, `fallback`, `expected`, `notes`).

mod admit;
mod build;
mod choose;
mod evidence;
mod exclusion;
mod expected;
mod fallback;
#[cfg(test)]
mod file_tests;
#[cfg(test)]
mod fixture;
mod forecast;
mod limits;
mod mix;
mod notes;
mod round;
mod solve;
mod text;
mod verdict;

pub use build::tune;
