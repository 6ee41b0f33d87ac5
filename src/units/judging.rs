//! What a run is judged by: what serves today, the traffic, the objective.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Usd;

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
    /// What a request of this traffic is like, by category; empty: not said.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub traffic: BTreeMap<String, CategoryTraffic>,
    /// What the last month's invoice says; `None`: not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice: Option<Usd>,
    /// What is optimised.
    pub goal: Goal,
    /// The quality loss that is accepted, 0..1.
    pub margin: f64,
    /// The same by category, where another one is accepted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub margins: BTreeMap<String, f64>,
    /// The least saving in dollars a month that is worth a move; `None`: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worth: Option<Usd>,
    /// The latency objective on the whole mixture.
    pub slo: Option<Slo>,
    /// The largest share of traffic that one provider may get, 0..1.
    pub max_share_provider: Option<f64>,
}

impl Judging {
    /// The quality loss that is accepted in a category, 0..1.
    #[must_use]
    pub fn margin_in(&self, category: &str) -> f64 {
        self.margins.get(category).copied().unwrap_or(self.margin)
    }
}

/// What a request of a category is like in production; `None`: not said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CategoryTraffic {
    /// Prompt tokens, as today's endpoint counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<f64>,
    /// Output tokens of today's endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<f64>,
    /// The share of prompt tokens that is read from caches, 0..1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input: Option<f64>,
    /// Further attempts per request that are billed too, 0 or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<f64>,
    /// Requests in the busiest minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_requests_per_min: Option<f64>,
}

impl CategoryTraffic {
    /// Whether anything is said that a request's cost depends on.
    #[must_use]
    pub const fn has_tokens(&self) -> bool {
        self.input_tokens.is_some()
            || self.output_tokens.is_some()
            || self.cached_input.is_some()
            || self.retries.is_some()
    }
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
