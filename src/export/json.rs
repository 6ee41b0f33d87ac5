//! The neutral form: all that is known, for programs of one's own.

use super::mix;
use super::node::{Node, map};
use super::prices;
use super::routing::{Route, Routing};
use super::written::{Form, Written};
use crate::catalog::{Endpoint, Rate};

/// The rates by the catalog's names; dollars for a million tokens.
const RATES: [(Rate, &str); 7] = [
    (Rate::Input, "input"),
    (Rate::Output, "output"),
    (Rate::CachedInput, "cached_input"),
    (Rate::CacheWrite, "cache_write"),
    (Rate::CacheWrite1h, "cache_write_1h"),
    (Rate::Reasoning, "reasoning"),
    (Rate::AudioInput, "audio_input"),
];

pub(super) fn write(routing: &Routing) -> Written {
    let aliases = routing.routes.iter().map(|r| (r.alias.clone(), alias(routing, r)));
    let endpoints = routing.endpoints.iter().map(|e| (e.id.as_str().to_owned(), endpoint(e)));
    Written {
        usage: vec![
            "Draw a target of the alias by its share, once for a session; send its upstream_model; if \
             it fails, go through the fallbacks in order."
                .to_owned(),
        ],
        form: Form::Json(map([
            ("aliases", Node::Map(aliases.collect())),
            ("endpoints", Node::Map(endpoints.collect())),
        ])),
        losses: routing.endpoints.iter().filter_map(|e| prices::lost(e, &RATES)).collect(),
    }
}

fn alias(routing: &Routing, route: &Route) -> Node {
    let id = |at: usize| Node::from(routing.endpoint(at).id.as_str());
    let targets = route.targets.iter().map(|target| {
        map([
            ("endpoint", id(target.endpoint)),
            ("share", Node::Number(mix::share(target.parts))),
            ("parts_per_million", u64::from(target.parts).into()),
        ])
    });
    map([
        ("targets", Node::List(targets.collect())),
        ("fallbacks", Node::List(route.fallbacks.iter().map(|at| id(*at)).collect())),
    ])
}

fn endpoint(endpoint: &Endpoint) -> Node {
    let provider = &endpoint.provider;
    let headers = provider.headers.iter().map(|(k, v)| (k.clone(), Node::from(v.as_str())));
    let params = endpoint.params.iter().map(|(name, value)| (name.clone(), Node::from(value)));
    map([
        ("provider", provider.name.as_str().into()),
        ("dialect", provider.dialect.name().into()),
        ("base_url", provider.base_url.as_str().into()),
        ("api_key_env", provider.api_key_env.as_deref().map_or(Node::Null, Node::from)),
        ("upstream_model", endpoint.upstream_model.as_str().into()),
        ("stream", endpoint.stream.into()),
        ("params", Node::Map(params.collect())),
        ("headers", Node::Map(headers.collect())),
    ])
    .with_some("system", endpoint.system.as_deref())
    .with("usd_per_million_tokens", Node::Map(prices::per_million(endpoint, &RATES)))
}
