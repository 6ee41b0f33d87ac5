//! What can be called, and at what price: providers, models, endpoints, variants, limits.

pub mod error;
mod key_command;
pub mod load;
pub(crate) mod price;
pub(crate) mod raw;
pub(crate) mod variant;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::units::{EndpointId, Usage, Usd};

pub use error::CatalogError;
pub use key_command::KeyCommand;
pub use load::{CatalogText, load_text, load_texts};

/// The wire format that a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// OpenAI chat completions, and the many that imitate it.
    OpenaiChat,
}

/// The version of HTTP that a provider is asked over. It is stated rather than negotiated: a
/// latency over the one does not compare with a latency over the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum HttpVersion {
    /// HTTP/1.1, one connection for each request under way.
    #[default]
    #[serde(rename = "1.1")]
    Http1,
    /// HTTP/2, many requests on one connection; a server that does not speak it fails.
    #[serde(rename = "2")]
    Http2,
}

impl HttpVersion {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// An HTTP API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// Its name, as it stands after the `@` of an endpoint.
    pub name: String,
    /// The wire format it speaks.
    pub dialect: Dialect,
    /// Where it is: scheme, host and the path before `/chat/completions`; no trailing slash.
    pub base_url: String,
    /// The name of the environment variable that holds the key; `None`: no key is sent.
    pub api_key_env: Option<String>,
    /// The command that says the key, where no variable holds it. It is not recorded with a run, for
    /// an argument may be a secret of its own.
    #[serde(skip)]
    pub api_key_cmd: Option<KeyCommand>,
    /// The version of HTTP.
    #[serde(default, skip_serializing_if = "HttpVersion::is_default")]
    pub http: HttpVersion,
}

impl Provider {
    /// Whether a key is sent to it.
    #[must_use]
    pub fn has_key(&self) -> bool {
        self.api_key_env.is_some() || self.api_key_cmd.is_some()
    }

    /// Whether it is on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Whether it is OpenAI's own API, at OpenAI or on Azure.
    #[must_use]
    pub fn is_openai(&self) -> bool {
        let host = self.host();
        host == "api.openai.com" || host.ends_with(".openai.azure.com")
    }

    /// The host of its base URL, without port or brackets.
    fn host(&self) -> &str {
        let rest = self.base_url.split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.split('/').next().unwrap_or("");
        match authority.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or(""),
            None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
        }
    }
}

/// Prices for one token (or one request) each, in dollars. A class without a price of its own
/// costs what its whole costs: cached input as input, reasoning as output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rates {
    /// For a prompt token.
    pub input: Usd,
    /// For an output token.
    pub output: Usd,
    /// For a prompt token read from the provider's cache.
    pub cached_input: Option<Usd>,
    /// For a prompt token written to the provider's cache.
    pub cache_write: Option<Usd>,
    /// For a reasoning token.
    pub reasoning: Option<Usd>,
    /// For a request, whatever its size.
    pub per_request: Option<Usd>,
}

/// What an endpoint costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Price {
    /// Published rates.
    Rates(Rates),
    /// Dollars per hour of a machine of one's own: a request costs nothing more, and what a task
    /// costs depends on how many the machine answers in an hour.
    PerHour(Usd),
    /// Costs nothing.
    Free,
    /// Not known: shown, kept out of the weights, refused under a budget.
    Unknown,
}

impl Price {
    /// What a usage costs. `None` when the price is unknown, or when a count that the price needs
    /// is.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Option<Usd> {
        let rates = match self {
            Self::Free | Self::PerHour(_) => return Some(Usd::ZERO),
            Self::Unknown => return None,
            Self::Rates(rates) => rates,
        };
        let (input, output) = (usage.input?, usage.output?);
        let cached = usage.cached_input.unwrap_or(0).min(input);
        let written = usage.cache_write.unwrap_or(0).min(input - cached);
        let reasoning = usage.reasoning.unwrap_or(0).min(output);
        Some(
            rates.input.times(input - cached - written)
                + rates.cached_input.unwrap_or(rates.input).times(cached)
                + rates.cache_write.unwrap_or(rates.input).times(written)
                + rates.output.times(output - reasoning)
                + rates.reasoning.unwrap_or(rates.output).times(reasoning)
                + rates.per_request.unwrap_or(Usd::ZERO),
        )
    }

    /// The most that a request can cost whose prompt has at most `input` tokens and whose answer
    /// has at most `output`, every token at the dearest rate that could apply to it.
    #[must_use]
    pub fn at_most(&self, input: u64, output: u64) -> Option<Usd> {
        let rates = match self {
            Self::Free | Self::PerHour(_) => return Some(Usd::ZERO),
            Self::Unknown => return None,
            Self::Rates(rates) => rates,
        };
        let dearest = |base: Usd, others: &[Option<Usd>]| {
            others.iter().flatten().copied().fold(base, Ord::max)
        };
        Some(
            dearest(rates.input, &[rates.cached_input, rates.cache_write]).times(input)
                + dearest(rates.output, &[rates.reasoning]).times(output)
                + rates.per_request.unwrap_or(Usd::ZERO),
        )
    }

    /// Whether a call can cost money: published rates that are not all zero, or an unknown price.
    #[must_use]
    pub fn is_billed(&self) -> bool {
        match self {
            Self::Free | Self::PerHour(_) => false,
            Self::Unknown => true,
            Self::Rates(_) => self.at_most(1, 1) != Some(Usd::ZERO),
        }
    }
}

/// Limits of an endpoint, as its catalog states them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Requests a minute.
    pub requests_per_min: Option<u32>,
    /// Tokens a minute, prompt and output together.
    pub tokens_per_min: Option<u64>,
    /// Requests under way at once.
    pub concurrency: Option<u32>,
}

/// What an endpoint is able to do beyond answering in text.
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

/// One model as one provider serves it (with a variant's parameters applied): what is benchmarked
/// and what is routed to.
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
    /// Tokens of prompt and answer together; `None`: not known, so not checked.
    pub context_window: Option<u64>,
    /// Tokens of an answer at most.
    pub max_output: Option<u64>,
    /// Its limits.
    pub limits: Limits,
    /// What it is able to do; `None`: not stated, so assumed to take everything.
    pub supports: Option<BTreeSet<Capability>>,
    /// The variant's name.
    pub variant: Option<String>,
    /// Parameters that are added to the request body.
    pub params: serde_json::Map<String, serde_json::Value>,
    /// A system message that comes first.
    pub system: Option<String>,
    /// Whether answers are streamed.
    pub stream: bool,
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
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}

/// A resolved catalog: endpoints in the order of the file, variants after their endpoint.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// All endpoints; ids are unique.
    pub endpoints: Vec<Endpoint>,
    /// What looked odd but was accepted, one line each.
    pub warnings: Vec<String>,
}
