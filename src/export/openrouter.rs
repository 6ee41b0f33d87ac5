//! OpenRouter: the body of a request for each alias (openrouter.ai/docs: model fallbacks, provider
//! routing). It has no shares: models are tried in order, and at most three are taken.

use super::node::{Node, map};
use super::routing::{Route, Routing};
use super::written::{Form, Written};
use crate::catalog::Endpoint;

/// The most models of a request; more are refused.
const MOST_MODELS: usize = 3;
/// Where it is, and the variable of its key, where the catalog does not say.
const AT: (&str, &str) = ("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY");

pub(super) fn write(routing: &Routing) -> Written {
    let mut losses = vec!["prices: OpenRouter has its own".to_owned()];
    for endpoint in routing.endpoints.iter().filter(|e| !e.provider.is_openrouter()) {
        losses.push(format!(
            "{}: measured at {} itself, not through OpenRouter, whose price and latency differ; check \
             that it has {} at {}",
            endpoint.id,
            endpoint.provider.name,
            endpoint.model,
            slug(endpoint).unwrap_or("any provider")
        ));
    }
    let bodies: Vec<(String, Node)> = routing
        .routes
        .iter()
        .map(|route| (route.alias.clone(), body(routing, route, &mut losses)))
        .collect();
    let own = routing.endpoints.iter().map(|e| &e.provider).find(|p| p.is_openrouter());
    let (base, key) = own.map_or(AT, |provider| {
        (provider.base_url.as_str(), provider.api_key_env.as_deref().unwrap_or(AT.1))
    });
    Written {
        usage: vec![
            "A caller adds bodies[ALIAS] to the body of its request, in place of a model, or saves it \
             as a preset; session_id in the body keeps a session where its prompt cache is."
                .to_owned(),
        ],
        form: Form::Json(map([
            ("base_url", base.into()),
            ("api_key_env", key.into()),
            ("bodies", Node::Map(bodies)),
        ])),
        losses,
    }
}

fn body(routing: &Routing, route: &Route, losses: &mut Vec<String>) -> Node {
    let alias = &route.alias;
    // The largest share first: it is tried first for every request.
    let mut by_share = route.targets.clone();
    by_share.sort_by_key(|target| std::cmp::Reverse(target.parts));
    if by_share.len() > 1 {
        losses.push(format!(
            "{alias}: an order in place of shares ({}): {} gets everything while it answers",
            route.shares(routing),
            routing.names(&[by_share[0].endpoint])
        ));
    }
    let mut all: Vec<usize> = by_share.iter().map(|target| target.endpoint).collect();
    all.extend(&route.fallbacks);
    let (mut models, mut providers): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    let mut left_out = Vec::new();
    for at in all {
        let endpoint = routing.endpoint(at);
        let model = model(endpoint);
        if !models.contains(&model) {
            if models.len() == MOST_MODELS {
                left_out.push(at);
                continue;
            }
            models.push(model);
        }
        providers.extend(slug(endpoint).filter(|slug| !providers.contains(slug)));
    }
    if !left_out.is_empty() {
        losses.push(format!("{alias}: a fourth model, {}", routing.names(&left_out)));
    }
    if providers.len() > 1 && models.len() > 1 {
        losses.push(format!(
            "{alias}: which provider serves which model; each is tried at {} in this order",
            providers.join(", ")
        ));
    }
    let mut body = map([("models", names(&models))]);
    if !providers.is_empty() {
        let provider = map([("order", names(&providers)), ("allow_fallbacks", false.into())]);
        body = body.with("provider", provider);
    }
    let first = routing.endpoint(by_share[0].endpoint);
    for (name, value) in &first.params {
        if !["model", "models", "provider"].contains(&name.as_str()) {
            body = body.with(name, Node::from(value));
        }
    }
    let others = route.targets.iter().map(|t| t.endpoint).chain(route.fallbacks.iter().copied());
    let differ: Vec<usize> =
        others.filter(|at| routing.endpoint(*at).params != first.params).collect();
    if !differ.is_empty() {
        losses.push(format!("{alias}: the own parameters of {}", routing.names(&differ)));
    }
    body
}

fn names(texts: &[&str]) -> Node {
    Node::List(texts.iter().map(|text| Node::from(*text)).collect())
}

/// Its name of the model.
fn model(endpoint: &Endpoint) -> &str {
    if endpoint.provider.is_openrouter() { &endpoint.upstream_model } else { &endpoint.model }
}

/// Its name of the provider; `None`: not pinned to one.
fn slug(endpoint: &Endpoint) -> Option<&str> {
    if endpoint.provider.is_openrouter() {
        return endpoint.provider.pin();
    }
    Some(&endpoint.provider.name)
}
