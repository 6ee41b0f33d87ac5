//! What a LiteLLM proxy says of its aliases at `/model/info`: their prices and limits, one entry for
//! each deployment behind an alias (docs.litellm.ai, proxy, model management).

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::fields::{BadField, Fields, bad};
use super::reading::Reading;
use super::{litellm, providers};
use crate::catalog::{
    Capability, Catalog, Dialect, Endpoint, Facts, Limits, Price, Provider, Router,
};
use crate::units::{EndpointId, Usd};

/// The name of a proxy's provider.
const NAME: &str = "litellm";

/// Whether an entry is one of such a list.
pub(super) fn is_entry(fields: &Fields<'_>) -> bool {
    fields.has("model_name") && (fields.has("model_info") || fields.has("litellm_params"))
}

pub(super) fn read(entries: &[&RawValue]) -> Reading {
    let mut reading = Reading::default();
    let mut by_alias: BTreeMap<String, Endpoint> = BTreeMap::new();
    for raw in entries {
        reading.entries += 1;
        let unnamed = format!("entry {}", reading.entries);
        let fields = Fields::of(raw);
        let alias = fields.as_ref().and_then(|fields| fields.text("model_name"));
        let Some((fields, alias)) = fields.zip(alias) else {
            reading.leave_out(&unnamed, "has no model_name");
            continue;
        };
        if alias.contains('*') {
            reading.leave_out(&alias, "is a wildcard, which names no model");
            continue;
        }
        reading.attempt(&alias, |reading| {
            let Some(endpoint) = endpoint(&fields, &alias, reading)? else { return Ok(()) };
            match by_alias.remove(&alias) {
                None => drop(by_alias.insert(alias.clone(), endpoint)),
                Some(known) => {
                    if known.price != endpoint.price {
                        reading.notes.push(format!(
                            "{alias} has deployments of different prices; the dearest is used"
                        ));
                    }
                    by_alias.insert(alias.clone(), careful(known, &endpoint));
                }
            }
            Ok(())
        });
    }
    reading.notes.dedup();
    for (alias, endpoint) in by_alias {
        reading.take(&alias, endpoint, Facts::default());
    }
    reading
}

/// One deployment; `None`: it is left out.
fn endpoint(
    fields: &Fields<'_>,
    alias: &str,
    reading: &mut Reading,
) -> Result<Option<Endpoint>, BadField> {
    let merged = merged(fields);
    let raw: &RawValue = serde_json::from_str(&merged).map_err(|_| bad("model_info", "is odd"))?;
    let info = Fields::of(raw).ok_or_else(|| bad("model_info", "is not an object"))?;
    let mode = info.text("mode").unwrap_or_else(|| "chat".to_owned());
    if !litellm::answers_in_text(&mode) {
        reading.leave_out(alias, &format!("answers in no text: its mode is {mode}"));
        return Ok(None);
    }
    let says_what_it_can =
        info.iter().any(|(key, value)| key.starts_with("supports_") && value.get() != "null");
    Ok(Some(Endpoint {
        id: EndpointId::new(alias, NAME, None),
        model: alias.to_owned(),
        provider: Provider { router: Some(Router::Litellm), ..providers::named(NAME) },
        upstream_model: alias.to_owned(),
        price: litellm::price(&info, reading)?,
        context_window: info.count("max_input_tokens"),
        max_output: info.count("max_output_tokens").or_else(|| info.count("max_tokens")),
        limits: Limits {
            requests_per_min: info.count("rpm").and_then(|n| u32::try_from(n).ok()),
            tokens_per_min: info.count("tpm"),
            concurrency: info.count("max_parallel_requests").and_then(|n| u32::try_from(n).ok()),
        },
        supports: says_what_it_can.then(|| litellm::supports(&info)),
        variant: None,
        params: serde_json::Map::new(),
        system: None,
        stream: true,
        request_form: crate::catalog::RequestForm::default(),
    }))
}

/// `model_info`, over which a deployment's own parameters go: a price of one's own stands there.
fn merged(fields: &Fields<'_>) -> String {
    const OWN: [&str; 3] = ["rpm", "tpm", "max_parallel_requests"];
    let mut pairs: BTreeMap<String, &str> = BTreeMap::new();
    let (info, params) = (fields.object("model_info"), fields.object("litellm_params"));
    for (key, raw) in info.iter().flat_map(Fields::iter) {
        pairs.insert(key.to_owned(), raw.get());
    }
    for (key, raw) in params.iter().flat_map(Fields::iter) {
        if (key.contains("_cost") || OWN.contains(&key)) && raw.get() != "null" {
            pairs.insert(key.to_owned(), raw.get());
        }
    }
    let pairs: Vec<String> =
        pairs.into_iter().map(|(key, raw)| format!("{}:{raw}", Value::from(key))).collect();
    format!("{{{}}}", pairs.join(","))
}

