//! What is stored of a run: tasks, endpoints and trials, and the records written while it runs.

use serde::{Deserialize, Serialize};

use super::{RequestIntent, RequestRecord, sql};
use crate::catalog::Endpoint;
use crate::graders::GraderSpec;
use crate::units::{AnswerContent, ContentHash, TrialKey, Usd};
use crate::wire::ErrorClass;

/// A task as stored: all that grading and aggregation need, without the suite's files.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredTask {
    /// Its position in the run, from 0.
    pub idx: u32,
    /// The suite.
    pub suite: String,
    /// The id within the suite.
    pub task: String,
    /// The category.
    pub category: String,
    /// The cluster.
    pub cluster: Option<String>,
    /// Labels.
    pub tags: Vec<String>,
    /// The grader.
    pub grader: GraderSpec,
    /// The reference.
    pub reference: Option<serde_json::Value>,
    /// The schema.
    pub schema: Option<serde_json::Value>,
    /// The prompt's messages; empty with content left out.
    pub messages: Vec<crate::units::Message>,
    /// The hash of what it asks and what counts as right; `None`: written by an earlier version.
    pub content_hash: Option<ContentHash>,
}

/// An endpoint as stored: its position in the run and its whole specification (the price
/// snapshot).
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEndpoint {
    /// Its position in the run, from 0.
    pub idx: u32,
    /// As resolved from the catalog.
    pub endpoint: Endpoint,
}

/// The state of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialStatus {
    /// Not started.
    Planned,
    /// Answered.
    Ok,
    /// Every attempt failed.
    Failed,
    /// The endpoint cannot take the task; never sent.
    Ineligible,
    /// Left out because the run ended early; never sent.
    Skipped,
    /// Sent, and its outcome is unknown.
    InDoubt,
}

impl TrialStatus {
    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Ineligible => "ineligible",
            Self::Skipped => "skipped",
            Self::InDoubt => "in_doubt",
        }
    }

    /// Reads [`TrialStatus::name`] back.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Planned, Self::Ok, Self::Failed, Self::Ineligible, Self::Skipped, Self::InDoubt]
            .into_iter()
            .find(|status| status.name() == name)
    }
}

sql::by_name!(TrialStatus, "trial status", TrialStatus::from_name);

/// A trial of the plan, before it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedTrial {
    /// Its position in the plan's order, from 0.
    pub idx: u32,
    /// Its identity.
    pub key: TrialKey,
    /// Its task.
    pub task: u32,
    /// Its endpoint.
    pub endpoint: u32,
    /// Its repeat, from 0.
    pub repeat: u32,
    /// Why the endpoint cannot take it: then it is `ineligible`.
    pub ineligible: Option<String>,
}

/// Which attempt of which trial a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptId {
    /// The trial: its position in the run.
    pub trial: u32,
    /// From 0, counting every request that was intended for the trial.
    pub attempt: u32,
}

/// Written with the last attempt of a trial.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialEnding {
    /// The trial.
    pub trial: u32,
    /// `Ok`, `Failed`, `Skipped` or `InDoubt`.
    pub status: TrialStatus,
    /// The class of the last failure, where it failed.
    pub error: Option<ErrorClass>,
    /// Attempts made.
    pub attempts: u32,
    /// Waiting between attempts, nanoseconds.
    pub backoff_ns: u64,
    /// Waiting for a concurrency slot or a rate limit, nanoseconds.
    pub pacing_ns: u64,
    /// From the first attempt's dispatch to the end of the last, nanoseconds.
    pub e2e_with_retries_ns: Option<u64>,
    /// The answer, where there is one.
    pub answer: Option<AnswerContent>,
}

/// A grader at one version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grading {
    /// The grader's id.
    pub grader: String,
    /// Its version: it goes up whenever some answer gets another score.
    pub version: u32,
}

impl From<&GraderSpec> for Grading {
    fn from(spec: &GraderSpec) -> Self {
        Self { grader: spec.id().to_owned(), version: spec.version() }
    }
}

/// The criterion of a grader that gives one score for the whole answer.
pub const OVERALL: &str = "overall";

/// One score of a trial.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreRow {
    /// The trial.
    pub trial: u32,
    /// The grader that gave it.
    pub grading: Grading,
    /// What is scored; [`OVERALL`] is the score that metrics use.
    pub criterion: String,
    /// 0..1; `None`: the grader could not judge.
    pub value: Option<f64>,
    /// Why, in a few words: what was extracted, what was expected.
    pub detail: String,
    /// What grading cost; `None`: no model was called for it.
    pub cost: Option<Usd>,
}

impl ScoreRow {
    /// The score of a grader that calls no model.
    #[must_use]
    pub fn overall(trial: u32, grader: &GraderSpec, value: Option<f64>, detail: String) -> Self {
        let (grading, criterion) = (Grading::from(grader), OVERALL.to_owned());
        Self { trial, grading, criterion, value, detail, cost: None }
    }
}

/// What a store command may be (the writer's queue holds these).
#[derive(Debug)]
pub enum Record {
    /// An intent; durable before the request leaves.
    Intent(AttemptId, RequestIntent),
    /// The end of an attempt.
    Attempt(AttemptId, Box<RequestRecord>),
    /// The end of a trial's last attempt, and with it of the trial, and the verdict where it is
    /// given at once: all are kept, or none.
    Last(AttemptId, Box<(RequestRecord, TrialEnding, Option<ScoreRow>)>),
    /// The end of a trial.
    Trial(Box<TrialEnding>),
    /// A score.
    Score(ScoreRow),
    /// A change to the tables of a load.
    Load(super::LoadChange),
}
