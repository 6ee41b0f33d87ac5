//! Endpoints: one model as one provider serves it.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::change::Terms;
use super::price::Price;
use super::provider::Provider;
use super::request_form::RequestForm;
use crate::units::{EndpointId, ServiceTier, Usage, Usd};

/// Limits that the catalog states for an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Requests a minute.
    pub requests_per_min: Option<u32>,
    /// Tokens a minute, prompt and output together.
    pub tokens_per_min: Option<u64>,
    /// Requests under way at once.
    pub concurrency: Option<u32>,
}

/// What an endpoint supports beyond plain text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Takes tool definitions and calls them.
    Tools,
    /// Answers in JSON under a schema.
    JsonSchema,
    /// Takes a sampling temperature.
    Temperature,
    /// Reasons before it answers.
    Reasoning,
}

impl Capability {
    /// Every capability.
    pub const ALL: [Self; 4] = [Self::Tools, Self::JsonSchema, Self::Temperature, Self::Reasoning];

    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::JsonSchema => "json_schema",
            Self::Temperature => "temperature",
            Self::Reasoning => "reasoning",
        }
    }
}

/// One model as one provider serves it, with a variant's parameters applied: the unit of
/// benchmarking and of routing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// `author/name@provider`, with `#variant`.
    pub id: EndpointId,
    /// `author/name`.
    pub model: String,
    /// The provider that serves it.
    pub provider: Provider,
    /// What the API is asked for.
    pub upstream_model: String,
    /// What it costs.
    pub price: Price,
    /// Tokens of prompt and answer together; `None`: unknown, not checked.
    pub context_window: Option<u64>,
    /// Tokens of an answer at most.
    pub max_output: Option<u64>,
    /// Its limits.
    pub limits: Limits,
    /// `None`: not stated, so everything is assumed.
    pub supports: Option<BTreeSet<Capability>>,
    /// The variant's name.
    pub variant: Option<String>,
    /// Parameters that are added to the request body.
    pub params: serde_json::Map<String, serde_json::Value>,
    /// A system message that comes first.
    pub system: Option<String>,
    /// Whether answers are streamed.
    pub stream: bool,
    /// The form in which it takes requests.
    #[serde(default, skip_serializing_if = "RequestForm::is_default")]
    pub request_form: RequestForm,
}

impl Endpoint {
    /// Whether it has a capability, as far as its catalog says.
    #[must_use]
    pub fn can(&self, capability: Capability) -> bool {
        self.supports.as_ref().is_none_or(|set| set.contains(&capability))
    }

    /// Whether its provider is on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.provider.is_loopback()
    }

    /// The cost of a usage whose request was sent at this time.
    #[must_use]
    pub fn cost(&self, usage: &Usage, at: jiff::Timestamp) -> Option<Usd> {
        let tier = usage.service_tier.or(self.asked_tier());
        self.price.cost_under(usage, &Terms { at: Some(at), tier })
    }

    /// The expected cost of a usage, whenever it is sent.
    #[must_use]
    pub fn expected_cost(&self, usage: &Usage) -> Option<Usd> {
        self.price.cost_under(usage, &Terms { at: None, tier: self.asked_tier() })
    }

    /// The highest cost of a request, which a budget reserves. `None`: the price is unknown, or the
    /// parameters allow paid searches, whose number is not bounded.
    #[must_use]
    pub fn max_cost(&self, input: u64, output: u64) -> Option<Usd> {
        if self.asks_to_search() && self.price.charges_searches() {
            return None;
        }
        self.price.max_cost(input, output, self.asked_tier())
    }

    /// Whether its parameters allow web searches, in any API's form: provider tools
    /// (`web_search_preview`, `google_search`), a plugin, search options.
    fn asks_to_search(&self) -> bool {
        let tools =
            self.params.get("tools").is_some_and(|tools| tools.to_string().contains("search"));
        tools
            || ["plugins", "web_search_options"].iter().any(|name| self.params.contains_key(*name))
    }

    /// The service tier in its parameters.
    fn asked_tier(&self) -> Option<ServiceTier> {
        ServiceTier::from_name(self.params.get("service_tier")?.as_str()?)
    }
}

/// The author of a model: the text before the first slash.
pub(crate) fn author(model: &str) -> &str {
    model.split_once('/').map_or(model, |(author, _)| author)
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}
