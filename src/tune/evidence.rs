//! What a run shows of every endpoint against today's, in each category: how much better it is, and
//! how much cheaper. Each comes from one hierarchical model, so that choosing the best of many does
//! not make it look better than it is.

use std::collections::BTreeMap;

use crate::aggregate::RunMetrics;
use crate::stats::hierarchy::{
    CategoryDifferences, NormalMixture, Posterior, Scale, TaskDifferences,
};
use crate::stats::mean::spread;
use crate::stats::{Estimate, Level, Method};
use crate::units::{normal, prose};

/// The evidence of a run.
pub(super) struct Evidence<'a> {
    metrics: &'a RunMetrics,
    today: usize,
    quality: Comparison,
    cost: Comparison,
    /// Today's mean dollars per task, by category.
    todays_cost: Vec<Option<f64>>,
}

/// One quantity, compared with today's endpoint.
struct Comparison {
    posterior: Posterior,
    /// By category and endpoint: the index of the cell.
    cells: Vec<Vec<Option<usize>>>,
    /// By category: the tasks.
    tasks: Vec<u64>,
    /// What is supposed beside what the run shows.
    shift: Option<Shift>,
}

/// What is supposed of one endpoint: that a quantity is `by` higher than the run shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shift {
    /// The category; `None`: in all.
    pub category: Option<usize>,
    pub endpoint: usize,
    pub by: f64,
}

/// An endpoint against today's, in one category or over the traffic.
#[derive(Clone, Debug)]
pub(super) struct CellEvidence {
    /// Its quality less today's, −1..1.
    pub difference: NormalMixture,
    /// ln (its cost ÷ today's cost); `None`: one is not known.
    pub log_cost: Option<NormalMixture>,
    /// The tasks that it rests on.
    pub n: u64,
}

/// What an endpoint saves, as a share of today's cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Saving {
    pub mean: f64,
    /// The ends of the 95 % interval.
    pub low: f64,
    pub high: f64,
}

impl Saving {
    /// `12 % (8 %…15 %)`.
    pub fn in_percent(&self) -> String {
        let [mean, low, high] = [self.mean, self.low, self.high].map(prose::percent);
        format!("{mean} ({low}…{high})")
    }
}

impl<'a> Evidence<'a> {
    /// The evidence against the endpoint at this index.
    pub fn new(metrics: &'a RunMetrics, today: usize) -> Self {
        let scores = &metrics.scores;
        let quality =
            Comparison::new(metrics, today, &models(metrics), &Scale::SCORES, |task, endpoint| {
                Some(scores.get(task, endpoint)? - scores.get(task, today)?)
            });
        let ratios = CostRatios::new(metrics, today);
        let apart: Vec<usize> = (0..metrics.endpoints.len()).collect();
        let cost = Comparison::new(metrics, today, &apart, &Scale::LOG_COSTS, |task, endpoint| {
            ratios.log_ratio(metrics, task, endpoint, today)
        });
        let cells = metrics.endpoints[today].cells.iter();
        let todays_cost = cells.map(|cell| cell.cost_per_task.map(|cost| cost.value)).collect();
        Self { metrics, today, quality, cost, todays_cost }
    }

    /// Supposes something of a quality, and of the logarithm of a cost; `None`: as the run shows.
    pub fn shift(&mut self, quality: Option<Shift>, log_cost: Option<Shift>) {
        (self.quality.shift, self.cost.shift) = (quality, log_cost);
    }

    /// An endpoint in a category; `None`: it shares no scored task with today's.
    pub fn cell(&self, category: usize, endpoint: usize) -> Option<CellEvidence> {
        Some(CellEvidence {
            difference: self.quality.cell(category, endpoint)?,
            log_cost: self.cost.cell(category, endpoint),
            n: self.quality.tasks[category],
        })
    }

    /// An endpoint over categories that have these shares of the traffic; `None`: it shares no task
    /// with today's in one that has any.
    pub fn whole(&self, shares: &[f64], endpoint: usize) -> Option<CellEvidence> {
        let weights: Vec<(usize, usize, f64)> = shares
            .iter()
            .enumerate()
            .filter(|(_, share)| **share > 0.0)
            .map(|(category, share)| (category, endpoint, *share))
            .collect();
        Some(CellEvidence {
            difference: self.difference(&weights)?,
            log_cost: self.log_cost(&weights),
            n: weights.iter().map(|(category, ..)| self.quality.tasks[*category]).sum(),
        })
    }

    /// Σ weight × difference over (category, endpoint, weight): what a mix does to the quality.
    /// `None`: a cell is not known.
    pub fn difference(&self, weights: &[(usize, usize, f64)]) -> Option<NormalMixture> {
        self.quality.sum(weights)
    }

