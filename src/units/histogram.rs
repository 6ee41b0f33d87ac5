//! A latency histogram that takes and gives durations.

use std::time::Duration;

use hdrhistogram::serialization::{Deserializer, Serializer as _, V2Serializer};

/// A histogram of durations: `HdrHistogram` slots of 3 significant digits, in microseconds, from
/// 1 µs to an hour (longer durations are counted in the last slot). Merging is exact.
#[derive(Clone, Debug)]
pub struct Histogram(hdrhistogram::Histogram<u64>);

/// The longest duration that has a slot of its own.
const MAX_US: u64 = 3_600_000_000;

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    /// An empty histogram. It grows with what is recorded.
    #[must_use]
    pub fn new() -> Self {
        Self(hdrhistogram::Histogram::new(3).expect("3 significant digits are allowed"))
    }

    /// Counts one duration.
    pub fn record(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(MAX_US);
        self.record_us(micros);
    }

    /// Counts one duration in microseconds.
    pub fn record_us(&mut self, micros: u64) {
        self.0.record(micros.min(MAX_US)).expect("the histogram resizes itself up to the maximum");
    }

    /// Adds another histogram, slot by slot.
    pub fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("same digits, and it resizes itself");
    }

    /// How many durations were counted.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The duration of this rank (1 = shortest), as the upper end of its slot; `None` outside
    /// `1..=len`.
    #[must_use]
    pub fn at_rank(&self, rank: u64) -> Option<Duration> {
        if rank == 0 || rank > self.len() {
            return None;
        }
        let mut seen = 0;
        for slot in self.0.iter_recorded() {
            seen += slot.count_at_value();
            if seen >= rank {
                let micros = self.0.highest_equivalent(slot.value_iterated_to());
                return Some(Duration::from_micros(micros));
            }
        }
        None
    }

    /// The nearest-rank quantile: the duration of rank ⌈p·n⌉ (Hyndman & Fan 1996, type 1).
    #[must_use]
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn quantile(&self, p: f64) -> Option<Duration> {
        // The product is rounded at 1e-9 first, so that 0.95 × 20 is rank 19 and not 20.
        let rank = (p * self.len() as f64 - 1e-9).ceil().max(1.0) as u64;
        self.at_rank(rank.min(self.len()))
    }

    /// Every slot that holds something: its upper end and its count, in order.
    pub fn slots(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        self.0.iter_recorded().map(|slot| {
            let micros = self.0.highest_equivalent(slot.value_iterated_to());
            (Duration::from_micros(micros), slot.count_at_value())
        })
    }

    /// The bytes of `HdrHistogram`'s V2 encoding, which its other implementations read.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        V2Serializer::new().serialize(&self.0, &mut bytes).expect("memory takes every byte");
        bytes
    }

    /// Reads [`Histogram::encode`] back; `None`: it is something else.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let read: hdrhistogram::Histogram<u64> = Deserializer::new().deserialize(&mut rest).ok()?;
        // Into one of our own, which grows; a value of ours is never above the maximum.
        let mut histogram = Self::new();
        let ours = rest.is_empty() && read.sigfig() == 3 && read.max() <= 2 * MAX_US;
        (ours && histogram.0.add(&read).is_ok()).then_some(histogram)
    }

    /// The histogram inside, for writers of its formats.
    #[must_use]
    pub fn as_hdr(&self) -> &hdrhistogram::Histogram<u64> {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_nearest_rank() {
        let mut h = Histogram::new();
        for ms in 1..=20 {
            h.record(Duration::from_millis(ms));
        }
        let ms = |d: Option<Duration>| d.map(|d| d.as_millis());
        assert_eq!(ms(h.quantile(0.95)), Some(19));
        assert_eq!(ms(h.quantile(0.5)), Some(10));
        assert_eq!(ms(h.at_rank(20)), Some(20));
        assert_eq!(h.at_rank(21), None);
        assert_eq!(Histogram::new().quantile(0.5), None);
    }

    #[test]
    fn merging_is_the_same_as_recording_together() {
        let (mut a, mut b, mut both) = (Histogram::new(), Histogram::new(), Histogram::new());
        for us in [1, 90, 12_345, 9_999_999_999] {
            a.record_us(us);
            both.record_us(us);
        }
        for us in [2, 90, 77_777_777] {
            b.record_us(us);
            both.record_us(us);
        }
        a.merge(&b);
        assert!(a.slots().eq(both.slots()));
        assert_eq!(a.len(), 7);
    }

    #[test]
    fn what_is_encoded_reads_back() {
        let mut made = Histogram::new();
        for us in [0, 1, 90, 12_345, 9_999_999_999] {
            made.record_us(us);
        }
        let bytes = made.encode();
        let mut read = Histogram::decode(&bytes).expect("ours");
        assert!(read.slots().eq(made.slots()));
        read.record_us(3_500_000_000);
        assert_eq!(Histogram::decode(&Histogram::new().encode()).map(|h| h.len()), Some(0));
        assert!(Histogram::decode(&bytes[..bytes.len() - 1]).is_none());
        assert!(Histogram::decode(b"").is_none());
    }
}
