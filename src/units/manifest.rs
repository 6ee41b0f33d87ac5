//! What a run is, what it is judged by, and how it ended.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    CacheMode, Calibration, Fact, Judging, LoadSpec, PacingSummary, UsageFaults, Validity,
};

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
    /// What the reader must know (mapping of columns, assumed shares, warnings).
    pub notes: Vec<Fact>,
    /// What the load lane was asked to do; `None`: another kind of run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<LoadSpec>,
    /// The machine's own measuring error, as last calibrated; `None`: not calibrated, or virtual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// Whether the simulated fleet inside the binary served the run: its dollars are invented.
    #[serde(default)]
    pub embedded: bool,
    /// The simulated fleet's true probability of a right answer, by endpoint and category; empty:
    /// nobody knows it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub skills: BTreeMap<String, BTreeMap<String, f64>>,
    /// What providers' prompt caches were to find.
    #[serde(default, skip_serializing_if = "CacheMode::is_as_is")]
    pub cache: CacheMode,
    /// Which part of a plan this is; `None`: the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<ShardStamp>,
    /// Where the outcomes come from that were measured elsewhere; `None`: they were measured here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<ImportStamp>,
    /// How it ended; `None` while it runs or after a crash.
    pub ended: Option<RunEnding>,
}

/// The tables that a run was imported from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportStamp {
    /// The files, in the order in which they were read.
    pub files: Vec<ImportedFile>,
    /// The graders that gave the scores, by their own names.
    pub graders: Vec<String>,
}

/// A table that a run was imported from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedFile {
    /// Its name, without its folder.
    pub name: String,
    /// Its format.
    pub format: String,
    /// The hash of its content, unpacked.
    pub hash: String,
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
pub struct RunEnding {
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
    pub paced: Vec<PacingSummary>,
    /// Events of streams whose kind the dialect does not know, by endpoint: passed over.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown_events: BTreeMap<String, u64>,
    /// What the run came to know of its endpoints while it ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Fact>,
    /// What was wrong with the usage that providers stated, by endpoint.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub usage_faults: UsageFaults,
}

impl RunEnding {
    /// Adds up what sessions or parts passed over.
    #[must_use]
    pub fn sum_unknown_events<'a>(
        each: impl IntoIterator<Item = &'a BTreeMap<String, u64>>,
    ) -> BTreeMap<String, u64> {
        let mut sums = BTreeMap::new();
        for (endpoint, n) in each.into_iter().flatten() {
            *sums.entry(endpoint.clone()).or_default() += n;
        }
        sums
    }

    /// Adds up what was wrong with usage in sessions or parts.
    #[must_use]
    pub fn sum_usage_faults<'a>(each: impl IntoIterator<Item = &'a UsageFaults>) -> UsageFaults {
        let mut sums = UsageFaults::new();
        for (endpoint, faults) in each.into_iter().flatten() {
            let sum = sums.entry(endpoint.clone()).or_default();
            for (fault, n) in faults {
                *sum.entry(*fault).or_default() += n;
            }
        }
        sums
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
