//! Providers that are selected by the environment variable of their key. Without a catalog file,
//! their price list says what they serve.

use std::collections::BTreeSet;

use super::providers;
use crate::catalog::base_url::{self, BadBaseUrl};
use crate::catalog::{Catalog, Endpoint, Facts, Provider, Router};
use crate::units::EndpointId;
use crate::units::names::glob_matches;

/// A provider with one address for all customers, and the environment variables that configure it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvProvider {
    /// Its name.
    pub name: &'static str,
    /// The variables in which its key is looked for, in this order.
    pub keys: Vec<&'static str>,
    /// The variable that moves its address, such as to a mirror; `None`: its address is fixed.
    pub address: Option<&'static str>,
    /// Whether its own list of models has prices; otherwise those of models.dev are used.
    pub lists_prices: bool,
    base_url: &'static str,
}

/// Variables for addresses, as the official libraries read them.
const ADDRESSES: [(&str, &str); 3] = [
    ("openrouter", "OPENROUTER_BASE_URL"),
    ("openai", "OPENAI_BASE_URL"),
    ("anthropic", "ANTHROPIC_BASE_URL"),
];

/// Alternative variables for keys: Google's libraries read either.
const OTHER_KEYS: [(&str, &str); 1] = [("google", "GOOGLE_API_KEY")];

/// Every provider that needs only a key in the environment.
#[must_use]
pub fn env_providers() -> Vec<EnvProvider> {
    let of = |table: &'static [(&str, &str)], name: &str| {
        table.iter().find(|(known, _)| *known == name).map(|(_, variable)| *variable)
    };
    providers::public()
        .map(|(name, key, base_url)| EnvProvider {
            name,
            keys: std::iter::once(key).chain(of(&OTHER_KEYS, name)).collect(),
            address: of(&ADDRESSES, name),
            lists_prices: name == "openrouter",
            base_url,
        })
        .collect()
}

impl EnvProvider {
    /// The provider whose key is in this variable, at another address where one is given.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub fn provider(&self, key: &str, address: Option<&str>) -> Result<Provider, BadBaseUrl> {
        let mut provider = providers::named(self.name);
        provider.api_key_env = Some(key.to_owned());
        if let Some(address) = address {
            provider.base_url = base_url::check(address)?;
            // At another host it would not be recognised.
            provider.router = (self.name == "openrouter").then_some(Router::Openrouter);
            // Anthropic's libraries add the version themselves.
            let is_bare =
                provider.base_url.split_once("://").is_some_and(|(_, r)| !r.contains('/'));
            if self.name == "anthropic" && is_bare {
                provider.base_url.push_str("/v1");
            }
        }
        Ok(provider)
    }

    /// Whether a provider is at another address than its own.
    #[must_use]
    pub fn is_moved(&self, provider: &Provider) -> bool {
        provider.base_url != self.base_url
    }
}

/// The endpoints of a list in OpenRouter's form, at the provider that served the list, which names
/// neither address nor key. Pins of OpenRouter stay.
#[must_use]
pub fn with_provider(provider: &Provider, list: Catalog) -> Catalog {
    let mut catalog = Catalog::default();
    let mut taken = BTreeSet::new();
    for mut endpoint in list.endpoints {
        let facts: Option<Facts> = list.facts.get(&endpoint.id).cloned();
        let pin = endpoint.provider.name.strip_prefix("openrouter").unwrap_or_default().to_owned();
        endpoint.provider =
            Provider { name: format!("{}{pin}", provider.name), ..provider.clone() };
        if provider.name != "openrouter" {
            endpoint.model = providers::model_at(&provider.name, &endpoint.upstream_model);
        }
        endpoint.id = EndpointId::new(&endpoint.model, &endpoint.provider.name, None);
        // `m` and `author/m` may both be listed for one model.
        if !taken.insert(endpoint.id.clone()) {
            continue;
        }
        catalog.facts.extend(facts.map(|facts| (endpoint.id.clone(), facts)));
        catalog.endpoints.push(endpoint);
    }
    catalog
}

/// The endpoints of one provider in a list of many.
#[must_use]
pub fn filter_by_provider(provider: &Provider, list: &Catalog) -> Catalog {
    let own = list.endpoints.iter().filter(|e| e.provider.name == provider.name);
    let endpoints: Vec<_> =
        own.cloned().map(|e| Endpoint { provider: provider.clone(), ..e }).collect();
    let fact = |id: &EndpointId| Some((id.clone(), list.facts.get(id)?.clone()));
    let facts = endpoints.iter().filter_map(|e| fact(&e.id)).collect();
    Catalog { endpoints, facts, ..Catalog::default() }
}

