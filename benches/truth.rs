//! Verdicts against the truth that only a simulator knows.
//!
//! ```sh
//! cargo bench --bench truth                    # 400 seeds, about ten minutes
//! cargo bench --bench truth -- --quick         # 60
//! cargo bench --bench truth -- --from 5000     # other seeds
//! ```
//!
//! Each seed is a run of the demo in virtual time through the binary; its metrics are then tuned for
//! the goals `cheaper` and `better`. True quality is the fleet's skill. True cost is the mean over
//! all seeds. A verdict is false where the endpoint that it names is truly worse than today's by more
//! than the margin.
//!
//! A bar on a proportion is missed only where it lies outside the exact 95 % interval of the count
//! (Clopper–Pearson).

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use support::count::Count;
use support::{Bars, finished, folder, weighbridge};
use weighbridge::aggregate::{RunMetrics, compute_metrics};
use weighbridge::tune::tune;
use weighbridge::units::Goal;
use weighbridge::weights::{PARTS, VerdictWord, WeightsFile};

const SEEDS: u64 = 400;
const SEEDS_QUICK: u64 = 60;
const AT_ONCE: usize = 2;

fn main() -> ExitCode {
    let Some(mut bars) = Bars::start("demo: verdicts against the truth") else {
        return ExitCode::SUCCESS;
    };
    let args: Vec<String> = std::env::args().collect();
    let seeds = if args.iter().any(|arg| arg == "--quick") { SEEDS_QUICK } else { SEEDS };
    let from = args.iter().position(|arg| arg == "--from").and_then(|at| args.get(at + 1));
    let from = from.map_or(10_001, |from| from.parse().expect("--from takes a number"));
    let runs = over_seeds(from, seeds);
    let truth = Truth::new(&runs);
    bars.figure("runs", &format!("{} from seed {from}", runs.len()));
    cheaper(&mut bars, &truth, &runs);
    better(&mut bars, &truth, &runs);
    bars.end()
}

/// What is kept of one run.
struct Run {
    cheaper: WeightsFile,
    better: WeightsFile,
    shares: BTreeMap<String, f64>,
    /// Dollars per task by category and endpoint.
    costs: BTreeMap<(String, String), f64>,
}

fn over_seeds(from: u64, seeds: u64) -> Vec<Run> {
    let next = AtomicU64::new(0);
    let found = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(at) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|n| *n < seeds)
                {
                    let run = one(from + at);
                    found.lock().expect("no panic").insert(at, run);
                }
            });
        }
    });
    found.into_inner().expect("no panic").into_values().collect()
}

fn one(seed: u64) -> Run {
    let dir = folder();
    let dir = dir.path();
    finished(
        weighbridge(dir).args(["run", "--virtual", "--seed", &seed.to_string(), "--out", "r"]),
        &[0],
    );
    let mut metrics = compute_metrics(&dir.join("r")).expect("a run");
    let written = std::fs::read_to_string(dir.join("r/weights.json")).expect("weights");
    let cheaper = tune(&metrics);
    assert_eq!(cheaper.to_json(), written, "the binary's own weights");
    let costs = costs(&metrics);
    let shares = metrics.categories.iter().map(|c| (c.name.as_str().to_owned(), c.share)).collect();
    metrics.manifest.judging.goal = Goal::Better;
    Run { cheaper, better: tune(&metrics), shares, costs }
}

fn costs(metrics: &RunMetrics) -> BTreeMap<(String, String), f64> {
    let mut costs = BTreeMap::new();
    for endpoint in &metrics.endpoints {
        for (category, cell) in metrics.categories.iter().zip(&endpoint.cells) {
            if let Some(cost) = cell.cost_per_task.filter(|_| cell.counts.ineligible == 0) {
                let key = (category.name.as_str().to_owned(), endpoint.id.as_str().to_owned());
                costs.insert(key, cost.value);
            }
        }
    }
    costs
}

/// The fleet's skills, and its costs as the mean over all runs.
struct Truth {
    skills: BTreeMap<String, BTreeMap<String, f64>>,
    costs: BTreeMap<(String, String), f64>,
    today: String,
    margin: f64,
}

impl Truth {
    fn new(runs: &[Run]) -> Self {
        let said = finished(weighbridge(Path::new(".")).args(["sim", "--truth"]), &[0]);
        let said: Value = serde_json::from_str(&said).expect("JSON");
        let mut skills = BTreeMap::new();
        for endpoint in said["endpoints"].as_array().expect("a list") {
            let cells = endpoint["categories"].as_object().expect("a map").iter();
            let cells =
                cells.map(|(name, cell)| (name.clone(), cell["skill"].as_f64().expect("skill")));
            skills
                .insert(endpoint["endpoint"].as_str().expect("an id").to_owned(), cells.collect());
        }
        let mut sums: BTreeMap<(String, String), (f64, f64)> = BTreeMap::new();
        for (key, cost) in runs.iter().flat_map(|run| &run.costs) {
            let sum = sums.entry(key.clone()).or_default();
            *sum = (sum.0 + cost, sum.1 + 1.0);
        }
        let objective = &runs[0].cheaper.objective;
        Self {
            skills,
            costs: sums.into_iter().map(|(key, (sum, n))| (key, sum / n)).collect(),
            today: objective.today.clone().expect("the demo has one"),
            margin: objective.margin,
        }
    }

