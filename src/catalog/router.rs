//! Routers that one runs oneself before the providers, and what they must be told to be measured.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Dialect, Provider};

/// A router that stands where a provider is named. OpenRouter is not among them: it is known by its
/// host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Router {
    /// A proxy of LiteLLM's.
    Litellm,
}

impl Router {
    /// Reads the name in files.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        (name == Self::Litellm.name()).then_some(Self::Litellm)
    }

    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Litellm => "litellm",
        }
    }

    /// The name in prose.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Litellm => "LiteLLM",
        }
    }

    /// Whether it takes its own parameters out of a body of this dialect. In the others they would
    /// go on to the provider, which refuses what it does not know.
    pub(super) const fn reads_params_of(self, dialect: Dialect) -> bool {
        match self {
            Self::Litellm => matches!(dialect, Dialect::OpenaiChat | Dialect::OpenaiResponses),
        }
    }

    /// What every request to a provider bears on account of its router. An answer out of LiteLLM's
    /// cache has neither the model's latency nor its price, so it is asked for none and told to keep
    /// none (docs.litellm.ai, proxy, cache controls).
    #[must_use]
    pub fn params(provider: &Provider) -> Map<String, Value> {
        let mut params = Map::new();
        match provider.router.filter(|router| router.reads_params_of(provider.dialect)) {
            Some(Self::Litellm) => {
                params.insert("cache".into(), json!({"no-cache": true, "no-store": true}));
            }
            None => {}
        }
        params
    }
}
