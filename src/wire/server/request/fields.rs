//! Readers of the fields that several dialects share.

use serde_json::{Map, Value, json};

use crate::units::Message;

pub(super) fn list<'a>(from: &'a Map<String, Value>, key: &str) -> &'a [Value] {
    from.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(super) fn limit(from: &Map<String, Value>, key: &str) -> Result<Option<u64>, String> {
    match from.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(limit) => limit.as_u64().map(Some).ok_or_else(|| format!("{key}: is a whole number")),
    }
}

/// A turn with its role, and its content in the field of this name.
pub(super) fn message(turn: &Value, content: &str) -> Result<Message, String> {
    let role = match turn.get("role").and_then(Value::as_str) {
        Some("model") => "assistant",
        Some(role) => role,
        None => "user",
    };
    Ok(Message { role: role.to_owned(), content: text_of(turn.get(content))? })
}

fn system(content: String) -> Message {
    Message { role: "system".to_owned(), content }
}

/// A system prompt: one text, or parts that become one message each.
pub(super) fn systems(prompt: Option<&Value>) -> Result<Vec<Message>, String> {
    match prompt {
        Some(Value::Array(parts)) => {
            parts.iter().map(|part| Ok(system(text_of(part.get("text"))?))).collect()
        }
        None | Some(Value::Null) => Ok(Vec::new()),
        text => Ok(vec![system(text_of(text)?)]),
    }
}

/// A function in the form of chat completions.
fn function(tool: &Value, parameters: &[&str]) -> Value {
    let mut function = Map::new();
    for key in ["name", "description"] {
        if let Some(value) = tool.get(key) {
            function.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(schema) = parameters.iter().find_map(|key| tool.get(*key)) {
        function.insert("parameters".to_owned(), schema.clone());
    }
    // `strict: false` is the default of chat completions.
    if tool.get("strict") == Some(&Value::Bool(true)) {
        function.insert("strict".to_owned(), true.into());
    }
    json!({"type": "function", "function": function})
}

pub(super) fn functions<'a>(
    tools: impl Iterator<Item = &'a Value>,
    parameters: &[&str],
) -> Option<Value> {
    let tools: Vec<Value> = tools.map(|tool| function(tool, parameters)).collect();
    (!tools.is_empty()).then_some(Value::Array(tools))
}

/// The text of a content: text, a list of parts whose texts are joined, or nothing.
pub(super) fn text_of(content: Option<&Value>) -> Result<String, String> {
    Ok(match content {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|part| part.get("text")?.as_str()).collect()
        }
        Some(_) => return Err("messages: content is neither text nor a list".to_owned()),
    })
}
