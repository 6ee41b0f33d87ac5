//! A latency distribution while it is collected, and what is said of it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Latency;
use crate::stats::{Estimate, Level, Method, quantile};
use crate::units::Histogram;

/// The percentiles that are shown, in tenths of a percent.
const PERCENTILES: [u16; 5] = [500, 900, 950, 990, 999];

/// One observation per trial: to be put in the order of the plan before serial correlation shows.
/// That is the order in which an endpoint was asked; and it stays the same when shards of the plan
/// are asked side by side, so that they merge to the figures of one run.
#[derive(Debug, Default)]
pub(super) struct Sample {
    all: Whole,
    /// Where it stands in the plan, and the logarithm of what was observed.
    series: Vec<(u32, f64)>,
}

impl Sample {
    /// Counts an observation.
    pub(super) fn record(&mut self, idx: u32, observed_ns: u64) {
        let micros = observed_ns / 1000;
        self.all.record(micros);
        self.series.push((idx, log(micros)));
    }

    /// What is said of it; `None`: nothing was observed.
    pub(super) fn finish(mut self) -> Option<Latency> {
        // Ties are broken by the value, so that the order of reading does not matter.
        self.series.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let logs: Vec<f64> = self.series.iter().map(|(_, log)| *log).collect();
        self.all.finish(quantile::lag1(&logs))
    }
}

/// One observation per request, in the order in which requests left: what is held does not grow
/// with them.
#[derive(Debug, Default)]
pub(super) struct Stream {
    all: Whole,
    series: Lag1,
}

impl Stream {
    /// Counts the next observation.
    pub(super) fn record(&mut self, observed_ns: u64) {
        let micros = observed_ns / 1000;
        self.all.record(micros);
        self.series.add(log(micros));
    }

    /// What is said of it; `None`: nothing was observed.
    pub(super) fn finish(self) -> Option<Latency> {
        self.all.finish(self.series.get())
    }
}

/// [`quantile::lag1`] of values that pass once. They are counted from the first of them, so that
/// the sums of a narrow series far from zero keep their digits.
#[derive(Debug, Default)]
pub(super) struct Lag1 {
    n: f64,
    first: f64,
    last: f64,
    sum: f64,
    squared: f64,
    product: f64,
}

impl Lag1 {
    pub(super) fn add(&mut self, value: f64) {
        if self.n == 0.0 {
            self.first = value;
        }
        let value = value - self.first;
        // The first of all stands at 0, so its missing predecessor adds nothing.
        self.product += value * self.last;
        self.n += 1.0;
        self.sum += value;
        self.squared += value * value;
        self.last = value;
    }

    /// Σ (xₜ − x̄)(xₜ₊₁ − x̄) / Σ (xₜ − x̄)², multiplied out; 0 where it cannot be told.
    pub(super) fn get(&self) -> f64 {
        if self.n < 3.0 {
            return 0.0;
        }
        let mean = self.sum / self.n;
        // Both sums leave out one end; that of the first value, at 0, leaves out nothing.
        let ends = 2.0 * self.sum - self.last;
        let covariance = self.product - mean * ends + (self.n - 1.0) * mean * mean;
        let spread = self.squared - self.n * mean * mean;
        // What rounding leaves of equal values is no spread.
        let told = spread > 1e-12 * self.squared.max(f64::MIN_POSITIVE);
        if told { (covariance / spread).clamp(-1.0, 1.0) } else { 0.0 }
    }
}

/// What is said of a distribution that was kept whole, of which at least so many observations have
/// nothing to do with each other; `None`: it is empty. Its mean and its longest are those of its
/// slots.
pub(super) fn of_histogram(histogram: Histogram, independent: u64) -> Option<Latency> {
    let (hdr, n) = (histogram.as_hdr(), histogram.len());
    let (mean, hdr_max) = (hdr.mean() / 1e6, hdr.max());
    let max = hdr_max as f64 / 1e6;
    let whole = Whole { max_us: hdr_max, histogram, ..Whole::default() };
    let found = whole.finish_with(independent.clamp(1, n.max(1)))?;
    Some(Latency { mean, max, ..found })
}

/// The gaps between token events, pooled. There are many, so their correlation is summed up while
/// they pass: within each answer, where one gap follows another.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    all: Whole,
    pairs: f64,
    first: f64,
    second: f64,
    first_squared: f64,
    second_squared: f64,
    product: f64,
}

