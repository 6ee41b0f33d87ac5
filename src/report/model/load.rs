//! The report of a load run.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::cell::latencies;
use super::estimate::known;
use super::json::{FORMAT_VERSION, to_json};
use super::{Estimate, Latencies, RunRecord, TokenSums};
use crate::aggregate::{self, LatencyMetric, LoadMetrics};
use crate::report::names::Names;
use crate::report::text::sentence;
use crate::report::usage_notes;
use crate::units::{EndpointId, LoadMode, LoadSpec, Usd};
use crate::wire::ErrorClass;

/// Everything that a reader of a load run's report sees.
#[derive(Clone, Debug, Serialize)]
pub struct LoadReport {
    pub(crate) format_version: u32,
    pub(crate) run: RunRecord,
    /// Whether anything in it was simulated.
    pub(crate) simulated: bool,
    pub(crate) load: LoadSettings,
    /// Requests of ramp and warm-up: in no figure but the cost.
    pub(crate) warmup: u64,
    /// The time that rates are divided by.
    pub(crate) duration_s: f64,
    /// Requests that came due a second; `None`: closed loop.
    pub(crate) asked_per_s: Option<f64>,
    /// Throughput × mean latency ÷ concurrency; `None`: open loop, or too few requests.
    pub(crate) littles_law: Option<f64>,
    /// Streams under way on average.
    pub(crate) streams: Option<f64>,
    #[serde(rename = "cost_usd")]
    pub(crate) cost: Usd,
    #[serde(rename = "cost_upper_usd")]
    pub(crate) cost_upper: Usd,
    #[serde(rename = "hourly_cost_usd")]
    pub(crate) hourly_cost: Option<Usd>,
    /// Whether an endpoint without a known price was asked: the sums are then lower bounds.
    pub(crate) cost_is_partial: bool,
    /// Over all endpoints.
    pub(crate) all: LoadCell,
    /// In catalog order.
    pub(crate) endpoints: Vec<LoadEndpoint>,
    /// What else the reader must know, one sentence each.
    pub(crate) notes: Vec<String>,
}

/// What the load was asked to do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct LoadSettings {
    /// Requests under way at a time in a closed loop; `None`: open loop.
    pub concurrency: Option<u32>,
    /// `poisson 200/s`
    pub arrivals: String,
    pub requests: Option<u64>,
    pub window_us: Option<u64>,
    pub ramp_us: u64,
    pub warmup_us: u64,
    /// How much faster than recorded a trace is replayed.
    pub speed: f64,
    /// What a good request meets.
    pub objectives: Vec<LatencyObjective>,
    /// By endpoint.
    pub price_per_hour_usd: BTreeMap<String, Usd>,
}

/// A limit that a good request keeps.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct LatencyObjective {
    pub metric: String,
    pub limit_us: u64,
}

/// An endpoint under load.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct LoadEndpoint {
    pub id: EndpointId,
    pub model: String,
    pub provider: String,
    pub cell: LoadCell,
}

/// The figures of the requests after ramp and warm-up.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct LoadCell {
    pub counts: LoadCounts,
    #[serde(serialize_with = "by_class")]
    pub failures: BTreeMap<ErrorClass, u64>,
    /// Requests that were sent again because a kept connection had been closed.
    pub retried_stale: u64,
    pub latency: Latencies,
    pub availability: Option<Estimate>,
    /// Requests that met every objective.
    pub good: u64,
    pub good_fraction: Option<Estimate>,
    pub goodput_per_s: Option<Estimate>,
    pub requests_per_s: Option<f64>,
    pub output_tokens_per_s: Option<f64>,
    pub tokens: TokenSums,
    /// What it cost by tokens; `None`: its price is not known, or the cost of no request is.
    #[serde(rename = "cost_usd")]
    pub cost: Option<Usd>,
    #[serde(rename = "cost_upper_usd")]
    pub cost_upper: Option<Usd>,
    /// Requests whose cost is not known.
    pub cost_unknown: u64,
    #[serde(rename = "price_per_hour_usd")]
    pub per_hour: Option<Usd>,
    #[serde(rename = "cost_per_task_usd")]
    pub cost_per_task: Option<Estimate>,
}

/// Requests by what became of them: asked = sent + dropped, sent = ok + failed + `in_doubt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct LoadCounts {
    pub asked: u64,
    pub sent: u64,
    pub ok: u64,
    pub failed: u64,
    pub dropped: u64,
    pub in_doubt: u64,
}

fn by_class<S: Serializer>(
    failures: &BTreeMap<ErrorClass, u64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(failures.iter().map(|(class, n)| (class.name(), n)))
}

