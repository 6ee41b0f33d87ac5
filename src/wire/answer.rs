//! An answer in the normal form.

use serde::{Deserialize, Serialize};

use crate::units::{ToolCall, Usage, UsageFault, Usd};

/// The most tool calls of one answer; a model that writes more is broken.
pub(super) const MAX_TOOL_CALLS: usize = 256;

/// The reason why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model finished.
    Stop,
    /// The output limit was reached.
    Length,
    /// The model calls tools.
    ToolCalls,
    /// A content filter stopped it.
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

    /// Reads a provider's finish reason.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        // Google's compatible API adds its own reason after a colon.
        let word = name.split(':').next().unwrap_or(name).trim().to_ascii_lowercase();
        match &*word {
            "stop" | "end_turn" | "stop_sequence" | "eos" | "eos_token" | "complete"
            | "completed" => Self::Stop,
            "length"
            | "max_tokens"
            | "max_output_tokens"
            | "max_length"
            | "model_length"
            | "error_limit"
            | "model_context_window_exceeded"
            | "context_length_exceeded"
            | "context_window_exceeded" => Self::Length,
            "tool_calls" | "tool_call" | "function_call" | "tool_use" => Self::ToolCalls,
            "content_filter"
            | "content_filtered"
            | "content-filter"
            | "contentfilter"
            | "sensitive"
            | "safety"
            | "refusal"
            | "recitation"
            | "prohibited_content"
            | "blocklist"
            | "error_toxic"
            | "guardrail_intervened" => Self::ContentFilter,
            _ => Self::Other,
        }
    }
}

/// An answer in the normal form: the same for every dialect and every split into chunks.
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
    /// The model that answered, as the response names it.
    pub response_model: Option<String>,
    /// The provider that answered, where a router names it.
    pub served_by: Option<String>,
    /// Usage in the normal form.
    pub usage: Usage,
    /// Usage as the provider sent it, verbatim; several objects of one answer are merged.
    pub usage_verbatim: Option<String>,
    /// What is wrong with the usage and the charge that the provider states.
    pub usage_faults: Vec<UsageFault>,
    /// How often a count of output tokens was stated.
    pub output_counts: u64,
    /// The charge that the provider states.
    pub cost_reported: Option<Usd>,
    /// Whether reasoning stood in the content, between tags; it was taken out.
    pub inline_reasoning: bool,
    /// Whether the model wrote a tool call that the provider could not read, and so did not give.
    pub is_malformed_call: bool,
    /// The number of stream events that were skipped, in whole or in part, because they were not
    /// understood.
    pub unknown_events: u64,
}