/// Of two deployments the dearer price and the lower limits: a request may go to either.
fn careful(one: Endpoint, other: &Endpoint) -> Endpoint {
    fn least<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
        match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
    let most = |price: &Price| price.max_cost(1_000, 1_000, None);
    // A price that is not known may be any.
    let price = match (most(&one.price), most(&other.price)) {
        (None, _) | (_, None) => Price::Unknown,
        (Some(a), Some(b)) if a.max(Usd::ZERO) >= b => one.price.clone(),
        _ => other.price.clone(),
    };
    let supports = one.supports.as_ref().zip(other.supports.as_ref());
    Endpoint {
        price,
        context_window: least(one.context_window, other.context_window),
        max_output: least(one.max_output, other.max_output),
        limits: Limits {
            requests_per_min: least(one.limits.requests_per_min, other.limits.requests_per_min),
            tokens_per_min: least(one.limits.tokens_per_min, other.limits.tokens_per_min),
            concurrency: least(one.limits.concurrency, other.limits.concurrency),
        },
        supports: supports.map(|(a, b)| common(a, b)),
        ..one
    }
}

/// What both can; and reasoning where one of them reasons, for it is billed.
fn common(a: &Capabilities, b: &Capabilities) -> Capabilities {
    let reasons = |set: &Capabilities| set.contains(&Capability::Reasoning);
    let both = a.intersection(b).copied();
    both.chain((reasons(a) || reasons(b)).then_some(Capability::Reasoning)).collect()
}

type Capabilities = std::collections::BTreeSet<Capability>;

/// A proxy's list of models with what it says of them, under the key that it is asked with.
#[must_use]
pub fn at_proxy(asked: &Provider, models: Catalog, info: &Catalog) -> Catalog {
    let name = match asked.dialect {
        Dialect::OpenaiChat => NAME.to_owned(),
        _ => format!("{NAME}-{}", asked.name),
    };
    let provider = Provider { name, router: Some(Router::Litellm), ..asked.clone() };
    let mut catalog = Catalog::default();
    for listed in models.endpoints {
        let alias = listed.upstream_model.clone();
        let known = info.endpoints.iter().find(|e| e.upstream_model == alias);
        catalog.endpoints.push(Endpoint {
            id: EndpointId::new(&alias, &provider.name, None),
            model: alias,
            provider: provider.clone(),
            ..known.cloned().unwrap_or(listed)
        });
    }
    catalog
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::source::read as read_list;

    const INFO: &str = r#"{"data":[
        {"model_name":"fast","litellm_params":{"model":"openai/gpt-4o-mini","rpm":90},
         "model_info":{"id":"1","mode":"chat","max_tokens":16384,"max_input_tokens":128000,
           "input_cost_per_token":1.5e-07,"output_cost_per_token":6e-07,"supports_function_calling":true,
           "supports_reasoning":null}},
        {"model_name":"fast","litellm_params":{"model":"azure/mini","input_cost_per_token":3e-07},
         "model_info":{"mode":"chat","max_input_tokens":64000,"output_cost_per_token":6e-07,
           "supports_function_calling":true,"supports_reasoning":true}},
        {"model_name":"openai/*","model_info":{}},
        {"model_name":"draw","model_info":{"mode":"image_generation"}},
        {"model_name":"odd","model_info":{"input_cost_per_token":-1e-06,"output_cost_per_token":1e-06}},
        {"model_name":"own","model_info":{"id":"2"},"litellm_params":{"model":"ollama/x"}}]}"#;

    #[test]
    fn aliases_have_the_dearest_price_and_the_lowest_limits() {
        let reading = read_list(INFO, "info").expect("a list");
        let shown = |e: &Endpoint| {
            let price = crate::catalog::snapshot::price_text(&e.price);
            let supports =
                e.supports.as_ref().map(|set| set.iter().map(|c| c.name()).collect::<Vec<_>>());
            format!(
                "{} {:?} {:?} {:?} {:?} {}",
                e.id,
                e.context_window,
                e.max_output,
                e.limits.requests_per_min,
                supports,
                price.trim()
            )
        };
        let mut lines: Vec<String> = reading.catalog.endpoints.iter().map(shown).collect();
        lines.extend(reading.left_out.iter().map(|left| format!("{}: {}", left.entry, left.why)));
        lines.extend(reading.notes);
        insta::assert_snapshot!(lines.join("\n"), @r#"
        fast@litellm Some(64000) Some(16384) Some(90) Some(["tools", "temperature", "reasoning"]) price = { input = "0.3", output = "0.6" }
        own@litellm None None None None price = "-1"
        openai/*: is a wildcard, which names no model
        draw: answers in no text: its mode is image_generation
        odd: input_cost_per_token = -1e-06 is negative
        fast has deployments of different prices; the dearest is used
        "#);
    }

    #[test]
    fn a_list_of_models_takes_what_the_proxy_says() {
        let info = read_list(INFO, "info").expect("a list").catalog;
        let list =
            r#"{"data":[{"id":"fast","object":"model"},{"id":"acme/new","object":"model"}]}"#;
        let models = read_list(list, "models").expect("a list").catalog;
        let asked = providers::named("openai");
        let catalog = at_proxy(&asked, models, &info);
        let ids: Vec<&str> = catalog.endpoints.iter().map(|e| e.id.as_str()).collect();
        assert_eq!(ids, ["fast@litellm", "acme/new@litellm"]);
        assert_eq!(catalog.endpoints[0].context_window, Some(64_000));
        assert_eq!(catalog.endpoints[1].price, Price::Unknown);
        assert!(catalog.endpoints.iter().all(|e| e.provider.router == Some(Router::Litellm)));
        assert_eq!(catalog.endpoints[0].provider.api_key_env, asked.api_key_env);
    }
}
