//! Weights as integers.

use crate::stats::Estimate;
use crate::weights::PARTS;

/// Parts per million by the method of the largest remainder: they sum to exactly 1,000,000, and
/// none is off by a whole part. Equal remainders go to the earlier entry.
///
/// `weights` are not negative and sum to 1; empty stays empty.
pub(super) fn parts(weights: &[f64]) -> Vec<u32> {
    let whole = f64::from(PARTS);
    let exact: Vec<f64> = weights.iter().map(|weight| weight.clamp(0.0, 1.0) * whole).collect();
    let mut parts: Vec<u32> = exact.iter().map(|x| floor(*x)).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    let remainder = |i: &usize| exact[*i] - libm::floor(exact[*i]);
    order.sort_by(|a, b| remainder(b).total_cmp(&remainder(a)).then(a.cmp(b)));
    let missing = PARTS.saturating_sub(parts.iter().sum()) as usize;
    for i in order.into_iter().cycle().take(if weights.is_empty() { 0 } else { missing }) {
        parts[i] += 1;
    }
    parts
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0..=1,000,000 before"
)]
fn floor(x: f64) -> u32 {
    libm::floor(x) as u32
}

/// A number with six significant digits, the file's precision: more would be noise that changes with
/// the order of a sum. What is below 10⁻¹⁵ is 0.
pub(super) fn six_digits(x: f64) -> f64 {
    if x.abs() < 1e-15 {
        return 0.0;
    }
    format!("{x:.5e}").parse().unwrap_or(x)
}

/// An estimate with six significant digits.
pub(super) fn estimate(estimate: Estimate) -> Estimate {
    Estimate {
        value: six_digits(estimate.value),
        low: estimate.low.map(six_digits),
        high: estimate.high.map(six_digits),
        ..estimate
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Seed;

    fn check(weights: &[f64], expected: &[u32]) {
        assert_eq!(parts(weights), expected, "{weights:?}");
    }

    #[test]
    fn the_largest_remainders_get_what_is_missing() {
        check(&[1.0], &[PARTS]);
        check(&[0.0, 1.0], &[0, PARTS]);
        check(&[1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0], &[333_334, 333_333, 333_333]);
        check(&[0.000_000_4, 0.999_999_6], &[0, PARTS]);
        check(&[0.25, 0.75], &[250_000, 750_000]);
        check(&[], &[]);
    }

    #[test]
    fn every_mix_sums_to_a_million_and_none_is_off_by_a_part() {
        for case in 0..500 {
            let mut draw = Seed(case).draw("round", &[]);
            let raw: Vec<f64> = (0..=draw.index(12)).map(|_| draw.exponential(1.0)).collect();
            let sum: f64 = raw.iter().sum();
            let weights: Vec<f64> = raw.iter().map(|x| x / sum).collect();
            let rounded = parts(&weights);
            assert_eq!(rounded.iter().sum::<u32>(), PARTS, "case {case}");
            for (part, weight) in rounded.iter().zip(&weights) {
                assert!((f64::from(*part) - weight * 1e6).abs() < 1.0, "case {case}");
            }
        }
    }

    #[test]
    fn six_digits_are_kept_whatever_the_size() {
        assert_eq!(six_digits(0.123_456_789).to_string(), "0.123457");
        assert_eq!(six_digits(0.000_000_123_456_789).to_string(), "0.000000123457");
        assert_eq!(six_digits(-1_234_567.8).to_string(), "-1234570");
        assert_eq!(six_digits(0.0).to_string(), "0");
    }
}
