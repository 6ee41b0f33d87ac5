//! Who may see prompts: checked before anything is sent, and passed on where the API takes it.

use std::fmt;

use serde::Deserialize;
use serde_json::Map;
use toml::Spanned;

use super::ConfigError;
use crate::catalog::{Endpoint, Provider, denies_collection};
use crate::units::names::glob_matches;
use crate::units::toml_text::TomlText;

/// `[privacy]`; the default lets everybody see prompts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privacy {
    /// Globs over the names of the providers that may see prompts; empty: all may.
    pub providers: Vec<String>,
    /// Nobody may keep prompts to train on.
    pub no_collection: bool,
    /// Nobody may retain prompts at all.
    pub zdr: bool,
}

/// Why a provider may not see prompts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// Its name is not among those allowed.
    Provider,
    /// Nobody vouches that it collects no data, and its API cannot be told.
    Collection,
    /// Nobody vouches that it retains nothing, and its API cannot be told.
    Retention,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Provider => "[privacy] providers does not name its provider",
            Self::Collection => {
                "its API cannot be told data_collection = \"deny\"; where the contract says so, \
                 write that in its [[provider]]"
            }
            Self::Retention => {
                "its API cannot be told zdr = true; where the contract says so, write that in its \
                 [[provider]]"
            }
        })
    }
}

impl Privacy {
    /// Whether anything is asked.
    #[must_use]
    pub fn is_stated(&self) -> bool {
        *self != Self::default()
    }

    /// Why a provider may not see prompts; `None`: it may. A model on this machine always may, for
    /// they do not leave it; what takes a key there, or is a router, passes them on.
    #[must_use]
    pub fn refuses(&self, provider: &Provider) -> Option<Refusal> {
        if provider.ends_here() {
            return None;
        }
        let named = |glob: &String| glob_matches(glob, &provider.name);
        if !self.providers.is_empty() && !self.providers.iter().any(named) {
            return Some(Refusal::Provider);
        }
        // A router is told with each request, and keeps to it.
        let (policy, told) = (provider.data_policy, provider.is_openrouter());
        if self.no_collection && !policy.no_collection && !told {
            return Some(Refusal::Collection);
        }
        (self.zdr && !policy.zdr && !told).then_some(Refusal::Retention)
    }

    /// Writes into an endpoint's parameters what its API is to be told: of a router, the one provider
    /// that it is pinned to, and who may see prompts. It stands above what a variant says.
    pub fn tell(&self, endpoint: &mut Endpoint) {
        if !endpoint.provider.is_openrouter() {
            return;
        }
        // https://openrouter.ai/docs/guides/routing/provider-selection
        let mut told = Map::new();
        if let Some(tag) = endpoint.provider.pin() {
            told.insert("only".to_owned(), vec![tag].into());
            told.insert("allow_fallbacks".to_owned(), false.into());
        }
        if self.no_collection {
            told.insert("data_collection".to_owned(), "deny".into());
        }
        if self.zdr {
            told.insert("zdr".to_owned(), true.into());
        }
        if told.is_empty() {
            return;
        }
        let preferences = endpoint.params.entry("provider").or_insert_with(|| Map::new().into());
        match preferences.as_object_mut() {
            Some(preferences) => preferences.extend(told),
            None => *preferences = told.into(),
        }
    }
}

/// `[privacy]` as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPrivacy {
    providers: Option<Spanned<Vec<Spanned<String>>>>,
    data_collection: Option<Spanned<String>>,
    #[serde(default)]
    zdr: bool,
}

