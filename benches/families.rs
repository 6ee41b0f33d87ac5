//! Fleets in which nothing pays: how often a run tells somebody to move.
//!
//! ```sh
//! cargo bench --bench families              # 400 runs a family
//! cargo bench --bench families -- --quick   # 40
//! cargo bench --bench families -- nested    # the families whose name holds this
//! ```
//!
//! Scores and costs are drawn from known truths, straight into the figures that `tune` reads. Tasks
//! differ in difficulty, which all endpoints share. Hidden thinking multiplies the tokens of an answer
//! by a lognormal of σ = 1 of its own. In the families of equal endpoints every saving and every gain
//! is truly 0; in the others each cheaper candidate is truly at the margin or beyond it, or (nested)
//! wrong wherever today's endpoint is, and on as many tasks more as the margin allows.
//!
//! Of a family of equal endpoints, 20 runs go through the binary. The stay fleet is one in which every
//! cheaper endpoint is 12 to 20 points worse in half of the categories, and within 2 points in the
//! others. Under a limit on latency, the true share of late answers of the chosen mix is held against
//! the limit.
//!
//! A bar on a proportion is missed only where it lies outside the exact 95 % interval of the count.

mod support;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use support::count::Count;
use support::drawn::{Outcome, name, run};
use support::{Bars, finished, folder, weighbridge};
use weighbridge::aggregate::RunMetrics;
use weighbridge::tune::tune;
use weighbridge::units::{Draw, Goal, Judging, Seed, Slo, normal};
use weighbridge::weights::{PARTS, VerdictWord, WeightsFile};

const RUNS: u64 = 400;
const RUNS_QUICK: u64 = 40;
const RUNS_BINARY: u64 = 20;
const AT_ONCE: usize = 2;
const CATEGORIES: usize = 8;
const EQUAL: usize = 12;

fn main() -> ExitCode {
    let mut bars = Bars::always("families of fleets in which nothing pays");
    let args: Vec<String> = std::env::args().skip(1).collect();
    let runs = if args.iter().any(|arg| arg == "--quick") { RUNS_QUICK } else { RUNS };
    let only = args.iter().find(|arg| !arg.starts_with("--"));
    let is_wanted = |name: &str| only.is_none_or(|only| name.contains(only.as_str()));
    for family in families() {
        if is_wanted(&family.name) {
            family.judge(&mut bars, runs);
        }
    }
    if is_wanted("binary") {
        through_the_binary(&mut bars);
    }
    if is_wanted("stay fleet") {
        stay_fleet(&mut bars, runs.min(100));
    }
    if is_wanted("latency limit") {
        latency_limit(&mut bars, runs.min(200));
    }
    bars.end()
}

/// A kind of run in which a MOVE is wrong.
struct Family {
    name: String,
    goals: &'static [Goal],
    run: Box<dyn Fn(u64, Goal) -> RunMetrics + Sync>,
}

fn families() -> Vec<Family> {
    let mut all = Vec::new();
    for tasks in [50, 100, 400] {
        for thinking in [false, true] {
            for today in [true, false] {
                let thinks = if thinking { ", thinking" } else { "" };
                let whose = if today { "" } else { ", no today" };
                all.push(Family {
                    name: format!("12 equal, n {tasks}{thinks}{whose}"),
                    goals: &[Goal::Cheaper, Goal::Better],
                    run: Box::new(move |seed, goal| equal(seed, goal, tasks, thinking, today)),
                });
            }
        }
    }
    for tasks in [50, 100, 400] {
        all.push(Family {
            name: format!("11 at the margin, n {tasks}"),
            goals: &[Goal::Cheaper],
            run: Box::new(move |seed, _| at_margin(seed, CATEGORIES, 11, tasks)),
        });
    }
    for candidates in [1, 3, 11] {
        all.push(Family {
            name: format!("1 category, {candidates} at the margin, n 50"),
            goals: &[Goal::Cheaper],
            run: Box::new(move |seed, _| at_margin(seed, 1, candidates, 50)),
        });
    }
    for (margin, tasks, categories) in [(0.05, 54, 1), (0.02, 133, 1), (0.05, 54, CATEGORIES)] {
        let points = margin * 100.0;
        all.push(Family {
            name: format!("nested, {points} points, n {tasks}, categories {categories}"),
            goals: &[Goal::Cheaper],
            run: Box::new(move |seed, _| nested(seed, margin, tasks, categories)),
        });
    }
    all
}

