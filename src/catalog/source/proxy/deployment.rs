//! One entry of `model_list` to an endpoint.

use std::collections::BTreeSet;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::config::Deployment;
use super::prefix::{self, Prefix};
use super::yaml::Node;
use crate::catalog::Price;
use crate::catalog::names::{is_name, is_variable_name, key_variable};
use crate::catalog::source::fields::Fields;
use crate::catalog::source::reading::Reading;
use crate::catalog::source::{litellm, providers};
use crate::catalog::{
    Catalog, Dialect, Endpoint, Limits, Router, SnapshotStamp, load_text, snapshot,
};
use crate::units::EndpointId;

/// Parameters that the proxy sends with each request of a deployment; they are carried over.
const SENT: [&str; 12] = [
    "frequency_penalty",
    "max_completion_tokens",
    "max_tokens",
    "presence_penalty",
    "reasoning_effort",
    "response_format",
    "seed",
    "service_tier",
    "stop",
    "temperature",
    "top_p",
    "verbosity",
];
/// Parameters that are read here or configure the proxy itself.
const READ: [&str; 22] = [
    "api_base",
    "api_key",
    "api_version",
    "base_url",
    "cooldown_time",
    "custom_llm_provider",
    "input_cost_per_token",
    "max_parallel_requests",
    "max_retries",
    "model",
    "num_retries",
    "order",
    "output_cost_per_token",
    "request_timeout",
    "rpm",
    "stream_timeout",
    "tags",
    "timeout",
    "tpm",
    "use_in_pass_through",
    "use_litellm_proxy",
    "weight",
];
/// Placeholders for the key of a server that needs none.
const NO_KEYS: [&str; 11] = [
    "",
    "anything",
    "dummy",
    "empty",
    "fake",
    "fake-key",
    "na",
    "no-key",
    "none",
    "not-needed",
    "null",
];
/// The source of prices that the file states.
pub(super) const BY_FILE: &str = "the proxy's configuration";
/// LiteLLM's prefix of environment variables.
const VARIABLE: &str = "os.environ/";

/// Where a deployment's key comes from.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Key {
    None,
    Variable(String),
    /// The file itself. The key is compared, to tell two customers of one provider apart, and is
    /// dropped with the reader.
    InFile(String),
}

/// The values by which the proxy chooses among deployments.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RoutingWeights {
    weight: Option<f64>,
    rpm: Option<f64>,
    tpm: Option<f64>,
}

/// A deployment without its final names.
pub(super) struct Draft {
    pub(super) prefix: Prefix,
    pub(super) key: Key,
    pub(super) endpoint: Endpoint,
    /// The model that the file says stands behind the deployment's own name.
    pub(super) base_model: Option<String>,
    pub(super) priced_by: Option<String>,
    pub(super) dropped: Vec<String>,
}

impl Draft {
    /// Reads an entry; `Err`: why it cannot be called from here.
    pub(super) fn read(
        entry: &Node,
        params: &Node,
        variable: &dyn Fn(&str) -> Option<String>,
        lists: &[Catalog],
    ) -> Result<Self, String> {
        let model = params.text("model").ok_or("it has no model in its litellm_params")?;
        if model.contains('*') || entry.text("model_name").is_some_and(|name| name.contains('*')) {
            return Err(
                "it is a wildcard, which names no model; write one entry for each".to_owned()
            );
        }
        let info = entry.get("model_info");
        let said = |key: &str| info.and_then(|info| info.text(key)).or_else(|| params.text(key));
        let mode = said("mode").unwrap_or("chat");
        if !["chat", "responses", "completion"].contains(&mode) {
            return Err(format!("it answers in no text: its mode is {mode}"));
        }
        let (prefix, upstream) = prefix::split(model, params.text("custom_llm_provider"))?;
        let responses = upstream.strip_prefix("responses/");
        let upstream = responses.unwrap_or(upstream);
        if upstream.trim().is_empty() {
            return Err(format!("{model:?} names no model"));
        }
        let api_base = address(params, variable)?;
        let base_url = prefix.base_url(api_base.as_deref())?;
        let mut provider = providers::named(prefix.name);
        provider.dialect = match prefix.dialect {
            Dialect::OpenaiChat if responses.is_some() || mode == "responses" => {
                Dialect::OpenaiResponses
            }
            dialect => dialect,
        };
        provider.router = (prefix.litellm == "litellm_proxy").then_some(Router::Litellm);
        provider.base_url = base_url;
        provider.api_key_env = None;
        let key = key(params, prefix, provider.is_loopback());
        let base_model = said("base_model");
        let mut draft = Self {
            prefix,
            key,
            base_model: base_model.map(|name| base_name(prefix, name)),
            endpoint: Endpoint {
                id: EndpointId::from_text(""),
                model: String::new(),
                upstream_model: upstream.to_owned(),
                price: Price::Unknown,
                context_window: None,
                max_output: None,
                limits: limits(entry, params),
                supports: None,
                variant: None,
                params: sent(params),
                system: None,
                stream: true,
                request_form: crate::catalog::RequestForm::default(),
                provider,
            },
            priced_by: None,
            dropped: dropped(params),
        };
        draft.take_from_file(info, params)?;
        draft.take_from_lists(base_model, lists);
        Ok(draft)
    }