    /// The share of the traffic's cost that is saved where the cells of (category, endpoint, weight)
    /// leave today's endpoint; a weight is a share of the whole traffic. `None`: a cost is not known.
    ///
    /// The value comes from the model; the interval from the tasks, for what a category weighs in the
    /// bill is known no better than today's cost there (the delta method, strata independent).
    pub fn saving_of(&self, moved: &[(usize, usize, f64)]) -> Option<Estimate> {
        let shares: Vec<f64> = self.metrics.categories.iter().map(|c| c.share).collect();
        let (mut todays, mut saved) = (0.0, 0.0);
        for (category, share) in shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
            todays += share * self.todays_cost[category]?;
        }
        for (category, endpoint, weight) in moved {
            let cell = self.cost.cell(*category, *endpoint)?;
            saved += weight * self.todays_cost[*category]? * (1.0 - cell.mean_exp());
        }
        let value = saved / todays;
        let mut variance = 0.0;
        for (category, share) in shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
            let moved: Vec<_> = moved.iter().filter(|(of, ..)| *of == category).collect();
            let moved = moved.iter().map(|(_, endpoint, weight)| (*endpoint, *weight));
            let moved: Vec<(usize, f64)> = moved.collect();
            let tasks = self.metrics.scores.tasks().iter().enumerate();
            let tasks = tasks.filter(|(_, task)| task.category == category);
            let influences: Vec<(f64, Option<u32>)> = tasks
                .filter_map(|(index, task)| {
                    let today = self.metrics.scores.cost(index, self.today)?;
                    let mut less = 0.0;
                    for (endpoint, weight) in &moved {
                        less += weight * (today - self.metrics.scores.cost(index, *endpoint)?);
                    }
                    Some(((less - value * share * today) / todays, task.cluster))
                })
                .collect();
            let se = spread(&influences).and_then(|spread| spread.se)?;
            variance += se * se;
        }
        let half = normal::quantile(Level::P95.upper()) * libm::sqrt(variance);
        Some(Estimate {
            value,
            low: Some(value - half),
            high: Some(value + half),
            level: Level::P95,
            n: self.metrics.scores.tasks().len() as u64,
            method: Method::Hierarchical,
        })
    }

    /// ln of the ratio of Σ weight × cost to Σ weight × today's cost, linear in the logarithms of the
    /// cells around their means. `None`: a cell or a cost is not known.
    fn log_cost(&self, weights: &[(usize, usize, f64)]) -> Option<NormalMixture> {
        let (mut cost, mut todays) = (0.0, 0.0);
        let mut parts = Vec::new();
        for (category, endpoint, weight) in weights {
            let today = weight * self.todays_cost[*category]?;
            let cell = self.cost.cell(*category, *endpoint)?;
            parts.push((*category, *endpoint, today * libm::exp(cell.mean())));
            cost += today * cell.mean_exp();
            todays += today;
        }
        let sum: f64 = parts.iter().map(|(.., part)| part).sum();
        for (.., part) in &mut parts {
            *part /= sum;
        }
        let deviation = self.cost.sum(&parts)?;
        let mean = libm::log(cost / todays);
        Some(deviation.shifted(mean - 0.5 * deviation.sd() * deviation.sd() - deviation.mean()))
    }
}

/// The number of the model that each endpoint serves.
fn models(metrics: &RunMetrics) -> Vec<usize> {
    let mut numbers = BTreeMap::new();
    let endpoints = metrics.endpoints.iter();
    endpoints
        .map(|endpoint| {
            let next = numbers.len();
            *numbers.entry(endpoint.model.as_str()).or_insert(next)
        })
        .collect()
}

/// p·(1 − p) of each category, p the mean score of all endpoints; two answers, one of them right,
/// are added, so that it is never 0.
fn rooms(metrics: &RunMetrics) -> Vec<f64> {
    let mut sums = vec![(1.0, 2.0); metrics.categories.len()];
    for (index, task) in metrics.scores.tasks().iter().enumerate() {
        let scores = (0..metrics.endpoints.len()).filter_map(|e| metrics.scores.get(index, e));
        let sum = &mut sums[task.category];
        *sum = scores.fold(*sum, |(sum, n), score| (sum + score, n + 1.0));
    }
    sums.into_iter().map(|(sum, n)| (sum / n) * (1.0 - sum / n)).collect()
}

