//! Responses whose fields have other types than the dialect says: read field by field.
//!
//! A provider writes a number where a text is due, a list of parts where a text is due, an object
//! where a list is due. The strict types of a dialect read what is as it should be, once per token
//! and without a copy. What they refuse comes here: it is brought into the form that they read, and
//! a field that cannot be is dropped and counted, never the answer.

use serde_json::{Map, Value};

use super::answer::Answer;
use super::json_repair::repaired;
use super::provider_error::{WireError, malformed};

/// The fields of an object, by name.
pub(super) type Fields = &'static [(&'static str, Kind)];

/// The type that a field is due to have.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A text.
    Text,
    /// The name of something.
    Name,
    /// A text that holds JSON.
    Json,
    /// A text, which may hold JSON.
    TextOrJson,
    /// The content of a message: a text, or a list of parts of which some are reasoning.
    Content,
    /// A number from 0.
    Index,
    /// Yes or no.
    Flag,
    /// An object.
    Object(Fields),
    /// A list of objects.
    List(Fields),
}

/// Brings data that the dialect's types refused into a form that they read.
///
/// # Errors
/// [`WireError`] where it is no JSON object.
pub(super) fn mend(
    answer: &mut Answer,
    data: &[u8],
    fields: Fields,
    what: &str,
    refused: &serde_json::Error,
) -> Result<Vec<u8>, WireError> {
    let Ok(Value::Object(mut map)) = serde_json::from_str(&repaired(data)) else {
        return Err(malformed(what, data, refused));
    };
    let mut dropped = 0;
    mend_object(&mut map, fields, &mut dropped);
    answer.unknown_events += u64::from(dropped > 0);
    Ok(serde_json::to_vec(&map).expect("plain JSON values"))
}

fn mend_object(map: &mut Map<String, Value>, fields: Fields, dropped: &mut u32) {
    for (name, kind) in fields {
        let Some(value) = map.get_mut(*name).filter(|value| !value.is_null()) else { continue };
        let said = value.take();
        if let (Kind::Content, Value::Array(_) | Value::Object(_)) = (kind, &said) {
            let (mut text, mut reasoning) = (String::new(), String::new());
            content(&said, &mut text, &mut reasoning, dropped);
            *value = text.into();
            if !reasoning.is_empty() {
                map.insert("reasoning_content".to_owned(), reasoning.into());
            }
            continue;
        }
        *value = mended(said, *kind, dropped);
    }
}

fn mended(said: Value, kind: Kind, dropped: &mut u32) -> Value {
    let mended = match kind {
        Kind::Text | Kind::Content => text_of(&said).map(Value::from),
        Kind::Name => name_of(&said).map(Value::from),
        Kind::Json => Some(json_of(said)),
        Kind::TextOrJson => match text_of(&said) {
            Some(text) => Some(text.into()),
            None => said.as_object().is_some_and(|map| !map.is_empty()).then(|| json_of(said)),
        },
        Kind::Index => index_of(&said).map(Value::from),
        Kind::Flag => match &said {
            Value::Bool(_) => Some(said),
            Value::String(text) => text.to_ascii_lowercase().parse().ok().map(Value::Bool),
            Value::Number(n) => Some((n.as_f64() != Some(0.0)).into()),
            _ => None,
        },
        Kind::Object(fields) => object_of(said, fields, dropped),
        Kind::List(fields) => {
            let list = match said {
                Value::Array(list) => list,
                one => vec![one],
            };
            let list = list.into_iter().filter(|item| !item.is_null());
            Some(list.filter_map(|item| object_of(item, fields, dropped)).collect())
        }
    };
    mended.unwrap_or_else(|| {
        *dropped += 1;
        Value::Null
    })
}

fn json_of(said: Value) -> Value {
    match said {
        Value::String(_) => said,
        other => other.to_string().into(),
    }
}

/// An object; a list of one object is that one, and a text is its content.
fn object_of(said: Value, fields: Fields, dropped: &mut u32) -> Option<Value> {
    let mut map = match said {
        Value::Object(map) => map,
        Value::Array(list) => match list.into_iter().next() {
            Some(Value::Object(map)) => map,
            // PHP writes an empty object as an empty list.
            None => Map::new(),
            Some(_) => return None,
        },
        Value::String(text) => {
            let holds = |name: &&str| fields.iter().any(|(field, _)| field == name);
            let name = ["content", "text", "parts", "message"].into_iter().find(holds)?;
            Map::from_iter([(name.to_owned(), text.into())])
        }
        _ => return None,
    };
    mend_object(&mut map, fields, dropped);
    Some(map.into())
}

/// The keys under which an object holds its text.
const TEXTS: [&str; 9] =
    ["text", "content", "thinking", "reasoning", "summary", "value", "parts", "refusal", "output"];

/// The text of a value of any type.
fn text_of(said: &Value) -> Option<String> {
    match said {
        Value::String(text) => Some(text.clone()),
        Value::Number(n) => Some(n.to_string()),
        Value::Array(list) => {
            let texts: Vec<String> = list.iter().filter_map(text_of).collect();
            (list.is_empty() || !texts.is_empty()).then(|| texts.concat())
        }
        Value::Object(map) => TEXTS.iter().find_map(|key| map.get(*key)).and_then(text_of),
        Value::Null | Value::Bool(_) => None,
    }
}

fn name_of(said: &Value) -> Option<String> {
    match said {
        Value::Object(map) => {
            ["name", "id", "slug", "text"].iter().find_map(|key| map.get(*key)).and_then(name_of)
        }
        Value::Array(list) => list.first().and_then(name_of),
        other => text_of(other),
    }
}

fn index_of(said: &Value) -> Option<u64> {
    match said {
        Value::Number(n) => n.as_u64().or_else(|| {
            let n = n.as_f64().filter(|n| n.fract() == 0.0 && (0.0..1e9).contains(n))?;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
            Some(n as u64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The content of a message as a list of parts: those of reasoning apart.
fn content(said: &Value, text: &mut String, reasoning: &mut String, dropped: &mut u32) {
    match said {
        Value::Array(list) => {
            for part in list {
                content(part, text, reasoning, dropped);
            }
        }
        Value::Object(part) => {
            let kind = part.get("type").and_then(Value::as_str).unwrap_or_default();
            let is_reasoning = kind.contains("think")
                || kind.contains("reason")
                || part.get("thought") == Some(&Value::Bool(true))
                || (kind.is_empty() && part.contains_key("thinking"));
            match text_of(said) {
                Some(more) if is_reasoning => reasoning.push_str(&more),
                Some(more) => text.push_str(&more),
                None => *dropped += 1,
            }
        }
        Value::Null => {}
        other => text.push_str(&text_of(other).unwrap_or_default()),
    }
}
