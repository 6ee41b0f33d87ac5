//! Single figures against known truths: intervals of quality and of cost, the paired test, tables.
//!
//! ```sh
//! cargo bench --bench estimators            # two minutes
//! cargo bench --bench estimators -- --quick # a tenth of the draws, every eighth sample size
//! ```
//!
//! Coverage of single pass/fail answers and the size of the paired test are exact: every outcome is
//! added up. Clustered tasks come in fives that share a third of their variance; repeated tasks are
//! asked three times. These, the cost per pass and the tables are drawn.

mod support;

use std::process::ExitCode;

use support::Bars;
use support::count::Count;
use weighbridge::stats::proportion::{TaskScore, mean_score, pass_rate};
use weighbridge::stats::special::{binomial_cdf, binomial_pmf};
use weighbridge::stats::tango::PassTable;
use weighbridge::stats::{Estimate, Level, multiple, paired, ratio};
use weighbridge::units::{Draw, Seed, normal};

const DRAWS: u64 = 2000;
const SIZES: [u64; 6] = [20, 50, 100, 200, 400, 1000];
/// Below so many expected passes or failures a point has no bar of its own.
const EXPECTED_MIN: f64 = 5.0;

fn main() -> ExitCode {
    let mut bars = Bars::always("estimators against known truths");
    let is_quick = std::env::args().any(|arg| arg == "--quick");
    let draws = if is_quick { DRAWS / 10 } else { DRAWS };
    single(&mut bars);
    drawn(&mut bars, "clusters of 5", draws, &clustered);
    drawn(&mut bars, "3 repeats", draws, &repeated);
    cost_per_pass(&mut bars, draws);
    size(&mut bars, if is_quick { 8 } else { 1 });
    tables(&mut bars, draws);
    bars.end()
}

/// Pass rates spread evenly over .02….99.
fn rates() -> Vec<f64> {
    (0..98).map(|i| 0.02 + 0.01 * f64::from(i)).collect()
}