impl RawPrivacy {
    pub(super) fn resolve(&self, toml: TomlText<'_>) -> Result<Privacy, ConfigError> {
        let mut privacy = Privacy { zdr: self.zdr, ..Privacy::default() };
        if let Some(said) = &self.data_collection {
            privacy.no_collection = denies_collection(said, toml)?;
        }
        let Some(providers) = &self.providers else { return Ok(privacy) };
        let empty = |at| ConfigError::Empty { at: toml.place(&at), what: "[privacy] provider" };
        // Read as "all", an empty list would let everybody see what nobody was to see.
        if providers.get_ref().is_empty() {
            return Err(empty(providers.span()));
        }
        for glob in providers.get_ref() {
            if glob.get_ref().trim().is_empty() {
                return Err(empty(glob.span()));
            }
            privacy.providers.push(glob.get_ref().clone());
        }
        Ok(privacy)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::catalog::Router;
    use crate::plan::tests::endpoint;

    fn at(name: &str, host: &str) -> Endpoint {
        let mut endpoint = endpoint("acme/large");
        name.clone_into(&mut endpoint.provider.name);
        endpoint.provider.base_url = format!("https://{host}/v1");
        endpoint
    }

    #[test]
    fn who_may_see_prompts() {
        let all = Privacy {
            providers: vec!["open*".to_owned(), "local".to_owned()],
            no_collection: true,
            zdr: true,
        };
        let check = |privacy: &Privacy, endpoint: &Endpoint, expected: Option<Refusal>| {
            assert_eq!(privacy.refuses(&endpoint.provider), expected, "{}", endpoint.provider.name);
        };
        let mut openai = at("openai", "api.openai.com");
        check(&Privacy::default(), &openai, None);
        check(&all, &openai, Some(Refusal::Collection));
        openai.provider.data_policy.no_collection = true;
        check(&all, &openai, Some(Refusal::Retention));
        openai.provider.data_policy.zdr = true;
        check(&all, &openai, None);
        check(&all, &at("deepseek", "api.deepseek.com"), Some(Refusal::Provider));
        check(&all, &at("openrouter/deepinfra", "openrouter.ai/api"), None);
        check(&all, &at("openrouter", "evilopenrouter.ai"), Some(Refusal::Collection));
        check(&all, &endpoint("acme/large"), None);
        // A proxy on this machine passes prompts on, whether it wants a key or not.
        let mut proxy = endpoint("acme/large");
        proxy.provider.router = Some(Router::Litellm);
        check(&all, &proxy, Some(Refusal::Collection));
        let mut tunnel = endpoint("acme/large");
        tunnel.provider.api_key_env = Some("TUNNEL_API_KEY".to_owned());
        check(&all, &tunnel, Some(Refusal::Collection));
        check(&Privacy { providers: vec!["x".to_owned()], ..all }, &endpoint("a"), None);
    }

    #[test]
    fn a_router_is_told() {
        let check =
            |privacy: &Privacy, name: &str, said: Option<Value>, expected: Option<Value>| {
                let mut endpoint = at(name, "openrouter.ai/api");
                endpoint.params.extend(said.map(|said| ("provider".to_owned(), said)));
                privacy.tell(&mut endpoint);
                assert_eq!(endpoint.params.get("provider"), expected.as_ref(), "{name}");
            };
        let (open, strict) =
            (Privacy::default(), Privacy { no_collection: true, zdr: true, ..Privacy::default() });
        check(&open, "openrouter", None, None);
        let pinned = json!({"only": ["deepinfra/fp4"], "allow_fallbacks": false});
        check(&open, "openrouter/deepinfra/fp4", None, Some(pinned));
        let told = json!({"data_collection": "deny", "zdr": true});
        check(&strict, "openrouter", None, Some(told));
        // What a variant says stays, but not against the pin and not against privacy.
        let said = json!({"only": ["x"], "sort": "price", "data_collection": "allow"});
        let both = json!({"only": ["azure"], "allow_fallbacks": false, "data_collection": "deny",
            "zdr": true, "sort": "price"});
        check(&strict, "openrouter/azure", Some(said), Some(both));
        let mut elsewhere = at("together/x", "api.together.xyz");
        strict.tell(&mut elsewhere);
        assert!(elsewhere.params.is_empty());
    }
}