    /// Gives it its names, and the variable of its key.
    pub(super) fn name(&mut self, provider: &str, model: &str) {
        let named = &mut self.endpoint.provider;
        provider.clone_into(&mut named.name);
        named.api_key_env = match &self.key {
            Key::None => None,
            Key::Variable(name) => Some(name.clone()),
            Key::InFile(_) if provider == self.prefix.name && !self.prefix.key.is_empty() => {
                Some(self.prefix.key.to_owned())
            }
            Key::InFile(_) => Some(key_variable(provider)),
        };
        model.clone_into(&mut self.endpoint.model);
        self.endpoint.id = EndpointId::new(model, provider, None);
    }

    /// Price, windows and capabilities as `model_info` and the parameters state them.
    fn take_from_file(&mut self, info: Option<&Node>, params: &Node) -> Result<(), String> {
        let keys = info.map_or(&[][..], Node::pairs).iter().chain(params.pairs());
        let mut seen = BTreeSet::new();
        let said: Vec<String> = keys
            .filter(|(key, _)| is_fact(key) && seen.insert(key.as_str()))
            .map(|(key, node)| format!("{}:{}", Value::from(key.as_str()), node.to_json()))
            .collect();
        let json = format!("{{{}}}", said.join(","));
        let raw: &RawValue = serde_json::from_str(&json).expect("JSON is written here");
        let fields = Fields::of(raw).expect("an object is written here");
        let price = litellm::price(&fields, &mut Reading::default());
        self.endpoint.price = price.map_err(|bad| format!("its {bad}"))?;
        if self.endpoint.price != Price::Unknown {
            self.priced_by = Some(BY_FILE.to_owned());
        }
        self.endpoint.context_window = fields.count("max_input_tokens");
        self.endpoint.max_output = fields.count("max_output_tokens");
        if fields.iter().any(|(key, _)| key.starts_with("supports_")) {
            self.endpoint.supports = Some(litellm::supports(&fields));
        }
        Ok(())
    }

    /// Takes missing values from the first list that has this model at this provider.
    fn take_from_lists(&mut self, base_model: Option<&str>, lists: &[Catalog]) {
        if !self.prefix.is_listed(&self.endpoint.provider.base_url) {
            return;
        }
        let (provider, upstream) = match base_model.map(|name| (name.split_once('/'), name)) {
            Some((Some((theirs, rest)), _)) => (providers::of_litellm(theirs), rest),
            Some((None, name)) => (self.prefix.name.to_owned(), name),
            None => (self.prefix.name.to_owned(), self.endpoint.upstream_model.as_str()),
        };
        let is_it = |e: &&Endpoint| e.provider.name == provider && e.upstream_model == upstream;
        let known = lists.iter().find_map(|list| Some((list.endpoints.iter().find(is_it)?, list)));
        let Some((known, list)) = known else { return };
        let endpoint = &mut self.endpoint;
        if endpoint.price == Price::Unknown && known.price != Price::Unknown {
            endpoint.price = known.price.clone();
            self.priced_by = Some(of_list(list.snapshots.first()));
        }
        endpoint.context_window = endpoint.context_window.or(known.context_window);
        endpoint.max_output = endpoint.max_output.or(known.max_output);
        endpoint.supports = endpoint.supports.take().or_else(|| known.supports.clone());
    }
}

/// Where a list's prices come from, in words.
fn of_list(stamp: Option<&SnapshotStamp>) -> String {
    stamp.map_or_else(
        || "a price list".to_owned(),
        |stamp| format!("{}, {}", stamp.source, stamp.fetched_at.get(..10).unwrap_or("undated")),
    )
}

/// Whether a key states a price, a size or a capability.
fn is_fact(key: &str) -> bool {
    key.contains("_cost")
        || key.starts_with("supports_")
        || ["max_input_tokens", "max_output_tokens", "off_peak_pricing"].contains(&key)
}

