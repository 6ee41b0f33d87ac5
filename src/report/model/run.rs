//! The report of a run.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::json::{FORMAT_VERSION, to_json};
use super::notes::{assumptions, notes};
use super::service::{Money, Service};
use super::{Cell, Counts, Expected, Failure, LocalTokens, Routing, RunRecord, Unpassed};
use crate::aggregate::{EndpointMetrics, RunMetrics};
use crate::report::names::Names;
use crate::report::text::sentence;
use crate::units::{EndpointId, Fact, Goal, PacingSummary, Slo, UsageFaults, Usd};
use crate::weights::WeightsFile;

/// Everything that a reader of a run's report sees.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    pub(crate) format_version: u32,
    pub(crate) run: RunRecord,
    /// Whether anything in it was simulated.
    pub(crate) simulated: bool,
    pub(crate) counts: Counts,
    #[serde(rename = "cost_usd")]
    pub(crate) cost: Usd,
    /// `cost` plus the reserved bounds of attempts whose cost is not known.
    #[serde(rename = "cost_upper_usd")]
    pub(crate) cost_upper: Usd,
    /// Whether an endpoint without a known price was asked: the sums are then lower bounds.
    pub(crate) cost_is_partial: bool,
    pub(crate) today: Today,
    pub(crate) objective: Objective,
    /// In name order.
    pub(crate) categories: Vec<Category>,
    /// In catalog order.
    pub(crate) endpoints: Vec<Endpoint>,
    /// The routing of traffic without a label; `None`: no weights were made.
    pub(crate) default_routing: Option<Routing>,
    /// What the whole mixture is expected to give under the traffic's shares.
    pub(crate) expected: Option<Expected>,
    /// What the mixture saves at the stated requests a month; negative: it costs more.
    pub(crate) saves_per_month_usd: Option<f64>,
    /// What the providers said of the trials that failed, endpoint by endpoint.
    pub(crate) failures: Vec<Failure>,
    /// The endpoint to look at beside today's.
    pub(crate) differing: Option<Differing>,
    /// Categories whose grader may be wrong, in name order.
    pub(crate) unpassed: Vec<Unpassed>,
    /// Endpoints and categories that were asked and answered nothing.
    pub(crate) no_data: Vec<NoData>,
    /// Why no verdict can be given.
    pub(crate) no_verdict: Option<String>,
    /// Whether no mix keeps `max_share.provider`.
    pub(crate) is_cap_broken: bool,
    /// Endpoints without weight anywhere, and why.
    pub(crate) left_out: BTreeMap<String, String>,
    pub(crate) prices_sha256: String,
    /// Until when the weights should be served, RFC 3339.
    pub(crate) valid_until: String,
    /// Where requests were held back for a provider's limits.
    pub(crate) rate_limits: Vec<PacingSummary>,
    /// What was assumed, one sentence each.
    pub(crate) assumptions: Vec<String>,
    /// What else the reader must know, one sentence each.
    pub(crate) notes: Vec<String>,
    #[serde(skip)]
    pub(crate) names: Names,
    /// What serving by the weights takes; in words only.
    #[serde(skip)]
    pub(crate) service: Service,
    #[serde(skip)]
    pub(crate) usage_faults: UsageFaults,
}

/// The endpoint that a verdict is about, else the best that is not today's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Differing {
    pub endpoint: EndpointId,
    /// Tasks on which its score is not today's, or only one of them has a score; above 0.
    pub tasks: u64,
}

/// What was asked and answered nothing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct NoData {
    /// `None`: every endpoint.
    pub endpoint: Option<EndpointId>,
    /// `None`: every category.
    pub category: Option<String>,
    pub why: String,
    /// The same in a sentence.
    #[serde(skip)]
    pub sentence: String,
}

/// The endpoint that serves today.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Today {
    /// `None`: nothing was scored, so no endpoint stands for it.
    pub endpoint: Option<EndpointId>,
    /// Whether `[today]` named it; otherwise the best single endpoint of the run stands for it.
    pub stated: bool,
    /// Whether an endpoint could not stand for it because its price is not known.
    pub priced_only: bool,
}

/// What the run is judged by.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Objective {
    pub goal: Goal,
    /// The accepted loss of quality.
    pub margin: f64,
    /// The same by category, where it is another one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub margins: BTreeMap<String, f64>,
    /// The least saving in dollars a month that is worth a move.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worth_per_month_usd: Option<Usd>,
    pub slo: Option<Slo>,
    pub max_share_provider: Option<f64>,
    pub requests_per_month: Option<u64>,
}

impl Objective {
    /// The accepted loss of quality in a category, 0..1.
    pub fn margin_in(&self, category: &str) -> f64 {
        self.margins.get(category).copied().unwrap_or(self.margin)
    }
}

/// A category, its traffic and its routing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Category {
    pub name: String,
    pub tasks: u64,
    /// Its share of traffic.
    pub share: f64,
    /// Whether `[traffic]` named the share; otherwise categories count equally.
    pub share_stated: bool,
    /// `None`: no weights were made for it.
    pub routing: Option<Routing>,
}

