//! A request in the normal form.

use serde_json::Value;

use crate::units::Message;

/// A request in the normal form.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The model's name in the API.
    pub model: &'a str,
    /// A system message before the task's messages.
    pub system: Option<&'a str>,
    /// The prompt.
    pub messages: &'a [Message],
    /// Tool definitions, a list in the form of OpenAI chat completions.
    pub tools: Option<&'a Value>,
    /// The JSON Schema of the answer.
    pub schema: Option<&'a Value>,
    /// The most output tokens.
    pub max_tokens: Option<u64>,
    /// Whether the API takes that limit as `max_completion_tokens`. OpenAI's API does, and refuses
    /// the older name for reasoning models; most compatible APIs know only the older name.
    pub limit_counts_reasoning: bool,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// Further parameters, which override the fields above: names of OpenAI chat completions, which
    /// each dialect translates where it can, or the dialect's own.
    pub params: &'a serde_json::Map<String, Value>,
}