impl Gaps {
    /// Counts the gaps of one answer.
    pub(super) fn record(&mut self, gaps_us: &[u32]) {
        for &gap in gaps_us {
            self.all.record(u64::from(gap));
        }
        for pair in gaps_us.windows(2) {
            let (a, b) = (log(u64::from(pair[0])), log(u64::from(pair[1])));
            self.pairs += 1.0;
            self.first += a;
            self.second += b;
            self.first_squared += a * a;
            self.second_squared += b * b;
            self.product += a * b;
        }
    }

    /// What is said of them; `None`: there were none.
    pub(super) fn finish(self) -> Option<Latency> {
        let correlation = self.correlation();
        self.all.finish(correlation)
    }

    /// Pearson's correlation of a gap with the next one in the same answer.
    fn correlation(&self) -> f64 {
        let n = self.pairs;
        let covariance = n * self.product - self.first * self.second;
        let spread = (n * self.first_squared - self.first * self.first)
            * (n * self.second_squared - self.second * self.second);
        if spread > 0.0 { (covariance / libm::sqrt(spread)).clamp(-1.0, 1.0) } else { 0.0 }
    }
}

/// The distribution itself.
#[derive(Debug, Default)]
struct Whole {
    histogram: Histogram,
    sum_us: u64,
    max_us: u64,
}

impl Whole {
    fn record(&mut self, micros: u64) {
        self.histogram.record_us(micros);
        self.sum_us += micros;
        self.max_us = self.max_us.max(micros);
    }

    fn finish(self, correlation: f64) -> Option<Latency> {
        let n_effective = quantile::effective_n(self.histogram.len(), correlation);
        self.finish_with(n_effective)
    }

    fn finish_with(self, n_effective: u64) -> Option<Latency> {
        let n = self.histogram.len();
        if n == 0 {
            return None;
        }
        let shown = PERCENTILES
            .into_iter()
            .filter(|&key| n >= quantile::min_sample(probability(key), Level::P95));
        let percentiles: BTreeMap<u16, Estimate> = shown
            .map(|key| (key, percentile(&self.histogram, n_effective, probability(key))))
            .map(|(key, found)| {
                // A slot ends above what fell into it, but nothing is above the longest.
                (key, Estimate { value: found.value.min(self.max_us as f64 / 1e6), ..found })
            })
            .collect();
        Some(Latency {
            n,
            n_effective,
            percentiles,
            slots: self.histogram.slots().map(|(d, count)| (micros_of(d), count)).collect(),
            mean: self.sum_us as f64 / n as f64 / 1e6,
            max: self.max_us as f64 / 1e6,
        })
    }
}

/// A percentile by nearest rank, in seconds, between two order statistics. Where observations hang
/// together, the ranks are those of as many independent ones, stretched to the sample, outwards.
fn percentile(histogram: &Histogram, n_effective: u64, p: f64) -> Estimate {
    let n = histogram.len();
    let at = |rank: u64| histogram.at_rank(rank).map(|d| d.as_secs_f64());
    let (low, high) = quantile::interval_ranks(n_effective, p, Level::P95);
    let stretched = |rank: u64| u128::from(rank) * u128::from(n);
    let narrow = |rank: u128| u64::try_from(rank).unwrap_or(n).clamp(1, n);
    let per = u128::from(n_effective.max(1));
    Estimate {
        value: at(quantile::nearest_rank(n, p)).expect("a rank of a sample that is not empty"),
        low: low.and_then(|rank| at(narrow(stretched(rank) / per))),
        high: high.and_then(|rank| at(narrow(stretched(rank).div_ceil(per)))),
        level: Level::P95,
        n,
        method: Method::OrderStatistics,
    }
}

fn probability(key: u16) -> f64 {
    f64::from(key) / 1000.0
}

/// Latencies multiply, so their logarithms are compared; below a microsecond all are alike.
fn log(micros: u64) -> f64 {
    libm::log(micros.max(1) as f64)
}

