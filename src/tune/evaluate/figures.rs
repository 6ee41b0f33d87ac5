//! The figures of a mixture.

use serde::Serialize;

use crate::aggregate::{Cell, LatencyMetric, RunMetrics};
use crate::stats::proportion::{TaskScore, mean_score};
use crate::stats::{Estimate, Level, Method};
use crate::units::Slo;

/// The fewest observations for a p50 and for a p95 (METRICS.md: two-sided 95 %).
const FLOORS: [u64; 2] = [6, 72];

/// Weights by category and endpoint: each category's sum to 1, or to less where nothing serves a
/// part of it.
pub(super) type Weights = Vec<Vec<f64>>;

/// What a mixture gives on the tasks of a run; `None`: not known, or too few observations.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Mean score, 0..1, two-sided 95 %: of the traffic that is served.
    pub quality: Option<Estimate>,
    /// Dollars per task of the traffic that is served.
    pub cost_per_task_usd: Option<f64>,
    /// Time to the first token, seconds.
    pub ttft_s: Percentiles,
    /// End to end, seconds.
    pub e2e_s: Percentiles,
    /// P(TTFT > the SLO's limit); `None` also without an SLO.
    pub slo_miss: Option<f64>,
}

/// Percentiles of the mixture's distribution, which is the mixture of the distributions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// The median, seconds.
    pub p50: Option<f64>,
    /// Seconds.
    pub p95: Option<f64>,
}

/// A cell with its part of the traffic.
struct Part<'a> {
    category: usize,
    endpoint: usize,
    share: f64,
    cell: &'a Cell,
}

/// The figures of weights under shares of traffic.
pub(super) fn figures(
    metrics: &RunMetrics,
    shares: &[f64],
    weights: &Weights,
    slo: Option<Slo>,
) -> Figures {
    let mut parts = Vec::new();
    for (category, (share, weights)) in shares.iter().zip(weights).enumerate() {
        for (endpoint, weight) in weights.iter().enumerate() {
            let share = share * weight;
            if share > 0.0 {
                let cell = &metrics.endpoints[endpoint].cells[category];
                parts.push(Part { category, endpoint, share, cell });
            }
        }
    }
    let served: f64 = parts.iter().map(|part| part.share).sum();
    for part in &mut parts {
        part.share /= served;
    }
    Figures {
        quality: quality(metrics, &parts),
        cost_per_task_usd: mean(&parts, |cell| Some(cell.cost_per_task?.value)),
        ttft_s: percentiles(&parts, LatencyMetric::Ttft),
        e2e_s: percentiles(&parts, LatencyMetric::E2e),
        slo_miss: slo.and_then(|slo| miss(metrics, &parts, slo)),
    }
}

/// Σ share × figure; `None`: one is not known, or nothing is served.
fn mean(parts: &[Part<'_>], of: impl Fn(&Cell) -> Option<f64>) -> Option<f64> {
    let sum: Option<f64> = parts.iter().map(|part| Some(part.share * of(part.cell)?)).sum();
    sum.filter(|_| !parts.is_empty())
}

/// The mean of the cells as counted. The interval is that of the mixture's scores task by task, for
/// endpoints are right on the same tasks; categories are independent strata, whose distances to either
/// limit are squared and added (MOVER, Zou and Donner 2008, Statistics in Medicine 27).
fn quality(metrics: &RunMetrics, parts: &[Part<'_>]) -> Option<Estimate> {
    let value = mean(parts, |cell| Some(cell.quality?.value))?;
    let (mut below, mut above, mut n) = (Some(0.0), Some(0.0), 0);
    for category in 0..metrics.categories.len() {
        let mix: Vec<&Part<'_>> = parts.iter().filter(|p| p.category == category).collect();
        let share: f64 = mix.iter().map(|part| part.share).sum();
        if share <= 0.0 {
            continue;
        }
        let tasks = metrics.scores.tasks().iter().enumerate();
        let tasks = tasks.filter(|(_, task)| task.category == category);
        let scores: Vec<TaskScore> = tasks
            .filter_map(|(row, task)| {
                let scored: Option<f64> = mix
                    .iter()
                    .map(|part| Some(part.share / share * metrics.scores.get(row, part.endpoint)?))
                    .sum();
                Some(TaskScore { mean: scored?, repeats: 1, cluster: task.cluster })
            })
            .collect();
        let found = mean_score(&scores, Level::P95);
        n += found.map_or(0, |found| found.n);
        let distance = |end: Option<f64>| {
            let distance = share * (end? - found?.value);
            Some(distance * distance)
        };
        below = below.zip(distance(found.and_then(|f| f.low))).map(|(sum, d)| sum + d);
        above = above.zip(distance(found.and_then(|f| f.high))).map(|(sum, d)| sum + d);
    }
    Some(Estimate {
        value,
        low: below.map(|sum| (value - libm::sqrt(sum)).max(0.0)),
        high: above.map(|sum| (value + libm::sqrt(sum)).min(1.0)),
        level: Level::P95,
        n,
        method: Method::Mover,
    })
}

fn percentiles(parts: &[Part<'_>], metric: LatencyMetric) -> Percentiles {
    let of = |p: f64, floor: u64| percentile(parts, metric, p, floor);
    Percentiles { p50: of(0.50, FLOORS[0]), p95: of(0.95, FLOORS[1]) }
}

/// The shortest time within which this part of the mixture's answers came.
fn percentile(parts: &[Part<'_>], metric: LatencyMetric, p: f64, floor: u64) -> Option<f64> {
    let (mut slots, mut n) = (Vec::new(), 0);
    for part in parts {
        let latency = part.cell.latency.get(&metric)?;
        n += latency.n;
        for (upper_us, count) in &latency.slots {
            slots.push((*upper_us, part.share * *count as f64 / latency.n as f64));
        }
    }
    slots.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut seen = 0.0;
    let found = slots.iter().find(|(_, weight)| {
        seen += weight;
        seen >= p - 1e-9
    });
    found.filter(|_| n >= floor).map(|(upper_us, _)| *upper_us as f64 / 1e6)
}

/// As counted where the run has this limit, else from the slots, which are 0.1 % wide.
fn miss(metrics: &RunMetrics, parts: &[Part<'_>], slo: Slo) -> Option<f64> {
    let limit_us = slo.ttft_ms * 1000.0;
    let is_runs = metrics.judging().slo.is_some_and(|own| (own.ttft_ms - slo.ttft_ms).abs() < 1e-9);
    mean(parts, |cell| {
        if is_runs {
            return Some(cell.slo_miss?.value);
        }
        let latency = cell.latency.get(&LatencyMetric::Ttft)?;
        let late = latency.slots.iter().filter(|(upper_us, _)| *upper_us as f64 > limit_us);
        Some(late.map(|(_, count)| count).sum::<u64>() as f64 / latency.n as f64)
    })
}
