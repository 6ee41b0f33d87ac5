//! Headers in addition to those of a dialect, such as a team's name or a gateway's route.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue};
use toml::Spanned;

use super::error::CatalogError;
use crate::units::toml_text::TomlText;

/// Headers that carry keys: these live in variables, never in a file.
const SECRET: [&str; 6] =
    ["authorization", "api-key", "x-api-key", "x-goog-api-key", "proxy-authorization", "cookie"];
/// Headers that the client writes itself, because measurements depend on them.
const OWN: [&str; 9] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "host",
    "idempotency-key",
    "transfer-encoding",
    "user-agent",
];

/// Checks the `headers` of a provider; names come out in lower case.
pub(super) fn resolve(
    raw: &BTreeMap<Spanned<String>, Spanned<String>>,
    toml: TomlText<'_>,
) -> Result<BTreeMap<String, String>, CatalogError> {
    let mut headers = BTreeMap::new();
    for (name, value) in raw {
        let bad = |why: &'static str| CatalogError::BadHeader {
            at: toml.place(&name.span()),
            name: name.get_ref().clone(),
            why,
        };
        let lower = name.get_ref().to_ascii_lowercase();
        if SECRET.contains(&lower.as_str()) {
            return Err(bad("carries a key; keys live in variables: name one with api_key_env"));
        }
        if OWN.contains(&lower.as_str()) {
            return Err(bad("is written by weighbridge itself; leave it out"));
        }
        if HeaderName::from_bytes(lower.as_bytes()).is_err() {
            return Err(bad("is not a valid header name; write letters, digits and dashes"));
        }
        if HeaderValue::from_str(value.get_ref()).is_err() {
            return Err(bad("has a value that is not valid in an HTTP header"));
        }
        if headers.insert(lower, value.get_ref().clone()).is_some() {
            return Err(bad("is set twice, with different capitals"));
        }
    }
    Ok(headers)
}
