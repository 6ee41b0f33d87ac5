//! Quality in points, as the sentences of the weights file write it.

use crate::stats::Estimate;

/// A share of 1 in points without needless digits: 0.02 → `2`, 0.015 → `1.5`.
pub(super) fn points(share: f64) -> String {
    (libm::round(share * 10_000.0) / 100.0).to_string()
}

/// A difference in points with its interval: `−1.2 (−5.0…+2.6) pt`.
pub(super) fn difference(estimate: &Estimate) -> String {
    match (estimate.low, estimate.high) {
        (Some(low), Some(high)) => {
            format!("{} ({}…{}) pt", signed(estimate.value), signed(low), signed(high))
        }
        _ => format!("{} pt", signed(estimate.value)),
    }
}

fn signed(difference: f64) -> String {
    let tenths = libm::round(difference * 1000.0) / 10.0;
    if tenths == 0.0 {
        return "0.0".to_owned();
    }
    format!("{tenths:+.1}").replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{Level, Method};

    #[test]
    fn shares_lose_needless_digits() {
        for (share, shown) in [(0.02, "2"), (0.015, "1.5"), (0.07, "7"), (0.0, "0")] {
            assert_eq!(points(share), shown);
        }
    }

    #[test]
    fn differences_have_a_sign() {
        let estimate = |value, low, high| Estimate {
            value,
            low,
            high,
            level: Level::P95,
            n: 9,
            method: Method::T,
        };
        let shown = difference(&estimate(-0.012, Some(-0.05), Some(0.026)));
        assert_eq!(shown, "−1.2 (−5.0…+2.6) pt");
        assert_eq!(difference(&estimate(-0.0001, None, None)), "0.0 pt");
    }
}