    fn skill(&self, category: &str, endpoint: &str) -> f64 {
        let cells = &self.skills[endpoint];
        *cells.get(category).or_else(|| cells.get("default")).expect("a default")
    }

    fn difference(&self, category: &str, endpoint: &str) -> f64 {
        self.skill(category, endpoint) - self.skill(category, &self.today)
    }

    fn is_acceptable(&self, category: &str, endpoint: &str) -> bool {
        self.difference(category, endpoint) >= -self.margin
    }

    fn cost(&self, category: &str, endpoint: &str) -> f64 {
        self.costs[&(category.to_owned(), endpoint.to_owned())]
    }

    /// Dollars that a category's traffic saves at an endpoint, per request of the whole traffic.
    fn saving(&self, share: f64, category: &str, endpoint: &str) -> f64 {
        share * (self.cost(category, &self.today) - self.cost(category, endpoint))
    }

    /// Of a mix, per request of the whole traffic: quality against today's, and dollars.
    fn of_mix(&self, run: &Run, file: &WeightsFile) -> (f64, f64) {
        let (mut gain, mut cost) = (0.0, 0.0);
        for (category, found) in &file.categories {
            for (endpoint, part) in &found.weights {
                let weight = run.shares[category] * f64::from(*part) / f64::from(PARTS);
                gain += weight * self.difference(category, endpoint);
                cost += weight * self.cost(category, endpoint);
            }
        }
        (gain, cost)
    }

    fn todays_cost(&self, run: &Run) -> f64 {
        run.shares.iter().map(|(category, share)| share * self.cost(category, &self.today)).sum()
    }
}

#[derive(Default)]
struct Tally {
    runs_with_false: Count,
    moves: Count,
    tries: Count,
    waits: Count,
    stays: u64,
    by_category: BTreeMap<String, Count>,
    saved: f64,
    saved_with_tries: f64,
    possible: f64,
    difference: Covered,
    saving: Covered,
}

/// How often an interval holds the truth, and the mean error.
#[derive(Default)]
struct Covered {
    count: Count,
    error: f64,
}

impl Covered {
    fn add(&mut self, estimate: weighbridge::stats::Estimate, truth: f64) {
        let within = estimate.low.is_none_or(|low| low <= truth)
            && estimate.high.is_none_or(|high| truth <= high);
        self.count.add(within);
        self.error += estimate.value - truth;
    }
}

fn cheaper(bars: &mut Bars, truth: &Truth, runs: &[Run]) {
    let mut tally = Tally::default();
    for run in runs {
        let mut any_false = false;
        for (category, found) in &run.cheaper.categories {
            let verdict = &found.verdict;
            let share = run.shares[category];
            let candidates =
                run.costs.keys().filter(|(of, id)| of == category && *id != truth.today);
            let acceptable = candidates.filter(|(_, id)| truth.is_acceptable(category, id));
            let best =
                acceptable.map(|(_, id)| truth.saving(share, category, id)).fold(0.0, f64::max);
            tally.possible += best;
            let Some(candidate) = &verdict.candidate else {
                tally.stays += u64::from(verdict.word == VerdictWord::Stay);
                continue;
            };
            let is_false = !truth.is_acceptable(category, candidate);
            let saved = truth.saving(share, category, candidate);
            match verdict.word {
                VerdictWord::Move => {
                    tally.moves.add(is_false);
                    any_false |= is_false;
                    tally.saved += saved;
                    tally.saved_with_tries += saved;
                }
                VerdictWord::Try => {
                    tally.tries.add(is_false);
                    tally.saved_with_tries += saved;
                }
                _ => tally.waits.add(!is_false),
            }
            let moved_wrongly = is_false && verdict.word == VerdictWord::Move;
            tally.by_category.entry(category.clone()).or_default().add(moved_wrongly);
        }
        tally.runs_with_false.add(any_false);
        let (gain, cost) = truth.of_mix(run, &run.cheaper);
        let expected = &run.cheaper.expected;
        tally.difference.add(expected.difference.expect("known"), gain);
        tally.saving.add(expected.saving.expect("known"), 1.0 - cost / truth.todays_cost(run));
    }
    tally.judge(bars);
}

