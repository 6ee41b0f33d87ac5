//! JSON as evaluation tools write it.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::OutcomesError;
use crate::units::Message;

/// The longest text of a prompt's content that is kept, bytes.
const MAX_TEXT: usize = 1 << 20;

/// Reads a document. Python writes numbers that are none as `NaN`, which JSON does not know: they are
/// read as null.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8], at: &str) -> Result<T, OutcomesError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let error = match serde_json::from_slice(bytes) {
        Ok(document) => return Ok(document),
        Err(error) => error,
    };
    if let Cow::Owned(known) = without_nan(bytes)
        && let Ok(document) = serde_json::from_slice(&known)
    {
        return Ok(document);
    }
    let line = format!("{at}:{}", error.line());
    let why = if error.is_eof() {
        "the file ends in the middle; copy or download it again".to_owned()
    } else {
        format!("{error}; write the file again with the tool that made it")
    };
    Err(OutcomesError::unreadable(line, why))
}

/// The same document with null for `NaN`, `Infinity` and `-Infinity` outside of texts.
fn without_nan(bytes: &[u8]) -> Cow<'_, [u8]> {
    const WORDS: [&[u8]; 3] = [b"NaN", b"-Infinity", b"Infinity"];
    let mut known = Vec::new();
    let (mut copied, mut at, mut in_text) = (0, 0, false);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if in_text => at += 1,
            b'"' => in_text = !in_text,
            b'N' | b'I' | b'-' if !in_text => {
                if let Some(word) = WORDS.iter().find(|word| bytes[at..].starts_with(word)) {
                    known.extend_from_slice(&bytes[copied..at]);
                    known.extend_from_slice(b"null");
                    at += word.len();
                    copied = at;
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    if copied == 0 {
        return Cow::Borrowed(bytes);
    }
    known.extend_from_slice(&bytes[copied..]);
    Cow::Owned(known)
}

/// A text, or the JSON of what is none.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A name under one of these keys.
pub(super) fn name_under<'a>(value: Option<&'a Value>, keys: &[&str]) -> Option<&'a str> {
    let found = keys.iter().find_map(|key| value?.get(key)?.as_str());
    found.map(str::trim).filter(|name| !name.is_empty())
}

/// A prompt: a text, or a list of messages.
pub(super) fn messages(value: &Value) -> Vec<Message> {
    let message = |value: &Value| {
        let role = value.get("role")?.as_str()?.to_owned();
        Some(Message { role, content: content(value.get("content")?) })
    };
    match value {
        Value::Null => Vec::new(),
        Value::Array(list) if !list.is_empty() => {
            let read: Option<Vec<Message>> = list.iter().map(message).collect();
            read.unwrap_or_else(|| vec![user(value.to_string())])
        }
        Value::String(text) => {
            // A chat is often kept as the JSON of its messages.
            let chat = text.trim_start().starts_with('[');
            match serde_json::from_str::<Value>(text).ok().filter(|_| chat) {
                Some(Value::Array(list)) if !list.is_empty() => {
                    let read: Option<Vec<Message>> = list.iter().map(message).collect();
                    read.unwrap_or_else(|| vec![user(text.clone())])
                }
                _ => vec![user(text.clone())],
            }
        }
        other => vec![user(other.to_string())],
    }
}

fn user(content: String) -> Message {
    Message { role: "user".to_owned(), content: cut(content) }
}

/// The text of a message's content: a text, or a list of parts.
pub(super) fn content(value: &Value) -> String {
    let part = |part: &Value| match part.get("text").and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => format!("[{}]", name_under(Some(part), &["type"]).unwrap_or("part")),
    };
    cut(match value {
        Value::Array(parts) => parts.iter().map(part).collect::<Vec<_>>().join("\n"),
        other => text_of(other),
    })
}

fn cut(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        let end = (0..=MAX_TEXT).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or(0));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_none_is_null() {
        let read: Value =
            decode(br#"{"a": NaN, "b": "NaN \" Infinity", "c": [-Infinity, -1]}"#, "f")
                .expect("JSON");
        assert_eq!(read.to_string(), r#"{"a":null,"b":"NaN \" Infinity","c":[null,-1]}"#);
    }

    #[test]
    fn a_cut_document_says_so() {
        let error = decode::<Value>(b"{\"a\":\n [1, 2", "f").expect_err("cut").to_string();
        assert_eq!(error, "f:2: the file ends in the middle; copy or download it again");
    }
}
