//! References as texts.

use serde_json::Value;

/// The text of a reference: a string as it is, a number or a boolean as JSON writes it.
pub(super) fn text(reference: &Value) -> Option<String> {
    match reference {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(reference.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The texts of a reference: one, or those of a list that is not empty.
pub(super) fn texts(reference: &Value) -> Option<Vec<String>> {
    match reference {
        Value::Array(list) if !list.is_empty() => list.iter().map(text).collect(),
        one => text(one).map(|text| vec![text]),
    }
}
