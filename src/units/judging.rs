//! What a run is judged by: what serves today, the traffic, the objective.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a run is judged by: today, traffic, objective.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judging {
    /// The endpoint that serves now; `None`: the best single endpoint of the run stands for it.
    pub today: Option<String>,
    /// Shares of traffic by category, which sum to 1; empty: categories count equally.
    pub shares: BTreeMap<String, f64>,
    /// Requests a month.
    pub requests_per_month: Option<u64>,
    /// The share of input tokens that this traffic reads from prompt caches, 0..1; `None`: not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input: Option<f64>,
    /// What is optimised.
    pub goal: Goal,
    /// The quality loss that is accepted, 0..1.
    pub margin: f64,
    /// The latency objective on the whole mixture.
    pub slo: Option<Slo>,
    /// The largest share of traffic that one provider may get, 0..1.
    pub max_share_provider: Option<f64>,
}

/// What is optimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Least cost, quality not below today's by more than the margin.
    Cheaper,
    /// Most quality at today's cost.
    Better,
    /// Least P(TTFT > slo), quality within the margin and cost not above today's.
    Faster,
}

impl Goal {
    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cheaper => "cheaper",
            Self::Better => "better",
            Self::Faster => "faster",
        }
    }
}

/// P(TTFT > `ttft_ms`) ≤ `miss`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slo {
    /// The limit on the time to the first token, milliseconds.
    pub ttft_ms: f64,
    /// The share of requests that may miss it, 0..1.
    pub miss: f64,
}
