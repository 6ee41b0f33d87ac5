//! What a run is, what it is judged by, and how it ended.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::units::CacheMode;
use crate::units::judging::Judging;

/// What a run is: written when it starts, completed when it ends. Stored as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The run's id.
    pub run: String,
    /// The name that headings show: the suites, `demo`.
    pub name: String,
    /// The version of weighbridge.
    pub version: String,
    /// The seed.
    pub seed: u64,
    /// Whether time was virtual.
    pub virtual_time: bool,
    /// Whether the embedded fleet served the run.
    pub demo: bool,
    /// RFC 3339, the wall-clock anchor: stamps count from here.
    pub started_at: String,
    /// Repeats per task and endpoint.
    pub repeats: u32,
    /// The suites: name, version, hash.
    pub suites: Vec<SuiteStamp>,
    /// The hash of the plan: tasks, endpoints, prices, parameters, seed.
    pub plan_hash: String,
    /// The hash of the endpoints' prices alone; empty in runs made before it was kept.
    #[serde(default)]
    pub prices_hash: String,
    /// What the run is judged by, after defaults: see [`Judging`].
    pub judging: Judging,
    /// Notes that the reader must see (mapping of columns, assumed shares, warnings).
    pub notes: Vec<String>,
    /// What the load lane was asked to do; `None`: another kind of run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<super::LoadSpec>,
    /// The machine's own measuring error, as last calibrated; `None`: not calibrated, or virtual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<super::Calibration>,
    /// Whether the simulated fleet inside the binary served the run: its dollars are invented.
    #[serde(default)]
    pub embedded: bool,
    /// What providers' prompt caches were to find.
    #[serde(default, skip_serializing_if = "CacheMode::is_as_is")]
    pub cache: CacheMode,
    /// Which part of a plan this is; `None`: the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<ShardStamp>,
    /// How it ended; `None` while it runs or after a crash.
    pub ended: Option<Ended>,
}

/// A suite as a run used it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuiteStamp {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The hash of its files.
    pub hash: String,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// Whether every planned trial has an ending.
    pub complete: bool,
    /// Why not, in one sentence.
    pub why: Option<String>,
    /// The mark of METRICS.md §5.
    pub validity: Validity,
    /// How long the run took (virtual in virtual time), nanoseconds.
    pub duration_ns: u64,
    /// How long places of a closed loop were empty on purpose, nanoseconds: after failures, or for
    /// want of budget.
    #[serde(default)]
    pub waited_ns: u64,
    /// Where requests were held back for a provider's limits; empty: nowhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paced: Vec<Paced>,
    /// Events of streams whose kind the dialect does not know, by endpoint: passed over.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown_events: BTreeMap<String, u64>,
}

impl Ended {
    /// Adds up what sessions or parts passed over.
    #[must_use]
    pub fn all_unknown<'a>(
        each: impl IntoIterator<Item = &'a BTreeMap<String, u64>>,
    ) -> BTreeMap<String, u64> {
        let mut sums = BTreeMap::new();
        for (endpoint, n) in each.into_iter().flatten() {
            *sums.entry(endpoint.clone()).or_default() += n;
        }
        sums
    }
}

/// How requests to a model at a provider were held back for its limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Paced {
    /// The endpoints: a model with its variants.
    pub endpoints: Vec<String>,
    /// The share of the key's limits that was used at most, 0..1.
    pub share: f64,
    /// Refusals for too many requests (429).
    pub refused: u64,
    /// Requests that were to be under way at once.
    pub at_once: u32,
    /// To how many that went down after refusals.
    pub least_at_once: u32,
    /// The limits that requests waited for.
    pub limits: Vec<KeptLimit>,
    /// How often requests waited because less remained than is left to others.
    pub low_pauses: u64,
}

/// A limit that was kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptLimit {
    /// What it counts: `requests`, `tokens`, `input tokens`, `output tokens`.
    pub counted: String,
    /// How many it allows.
    pub limit: u64,
    /// In what time: `second` to `month`.
    pub per: String,
    /// Whether the provider's headers stated it, and not the catalog.
    pub by_headers: bool,
}

impl Paced {
    /// Adds what happened in another session or in another part of a plan. They are of the same
    /// endpoints.
    fn add(&mut self, other: &Self) {
        self.share = self.share.max(other.share);
        self.refused += other.refused;
        self.at_once = self.at_once.max(other.at_once);
        self.least_at_once = self.least_at_once.min(other.least_at_once);
        self.low_pauses += other.low_pauses;
        let new = other.limits.iter().filter(|limit| !self.limits.contains(limit));
        let new: Vec<KeptLimit> = new.cloned().collect();
        self.limits.extend(new);
    }

    /// What happened in all sessions or parts together, in the order of their endpoints.
    #[must_use]
    pub fn together<'a>(all: impl IntoIterator<Item = &'a Self>) -> Vec<Self> {
        let mut sums: BTreeMap<&[String], Self> = BTreeMap::new();
        for paced in all {
            match sums.get_mut(paced.endpoints.as_slice()) {
                Some(sum) => sum.add(paced),
                None => {
                    sums.insert(&paced.endpoints, paced.clone());
                }
            }
        }
        sums.into_values().collect()
    }
}

/// Whether the run's latencies may be believed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Validity {
    /// The mark.
    pub mark: ValidityMark,
    /// What was found, one line each; empty when valid.
    pub reasons: Vec<String>,
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

/// Which part of a plan a run holds, when the plan was split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardStamp {
    /// Which part, from 1.
    pub k: u32,
    /// Of how many.
    pub n: u32,
    /// The hash of the whole plan.
    pub plan_hash: String,
    /// The trials of the whole plan.
    pub trials: u64,
    /// The suites of the whole plan.
    pub suites: Vec<SuiteStamp>,
    /// Where each task of the part stands in the whole plan. Trials bear their place themselves.
    pub tasks: Vec<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_and_parts_add_up_by_their_endpoints() {
        let limit = |limit| KeptLimit {
            counted: "requests".to_owned(),
            limit,
            per: "minute".to_owned(),
            by_headers: true,
        };
        let paced = |name: &str, refused, least_at_once, limits| Paced {
            endpoints: vec![name.to_owned()],
            share: 0.5,
            refused,
            at_once: 16,
            least_at_once,
            limits,
            low_pauses: 1,
        };
        let all = [
            paced("b", 1, 8, vec![limit(60)]),
            paced("a", 5, 4, Vec::new()),
            paced("b", 2, 2, vec![limit(60), limit(90)]),
        ];
        let sum = Paced { low_pauses: 2, ..paced("b", 3, 2, vec![limit(60), limit(90)]) };
        assert_eq!(Paced::together(&all), [all[1].clone(), sum]);
        assert_eq!(Paced::together(&[]), []);
    }
}
