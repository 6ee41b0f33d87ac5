//! Portkey's gateway: a config for each alias, which a request carries in `x-portkey-config`
//! (portkey.ai/docs: configs, load balancing, fallbacks; tried with `@portkey-ai/gateway` 1.15).
//!
//! It draws a target by weight among those that are not 0 and fails where all are; here each has at
//! least one part in a million.

use super::mix;
use super::node::{Node, map};
use super::routing::{Route, Routing};
use super::written::{Form, Written};
use crate::catalog::{Dialect, Endpoint};

/// The answers after which the next target is tried; a connection that fails is one without a status.
const TRY_NEXT: [u64; 7] = [408, 429, 500, 502, 503, 504, 529];
/// What Node takes of a request's headers together, bytes.
const MOST_HEADER: usize = 16_384;

pub(super) fn write(routing: &Routing) -> Written {
    let configs: Vec<(String, Node)> =
        routing.routes.iter().map(|route| (route.alias.clone(), config(routing, route))).collect();
    let mut losses: Vec<String> = vec![
        "prices: Portkey has its own".to_owned(),
        "sessions: its open gateway draws for each request".to_owned(),
    ];
    for (alias, config) in &configs {
        if config.to_json().len() > MOST_HEADER / 2 {
            losses.push(format!("{alias}: its config is long for a header; save it at Portkey"));
        }
    }
    let many = routing.endpoints.iter().filter(|e| e.provider.dialect == Dialect::OpenaiResponses);
    losses.extend(many.map(|endpoint| {
        format!(
            "{}: measured over the Responses API; callers ask /v1/responses for it",
            endpoint.id
        )
    }));
    Written {
        usage: vec![
            "envsubst fills in the keys. A caller sends configs[ALIAS] as one line in the header \
             x-portkey-config, or names it where it is saved at Portkey; the config sets the model."
                .to_owned(),
        ],
        form: Form::Json(map([("configs", Node::Map(configs))])),
        losses,
    }
}

fn config(routing: &Routing, route: &Route) -> Node {
    let first = match route.targets.as_slice() {
        [only] => target(routing.endpoint(only.endpoint)),
        several => {
            let targets = several.iter().map(|share| {
                let weight = Node::Number(mix::share(share.parts));
                target(routing.endpoint(share.endpoint)).with("weight", weight)
            });
            map([
                ("strategy", map([("mode", "loadbalance".into())])),
                ("targets", Node::List(targets.collect())),
            ])
        }
    };
    if route.fallbacks.is_empty() && route.targets.len() > 1 {
        return first;
    }
    let mut targets = vec![first];
    targets.extend(route.fallbacks.iter().map(|at| target(routing.endpoint(*at))));
    let codes = TRY_NEXT.iter().map(|code| Node::from(*code)).collect();
    map([
        ("strategy", map([("mode", "fallback".into()), ("on_status_codes", Node::List(codes))])),
        ("targets", Node::List(targets)),
    ])
}

fn target(endpoint: &Endpoint) -> Node {
    let provider = &endpoint.provider;
    let (name, host) = address(endpoint);
    let key = provider.api_key_env.as_ref().map(|variable| format!("${{{variable}}}"));
    let mut body = vec![("model".to_owned(), Node::from(endpoint.upstream_model.as_str()))];
    body.extend(endpoint.params.iter().map(|(name, value)| (name.clone(), Node::from(value))));
    map([("provider", name.into())])
        .with("custom_host", host)
        .with("api_key", key.unwrap_or_else(|| "none".to_owned()))
        .with("override_params", Node::Map(body))
}

/// Its name of the dialect, and the address before the paths that it adds.
fn address(endpoint: &Endpoint) -> (&'static str, String) {
    let base = endpoint.provider.base_url.as_str();
    match endpoint.provider.dialect {
        Dialect::OpenaiChat | Dialect::OpenaiResponses => ("openai", base.to_owned()),
        Dialect::Anthropic => ("anthropic", base.to_owned()),
        Dialect::Gemini => ("google", base.strip_suffix("/v1beta").unwrap_or(base).to_owned()),
    }
}
