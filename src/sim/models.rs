//! The fleet as a list of models: with prices, as OpenRouter publishes its own (dollars per token, as
//! decimal strings), which is also what OpenAI's clients read; and in Gemini's form.

use bytes::Bytes;
use serde_json::{Value, json};

use super::profile::{Fleet, Profile};
use crate::units::{Dialect, Usd};

impl Fleet {
    /// The models that a provider of the fleet serves, or with `None` all of the default ones: each
    /// once, as the endpoint that answers for it.
    pub(super) fn models(&self, dialect: Dialect, provider: Option<&str>) -> Bytes {
        let answers = |p: &&Profile| {
            let found = self.find(provider, &p.model).map(|at| &self.profiles[at].id);
            found == Some(&p.id) && (p.default || provider.is_some())
        };
        let listed = self.profiles.iter().filter(answers);
        let list = if dialect == Dialect::Gemini {
            let named = |p: &Profile| json!({"name": format!("models/{}", p.model), "displayName": p.model});
            json!({"models": listed.map(named).collect::<Vec<_>>()})
        } else {
            json!({"object": "list", "data": listed.map(model).collect::<Vec<_>>()})
        };
        Bytes::from(list.to_string())
    }

    /// Whoever serves a model, as OpenRouter lists them; `None`: nobody does.
    pub(super) fn endpoints_of(&self, model: &str) -> Option<Bytes> {
        let endpoints: Vec<Value> =
            self.profiles.iter().filter(|p| p.model == model).map(endpoint).collect();
        let data = json!({"id": model, "name": model, "endpoints": endpoints});
        (!endpoints.is_empty()).then(|| Bytes::from(json!({"data": data}).to_string()))
    }
}

fn model(profile: &Profile) -> Value {
    json!({
        "id": profile.model,
        "canonical_slug": profile.model,
        "name": profile.model,
        "object": "model",
        "created": 0,
        "owned_by": profile.provider,
        "context_length": profile.context_window,
        "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
        "pricing": pricing(profile),
        "top_provider": {
            "context_length": profile.context_window,
            "max_completion_tokens": profile.max_output,
        },
        "supported_parameters": parameters(profile),
    })
}

fn endpoint(profile: &Profile) -> Value {
    json!({
        "name": format!("{} | {}", profile.provider, profile.model),
        "provider_name": profile.provider,
        "tag": profile.provider,
        "context_length": profile.context_window,
        "max_completion_tokens": profile.max_output,
        "pricing": pricing(profile),
        "supported_parameters": parameters(profile),
    })
}

fn pricing(profile: &Profile) -> Value {
    let per_token = |per_million: &str| {
        let usd = Usd::per_million(per_million).expect("a test reads the prices of the fleet");
        usd.to_string()
    };
    let text = &profile.price_text;
    let mut pricing =
        json!({"prompt": per_token(&text.input), "completion": per_token(&text.output)});
    if let Some(cached) = &text.cached_input {
        pricing["input_cache_read"] = Value::from(per_token(cached));
    }
    pricing
}

/// As in the fleet's catalog: a model that thinks takes no temperature.
fn parameters(profile: &Profile) -> Vec<&'static str> {
    let taken = [
        ("max_tokens", true),
        ("tools", profile.tools),
        ("structured_outputs", true),
        ("temperature", !profile.reasoning),
        ("reasoning", profile.reasoning),
    ];
    taken.into_iter().filter(|(_, takes)| *takes).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{load_text, source};

    /// The list says of every model what the catalog of the fleet says of its endpoint.
    #[test]
    fn the_list_and_the_catalog_agree() {
        let fleet = Fleet::embedded();
        let own = load_text(&fleet.catalog_toml("http://x", true, &[Dialect::OpenaiChat]), "own");
        let own = own.expect("the fleet makes a catalog").endpoints;
        let check = |bytes: &Bytes, n: usize, provider: Option<&str>| {
            let text = String::from_utf8_lossy(bytes);
            let reading = source::read(&text, "the fleet").expect("a price list");
            assert_eq!((reading.catalog.endpoints.len(), reading.left_out.len()), (n, 0));
            for listed in &reading.catalog.endpoints {
                let pin = listed.provider.name.strip_prefix("openrouter/").or(provider);
                let same = own.iter().find(|e| {
                    e.model == listed.model && pin.is_none_or(|pin| e.provider.name == pin)
                });
                let same = same.expect("it is in the fleet");
                assert_eq!(listed.price, same.price, "{}", listed.id);
                assert_eq!(listed.supports, same.supports, "{}", listed.id);
                assert_eq!(
                    (listed.context_window, listed.max_output),
                    (same.context_window, same.max_output)
                );
            }
        };
        let default = fleet.listed(false).count();
        // One model is at two providers.
        check(&fleet.models(Dialect::OpenaiChat, None), default - 1, None);
        let at_fjord = fleet.listed(false).filter(|p| p.provider == "fjord").count();
        check(&fleet.models(Dialect::OpenaiChat, Some("fjord")), at_fjord, Some("fjord"));
        check(&fleet.endpoints_of("elm/moe").expect("it is served"), 2, None);
        assert_eq!(fleet.endpoints_of("nobody/none"), None);
        let gemini = fleet.models(Dialect::Gemini, None);
        assert!(String::from_utf8_lossy(&gemini).contains("\"models/elm/moe\""));
    }
}
