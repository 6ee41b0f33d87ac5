//! Runs that are drawn from known truths, straight into the figures that `tune` reads.

use weighbridge::aggregate::{
    CategoryMetrics, Cell, Counts, Damage, EndpointMetrics, RoutingCounts, RunMetrics, ScoreTable,
    ScoredTask, TaskKey, Today, today,
};
use weighbridge::catalog::Limits;
use weighbridge::stats::proportion::{TaskScore, mean_score, pass_rate};
use weighbridge::stats::{Level, mean};
use weighbridge::units::{Category, EndpointId, Judging, Usd};

use super::plans::manifest;

/// What one endpoint does with one task.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// 0..1.
    pub score: f64,
    /// Dollars.
    pub cost: f64,
    /// Whether its first token came later than the limit.
    pub is_late: bool,
}

/// A run of so many categories with equal traffic, each with so many tasks; `draw` gives for a
/// category the outcome of every endpoint on its next task. Endpoints are `m0/x@h0`, `m1/x@h1`, …
pub fn run(
    judging: impl FnOnce(&mut Judging),
    categories: usize,
    tasks: usize,
    mut draw: impl FnMut(usize) -> Vec<Outcome>,
) -> RunMetrics {
    let all: Vec<Vec<Vec<Outcome>>> =
        (0..categories).map(|c| (0..tasks).map(|_| draw(c)).collect()).collect();
    let n_endpoints = all[0][0].len();
    let mut manifest = manifest("drawn", 1, 1);
    judging(&mut manifest.judging);
    let scored = |category: usize| {
        (0..tasks).map(move |task| ScoredTask {
            key: TaskKey { suite: format!("c{category}"), task: task.to_string(), content: None },
            category,
            cluster: None,
        })
    };
    let mut scores = ScoreTable::new((0..categories).flat_map(scored).collect(), n_endpoints);
    for (row, outcomes) in all.iter().flatten().enumerate() {
        for (endpoint, outcome) in outcomes.iter().enumerate() {
            scores.set(row, endpoint, Some(outcome.score));
            scores.set_cost(row, endpoint, Some(outcome.cost));
        }
    }
    let metrics = |endpoint: usize| {
        let of = |tasks: &[Vec<Outcome>]| -> Vec<Outcome> {
            tasks.iter().map(|outcomes| outcomes[endpoint]).collect()
        };
        EndpointMetrics {
            id: EndpointId::from_text(name(endpoint)),
            model: format!("m{endpoint}/x"),
            provider: format!("h{endpoint}"),
            priced: true,
            limits: Limits::default(),
            all: cell(&of(&all.concat()), manifest.judging.slo.is_some()),
            cells: all.iter().map(|t| cell(&of(t), manifest.judging.slo.is_some())).collect(),
            uncounted: 0,
            local: None,
            served: RoutingCounts::default(),
            billed_factor: None,
        }
    };
    let endpoints: Vec<EndpointMetrics> = (0..n_endpoints).map(metrics).collect();
    let share = 1.0 / categories as f64;
    let categories: Vec<CategoryMetrics> = (0..categories)
        .map(|c| CategoryMetrics {
            name: Category::new(format!("c{c}")),
            tasks: tasks as u64,
            share,
            share_stated: false,
        })
        .collect();
    let today: Today = today(&manifest.judging, &categories, &endpoints, &scores);
    RunMetrics {
        manifest,
        simulated: true,
        counts: endpoints.iter().fold(Counts::default(), |sum, e| sum.and(&e.all.counts)),
        cost: Usd::ZERO,
        cost_upper: Usd::ZERO,
        today,
        categories,
        endpoints,
        scores,
        failures: Vec::new(),
        unpassed: Vec::new(),
        damage: Damage::default(),
    }
}

/// The name of an endpoint.
pub fn name(endpoint: usize) -> String {
    format!("m{endpoint}/x@h{endpoint}")
}

fn cell(outcomes: &[Outcome], has_limit: bool) -> Cell {
    let n = outcomes.len() as u64;
    let scores: Vec<TaskScore> =
        outcomes.iter().map(|o| TaskScore { mean: o.score, repeats: 1, cluster: None }).collect();
    let costs: Vec<f64> = outcomes.iter().map(|outcome| outcome.cost).collect();
    let late = outcomes.iter().filter(|outcome| outcome.is_late).count() as u64;
    Cell {
        counts: Counts { planned: n, ok: n, scored: n, ..Counts::default() },
        quality: mean_score(&scores, Level::P95),
        availability: pass_rate(n, n, Level::P95),
        availability_retried: pass_rate(n, n, Level::P95),
        cost_per_task: mean::mean_t(&costs, Level::P95),
        slo_miss: pass_rate(late, n, Level::P95).filter(|_| has_limit),
        ..Cell::default()
    }
}
