//! From a run's figures to its routing weights: estimates, admissibility, the linear program,
//! verdicts.
//!
//! [`tune`] is pure. It learns from the whole run how much better and cheaper each endpoint is
//! (`evidence`), admits endpoints per category (`admit`, `exclusion`), mixes them by one linear program
//! over all categories (`mix`, `limits`, `solve`, `round`), keeps the surest moves (`choose`), and
//! explains the result (`verdict`, `forecast`, `fallback`, `expected`, `notes`). [`evaluate()`] holds a
//! file against simpler policies (`evaluate`, `hull`); [`why()`] says what would change a choice.

mod admit;
mod build;
mod choose;
mod evaluate;
mod evidence;
mod exclusion;
mod expected;
mod fallback;
#[cfg(test)]
mod file_tests;
#[cfg(test)]
mod fixture;
mod forecast;
mod gate;
mod hull;
mod limits;
mod mix;
mod notes;
mod round;
mod solve;
mod text;
mod verdict;
mod why;

pub use build::tune;
pub use evaluate::{
    EvaluateError, Evaluation, Figures, Outage, Percentiles, Policy, evaluate, outages,
};
pub use gate::{Gated, gate, tune_against};
pub use why::{Candidacy, Why, why};