impl Tally {
    fn judge(&self, bars: &mut Bars) {
        bars.say_goal("cheaper");
        self.runs_with_false.at_most(bars, "runs with a false MOVE", 0.10);
        self.moves.at_most(bars, "MOVEs that are false", 0.015);
        for (category, count) in &self.by_category {
            count.at_most(bars, &format!("seeds with a false MOVE in {category}"), 0.06);
        }
        self.tries.at_most(bars, "TRYs that are false", 0.12);
        bars.bar("STAYs", &self.stays.to_string(), "0", self.stays == 0);
        self.waits.at_least(bars, "NOT YETs whose candidate is within", 0.85);
        let decided = self.moves.n as f64 / (self.moves.n + self.tries.n + self.waits.n) as f64;
        let right = self.moves.n - self.moves.hits + self.tries.n - self.tries.hits;
        let right = Count { hits: right, n: self.moves.n + self.tries.n };
        bars.figure("MOVEs and TRYs that are right", &right.shown());
        bars.figure("MOVEs of all verdicts", &format!("{:.1} %", decided * 100.0));
        let share = |saved: f64| saved / self.possible;
        let bar = |bars: &mut Bars, name: &str, share: f64, least: f64| {
            let figure = format!("{:.1} %", share * 100.0);
            bars.bar(name, &figure, &format!(">= {:.0} %", least * 100.0), share >= least);
        };
        bar(bars, "possible saving, MOVEs", share(self.saved), 0.70);
        bar(bars, "possible saving, with TRYs", share(self.saved_with_tries), 0.78);
        self.difference.count.at_least(bars, "difference of the mix covers", 0.93);
        self.saving.count.at_least(bars, "saving of the mix covers", 0.93);
        let bias = self.difference.error / self.difference.count.n as f64 * 100.0;
        bars.bar(
            "bias of the difference",
            &format!("{bias:+.2} points"),
            "<= 0.7",
            bias.abs() <= 0.7,
        );
        let bias = self.saving.error / self.saving.count.n as f64 * 100.0;
        bars.figure("bias of the saving", &format!("{bias:+.2} points"));
    }
}

trait SayGoal {
    fn say_goal(&self, goal: &str);
}

impl SayGoal for Bars {
    fn say_goal(&self, goal: &str) {
        support::say(&format!("   goal = \"{goal}\""));
    }
}

fn better(bars: &mut Bars, truth: &Truth, runs: &[Run]) {
    bars.say_goal("better");
    let possible = best_gain(truth, &runs[0]);
    let (mut gains, mut costs) = (Vec::new(), 0.0);
    let mut covered = Covered::default();
    for run in runs {
        let (gain, cost) = truth.of_mix(run, &run.better);
        gains.push(gain);
        costs += cost / truth.todays_cost(run);
        covered.add(run.better.expected.difference.expect("known"), gain);
    }
    let mean = gains.iter().sum::<f64>() / gains.len() as f64;
    let worst = gains.iter().copied().fold(f64::INFINITY, f64::min);
    let cost = costs / runs.len() as f64;
    bars.figure("possible gain", &format!("{:.2} points", possible * 100.0));
    let share = mean / possible;
    bars.bar("share of it", &format!("{:.1} %", share * 100.0), ">= 83 %", share >= 0.83);
    bars.bar("worst seed", &format!("{:+.2} points", worst * 100.0), ">= +5", worst >= 0.05);
    bars.bar("true cost / budget", &format!("{cost:.3}"), "<= 1.02", cost <= 1.02);
    covered.count.at_least(bars, "difference of the mix covers", 0.93);
}

/// The largest true gain at today's true cost: the linear relaxation of a multiple-choice knapsack,
/// by bisection on the price of quality.
fn best_gain(truth: &Truth, run: &Run) -> f64 {
    let budget = truth.todays_cost(run);
    let at = |price: f64| -> (f64, f64) {
        let (mut gain, mut cost) = (0.0, 0.0);
        for (category, share) in &run.shares {
            let endpoints = run.costs.keys().filter(|(of, _)| of == category);
            let options = endpoints.map(|(_, id)| {
                (share * truth.difference(category, id), share * truth.cost(category, id))
            });
            let value = |(gain, cost): &(f64, f64)| gain - price * cost;
            let best = options.max_by(|a, b| value(a).total_cmp(&value(b))).expect("today's");
            gain += best.0;
            cost += best.1;
        }
        (gain, cost)
    };
    let (mut low, mut high) = (0.0, 1e6);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if at(middle).1 > budget { low = middle } else { high = middle }
    }
    let ((more_gain, more_cost), (gain, cost)) = (at(low), at(high));
    if more_cost <= cost {
        return gain;
    }
    gain + (more_gain - gain) * (budget - cost) / (more_cost - cost)
}
