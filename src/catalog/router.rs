//! Routers that stand before the providers, and what they must be told to be measured.

use serde::{Deserialize, Serialize};

use crate::units::Dialect;

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
}
