//! Envoy AI Gateway: Kubernetes resources (its published resource definitions, and the examples of
//! its repository). Weights and priorities are whole numbers of at least 0; a route has at most 15
//! rules.

use std::collections::BTreeSet;

use super::error::ExportError;
use super::name::label;
use super::node::{Node, map};
use super::routing::{Route, Routing};
use super::written::{Form, Written};
use crate::catalog::{Dialect, Endpoint, Provider};

/// The most rules of a route.
const MOST_RULES: usize = 15;
/// The name of the gateway.
const GATEWAY: &str = "weighbridge";
const AI: &str = "aigateway.envoyproxy.io";
const ENVOY: &str = "gateway.envoyproxy.io";
const KUBERNETES: &str = "gateway.networking.k8s.io";

pub(super) fn write(routing: &Routing) -> Result<Written, ExportError> {
    let mut documents = gateway();
    for (nth, routes) in routing.routes.chunks(MOST_RULES).enumerate() {
        let name = if nth == 0 { GATEWAY.to_owned() } else { format!("{GATEWAY}-{}", nth + 1) };
        documents.extend([ai_route(&name, routing, routes), retries(&name)]);
    }
    for endpoint in &routing.endpoints {
        documents.push(service(endpoint));
        documents.extend(key(endpoint));
    }
    let mut named = BTreeSet::new();
    for endpoint in &routing.endpoints {
        if named.insert(&endpoint.provider.name) {
            documents.extend(backend(&endpoint.provider)?);
        }
    }
    Ok(Written {
        usage: vec![
            "envsubst fills in the keys: envsubst < FILE | kubectl apply -f -. Callers ask for an \
             alias as their model."
                .to_owned(),
        ],
        form: Form::Yaml(documents),
        losses: losses(routing),
    })
}

fn resource(api: &str, kind: &str, name: &str, spec: Node) -> Node {
    map([
        ("apiVersion", api.into()),
        ("kind", kind.into()),
        ("metadata", map([("name", name.into())])),
        ("spec", spec),
    ])
}

fn reference(group: &str, kind: &str, name: &str) -> Node {
    map([("group", group.into()), ("kind", kind.into()), ("name", name.into())])
}

fn gateway() -> Vec<Node> {
    let controller = map([("controllerName", format!("{ENVOY}/gatewayclass-controller").into())]);
    let listener =
        map([("name", "http".into()), ("protocol", "HTTP".into()), ("port", 80_u64.into())]);
    let spec =
        map([("gatewayClassName", GATEWAY.into()), ("listeners", Node::List(vec![listener]))]);
    let api = format!("{KUBERNETES}/v1");
    vec![
        resource(&api, "GatewayClass", GATEWAY, controller),
        resource(&api, "Gateway", GATEWAY, spec),
    ]
}

fn ai_route(name: &str, routing: &Routing, routes: &[Route]) -> Node {
    let rules = routes.iter().map(|route| rule(routing, route)).collect();
    let parents = Node::List(vec![reference(KUBERNETES, "Gateway", GATEWAY)]);
    let spec = map([("parentRefs", parents), ("rules", Node::List(rules))]);
    resource(&format!("{AI}/v1beta1"), "AIGatewayRoute", name, spec)
}

fn rule(routing: &Routing, route: &Route) -> Node {
    let header = map([
        ("type", "Exact".into()),
        ("name", "x-ai-eg-model".into()),
        ("value", route.alias.as_str().into()),
    ]);
    let matches = Node::List(vec![map([("headers", Node::List(vec![header]))])]);
    let targets = route.targets.iter().zip(route.integers());
    let targets = targets.map(|(target, weight)| (target.endpoint, weight, 0));
    let fallbacks = route.fallbacks.iter().zip(1_u64..).map(|(at, priority)| (*at, 1, priority));
    let backends = targets.chain(fallbacks).map(|(at, weight, priority)| {
        let endpoint = routing.endpoint(at);
        map([
            ("name", label(endpoint.id.as_str()).into()),
            ("modelNameOverride", endpoint.upstream_model.as_str().into()),
            ("weight", weight.into()),
            ("priority", priority.into()),
        ])
        .with_some("bodyMutation", body(endpoint))
        .with_some("headerMutation", headers(endpoint))
    });
    map([("matches", matches), ("backendRefs", Node::List(backends.collect()))])
}

