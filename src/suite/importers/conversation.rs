//! Chats as files of fine-tuning hold them: the last turn of the assistant is the reference.

use serde_json::{Map, Value, json};

use super::fields;
use crate::units::Message;

/// A chat, cut before the turn that is asked for.
pub(super) struct Conversation {
    pub messages: Vec<Message>,
    /// The last turn, where it is the assistant's: a text, or a list of tool calls.
    pub reply: Option<Value>,
}

/// Names of roles in other formats.
const ROLES: [(&str, &str); 7] = [
    ("developer", "system"),
    ("human", "user"),
    ("gpt", "assistant"),
    ("model", "assistant"),
    ("bot", "assistant"),
    ("ai", "assistant"),
    ("chatgpt", "assistant"),
];

/// Reads a list of messages, also in the words of other formats (`from` and `value`, content in parts).
pub(super) fn read_conversation(value: &Value) -> Result<Conversation, String> {
    let Value::Array(list) = value else {
        return fields::messages(value).map(|messages| Conversation { messages, reply: None });
    };
    let mut turns: Vec<Value> = list.iter().map(plain_turn).collect();
    let calls = list.last().and_then(|turn| turn.get("tool_calls")).and_then(read_calls);
    let last_is_reply = turns.len() > 1
        && turns.last().is_some_and(|turn| turn.get("role") == Some(&json!("assistant")));
    let reply = if last_is_reply {
        let turn = turns.pop().expect("more than one");
        calls.or_else(|| turn.get("content").filter(|content| content.is_string()).cloned())
    } else {
        None
    };
    let messages = fields::messages(&Value::Array(turns))?;
    Ok(Conversation { messages, reply })
}

/// A turn with `role` and `content` alone, where it has both in some form.
fn plain_turn(turn: &Value) -> Value {
    let Some(object) = turn.as_object() else { return turn.clone() };
    let mut plain = Map::new();
    if let Some(role) = object.get("role").or_else(|| object.get("from")) {
        let name = role.as_str().unwrap_or_default();
        let known = ROLES.iter().find(|(other, _)| *other == name).map(|(_, ours)| json!(ours));
        plain.insert("role".to_owned(), known.unwrap_or_else(|| role.clone()));
    }
    if let Some(content) = object.get("content").or_else(|| object.get("value")) {
        plain.insert("content".to_owned(), joined_parts(content));
    }
    Value::Object(plain)
}

/// The text of content in parts; anything else as it is.
fn joined_parts(content: &Value) -> Value {
    let Value::Array(parts) = content else { return content.clone() };
    let text = |part: &Value| part.get("text").and_then(Value::as_str).map(str::to_owned);
    match parts.iter().map(text).collect::<Option<Vec<String>>>() {
        Some(texts) => Value::String(texts.concat()),
        None => content.clone(),
    }
}

/// Tool calls in the form of a reference.
fn read_calls(calls: &Value) -> Option<Value> {
    let calls = calls.as_array().filter(|calls| !calls.is_empty())?;
    let read = |call: &Value| {
        let function = call.get("function").unwrap_or(call);
        let arguments = match function.get("arguments")? {
            Value::String(text) => serde_json::from_str(text).ok()?,
            other => other.clone(),
        };
        Some(json!({"name": function.get("name")?, "arguments": arguments}))
    };
    calls.iter().map(read).collect::<Option<Vec<Value>>>().map(Value::Array)
}
