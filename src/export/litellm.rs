//! The LiteLLM proxy's `config.yaml`, which its `Router` takes too (docs.litellm.ai: proxy
//! configuration, load balancing, fallbacks, custom pricing; tried with 1.108).
//!
//! Deployments of one `model_name` share its requests by `weight`, a whole number. A name that is not
//! there, in `fallbacks` for one, is accepted in silence, so names are checked before writing.

use std::collections::BTreeSet;

use serde_json::Value;

use super::error::ExportError;
use super::node::{Node, map};
use super::prices;
use super::routing::{Route, Routing};
use super::written::{Form, Written};
use crate::catalog::{Dialect, Endpoint, Rate};

/// Its names of rates; dollars for one token.
const RATES: [(Rate, &str); 8] = [
    (Rate::Input, "input_cost_per_token"),
    (Rate::Output, "output_cost_per_token"),
    (Rate::CachedInput, "cache_read_input_token_cost"),
    (Rate::CacheWrite, "cache_creation_input_token_cost"),
    (Rate::CacheWrite1h, "cache_creation_input_token_cost_above_1hr"),
    (Rate::Reasoning, "output_cost_per_reasoning_token"),
    (Rate::AudioInput, "input_cost_per_audio_token"),
    (Rate::AudioOutput, "output_cost_per_audio_token"),
];
pub(super) fn write(routing: &Routing) -> Result<Written, ExportError> {
    let mut models = Vec::new();
    let mut fallbacks = Vec::new();
    let mut behind = BTreeSet::new();
    for route in &routing.routes {
        for (target, weight) in route.targets.iter().zip(route.integers()) {
            let endpoint = routing.endpoint(target.endpoint);
            models.push(deployment(&route.alias, endpoint, Some(weight)));
        }
        if !route.fallbacks.is_empty() {
            fallbacks.push(chain(routing, route));
            behind.extend(route.fallbacks.iter().copied());
        }
    }
    for at in behind {
        let endpoint = routing.endpoint(at);
        models.push(deployment(&group(endpoint), endpoint, None));
    }
    let document = map([
        ("model_list", Node::List(models)),
        (
            "router_settings",
            map([
                ("routing_strategy", "simple-shuffle".into()),
                ("num_retries", 1_u64.into()),
                ("fallbacks", Node::List(fallbacks)),
                ("optional_pre_call_checks", vec!["session_affinity".into()].into()),
            ]),
        ),
    ]);
    check(&document)?;
    Ok(Written {
        usage: vec![
            "litellm --config FILE; callers ask for an alias as their model.".to_owned(),
            "Requests of one session (header x-litellm-session-id) stay with one endpoint."
                .to_owned(),
        ],
        form: Form::Yaml(vec![document]),
        losses: losses(routing),
    })
}

/// The name under which an endpoint stands as a fallback.
fn group(endpoint: &Endpoint) -> String {
    endpoint.id.as_str().to_owned()
}

fn chain(routing: &Routing, route: &Route) -> Node {
    let names = route.fallbacks.iter().map(|at| group(routing.endpoint(*at)).into());
    Node::Map(vec![(route.alias.clone(), Node::List(names.collect()))])
}

fn deployment(name: &str, endpoint: &Endpoint, weight: Option<u64>) -> Node {
    let provider = &endpoint.provider;
    let (prefix, base) = address(endpoint);
    let key = provider.api_key_env.as_ref();
    // Its clients want some key; this one is sent to servers that look at none.
    let key = key.map_or_else(|| "none".to_owned(), |variable| format!("os.environ/{variable}"));
    let mut params = map([("model", format!("{prefix}/{}", endpoint.upstream_model).into())])
        .with("api_base", base)
        .with("api_key", key)
        .with_some("weight", weight);
    let own = endpoint.params.iter().map(|(name, value)| (name.clone(), Node::from(value)));
    let own: Vec<(String, Node)> = own.collect();
    // It refuses a parameter that it does not know a model to take, unless told, or in the body; into
    // Anthropic's body it puts no further keys.
    if provider.dialect == Dialect::Anthropic && !own.is_empty() {
        let names = own.iter().map(|(name, _)| Node::from(name.as_str())).collect();
        params = own.iter().fold(params, |params, (name, value)| params.with(name, value.clone()));
        params = params.with("allowed_openai_params", Node::List(names));
    } else if !own.is_empty() {
        params = params.with("extra_body", Node::Map(own));
    }
    let headers: Vec<(String, Node)> = provider
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), Node::from(value.as_str())))
        .collect();
    params = params.with_some("extra_headers", (!headers.is_empty()).then_some(Node::Map(headers)));
    let mut info = vec![("id".to_owned(), Node::from(format!("{name} {}", endpoint.id)))];
    info.extend(prices::per_token(endpoint, &RATES));
    map([("model_name", name.into()), ("litellm_params", params), ("model_info", Node::Map(info))])
}

/// The prefix of the model, which tells the dialect, and the address as LiteLLM wants it: it adds a
/// version to some.
fn address(endpoint: &Endpoint) -> (&'static str, String) {
    let base = endpoint.provider.base_url.as_str();
    match endpoint.provider.dialect {
        Dialect::OpenaiChat => ("openai", base.to_owned()),
        Dialect::OpenaiResponses => ("openai/responses", base.to_owned()),
        Dialect::Anthropic => ("anthropic", base.strip_suffix("/v1").unwrap_or(base).to_owned()),
        Dialect::Gemini => ("gemini", base.to_owned()),
    }
}

/// Every name that `fallbacks` holds is defined, no weight is 0, and no alias is sent upstream.
fn check(document: &Node) -> Result<(), ExportError> {
    let document: Value = serde_json::from_str(&document.to_json()).expect("its own JSON");
    let dangling =
        |name: &str| ExportError::Dangling { gateway: "LiteLLM", reference: name.to_owned() };
    let models = document["model_list"].as_array().into_iter().flatten();
    let (mut names, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for model in models {
        names.extend(model["model_name"].as_str());
        let id = model["model_info"]["id"].as_str().unwrap_or_default();
        if !ids.insert(id) || model["litellm_params"]["weight"] == 0 {
            return Err(dangling(id));
        }
    }
    for chain in document["router_settings"]["fallbacks"].as_array().into_iter().flatten() {
        for (alias, chain) in chain.as_object().into_iter().flatten() {
            let chain = chain.as_array().into_iter().flatten().filter_map(Value::as_str);
            let unknown = std::iter::once(alias.as_str()).chain(chain).find(|n| !names.contains(n));
            if let Some(unknown) = unknown {
                return Err(dangling(unknown));
            }
        }
    }
    Ok(())
}

fn losses(routing: &Routing) -> Vec<String> {
    let mut lost: Vec<String> =
        routing.endpoints.iter().filter_map(|endpoint| prices::lost(endpoint, &RATES)).collect();
    if let Some(endpoint) = routing.endpoints.iter().find(|endpoint| !endpoint.stream) {
        lost.push(format!("{}: measured without streaming; callers decide", endpoint.id));
    }
    lost
}
