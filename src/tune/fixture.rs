//! Figures written by hand, for the tests of this folder.

use crate::aggregate::{
    CategoryMetrics, Cell, Counts, EndpointMetrics, RunMetrics, ScoreTable, ScoredTask, TaskKey,
    Today,
};
use crate::stats::{Estimate, Level, Method};
use crate::test_kit;
use crate::units::{Category, EndpointId, Goal, Judging, Manifest, Slo, SuiteStamp, Usd};

/// One endpoint of a fixture, the same in every category unless scores say otherwise.
pub(super) struct Plan {
    id: EndpointId,
    provider: String,
    cost: Option<f64>,
    miss: Option<f64>,
    failed: f64,
    ineligible: u64,
    /// Per category: of every hundred tasks, which block fails. `(from, to)` in hundredths.
    wrong: Vec<(usize, usize)>,
}

/// An endpoint `author/name@provider` at this many dollars per task.
pub(super) fn endpoint(id: &str, cost: f64) -> Plan {
    let provider = id.split('@').nth(1).unwrap_or("nobody").to_owned();
    Plan {
        id: EndpointId::from_text(id),
        provider,
        cost: Some(cost),
        miss: None,
        failed: 0.0,
        ineligible: 0,
        wrong: Vec::new(),
    }
}

impl Plan {
    /// Wrong on the tasks from `from` to `to` hundredths of each category, in turn.
    pub fn wrong(mut self, blocks: &[(usize, usize)]) -> Self {
        self.wrong = blocks.to_vec();
        self
    }

    /// The share of answers over the latency limit.
    pub fn miss(mut self, miss: f64) -> Self {
        self.miss = Some(miss);
        self
    }

    /// The share of trials that failed.
    pub fn failed(mut self, failed: f64) -> Self {
        self.failed = failed;
        self
    }

    /// Tasks that it cannot take.
    pub fn ineligible(mut self, tasks: u64) -> Self {
        self.ineligible = tasks;
        self
    }

    /// Takes the price away.
    pub fn unpriced(mut self) -> Self {
        self.cost = None;
        self
    }
}

/// Figures of some endpoints, the first of which serves today, on categories given as
/// `(name, tasks, share)`. The goal is `cheaper` with a margin of two points.
#[expect(clippy::needless_pass_by_value, reason = "a list written at the call reads better")]
pub(super) fn metrics(categories: &[(&str, usize, f64)], endpoints: Vec<Plan>) -> RunMetrics {
    let tasks = || {
        let each = categories.iter().enumerate();
        each.flat_map(|(c, (name, tasks, _))| (0..*tasks).map(move |task| (c, *name, task, *tasks)))
    };
    let scored = tasks().map(|(category, name, task, _)| {
        let key = TaskKey { suite: name.to_owned(), task: task.to_string(), content: None };
        ScoredTask { key, category, cluster: None }
    });
    let mut table = ScoreTable::new(scored.collect(), endpoints.len());
    for (row, (category, _, task, tasks)) in tasks().enumerate() {
        for (i, endpoint) in endpoints.iter().enumerate() {
            table.set(row, i, Some(score(endpoint, category, task, tasks).into()));
            table.set_cost(row, i, endpoint.cost);
        }
    }
    let today = endpoints.first().map(|e| e.id.clone());
    let endpoints = endpoints
        .iter()
        .enumerate()
        .map(|(i, plan)| {
            let of = |category: Option<usize>| {
                let rows = table.tasks().iter().enumerate();
                let rows = rows.filter(|(_, task)| category.is_none_or(|c| task.category == c));
                cell(plan, &rows.filter_map(|(row, _)| table.get(row, i)).collect::<Vec<_>>())
            };
            EndpointMetrics {
                id: plan.id.clone(),
                model: plan.id.as_str().split('@').next().unwrap_or_default().to_owned(),
                provider: plan.provider.clone(),
                priced: plan.cost.is_some(),
                limits: crate::catalog::Limits::default(),
                all: of(None),
                cells: (0..categories.len()).map(|c| of(Some(c))).collect(),
                uncounted: 0,
                local: None,
                served: crate::aggregate::RoutingCounts::default(),
                billed_factor: None,
            }
        })
        .collect();
    RunMetrics {
        damage: crate::aggregate::Damage::default(),
        manifest: manifest(today.as_ref()),
        simulated: false,
        counts: Counts::default(),
        cost: Usd::ZERO,
        cost_upper: Usd::ZERO,
        today: Today { endpoint: today, stated: true, apart: false },
        categories: categories
            .iter()
            .map(|(name, tasks, share)| CategoryMetrics {
                name: Category::new(*name),
                tasks: *tasks as u64,
                share: *share,
                share_stated: true,
            })
            .collect(),
        endpoints,
        scores: table,
        failures: Vec::new(),
        unpassed: Vec::new(),
    }
}

fn score(plan: &Plan, category: usize, task: usize, tasks: usize) -> f32 {
    let hundredth = task * 100 / tasks;
    let wrong = plan.wrong.get(category).is_some_and(|w| (w.0..w.1).contains(&hundredth));
    if wrong { 0.0 } else { 1.0 }
}

fn cell(plan: &Plan, scores: &[f64]) -> Cell {
    let n = scores.len() as u64;
    let mean = scores.iter().sum::<f64>() / n as f64;
    let half = 1.96 * libm::sqrt(mean * (1.0 - mean) / n as f64) + 0.5 / n as f64;
    let about = |value: f64, half: f64| Estimate {
        value,
        low: Some(value - half),
        high: Some(value + half),
        level: Level::P95,
        n,
        method: Method::Wilson,
    };
    Cell {
        counts: Counts {
            planned: n,
            ok: n,
            scored: n,
            ineligible: plan.ineligible,
            ..Counts::default()
        },
        quality: Some(about(mean, half)),
        availability: Some(about(1.0 - plan.failed, 0.01)),
        availability_retried: Some(about(1.0 - plan.failed, 0.01)),
        cost_per_task: plan.cost.map(|cost| about(cost, cost / 10.0)),
        slo_miss: plan.miss.map(|miss| about(miss, 0.01)),
        ..Cell::default()
    }
}

fn manifest(today: Option<&EndpointId>) -> Manifest {
    Manifest {
        run: "0123456789abcdef".to_owned(),
        virtual_time: true,
        started_at: "2026-01-31T12:00:00Z".to_owned(),
        suites: vec![SuiteStamp {
            name: "fixture".to_owned(),
            version: "1".to_owned(),
            hash: "ab".to_owned(),
        }],
        plan_hash: "cd".to_owned(),
        judging: Judging { today: today.map(|id| id.as_str().to_owned()), ..test_kit::judging() },
        ..test_kit::manifest("fixture")
    }
}

/// Sets the goal.
pub(super) fn with_goal(mut metrics: RunMetrics, goal: Goal) -> RunMetrics {
    metrics.manifest.judging.goal = goal;
    metrics
}

/// Sets the share of answers that may take longer than 800 ms.
pub(super) fn with_slo(mut metrics: RunMetrics, miss: f64) -> RunMetrics {
    metrics.manifest.judging.slo = Some(Slo { ttft_ms: 800.0, miss });
    metrics
}

/// Sets the largest share of a provider.
pub(super) fn with_cap(mut metrics: RunMetrics, cap: f64) -> RunMetrics {
    metrics.manifest.judging.max_share_provider = Some(cap);
    metrics
}
