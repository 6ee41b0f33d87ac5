//! The policies that a file is held against.

use super::figures::Weights;
use crate::aggregate::{Cell, RunMetrics};
use crate::tune::hull::{Point, best_within};

/// What the policies choose from.
pub(super) struct Choices<'a> {
    metrics: &'a RunMetrics,
    shares: &'a [f64],
    /// By category with traffic and endpoint: quality and cost as counted.
    cells: Vec<Vec<Point>>,
    /// By endpoint, over the traffic.
    singles: Vec<Point>,
}

impl<'a> Choices<'a> {
    /// An endpoint without a known quality and cost cannot be chosen.
    pub fn new(metrics: &'a RunMetrics, shares: &'a [f64]) -> Self {
        let point = |cell: &Cell| {
            let cost = cell.cost_per_task.map(|cost| cost.value).filter(|_| !cell.hides_costs());
            let quality = cell.quality.map(|quality| quality.value);
            Point { cost: cost.unwrap_or(0.0), value: quality.filter(|_| cost.is_some()) }
        };
        let categories = 0..shares.len();
        let cells: Vec<Vec<Point>> = categories
            .map(|category| metrics.endpoints.iter().map(|e| point(&e.cells[category])).collect())
            .collect();
        let singles = (0..metrics.endpoints.len()).map(|endpoint| {
            let parts = || shares.iter().zip(&cells).filter(|(share, _)| **share > 0.0);
            Point {
                cost: parts().map(|(share, row)| share * row[endpoint].cost).sum(),
                value: parts().map(|(share, row)| Some(share * row[endpoint].value?)).sum(),
            }
        });
        let singles = singles.collect();
        Self { metrics, shares, cells, singles }
    }

    /// One endpoint for all traffic.
    pub fn single(&self, endpoint: usize) -> Weights {
        let n = self.metrics.endpoints.len();
        let row: Vec<f64> = (0..n).map(|i| f64::from(u8::from(i == endpoint))).collect();
        vec![row; self.shares.len()]
    }

    /// The best of those measured on all traffic; of equals the cheapest.
    pub fn best_single(&self) -> Option<usize> {
        let known = (0..self.singles.len()).filter(|i| self.singles[*i].value.is_some());
        known.min_by(|a, b| better(&self.singles[*a], &self.singles[*b]))
    }

    /// The cheapest of those measured on all traffic.
    pub fn cheapest_single(&self) -> Option<usize> {
        let known = (0..self.singles.len()).filter(|i| self.singles[*i].value.is_some());
        known.min_by(|a, b| self.singles[*a].cost.total_cmp(&self.singles[*b].cost))
    }

    /// Every endpoint alike.
    pub fn uniform(&self) -> Option<Weights> {
        self.proportional(|_| 1.0)
    }

    /// In inverse proportion to the square of what an endpoint costs over the traffic.
    pub fn inverse_square(&self) -> Option<Weights> {
        let free = |i: usize| self.singles[i].value.is_some() && self.singles[i].cost <= 0.0;
        let any_free = (0..self.singles.len()).any(free);
        self.proportional(|i| {
            let cost = self.singles[i].cost;
            if any_free { f64::from(u8::from(free(i))) } else { 1.0 / (cost * cost) }
        })
    }

    /// Weights in proportion to a figure, of the endpoints measured on all traffic.
    fn proportional(&self, of: impl Fn(usize) -> f64) -> Option<Weights> {
        let known = |i: usize| self.singles[i].value.is_some();
        let raw: Vec<f64> =
            (0..self.singles.len()).map(|i| if known(i) { of(i) } else { 0.0 }).collect();
        let sum: f64 = raw.iter().sum();
        let row: Vec<f64> = raw.into_iter().map(|weight| weight / sum).collect();
        (sum > 0.0 && sum.is_finite()).then(|| vec![row; self.shares.len()])
    }

    /// In each category the best as counted; of equals the cheapest.
    pub fn category_argmax(&self) -> Option<Weights> {
        let n = self.metrics.endpoints.len();
        let rows = self.cells.iter().zip(self.shares).map(|(row, share)| {
            let known = (0..n).filter(|i| row[*i].value.is_some());
            let best = known.min_by(|a, b| better(&row[*a], &row[*b]));
            if best.is_none() && *share > 0.0 {
                return None;
            }
            Some((0..n).map(|i| f64::from(u8::from(best == Some(i)))).collect())
        });
        rows.collect()
    }

    /// The best mix of single endpoints within a cost per task: at most two, for all traffic.
    pub fn single_hull(&self, budget: f64) -> Option<Weights> {
        let row = best_within(std::slice::from_ref(&self.singles), budget)?.pop()?;
        Some(vec![row; self.shares.len()])
    }

    /// The exact optimum within a cost per task: the greatest quality as counted.
    pub fn optimum(&self, budget: f64) -> Option<Weights> {
        let linked: Vec<usize> =
            (0..self.shares.len()).filter(|category| self.shares[*category] > 0.0).collect();
        let groups: Vec<Vec<Point>> = linked
            .iter()
            .map(|category| {
                let share = self.shares[*category];
                let weighed = |p: &Point| Point {
                    cost: share * p.cost,
                    value: p.value.map(|value| share * value),
                };
                self.cells[*category].iter().map(weighed).collect()
            })
            .collect();
        let mut rows = best_within(&groups, budget)?.into_iter();
        let none = vec![0.0; self.metrics.endpoints.len()];
        let all = (0..self.shares.len()).map(|category| {
            if linked.contains(&category) { rows.next() } else { Some(none.clone()) }
        });
        all.collect()
    }

    /// Who knew every answer beforehand: on each task the best endpoint, of equals the cheapest. Mean
    /// score and dollars per task; `None`: a category with traffic has no task with both known.
    pub fn oracle(&self) -> Option<(f64, f64)> {
        let mut sums = vec![(0.0, 0.0, 0.0); self.shares.len()];
        for (row, task) in self.metrics.scores.tasks().iter().enumerate() {
            let scores = &self.metrics.scores;
            let choices = (0..self.metrics.endpoints.len()).filter_map(|i| {
                let value = Some(scores.get(row, i)?);
                Some(Point { cost: scores.cost(row, i)?, value })
            });
            if let Some(best) = choices.min_by(better) {
                let sum = &mut sums[task.category];
                *sum = (sum.0 + best.value.unwrap_or(0.0), sum.1 + best.cost, sum.2 + 1.0);
            }
        }
        let with_traffic = || self.shares.iter().zip(&sums).filter(|(share, _)| **share > 0.0);
        let known = with_traffic().all(|(_, sum)| sum.2 > 0.0);
        let mean = |of: fn(&(f64, f64, f64)) -> f64| {
            with_traffic().map(|(share, sum)| share * of(sum) / sum.2).sum::<f64>()
        };
        known.then(|| (mean(|sum| sum.0), mean(|sum| sum.1)))
    }
}

/// The better first; of equals the cheaper.
fn better(a: &Point, b: &Point) -> std::cmp::Ordering {
    let value = |point: &Point| point.value.unwrap_or(f64::NEG_INFINITY);
    value(b).total_cmp(&value(a)).then(a.cost.total_cmp(&b.cost))
}
