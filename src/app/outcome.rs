//! What a command gives.

use std::path::PathBuf;

use crate::report::{self, Detail, LoadReport, RunReport};
use crate::weights::WeightsFile;

/// How the measurement ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunStatus {
    /// Everything planned was measured.
    Complete,
    /// Interrupted, over budget, an endpoint given up, or a shard missing; it can be resumed.
    Incomplete,
    /// Everything was sent, and an endpoint or a category has no answer.
    NoData,
    /// The client could not keep up: the latencies mean nothing.
    Invalid,
    /// Every request failed.
    Failed,
}

/// A finished run, whose folder holds its database, tables, charts, report and weights.
#[derive(Clone, Debug)]
pub struct RunOutcome {
    /// The run folder.
    pub dir: PathBuf,
    /// How it ended.
    pub status: RunStatus,
    /// Why it is incomplete.
    pub why: Option<String>,
    /// Weights and verdicts; `None`: this shard holds no task.
    pub weights: Option<WeightsFile>,
    /// `None`: this shard holds no task.
    pub(super) report: Option<RunReport>,
}

impl RunOutcome {
    /// The result on one screen of at most 80 columns; empty where this shard holds no task.
    #[must_use]
    pub fn screen(&self, detail: Detail) -> String {
        let screen = self.report.as_ref().map(|report| report::answer(report, &self.dir, detail));
        screen.unwrap_or_default()
    }

    /// What was asked and answered nothing, one sentence each.
    #[must_use]
    pub fn no_data(&self) -> Vec<String> {
        let found = self.report.iter().flat_map(|report| &report.no_data);
        found.map(|found| found.sentence.clone()).collect()
    }

    /// The report as JSON, by the published schema; empty where this shard holds no task.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.report.as_ref().map(RunReport::to_json).unwrap_or_default()
    }
}

/// A finished load or sweep, whose folder holds its database, tables, charts and report.
#[derive(Clone, Debug)]
pub struct LoadOutcome {
    /// The run folder.
    pub dir: PathBuf,
    /// How it ended.
    pub status: RunStatus,
    /// Why it is incomplete.
    pub why: Option<String>,
    /// The first failure of each class of error, as `class: detail`.
    pub failures: Vec<String>,
    pub(super) result: LoadResult,
}

/// What was measured.
#[derive(Clone, Debug)]
pub(super) enum LoadResult {
    Load(Box<LoadReport>),
    /// A sweep's screen: each of its rates has a report in a folder below.
    Sweep(String),
}

impl LoadOutcome {
    /// The result on one screen of at most 80 columns.
    #[must_use]
    pub fn screen(&self) -> String {
        match &self.result {
            LoadResult::Load(report) => report::load::answer(report, &self.dir),
            LoadResult::Sweep(screen) => screen.clone(),
        }
    }

    /// The report as JSON, by the published schema; `None` for a sweep.
    #[must_use]
    pub fn to_json(&self) -> Option<String> {
        match &self.result {
            LoadResult::Load(report) => Some(report.to_json()),
            LoadResult::Sweep(_) => None,
        }
    }
}