/// The parameters of a variant; their values are JSON text.
fn body(endpoint: &Endpoint) -> Option<Node> {
    let set = endpoint.params.iter().map(|(name, value)| {
        map([("path", name.as_str().into()), ("value", value.to_string().into())])
    });
    let set: Vec<Node> = set.collect();
    (!set.is_empty()).then(|| map([("set", set.into())]))
}

fn headers(endpoint: &Endpoint) -> Option<Node> {
    let set = endpoint.provider.headers.iter().map(|(name, value)| {
        map([("name", name.as_str().into()), ("value", value.as_str().into())])
    });
    let set: Vec<Node> = set.collect();
    (!set.is_empty()).then(|| map([("set", set.into())]))
}

/// Without retries a priority is only left once its backends are ejected.
fn retries(route: &str) -> Node {
    let on = map([
        ("httpStatusCodes", Node::List([429_u64, 500, 502, 503, 504].map(Node::from).to_vec())),
        (
            "triggers",
            Node::List(
                ["connect-failure", "reset", "retriable-status-codes"].map(Node::from).into(),
            ),
        ),
    ]);
    let passive = map([
        ("baseEjectionTime", "30s".into()),
        ("interval", "2s".into()),
        ("maxEjectionPercent", 100_u64.into()),
        ("consecutive5XxErrors", 1_u64.into()),
    ]);
    let spec = map([
        ("targetRefs", Node::List(vec![reference(KUBERNETES, "HTTPRoute", route)])),
        ("retry", map([("numRetries", 3_u64.into()), ("retryOn", on)])),
        ("healthCheck", map([("passive", passive)])),
    ]);
    resource(&format!("{ENVOY}/v1alpha1"), "BackendTrafficPolicy", route, spec)
}

fn service(endpoint: &Endpoint) -> Node {
    let path = Url::of(&endpoint.provider).map(|url| url.path.to_owned()).unwrap_or_default();
    let schema = match endpoint.provider.dialect {
        Dialect::OpenaiChat | Dialect::OpenaiResponses => {
            map([("name", "OpenAI".into()), ("prefix", path.into())])
        }
        Dialect::Anthropic => map([("name", "Anthropic".into()), ("prefix", path.into())]),
        Dialect::Gemini => map([
            ("name", "GoogleAIStudio".into()),
            ("version", path.trim_start_matches('/').into()),
        ]),
    };
    let backend = reference(ENVOY, "Backend", &label(&endpoint.provider.name));
    let spec = map([("schema", schema), ("backendRef", backend)]);
    resource(&format!("{AI}/v1beta1"), "AIServiceBackend", &label(endpoint.id.as_str()), spec)
}

/// The policy that adds the key, and the secret that holds it once its variable is filled in.
fn key(endpoint: &Endpoint) -> Vec<Node> {
    let Some(variable) = &endpoint.provider.api_key_env else { return Vec::new() };
    let name = label(endpoint.id.as_str());
    let (kind, field) = match endpoint.provider.dialect {
        Dialect::OpenaiChat | Dialect::OpenaiResponses if endpoint.provider.is_azure() => {
            ("AzureAPIKey", "azureAPIKey")
        }
        Dialect::OpenaiChat | Dialect::OpenaiResponses => ("APIKey", "apiKey"),
        Dialect::Anthropic => ("AnthropicAPIKey", "anthropicAPIKey"),
        Dialect::Gemini => ("GoogleAPIKey", "googleAPIKey"),
    };
    let secret = map([("secretRef", map([("name", name.as_str().into())]))]);
    let spec = map([
        ("targetRefs", Node::List(vec![reference(AI, "AIServiceBackend", &name)])),
        ("type", kind.into()),
        (field, secret),
    ]);
    let held = map([
        ("apiVersion", "v1".into()),
        ("kind", "Secret".into()),
        ("metadata", map([("name", name.as_str().into())])),
        ("type", "Opaque".into()),
        ("stringData", map([("apiKey", format!("${{{variable}}}").into())])),
    ]);
    vec![resource(&format!("{AI}/v1beta1"), "BackendSecurityPolicy", &name, spec), held]
}

