//! The headers of every request to a provider, the one with its key among them.

use http::{HeaderName, HeaderValue, header};
use secrecy::ExposeSecret;

use super::key::Key;
use crate::catalog::Provider;
use crate::units::Dialect;
use crate::wire::anthropic;

/// Whether OpenRouter may answer from its response cache.
const OPENROUTER_CACHE: &str = "x-openrouter-cache";
/// OpenRouter sends the requests of a session to one host.
pub(super) const OPENROUTER_SESSION: &str = "x-session-id";

/// A key holds a character that a header cannot.
#[derive(Debug, thiserror::Error)]
#[error("the key from {source_name} holds a character that an HTTP header cannot carry")]
pub struct BadKey {
    source_name: String,
}

impl BadKey {
    fn of(provider: &Provider) -> Self {
        let command = || format!("the api_key_cmd of provider {:?}", provider.name);
        Self { source_name: provider.api_key_env.clone().unwrap_or_else(command) }
    }
}

/// The headers of a provider.
///
/// # Errors
/// [`BadKey`] when the key cannot be a header.
pub fn headers_of(
    provider: &Provider,
    key: Option<&Key>,
) -> Result<Vec<(HeaderName, HeaderValue)>, BadKey> {
    let mut headers = vec![
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::ACCEPT_ENCODING, HeaderValue::from_static("identity")),
    ];
    if provider.dialect == Dialect::Anthropic {
        let version = HeaderValue::from_static(anthropic::VERSION);
        headers.push((HeaderName::from_static("anthropic-version"), version));
    }
    if provider.is_openrouter() && !provider.headers.contains_key(OPENROUTER_CACHE) {
        // An answer from a cache is not a measurement.
        // https://openrouter.ai/docs/guides/features/response-caching
        let off = HeaderValue::from_static("false");
        headers.push((HeaderName::from_static(OPENROUTER_CACHE), off));
    }
    for (name, value) in &provider.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("the catalog checks names");
        let value = HeaderValue::from_str(value).expect("the catalog checks values");
        headers.push((name, value));
    }
    if let Some(key) = key {
        let (name, value) = authorization(provider, key.secret.expose_secret());
        let mut value = HeaderValue::try_from(value).map_err(|_| BadKey::of(provider))?;
        value.set_sensitive(true);
        headers.push((name, value));
    }
    Ok(headers)
}

/// The header that carries the key, by dialect and provider.
fn authorization(provider: &Provider, key: &str) -> (HeaderName, String) {
    let own = match provider.dialect {
        Dialect::OpenaiChat | Dialect::OpenaiResponses if provider.is_azure() => "api-key",
        Dialect::OpenaiChat | Dialect::OpenaiResponses => {
            return (header::AUTHORIZATION, format!("Bearer {key}"));
        }
        Dialect::Anthropic => "x-api-key",
        Dialect::Gemini => "x-goog-api-key",
    };
    (HeaderName::from_static(own), key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;

    fn check(dialect: Dialect, host: &str, key: &str, expected: Option<&[(&str, &str)]>) {
        let text = format!(
            "[[provider]]\nname = \"p\"\ndialect = \"{}\"\nbase_url = \"https://{host}/v1\"\n\
             [[endpoint]]\nmodel = \"m\"\nprovider = \"p\"\nprice = \"free\"\n",
            dialect.name()
        );
        let endpoint = catalog::load_text(&text, "c.toml").expect("a catalog").endpoints.remove(0);
        let found = headers_of(&endpoint.provider, Some(&Key::new(key.into()))).ok();
        let found = found.map(|found| {
            assert!(found.last().is_some_and(|(_, value)| value.is_sensitive()), "{host}");
            let text = |(name, value): &(HeaderName, HeaderValue)| {
                (name.as_str().to_owned(), value.to_str().expect("ASCII").to_owned())
            };
            // Content and coding are the same for all.
            found[2..].iter().map(text).collect::<Vec<_>>()
        });
        let expected = expected.map(|all| {
            all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        });
        assert_eq!(found, expected, "{dialect:?} at {host}");
    }

    #[test]
    fn each_dialect_wants_its_key_in_a_header_of_its_own() {
        let bearer: &[_] = &[("authorization", "Bearer k1")];
        check(Dialect::OpenaiChat, "api.example.com", "k1", Some(bearer));
        check(Dialect::OpenaiResponses, "api.openai.com", "k1", Some(bearer));
        let version = ("anthropic-version", "2023-06-01");
        check(Dialect::Anthropic, "x.y", "k1", Some(&[version, ("x-api-key", "k1")]));
        check(Dialect::Gemini, "x.y", "k1", Some(&[("x-goog-api-key", "k1")]));
        let azure = "mine.openai.azure.com";
        check(Dialect::OpenaiChat, azure, "k1", Some(&[("api-key", "k1")]));
        check(Dialect::OpenaiResponses, azure, "k1", Some(&[("api-key", "k1")]));
        let foundry = "mine.services.ai.azure.com";
        check(Dialect::Anthropic, foundry, "k1", Some(&[version, ("x-api-key", "k1")]));
        check(Dialect::Gemini, "x.y", "k\n", None);
    }
}
