//! What a load test is asked to do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Usd;

/// What a load run was asked to do: part of its manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadSpec {
    /// Whether requests leave by a schedule, or when an earlier one has ended.
    pub mode: LoadMode,
    /// How many requests were asked for; `None`: as many as the window takes.
    pub asked: Option<u64>,
    /// How long requests were to be sent, ramp and warm-up included; `None`: until all are.
    pub window_ns: Option<u64>,
    /// Left out of the figures at the start, after the ramp.
    pub warmup_ns: u64,
    /// How long concurrency or rate took to rise; left out of the figures too.
    pub ramp_ns: u64,
    /// What a good request meets: all of them.
    pub slos: Vec<LoadSlo>,
    /// What an hour of an endpoint costs, by its id: endpoints that are not billed by tokens.
    pub per_hour: BTreeMap<String, Usd>,
    /// The arrivals, for people: `poisson 200/s`.
    pub shape: String,
    /// How much faster than recorded a trace was replayed.
    pub speed: f64,
    /// The most that one request of the run can cost; `None`: a price is not known. Requests in
    /// doubt count with this in the upper bound of the spend.
    #[serde(default, rename = "dearest")]
    pub max_cost: Option<Usd>,
    /// The number of requests that ends a closed loop, of those that count.
    #[serde(default)]
    pub requests: Option<u64>,
    /// The cap of the run: what is in doubt cannot have cost more.
    #[serde(default)]
    pub budget: Option<Usd>,
}

/// What makes a request leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadMode {
    /// The schedule.
    Open,
    /// The end of an earlier one.
    Closed {
        /// Requests under way at a time.
        concurrency: u32,
    },
}

/// A limit that a good request keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadSlo {
    /// `ttft`, `ttfo`, `itl` or `e2e`.
    pub metric: String,
    /// The longest that is good, nanoseconds.
    pub limit_ns: u64,
}
