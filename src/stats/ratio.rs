//! A ratio of two sums: dollars per pass.

use libm::sqrt;

use super::special::t_quantile;
use super::{Estimate, Level, Method};

/// Σ numerators ÷ Σ denominators over the same trials, neither ever negative, with Fieller's
/// interval at a t quantile of n−1 degrees of freedom. `None` where the denominators sum to 0.
///
/// `high` is `None` where the denominators do not clearly differ from 0, so that the ratio is
/// unbounded; `low` too where the numerators do not either. A single trial has no
/// interval.
#[must_use]
pub fn ratio(numerators: &[f64], denominators: &[f64], level: Level) -> Option<Estimate> {
    let total: f64 = denominators.iter().sum();
    if total.is_nan() || total <= 0.0 {
        return None;
    }
    let n = numerators.len();
    let (low, high) = match n {
        0 | 1 => (None, None),
        _ => fieller(numerators, denominators, t_quantile(level.upper(), n as f64 - 1.0)),
    };
    let value = numerators.iter().sum::<f64>() / total;
    Some(Estimate { value, low, high, level, n: n as u64, method: Method::Fieller })
}

/// Fieller's interval for a ratio of means of at least two pairs, at `quantile` standard errors;
/// `None`: unbounded on that side.
///
/// Fieller 1954, *JRSS B* 16:175: every R for which mean(x − R·y) is within `quantile` standard
/// errors of 0, the roots of aR² − 2bR + c = 0. It never pretends, as the delta method does, that
/// the denominator is known.
#[must_use]
pub fn fieller(
    numerators: &[f64],
    denominators: &[f64],
    quantile: f64,
) -> (Option<f64>, Option<f64>) {
    assert_eq!(numerators.len(), denominators.len(), "a numerator for each denominator");
    let n = numerators.len() as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n;
    let (mean_x, mean_y) = (mean(numerators), mean(denominators));
    let (mut var_x, mut var_y, mut cov) = (0.0, 0.0, 0.0);
    for (x, y) in numerators.iter().zip(denominators) {
        var_x += (x - mean_x) * (x - mean_x);
        var_y += (y - mean_y) * (y - mean_y);
        cov += (x - mean_x) * (y - mean_y);
    }
    let scale = quantile * quantile / (n * (n - 1.0));
    let a = mean_y * mean_y - scale * var_y;
    let b = mean_x * mean_y - scale * cov;
    let c = mean_x * mean_x - scale * var_x;
    // The estimate itself always lies in the set, so that only rounding makes this negative.
    let root = sqrt((b * b - a * c).max(0.0));

    if a <= 0.0 && c <= 0.0 {
        return (None, None);
    }
    // (b − root)/a, written without the cancellation, or the division by nought, where b > 0.
    let low = if b > 0.0 { c / (b + root) } else { (b - root) / a };
    // Neither the numerators nor the denominators are negative.
    (Some(low.max(0.0)), (a > 0.0).then(|| (b + root) / a))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::oracle::{cases, close, list, number, numbers};
    use crate::units::normal;

    const COST: [f64; 10] = [0.01, 0.012, 0.03, 0.008, 0.015, 0.022, 0.011, 0.04, 0.009, 0.013];
    const PASSED: [f64; 10] = [1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0];

    /// Whether a ratio is within `quantile` standard errors, by the definition.
    fn plausible(x: &[f64], y: &[f64], ratio: f64, quantile: f64) -> bool {
        let rest: Vec<_> = x.iter().zip(y).map(|(x, y)| (x - ratio * y, None)).collect();
        let spread = super::super::mean::spread(&rest).unwrap();
        spread.mean.abs() <= quantile * spread.se.unwrap()
    }

    #[test]
    fn the_ends_are_where_the_definition_ends() {
        let found = ratio(&COST, &PASSED, Level::P95).unwrap();
        close(found.value, 0.17 / 7.0, 1e-15, "ratio");
        let (low, high, t) = (found.low.unwrap(), found.high.unwrap(), t_quantile(0.975, 9.0));
        for (end, inward) in [(low, 1.0), (high, -1.0)] {
            assert!(plausible(&COST, &PASSED, end * (1.0 + inward * 1e-9), t));
            assert!(!plausible(&COST, &PASSED, end * (1.0 - inward * 1e-9), t));
        }
        let normal = fieller(&COST, &PASSED, normal::quantile(0.975));
        assert!(low < normal.0.unwrap() && normal.1.unwrap() < high, "t is wider than z");
    }

    #[test]
    fn one_pass_in_ten_bounds_the_cost_from_below_only() {
        let mut passed = [0.0; 10];
        passed[3] = 1.0;
        let found = ratio(&COST, &passed, Level::P95).unwrap();
        let low = found.low.unwrap();
        assert_eq!(found.high, None);
        assert!(0.0 < low && low < found.value);
        let t = t_quantile(0.975, 9.0);
        assert!(!plausible(&COST, &passed, low * (1.0 - 1e-9), t));
        for factor in [1.0 + 1e-9, 10.0, 1e9] {
            assert!(plausible(&COST, &passed, low * factor, t));
        }
    }

    #[test]
    fn nothing_is_bounded_where_neither_sum_is_clear() {
        let found = ratio(&[0.0, 0.0, 9.0], &[0.0, 0.0, 1.0], Level::P95).unwrap();
        assert_eq!((found.value, found.low, found.high), (9.0, None, None));
        let single = ratio(&[2.0], &[1.0], Level::P95).unwrap();
        assert_eq!((single.value, single.low, single.high, single.n), (2.0, None, None, 1));
    }

    #[test]
    fn a_cost_that_may_be_nothing_starts_at_nothing() {
        let found = ratio(&[0.0, 0.0, 9.0, 0.0], &[1.0, 1.0, 1.0, 1.0], Level::P95).unwrap();
        close(found.low.unwrap(), 0.0, 0.0, "low");
        close(found.high.unwrap(), 2.25 + t_quantile(0.975, 3.0) * 2.25, 1e-9, "high");
    }

    #[test]
    fn no_pass_is_no_ratio() {
        assert_eq!(ratio(&[1.0, 2.0], &[0.0, 0.0], Level::P95), None);
        assert_eq!(ratio(&[], &[], Level::P95), None);
    }

    #[test]
    fn agrees_with_the_worked_vectors() {
        let Some(cases) = cases("ratio_cost_per_solved") else { return };
        for case in list(&cases) {
            let (cost, solved) = (numbers(&case["cost"]), numbers(&case["solved"]));
            close(
                ratio(&cost, &solved, Level::P95).unwrap().value,
                number(&case["ratio"]),
                1e-9,
                "ratio",
            );
            let (low, high) = fieller(&cost, &solved, normal::quantile(0.975));
            let expected = numbers(&case["fieller95"]);
            close(low.unwrap(), expected[0], 1e-9, "low");
            close(high.unwrap(), expected[1], 1e-9, "high");
        }
    }
}
