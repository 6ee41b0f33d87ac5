//! Providers: the HTTP APIs that serve endpoints.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::data_policy::DataPolicy;
use super::key_command::KeyCommand;
use super::router::Router;
use crate::units::Dialect;

/// The version of HTTP. It is configured rather than negotiated, because latencies over different
/// versions are not comparable.
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
    /// The part of an endpoint's id after the `@`.
    pub name: String,
    /// The wire format it speaks.
    pub dialect: Dialect,
    /// Scheme, host and the path before the operation (`/chat/completions`,
    /// `/responses`, `/messages`, `/models/…`); no trailing slash.
    pub base_url: String,
    /// The name of the environment variable that holds the key; `None`: no key is sent.
    pub api_key_env: Option<String>,
    /// The command that prints the key, if no variable holds it. Runs do not record it, because its
    /// arguments may be secret.
    #[serde(skip)]
    pub api_key_cmd: Option<KeyCommand>,
    /// The version of HTTP.
    #[serde(default, skip_serializing_if = "HttpVersion::is_default")]
    pub http: HttpVersion,
    /// Headers in addition to those of its dialect; names in lower case, no secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// A PEM file of certificates to trust in addition to the system's, for corporate networks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The router at this address, if measuring through it needs special parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub router: Option<Router>,
    /// What it does with prompts, by the customer's contract. Manifests call it `agreed`.
    #[serde(default, rename = "agreed", skip_serializing_if = "DataPolicy::is_default")]
    pub data_policy: DataPolicy,
    /// Requests under way at once, over all its endpoints; `None`: not limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
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

    /// Whether requests stay on this machine and cost nothing. A local address that takes a key, or is
    /// a router, forwards them to a paid provider.
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

    /// Whether it is Azure, which takes the key in the `api-key` header.
    #[must_use]
    pub fn is_azure(&self) -> bool {
        const HOSTS: [&str; 3] =
            [".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com"];
        HOSTS.iter().any(|host| self.host().ends_with(host))
    }

    /// Whether it is OpenRouter, or a router with the same API.
    #[must_use]
    pub fn is_openrouter(&self) -> bool {
        let host = self.host();
        self.router == Some(Router::Openrouter)
            || host == "openrouter.ai"
            || host.ends_with(".openrouter.ai")
    }

    /// The provider that a router is pinned to, in the router's own name for it: `deepinfra` of
    /// `openrouter/deepinfra`; `None`: not pinned, or not a router.
    #[must_use]
    pub fn pin(&self) -> Option<&str> {
        let (_, tag) = self.name.split_once('/').filter(|_| self.is_openrouter())?;
        (!tag.is_empty()).then_some(tag)
    }

    /// The parameters that its router needs in every request. A cached answer of LiteLLM has neither
    /// the model's latency nor its price, so its cache is neither read nor written
    /// (docs.litellm.ai, proxy, cache controls).
    #[must_use]
    pub fn router_params(&self) -> Map<String, Value> {
        let mut params = Map::new();
        match self.router.filter(|router| router.reads_params_of(self.dialect)) {
            Some(Router::Litellm) => {
                params.insert("cache".into(), json!({"no-cache": true, "no-store": true}));
            }
            Some(Router::Openrouter) | None => {}
        }
        params
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
