//! What a run is and how it ended.

use serde::Serialize;

use crate::report::text::sentence;
use crate::units::{Calibration, Manifest, RunEnding, SuiteStamp, Validity, ValidityMark};

/// What identifies a run and repeats it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct RunRecord {
    pub id: String,
    pub name: String,
    /// The version of weighbridge.
    pub version: String,
    /// RFC 3339.
    pub started_at: String,
    pub seed: u64,
    pub repeats: u32,
    pub virtual_time: bool,
    pub demo: bool,
    pub suites: Vec<SuiteStamp>,
    pub plan_sha256: String,
    /// The files that its outcomes were imported from; empty: they were measured here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub imported_from: Vec<String>,
    /// How the run ended; `None`: it has not.
    pub ending: Option<Ending>,
    /// How exact the machine's timing is; `None`: not calibrated, or nothing was timed.
    pub calibration: Option<Calibration>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Ending {
    /// Whether everything that was planned has an ending.
    pub complete: bool,
    /// Whether its latencies can be trusted.
    pub validity: ValidityMark,
    /// Why it is not complete, and what was found of its client: one sentence each.
    pub reasons: Vec<String>,
    pub lag_p99_us: Option<u64>,
    /// The largest share of a core that an I/O thread used over 5 s.
    pub io_cpu_peak: Option<f64>,
    pub duration_us: u64,
}

impl RunRecord {
    /// `validity`: that of the run's ending, or what its rows show beyond it.
    pub(super) fn new(manifest: &Manifest, validity: Option<&Validity>) -> Self {
        let ended = manifest.ended.as_ref();
        Self {
            id: manifest.run.clone(),
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            started_at: manifest.started_at.clone(),
            seed: manifest.seed,
            repeats: manifest.repeats,
            virtual_time: manifest.virtual_time,
            demo: manifest.demo,
            suites: manifest.suites.clone(),
            plan_sha256: manifest.plan_hash.clone(),
            imported_from: manifest
                .imported
                .iter()
                .flat_map(|stamp| stamp.files.iter().map(|file| file.name.clone()))
                .collect(),
            ending: ended.map(|ended| Ending::new(ended, validity.unwrap_or(&ended.validity))),
            calibration: manifest.calibration.clone().filter(|_| !manifest.virtual_time),
        }
    }
}

impl Ending {
    fn new(ended: &RunEnding, validity: &Validity) -> Self {
        let facts = validity.reasons.iter().map(ToString::to_string);
        Self {
            complete: ended.complete,
            validity: validity.mark,
            reasons: ended.why.iter().cloned().chain(facts).map(|why| sentence(&why)).collect(),
            lag_p99_us: validity.lag_p99_us,
            io_cpu_peak: validity.io_cpu_peak,
            duration_us: ended.duration_ns / 1_000,
        }
    }
}
