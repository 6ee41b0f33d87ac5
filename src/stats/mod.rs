//! Numbers in, estimates out. Pure functions: no clock, no file, no `async`.
//!
//! No estimate leaves without its sample size, its interval and the name of its method.

pub mod mean;
pub mod multiple;
pub mod paired;
pub mod proportion;
pub mod quantile;
pub mod ratio;
pub mod special;

#[cfg(test)]
mod oracle;

use serde::{Deserialize, Serialize};

/// A number that may be believed as far as its interval says.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The point estimate.
    pub value: f64,
    /// The lower end of the 95 % interval; `None`: unbounded, or not to be had from this sample.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// How many observations it rests on.
    pub n: u64,
    /// The method's name, as METRICS.md has it.
    pub method: Method,
}

/// How an interval was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Wilson score interval.
    Wilson,
    /// Wilson on the effective sample size.
    WilsonEffective,
    /// Wilson on the effective sample size, standard error clustered (CR1, t).
    WilsonClustered,
    /// Student's t.
    T,
    /// Student's t, clustered (CR1).
    TClustered,
    /// Order statistics, distribution-free.
    OrderStatistics,
    /// Fieller's method with t.
    Fieller,
    /// Independent strata with fixed weights: their distances to either limit, squared and added.
    Mover,
    /// Exact: counted, no sampling error of its own.
    Exact,
    /// A weighted sum of independent estimates, normal.
    Mixture,
}

impl Method {
    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wilson => "wilson",
            Self::WilsonEffective => "wilson_effective",
            Self::WilsonClustered => "wilson_clustered",
            Self::T => "t",
            Self::TClustered => "t_clustered",
            Self::OrderStatistics => "order_statistics",
            Self::Fieller => "fieller_t",
            Self::Mover => "mover",
            Self::Exact => "exact",
            Self::Mixture => "mixture",
        }
    }
}
