//! What a machine's own measuring error is, as `weighbridge calibrate` found it.

use serde::{Deserialize, Serialize};

/// A calibration: the client's stamps against a server's own log of what it wrote when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The machine.
    pub host: String,
    /// The version of weighbridge.
    pub version: String,
    /// RFC 3339.
    pub measured_at: String,
    /// Streams at once, and how far off their latencies were.
    pub streams: Vec<CalibratedStreams>,
    /// How late requests left in an open loop.
    pub lag: Vec<CalibratedLag>,
    /// Whether every stream's tokens were counted as they were written.
    pub tokens_exact: bool,
}

/// The errors at a number of streams.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibratedStreams {
    /// Streams at once.
    pub streams: u32,
    /// Requests measured.
    pub requests: u64,
    /// Of the time to the first token.
    pub ttft: Option<CalibratedError>,
    /// Of the gaps between token events, pooled.
    pub icl: Option<CalibratedError>,
    /// Of the time to the last token.
    pub e2e: Option<CalibratedError>,
}

/// How late requests left at a rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibratedLag {
    /// Requests per second, Poisson.
    pub per_s: u32,
    /// Requests sent.
    pub requests: u64,
    /// The lag.
    pub lag: Option<CalibratedError>,
}

/// Absolute errors: their median, and the highest percentile that so many give.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibratedError {
    /// How many.
    pub n: u64,
    /// The median, microseconds.
    pub p50_us: u64,
    /// The highest percentile that is met, 0..1.
    pub percentile: f64,
    /// Its value, microseconds.
    pub high_us: u64,
}

impl Calibration {
    /// What was found at the least number of streams that is not below this one, so that the error
    /// is rather overstated; `None`: so many were not calibrated.
    #[must_use]
    pub fn at(&self, streams: f64) -> Option<&CalibratedStreams> {
        let above = self.streams.iter().filter(|s| f64::from(s.streams) >= streams);
        above.min_by_key(|s| s.streams)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_from_above_is_told() {
        let streams =
            |streams| CalibratedStreams { streams, requests: 0, ttft: None, icl: None, e2e: None };
        let found = Calibration {
            host: String::new(),
            version: String::new(),
            measured_at: String::new(),
            streams: vec![streams(1), streams(64), streams(512)],
            lag: Vec::new(),
            tokens_exact: true,
        };
        let at = |n| found.at(n).map(|s| s.streams);
        assert_eq!([at(0.0), at(1.0), at(1.5), at(65.0)], [1, 1, 64, 512].map(Some));
        assert_eq!(at(513.0), None);
    }
}
