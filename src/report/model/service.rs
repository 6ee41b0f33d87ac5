//! What serving by the weights takes: latency before and after, room at the peak, what an outage does,
//! and what the dollars rest on.

use crate::aggregate::{Cell, LatencyMetric, RunMetrics};
use crate::tune;
use crate::units::Usd;
use crate::weights::{PARTS, VerdictWord, WeightsFile};

/// How far the figure for today may be off the invoice: beyond it no dollars a month are shown.
const FITS: f64 = 0.20;

/// What serving takes. Each part is absent where nothing is known of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Service {
    pub speed: Option<Speed>,
    /// The endpoints that traffic moves to, those with the least room first.
    pub room: Vec<Room>,
    pub outage: Option<Outage>,
    pub money: Option<Money>,
}

/// The 95th percentile of the time to the first token where the most traffic moves.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Speed {
    pub endpoint: String,
    pub before_s: f64,
    pub after_s: f64,
}

/// What an endpoint gets in the busiest minute, and what it takes; `None`: not known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Room {
    pub endpoint: String,
    pub requests: Option<f64>,
    pub tokens: Option<f64>,
    pub requests_limit: Option<u32>,
    pub tokens_limit: Option<u64>,
}

/// The outage of one provider that does the most harm.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outage {
    pub provider: String,
    pub takes_over: Vec<String>,
    /// The share of the traffic that nothing serves then.
    pub unserved: f64,
    pub quality: Option<f64>,
    pub cost_per_task: Option<f64>,
    /// What it costs while all providers are up.
    pub usual_cost_per_task: Option<f64>,
    /// Of the time to the first token.
    pub p95_s: Option<f64>,
}

/// What a month's dollars rest on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Money {
    /// Categories with traffic whose tokens are the suite's.
    pub at_suite: Vec<String>,
    /// Whether those are all.
    pub is_all_suite: bool,
    /// The stated share of cached input, over the traffic.
    pub cached: Option<f64>,
    /// The invoice, and our figure for today over it less 1.
    pub invoice: Option<(Usd, Option<f64>)>,
}

impl Money {
    /// Whether our figure for today is near the invoice, as far as there is one.
    pub fn fits(&self) -> bool {
        self.invoice.is_none_or(|(_, off)| off.is_none_or(|off| off.abs() <= FITS))
    }
}

impl Service {
    pub(super) fn new(metrics: &RunMetrics, weights: &WeightsFile) -> Self {
        Self {
            speed: speed(metrics, weights),
            room: rooms(metrics, weights),
            outage: outage(metrics, weights),
            money: money(metrics, weights),
        }
    }
}

/// The weight of each endpoint other than today's in each category with a MOVE: category, endpoint,
/// weight.
fn moved<'a>(
    metrics: &'a RunMetrics,
    weights: &'a WeightsFile,
) -> impl Iterator<Item = (usize, usize, f64)> + 'a {
    let today = metrics.today.endpoint.as_ref();
    metrics.categories.iter().enumerate().flat_map(move |(index, category)| {
        let found = weights.categories.get(category.name.as_str());
        let found = found.filter(|found| found.verdict.word == VerdictWord::Move);
        let parts = found.into_iter().flat_map(|found| &found.weights);
        parts.filter_map(move |(id, part)| {
            let place = metrics.endpoints.iter().position(|e| e.id.as_str() == id)?;
            let is_today = Some(&metrics.endpoints[place].id) == today;
            (!is_today && *part > 0).then(|| (index, place, f64::from(*part) / f64::from(PARTS)))
        })
    })
}

fn speed(metrics: &RunMetrics, weights: &WeightsFile) -> Option<Speed> {
    let share =
        |(category, _, weight): &(usize, usize, f64)| metrics.categories[*category].share * weight;
    let most = moved(metrics, weights).max_by(|a, b| share(a).total_cmp(&share(b)))?;
    let (category, endpoint, _) = most;
    let p95 = |cell: &Cell| {
        let latency = cell.latency.get(&LatencyMetric::Ttft)?;
        Some(latency.percentiles.get(&950)?.value)
    };
    Some(Speed {
        endpoint: metrics.endpoints[endpoint].id.as_str().to_owned(),
        before_s: p95(&metrics.today()?.cells[category])?,
        after_s: p95(&metrics.endpoints[endpoint].cells[category])?,
    })
}

