//! New weights files against the one that is served by: how often a worse one is shipped, and a better one.
//!
//! ```sh
//! cargo bench --bench gate     # seconds
//! ```
//!
//! Proposals are drawn on 400 held-out tasks at a margin of two points and put to [`gate`]. The scores of
//! new and old differ on a share of the tasks (the discordance); truth is the mean of the differences. A bar
//! on a proportion is missed only where it lies outside the exact 95 % interval of the count
//! (Clopper–Pearson).

mod support;

use std::process::ExitCode;

use support::{Bars, finished, folder, weighbridge};
use weighbridge::aggregate::{RunMetrics, ScoreTable, ScoredTask, TaskKey, compute_metrics};
use weighbridge::stats::special::beta_quantile;
use weighbridge::tune::{gate, tune};
use weighbridge::units::Seed;
use weighbridge::weights::{PARTS, WeightsFile};

const TASKS: usize = 400;
const PROPOSALS: u64 = 900;
const MARGIN: f64 = 0.02;
/// The share of tasks that neither or both get right is split here.
const RIGHT: f64 = 0.7;

fn main() -> ExitCode {
    let mut bars = Bars::always("gate: a new file against the one that is served by");
    let mut bench = Bench::new();
    let worse =
        [(-0.021, 0.03), (-0.021, 0.06), (-0.021, 0.2), (-0.04, 0.06), (-0.04, 0.2), (-0.06, 0.1)];
    let mut shipped = 0;
    for (at, (mean, discordance)) in worse.into_iter().enumerate() {
        let n = PROPOSALS / worse.len() as u64;
        shipped += bench.shipped(at as u64, n, mean, discordance);
    }
    at_most(&mut bars, "worse than the margin, shipped", shipped, PROPOSALS, 0.05);
    for (at, discordance) in [0.03, 0.06, 0.2].into_iter().enumerate() {
        let shipped = bench.shipped(100 + at as u64, PROPOSALS, -MARGIN, discordance);
        let name = format!("at the margin, {:.0} % differ", 100.0 * discordance);
        at_most(&mut bars, &name, shipped, PROPOSALS, 0.05);
    }
    for (at, (discordance, least)) in
        [(0.04, 0.8), (0.06, 0.8), (0.2, 0.35)].into_iter().enumerate()
    {
        let shipped = bench.shipped(200 + at as u64, PROPOSALS, 0.04, discordance);
        let name = format!("4 points better, {:.0} % differ", 100.0 * discordance);
        let share = shipped as f64 / PROPOSALS as f64;
        let (_, high) = clopper_pearson(shipped, PROPOSALS);
        let figure = format!("{:.1} %", 100.0 * share);
        bars.bar(&name, &figure, &format!("≥ {:.0} %", 100.0 * least), high >= least);
    }
    bars.end()
}

fn at_most(bars: &mut Bars, name: &str, count: u64, n: u64, most: f64) {
    let (low, _) = clopper_pearson(count, n);
    let figure = format!("{count} of {n} ({:.1} %)", 100.0 * count as f64 / n as f64);
    bars.bar(name, &figure, &format!("≤ {:.0} %", 100.0 * most), low <= most);
}

fn clopper_pearson(count: u64, n: u64) -> (f64, f64) {
    let (count, n) = (count as f64, n as f64);
    let low = if count > 0.0 { beta_quantile(0.025, count, n - count + 1.0) } else { 0.0 };
    let high = if count < n { beta_quantile(0.975, count + 1.0, n - count) } else { 1.0 };
    (low, high)
}

/// A run whose scores are drawn, and two files that differ in its first category.
struct Bench {
    metrics: RunMetrics,
    served: WeightsFile,
    proposal: WeightsFile,
}

impl Bench {
    fn new() -> Self {
        let dir = folder();
        let dir = dir.path();
        finished(weighbridge(dir).args(["run", "--virtual", "--seed", "1", "--out", "r"]), &[0]);
        let mut metrics = compute_metrics(&dir.join("r")).expect("a run");
        let file = tune(&metrics);
        metrics.manifest.judging.margin = MARGIN;
        metrics.manifest.judging.margins.clear();
        let category = metrics.categories[0].name.as_str();
        let serving = |endpoint: usize| {
            let mut file = file.clone();
            let mix = file.categories.get_mut(category).expect("a category of the run");
            mix.weights = [(metrics.endpoints[endpoint].id.as_str().to_owned(), PARTS)].into();
            file
        };
        let (served, proposal) = (serving(0), serving(1));
        let key = |task: usize| TaskKey {
            suite: "bench".to_owned(),
            task: task.to_string(),
            content: None,
        };
        let scored = |key| ScoredTask { key, category: 0, cluster: None };
        let all = ScoreTable::new((0..4 * TASKS).map(key).map(scored).collect(), 2);
        let held_out = all.tasks().iter().zip(all.held_out()).filter(|(_, out)| *out);
        let tasks = held_out.map(|(task, _)| task.clone()).take(TASKS).collect();
        metrics.scores = ScoreTable::new(tasks, metrics.endpoints.len());
        assert_eq!(metrics.scores.tasks().len(), TASKS, "enough tasks are held out");
        Self { metrics, served, proposal }
    }

    /// How many of so many proposals are shipped.
    fn shipped(&mut self, setting: u64, proposals: u64, mean: f64, discordance: f64) -> u64 {
        let only_new = f64::midpoint(discordance, mean);
        let only_old = f64::midpoint(discordance, -mean);
        let mut shipped = 0;
        for proposal in 0..proposals {
            let mut draw = Seed(setting * 100_000 + proposal).draw("gate", &[]);
            for task in 0..TASKS {
                let at = draw.uniform();
                let both = f64::from(u8::from(draw.chance(RIGHT)));
                let (old, new) = if at < only_new {
                    (0.0, 1.0)
                } else if at < only_new + only_old {
                    (1.0, 0.0)
                } else {
                    (both, both)
                };
                self.metrics.scores.set(task, 0, Some(old));
                self.metrics.scores.set(task, 1, Some(new));
            }
            shipped += u64::from(gate(&self.metrics, &self.served, &self.proposal).replaces);
        }
        shipped
    }
}
