//! Inspect's log, as far as it is read: the header, and samples.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// A log without its samples. A log under way has `eval` alone.
#[derive(Deserialize)]
pub(super) struct Header {
    #[serde(default)]
    pub status: Value,
    pub eval: Eval,
    #[serde(default)]
    pub results: Option<Results>,
}

/// A JSON log.
#[derive(Deserialize)]
pub(super) struct Log {
    #[serde(flatten)]
    pub header: Header,
    #[serde(default)]
    pub samples: Option<Vec<Sample>>,
}

#[derive(Deserialize)]
pub(super) struct Eval {
    #[serde(default, rename = "eval_id")]
    pub id: Value,
    pub task: String,
    pub model: String,
    #[serde(default)]
    pub created: Value,
    #[serde(default)]
    pub scorers: Option<Vec<Value>>,
}

#[derive(Deserialize)]
pub(super) struct Results {
    #[serde(default)]
    pub scores: Option<Vec<Value>>,
}

/// A sample, or its summary.
#[derive(Deserialize)]
pub(super) struct Sample {
    #[serde(default)]
    pub id: Value,
    #[serde(default)]
    pub input: Value,
    #[serde(default)]
    pub target: Value,
    #[serde(default)]
    pub metadata: Value,
    #[serde(default)]
    pub scores: Option<BTreeMap<String, Option<Score>>>,
    /// The score of a log of version 1.
    #[serde(default)]
    pub score: Option<Score>,
    #[serde(default)]
    pub output: Option<Output>,
    #[serde(default)]
    pub messages: Option<Vec<Role>>,
    #[serde(default)]
    pub model_usage: Option<BTreeMap<String, ModelUsage>>,
    #[serde(default)]
    pub total_time: Option<f64>,
    #[serde(default)]
    pub working_time: Option<f64>,
    /// A text in summaries, an object in samples.
    #[serde(default)]
    pub error: Value,
    #[serde(default)]
    pub attachments: Option<BTreeMap<String, String>>,
}

/// The author of a message.
#[derive(Deserialize)]
pub(super) struct Role {
    #[serde(default)]
    pub role: String,
}

#[derive(Deserialize)]
pub(super) struct Score {
    #[serde(default)]
    pub value: Value,
    #[serde(default)]
    pub answer: Value,
    #[serde(default)]
    pub explanation: Value,
}

#[derive(Deserialize)]
pub(super) struct Output {
    #[serde(default)]
    pub completion: Value,
    #[serde(default)]
    pub choices: Value,
    #[serde(default)]
    pub time: Option<f64>,
    #[serde(default)]
    pub usage: Option<ModelUsage>,
}

#[derive(Clone, Deserialize)]
pub(super) struct ModelUsage {
    #[serde(default)]
    pub input_tokens: Option<u64>,
    #[serde(default)]
    pub output_tokens: Option<u64>,
    #[serde(default)]
    pub total_tokens: Option<u64>,
    #[serde(default)]
    pub input_tokens_cache_write: Option<u64>,
    #[serde(default)]
    pub input_tokens_cache_read: Option<u64>,
    #[serde(default)]
    pub reasoning_tokens: Option<u64>,
    #[serde(default)]
    pub total_cost: Value,
}
