//! What is kept of a run: its tasks, endpoints and trials, and the records that are written while
//! it goes on.

use serde::{Deserialize, Serialize};

use crate::catalog::Endpoint;
use crate::units::{AnswerContent, TokensSource, TrialKey, Usage, Usd};
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
    pub grader: crate::graders::GraderSpec,
    /// The reference.
    pub reference: Option<serde_json::Value>,
    /// The schema.
    pub schema: Option<serde_json::Value>,
    /// The prompt's messages; empty with content left out.
    pub messages: Vec<crate::units::Message>,
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
    /// Sent, and nobody knows how it ended.
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

/// Where an attempt's record comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The task lane.
    Run,
    /// The load lane.
    Load,
    /// The task lane, ahead of the request that counts: it warms the provider's prompt cache. It is
    /// billed like any other, and in no figure but the bill.
    Prime,
}

impl Source {
    /// The name in the run database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Load => "load",
            Self::Prime => "prime",
        }
    }
}

/// Written before a request leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptIntent {
    /// The trial.
    pub trial: u32,
    /// The attempt, from 0.
    pub attempt: u32,
    /// What it is for.
    pub source: Source,
    /// The most it can cost; `None`: its price is unknown.
    pub bound: Option<Usd>,
    /// When the intent was made, nanoseconds since the anchor.
    pub at_ns: u64,
}

/// Written after an attempt, whatever its outcome. All times are nanoseconds since the anchor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AttemptEnding {
    /// The trial.
    pub trial: u32,
    /// The attempt, from 0.
    pub attempt: u32,
    /// Why it failed; `None`: it answered.
    pub error: Option<ErrorClass>,
    /// What was said about the failure, at most 500 characters, without any key.
    pub error_detail: Option<String>,
    /// The HTTP status, when a head came.
    pub http_status: Option<u16>,
    /// Whether the response bore the simulator's mark.
    pub simulated: bool,
    /// Whether the answer was streamed.
    pub streamed: bool,
    /// The stamps of METRICS.md §1.
    pub dispatched_ns: u64,
    /// A new connection was ready.
    pub connected_ns: Option<u64>,
    /// The response head came.
    pub headers_ns: Option<u64>,
    /// The first body byte came.
    pub first_byte_ns: Option<u64>,
    /// The first token event.
    pub first_token_ns: Option<u64>,
    /// The first token event that is not reasoning.
    pub first_output_ns: Option<u64>,
    /// The last token event (not streamed: the last body byte).
    pub last_token_ns: Option<u64>,
    /// The stream was closed.
    pub ended_ns: u64,
    /// Socket reads that held token events.
    pub token_reads: u32,
    /// Token events.
    pub token_events: u32,
    /// Whether a reasoning delta was seen.
    pub reasoning_seen: bool,
    /// The gaps between consecutive token events, microseconds.
    pub gaps_us: Vec<u32>,
    /// Usage in the normal form.
    pub usage: Usage,
    /// Usage verbatim, JSON.
    pub usage_verbatim: Option<String>,
    /// Where the counts come from.
    pub tokens_source: Option<TokensSource>,
    /// What it cost by the price snapshot; `None`: not known.
    pub cost: Option<Usd>,
    /// What the provider says it charged.
    pub cost_reported: Option<Usd>,
    /// Why the answer ended.
    pub finish_reason: Option<crate::wire::FinishReason>,
    /// The model that really answered.
    pub response_model: Option<String>,
    /// The provider that really answered.
    pub served_by: Option<String>,
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

/// A grader's verdict on one trial.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreRow {
    /// The trial.
    pub trial: u32,
    /// 0..1; `None`: unscored (the grader could not judge).
    pub score: Option<f64>,
    /// Why, in a few words: what was extracted, what was expected.
    pub detail: String,
}

/// What a store command may be (the writer's queue holds these).
#[derive(Debug)]
pub enum Record {
    /// An intent; durable before the request leaves.
    Intent(AttemptIntent),
    /// The end of an attempt.
    Attempt(Box<AttemptEnding>),
    /// The end of a trial's last attempt, and with it of the trial, and the verdict where it is
    /// given at once: all are kept, or none.
    Last(Box<(AttemptEnding, TrialEnding, Option<ScoreRow>)>),
    /// The end of a trial.
    Trial(Box<TrialEnding>),
    /// A verdict.
    Score(ScoreRow),
    /// What the load lane records.
    Load(super::LoadChange),
}
