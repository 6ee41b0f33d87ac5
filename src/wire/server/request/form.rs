//! The form that requests of every dialect are brought into.

use serde_json::Value;

use crate::units::{Dialect, Message};

/// A request. The same prompt gives the same messages and tools in every dialect: both are in the
/// form of chat completions.
#[derive(Debug)]
pub(crate) struct CompletionRequest {
    pub dialect: Dialect,
    pub model: String,
    pub messages: Vec<Message>,
    pub tools: Option<Value>,
    pub stream: bool,
    pub include_usage: bool,
    pub max_tokens: Option<u64>,
    /// The providers that a router is limited to (OpenRouter's `provider.only`).
    pub only: Vec<String>,
}

impl CompletionRequest {
    pub fn has_tools(&self) -> bool {
        self.tools.as_ref().and_then(Value::as_array).is_some_and(|tools| !tools.is_empty())
    }
}

/// The prompt of a request.
pub(super) struct Prompt {
    pub messages: Vec<Message>,
    /// In the form of chat completions.
    pub tools: Option<Value>,
    pub max_tokens: Option<u64>,
}
