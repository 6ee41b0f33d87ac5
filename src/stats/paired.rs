//! One endpoint against another on the same tasks.

use libm::{ceil, sqrt};

use super::mean::{Spread, spread};
use super::proportion::is_pass_or_fail;
use super::special::{binomial_cdf, binomial_pmf, t_quantile, t_sf};
use super::{Estimate, Level, Method};
use crate::units::normal;

/// A standard deviation of differences below this counts as 0: scores are kept in single precision,
/// which resolves 6·10⁻⁸.
const NO_SPREAD: f64 = 1e-6;

/// The power that a sample is planned for.
const POWER: f64 = 0.8;

/// The mean difference of paired scores in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paired {
    /// First less second, −1..1, with its two-sided interval; `n` is the number of pairs.
    pub estimate: Estimate,
    /// The standard error, never 0.
    pub se: f64,
    /// Its degrees of freedom: independent units less one. At 0 there is no interval.
    pub df: f64,
    /// Two-sided: McNemar's mid-p for passes and failures, else by Student's t.
    pub p: f64,
    /// Pairs in which the first scored higher.
    pub better: u64,
    /// Pairs in which the second scored higher.
    pub worse: u64,
}

/// The mean of `a − b` over pairs `(a, b, cluster)` of scores in [0, 1]; `None` without a pair.
///
/// Student's t on the differences (Miller 2024, arXiv:2411.00640, §4), with the standard error CR1
/// over clusters where pairs share one. `p` is McNemar's mid-p where every score is a pass or a
/// failure and no cluster is shared.
///
/// Where all differences are equal, their sample variance is 0, and three tasks on which both were
/// right would give an interval without width. The standard error is then that of Agresti & Min 2005
/// (*Stat. Med.* 24:729): half an observation added to each cell of the pass/fail table, that is
/// half a task for each of the differences +1 and −1, and one of 0. A cluster counts as one
/// observation there.
#[must_use]
pub fn difference(pairs: &[(f64, f64, Option<u32>)], level: Level) -> Option<Paired> {
    let differences: Vec<_> = pairs.iter().map(|(a, b, cluster)| (a - b, *cluster)).collect();
    let spread = spread(&differences)?;
    let (se, df) = (standard_error(&spread), spread.df());
    let count = |holds: fn(&(f64, f64, Option<u32>)) -> bool| {
        pairs.iter().filter(|pair| holds(pair)).count() as u64
    };
    let (better, worse) = (count(|(a, b, _)| a > b), count(|(a, b, _)| a < b));
    let binary = pairs.iter().all(|(a, b, _)| is_pass_or_fail(*a) && is_pass_or_fail(*b));
    let p = if binary && !spread.is_clustered() {
        mcnemar_mid_p(better, worse)
    } else if df > 0.0 {
        2.0 * t_sf((spread.mean / se).abs(), df)
    } else {
        1.0
    };
    let half = (df > 0.0).then(|| t_quantile(level.upper(), df) * se);
    let estimate = Estimate {
        value: spread.mean,
        low: half.map(|half| (spread.mean - half).max(-1.0)),
        high: half.map(|half| (spread.mean + half).min(1.0)),
        level,
        n: spread.n,
        method: if spread.is_clustered() { Method::TClustered } else { Method::T },
    };
    Some(Paired { estimate, se, df, p, better, worse })
}

/// The standard error of the sample, or Agresti & Min's where the sample shows no variance.
fn standard_error(spread: &Spread) -> f64 {
    let units = spread.units as f64;
    match spread.se {
        Some(se) if se * sqrt(units) > NO_SPREAD => se,
        _ => {
            // Over `units` equal differences d and the four half-observations: Σ d = units·d,
            // Σ d² = units·d² + 1, and two observations more.
            let sum = units * spread.mean;
            let square_sum = units * spread.mean * spread.mean + 1.0;
            sqrt(square_sum - sum * sum / (units + 2.0)) / (units + 2.0)
        }
    }
}

