//! References as texts.

use std::borrow::Cow;

use serde_json::Value;

use super::exact_json;

/// The text of a reference: a string as it is, a number or a boolean as JSON writes it.
pub(super) fn text(reference: &Value) -> Option<String> {
    match reference {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(reference.to_string()),
        other => exact_json::number_text(other).map(Cow::into_owned),
    }
}

/// The texts of a reference: one, or those of a list that is not empty.
pub(super) fn texts(reference: &Value) -> Option<Vec<String>> {
    match reference {
        Value::Array(list) if !list.is_empty() => list.iter().map(text).collect(),
        one => text(one).map(|text| vec![text]),
    }
}