fn backend(provider: &Provider) -> Result<Vec<Node>, ExportError> {
    let no_address = || ExportError::NoAddress { provider: provider.name.clone() };
    let url = Url::of(provider).ok_or_else(no_address)?;
    let name = label(&provider.name);
    let bare = url.host.trim_start_matches('[').trim_end_matches(']');
    let (kind, host) = if bare.parse::<std::net::IpAddr>().is_ok() {
        ("ip", ("address", Node::from(bare)))
    } else {
        ("fqdn", ("hostname", Node::from(bare)))
    };
    let at = map([(kind, map([host, ("port", url.port.into())]))]);
    let spec = map([("endpoints", Node::List(vec![at]))]);
    let mut documents = vec![resource(&format!("{ENVOY}/v1alpha1"), "Backend", &name, spec)];
    if url.is_tls {
        let validation =
            map([("wellKnownCACertificates", "System".into()), ("hostname", bare.into())]);
        let spec = map([
            ("targetRefs", Node::List(vec![reference(ENVOY, "Backend", &name)])),
            ("validation", validation),
        ]);
        documents.push(resource(&format!("{KUBERNETES}/v1"), "BackendTLSPolicy", &name, spec));
    }
    Ok(documents)
}

/// A base URL in parts.
struct Url<'a> {
    is_tls: bool,
    host: &'a str,
    port: u64,
    path: &'a str,
}

impl<'a> Url<'a> {
    fn of(provider: &'a Provider) -> Option<Self> {
        let (scheme, rest) = provider.base_url.split_once("://")?;
        let end = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let is_tls = scheme == "https";
        let usual = if is_tls { 443 } else { 80 };
        let port_at = authority.rfind(':').filter(|at| *at > authority.rfind(']').unwrap_or(0));
        let (host, port) = match port_at {
            Some(at) => (&authority[..at], authority[at + 1..].parse().ok()?),
            None => (authority, usual),
        };
        (!host.is_empty()).then_some(Self { is_tls, host, port, path })
    }
}

fn losses(routing: &Routing) -> Vec<String> {
    let mut lost = vec![
        "prices: it has none".to_owned(),
        "sessions: a backend is drawn for each request".to_owned(),
    ];
    for endpoint in &routing.endpoints {
        match endpoint.provider.dialect {
            Dialect::OpenaiChat | Dialect::Gemini => {}
            Dialect::OpenaiResponses => lost.push(format!(
                "{}: measured over the Responses API; callers ask /v1/responses for it",
                endpoint.id
            )),
            Dialect::Anthropic => lost.push(format!(
                "{}: it speaks Anthropic's dialect; callers ask /v1/messages for it where this \
                 version does not translate",
                endpoint.id
            )),
        }
    }
    lost
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_are_taken_apart() {
        let check = |base_url: &str, expected: (bool, &str, u64, &str)| {
            let mut provider = crate::test_kit::provider("p");
            provider.base_url = base_url.to_owned();
            let url = Url::of(&provider).expect("an address");
            assert_eq!((url.is_tls, url.host, url.port, url.path), expected, "{base_url}");
        };
        check("https://api.example.com/v1", (true, "api.example.com", 443, "/v1"));
        check("http://10.0.0.7:8000/v1", (false, "10.0.0.7", 8000, "/v1"));
        check("http://[::1]:8000", (false, "[::1]", 8000, ""));
        check("https://[2001:db8::1]/v1", (true, "[2001:db8::1]", 443, "/v1"));
    }
}
