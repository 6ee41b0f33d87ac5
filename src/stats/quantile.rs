//! Percentiles: their ranks, their intervals, and how many samples they need.

use libm::{ceil, log};

use super::Level;
use super::special::{binomial_at_least, binomial_cdf};

/// A lag-1 correlation up to this counts as 0.
const CORRELATION_MIN: f64 = 0.1;

/// The ranks (from 1, in ascending order) of the two observations of a sample of `n` that enclose
/// the quantile `p` with at least the probability `level`, whatever the distribution. `None`: no
/// observation is far enough out on that side.
///
/// Hahn & Meeker 1991, *Statistical Intervals*, ch. 5: with B ~ Binomial(n, p), the largest l with
/// P(B ≤ l−1) ≤ (1 − level)/2 and the smallest u with P(B ≥ u) ≤ (1 − level)/2.
#[must_use]
pub fn interval_ranks(n: u64, p: f64, level: Level) -> (Option<u64>, Option<u64>) {
    let tail = level.tail();
    let lower = last_where(n, |rank| binomial_cdf(rank - 1, n, p) <= tail);
    let upper = last_where(n, |rank| binomial_at_least(rank, n, p) > tail) + 1;
    ((lower > 0).then_some(lower), (upper <= n).then_some(upper))
}

/// The last of 1..=n that holds, where all that hold come first; 0: none does.
fn last_where(n: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut known, mut beyond) = (0, n + 1);
    while beyond - known > 1 {
        let middle = known + (beyond - known) / 2;
        if holds(middle) {
            known = middle;
        } else {
            beyond = middle;
        }
    }
    known
}

/// The sample floor of the quantile `p`: the fewest observations for which [`interval_ranks`] has
/// both ends. `u64::MAX` outside 0 < p < 1: no sample is enough.
///
/// The largest of n observations lies above the quantile but for pⁿ (Wilks 1941, *Ann. Math. Stat.*
/// 12:91); the least below it but for (1−p)ⁿ.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, finite")]
pub fn min_sample(p: f64, level: Level) -> u64 {
    if p <= 0.0 || p >= 1.0 || p.is_nan() {
        return u64::MAX;
    }
    ceil(log(level.tail()) / log(p.max(1.0 - p))) as u64
}

/// The rank (from 1, ascending) of the quantile `p` in a sample of `n`: ⌈np⌉, at least 1; 0 in an
/// empty sample. Hyndman & Fan 1996 (*Am. Stat.* 50:361), type 1.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 ≤ p ≤ 1")]
pub fn nearest_rank(n: u64, p: f64) -> u64 {
    // A product that ought to be whole may come out an ulp above it: 0.07 × 100 does.
    let exact = n as f64 * p * (1.0 - 2.0 * f64::EPSILON);
    (ceil(exact) as u64).max(1).min(n)
}

/// The correlation of each value with the one before it, −1..1, in the order given; 0 where it
/// cannot be told (fewer than three values, or all equal).
///
/// Box & Jenkins 1976, *Time Series Analysis*, r₁ = Σ (xₜ − x̄)(xₜ₊₁ − x̄) / Σ (xₜ − x̄)².
#[must_use]
pub fn lag1(values: &[f64]) -> f64 {
    if values.len() < 3 {
        return 0.0;
    }
    // Counted from the first, equal values are 0 and so is their mean: what rounding would leave of
    // it would pass for a perfect correlation.
    let from = |x: f64| x - values[0];
    let mean = values.iter().map(|x| from(*x)).sum::<f64>() / values.len() as f64;
    let gap = |x: f64| from(x) - mean;
    let total: f64 = values.iter().map(|x| gap(*x) * gap(*x)).sum();
    let lagged: f64 = values.windows(2).map(|pair| gap(pair[0]) * gap(pair[1])).sum();
    if total > 0.0 { lagged / total } else { 0.0 }
}

