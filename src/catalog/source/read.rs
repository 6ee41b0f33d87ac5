//! Detects the format of a price list and reads it.

use super::error::SourceError;
use super::fields::Fields;
use super::reading::Reading;
use super::{litellm, models_dev, openrouter, providers};
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
    } else {
        Reading::from_catalog(load_text(text, &path)?)
    };
    if reading.catalog.endpoints.is_empty() {
        return Err(SourceError::NoEntries { path });
    }
    Ok(reading)
}

fn read_json(text: &str, path: &str) -> Result<Reading, SourceError> {
    let malformed = |error: serde_json::Error| SourceError::Malformed {
        path: path.to_owned(),
        why: json_why(&error),
    };
    let value: &serde_json::value::RawValue = serde_json::from_str(text).map_err(malformed)?;
    let top =
        Fields::of(value).ok_or_else(|| SourceError::UnknownForm { path: path.to_owned() })?;
    if top.has("data") {
        return openrouter::read(&top, path);
    }
    // The first entries show the format, so that a list of 2,000 is not read twice.
    let mut first = top.iter().filter_map(|(_, value)| Fields::of(value)).take(20);
    if first.clone().any(|entry| entry.has("litellm_provider")) {
        return litellm::read(&top, path);
    }
    if first.any(|entry| entry.has("models")) {
        return models_dev::read_api(&top, path);
    }
    Err(SourceError::UnknownForm { path: path.to_owned() })
}

fn json_why(error: &serde_json::Error) -> String {
    format!("is not JSON: {error}; nothing was synced")
}