/// The lower end of the one-sided 95 % interval of the difference; −∞ without a degree of freedom.
#[must_use]
pub fn lower_bound(paired: &Paired) -> f64 {
    paired.estimate.value - t_quantile(0.95, paired.df) * paired.se
}

/// The upper end of the one-sided 95 % interval of the difference; +∞ without a degree of freedom.
#[must_use]
pub fn upper_bound(paired: &Paired) -> f64 {
    paired.estimate.value + t_quantile(0.95, paired.df) * paired.se
}

/// Whether the first is shown, at one-sided 5 %, to be no more than `margin` below the second:
/// paired non-inferiority (one side of Schuirmann 1987, *J. Pharmacokinet. Biopharm.* 15:657).
#[must_use]
pub fn is_not_worse(paired: &Paired, margin: f64) -> bool {
    lower_bound(paired) > -margin
}

/// The two-sided mid-p of McNemar's test, from the pairs that only the first passed and those that
/// only the second did; 1 where they are as many.
///
/// Fagerland, Lydersen & Laake 2013, *BMC Med. Res. Methodol.* 13:91, who recommend it: twice the
/// lower tail of Binomial(b + c, ½), less the probability of what was seen.
#[must_use]
pub fn mcnemar_mid_p(b: u64, c: u64) -> f64 {
    if b == c {
        return 1.0;
    }
    let (fewer, discordant) = (b.min(c), b + c);
    2.0 * binomial_cdf(fewer, discordant, 0.5) - binomial_pmf(fewer, discordant, 0.5)
}

/// The smallest true difference that a sample with this standard error shows with 80 % power in a
/// two-sided test at 5 % (Miller 2024, arXiv:2411.00640, §5; normal approximation).
#[must_use]
pub fn detectable(se: f64) -> f64 {
    (normal::quantile(0.975) + normal::quantile(POWER)) * se
}

/// How many tasks a one-sided test at 5 % needs to show an effect with 80 % power; `None` where no
/// number would do (no effect), or the inputs are not numbers.
///
/// `sd_of_differences` is that of one task's difference, se·√n of a [`Paired`]; so it holds what
/// clusters cost. `effect` is the distance to the bound that must be cleared: to show "not worse
/// by `margin`" at a true difference d, it is d + `margin`. Both in score units. At least 2, as a
/// single task has no variance; normal approximation (Miller 2024, arXiv:2411.00640, §5).
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked before")]
pub fn tasks_needed(sd_of_differences: f64, effect: f64) -> Option<u64> {
    if effect <= 0.0 {
        return None;
    }
    let tasks = ceil(sample_size(sd_of_differences, effect, normal::quantile(0.95)));
    (tasks < u64::MAX as f64).then(|| (tasks as u64).max(2))
}

