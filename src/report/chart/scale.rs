//! From values to pixels, and where the ticks are.

/// A scale from values to pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    log: bool,
}

impl Scale {
    /// Linear: `low` is drawn at pixel `from`, `high` at `to`.
    pub(super) fn linear((low, high): (f64, f64), (from, to): (f64, f64)) -> Self {
        Self { low, high, from, to, log: false }
    }

    /// Logarithmic; both values are positive.
    pub(super) fn log((low, high): (f64, f64), (from, to): (f64, f64)) -> Self {
        Self { low: libm::log10(low), high: libm::log10(high), from, to, log: true }
    }

    /// The pixel of a value, kept within the scale.
    pub(super) fn at(&self, value: f64) -> f64 {
        let value = if self.log { libm::log10(value) } else { value };
        let part = (value - self.low) / (self.high - self.low);
        // A logarithm of zero is −∞: the lower end.
        let part = if part.is_nan() { 0.0 } else { part.clamp(0.0, 1.0) };
        self.from + part * (self.to - self.from)
    }
}

/// Ticks 1, 2, 5 of each decade within a range; only 1 of each where that is plenty, and evenly
/// spaced ones where the range holds fewer than three.
pub(super) fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    let decades = libm::log10(high / low);
    let steps: &[f64] = if decades > 4.0 {
        &[1.0]
    } else if decades > 2.0 {
        &[1.0, 3.0]
    } else {
        &[1.0, 2.0, 5.0]
    };
    #[expect(clippy::cast_possible_truncation, reason = "exponents of an f64")]
    let (first, last) =
        (libm::floor(libm::log10(low)) as i32, libm::ceil(libm::log10(high)) as i32);
    let ticks: Vec<f64> = (first..=last)
        .flat_map(|decade| steps.iter().map(move |s| s * libm::pow(10.0, f64::from(decade))))
        .filter(|t| (low * 0.999_999..=high * 1.000_001).contains(t))
        .collect();
    if ticks.len() < 3 { linear_ticks(low, high) } else { ticks }
}

/// Round ticks within a range, about six of them.
pub(super) fn linear_ticks(low: f64, high: f64) -> Vec<f64> {
    let span = high - low;
    if !span.is_finite() || span <= 0.0 {
        return vec![low];
    }
    let raw = span / 6.0;
    let decade = libm::pow(10.0, libm::floor(libm::log10(raw)));
    let step = [1.0, 2.0, 5.0, 10.0].iter().map(|m| m * decade).find(|s| *s >= raw).unwrap_or(raw);
    let first = libm::ceil(low / step - 1e-9);
    (0..20)
        .map(|i| (first + f64::from(i)) * step)
        .take_while(|t| *t <= high + step * 1e-9)
        .collect()
}

/// The least and the greatest of some finite values.
pub(super) fn extent(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().filter(|v| v.is_finite()).fold(None, |found, v| match found {
        None => Some((v, v)),
        Some((low, high)) => Some((low.min(v), high.max(v))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks() {
        assert_eq!(linear_ticks(0.0, 1.0), [0.0, 0.2, 0.4, 0.600_000_000_000_000_1, 0.8, 1.0]);
        assert_eq!(linear_ticks(3.0, 3.0), [3.0]);
        assert_eq!(log_ticks(0.9, 21.0).len(), 5);
        assert_eq!(log_ticks(1e-3, 1e4).len(), 8);
        assert_eq!(log_ticks(1.0, 4.0), [1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0]);
    }

    #[test]
    fn a_scale_keeps_within_itself() {
        let scale = Scale::log((0.1, 10.0), (0.0, 100.0));
        assert!((scale.at(1.0) - 50.0).abs() < 1e-9);
        assert!((scale.at(0.0) - 0.0).abs() < 1e-9);
        assert!((scale.at(f64::NAN) - 0.0).abs() < 1e-9);
        assert!((scale.at(1e9) - 100.0).abs() < 1e-9);
    }

    #[test]
    fn extents_leave_out_what_is_not_finite() {
        assert_eq!(extent([f64::NAN, 2.0, f64::INFINITY, 1.0]), Some((1.0, 2.0)));
        assert_eq!(extent([f64::NAN]), None);
    }
}
