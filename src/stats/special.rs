//! The special functions that the tests and intervals stand on: the incomplete beta function,
//! Student's t, the binomial distribution.
//!
//! They are our own, on `libm` alone, so that every target gives the same bytes. Everything is
//! built on Loader's saddle-point form of the binomial probability: it keeps full precision where
//! differences of log-gammas lose it, so one code serves 3 observations and 10⁷.

use std::f64::consts::PI;

use libm::{exp, lgamma, log, log1p, sqrt};

use crate::units::normal;

/// Terms of a continued fraction or a series. Convergence takes about √max(a, b) terms near the
/// mean and fewer away from it, so 10⁸ observations stay well inside.
const TERMS_MAX: u32 = 200_000;

/// Newton steps for a quantile. Each step at least doubles t in a tail of 1 degree of freedom, so
/// this reaches far beyond any tail that a test asks for.
const NEWTON_MAX: u32 = 200;

/// ½ ln 2π.
const HALF_LN_2PI: f64 = 0.918_938_533_204_672_8;

/// Iₓ(a, b): the regularized incomplete beta function, 0 ≤ x ≤ 1, a > 0, b > 0.
///
/// The continued fraction of DLMF 8.17.22 by Lentz's method, on the side where it converges fast.
#[must_use]
pub fn beta_regularized(x: f64, a: f64, b: f64) -> f64 {
    beta_split(x, 1.0 - x, a, b)
}

/// [`beta_regularized`] with 1 − x given apart, for an x so near 1 that the subtraction loses it.
fn beta_split(x: f64, y: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if y <= 0.0 {
        return 1.0;
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        1.0 - beta_kernel(y, x, b, a) * continued_fraction(y, b, a) / b
    } else {
        beta_kernel(x, y, a, b) * continued_fraction(x, a, b) / a
    }
}

