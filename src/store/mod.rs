//! The run database: the truth of a run.
//!
//! SQLite (WAL, `synchronous=FULL`), one writer. Its tables are in `schema.sql`; times are integer
//! nanoseconds since the run's clock anchor, money is a decimal string, unknown is NULL.

mod gaps;
mod live;
mod read;
mod run_file;
mod sql;
#[cfg(test)]
mod tests;
mod writer;

use serde::{Deserialize, Serialize};

pub use live::{NewRun, Store, StoreMode};
pub use read::{Order, Reader, TaskLabels, TrialRow};
pub use sql::FILE_NAME;
pub use writer::Writer;

use crate::catalog::Endpoint;
use crate::units::{ContentHash, TokensSource, TrialKey, Usage, Usd};
use crate::wire::ErrorClass;

pub use crate::units::judging::{Goal, Judging, Slo};

/// Why the run database failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder or the file cannot be made.
    #[error("{path}: {source}")]
    Io {
        /// The database file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// SQLite's own error, with the file.
    #[error("{path}: {source}")]
    Sqlite {
        /// The database file.
        path: String,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file is not a run database.
    #[error("{path} is not a Weighbridge run database")]
    NotOurs {
        /// The file.
        path: String,
    },
    /// The file was written by a newer version.
    #[error("{path} has format {found}; this version reads up to {known}. Update weighbridge")]
    TooNew {
        /// The file.
        path: String,
        /// Its format.
        found: i32,
        /// What is known here.
        known: i32,
    },
    /// A stored value does not read back.
    #[error("{path}: {what} does not read back: {why}")]
    Corrupt {
        /// The file.
        path: String,
        /// Which value.
        what: String,
        /// Why.
        why: String,
    },
    /// The folder already holds a run.
    #[error("{path} already holds a run; choose another --out, or remove it")]
    Exists {
        /// The database file.
        path: String,
    },
    /// No run there.
    #[error("{path} does not exist: is this a run folder?")]
    Missing {
        /// The database file.
        path: String,
    },
    /// The writer stopped, so nothing more can be recorded.
    #[error("the run database stopped taking records: {0}")]
    Stopped(String),
}

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
    /// What the run is judged by, after defaults: see [`Judging`].
    pub judging: Judging,
    /// Notes that the reader must see (mapping of columns, assumed shares, warnings).
    pub notes: Vec<String>,
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
    pub grader: crate::suite::GraderSpec,
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
}

impl Source {
    /// The name in the run database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
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
    pub answer: Option<StoredAnswer>,
}

/// An answer as stored, once by hash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAnswer {
    /// The content.
    pub text: String,
    /// Visible reasoning.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reasoning: String,
    /// A refusal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub refusal: String,
    /// Tool calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<crate::wire::ToolCall>,
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
    /// The end of a trial.
    Trial(Box<TrialEnding>),
    /// A verdict.
    Score(ScoreRow),
}

/// The hash under which an answer is stored.
#[must_use]
pub fn answer_hash(answer: &StoredAnswer) -> ContentHash {
    ContentHash::of(serde_json::to_string(answer).expect("plain strings").as_bytes())
}
