//! Whether the latencies of a run can be trusted: METRICS.md §5.

use serde::{Deserialize, Serialize};

use super::Fact;

/// Whether the run's latencies may be believed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Validity {
    /// The mark.
    pub mark: ValidityMark,
    /// What was found, one line each; empty when valid.
    pub reasons: Vec<Fact>,
    /// p99 of the client's runtime lag, microseconds; `None` in virtual time.
    pub lag_p99_us: Option<u64>,
    /// The largest share of a core that one I/O thread used over 5 s, 0..1.
    pub io_cpu_peak: Option<f64>,
}

/// A validity mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValidityMark {
    /// The client kept up.
    Valid,
    /// The client was slow enough to be seen in the figures.
    Degraded,
    /// The client was so slow that its latencies mean nothing.
    Invalid,
    /// Virtual time: nothing was measured.
    Virtual,
}

impl ValidityMark {
    /// The word in headings: `VALID`, `DEGRADED`, `INVALID`, `VIRTUAL`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Valid => "VALID",
            Self::Degraded => "DEGRADED",
            Self::Invalid => "INVALID",
            Self::Virtual => "VIRTUAL",
        }
    }
}
