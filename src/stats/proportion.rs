//! Shares and mean scores: numbers between 0 and 1.

use super::mean::spread;
use super::special::t_quantile;
use super::{Estimate, Level, Method};
use crate::units::normal;

/// Fewer clusters than this give no interval: the cluster-robust standard error is then too small
/// by an unknown amount (Cameron, Gelbach & Miller 2008, *Rev. Econ. Stat.* 90:414).
pub const CLUSTERS_MIN: u64 = 10;

/// One task's score, its repeats averaged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TaskScore {
    /// The mean over the repeats that were scored, 0..1.
    pub mean: f64,
    /// The number of scored repeats, at least 1.
    pub repeats: u32,
    /// Tasks with the same number share a context; `None`: a cluster of its own.
    pub cluster: Option<u32>,
}

/// Wilson's score interval for `successes` out of `n` at `z` standard errors; `n` may be an
/// effective size. Without an observation: all of 0..1.
///
/// Wilson 1927, *JASA* 22:209; recommended for small samples by Brown, Cai & `DasGupta` 2001,
/// *Stat. Sci.* 16:101. No continuity correction.
#[must_use]
pub fn wilson(successes: f64, n: f64, z: f64) -> (f64, f64) {
    if n <= 0.0 {
        return (0.0, 1.0);
    }
    let share = successes / n;
    let square = z * z / n;
    let centre = (share + 0.5 * square) / (1.0 + square);
    let spread = libm::sqrt(share * (1.0 - share) / n + 0.25 * square / n);
    let half = z / (1.0 + square) * spread;
    // The ends are exact where nothing, or everything, succeeded; rounding must not move them.
    let low = if successes <= 0.0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if successes >= n { 1.0 } else { (centre + half).min(1.0) };
    (low, high)
}

/// A share of passes with Wilson's interval; `None` without an observation.
#[must_use]
pub fn pass_rate(successes: u64, n: u64, level: Level) -> Option<Estimate> {
    debug_assert!(successes <= n, "{successes} passes of {n}");
    if n == 0 {
        return None;
    }
    let (low, high) = wilson(successes as f64, n as f64, normal::quantile(level.upper()));
    Some(Estimate {
        value: successes as f64 / n as f64,
        low: Some(low),
        high: Some(high),
        level,
        n,
        method: Method::Wilson,
    })
}

/// The mean of scores in [0, 1] over tasks; `n` is the number of tasks. `None` without a task.
///
/// Wilson's interval on the effective size m(1−m)/se², the number of passes and failures that
/// would have this standard error (METRICS.md §4; Miller 2024, arXiv:2411.00640, for the standard
/// error over tasks and clusters). Independent tasks with one pass or fail each are the plain
/// [`pass_rate`].
///
/// The effective size is kept between two bounds. From above, Σ repeats: no answer is worth more
/// than one observation. From below, what is left if all answers of one independent unit say the
/// same: the number of tasks; or, where they share clusters of sizes `n_c`, `n² / Σ n_c²` (Kish
/// 1965), as the number of tasks would undo the clustering. Where every task failed, or every one
/// passed, the standard error of 0 says nothing about the tasks not asked, and the lower bound
/// stands in for it.
///
/// With shared clusters, z becomes a t quantile of C−1 degrees of freedom, and below
/// [`CLUSTERS_MIN`] clusters there is no interval. Just above it, clusters of very unequal size that
/// agree within still make the interval somewhat short: about 90 % with 12 of 1 to 9 tasks.
#[must_use]
pub fn mean_score(tasks: &[TaskScore], level: Level) -> Option<Estimate> {
    let values: Vec<_> = tasks.iter().map(|task| (task.mean, task.cluster)).collect();
    let spread = spread(&values)?;
    let plain = |task: &TaskScore| task.repeats <= 1 && is_pass_or_fail(task.mean);
    if !spread.is_clustered() && tasks.iter().all(plain) {
        let passes = tasks.iter().filter(|task| task.mean > 0.5).count();
        return pass_rate(passes as u64, spread.n, level);
    }

    let mean = spread.mean.clamp(0.0, 1.0);
    let answers: u64 = tasks.iter().map(|task| u64::from(task.repeats.max(1))).sum();
    let variance = mean * (1.0 - mean);
    let size = match spread.se {
        Some(se) if variance > 0.0 => variance / (se * se),
        _ => 0.0,
    };
    let size = size.min(answers as f64).max(spread.n_floor);
    let (z, method) = if spread.is_clustered() {
        (t_quantile(level.upper(), spread.df()), Method::WilsonClustered)
    } else {
        (normal::quantile(level.upper()), Method::WilsonEffective)
    };
    let known = !spread.is_clustered() || spread.units >= CLUSTERS_MIN;
    let ends = known.then(|| wilson(mean * size, size, z));
    Some(Estimate {
        value: mean,
        low: ends.map(|(low, _)| low),
        high: ends.map(|(_, high)| high),
        level,
        n: spread.n,
        method,
    })
}

