//! Routers in front of providers, and the parameters that measuring through them needs.

use serde::{Deserialize, Serialize};

use crate::units::Dialect;

/// A router that is configured as a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Router {
    /// A LiteLLM proxy.
    Litellm,
    /// OpenRouter, or a router with its routing parameters. OpenRouter's host is recognised.
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

    /// Whether it removes its own parameters from a body of this dialect. Otherwise they reach the
    /// provider, which refuses unknown parameters.
    pub(super) const fn reads_params_of(self, dialect: Dialect) -> bool {
        match self {
            Self::Litellm => matches!(dialect, Dialect::OpenaiChat | Dialect::OpenaiResponses),
            // It takes them in headers, and in the body where the plan says so.
            Self::Openrouter => true,
        }
    }
}
