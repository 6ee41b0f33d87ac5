//! What can be called, and at what price: providers, models, endpoints, variants, limits.

mod agreed;
pub mod base_url;
pub mod check;
pub mod diff;
pub mod error;
pub mod filter;
mod headers;
mod key_command;
pub mod load;
pub(crate) mod overlay;
pub(crate) mod price;
pub mod rates;
pub(crate) mod raw;
mod router;
pub mod snapshot;
pub mod source;
pub(crate) mod variant;

#[cfg(test)]
mod cost_tests;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::units::{EndpointId, ServiceTier, Usage, Usd};

pub(crate) use agreed::denies_collection;

pub use crate::units::Dialect;
pub use agreed::Agreed;
pub use error::CatalogError;
pub use key_command::KeyCommand;
pub use load::{CatalogText, load_text, load_texts};
pub use rates::{Change, Hours, Price, Rate, Rates, Terms};
pub use router::Router;

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
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
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
    /// Where it is: scheme, host and the path before the operation (`/chat/completions`,
    /// `/responses`, `/messages`, `/models/…`); no trailing slash.
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
    /// Headers that it wants beside those of its dialect; names in lower case, no secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// A PEM file of certificates to trust beside the machine's own, as corporate networks have
    /// them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// What stands there before the providers themselves, where that must be known to measure them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub router: Option<Router>,
    /// What is agreed with it.
    #[serde(default, skip_serializing_if = "Agreed::is_nothing")]
    pub agreed: Agreed,
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

    /// Whether what is sent to it ends on this machine, and costs nothing there: what takes a key, or
    /// is a router, passes requests on to those that see prompts and bill.
    #[must_use]
    pub fn ends_here(&self) -> bool {
        self.is_loopback() && !self.has_key() && self.router.is_none()
    }

    /// Whether it is OpenAI's own API, at OpenAI or on Azure.
    #[must_use]
    pub fn is_openai(&self) -> bool {
        let host = self.host();
        host == "api.openai.com" || host.ends_with(".openai.azure.com")
    }

    /// Whether it is Azure, which takes its key in a header of its own.
    #[must_use]
    pub fn is_azure(&self) -> bool {
        const HOSTS: [&str; 3] =
            [".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com"];
        HOSTS.iter().any(|host| self.host().ends_with(host))
    }

    /// Whether it is OpenRouter, or something that speaks as it does.
    #[must_use]
    pub fn is_openrouter(&self) -> bool {
        let host = self.host();
        self.router == Some(Router::Openrouter)
            || host == "openrouter.ai"
            || host.ends_with(".openrouter.ai")
    }

    /// The one provider that a router is pinned to, by the router's own word for it:
    /// `openrouter/deepinfra` is OpenRouter pinned to `deepinfra`; `None`: it routes as it likes, or
    /// is no router.
    #[must_use]
    pub fn pin(&self) -> Option<&str> {
        let (_, tag) = self.name.split_once('/').filter(|_| self.is_openrouter())?;
        (!tag.is_empty()).then_some(tag)
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

    /// What a usage costs here, of a request that was sent at this time.
    #[must_use]
    pub fn cost(&self, usage: &Usage, at: jiff::Timestamp) -> Option<Usd> {
        let tier = usage.service_tier.or(self.asked_tier());
        self.price.cost_under(usage, &Terms { at: Some(at), tier })
    }

    /// What a usage is expected to cost, at whatever time it is sent.
    #[must_use]
    pub fn expected_cost(&self, usage: &Usage) -> Option<Usd> {
        self.price.cost_under(usage, &Terms { at: None, tier: self.asked_tier() })
    }

    /// The most that a request can cost here: what a budget reserves. `None`: the price is not known,
    /// or searches are charged and its parameters ask for some, of which nobody says how many.
    #[must_use]
    pub fn at_most(&self, input: u64, output: u64) -> Option<Usd> {
        if self.asks_to_search() && self.price.charges_searches() {
            return None;
        }
        self.price.at_most(input, output, self.asked_tier())
    }

    /// Whether its parameters let the provider search the web, in the words of any API: tools of its
    /// own (`web_search_preview`, `google_search`), a plugin, options of a search.
    fn asks_to_search(&self) -> bool {
        let tools =
            self.params.get("tools").is_some_and(|tools| tools.to_string().contains("search"));
        tools
            || ["plugins", "web_search_options"].iter().any(|name| self.params.contains_key(*name))
    }

    /// The service tier that its parameters ask for.
    fn asked_tier(&self) -> Option<ServiceTier> {
        ServiceTier::from_name(self.params.get("service_tier")?.as_str()?)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}

/// What a price list says of an endpoint beside how to call it and what it costs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The day after which it may be gone.
    pub expires: Option<Date>,
    /// The day it was first offered.
    pub created: Option<Date>,
    /// The model that this name stands for at present: what is measured today need not be what
    /// answers tomorrow.
    pub alias_of: Option<String>,
    /// The context window of the model, where this endpoint's differs.
    pub model_context_window: Option<u64>,
    /// Whether it answers on OpenAI's responses API alone.
    pub responses_only: bool,
}

/// Where and when the prices of a catalog were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotStamp {
    /// The source: `openrouter`, a file, a URL.
    pub source: String,
    /// RFC 3339.
    pub fetched_at: String,
}

/// A resolved catalog: endpoints in the order of the file, variants after their endpoint.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// All endpoints; ids are unique.
    pub endpoints: Vec<Endpoint>,
    /// What looked odd but was accepted, one line each.
    pub warnings: Vec<String>,
    /// What else is known of endpoints, by id; those without anything are left out.
    pub facts: BTreeMap<EndpointId, Facts>,
    /// The snapshots that it was made of.
    pub snapshots: Vec<SnapshotStamp>,
}
