//! Pure codecs: a request to bytes, bytes to events, in both directions. No `async`, no clock.

pub mod anthropic;
pub mod error;
mod gemini;
mod openai_chat;
mod openai_responses;
mod params;
mod provider_error;
pub mod rate_limit;
pub mod sse;
mod stream;
mod text;
pub mod usage;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::units::{Dialect, Message, ToolCall, Usage, Usd};

pub use error::ErrorClass;
pub use provider_error::{MAX_DETAIL, WireError, decode_error};
pub use rate_limit::RateLimits;
pub use stream::{Seen, StreamDecoder, decode_body};

/// The most tool calls that one answer may hold; a model that writes more is broken.
const MAX_TOOL_CALLS: usize = 256;

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model was done.
    Stop,
    /// The output limit cut it.
    Length,
    /// It calls tools.
    ToolCalls,
    /// A filter cut it.
    ContentFilter,
    /// Another reason that the provider gave.
    Other,
}

impl FinishReason {
    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Other => "other",
        }
    }

    /// Reads a provider's word.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        match name {
            "stop" | "end_turn" | "stop_sequence" => Self::Stop,
            "length" | "max_tokens" => Self::Length,
            "tool_calls" | "function_call" | "tool_use" => Self::ToolCalls,
            "content_filter" => Self::ContentFilter,
            _ => Self::Other,
        }
    }
}

/// An answer in the normal form, whatever the dialect and however it was cut into chunks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The content.
    pub text: String,
    /// Visible reasoning.
    pub reasoning: String,
    /// A refusal on its own channel.
    pub refusal: String,
    /// Tool calls, in order.
    pub tool_calls: Vec<ToolCall>,
    /// Why it ended.
    pub finish_reason: Option<FinishReason>,
    /// The model that really answered.
    pub response_model: Option<String>,
    /// The provider that really answered, where a router says so.
    pub served_by: Option<String>,
    /// Usage in the normal form.
    pub usage: Usage,
    /// Usage as the provider sent it, verbatim.
    pub usage_verbatim: Option<String>,
    /// What the provider says it charged.
    pub cost_reported: Option<Usd>,
    /// Events of a stream whose kind the dialect does not know: passed over, and counted.
    pub unknown_events: u64,
}

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

/// The body of a request.
#[must_use]
pub fn encode(dialect: Dialect, request: &Request<'_>) -> Vec<u8> {
    let body = match dialect {
        Dialect::OpenaiChat => openai_chat::encode(request),
        Dialect::OpenaiResponses => openai_responses::encode(request),
        Dialect::Anthropic => anthropic::encode(request),
        Dialect::Gemini => gemini::encode(request),
    };
    serde_json::to_vec(&Value::Object(body)).expect("plain JSON values")
}

/// Where a request goes, below a provider's base URL.
#[must_use]
pub fn path(dialect: Dialect, model: &str, stream: bool) -> String {
    match dialect {
        Dialect::OpenaiChat => openai_chat::PATH.to_owned(),
        Dialect::OpenaiResponses => openai_responses::PATH.to_owned(),
        Dialect::Anthropic => anthropic::PATH.to_owned(),
        Dialect::Gemini => gemini::path(model, stream),
    }
}

/// The kind of an event whose other fields are not as they should be.
fn kind_of(data: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Kind {
        #[serde(rename = "type")]
        kind: Option<String>,
    }
    serde_json::from_slice::<Kind>(data).ok()?.kind
}