impl Family {
    fn judge(&self, bars: &mut Bars, runs: u64) {
        for goal in self.goals {
            let found = over_seeds(runs, &|seed| words(&tune(&(self.run)(seed, *goal))));
            let mut counts = [Count::default(), Count::default()];
            for (moves, tries) in found {
                counts[0].add(moves);
                counts[1].add(tries);
            }
            let name = format!("{}, {}", self.name, goal_name(*goal));
            counts[0].at_most(bars, &format!("{name}: MOVE"), 0.06);
            counts[1].at_most(bars, &format!("{name}: TRY"), 0.15);
        }
    }
}

fn goal_name(goal: Goal) -> &'static str {
    if goal == Goal::Better { "better" } else { "cheaper" }
}

/// Whether any category has a MOVE, and whether any has a TRY.
fn words(file: &WeightsFile) -> (bool, bool) {
    let has = |word| file.categories.values().any(|category| category.verdict.word == word);
    (has(VerdictWord::Move), has(VerdictWord::Try))
}

fn over_seeds<T: Send>(seeds: u64, one: &(dyn Fn(u64) -> T + Sync)) -> Vec<T> {
    let next = AtomicU64::new(0);
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(seed) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|n| *n < seeds)
                {
                    let result = one(seed + 70_001);
                    found.lock().expect("no panic").push(result);
                }
            });
        }
    });
    found.into_inner().expect("no panic")
}

/// Endpoints that pass with these probabilities where half of the variance is the task's difficulty.
fn passes(draw: &mut Draw, probabilities: &[f64]) -> Vec<f64> {
    let difficulty = draw.normal();
    let limit = |p: f64| normal::quantile(p) * std::f64::consts::SQRT_2;
    probabilities
        .iter()
        .map(|p| f64::from(u8::from(difficulty + draw.normal() <= limit(*p))))
        .collect()
}

/// Dollars of one answer at a price of 1 per usual answer.
fn tokens(draw: &mut Draw, length: f64, thinking: bool) -> f64 {
    let own = length * draw.log_normal(1.0, 0.2);
    if thinking { own * (0.25 + 0.75 * draw.log_normal(1.0, 1.0)) } else { own }
}

fn judged(goal: Goal, margin: f64, today: bool) -> impl FnOnce(&mut Judging) {
    move |judging| {
        judging.goal = goal;
        judging.margin = margin;
        judging.today = today.then(|| name(0));
    }
}

/// The pass rate of today's endpoint in each category.
fn levels(draw: &mut Draw, categories: usize) -> Vec<f64> {
    (0..categories).map(|_| 0.6 + 0.37 * draw.uniform()).collect()
}

fn equal(seed: u64, goal: Goal, tasks: usize, thinking: bool, today: bool) -> RunMetrics {
    let mut draw = Seed(seed).draw("equal", &[]);
    let levels = levels(&mut draw, CATEGORIES);
    run(judged(goal, 0.05, today), CATEGORIES, tasks, |category| {
        let length = draw.log_normal(0.001, 0.6);
        let scores = passes(&mut draw, &[levels[category]; EQUAL]);
        let outcome =
            |score| Outcome { score, cost: tokens(&mut draw, length, thinking), is_late: false };
        scores.into_iter().map(outcome).collect()
    })
}

