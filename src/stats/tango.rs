//! The difference of two pass rates on the same tasks: Tango's score test and interval.
//!
//! Tango 1998, *Stat. Med.* 17:891. A t test on the differences 1, 0 and −1 is too bold where both
//! nearly always pass: at n = 54 and a margin of 5 points its size is 24 % at a nominal 5 %. The
//! score test takes its variance under the hypothesis, and holds 7 % at most.

use libm::sqrt;

use super::{Estimate, Level, Method};
use crate::units::normal;

/// Halvings when an end of the interval is searched: beyond what an f64 resolves in [−1, 1].
const HALVINGS: u32 = 60;

/// The discordant pairs of `n` tasks that both endpoints answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassTable {
    /// Pairs.
    pub n: u64,
    /// Only the first passed.
    pub first: u64,
    /// Only the second passed; `first + second ≤ n`.
    pub second: u64,
}

impl PassTable {
    /// The score statistic of the hypothesis that the first passes more often by `difference`,
    /// −1 < `difference` < 1: a standard normal where it holds, large where more is true. 0 without
    /// a pair.
    #[must_use]
    pub fn score(&self, difference: f64) -> f64 {
        let (n, first, second) = (self.n as f64, self.first as f64, self.second as f64);
        let gap = first - second - n * difference;
        // The probability that only the second passes, most likely under the hypothesis.
        let b = (2.0 * n - first + second) * difference - first - second;
        let c = -second * difference * (1.0 - difference);
        let root = sqrt((b * b - 8.0 * n * c).max(0.0));
        let only_second = if n > 0.0 { (root - b) / (4.0 * n) } else { 0.0 };
        let variance = n * (2.0 * only_second + difference * (1.0 - difference));
        if variance > 0.0 { gap / sqrt(variance) } else { f64::INFINITY * sign(gap) }
    }

    /// Whether the first is shown, at one-sided `alpha`, to pass no more than `margin` less often.
    #[must_use]
    pub fn is_not_worse(&self, margin: f64, alpha: f64) -> bool {
        self.n > 0 && self.score(-margin) >= normal::quantile(1.0 - alpha)
    }

    /// The difference of the pass rates, first less second, with its score interval; `None` without
    /// a pair.
    #[must_use]
    pub fn difference(&self, level: Level) -> Option<Estimate> {
        if self.n == 0 {
            return None;
        }
        let value = (self.first as f64 - self.second as f64) / self.n as f64;
        let z = normal::quantile(level.upper());
        Some(Estimate {
            value,
            low: Some(self.solve(z, -1.0, value)),
            high: Some(self.solve(-z, value, 1.0)),
            level,
            n: self.n,
            method: Method::Tango,
        })
    }

    /// The difference between `low` and `high` at which the falling score is `target`.
    fn solve(&self, target: f64, mut low: f64, mut high: f64) -> f64 {
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            if self.score(middle) > target { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    }
}

/// −1, 0 or 1; 0 for 0 of either sign.
fn sign(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x.signum() }
}

#[cfg(test)]
mod tests {
    use libm::{exp, lgamma, log};

    use super::*;
    use crate::stats::oracle::close;

    const fn table(n: u64, first: u64, second: u64) -> PassTable {
        PassTable { n, first, second }
    }

    #[test]
    fn agrees_with_the_papers_example() {
        // 44 patients, of whom one was cured by the second disinfection alone, and a margin of 10
        // points: Z = 1.709, one-sided p = 0.044.
        let lenses = table(44, 0, 1);
        close(lenses.score(-0.1), 1.709, 5e-4, "Z");
        assert!(lenses.is_not_worse(0.1, 0.05));
        assert!(!lenses.is_not_worse(0.1, 0.04));
    }

    #[test]
    fn the_interval_inverts_the_test() {
        for (n, first, second) in [(44, 0, 1), (50, 12, 3), (20, 0, 0), (20, 20, 0), (7, 3, 4)] {
            let table = table(n, first, second);
            let estimate = table.difference(Level::P95).expect("pairs");
            let (low, high) = (estimate.low.expect("low"), estimate.high.expect("high"));
            assert!(low <= estimate.value && estimate.value <= high, "{table:?}: {estimate:?}");
            if low > -1.0 + 1e-9 {
                close(table.score(low), 1.959_963_984_540_054, 1e-6, "at the low end");
            }
            if high < 1.0 - 1e-9 {
                close(table.score(high), -1.959_963_984_540_054, 1e-6, "at the high end");
            }
        }
        assert_eq!(table(0, 0, 0).difference(Level::P95), None);
    }

    #[test]
    fn no_discordant_pair_is_no_certainty() {
        // With q = 0 under the hypothesis, Z² = n·m/(1 − m)… and 20 tasks cannot show 5 points.
        assert!(!table(20, 0, 0).is_not_worse(0.05, 0.05));
        assert!(table(100, 0, 0).is_not_worse(0.05, 0.05));
        let estimate = table(30, 0, 0).difference(Level::P95).expect("pairs");
        close(estimate.high.expect("high"), -estimate.low.expect("low"), 1e-9, "symmetric");
    }

    #[test]
    fn both_directions_are_mirrored() {
        for (n, first, second) in [(50, 12, 3), (31, 1, 0), (400, 9, 40)] {
            for difference in [-0.3, -0.02, 0.0, 0.07] {
                let (one, other) = (table(n, first, second), table(n, second, first));
                close(one.score(difference), -other.score(-difference), 1e-9, "mirrored");
            }
        }
    }

    /// The probability that "within the margin" is shown where the first is truly worse by exactly
    /// the margin, by adding up every table.
    fn size(n: u64, only_first: f64, margin: f64) -> f64 {
        let only_second = only_first + margin;
        let log_of = |p: f64, count: u64| if count == 0 { 0.0 } else { count as f64 * log(p) };
        let factorial = |k: u64| lgamma(k as f64 + 1.0);
        let mut total = 0.0;
        for first in 0..=n {
            if first > 0 && only_first == 0.0 {
                break;
            }
            for second in 0..=n - first {
                if !table(n, first, second).is_not_worse(margin, 0.05) {
                    break; // more that only the second passes show less still
                }
                let rest = n - first - second;
                let choices = factorial(n) - factorial(first) - factorial(second) - factorial(rest);
                let chance = log_of(only_first, first)
                    + log_of(only_second, second)
                    + log_of(1.0 - only_first - only_second, rest);
                total += exp(choices + chance);
            }
        }
        total
    }

    #[test]
    fn the_size_is_at_most_seven_percent() {
        // A part of the grid of `cargo bench --bench size`.
        let mut worst: f64 = 0.0;
        for n in [20, 33, 54, 87, 133] {
            for only_first in [0.0, 0.005, 0.02, 0.1, 0.2] {
                for margin in [0.01, 0.02, 0.05] {
                    worst = worst.max(size(n, only_first, margin));
                }
            }
        }
        assert!(worst > 0.05 && worst <= 0.07, "{worst}");
    }
}
