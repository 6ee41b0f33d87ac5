//! The content of a model's answer, as graders read it and runs store it.

use serde::{Deserialize, Serialize};

/// What a model answered: text, reasoning, refusal and tool calls, without usage or timing. It
/// serializes to the JSON under which a run stores it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerContent {
    /// The text.
    pub text: String,
    /// Visible reasoning; empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reasoning: String,
    /// A refusal on its own channel; empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub refusal: String,
    /// Tool calls, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
}

/// A tool call in the normal form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The provider's id of the call.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments, JSON text as the model wrote it.
    pub arguments: String,
}
