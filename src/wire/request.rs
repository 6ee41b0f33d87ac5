//! A request in the normal form.

use serde_json::Value;

use crate::units::Message;

/// A request in the normal form.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// What the API is asked for.
    pub model: &'a str,
    /// A system message that comes before the task's own messages.
    pub system: Option<&'a str>,
    /// The prompt.
    pub messages: &'a [Message],
    /// Tool definitions, a list in the form of OpenAI chat completions.
    pub tools: Option<&'a Value>,
    /// The JSON Schema that the answer is asked to follow.
    pub schema: Option<&'a Value>,
    /// The most output tokens.
    pub max_tokens: Option<u64>,
    /// Whether the API wants that limit as `max_completion_tokens`: OpenAI's own does, and refuses
    /// the older name for models that reason; most that imitate it know the older name only.
    pub limit_counts_reasoning: bool,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// Further parameters, which win over everything above: in the words of OpenAI chat completions,
    /// which each dialect translates where it can, or in the dialect's own.
    pub params: &'a serde_json::Map<String, Value>,
}
