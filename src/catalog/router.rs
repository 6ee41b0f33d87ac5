//! Routers that stand before the providers, and what they must be told to be measured.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Dialect, Provider};

/// A router that stands where a provider is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Router {
    /// A proxy of LiteLLM's.
    Litellm,
    /// OpenRouter, or what takes its words for where a request goes. Its own host is known by name.
    Openrouter,
}

impl Router {
    /// Every router.
    pub const ALL: [Self; 2] = [Self::Litellm, Self::Openrouter];

    /// Reads the name in files.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|router| router.name() == name)
    }

    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Litellm => "litellm",
            Self::Openrouter => "openrouter",
        }
    }

    /// The name in prose.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Litellm => "LiteLLM",
            Self::Openrouter => "OpenRouter",
        }
    }

    /// Whether it takes its own parameters out of a body of this dialect. In the others they would
    /// go on to the provider, which refuses what it does not know.
    pub(super) const fn reads_params_of(self, dialect: Dialect) -> bool {
        match self {
            Self::Litellm => matches!(dialect, Dialect::OpenaiChat | Dialect::OpenaiResponses),
            // It is told in headers, and in the body where the plan says so.
            Self::Openrouter => true,
        }
    }

    /// What every request to a provider bears on account of its router. An answer out of LiteLLM's
    /// cache has neither the model's latency nor its price, so it is asked for none and told to keep
    /// none (docs.litellm.ai, proxy, cache controls).
    pub(super) fn params(provider: &Provider) -> Map<String, Value> {
        let mut params = Map::new();
        match provider.router.filter(|router| router.reads_params_of(provider.dialect)) {
            Some(Self::Litellm) => {
                params.insert("cache".into(), json!({"no-cache": true, "no-store": true}));
            }
            Some(Self::Openrouter) | None => {}
        }
        params
    }
}
