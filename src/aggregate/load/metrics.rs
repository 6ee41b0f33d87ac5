//! The metrics of a load run.

use std::collections::BTreeMap;

use crate::aggregate::{Latency, LatencyMetric, TokenSums};
use crate::stats::Estimate;
use crate::units::{EndpointId, LoadSpec, Manifest, Usd, Validity};
use crate::wire::ErrorClass;

/// The metrics of a whole load run.
#[derive(Clone, Debug)]
pub struct LoadMetrics {
    /// What the run is and how it ended.
    pub manifest: Manifest,
    /// What it was asked to do.
    pub spec: LoadSpec,
    /// Whether anything in it was simulated.
    pub simulated: bool,
    /// Whether its latencies may be believed: what the run noted of its own client, and what its
    /// rows say; `None`: it has no ending.
    pub validity: Option<Validity>,
    /// Requests of ramp and warm-up: left out of every figure but the bill.
    pub warmup: u64,
    /// The time in which the requests that count were asked, seconds: what rates are divided by.
    pub duration_s: f64,
    /// Requests that were due a second, in open loop: `all.counts.asked` over the time in which
    /// they were due.
    pub asked_per_s: Option<f64>,
    /// Throughput × mean latency ÷ concurrency: how full the closed loop was, from the end of the
    /// warm-up to the last dispatch. `None`: open loop, or too few requests to tell.
    pub littles_law: Option<f64>,
    /// What the run cost by the price snapshot, the warm-up included.
    pub cost: Usd,
    /// `cost` plus the bounds of requests whose cost is not known and of those in doubt.
    pub cost_upper: Usd,
    /// What the endpoints that are paid by the hour cost while the run went on; `None`: there are
    /// none.
    pub hourly_cost: Option<Usd>,
    /// Over all endpoints.
    pub all: LoadCell,
    /// The endpoints, in catalog order.
    pub endpoints: Vec<LoadEndpoint>,
}

/// An endpoint under load.
#[derive(Clone, Debug)]
pub struct LoadEndpoint {
    /// Its id.
    pub id: EndpointId,
    /// Its model.
    pub model: String,
    /// Its provider.
    pub provider: String,
    /// Its figures.
    pub cell: LoadCell,
}

/// The metrics of the requests that count: those of ramp and warm-up are left out.
#[derive(Clone, Debug, Default)]
pub struct LoadCell {
    /// Requests by what became of them.
    pub counts: LoadCounts,
    /// Whether the price is known.
    pub priced: bool,
    /// Of `failed`, by class.
    pub failures: BTreeMap<ErrorClass, u64>,
    /// Requests that were sent again because a kept connection had been closed.
    pub retried_stale: u64,
    /// Latency by metric; a metric without a sample is absent. None holds a failed request but
    /// `queue`, which the client caused before the provider had a say.
    pub latency: BTreeMap<LatencyMetric, Latency>,
    /// ok ÷ (ok + failed).
    pub availability: Option<Estimate>,
    /// Requests that met every objective; with none, those that were answered.
    pub good: u64,
    /// Good ÷ (ok + failed + dropped).
    pub good_fraction: Option<Estimate>,
    /// Good ÷ duration.
    pub goodput_per_s: Option<Estimate>,
    /// Answered ÷ duration.
    pub requests_per_s: Option<f64>,
    /// Output tokens ÷ duration; `None`: no provider counted any.
    pub output_tokens_per_s: Option<f64>,
    /// Σ of the tokens that are known.
    pub tokens: TokenSums,
    /// What it cost by tokens.
    pub cost: Usd,
    /// Requests whose cost is not known.
    pub cost_unknown: u64,
    /// `cost` plus the bounds of those.
    pub cost_upper: Usd,
    /// The price of an hour, where the endpoint is paid by it.
    pub per_hour: Option<Usd>,
    /// Dollars per task: by the hour, the price of an hour ÷ goodput; else Σ cost ÷ (ok + failed).
    pub cost_per_task: Option<Estimate>,
}

/// Requests by what became of them: asked = sent + dropped, sent = ok + failed + in doubt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadCounts {
    /// All.
    pub asked: u64,
    /// Those that left.
    pub sent: u64,
    /// Answered.
    pub ok: u64,
    /// Sent, and failed.
    pub failed: u64,
    /// Never sent.
    pub dropped: u64,
    /// Sent, ending unknown; of no endpoint, for that is not known either.
    pub in_doubt: u64,
}