/// The endpoints that match a pin as a glob; without wildcards and an exact match, all whose id
/// starts with the pin and a slash. A single such endpoint takes the pin as its id, which OpenRouter
/// understands as well: `m@openrouter/deepinfra` for `m@openrouter/deepinfra/fp4`.
#[must_use]
pub fn match_pin(pin: &str, served: &[Endpoint]) -> Vec<Endpoint> {
    let by_glob = served.iter().filter(|e| glob_matches(pin, e.id.as_str()));
    let meant: Vec<Endpoint> = by_glob.cloned().collect();
    if !meant.is_empty() || pin.contains(['*', '?']) {
        return meant;
    }
    let behind =
        |e: &&Endpoint| e.id.as_str().strip_prefix(pin).is_some_and(|r| r.starts_with('/'));
    let mut meant: Vec<Endpoint> = served.iter().filter(behind).cloned().collect();
    if let ([only], Some((model, provider))) = (meant.as_mut_slice(), pin.split_once('@')) {
        provider.clone_into(&mut only.provider.name);
        only.id = EndpointId::new(model, provider, None);
    }
    meant
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Dialect;

    fn named(name: &str) -> EnvProvider {
        env_providers().into_iter().find(|keyed| keyed.name == name).expect("it is known")
    }

    #[test]
    fn a_key_says_who_is_meant_and_where() {
        let check = |name: &str, address: Option<&str>, expected: &str| {
            let keyed = named(name);
            let provider = keyed.provider("A_KEY", address).expect("an address");
            assert_eq!(provider.base_url, expected, "{name} {address:?}");
            assert_eq!(keyed.is_moved(&provider), address.is_some());
            assert_eq!(provider.api_key_env.as_deref(), Some("A_KEY"));
        };
        check("openrouter", None, "https://openrouter.ai/api/v1");
        check("openai", Some("http://127.0.0.1:1/v1/"), "http://127.0.0.1:1/v1");
        check("anthropic", None, "https://api.anthropic.com/v1");
        check("anthropic", Some("https://mirror.example"), "https://mirror.example/v1");
        check("anthropic", Some("https://mirror.example/a/v1"), "https://mirror.example/a/v1");
        assert_eq!(
            named("anthropic").provider("K", None).map(|p| p.dialect),
            Ok(Dialect::Anthropic)
        );
        assert_eq!(named("google").keys, ["GEMINI_API_KEY", "GOOGLE_API_KEY"]);
        assert!(named("openai").provider("K", Some("mirror.example/v1")).is_err());
        assert!(
            env_providers()
                .iter()
                .all(|keyed| !keyed.keys.is_empty() && !["azure", "vertex"].contains(&keyed.name))
        );
    }

    #[test]
    fn a_list_is_served_by_whom_it_was_asked_of() {
        let text = r#"{"data":[
            {"id":"large","pricing":{"prompt":"0.000001","completion":"0.000002"},"expiration_date":"2027-01-01"},
            {"id":"openai/large"},{"id":"small"}]}"#;
        let list = crate::catalog::source::read(text, "list").expect("a list").catalog;
        let provider =
            named("openai").provider("K", Some("http://127.0.0.1:1/v1")).expect("an address");
        let catalog = with_provider(&provider, list);
        let ids: Vec<_> = catalog.endpoints.iter().map(|e| e.id.as_str()).collect();
        assert_eq!(ids, ["openai/large@openai", "openai/small@openai"]);
        assert_eq!(catalog.endpoints[0].upstream_model, "large");
        assert_eq!(catalog.endpoints[0].provider, provider);
        assert_eq!(catalog.facts.len(), 1, "{:?}", catalog.facts);
    }

    #[test]
    fn a_pin_means_one_endpoint_of_a_model() {
        let tags = ["deepinfra/fp4", "groq", "novita/bf16", "novita/fp8"];
        let tags = tags.map(|tag| format!("{{\"tag\":\"{tag}\"}}")).join(",");
        let text = format!("{{\"data\":{{\"id\":\"a/m\",\"endpoints\":[{tags}]}}}}");
        let served = crate::catalog::source::read(&text, "list").expect("a list").catalog.endpoints;
        let check = |pin: &str, expected: &[&str]| {
            let meant = match_pin(pin, &served);
            let ids: Vec<&str> = meant.iter().map(|e| e.id.as_str()).collect();
            assert_eq!(ids, expected, "{pin}");
            assert!(meant.iter().all(|e| e.id.as_str() == format!("a/m@{}", e.provider.name)));
        };
        check("a/m@openrouter/groq", &["a/m@openrouter/groq"]);
        check("a/m@openrouter/deepinfra/fp4", &["a/m@openrouter/deepinfra/fp4"]);
        check("a/m@openrouter/deepinfra", &["a/m@openrouter/deepinfra"]);
        let both = ["a/m@openrouter/novita/bf16", "a/m@openrouter/novita/fp8"];
        check("a/m@openrouter/novita", &both);
        check("a/m@openrouter/novita/*", &both);
        check("a/m@openrouter/deep", &[]);
        check("a/m@openrouter/x*", &[]);
    }
}
