//! Everything that a reader of a report sees, computed once.
//!
//! [`RunReport`] and [`LoadReport`] are the JSON that `--format json` prints, by the schemas in
//! `docs/schema/`. The screen, the page, the Markdown summary, the charts and the CSV files render
//! them and compute no figure.
//!
//! Keys end in their unit (`_usd`, `_us`, `_s`, `_ms`); shares are 0..1; sums of money are decimal
//! strings; what is not known is null, or absent from a map.

mod cell;
mod ending;
mod estimate;
mod failure;
mod json;
mod load;
mod notes;
mod routing;
mod run;
mod service;
mod unpassed;

pub use load::LoadReport;
pub use run::RunReport;

pub(crate) use cell::{Cell, Counts, Latencies, Latency, LocalRatio, LocalTokens, TokenSums};
pub(crate) use cell::{percentile, significance_name};
pub(crate) use ending::{Ending, RunRecord};
pub(crate) use estimate::Estimate;
pub(crate) use failure::Failure;
pub(crate) use load::{LatencyObjective, LoadCell, LoadEndpoint, LoadSettings};
pub(crate) use routing::{Expected, Routing, Verdict};
pub(crate) use run::{Category, Endpoint};
pub(crate) use service::{Money, Outage, Room};
pub(crate) use unpassed::Unpassed;