fn at_margin(seed: u64, categories: usize, candidates: usize, tasks: usize) -> RunMetrics {
    let mut draw = Seed(seed).draw("at margin", &[]);
    let levels = levels(&mut draw, categories);
    let margin = 0.05;
    run(judged(Goal::Cheaper, margin, true), categories, tasks, |category| {
        let mut rates = vec![levels[category] - margin; candidates + 1];
        rates[0] = levels[category];
        let length = draw.log_normal(0.001, 0.6);
        let scores = passes(&mut draw, &rates);
        let outcome = |(endpoint, score)| {
            let price = if endpoint == 0 { 1.0 } else { 0.5 };
            Outcome { score, cost: price * tokens(&mut draw, length, false), is_late: false }
        };
        scores.into_iter().enumerate().map(outcome).collect()
    })
}

/// Today's endpoint errs on 2 of 100 tasks; the candidate on these, and on `margin` more.
fn nested(seed: u64, margin: f64, tasks: usize, categories: usize) -> RunMetrics {
    let mut draw = Seed(seed).draw("nested", &[]);
    run(judged(Goal::Cheaper, margin, true), categories, tasks, |_| {
        let luck = draw.uniform();
        let score = |wrong: f64| f64::from(u8::from(luck >= wrong));
        let length = draw.log_normal(0.001, 0.6);
        [(score(0.02), 1.0), (score(0.02 + margin), 0.5)]
            .map(|(score, price)| {
                let cost = price * tokens(&mut draw, length, false);
                Outcome { score, cost, is_late: false }
            })
            .to_vec()
    })
}

/// Twelve hosts of one price and one skill, in virtual time.
fn through_the_binary(bars: &mut Bars) {
    let dir = folder();
    let one = |endpoint| {
        format!(
            "[[endpoint]]\nmodel = \"m{endpoint}/x\"\nprovider = \"h{endpoint}\"\n\
             price = {{ input = \"1\", output = \"4\" }}\ncontext_window = 100000\n\
             max_output = 8000\nlatency = {{ ttft_p50_s = 0.3, ttft_p95_s = 0.8, \
             body_sigma = 0.2, lag1_autocorr = 0.1, tok_per_s = 80.0, itl_sigma = 0.1 }}\n\
             skill = {{ default = 0.85 }}\n"
        )
    };
    let endpoints: String = (0..EQUAL).map(one).collect();
    let fleet = format!("[lengths]\ndefault = \"knowledge\"\n{endpoints}");
    std::fs::write(dir.path().join("fleet.toml"), fleet).expect("a file");
    std::fs::write(dir.path().join("weighbridge.toml"), "[today]\nendpoint = \"m0/x@h0\"\n")
        .expect("a file");
    let found = over_seeds(RUNS_BINARY, &|seed| {
        let out = format!("r{seed}");
        let mut command = weighbridge(dir.path());
        command.args(["run", "--virtual", "--fleet", "fleet.toml", "--out", &out, "--seed"]);
        finished(command.arg(seed.to_string()), &[0]);
        let text = std::fs::read_to_string(dir.path().join(out).join("weights.json"));
        words(&serde_json::from_str(&text.expect("weights")).expect("a weights file"))
    });
    let (mut moves, mut tries) = (Count::default(), Count::default());
    for (moved, tried) in found {
        moves.add(moved);
        tries.add(tried);
    }
    moves.at_most(bars, "12 equal, the binary: MOVE", 0.06);
    tries.at_most(bars, "12 equal, the binary: TRY", 0.15);
}

