//! Detects the format of a price list and reads it.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::error::SourceError;
use super::fields::Fields;
use super::reading::Reading;
use super::{litellm, litellm_info, models_dev, openrouter, providers};
use crate::catalog::{Provider, load_text};

/// The providers of the price lists that have an address and a variable for their key.
#[must_use]
pub fn known_providers() -> Vec<Provider> {
    providers::all().filter(|p| !p.base_url.is_empty() && p.api_key_env.is_some()).collect()
}

/// Reads a price list of any known format. Errors name `path`.
pub fn read(text: &str, path: &str) -> Result<Reading, SourceError> {
    let path = path.to_owned();
    let text = text.trim_start_matches('\u{feff}');
    let start = text.trim_start();
    if start.is_empty() {
        return Err(SourceError::Empty { path });
    }
    if start.starts_with('<') {
        return Err(SourceError::Html { path });
    }
    let reading = if start.starts_with('{') {
        read_json(text, &path)?
    } else if is_json_list(start) {
        read_json(&format!("{{\"data\":{text}}}"), &path)?
    } else {
        Reading::from_catalog(load_text(text, &path)?)
    };
    if reading.catalog.endpoints.is_empty() {
        return Err(SourceError::no_entries(&path, &reading.left_out));
    }
    Ok(reading)
}

/// A list of objects, as some proxies answer; in TOML a table's name follows the bracket.
fn is_json_list(start: &str) -> bool {
    let inner = start.strip_prefix('[').map(str::trim_start);
    inner.is_some_and(|inner| inner.starts_with(['{', ']']))
}

fn read_json(text: &str, path: &str) -> Result<Reading, SourceError> {
    let malformed = |error: serde_json::Error| SourceError::Malformed {
        path: path.to_owned(),
        why: json_why(&error),
    };
    let text = without_nan(text);
    let value: &RawValue = serde_json::from_str(&text).map_err(malformed)?;
    let top =
        Fields::of(value).ok_or_else(|| SourceError::UnknownForm { path: path.to_owned() })?;
    if let Some(entries) = top.list("data")
        && let Some(first) = entries.iter().copied().find_map(Fields::of)
        && litellm_info::is_entry(&first)
    {
        return Ok(litellm_info::read(&entries));
    }
    if top.has("data") {
        return openrouter::read(&top, path);
    }
    // The first entries show the format, so that a list of 2,000 is not read twice.
    let mut first = top.iter().filter_map(|(_, value)| Fields::of(value)).take(20);
    if first.clone().any(|entry| entry.has("litellm_provider")) {
        return Ok(litellm::read(&top));
    }
    if first.any(|entry| entry.has("models")) {
        return Ok(models_dev::read_api(&top));
    }
    Err(SourceError::UnknownForm { path: path.to_owned() })
}

/// JSON without the bare `NaN` and `Infinity` that Python writes: each becomes null.
fn without_nan(text: &str) -> Cow<'_, str> {
    const WORDS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];
    if !WORDS.iter().any(|word| text.contains(word)) {
        return Cow::Borrowed(text);
    }
    let mut written = String::with_capacity(text.len());
    let (mut in_string, mut rest) = (false, text);
    while let Some(c) = rest.chars().next() {
        let word = WORDS.iter().find(|word| !in_string && rest.starts_with(**word));
        let (taken, shown) = match word {
            Some(word) => (word.len(), "null"),
            // An escape and what it escapes; a lone backslash at the end is the parser's to refuse.
            None if in_string && c == '\\' => {
                let escaped = rest[1..].chars().next().map_or(0, char::len_utf8);
                (1 + escaped, &rest[..=escaped])
            }
            None => (c.len_utf8(), &rest[..c.len_utf8()]),
        };
        in_string ^= c == '"';
        written.push_str(shown);
        rest = &rest[taken..];
    }
    Cow::Owned(written)
}

fn json_why(error: &serde_json::Error) -> String {
    format!("is not JSON: {error}; nothing was synced")
}