/// Whether a score is exactly 0 or 1.
pub(super) fn is_pass_or_fail(score: f64) -> bool {
    score.to_bits() == 1.0_f64.to_bits() || score.abs().to_bits() == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::oracle::{cases, close, list, number};
    use crate::units::Seed;

    fn ends(estimate: Estimate) -> (f64, f64) {
        (estimate.low.expect("bounded"), estimate.high.expect("bounded"))
    }

    fn task(mean: f64, repeats: u32, cluster: Option<u32>) -> TaskScore {
        TaskScore { mean, repeats, cluster }
    }

    /// Asserts that scores have the interval of so many passes among so many observations.
    fn check_worth(tasks: &[TaskScore], n_effective: f64, z: f64) {
        let found = mean_score(tasks, Level::P95).unwrap();
        let (low, high) = wilson(found.value * n_effective, n_effective, z);
        close(ends(found).0, low, 1e-12, "low");
        close(ends(found).1, high, 1e-12, "high");
    }

    #[test]
    fn wilson_agrees_with_newcombe() {
        // Newcombe 1998, Stat. Med. 17:857, table I, method 3.
        let check = |passes: u64, n: u64, low: f64, high: f64| {
            let found = ends(pass_rate(passes, n, Level::P95).unwrap());
            close(found.0, low, 5.1e-5, "low");
            close(found.1, high, 5.1e-5, "high");
        };
        check(81, 263, 0.2553, 0.3662);
        check(15, 148, 0.0624, 0.1605);
        check(0, 20, 0.0, 0.1611);
        check(1, 29, 0.0061, 0.1718);
    }

    #[test]
    fn no_observation_is_no_estimate() {
        assert_eq!(pass_rate(0, 0, Level::P95), None);
        assert_eq!(mean_score(&[], Level::P95), None);
        assert_eq!(wilson(0.0, 0.0, 1.96), (0.0, 1.0));
    }

    #[test]
    fn one_pass_or_fail_per_task_is_the_pass_rate() {
        for passes in 0..=12_u8 {
            let tasks: Vec<_> =
                (0..12_u8).map(|idx| task(f64::from(u8::from(idx < passes)), 1, None)).collect();
            assert_eq!(
                mean_score(&tasks, Level::P95),
                pass_rate(u64::from(passes), 12, Level::P95)
            );
        }
        // A cluster that nobody shares changes nothing.
        let alone = [task(1.0, 1, Some(3)), task(0.0, 1, Some(4)), task(1.0, 1, None)];
        assert_eq!(mean_score(&alone, Level::P95), pass_rate(2, 3, Level::P95));
    }

    #[test]
    fn repeats_that_never_differ_are_worth_one() {
        let tasks: Vec<_> =
            (0..20_u8).map(|i| task(f64::from(u8::from(i < 15)), 4, None)).collect();
        check_worth(&tasks, 20.0, normal::quantile(0.975));
        assert_eq!(mean_score(&tasks, Level::P95).unwrap().method, Method::WilsonEffective);
    }

    #[test]
    fn repeats_that_explain_all_are_worth_their_number() {
        // Every task at 1 of 2: no variance between tasks, so each answer is an observation.
        check_worth(&[task(0.5, 2, None); 20], 40.0, normal::quantile(0.975));
    }

    #[test]
    fn unanimous_tasks_are_worth_their_number_however_often_repeated() {
        for mean in [0.0, 1.0] {
            check_worth(&[task(mean, 5, None); 8], 8.0, normal::quantile(0.975));
        }
    }

    #[test]
    fn partial_scores_are_worth_more_than_passes() {
        // Scores 0.4 and 0.6 in turn: m(1−m)/se² is 25 times n − 1, and no score is worth more
        // than an observation.
        let tasks: Vec<_> = (0..20).map(|i| task([0.4, 0.6][i % 2], 1, None)).collect();
        check_worth(&tasks, 20.0, normal::quantile(0.975));
        // Three repeats: between the bounds the formula decides, with se² = 0.09/19.
        let tasks: Vec<_> = (0..20).map(|i| task([0.2, 0.8][i % 2], 3, None)).collect();
        check_worth(&tasks, 19.0 * 0.25 / 0.09, normal::quantile(0.975));
    }

    #[test]
    fn a_single_task_bounds_what_one_observation_bounds() {
        check_worth(&[task(0.5, 2, None)], 1.0, normal::quantile(0.975));
    }

    #[test]
    fn clusters_that_say_the_same_are_worth_their_number() {
        let tasks: Vec<_> =
            (0..60_u32).map(|i| task(f64::from(u8::from(i / 5 < 8)), 1, Some(i / 5))).collect();
        check_worth(&tasks, 12.0, t_quantile(0.975, 11.0));
        let found = mean_score(&tasks, Level::P95).unwrap();
        assert_eq!((found.method, found.n), (Method::WilsonClustered, 60));
    }

    #[test]
    fn clusters_that_say_nothing_leave_tasks_their_number() {
        // Each cluster holds the same mix, so that it tells nothing about its tasks.
        let tasks: Vec<_> =
            (0..60_u32).map(|i| task(f64::from(u8::from(i % 5 < 3)), 1, Some(i / 5))).collect();
        check_worth(&tasks, 60.0, t_quantile(0.975, 11.0));
    }

    /// Clusters that decide for their tasks as often as `agreement` says, else each task for
    /// itself: how many of 400 samples have an interval that holds the truth, 0.8.
    fn covered(clusters: u32, size: impl Fn(u32) -> u32, agreement: f64) -> usize {
        let sample = |sample: usize| {
            let mut draw = Seed(11).draw("clusters", &[&sample.to_string()]);
            let mut tasks = Vec::new();
            for cluster in 0..clusters {
                let decided = draw.chance(0.8);
                for _ in 0..size(cluster) {
                    let passed = if draw.chance(agreement) { decided } else { draw.chance(0.8) };
                    tasks.push(task(f64::from(u8::from(passed)), 1, Some(cluster)));
                }
            }
            ends(mean_score(&tasks, Level::P95).unwrap())
        };
        (0..400).map(sample).filter(|(low, high)| (*low..=*high).contains(&0.8)).count()
    }

    #[test]
    fn clustered_intervals_hold_the_truth() {
        // 380 of 400 would be 95 %. Few clusters of unequal size that agree strongly are the weak
        // spot, at about 90 %. With the number of tasks as the lower bound, the samples with
        // agreement have 255 to 345.
        for (clusters, agreement, least_unequal) in
            [(12, 0.0, 372), (12, 0.55, 368), (12, 0.9, 356), (30, 0.55, 368), (30, 0.9, 368)]
        {
            let equal = covered(clusters, |_| 5, agreement);
            assert!((372..=398).contains(&equal), "{clusters} equal: {equal}");
            let unequal = covered(clusters, |cluster| 1 + cluster % 9, agreement);
            assert!((least_unequal..=398).contains(&unequal), "{clusters} unequal: {unequal}");
        }
    }

    #[test]
    fn below_ten_clusters_there_is_no_interval() {
        let tasks = |clusters: u32| -> Vec<_> {
            (0..clusters * 4).map(|i| task(f64::from(i % 3) / 2.0, 1, Some(i / 4))).collect()
        };
        let nine = mean_score(&tasks(9), Level::P95).unwrap();
        assert_eq!((nine.low, nine.high, nine.n), (None, None, 36));
        assert!(mean_score(&tasks(10), Level::P95).unwrap().low.is_some());
    }

    #[test]
    fn agrees_with_the_worked_vectors() {
        let Some(cases) = cases("wilson") else { return };
        for case in list(&cases) {
            let (k, n) = (number(&case["k"]), number(&case["n"]));
            let z = normal::quantile(0.5 + 0.5 * number(&case["conf"]));
            let (low, high) = wilson(k, n, z);
            close(low, number(&case["lo"]), 1e-9, "low");
            close(high, number(&case["hi"]), 1e-9, "high");
        }
    }
}