/// An endpoint of the run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Endpoint {
    pub id: EndpointId,
    pub model: String,
    pub provider: String,
    /// Whether its price is known.
    pub priced: bool,
    pub is_today: bool,
    /// 0 for the best quality; the unscored last.
    pub rank: usize,
    /// Whether no endpoint is at once cheaper and better.
    pub efficient: bool,
    /// Over all categories.
    pub all: Cell,
    /// By category, in the order of the report's categories.
    pub cells: Vec<Cell>,
    pub local_tokens: Option<LocalTokens>,
}

impl RunReport {
    /// Requests a month, where dollars a month can be shown: it is known, and our figure for today is
    /// near the invoice.
    pub(crate) fn month(&self) -> Option<u64> {
        let fits = self.service.money.as_ref().is_none_or(Money::fits);
        self.objective.requests_per_month.filter(|_| fits)
    }

    /// The report of a run and of the weights that were tuned from it.
    #[must_use]
    pub fn new(metrics: &RunMetrics, weights: &WeightsFile) -> Self {
        let judging = metrics.judging();
        let has_weights = metrics.counts.scored > 0 && !weights.categories.is_empty();
        let weights_of = |name: &str| weights.categories.get(name).filter(|_| has_weights);
        let ended = metrics.manifest.ended.as_ref();
        let service = if has_weights { Service::new(metrics, weights) } else { Service::default() };
        let fits = service.money.as_ref().is_none_or(Money::fits);
        Self {
            format_version: FORMAT_VERSION,
            run: RunRecord::new(&metrics.manifest, None),
            simulated: metrics.simulated || weights.simulated,
            counts: Counts::new(&metrics.counts),
            cost: metrics.cost,
            cost_upper: metrics.cost_upper,
            cost_is_partial: metrics.cost_is_partial(),
            today: Today {
                endpoint: metrics.today.endpoint.clone(),
                stated: metrics.today.stated,
                priced_only: metrics.has_unpriced(),
            },
            objective: Objective {
                goal: weights.objective.goal,
                margin: weights.objective.margin,
                margins: weights.objective.margins.clone(),
                worth_per_month_usd: weights.objective.worth_per_month_usd,
                slo: judging.slo,
                max_share_provider: judging.max_share_provider,
                requests_per_month: judging.requests_per_month,
            },
            categories: metrics
                .categories
                .iter()
                .map(|category| Category {
                    name: category.name.as_str().to_owned(),
                    tasks: category.tasks,
                    share: category.share,
                    share_stated: category.share_stated,
                    routing: weights_of(category.name.as_str()).map(|found| {
                        Routing::new(found, |id| truth(metrics, category.name.as_str(), id))
                    }),
                })
                .collect(),
            endpoints: endpoints(metrics),
            default_routing: has_weights.then(|| Routing::new(&weights.default, |_| None)),
            expected: has_weights.then(|| (&weights.expected).into()),
            saves_per_month_usd: saves_per_month(metrics, weights).filter(|_| has_weights && fits),
            service,
            failures: metrics.failures.iter().map(Failure::new).collect(),
            differing: differing(metrics, weights),
            unpassed: metrics.unpassed.iter().map(Unpassed::new).collect(),
            no_data: no_data(metrics),
            no_verdict: no_verdict(metrics, weights),
            is_cap_broken: weights.notes.iter().any(|note| matches!(note, Fact::CapBroken { .. })),
            left_out: weights.left_out.clone(),
            prices_sha256: weights.prices.clone(),
            valid_until: weights.valid_until.clone(),
            rate_limits: ended.map(|ended| ended.paced.clone()).unwrap_or_default(),
            assumptions: assumptions(metrics),
            notes: notes(metrics, weights),
            names: Names::new(metrics.endpoints.iter().map(|endpoint| &endpoint.id)),
            usage_faults: ended.map(|ended| ended.usage_faults.clone()).unwrap_or_default(),
        }
    }

    /// The JSON that `--format json` prints.
    #[must_use]
    pub fn to_json(&self) -> String {
        to_json(self)
    }
}

/// An endpoint's true quality minus that of today's, which only a simulated fleet knows.
fn truth(metrics: &RunMetrics, category: &str, endpoint: &str) -> Option<f64> {
    let skill = |id: &str| metrics.manifest.skills.get(id)?.get(category).copied();
    Some(skill(endpoint)? - skill(metrics.today.endpoint.as_ref()?.as_str())?)
}

