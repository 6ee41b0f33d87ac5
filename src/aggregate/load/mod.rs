//! The metrics of a load run: latency from the schedule and of the service, goodput, and how far
//! the client itself distorted them.

mod compute;
#[cfg(test)]
pub(crate) mod fixture;
mod metrics;
mod observed;
mod seconds;
mod tally;
#[cfg(test)]
mod tests;
mod validity;
mod views;

pub use compute::{compute_load_metrics, is_load};
pub use metrics::{LoadCell, LoadCounts, LoadEndpoint, LoadMetrics};
pub use seconds::{LoadSeconds, SecondSeries};
pub use views::{LoadViews, RequestView};