fn rooms(metrics: &RunMetrics, weights: &WeightsFile) -> Vec<Room> {
    let mut rooms: Vec<(f64, Room)> = Vec::new();
    for (index, endpoint) in metrics.endpoints.iter().enumerate() {
        let parts = || moved(metrics, weights).filter(|(_, place, _)| *place == index);
        let share: f64 = parts().map(|(c, _, weight)| metrics.categories[c].share * weight).sum();
        if share <= 0.0 {
            continue;
        }
        let peak = |category: usize| {
            let name = metrics.categories[category].name.as_str();
            metrics.judging().traffic.get(name)?.peak_requests_per_min
        };
        let tokens = |category: usize| {
            let cell = &endpoint.cells[category];
            let measured = || Some(cell.input_tokens? + cell.output_tokens?);
            let stated =
                cell.at_traffic.map(|request| request.input_tokens + request.output_tokens);
            stated.or_else(measured)
        };
        let sum = |of: &dyn Fn(usize) -> Option<f64>| -> Option<f64> {
            parts().map(|(category, _, weight)| Some(weight * of(category)?)).sum()
        };
        let room = Room {
            endpoint: endpoint.id.as_str().to_owned(),
            requests: sum(&peak),
            tokens: sum(&|category| Some(peak(category)? * tokens(category)?)),
            requests_limit: endpoint.limits.requests_per_min,
            tokens_limit: endpoint.limits.tokens_per_min,
        };
        rooms.push((share, room));
    }
    rooms.sort_by(|(a_share, a), (b_share, b)| {
        b.use_of_limit().total_cmp(&a.use_of_limit()).then(b_share.total_cmp(a_share))
    });
    rooms.into_iter().map(|(_, room)| room).collect()
}

impl Room {
    /// The largest part of a limit that the busiest minute uses; infinite where no limit is known.
    fn use_of_limit(&self) -> f64 {
        let part = |used: Option<f64>, limit: Option<f64>| {
            used.zip(limit).map(|(used, limit)| used / limit)
        };
        let requests = part(self.requests, self.requests_limit.map(f64::from));
        let tokens = part(self.tokens, self.tokens_limit.map(|limit| limit as f64));
        if self.requests_limit.is_none() && self.tokens_limit.is_none() {
            return f64::INFINITY;
        }
        requests.into_iter().chain(tokens).fold(0.0, f64::max)
    }
}

/// The outage that leaves the most traffic unserved, else the one with the least quality, else the
/// dearest.
fn outage(metrics: &RunMetrics, weights: &WeightsFile) -> Option<Outage> {
    let outages = tune::outages(weights, metrics).ok()?;
    let quality = |outage: &tune::Outage| outage.figures.quality.map(|quality| quality.value);
    let worst = outages.into_iter().max_by(|a, b| {
        let (qa, qb) = (quality(a).unwrap_or(-1.0), quality(b).unwrap_or(-1.0));
        let cost = |outage: &tune::Outage| outage.figures.cost_per_task_usd.unwrap_or(0.0);
        a.unserved
            .total_cmp(&b.unserved)
            .then(qb.total_cmp(&qa))
            .then(cost(a).total_cmp(&cost(b)))
            .then(b.provider.cmp(&a.provider))
    })?;
    Some(Outage {
        quality: quality(&worst),
        cost_per_task: worst.figures.cost_per_task_usd,
        usual_cost_per_task: weights.expected.cost_per_task_usd(),
        p95_s: worst.figures.ttft_s.p95,
        unserved: worst.unserved,
        takes_over: worst.takes_over,
        provider: worst.provider,
    })
}

/// What dollars a month rest on; `None`: how much traffic a month has is not said.
fn money(metrics: &RunMetrics, weights: &WeightsFile) -> Option<Money> {
    let judging = metrics.judging();
    let requests = judging.requests_per_month?;
    let today = metrics.today()?;
    let with_traffic: Vec<usize> =
        (0..metrics.categories.len()).filter(|i| metrics.categories[*i].share > 0.0).collect();
    let name = |category: usize| metrics.categories[category].name.as_str();
    let is_at_suite = |category: &usize| {
        let stated = judging.traffic.get(name(*category));
        let stated = stated.is_some_and(|t| t.input_tokens.is_some() && t.output_tokens.is_some());
        !stated || today.cells[*category].at_traffic.is_none()
    };
    let at_suite: Vec<String> = with_traffic
        .iter()
        .filter(|category| is_at_suite(category))
        .map(|category| name(*category).to_owned())
        .collect();
    let cached: Option<f64> = with_traffic
        .iter()
        .map(|category| {
            let stated = judging.traffic.get(name(*category))?.cached_input?;
            Some(metrics.categories[*category].share * stated)
        })
        .sum();
    let counted = weights.expected.today_cost_per_task_usd.map(|cost| cost.value * requests as f64);
    let off = |invoice: Usd| {
        let invoice = invoice.to_f64();
        counted.filter(|_| invoice > 0.0).map(|counted| counted / invoice - 1.0)
    };
    Some(Money {
        is_all_suite: at_suite.len() == with_traffic.len(),
        at_suite,
        cached,
        invoice: judging.invoice.map(|invoice| (invoice, off(invoice))),
    })
}