/// The address that the file gives, out of a variable where it says so.
fn address(
    params: &Node,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<String>, String> {
    let Some(given) = params.text("api_base").or_else(|| params.text("base_url")) else {
        return Ok(None);
    };
    match given.strip_prefix(VARIABLE) {
        None => Ok(Some(given.to_owned())),
        Some(name) => match variable(name).filter(|value| !value.trim().is_empty()) {
            Some(value) => Ok(Some(value)),
            None => Err(format!("its api_base is in {name}, which is not set")),
        },
    }
}

fn key(params: &Node, prefix: Prefix, loopback: bool) -> Key {
    let Some(given) = params.text("api_key") else {
        // LiteLLM looks into the provider's usual variable; a server of one's own wants none.
        let needs = !prefix.key.is_empty() && !loopback;
        return if needs { Key::Variable(prefix.key.to_owned()) } else { Key::None };
    };
    let given = given.trim();
    match given.strip_prefix(VARIABLE) {
        Some(name) if is_variable_name(name) => Key::Variable(name.to_owned()),
        None if NO_KEYS.contains(&given.to_ascii_lowercase().as_str()) => Key::None,
        _ => Key::InFile(given.to_owned()),
    }
}

/// `author/name` of a base model: `azure/gpt-4o` and `gpt-4o` are OpenAI's where they stand on Azure.
fn base_name(prefix: Prefix, base_model: &str) -> String {
    let (theirs, rest) = base_model.split_once('/').unwrap_or((prefix.litellm, base_model));
    // Azure puts a region before the name.
    let rest = rest.rsplit('/').next().unwrap_or(rest);
    let ours = providers::of_litellm(theirs);
    let author = if ours == "azure" { "openai" } else { ours.as_str() };
    as_name(&providers::model_at(author, rest))
}

/// A name without the separators of an endpoint's id.
pub(super) fn as_name(name: &str) -> String {
    let ok = |c: char| is_name(c.encode_utf8(&mut [0; 4]));
    name.chars().map(|c| if ok(c) { c } else { '-' }).collect()
}

fn limits(entry: &Node, params: &Node) -> Limits {
    // Older files have them beside litellm_params.
    let number = |key: &str| {
        let text = params.text(key).or_else(|| entry.text(key))?.replace('_', "");
        text.parse::<u64>().ok().filter(|n| *n > 0)
    };
    let small = |key: &str| number(key).and_then(|n| u32::try_from(n).ok());
    Limits {
        requests_per_min: small("rpm"),
        tokens_per_min: number("tpm"),
        concurrency: small("max_parallel_requests"),
    }
}

fn sent(params: &Node) -> Map<String, Value> {
    let sent = params.pairs().iter().filter(|(key, _)| SENT.contains(&key.as_str()));
    sent.filter_map(|(key, node)| Some((key.clone(), serde_json::from_str(&node.to_json()).ok()?)))
        .filter(|(_, value): &(String, Value)| !value.is_null())
        .collect()
}

/// The names of parameters that change a request and are not carried over.
fn dropped(params: &Node) -> Vec<String> {
    let known = |key: &str| SENT.contains(&key) || READ.contains(&key) || is_fact(key);
    params.pairs().iter().filter(|(key, _)| !known(key)).map(|(key, _)| key.clone()).collect()
}

impl RoutingWeights {
    pub(super) fn read(entry: &Node, params: &Node) -> Self {
        let number = |key: &str| {
            let text = params.text(key).or_else(|| entry.text(key))?.replace('_', "");
            text.parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0)
        };
        Self { weight: number("weight"), rpm: number("rpm"), tpm: number("tpm") }
    }
}

/// Each deployment's share of the requests, as the proxy's `simple-shuffle` draws them: by the first
/// of weight, rpm and tpm that any of them states, else equally (docs.litellm.ai, load balancing).
pub(super) fn shares(weights: &[RoutingWeights]) -> Vec<f64> {
    let by: [fn(&RoutingWeights) -> Option<f64>; 3] = [|w| w.weight, |w| w.rpm, |w| w.tpm];
    let stated = by.iter().find(|of| weights.iter().any(|w| of(w).is_some_and(|n| n > 0.0)));
    let drawn: Vec<f64> =
        weights.iter().map(|w| stated.map_or(1.0, |of| of(w).unwrap_or(0.0))).collect();
    let sum: f64 = drawn.iter().sum();
    drawn.into_iter().map(|w| w / sum).collect()
}

/// Names an endpoint with parameters of its own after its alias.
pub(super) fn make_variant(
    endpoint: &mut Endpoint,
    alias: &str,
    taken: &BTreeSet<&str>,
    known: &[Deployment],
) {
    let slug = prefix::slug(alias);
    let wanted = if slug.is_empty() { "proxy".to_owned() } else { slug };
    let mut n = 1;
    loop {
        let name = if n == 1 { wanted.clone() } else { format!("{wanted}-{n}") };
        let id = EndpointId::new(&endpoint.model, &endpoint.provider.name, Some(&name));
        let same = known.iter().find(|d| d.endpoint.id == id);
        let free = !taken.contains(id.as_str());
        if free || same.is_some_and(|d| d.endpoint.params == endpoint.params) {
            endpoint.id = id;
            endpoint.variant = Some(name);
            return;
        }
        n += 1;
    }
}

/// Checks that the endpoint loads from the text that will be written.
pub(super) fn check(endpoint: &Endpoint) -> Result<(), String> {
    let text = snapshot::provider_text(&endpoint.provider)
        + &snapshot::endpoint_text(endpoint, None, &snapshot::price_text(&endpoint.price))
        + &snapshot::variant_text(endpoint);
    match load_text(&text, "") {
        Ok(_) => Ok(()),
        Err(error) => {
            let said = error.to_string();
            // The place is in a generated text, which the user never sees.
            Err(said.split_once(": ").map_or(said.as_str(), |(_, why)| why).to_owned())
        }
    }
}
