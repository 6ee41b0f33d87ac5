//! An estimate as reports publish it.

use serde::Serialize;

use crate::stats::{self, Level, Method};

/// A number with its interval. The level is always stated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Estimate {
    pub value: f64,
    /// The ends of the interval; `None`: unbounded, or not to be had from this sample.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// The confidence level of the interval.
    pub level: Level,
    /// Observations.
    pub n: u64,
    pub method: Method,
}

impl From<stats::Estimate> for Estimate {
    fn from(estimate: stats::Estimate) -> Self {
        let stats::Estimate { value, low, high, level, n, method } = estimate;
        Self { value, low, high, level, n, method }
    }
}

/// The estimate where there is one.
pub(super) fn known(estimate: Option<stats::Estimate>) -> Option<Estimate> {
    estimate.map(Estimate::from)
}
