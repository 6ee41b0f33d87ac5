//! Typed values from one object of a suite file, with errors that name the place.

use serde_json::{Map, Value};

use crate::graders::exact_json;
use crate::suite::error::SuiteError;
use crate::units::{Message, names};

/// The longest id, name, category, tag or cluster: they appear in tables and file names.
const MAX_NAME_CHARS: usize = 200;

/// The roles of messages.
const ROLES: [&str; 4] = ["system", "user", "assistant", "tool"];

/// An object and how errors name the place of its keys.
pub(super) struct Fields<'a> {
    /// The object; a null counts as absent.
    pub object: &'a Map<String, Value>,
    /// File and line of a key.
    pub at: &'a dyn Fn(&str) -> String,
}

impl Fields<'_> {
    /// An error for a key that is not known.
    pub fn only(&self, known: &[&str]) -> Result<(), SuiteError> {
        match self.object.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => Err(SuiteError::UnknownKey {
                at: (self.at)(key),
                key: key.clone(),
                hint: names::suggest(key, known),
            }),
        }
    }

    /// A value of any kind.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.object.get(key).filter(|value| !value.is_null())
    }

    /// An error about a key.
    pub fn bad(&self, key: &str, why: impl Into<String>) -> SuiteError {
        SuiteError::BadValue { at: (self.at)(key), key: key.to_owned(), why: why.into() }
    }

    /// A text.
    pub fn text(&self, key: &str) -> Result<Option<String>, SuiteError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(self.bad(key, "must be a text")),
        }
    }

    /// A text that is not blank.
    pub fn prose(&self, key: &str) -> Result<Option<String>, SuiteError> {
        match self.text(key)? {
            Some(text) if text.trim().is_empty() => Err(self.bad(key, "is empty")),
            text => Ok(text),
        }
    }

    /// A short text on one line; a number is read as its digits.
    pub fn name(&self, key: &str) -> Result<Option<String>, SuiteError> {
        match self.get(key) {
            None => Ok(None),
            Some(value) => name(value).map(Some).map_err(|why| self.bad(key, why)),
        }
    }

    /// Short texts.
    pub fn names(&self, key: &str) -> Result<Vec<String>, SuiteError> {
        match self.get(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => list
                .iter()
                .map(|value| {
                    name(value).map_err(|why| self.bad(key, format!("holds one that {why}")))
                })
                .collect(),
            Some(_) => Err(self.bad(key, "must be a list of texts")),
        }
    }

    /// A whole number above zero.
    pub fn count(&self, key: &str) -> Result<Option<u64>, SuiteError> {
        match self.get(key) {
            None => Ok(None),
            Some(value) => match value.as_u64() {
                Some(count) if count > 0 => Ok(Some(count)),
                _ => Err(self.bad(key, "must be a whole number above 0")),
            },
        }
    }

    /// Messages, at least one.
    pub fn messages(&self, key: &str) -> Result<Option<Vec<Message>>, SuiteError> {
        match self.get(key) {
            None => Ok(None),
            Some(value) => messages(value).map(Some).map_err(|why| self.bad(key, why)),
        }
    }
}

/// Reads an id, a category, a tag.
pub(super) fn name(value: &Value) -> Result<String, &'static str> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        other => match exact_json::number_text(other) {
            Some(digits) => digits.into_owned(),
            None => return Err("must be a text"),
        },
    };
    if text.is_empty() {
        return Err("is empty");
    }
    if text.chars().any(char::is_control) {
        return Err("must be one line without control characters");
    }
    if text.chars().count() > MAX_NAME_CHARS {
        return Err("must have at most 200 characters");
    }
    Ok(text)
}

/// Reads a list of messages.
pub(super) fn messages(value: &Value) -> Result<Vec<Message>, String> {
    let Value::Array(list) = value else {
        return Err("must be a list of {\"role\": …, \"content\": …}".to_owned());
    };
    if list.is_empty() {
        return Err("is an empty list; a prompt needs at least one message".to_owned());
    }
    let read = |value: &Value| -> Result<Message, String> {
        let object = value.as_object().ok_or("must hold objects with `role` and `content`")?;
        let text = |key: &str| match object.get(key) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(format!("holds a message whose `{key}` is not a text")),
            None => Err(format!("holds a message without `{key}`")),
        };
        let (role, content) = (text("role")?, text("content")?);
        if !ROLES.contains(&role.as_str()) {
            let hint = names::suggest(&role, &ROLES);
            return Err(format!("holds a message with the unknown role `{role}`; {hint}"));
        }
        match object.keys().find(|key| !matches!(key.as_str(), "role" | "content")) {
            Some(key) => Err(format!("holds a message with the unknown key `{key}`")),
            None => Ok(Message { role, content }),
        }
    };
    let messages: Vec<Message> = list.iter().map(read).collect::<Result<_, _>>()?;
    if messages.iter().all(|message| message.role == "system") {
        return Err("holds nothing but system messages; a prompt asks something".to_owned());
    }
    Ok(messages)
}