/// Today's endpoint and seven cheaper ones: in the first half of the categories 12 to 20 points below
/// it, in the others within 2 points of it.
fn stay_fleet(bars: &mut Bars, runs: u64) {
    let one = |seed| {
        let mut draw = Seed(seed).draw("stay", &[]);
        let levels = levels(&mut draw, CATEGORIES);
        let below: Vec<Vec<f64>> = (0..CATEGORIES)
            .map(|category| {
                let spread =
                    |from: f64, to: f64, draw: &mut Draw| from + (to - from) * draw.uniform();
                let is_bad = category < CATEGORIES / 2;
                (0..8)
                    .map(|endpoint| match (endpoint, is_bad) {
                        (0, _) => 0.0,
                        (_, true) => spread(0.12, 0.20, &mut draw),
                        (_, false) => spread(-0.02, 0.02, &mut draw),
                    })
                    .collect()
            })
            .collect();
        let metrics = run(judged(Goal::Cheaper, 0.05, true), CATEGORIES, 400, |category| {
            let rates: Vec<f64> =
                below[category].iter().map(|gap| levels[category] - gap).collect();
            let length = draw.log_normal(0.001, 0.6);
            let scores = passes(&mut draw, &rates);
            let outcome = |(endpoint, score)| {
                let price = if endpoint == 0 { 1.0 } else { 0.2 + 0.08 * endpoint as f64 };
                Outcome { score, cost: price * tokens(&mut draw, length, false), is_late: false }
            };
            scores.into_iter().enumerate().map(outcome).collect()
        });
        let stays = tune(&metrics);
        let stays = stays.categories.values().map(|found| found.verdict.word == VerdictWord::Stay);
        stays.collect::<Vec<bool>>()
    };
    let (mut right, mut wrong) = (Count::default(), Count::default());
    for stays in over_seeds(runs, &one) {
        stays[..CATEGORIES / 2].iter().for_each(|stay| right.add(*stay));
        stays[CATEGORIES / 2..].iter().for_each(|stay| wrong.add(*stay));
    }
    right.at_least(bars, "stay fleet: STAY where all are bad", 0.60);
    wrong.at_most(bars, "stay fleet: STAY where some are good", 0.03);
}

/// Endpoints whose first tokens are late in 1 to 12 of 100 answers, the cheaper the later, under a
/// limit of 5 %.
fn latency_limit(bars: &mut Bars, runs: u64) {
    const LIMIT: f64 = 0.05;
    let one = |seed| {
        let mut draw = Seed(seed).draw("late", &[]);
        let late: Vec<Vec<f64>> = (0..CATEGORIES)
            .map(|_| {
                (0..8).map(|e| 0.01 + 0.015 * f64::from(e) * (0.7 + 0.6 * draw.uniform())).collect()
            })
            .collect();
        let limit = |judging: &mut Judging| {
            judged(Goal::Cheaper, 0.05, true)(judging);
            judging.slo = Some(Slo { ttft_ms: 800.0, miss: LIMIT });
        };
        let metrics = run(limit, CATEGORIES, 96, |category| {
            let length = draw.log_normal(0.001, 0.6);
            let scores = passes(&mut draw, &[0.9; 8]);
            let outcome = |(endpoint, score): (usize, f64)| Outcome {
                score,
                cost: (1.0 - 0.1 * endpoint as f64) * tokens(&mut draw, length, false),
                is_late: draw.chance(late[category][endpoint]),
            };
            scores.into_iter().enumerate().map(outcome).collect()
        });
        let file = tune(&metrics);
        let mut missed = 0.0;
        for (category, found) in file.categories.values().enumerate() {
            for (endpoint, part) in &found.weights {
                let endpoint = (0..8).find(|e| name(*e) == *endpoint).expect("one of them");
                let weight = f64::from(*part) / f64::from(PARTS) / CATEGORIES as f64;
                missed += weight * late[category][endpoint];
            }
        }
        let moved = file.categories.values().any(|c| c.verdict.word == VerdictWord::Move);
        (missed <= LIMIT, missed, moved)
    };
    let (mut kept, mut moved) = (Count::default(), Count::default());
    let mut sum = 0.0;
    for (is_kept, missed, has_moved) in over_seeds(runs, &one) {
        kept.add(is_kept);
        moved.add(has_moved);
        sum += missed;
    }
    kept.at_least(bars, "latency limit of 5 %: kept in truth", 0.90);
    bars.figure("   true misses, mean", &format!("{:.2} %", 100.0 * sum / kept.n as f64));
    bars.figure("   runs with a MOVE", &moved.shown());
}
