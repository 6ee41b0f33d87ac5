//! Answers that a suite states itself, under `answer` and `wrong`.

use serde_json::Value;

use super::sample::text_answer;
use super::{reference, tool_call};
use crate::units::AnswerContent;

/// Reads an answer: a text, or a list of tool calls in the form of a reference.
pub(crate) fn stated_answer(value: &Value) -> Result<AnswerContent, String> {
    match value {
        Value::Array(_) => {
            tool_call::expected_calls(value).map(|calls| tool_call::calls_answer(&calls))
        }
        other => reference::text(other)
            .map(text_answer)
            .ok_or_else(|| "must be a text or a list of tool calls".to_owned()),
    }
}
