//! How many more tasks would decide, and how likely that is.
//!
//! The posterior of one cell is taken as normal: k more tasks shrink its variance v to
//! v′ = 1/(1/v + k/σ²), and its mean moves by a normal of variance v − v′ (Raiffa & Schlaifer 1961,
//! *Applied Statistical Decision Theory*, ch. 5). The candidate is shown once mean + margin is
//! [`Z_SHOWN`] standard deviations above 0.

use libm::{ceil, sqrt};

use super::evidence::CellEvidence;
use crate::stats::paired::Paired;
use crate::units::normal;
use crate::weights::TaskForecast;

/// Φ⁻¹(0.95).
const Z_SHOWN: f64 = 1.644_853_626_951_472_2;
/// The chances that the low and the high end of the range stand for.
const CHANCES: (f64, f64) = (0.25, 0.5);
/// The largest sample that is worth telling.
const MOST: f64 = 1e6;
/// `high` is at most this many times `low`.
const RANGE: u64 = 8;

/// The range of further tasks; `None`: no number up to a million decides with a chance of a half.
pub(super) fn tasks_needed(
    evidence: &CellEvidence,
    paired: &Paired,
    margin: f64,
) -> Option<TaskForecast> {
    let cell = Cell {
        above: evidence.difference.mean() + margin,
        variance: evidence.difference.sd() * evidence.difference.sd(),
        per_task: paired.se * paired.se * paired.estimate.n as f64,
    };
    let high = two_digits(cell.tasks_for(CHANCES.1)?);
    let low = two_digits(cell.tasks_for(CHANCES.0)?).max(high.div_ceil(RANGE));
    Some(TaskForecast { low, high, chance: cell.chance(high as f64) })
}

/// What a forecast needs of a cell.
struct Cell {
    /// The expected difference, counted from the margin.
    above: f64,
    /// The variance of the posterior.
    variance: f64,
    /// The variance of one task's difference.
    per_task: f64,
}

impl Cell {
    /// The probability that this many more tasks show it.
    fn chance(&self, tasks: f64) -> f64 {
        let after = 1.0 / (1.0 / self.variance + tasks / self.per_task);
        let moves = sqrt((self.variance - after).max(f64::MIN_POSITIVE));
        normal::cdf((self.above - Z_SHOWN * sqrt(after)) / moves)
    }

    /// The fewest tasks with at least this chance.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to a million")]
    fn tasks_for(&self, chance: f64) -> Option<u64> {
        if self.chance(MOST) < chance {
            return None;
        }
        let (mut low, mut high) = (0.0, MOST);
        while high - low > 0.5 {
            let middle = 0.5 * (low + high);
            if self.chance(middle) < chance { low = middle } else { high = middle }
        }
        Some(ceil(high).max(1.0) as u64)
    }
}

/// Rounded up to two significant digits, the precision of a forecast.
fn two_digits(n: u64) -> u64 {
    let mut step = 1;
    while n / step >= 100 {
        step *= 10;
    }
    n.div_ceil(step) * step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forecasts_have_two_digits() {
        for (n, shown) in [(1, 1), (99, 99), (100, 100), (1_401, 1_500), (99_999, 100_000)] {
            assert_eq!(two_digits(n), shown);
        }
    }

    #[test]
    fn a_million_tasks_decide_as_often_as_it_is_true() {
        let cell = Cell { above: 0.02, variance: 0.04 * 0.04, per_task: 0.3 };
        let truth = normal::cdf(0.02 / 0.04);
        assert!((cell.chance(1e9) - truth).abs() < 1e-2, "{}", cell.chance(1e9));
        assert!(cell.chance(100.0) < cell.chance(1000.0));
        let needed = cell.tasks_for(0.5).expect("likelier than not");
        assert!((cell.chance(needed as f64) - 0.5).abs() < 0.01);
        assert_eq!(Cell { above: -0.01, ..cell }.tasks_for(0.5), None, "below the margin");
    }
}