fn micros_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_percentiles(n: u64, expected: &[u16]) {
        let mut sample = Sample::default();
        for (idx, i) in (0..).zip(0..n) {
            // A permutation without order: consecutive values have nothing to do with each other.
            sample.record(idx, (i * 7_919 % n + 1) * 1_000_000);
        }
        let found = sample.finish().expect("not empty");
        let keys: Vec<u16> = found.percentiles.keys().copied().collect();
        assert_eq!(keys, expected, "{n}");
        assert_eq!(found.highest().map(|(key, _)| key), expected.last().copied());
    }

    #[test]
    fn percentiles_stop_at_their_floor() {
        check_percentiles(5, &[]);
        check_percentiles(6, &[500]);
        check_percentiles(35, &[500]);
        check_percentiles(36, &[500, 900]);
        check_percentiles(368, &[500, 900, 950, 990]);
    }

    #[test]
    fn the_order_of_reading_does_not_matter() {
        let observed = [(3, 9_000), (1, 4_000), (2, 5_000), (2, 1_000), (5, 2_000), (4, 8_000)];
        let finish = |observed: &[(u32, u64)]| {
            let mut sample = Sample::default();
            for &(at, value) in observed {
                sample.record(at, value);
            }
            sample.finish()
        };
        let mut reversed = observed;
        reversed.reverse();
        let found = finish(&observed).expect("not empty");
        assert_eq!(finish(&reversed), Some(found.clone()));
        assert_eq!((found.n, found.slots.len()), (6, 6));
        assert!((found.mean - 29e-6 / 6.0).abs() < 1e-12, "{}", found.mean);
        assert!((found.max - 9e-6).abs() < 1e-12, "{}", found.max);
        let median = found.percentiles[&500];
        assert!((median.value - 4e-6).abs() < 1e-12, "rank 3 of 6: {median:?}");
    }

    #[test]
    fn a_drift_leaves_fewer_observations() {
        let mut drifting = Sample::default();
        for i in 0..400_u32 {
            drifting.record(i, 1_000_000 * u64::from(100 + i));
        }
        let found = drifting.finish().expect("not empty");
        assert!(found.n_effective < found.n / 10, "{}", found.n_effective);
        assert_eq!(Sample::default().finish(), None);
    }

    #[test]
    fn a_stream_says_what_a_sample_in_order_says() {
        let check = |observed: &[u64]| {
            let (mut stream, mut sample) = (Stream::default(), Sample::default());
            for (at, micros) in (0..).zip(observed) {
                stream.record(micros * 1000);
                sample.record(at, micros * 1000);
            }
            let logs: Vec<f64> = observed.iter().map(|micros| log(*micros)).collect();
            let (found, exact) = (stream.series.get(), quantile::lag1(&logs));
            assert!((found - exact).abs() < 1e-6, "{found} {exact}");
            assert_eq!(stream.finish(), sample.finish());
        };
        check(&[]);
        check(&[7]);
        check(&[500; 50]);
        check(&(100..500).collect::<Vec<_>>());
        check(&(0..999).map(|i| 1_000_000 + i * 7_919 % 1_000).collect::<Vec<_>>());
    }

    #[test]
    fn a_whole_histogram_has_its_slots_mean() {
        let mut histogram = Histogram::new();
        (1..=400).for_each(|ms| histogram.record_us(ms * 1_000));
        let found = of_histogram(histogram, 100).expect("not empty");
        assert_eq!((found.n, found.n_effective), (400, 100));
        assert!((found.mean - 0.2005).abs() < 1e-3, "{}", found.mean);
        assert!((found.max - 0.4).abs() < 1e-3, "{}", found.max);
        assert_eq!(found.percentiles[&990].high, None, "100 answers do not bound it");
        assert_eq!(of_histogram(Histogram::new(), 5), None);
    }

    #[test]
    fn gaps_are_pooled_and_correlated_within_an_answer() {
        let mut gaps = Gaps::default();
        for i in 0..100_u32 {
            // Each answer has its own pace, and keeps it.
            gaps.record(&[1000 * (i % 10 + 1); 5]);
        }
        let found = gaps.finish().expect("not empty");
        assert_eq!(found.n, 500);
        assert!(found.n_effective < 250, "{}", found.n_effective);
        let mut alone = Gaps::default();
        alone.record(&[5]);
        assert_eq!(alone.finish().map(|l| (l.n, l.n_effective)), Some((1, 1)));
    }
}
