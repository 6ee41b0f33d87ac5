//! agentgateway's `config.yaml` (its published schema, and the examples of its repository).
//!
//! A virtual model has either weights, whole numbers of at least 0, or failover, never both. `$NAME`
//! anywhere in the file is replaced by the variable.

use std::collections::{BTreeMap, BTreeSet};

use super::error::ExportError;
use super::node::{Node, map};
use super::prices;
use super::routing::{Route, Routing, Target};
use super::written::{Form, Written};
use crate::catalog::{Dialect, Endpoint, Rate};

/// Its names of rates; dollars for a million tokens, as text.
const RATES: [(Rate, &str); 7] = [
    (Rate::Input, "input"),
    (Rate::Output, "output"),
    (Rate::CachedInput, "cacheRead"),
    (Rate::CacheWrite, "cacheWrite"),
    (Rate::Reasoning, "reasoning"),
    (Rate::AudioInput, "inputAudio"),
    (Rate::AudioOutput, "outputAudio"),
];
/// The port of its examples.
const PORT: u64 = 4000;

pub(super) fn write(routing: &Routing) -> Result<Written, ExportError> {
    let virtual_models: Vec<Node> =
        routing.routes.iter().map(|route| virtual_model(routing, route)).collect();
    let models = routing.endpoints.iter().map(model);
    check(routing)?;
    let document = map([
        ("config", map([("modelCatalog", vec![catalog(routing)].into())])),
        ("gateways", map([("default", map([("port", PORT.into())]))])),
        (
            "llm",
            map([
                ("gateways", "default".into()),
                ("models", Node::List(models.collect())),
                ("virtualModels", Node::List(virtual_models)),
            ]),
        ),
    ]);
    Ok(Written {
        usage: vec![format!(
            "agentgateway -f FILE; callers ask for an alias as their model, at port {PORT}."
        )],
        form: Form::Yaml(vec![document]),
        losses: losses(routing),
    })
}

fn virtual_model(routing: &Routing, route: &Route) -> Node {
    let name = |at: usize| ("model", Node::from(routing.endpoint(at).id.as_str()));
    let (way, targets) = match route.targets.as_slice() {
        [only] => {
            let order = std::iter::once(only.endpoint).chain(route.fallbacks.iter().copied());
            let target = |(nth, at): (u64, usize)| map([name(at), ("priority", nth.into())]);
            ("failover", (0_u64..).zip(order).map(target).collect())
        }
        several => {
            let weights = several.iter().zip(route.integers());
            let target = |(target, weight): (&Target, u64)| {
                map([name(target.endpoint), ("weight", weight.into())])
            };
            ("weighted", weights.map(target).collect())
        }
    };
    let routing = map([(way, map([("targets", Node::List(targets))]))]);
    map([("name", route.alias.as_str().into()), ("routing", routing)])
}

fn model(endpoint: &Endpoint) -> Node {
    let provider = &endpoint.provider;
    let format = match provider.dialect {
        Dialect::OpenaiChat => "completions",
        Dialect::OpenaiResponses => "responses",
        Dialect::Anthropic => "messages",
        Dialect::Gemini => "generateContent",
    };
    // Its own form of each dialect adds the key's header and the paths.
    let provided = match provider.dialect {
        Dialect::Anthropic => Node::from("anthropic"),
        Dialect::Gemini => Node::from("gemini"),
        Dialect::OpenaiChat | Dialect::OpenaiResponses => {
            let formats = Node::List(vec![map([("type", format.into())])]);
            let custom = map([("providerOverride", provider.name.as_str().into())]);
            map([("custom", custom.with("formats", formats))])
        }
    };
    let key = provider.api_key_env.as_ref().map(|variable| format!("${variable}"));
    let params = map([("model", endpoint.upstream_model.as_str().into())])
        .with_some("apiKey", key)
        .with("baseUrl", provider.base_url.as_str());
    let own = endpoint.params.iter().map(|(name, value)| (name.clone(), Node::from(value)));
    let headers = provider.headers.iter().map(|(k, v)| (k.clone(), Node::from(v.as_str())));
    let own: Vec<(String, Node)> = own.collect();
    let headers: Vec<(String, Node)> = headers.collect();
    map([
        ("name", endpoint.id.as_str().into()),
        ("visibility", "internal".into()),
        ("provider", provided),
        ("params", params),
    ])
    .with_some("overrides", (!own.is_empty()).then_some(Node::Map(own)))
    .with_some("requestHeaders", (!headers.is_empty()).then(|| map([("set", Node::Map(headers))])))
    .with("health", map([("eviction", map([("duration", "30s".into())]))]))
}

/// The prices, by its names of providers.
fn catalog(routing: &Routing) -> Node {
    let mut providers: BTreeMap<&str, BTreeMap<&str, Node>> = BTreeMap::new();
    for endpoint in &routing.endpoints {
        let rates = prices::per_million(endpoint, &RATES);
        if rates.is_empty() {
            continue;
        }
        let rates = map([("rates", Node::Map(rates))]);
        let models = providers.entry(identity(endpoint)).or_default();
        models.insert(&endpoint.upstream_model, rates);
    }
    let all = providers.into_iter().map(|(provider, models)| {
        let models = models.into_iter().map(|(model, rates)| (model.to_owned(), rates));
        (provider.to_owned(), map([("models", Node::Map(models.collect()))]))
    });
    map([("inline", map([("providers", Node::Map(all.collect()))]))])
}

/// Under which provider it looks up an endpoint's price.
fn identity(endpoint: &Endpoint) -> &str {
    match endpoint.provider.dialect {
        Dialect::Anthropic => "anthropic",
        Dialect::Gemini => "gcp.gemini",
        Dialect::OpenaiChat | Dialect::OpenaiResponses => &endpoint.provider.name,
    }
}

/// A virtual model and a model never have one name.
fn check(routing: &Routing) -> Result<(), ExportError> {
    let models: BTreeSet<&str> = routing.endpoints.iter().map(|e| e.id.as_str()).collect();
    match routing.routes.iter().find(|route| models.contains(route.alias.as_str())) {
        None => Ok(()),
        Some(route) => {
            Err(ExportError::Dangling { gateway: "agentgateway", reference: route.alias.clone() })
        }
    }
}

fn losses(routing: &Routing) -> Vec<String> {
    let mut lost: Vec<String> =
        routing.endpoints.iter().filter_map(|e| prices::lost(e, &RATES)).collect();
    lost.push("sessions: a target is drawn for each request".to_owned());
    for route in &routing.routes {
        if route.targets.len() > 1 && !route.fallbacks.is_empty() {
            lost.push(format!(
                "{}: it has weights ({}), so no failover to {}",
                route.alias,
                route.shares(routing),
                routing.names(&route.fallbacks)
            ));
        }
    }
    lost
}
