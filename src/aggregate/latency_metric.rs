//! Latency metrics by name, and what is known of a distribution.

use std::collections::BTreeMap;

use crate::stats::Estimate;

/// A latency metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LatencyMetric {
    /// Time to the first token.
    Ttft,
    /// Time to the first output token.
    Ttfo,
    /// Mean time per output token after the first.
    Itl,
    /// Gap between token events.
    Icl,
    /// End to end, of the attempt that succeeded.
    E2e,
    /// From the first attempt, back-off included.
    E2eWithRetries,
    /// Connection set-up, of attempts that made one.
    Connect,
    /// The client's own lag behind the schedule, of every request that was sent.
    Queue,
    /// Time to the first token, from the schedule.
    TtftSched,
    /// End to end, from the schedule.
    E2eSched,
}

impl LatencyMetric {
    /// All, in the order of reports.
    pub const ALL: [Self; 10] = [
        Self::Ttft,
        Self::Ttfo,
        Self::Itl,
        Self::Icl,
        Self::E2e,
        Self::E2eWithRetries,
        Self::Connect,
        Self::Queue,
        Self::TtftSched,
        Self::E2eSched,
    ];

    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ttft => "ttft",
            Self::Ttfo => "ttfo",
            Self::Itl => "itl",
            Self::Icl => "icl",
            Self::E2e => "e2e",
            Self::E2eWithRetries => "e2e_with_retries",
            Self::Connect => "connect",
            Self::Queue => "queue",
            Self::TtftSched => "ttft_sched",
            Self::E2eSched => "e2e_sched",
        }
    }
}

/// A latency distribution.
#[derive(Clone, Debug, PartialEq)]
pub struct Latency {
    /// Observations.
    pub n: u64,
    /// Effective observations where they are serially correlated (lag-1 r > 0.1), else `n`.
    pub n_effective: u64,
    /// The percentiles 50, 90, 95, 99 and 99.9 whose sample floor is met, in seconds, each with
    /// its order-statistics interval. The key is in tenths of a percent: 500, 900, 950, 990, 999.
    pub percentiles: BTreeMap<u16, Estimate>,
    /// The whole distribution: upper end of a slot in microseconds, count; ascending.
    pub slots: Vec<(u64, u64)>,
    /// The mean, seconds.
    pub mean: f64,
    /// The longest, seconds.
    pub max: f64,
}

impl Latency {
    /// The highest percentile whose floor is met, as its key in [`Latency::percentiles`].
    #[must_use]
    pub fn highest(&self) -> Option<(u16, Estimate)> {
        self.percentiles.last_key_value().map(|(p, e)| (*p, *e))
    }
}