/// `((z_α + z_β) · sd / effect)²`, at [`POWER`].
fn sample_size(sd: f64, effect: f64, z_alpha: f64) -> f64 {
    let scaled = (z_alpha + normal::quantile(POWER)) * sd / effect;
    scaled * scaled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::oracle::{cases, close, list, number, numbers};

    fn pairs(a: &[f64], b: &[f64]) -> Vec<(f64, f64, Option<u32>)> {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).map(|(a, b)| (*a, *b, None)).collect()
    }

    #[test]
    fn mid_p_agrees_with_fagerland() {
        // Fagerland et al. 2013: airway hyper-responsiveness before and after transplantation.
        close(mcnemar_mid_p(1, 7), 0.039, 5e-4, "1 and 7");
        close(mcnemar_mid_p(7, 1), 0.039, 5e-4, "7 and 1");
        close(mcnemar_mid_p(0, 0), 1.0, 0.0, "none");
        close(mcnemar_mid_p(5, 5), 1.0, 0.0, "as many");
    }

    #[test]
    fn differences_are_first_less_second() {
        let found =
            difference(&pairs(&[1.0, 1.0, 1.0, 0.0], &[1.0, 0.0, 0.0, 1.0]), Level::P95).unwrap();
        assert_eq!((found.better, found.worse, found.estimate.n), (2, 1, 4));
        close(found.estimate.value, 0.25, 1e-15, "difference");
        close(found.p, mcnemar_mid_p(2, 1), 0.0, "p");
        assert_eq!(difference(&[], Level::P95), None);
    }

    #[test]
    fn partial_scores_are_tested_by_t() {
        let found = difference(&pairs(&[0.9, 0.5, 1.0], &[0.8, 0.1, 0.7]), Level::P95).unwrap();
        let t = found.estimate.value / found.se;
        close(found.p, 2.0 * t_sf(t, 2.0), 1e-15, "p");
    }

    #[test]
    fn agreement_on_a_few_tasks_is_no_certainty() {
        // Agresti & Min's standard error at no discordant pair: √(½ + ½) / (n + 2).
        let check = |n: usize, se: f64| {
            let found = difference(&vec![(1.0, 1.0, None); n], Level::P95).unwrap();
            close(found.se, se, 1e-15, "se");
            close(found.p, 1.0, 0.0, "p");
            let half = t_quantile(0.975, n as f64 - 1.0) * se;
            close(found.estimate.high.unwrap(), half.min(1.0), 1e-15, "high");
        };
        check(3, 1.0 / 5.0);
        check(10, 1.0 / 12.0);
        let ten = difference(&[(1.0, 1.0, None); 10], Level::P95).unwrap();
        assert!(!is_not_worse(&ten, 0.02), "ten tasks cannot show two points");
        let hundred = difference(&[(1.0, 1.0, None); 100], Level::P95).unwrap();
        assert!(is_not_worse(&hundred, 0.02));
    }

    #[test]
    fn a_difference_on_every_task_is_no_certainty_either() {
        // b* = 10.5, c* = 0.5, n* = 12: Agresti & Min's √((b* + c*) − (b* − c*)²/n*) / n*.
        let found = difference(&[(1.0, 0.0, None); 10], Level::P95).unwrap();
        close(found.se, sqrt(11.0 - 100.0 / 12.0) / 12.0, 1e-15, "se");
        close(found.estimate.high.unwrap(), 1.0, 0.0, "no difference exceeds 1");
        // Thirds in single precision differ in the last bit; they are still one difference.
        let (third, two) = (f64::from(1.0_f32 / 3.0), f64::from(2.0_f32 / 3.0));
        let found =
            difference(&[(two, third, None), (1.0, two, None), (third, 0.0, None)], Level::P95)
                .unwrap();
        assert!(found.se > 0.1, "{}", found.se);
    }

    #[test]
    fn clusters_that_cancel_are_no_certainty() {
        let twins: Vec<_> =
            (0..6).flat_map(|c| [(1.0, 0.0, Some(c)), (0.0, 1.0, Some(c))]).collect();
        let found = difference(&twins, Level::P95).unwrap();
        close(found.se, 1.0 / 8.0, 1e-15, "six clusters, six observations");
        close(found.df, 5.0, 0.0, "df");
        close(found.p, 1.0, 0.0, "p");
    }

    #[test]
    fn one_unit_has_no_interval() {
        for lone in [vec![(1.0, 0.5, None)], vec![(1.0, 0.0, Some(1)), (1.0, 0.0, Some(1))]] {
            let found = difference(&lone, Level::P95).unwrap();
            assert_eq!((found.estimate.low, found.estimate.high), (None, None));
            close(found.p, 1.0, 0.0, "p");
            assert!(found.se > 0.0 && !is_not_worse(&found, 1.0));
            assert_eq!(upper_bound(&found).to_bits(), f64::INFINITY.to_bits());
        }
    }

    #[test]
    fn clusters_are_respected() {
        // By statsmodels' OLS on a constant with the cluster covariance, which is CR1.
        let scores = [0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
        let clusters = [1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 6, 6, 7, 7];
        let pairs: Vec<_> =
            scores.iter().zip(clusters).map(|(d, c)| (f64::from(*d), 0.0, Some(c))).collect();
        let found = difference(&pairs, Level::P95).unwrap();
        close(found.se, 0.07, 1e-12, "se");
        close(found.estimate.low.unwrap(), 0.028_716_170_419_851_5, 1e-9, "low");
        close(found.p, 2.0 * t_sf(0.2 / 0.07, 6.0), 1e-12, "p");
        assert_eq!(found.estimate.method, Method::TClustered);
    }

    #[test]
    fn plans_are_for_80_percent_power() {
        close(detectable(0.05), 0.140_079_260_905_648_4, 1e-12, "Miller's 2.8 standard errors");
        // (1.645 + 0.842)² = 6.18; sd 0.3 against 2 points.
        assert_eq!(tasks_needed(0.3, 0.02), Some(1392));
        assert_eq!(tasks_needed(0.0, 0.02), Some(2));
        for (sd, effect) in
            [(0.3, 0.0), (0.3, -0.1), (f64::NAN, 0.1), (0.3, f64::NAN), (1.0, 1e-300)]
        {
            assert_eq!(tasks_needed(sd, effect), None, "{sd} against {effect}");
        }
    }

    #[test]
    fn tests_agree_with_the_worked_vectors() {
        let Some(mcnemar) = cases("mcnemar") else { return };
        for case in list(&mcnemar) {
            let count = |name: &str| case[name].as_u64().expect("a count");
            close(mcnemar_mid_p(count("b"), count("c")), number(&case["p_mid"]), 1e-10, "mid-p");
        }
        let Some(paired) = cases("paired_diff") else { return };
        for case in list(&paired) {
            let found =
                difference(&pairs(&numbers(&case["a"]), &numbers(&case["b"])), Level::P95).unwrap();
            let (value, t) = (found.estimate.value, found.estimate.value / found.se);
            close(value, number(&case["mean_diff"]), 1e-9, "difference");
            close(found.se, number(&case["se_paired"]), 1e-9, "se");
            close(found.df, number(&case["df"]), 0.0, "df");
            close(found.estimate.low.unwrap(), number(&case["lo"]), 1e-9, "low");
            close(found.estimate.high.unwrap(), number(&case["hi"]), 1e-9, "high");
            close(2.0 * t_sf(t, found.df), number(&case["p_two_sided"]), 1e-9, "p of t");
        }
    }

    #[test]
    fn gates_agree_with_the_worked_vectors() {
        let Some(cases) = cases("gate_noninferiority") else { return };
        for case in list(&cases["gate"]) {
            let margin = number(&case["margin"]);
            let found =
                difference(&pairs(&numbers(&case["cand"]), &numbers(&case["base"])), Level::P95)
                    .unwrap();
            close(lower_bound(&found), number(&case["one_sided_95_lower"]), 1e-9, "lower");
            close(upper_bound(&found), number(&case["one_sided_95_upper"]), 1e-9, "upper");
            let p = t_sf((found.estimate.value + margin) / found.se, found.df);
            close(p, number(&case["p_noninferior"]), 1e-9, "p");
            let passes = case["outcome"].as_str().expect("a word").starts_with("pass");
            assert_eq!(is_not_worse(&found, margin), passes, "{case}");
        }
    }

    #[test]
    fn plans_agree_with_the_worked_vectors() {
        let Some(cases) = cases("power_paired") else { return };
        for case in list(&cases["sample_size"]) {
            let noise = |sigma: &str, k: &str| number(&case[sigma]) / number(&case[k]);
            let variance =
                number(&case["omega2"]) + noise("sigma2_a", "Ka") + noise("sigma2_b", "Kb");
            let n = sample_size(sqrt(variance), number(&case["delta"]), normal::quantile(0.975));
            close(n / number(&case["n"]), 1.0, 1e-9, "sample size");
        }
        for case in list(&cases["mde"]) {
            let se = number(&case["se_diff_sd"]) / sqrt(number(&case["n"]));
            close(detectable(se), number(&case["mde80"]), 1e-9, "detectable");
        }
    }
}
