//! An answer in the normal form.

use serde::{Deserialize, Serialize};

use crate::units::{ToolCall, Usage, Usd};

/// The most tool calls of one answer; a model that writes more is broken.
pub(super) const MAX_TOOL_CALLS: usize = 256;

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