/// How many independent observations `n` serially correlated ones are worth: n(1−r)/(1+r) where
/// the lag-1 correlation `r` is above 0.1, rounded down, at least 1; else n.
///
/// Bayley & Hammersley 1946, *Suppl. JRSS* 8:184, for a first-order autoregression. With e of
/// them effective, a rank l that [`interval_ranks`] gives for e stands for the rank l·n/e of n.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and n")]
pub fn effective_n(n: u64, r: f64) -> u64 {
    if r > CORRELATION_MIN { ((n as f64 * (1.0 - r) / (1.0 + r)) as u64).max(1).min(n) } else { n }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::oracle::{cases, close, list, number, numbers};
    use crate::stats::special::binomial_pmf;

    #[test]
    fn floors_are_those_of_the_metrics() {
        for (p, n) in [(0.5, 6), (0.9, 36), (0.95, 72), (0.99, 368), (0.999, 3688)] {
            assert_eq!(min_sample(p, Level::P95), n, "p{p}");
            assert_eq!(min_sample(1.0 - p, Level::P95), n, "the mirror of p{p}");
            let both = |n| matches!(interval_ranks(n, p, Level::P95), (Some(_), Some(_)));
            assert!(both(n) && !both(n - 1), "p{p}: the interval begins at the floor");
        }
        assert_eq!(
            (min_sample(0.0, Level::P95), min_sample(1.0, Level::P95)),
            (u64::MAX, u64::MAX)
        );
    }

    #[test]
    fn ranks_are_the_tightest_that_cover() {
        for n in 0..=120_u64 {
            for p in [0.05, 0.5, 0.9, 0.95] {
                let below = |rank: u64| (0..rank).map(|k| binomial_pmf(k, n, p)).sum::<f64>();
                let above = |rank: u64| (rank..=n).map(|k| binomial_pmf(k, n, p)).sum::<f64>();
                let lower = (1..=n).rev().find(|rank| below(*rank) <= Level::P95.tail());
                let upper = (1..=n).find(|rank| above(*rank) <= Level::P95.tail());
                assert_eq!(interval_ranks(n, p, Level::P95), (lower, upper), "n {n}, p {p}");
            }
        }
    }

    #[test]
    fn ten_million_samples_have_exact_ranks() {
        // By mpmath 1.3 with 50 digits.
        let check = |p: f64, lower: u64, upper: u64| {
            assert_eq!(
                interval_ranks(10_000_000, p, Level::P95),
                (Some(lower), Some(upper)),
                "p {p}"
            );
        };
        check(0.5, 4_996_901, 5_003_100);
        check(0.9, 8_998_140, 9_001_860);
        check(0.95, 9_498_649, 9_501_351);
        check(0.99, 9_899_383, 9_900_617);
        check(0.999, 9_989_804, 9_990_196);
    }

    #[test]
    fn nearest_ranks_are_not_moved_by_rounding() {
        let check = |n: u64, p: f64, rank: u64| assert_eq!(nearest_rank(n, p), rank, "{n} × {p}");
        check(100, 0.07, 7);
        check(100, 0.95, 95);
        check(101, 0.95, 96);
        check(1, 0.5, 1);
        check(10, 0.0, 1);
        check(10, 1.0, 10);
        check(0, 0.5, 0);
        for n in 1..=3_000_u64 {
            check(n, 0.5, n.div_ceil(2));
            check(n, 0.9, (n * 9).div_ceil(10));
            check(n, 0.95, (n * 95).div_ceil(100));
            check(n, 0.99, (n * 99).div_ceil(100));
            check(n, 0.999, (n * 999).div_ceil(1000));
        }
    }

    #[test]
    fn correlation_is_that_of_neighbours() {
        close(lag1(&[1.0, 2.0, 3.0, 4.0]), 0.25, 1e-15, "a trend");
        close(lag1(&[1.0, -1.0, 1.0, -1.0]), -0.75, 1e-15, "an alternation");
        // The sum of fifty logarithms of 500 is not fifty times the logarithm.
        close(lag1(&[libm::log(500.0); 50]), 0.0, 0.0, "all equal");
        for values in [&[][..], &[1.0, 2.0], &[5.0; 9]] {
            close(lag1(values), 0.0, 0.0, "nothing to tell");
        }
    }

    #[test]
    fn correlated_samples_are_worth_less() {
        let check = |n: u64, r: f64, expected: u64| assert_eq!(effective_n(n, r), expected, "{r}");
        check(300, 0.5, 100);
        check(300, 0.1, 300);
        check(300, -0.5, 300);
        check(300, 1.0, 1);
        check(0, 0.9, 0);
    }

    #[test]
    fn agrees_with_the_worked_vectors() {
        let Some(order) = cases("quantile_ci_order_stats") else { return };
        for case in list(&order).iter().filter(|case| case["conf"] == 0.95) {
            let n = case["n"].as_u64().expect("a count");
            let ranks = (case["lower_rank"].as_u64(), case["upper_rank"].as_u64());
            assert_eq!(interval_ranks(n, number(&case["p"]), Level::P95), ranks, "{case}");
        }
        let Some(floors) = cases("quantile_min_n") else { return };
        for case in list(&floors).iter().filter(|case| case["conf"] == 0.95) {
            let end = |name: &str| case[name].as_u64().expect("a count");
            let both = end("min_n_for_upper").max(end("min_n_for_lower"));
            assert_eq!(min_sample(number(&case["p"]), Level::P95), both, "{case}");
        }
        let Some(estimators) = cases("quantile_estimators") else { return };
        for case in list(&estimators) {
            let mut data = numbers(&case["data"]);
            data.sort_by(f64::total_cmp);
            let rank = nearest_rank(data.len() as u64, number(&case["p"]));
            let found = data[usize::try_from(rank).expect("a rank") - 1];
            close(found, number(&case["type1_inverted_cdf"]), 0.0, "nearest rank");
        }
    }
}
