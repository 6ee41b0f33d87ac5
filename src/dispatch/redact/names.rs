//! Names that a response gives, where no content is kept: a provider may say the prompt or the answer
//! back as the name of its model.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::forms::{Forms, skeleton};
use super::letters::for_each_reading;
use crate::catalog::Endpoint;
use crate::store::RequestRecord;
use crate::units::Body;

/// The longest name that is kept.
const LONGEST: usize = 96;
/// A longer text is not looked for in every encoding.
const LONG: usize = 4096;
/// Names of one endpoint that are kept in mind; a router's hosts are fewer.
const MOST: usize = 256;
/// Fields of a request that hold names, not content.
const NAMED: [&str; 6] = ["model", "role", "type", "name", "id", "format"];

/// Names of an endpoint that are no content.
#[derive(Debug, Default)]
pub(crate) struct KnownNames(Mutex<BTreeSet<String>>);

/// Removes the names from a record that are, or may be, the content of its request or of its answer.
pub(crate) fn withhold_echoes(
    row: &mut RequestRecord,
    endpoint: &Endpoint,
    known: &KnownNames,
    (body, answer): (&Body, &str),
) {
    for name in [&mut row.response_model, &mut row.served_by] {
        let is_kept = name.as_deref().is_none_or(|name| {
            name == endpoint.upstream_model
                || endpoint.upstream_model.rsplit('/').next() == Some(name)
                || known.has(name)
                || is_name(name) && !is_echo(name, body, answer) && known.add(name)
        });
        if !is_kept {
            *name = None;
        }
    }
}

impl KnownNames {
    fn has(&self, name: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
    }

    fn add(&self, name: &str) -> bool {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() < MOST {
            names.insert(name.to_owned());
        }
        true
    }
}

/// Whether it looks like a model, a host or a deployment.
fn is_name(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || " ._:/@+-'()#".contains(c);
    name.len() <= LONGEST && name.chars().all(is_part)
}

/// Whether a name has a stretch of the content in it, in any encoding; of a long text, whether the text
/// has a stretch of the name.
fn is_echo(name: &str, body: &Body, answer: &str) -> bool {
    let mut content = Vec::new();
    // A body is our own JSON.
    let body: Value = serde_json::from_slice(&body.of_request("")).unwrap_or_default();
    collect(&body, &mut content);
    content.push(answer.to_owned());
    content.iter().any(|text| {
        let is_long = text.len() > LONG;
        let (said, read) = if is_long { (name, text.as_str()) } else { (text.as_str(), name) };
        let (forms, whole) = (Forms::of_content(said), skeleton(text));
        let mut found = Vec::new();
        let mut is_whole = false;
        for_each_reading(read, |letters| {
            forms.find(letters, &mut found);
            if !is_long {
                let letters: String = letters.iter().map(|letter| letter.c).collect();
                is_whole |= !whole.is_empty() && skeleton(&letters) == whole;
            }
        });
        is_whole || !found.is_empty()
    })
}

fn collect(value: &Value, content: &mut Vec<String>) {
    match value {
        Value::String(text) => content.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, content)),
        Value::Object(fields) => {
            let told = fields.iter().filter(|(name, _)| !NAMED.contains(&name.as_str()));
            told.for_each(|(_, value)| collect(value, content));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_where_it_is_no_content() {
        let body =
            r#"{"model":"fast","messages":[{"role":"user","content":"Tell PromptMark81 why"}]}"#;
        let body = Body::plain(body.into());
        let check = |name: &str, expected: bool| {
            let is_kept = is_name(name) && !is_echo(name, &body, "Paris is it");
            assert_eq!(is_kept, expected, "{name}");
        };
        check("claude-3-5-sonnet-20241022", true);
        check("user", true);
        check("7f at https://eu.openai.azure.com/openai", true);
        check("promptmark81", false);
        check("large-PromptMark81", false);
        check("UHJvbXB0TWFyazgx", false);
        check("5465 6c6c2050726f6d70744d61726b3831", false);
        check("paris-is-it", false);
        let long = format!("{}Zanzibar{}", "x ".repeat(LONG), "y ".repeat(LONG));
        assert!(is_echo("model-of-zanzibar", &body, &long) && !is_echo("model-7", &body, &long));
        check("{\"what\": \"is this\"}", false);
    }
}