/// The x below which a beta variable with a, b > 0 lies with probability p, by bisection.
#[must_use]
pub fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if beta_regularized(middle, a, b) < p { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// P(T > t) for Student's t with `df` > 0 degrees of freedom.
#[must_use]
pub fn t_sf(t: f64, df: f64) -> f64 {
    let tail = 0.5 * upper_tail(t.abs(), df);
    if t < 0.0 { 1.0 - tail } else { tail }
}

/// P(T ≤ t) for Student's t with `df` > 0 degrees of freedom.
#[must_use]
pub fn t_cdf(t: f64, df: f64) -> f64 {
    t_sf(-t, df)
}

/// P(|T| > t), t ≥ 0: the two-sided p-value (Abramowitz & Stegun 1964, 26.7.1).
fn upper_tail(t: f64, df: f64) -> f64 {
    if t.is_infinite() {
        return 0.0;
    }
    let total = df + t * t;
    beta_split(df / total, t * t / total, 0.5 * df, 0.5)
}

/// The t that P(T ≤ t) = p leaves below it, for `df` degrees of freedom. ±∞ at p = 0 and 1, and
/// where there is no degree of freedom: a sample of one bounds nothing.
///
/// Newton's method from the normal quantile. The upper tail of t is convex and heavier than the
/// normal's, so the iteration starts left of the root and climbs to it without overshooting.
#[must_use]
pub fn t_quantile(p: f64, df: f64) -> f64 {
    let tail = p.min(1.0 - p);
    let mut t = -normal::quantile(tail);
    if t <= 0.0 {
        return 0.0;
    }
    if df <= 0.0 {
        t = f64::INFINITY;
    }
    if t.is_finite() {
        for _ in 0..NEWTON_MAX {
            let total = df + t * t;
            let density = beta_kernel(df / total, t * t / total, 0.5 * df, 0.5) / t;
            let step = (t_sf(t, df) - tail) / density;
            t += step;
            if step <= 1e-14 * t {
                break;
            }
        }
    }
    if p < 0.5 { -t } else { t }
}

/// P(B = k) for B ~ Binomial(n, p).
#[must_use]
pub fn binomial_pmf(k: u64, n: u64, p: f64) -> f64 {
    let Some(misses) = n.checked_sub(k) else { return 0.0 };
    // 0 · ln 0 would be NaN: the two ends are powers, and a certain event is one.
    let log_power = |count: f64, log_base: f64| if count > 0.0 { count * log_base } else { 0.0 };
    if k == 0 {
        exp(log_power(misses as f64, log1p(-p)))
    } else if k == n {
        exp(log_power(k as f64, log(p)))
    } else {
        point_mass(p, 1.0 - p, k as f64, misses as f64)
    }
}

/// P(B ≤ k) for B ~ Binomial(n, p).
#[must_use]
pub fn binomial_cdf(k: u64, n: u64, p: f64) -> f64 {
    if k >= n { 1.0 } else { beta_split(1.0 - p, p, (n - k) as f64, k as f64 + 1.0) }
}

/// P(B ≥ k) for B ~ Binomial(n, p), exact in the far tail where 1 − [`binomial_cdf`] is not.
#[must_use]
pub fn binomial_at_least(k: u64, n: u64, p: f64) -> f64 {
    if k == 0 {
        1.0
    } else if k > n {
        0.0
    } else {
        beta_split(p, 1.0 - p, k as f64, (n - k) as f64 + 1.0)
    }
}

/// xᵃ yᵇ / B(a, b), with y = 1 − x.
fn beta_kernel(x: f64, y: f64, a: f64, b: f64) -> f64 {
    a * b / (a + b) * point_mass(x, y, a, b)
}

/// Γ(h+m+1) / (Γ(h+1) Γ(m+1)) · pʰ qᵐ for h, m > 0 and q = 1 − p: the binomial probability of h
/// hits and m misses, for real h and m too.
///
/// Loader 2000, *Fast and Accurate Computation of Binomial Probabilities*.
fn point_mass(p: f64, q: f64, hits: f64, misses: f64) -> f64 {
    if p <= 0.0 || q <= 0.0 {
        return 0.0;
    }
    let n = hits + misses;
    let stirling = stirling_error(n) - stirling_error(hits) - stirling_error(misses);
    let deviance = deviance(hits, n * p) + deviance(misses, n * q);
    exp(stirling - deviance) * sqrt(n / (2.0 * PI * hits * misses))
}

/// ln Γ(x+1) less Stirling's √(2πx) (x/e)ˣ: the series of Abramowitz & Stegun 1964, 6.1.41, for
/// large x, the definition for small.
fn stirling_error(x: f64) -> f64 {
    if x <= 15.0 {
        return lgamma(x + 1.0) - (x + 0.5) * log(x) + x - HALF_LN_2PI;
    }
    let square = x * x;
    let series = [1.0 / 1188.0, -1.0 / 1680.0, 1.0 / 1260.0, -1.0 / 360.0, 1.0 / 12.0];
    series.iter().fold(0.0, |sum, term| sum / square + term) / x
}

/// x ln(x/mean) + mean − x without cancellation where the two are near (Loader 2000).
fn deviance(x: f64, mean: f64) -> f64 {
    let gap = x - mean;
    if gap.abs() >= 0.1 * (x + mean) {
        return x * log(x / mean) - gap;
    }
    let v = gap / (x + mean);
    let mut sum = gap * v;
    let mut power = 2.0 * x * v;
    for j in 1..TERMS_MAX {
        power *= v * v;
        let term = power / f64::from(2 * j + 1);
        sum += term;
        if term.abs() <= 0.1 * f64::EPSILON * sum {
            break;
        }
    }
    sum
}

/// The continued fraction of DLMF 8.17.22 by the modified Lentz method (Thompson & Barnett 1986).
fn continued_fraction(x: f64, a: f64, b: f64) -> f64 {
    // A zero would divide; Lentz shifts it by a number too small to matter.
    let nonzero = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut upper = 1.0;
    let mut lower = 1.0 / nonzero(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = lower;
    for m in 1..TERMS_MAX {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut factor = 1.0;
        for coefficient in [even, odd] {
            lower = 1.0 / nonzero(1.0 + coefficient * lower);
            upper = nonzero(1.0 + coefficient / upper);
            factor = upper * lower;
            fraction *= factor;
        }
        if (factor - 1.0).abs() <= 2.0 * f64::EPSILON {
            break;
        }
    }
    fraction
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::oracle::{cases, close, list, numbers};

    #[test]
    fn t_agrees_with_students_table() {
        // Fisher & Yates, Statistical Tables, table III.
        let check = |p: f64, df: f64, expected: f64| {
            close(t_quantile(p, df), expected, 5.1e-4, "t quantile");
            close(t_quantile(1.0 - p, df), -expected, 5.1e-4, "t quantile, lower");
            close(t_cdf(t_quantile(p, df), df), p, 1e-14, "t cdf of quantile");
        };
        check(0.975, 1.0, 12.706);
        check(0.975, 10.0, 2.228);
        check(0.95, 30.0, 1.697);
        check(0.995, 120.0, 2.617);
        check(0.999_5, 1.0, 636.619);
    }

    #[test]
    fn t_has_closed_forms_at_one_and_two_degrees_of_freedom() {
        for p in [1e-12_f64, 1e-6, 0.01, 0.3, 0.499, 0.5, 0.501, 0.9, 0.999_9] {
            // Cauchy: −cot πp. Two degrees: (2p − 1) / √(2p(1 − p)).
            let cauchy =
                if p < 0.25 { -1.0 / libm::tan(PI * p) } else { libm::tan(PI * (p - 0.5)) };
            close(t_quantile(p, 1.0), cauchy, 1e-11 * (1.0 + cauchy.abs()), "1 df");
            let two = (2.0 * p - 1.0) / sqrt(2.0 * p * (1.0 - p));
            close(t_quantile(p, 2.0), two, 1e-11 * (1.0 + two.abs()), "2 df");
        }
    }

    #[test]
    fn t_becomes_normal() {
        for p in [0.6, 0.95, 0.975, 0.999] {
            close(t_quantile(p, 1e9), normal::quantile(p), 1e-7, "many degrees of freedom");
        }
    }

    #[test]
    fn without_a_degree_of_freedom_nothing_is_bounded() {
        assert_eq!(t_quantile(0.975, 0.0).to_bits(), f64::INFINITY.to_bits());
        assert_eq!(t_quantile(0.025, 0.0).to_bits(), f64::NEG_INFINITY.to_bits());
        assert_eq!(t_quantile(1.0, 5.0).to_bits(), f64::INFINITY.to_bits());
    }

    #[test]
    fn the_binomial_is_pascals_triangle() {
        let mut row = vec![1.0_f64];
        for n in 1..=60_u64 {
            let next = |k: usize| {
                let left = if k == 0 { 0.0 } else { row[k - 1] };
                0.3 * left + 0.7 * row.get(k).copied().unwrap_or(0.0)
            };
            row = (0..=row.len()).map(next).collect();
            let mut sum = 0.0;
            for (k, mass) in (0..).zip(&row) {
                close(binomial_pmf(k, n, 0.3), *mass, 1e-14, "pmf");
                close(binomial_at_least(k, n, 0.3), 1.0 - sum, 1e-13, "at least");
                sum += mass;
                close(binomial_cdf(k, n, 0.3), sum, 1e-13, "cdf");
            }
        }
    }

    #[test]
    fn a_certain_event_is_certain() {
        let masses = [(0, 4, 0.0, 1.0), (1, 4, 0.0, 0.0), (4, 4, 1.0, 1.0), (3, 4, 1.0, 0.0)];
        for (k, n, p, mass) in masses.into_iter().chain([(0, 0, 1.0, 1.0), (5, 4, 0.5, 0.0)]) {
            close(binomial_pmf(k, n, p), mass, 0.0, "pmf");
        }
        close(binomial_cdf(3, 4, 0.0), 1.0, 0.0, "cdf");
        close(binomial_at_least(4, 4, 1.0), 1.0, 0.0, "at least");
    }

    #[test]
    fn ten_million_observations_keep_their_precision() {
        // By mpmath 1.3 with 50 digits.
        close(binomial_cdf(4_996_900, 10_000_000, 0.5), 0.024_980_603_516_295_134, 1e-12, "cdf");
        let mass = binomial_pmf(9_990_000, 10_000_000, 0.999);
        close(mass / 0.003_991_385_750_977_873, 1.0, 1e-12, "pmf");
    }

    #[test]
    fn agrees_with_the_worked_vectors() {
        let Some(cases) = cases("special.quantiles") else { return };
        let rows = |name: &str| list(&cases[name]).iter().map(numbers).collect::<Vec<_>>();
        for row in rows("norm_ppf") {
            close(normal::quantile(row[0]), row[1], 1e-10, "normal quantile");
        }
        for row in rows("t_ppf") {
            close(t_quantile(row[0], row[1]), row[2], 1e-10, "t quantile");
        }
        for row in rows("t_sf") {
            close(t_sf(row[0], row[1]), row[2], 1e-10, "t sf");
        }
        for row in rows("beta_ppf") {
            close(beta_regularized(row[3], row[1], row[2]), row[0], 1e-10, "beta cdf");
        }
        for row in list(&cases["binom_cdf"]) {
            let count = |idx: usize| row[idx].as_u64().expect("a count");
            let values = numbers(row);
            close(binomial_cdf(count(0), count(1), values[2]), values[3], 1e-10, "binomial cdf");
        }
    }
}