impl Comparison {
    fn new(
        metrics: &RunMetrics,
        today: usize,
        models: &[usize],
        scale: &Scale,
        difference: impl Fn(usize, usize) -> Option<f64>,
    ) -> Self {
        let endpoints = metrics.endpoints.len();
        let mut categories = vec![Vec::new(); metrics.categories.len()];
        for (index, task) in metrics.scores.tasks().iter().enumerate() {
            let differences = (0..endpoints)
                .map(|endpoint| difference(index, endpoint).filter(|_| endpoint != today))
                .collect();
            categories[task.category].push(TaskDifferences { cluster: task.cluster, differences });
        }
        let tasks = categories.iter().map(|tasks| tasks.len() as u64).collect();
        let with_room = |(tasks, room)| CategoryDifferences { tasks, room };
        let categories: Vec<_> =
            categories.into_iter().zip(rooms(metrics)).map(with_room).collect();
        let posterior = Posterior::new(&categories, models, scale);
        let mut cells = vec![vec![None; endpoints]; categories.len()];
        for (index, cell) in posterior.cells().iter().enumerate() {
            cells[cell.category][cell.candidate] = Some(index);
        }
        Self { posterior, cells, tasks, shift: None }
    }

    fn cell(&self, category: usize, endpoint: usize) -> Option<NormalMixture> {
        let cell = self.cells[category][endpoint].map(|index| self.posterior.cell(index))?;
        let by = self.shift_of(category, endpoint);
        Some(if by == 0.0 { cell } else { cell.shifted(by) })
    }

    fn sum(&self, weights: &[(usize, usize, f64)]) -> Option<NormalMixture> {
        let mut by_cell = vec![0.0; self.posterior.cells().len()];
        let mut by = 0.0;
        for (category, endpoint, weight) in weights {
            by_cell[self.cells[*category][*endpoint]?] += weight;
            by += weight * self.shift_of(*category, *endpoint);
        }
        let sum = self.posterior.sum(&by_cell);
        Some(if by == 0.0 { sum } else { sum.shifted(by) })
    }

    fn shift_of(&self, category: usize, endpoint: usize) -> f64 {
        let of = |shift: &Shift| {
            shift.endpoint == endpoint && shift.category.is_none_or(|of| of == category)
        };
        self.shift.filter(of).map_or(0.0, |shift| shift.by)
    }
}

/// The means that ratios of costs are linear around.
struct CostRatios {
    /// By category and endpoint: mean dollars of it and of today's on the tasks that both have.
    means: Vec<Vec<Option<(f64, f64)>>>,
}

impl CostRatios {
    fn new(metrics: &RunMetrics, today: usize) -> Self {
        let endpoints = metrics.endpoints.len();
        let mut sums = vec![vec![(0.0, 0.0, 0.0); endpoints]; metrics.categories.len()];
        for (index, task) in metrics.scores.tasks().iter().enumerate() {
            let Some(todays) = metrics.scores.cost(index, today) else { continue };
            for (endpoint, sum) in sums[task.category].iter_mut().enumerate() {
                let Some(cost) = metrics.scores.cost(index, endpoint) else { continue };
                *sum = (sum.0 + cost, sum.1 + todays, sum.2 + 1.0);
            }
        }
        let mean = |(cost, todays, n): (f64, f64, f64)| {
            (cost > 0.0 && todays > 0.0).then(|| (cost / n, todays / n))
        };
        let means = sums.into_iter().map(|row| row.into_iter().map(mean).collect()).collect();
        Self { means }
    }

    /// What a task adds to ln (mean cost ÷ mean of today's): that logarithm, and its linear deviation
    /// at the task (the delta method).
    fn log_ratio(
        &self,
        metrics: &RunMetrics,
        task: usize,
        endpoint: usize,
        today: usize,
    ) -> Option<f64> {
        let category = metrics.scores.tasks()[task].category;
        let (mean, todays_mean) = self.means[category][endpoint]?;
        let cost = metrics.scores.cost(task, endpoint)?;
        let todays = metrics.scores.cost(task, today)?;
        Some(libm::log(mean / todays_mean) + cost / mean - todays / todays_mean)
    }
}

impl CellEvidence {
    /// P(its quality is at most `margin` below today's).
    pub fn within(&self, margin: f64) -> f64 {
        self.difference.at_least(-margin)
    }

    /// The difference as an estimate, two-sided 95 %.
    pub fn estimate(&self) -> Estimate {
        estimate(&self.difference, self.n)
    }

    /// `None`: a cost is not known.
    pub fn saving(&self) -> Option<Saving> {
        let log_cost = self.log_cost.as_ref()?;
        let (low, high) = log_cost.interval(Level::P95);
        Some(Saving {
            mean: 1.0 - log_cost.mean_exp(),
            low: 1.0 - libm::exp(high),
            high: 1.0 - libm::exp(low),
        })
    }
}

/// A posterior as an estimate, two-sided 95 %.
pub(super) fn estimate(posterior: &NormalMixture, n: u64) -> Estimate {
    let (low, high) = posterior.interval(Level::P95);
    Estimate {
        value: posterior.mean(),
        low: Some(low),
        high: Some(high),
        level: Level::P95,
        n,
        method: Method::Hierarchical,
    }
}
