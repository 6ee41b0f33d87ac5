//! The search for the highest rate that meets its objectives: the rate doubles until it misses them,
//! then the ratio between met and missed is halved.

/// A search between two rates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Search {
    least: f64,
    most: f64,
    /// The highest rate that met the objectives.
    met: Option<f64>,
    /// The lowest rate that missed them.
    missed: Option<f64>,
}

/// The search ends when the rate that missed is at most so many times the rate that met: with the
/// some hundred to thousand requests of a step, a finer one would resolve chance.
const RESOLUTION: f64 = 1.1;

impl Search {
    /// A search from `least` to `most` requests per second.
    #[must_use]
    pub fn new(least: f64, most: f64) -> Self {
        Self { least, most, met: None, missed: None }
    }

    /// The rate to try next; `None`: the search is over.
    #[must_use]
    pub fn next(&self) -> Option<f64> {
        match (self.met, self.missed) {
            (None, None) => Some(self.least),
            // The least rate misses, or the most meets.
            (None, Some(_)) => None,
            (Some(met), None) if met >= self.most => None,
            (Some(met), None) => Some((met * 2.0).min(self.most)),
            (Some(met), Some(missed)) if missed <= met * RESOLUTION => None,
            (Some(met), Some(missed)) => {
                Some(round(libm::sqrt(met * missed))).filter(|rate| *rate > met && *rate < missed)
            }
        }
    }

    /// Notes whether a rate met the objectives.
    pub fn note(&mut self, per_s: f64, met: bool) {
        if met {
            self.met = Some(self.met.map_or(per_s, |before| before.max(per_s)));
        } else {
            self.missed = Some(self.missed.map_or(per_s, |before| before.min(per_s)));
        }
    }
}

/// To three digits, so that a rate can be read and typed again.
fn round(per_s: f64) -> f64 {
    let digits = libm::pow(10.0, 2.0 - libm::floor(libm::log10(per_s)));
    libm::round(per_s * digits) / digits
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches for a limit; gives what met and what did not.
    fn search(least: f64, most: f64, limit: f64) -> (Option<f64>, Option<f64>) {
        let mut search = Search::new(least, most);
        let mut steps = 0;
        while let Some(rate) = search.next() {
            assert!((least..=most).contains(&rate), "{rate}");
            search.note(rate, rate <= limit);
            steps += 1;
            assert!(steps < 30, "it ends: {search:?}");
        }
        (search.met, search.missed)
    }

    #[test]
    fn the_limit_is_between_what_met_and_what_did_not() {
        for limit in [0.7, 3.0, 25.0, 99.9, 100.0, 640.0] {
            let (Some(met), Some(missed)) = search(0.5, 1_000.0, limit) else {
                panic!("{limit} is within the range")
            };
            assert!(
                met <= limit && limit < missed && missed <= 1.1 * met,
                "{met} {limit} {missed}"
            );
        }
    }

    #[test]
    fn a_limit_outside_the_range_is_told_as_such() {
        assert_eq!(search(10.0, 1_000.0, 9.0), (None, Some(10.0)));
        assert_eq!(search(10.0, 75.0, 1e9), (Some(75.0), None));
    }
}