impl LoadReport {
    /// The report of a load run.
    #[must_use]
    pub fn new(metrics: &LoadMetrics) -> Self {
        let found = metrics.manifest.ended.iter().flat_map(|ended| &ended.notes);
        let notes =
            metrics.manifest.notes.iter().chain(found).map(|note| sentence(&note.to_string()));
        let names = Names::new(metrics.endpoints.iter().map(|endpoint| &endpoint.id));
        let ended = metrics.manifest.ended.as_ref();
        let disbelieved = ended
            .map_or_else(Vec::new, |ended| usage_notes::disbelieved(&ended.usage_faults, &names));
        let notes = notes.chain(disbelieved);
        Self {
            format_version: FORMAT_VERSION,
            run: RunRecord::new(&metrics.manifest, metrics.validity.as_ref()),
            simulated: metrics.simulated,
            load: LoadSettings::new(&metrics.spec),
            warmup: metrics.warmup,
            duration_s: metrics.duration_s,
            asked_per_s: metrics.asked_per_s,
            littles_law: metrics.littles_law,
            streams: streams(metrics),
            cost: metrics.cost,
            cost_upper: metrics.cost_upper,
            hourly_cost: metrics.hourly_cost,
            cost_is_partial: metrics
                .endpoints
                .iter()
                .any(|e| !e.cell.priced && e.cell.counts.sent > 0),
            all: LoadCell::new(&metrics.all),
            endpoints: metrics
                .endpoints
                .iter()
                .map(|endpoint| LoadEndpoint {
                    id: endpoint.id.clone(),
                    model: endpoint.model.clone(),
                    provider: endpoint.provider.clone(),
                    cell: LoadCell::new(&endpoint.cell),
                })
                .collect(),
            notes: notes.collect(),
        }
    }

    /// The JSON that `--format json` prints.
    #[must_use]
    pub fn to_json(&self) -> String {
        to_json(self)
    }
}

/// Streams under way on average: in open loop by Little's law, the rate times the mean latency.
fn streams(metrics: &LoadMetrics) -> Option<f64> {
    match metrics.spec.mode {
        LoadMode::Closed { concurrency } => {
            Some(f64::from(concurrency) * metrics.endpoints.len() as f64)
        }
        LoadMode::Open => {
            let e2e = metrics.all.latency.get(&LatencyMetric::E2e).map(|e2e| e2e.mean);
            e2e.zip(metrics.all.requests_per_s).map(|(mean, per_s)| mean * per_s)
        }
    }
}

impl LoadSettings {
    fn new(spec: &LoadSpec) -> Self {
        let objective = |slo: &crate::units::LoadSlo| LatencyObjective {
            metric: slo.metric.clone(),
            limit_us: slo.limit_ns / 1_000,
        };
        Self {
            concurrency: match spec.mode {
                LoadMode::Open => None,
                LoadMode::Closed { concurrency } => Some(concurrency),
            },
            arrivals: spec.shape.clone(),
            requests: spec.asked,
            window_us: spec.window_ns.map(|ns| ns / 1_000),
            ramp_us: spec.ramp_ns / 1_000,
            warmup_us: spec.warmup_ns / 1_000,
            speed: spec.speed,
            objectives: spec.slos.iter().map(objective).collect(),
            price_per_hour_usd: spec.per_hour.clone(),
        }
    }

    /// Whether requests leave by a schedule.
    pub(crate) const fn is_open(&self) -> bool {
        self.concurrency.is_none()
    }
}

impl LoadCell {
    fn new(cell: &aggregate::LoadCell) -> Self {
        let aggregate::LoadCounts { asked, sent, ok, failed, dropped, in_doubt } = cell.counts;
        Self {
            counts: LoadCounts { asked, sent, ok, failed, dropped, in_doubt },
            failures: cell.failures.clone(),
            retried_stale: cell.retried_stale,
            latency: latencies(&cell.latency),
            availability: known(cell.availability),
            good: cell.good,
            good_fraction: known(cell.good_fraction),
            goodput_per_s: known(cell.goodput_per_s),
            requests_per_s: cell.requests_per_s,
            output_tokens_per_s: cell.output_tokens_per_s,
            tokens: (&cell.tokens).into(),
            cost: cell
                .priced
                .then_some(cell.cost)
                .filter(|_| cell.cost_unknown == 0 || cell.cost_unknown < cell.counts.sent),
            cost_upper: cell.priced.then_some(cell.cost_upper),
            cost_unknown: cell.cost_unknown,
            per_hour: cell.per_hour,
            cost_per_task: known(cell.cost_per_task),
        }
    }
}
