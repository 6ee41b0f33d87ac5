//! From a run's figures to its routing weights: estimates, admissibility, the linear program,
//! verdicts.
//!
//! [`tune`] is pure. It admits endpoints per category (`admit`), mixes them by one linear program
//! over all categories (`mix`, `limits`, `solve`, `round`), and explains the result (`verdict`,
//! `fallback`, `expected`, `notes`).

mod admit;
mod build;
mod expected;
mod fallback;
#[cfg(test)]
mod file_tests;
#[cfg(test)]
mod fixture;
mod limits;
mod mix;
mod notes;
mod round;
mod solve;
mod text;
mod verdict;

pub use build::tune;