fn differing(metrics: &RunMetrics, weights: &WeightsFile) -> Option<Differing> {
    let position = |id: &str| metrics.endpoints.iter().position(|e| e.id.as_str() == id);
    let today = position(metrics.today.endpoint.as_ref()?.as_str())?;
    if metrics.endpoints[today].all.counts.scored == 0 {
        return None;
    }
    let mut by_traffic: Vec<_> = metrics.categories.iter().collect();
    by_traffic.sort_by(|a, b| b.share.total_cmp(&a.share));
    let candidate = by_traffic
        .iter()
        .filter_map(|category| weights.categories.get(category.name.as_str()))
        .find_map(|found| position(found.verdict.candidate.as_deref()?));
    let best = || {
        let ranks = ranks(&metrics.endpoints);
        let scored = |i: &usize| *i != today && metrics.endpoints[*i].all.counts.scored > 0;
        (0..metrics.endpoints.len()).filter(scored).min_by_key(|i| ranks[*i])
    };
    let other = candidate.or_else(best)?;
    let tasks = metrics.differing(today, other);
    (tasks > 0).then(|| Differing { endpoint: metrics.endpoints[other].id.clone(), tasks })
}

fn no_data(metrics: &RunMetrics) -> Vec<NoData> {
    let found = metrics.no_data().into_iter().map(|found| NoData {
        sentence: sentence(&found.sentence()),
        endpoint: found.endpoint,
        category: found.category.map(|category| category.as_str().to_owned()),
        why: found.why,
    });
    found.collect()
}

fn endpoints(metrics: &RunMetrics) -> Vec<Endpoint> {
    let ranks = ranks(&metrics.endpoints);
    let efficient = efficient(&metrics.endpoints);
    metrics
        .endpoints
        .iter()
        .enumerate()
        .map(|(i, endpoint)| Endpoint {
            id: endpoint.id.clone(),
            model: endpoint.model.clone(),
            provider: endpoint.provider.clone(),
            priced: endpoint.priced,
            is_today: metrics.today.endpoint.as_ref() == Some(&endpoint.id),
            rank: ranks[i],
            efficient: efficient.contains(&i),
            all: Cell::new(&endpoint.all, "*", endpoint.priced),
            cells: metrics
                .categories
                .iter()
                .zip(&endpoint.cells)
                .map(|(category, cell)| Cell::new(cell, category.name.as_str(), endpoint.priced))
                .collect(),
            local_tokens: endpoint.local.as_ref().map(LocalTokens::from),
        })
        .collect()
}

/// The rank of each endpoint: best quality first, the unscored last; equal ones by cost, then as in
/// the catalog.
fn ranks(endpoints: &[EndpointMetrics]) -> Vec<usize> {
    let value = |estimate: Option<crate::stats::Estimate>| {
        estimate.map(|e| e.value).filter(|value| value.is_finite())
    };
    // −∞ for what is not known: it comes last.
    let key = |i: &usize| {
        let all = &endpoints[*i].all;
        let quality = value(all.quality).unwrap_or(f64::NEG_INFINITY);
        (quality, value(all.cost_per_task).map_or(f64::NEG_INFINITY, |cost| -cost))
    };
    let mut order: Vec<usize> = (0..endpoints.len()).collect();
    order.sort_by(|a, b| {
        let (a, b) = (key(a), key(b));
        b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1))
    });
    let mut ranks = vec![0; endpoints.len()];
    for (rank, i) in order.into_iter().enumerate() {
        ranks[i] = rank;
    }
    ranks
}

/// The endpoints on the efficient frontier: no other is at once cheaper and at least as good.
fn efficient(endpoints: &[EndpointMetrics]) -> BTreeSet<usize> {
    let mut points: Vec<(usize, f64, f64)> = endpoints
        .iter()
        .enumerate()
        .filter_map(|(i, e)| Some((i, e.all.cost_per_task?.value, e.all.quality?.value)))
        .filter(|(_, cost, quality)| cost.is_finite() && *cost >= 0.0 && quality.is_finite())
        .collect();
    points.sort_by(|a, b| a.1.total_cmp(&b.1).then(b.2.total_cmp(&a.2)));
    let mut best = f64::NEG_INFINITY;
    let mut efficient = BTreeSet::new();
    for (i, _, quality) in points {
        if quality > best {
            efficient.insert(i);
            best = quality;
        }
    }
    efficient
}

fn saves_per_month(metrics: &RunMetrics, weights: &WeightsFile) -> Option<f64> {
    let requests = metrics.judging().requests_per_month?;
    let today = weights.expected.today_cost_per_task_usd?.value;
    Some(today * weights.expected.saving?.value * requests as f64)
}

/// The tuner's reason where there are no verdicts, or the last of its notes.
fn no_verdict(metrics: &RunMetrics, weights: &WeightsFile) -> Option<String> {
    let judged = |name: &str| weights.categories.contains_key(name);
    let has_verdict = metrics.counts.scored > 0
        && metrics.today.endpoint.is_some()
        && metrics.categories.iter().any(|category| judged(category.name.as_str()));
    if has_verdict {
        return None;
    }
    let own = weights.notes.iter().find(|note| matches!(note, Fact::NothingTuned { .. }));
    let why = own.or(weights.notes.last()).map(|note| sentence(&note.to_string()));
    Some(why.unwrap_or_default())
}
