//! Confidence levels.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The confidence level of a two-sided interval, kept in tenths of a percent so that its quantiles
/// are the same numbers on every machine. In JSON a number such as `0.95`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Level {
    permille: u16,
}

/// A confidence level outside 0 < level < 1.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("a confidence level of {0} is not between 0 and 1")]
pub struct LevelError(f64);

impl Level {
    /// 95 %: the level of every interval in reports and files.
    pub const P95: Self = Self { permille: 950 };

    /// The probability that each end misses: 0.025 at 95 %.
    #[must_use]
    pub fn tail(self) -> f64 {
        f64::from(1000 - self.permille) / 2000.0
    }

    /// The probability up to the upper end: 0.975 at 95 %.
    #[must_use]
    pub fn upper(self) -> f64 {
        f64::from(1000 + self.permille) / 2000.0
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Level {
    fn default() -> Self {
        Self::P95
    }
}

impl fmt::Display for Level {
    /// `95 %`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", f64::from(self.permille) / 10.0)
    }
}

impl TryFrom<f64> for Level {
    type Error = LevelError;

    fn try_from(level: f64) -> Result<Self, LevelError> {
        let permille = (1..1000).find(|n| (f64::from(*n) / 1000.0 - level).abs() < 0.000_5);
        permille.map(|permille| Self { permille }).ok_or(LevelError(level))
    }
}

impl From<Level> for f64 {
    fn from(level: Level) -> Self {
        Self::from(level.permille) / 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_exact() {
        assert_eq!(Level::P95.upper().to_bits(), 0.975_f64.to_bits());
        assert_eq!(Level::P95.tail().to_bits(), 0.025_f64.to_bits());
        assert_eq!(Level::P95.to_string(), "95 %");
    }

    #[test]
    fn levels_are_numbers_in_json() {
        let check = |text: &str, expected: Option<&str>| {
            let level = serde_json::from_str::<Level>(text).ok().map(|level| level.to_string());
            assert_eq!(level.as_deref(), expected, "{text}");
        };
        check("0.95", Some("95 %"));
        check("0.999", Some("99.9 %"));
        for wrong in ["0", "1", "95", "-0.5"] {
            check(wrong, None);
        }
        assert_eq!(serde_json::to_string(&Level::P95).unwrap(), "0.95");
    }
}