fn holds(estimate: &Estimate, truth: f64) -> bool {
    estimate.low.is_none_or(|low| low <= truth) && estimate.high.is_none_or(|high| truth <= high)
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

fn single(bars: &mut Bars) {
    for n in SIZES {
        let intervals: Vec<Estimate> =
            (0..=n).map(|k| pass_rate(k, n, Level::P95).expect("a sample")).collect();
        let coverage = |p: f64| -> f64 {
            let all = (0..).zip(&intervals).filter(|(_, interval)| holds(interval, p));
            all.map(|(k, _)| binomial_pmf(k, n, p)).sum()
        };
        let by_rate: Vec<(f64, f64)> = rates().iter().map(|p| (*p, coverage(*p))).collect();
        let mean = by_rate.iter().map(|(_, covered)| covered).sum::<f64>() / by_rate.len() as f64;
        let is_judged = |p: f64| n as f64 * p.min(1.0 - p) >= EXPECTED_MIN - 1e-9;
        let judged = by_rate.iter().filter(|(p, _)| is_judged(*p)).map(|(_, covered)| *covered);
        let worst = judged.fold(1.0, f64::min);
        let name = format!("pass rate, n {n}");
        bars.bar(&format!("{name}: mean"), &percent(mean), "94–96.5 %", is_mean(mean));
        bars.bar(&format!("{name}: worst"), &percent(worst), ">= 92 %", worst >= 0.92);
    }
}

fn is_mean(share: f64) -> bool {
    (0.94..=0.965).contains(&share)
}

/// Every seventh rate, with so many draws of each.
fn drawn(
    bars: &mut Bars,
    what: &str,
    draws: u64,
    tasks: &dyn Fn(&mut Draw, u64, f64) -> Vec<TaskScore>,
) {
    for n in [50, 100, 400, 1000] {
        let mut all = Count::default();
        let mut worst = Count { hits: 1, n: 1 };
        for p in rates().into_iter().step_by(7) {
            let mut count = Count::default();
            let mut draw = Seed(n).draw(what, &[&p.to_string()]);
            for _ in 0..draws {
                let found = mean_score(&tasks(&mut draw, n, p), Level::P95).expect("a sample");
                count.add(holds(&found, p));
            }
            all.hits += count.hits;
            all.n += count.n;
            let is_judged = n as f64 * p.min(1.0 - p) >= EXPECTED_MIN;
            if is_judged && count.share() < worst.share() {
                worst = count;
            }
        }
        let name = format!("{what}, n {n}");
        let (low, high) = all.interval();
        let is_within = low <= 0.965 && high >= 0.94;
        bars.bar(&format!("{name}: mean"), &all.shown(), "94–96.5 %", is_within);
        worst.at_least(bars, &format!("{name}: worst"), 0.92);
    }
}

fn clustered(draw: &mut Draw, n: u64, p: f64) -> Vec<TaskScore> {
    let limit = normal::quantile(p) * f64::sqrt(1.5);
    let mut shared = 0.0;
    (0..n)
        .map(|task| {
            if task % 5 == 0 {
                shared = f64::sqrt(0.5) * draw.normal();
            }
            let passes = shared + draw.normal() <= limit;
            let cluster = u32::try_from(task / 5).expect("few");
            TaskScore { mean: f64::from(u8::from(passes)), repeats: 1, cluster: Some(cluster) }
        })
        .collect()
}

fn repeated(draw: &mut Draw, n: u64, p: f64) -> Vec<TaskScore> {
    let limit = normal::quantile(p) * std::f64::consts::SQRT_2;
    (0..n)
        .map(|_| {
            let difficulty = draw.normal();
            let passes = (0..3).filter(|_| difficulty + draw.normal() <= limit).count();
            TaskScore { mean: passes as f64 / 3.0, repeats: 3, cluster: None }
        })
        .collect()
}

/// Failures cost half as much again, since they ramble.
fn cost_per_pass(bars: &mut Bars, draws: u64) {
    for n in [50_u64, 100, 400] {
        for p in [0.2, 0.5, 0.8, 0.9] {
            if n as f64 * (1.0 - p) < 30.0 || n as f64 * p < 10.0 {
                continue;
            }
            let mut draw = Seed(n).draw("cost per pass", &[&p.to_string()]);
            let usual = f64::exp(0.5 * 0.6 * 0.6);
            let truth = usual * (p + 1.5 * (1.0 - p)) / p;
            let mut count = Count::default();
            for _ in 0..draws {
                let (mut costs, mut scores) = (Vec::new(), Vec::new());
                for _ in 0..n {
                    let passes = draw.chance(p);
                    let cost = draw.log_normal(1.0, 0.6);
                    costs.push(if passes { cost } else { 1.5 * cost });
                    scores.push(f64::from(u8::from(passes)));
                }
                let passed: f64 = scores.iter().sum();
                if passed >= 10.0 && n as f64 - passed >= 30.0 {
                    let found = ratio::ratio(&costs, &scores, Level::P95).expect("a sample");
                    count.add(holds(&found, truth));
                }
            }
            let (low, high) = count.interval();
            let is_within = low <= 0.97 && high >= 0.93;
            let name = format!("cost per pass, n {n}, p {p}");
            bars.bar(&name, &count.shown(), "93–97 %", is_within);
        }
    }
}

/// How often "within the margin" is shown where the first is truly worse by the margin.
fn size(bars: &mut Bars, step: usize) {
    const ONLY_FIRST: [f64; 9] = [0.0, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2];
    let sizes = (20..=120).chain((127..=400).step_by(7)).chain((460..=1000).step_by(60));
    let mut found = Vec::new();
    for n in sizes.step_by(step) {
        for margin in [0.01, 0.02, 0.05] {
            let most = most_second(n, margin);
            found.extend(ONLY_FIRST.iter().map(|only_first| chance(n, *only_first, margin, &most)));
        }
    }
    let worst = found.iter().copied().fold(0.0, f64::max);
    let within = found.iter().filter(|size| **size <= 0.065).count() as f64 / found.len() as f64;
    bars.figure("paired test: points of the grid", &found.len().to_string());
    bars.bar("paired test: largest size", &percent(worst), "<= 7.0 %", worst <= 0.07);
    bars.bar("paired test: size <= 6.5 % on", &percent(within), ">= 99 %", within >= 0.99);
}

/// For each number of tasks that only the first passes, the most that only the second may pass where
/// the first is still shown within the margin; `None`: none may.
fn most_second(n: u64, margin: f64) -> Vec<Option<u64>> {
    let shows = |first, second| PassTable { n, first, second }.is_not_worse(margin, 0.05);
    let most = |first: u64| {
        if !shows(first, 0) {
            return None;
        }
        let (mut yes, mut no) = (0, n - first + 1);
        while no - yes > 1 {
            let middle = yes + (no - yes) / 2;
            if shows(first, middle) { yes = middle } else { no = middle }
        }
        Some(yes)
    };
    (0..=n).map(most).collect()
}

fn chance(n: u64, only_first: f64, margin: f64, most: &[Option<u64>]) -> f64 {
    let second = (only_first + margin) / (1.0 - only_first);
    let tables = (0..).zip(most).filter_map(|(first, most)| Some((first, (*most)?)));
    let chance = |(first, most): (u64, u64)| match only_first {
        0.0 if first > 0 => 0.0,
        0.0 => binomial_cdf(most, n, second),
        _ => match binomial_pmf(first, n, only_first) {
            negligible if negligible < 1e-12 => 0.0,
            likely => likely * binomial_cdf(most.min(n - first), n - first, second),
        },
    };
    tables.map(chance).sum()
}

/// Forty cells of sixty tasks on which two endpoints are equally good.
fn tables(bars: &mut Bars, tables: u64) {
    let mut count = Count::default();
    for table in 0..tables {
        let mut draw = Seed(table).draw("tables", &[]);
        let p_values: Vec<f64> = (0..40)
            .map(|_| {
                let limit =
                    normal::quantile(0.5 + 0.45 * draw.uniform()) * std::f64::consts::SQRT_2;
                let pairs: Vec<_> = (0..60)
                    .map(|_| {
                        let difficulty = draw.normal();
                        let mut score = || f64::from(u8::from(difficulty + draw.normal() <= limit));
                        (score(), score(), None)
                    })
                    .collect();
                paired::difference(&pairs, Level::P95).expect("pairs").p
            })
            .collect();
        count.add(multiple::benjamini_hochberg(&p_values).iter().any(|p| *p < 0.05));
    }
    count.at_most(bars, "tables with a false difference", 0.06);
}
