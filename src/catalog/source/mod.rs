//! Public price lists to a catalog: OpenRouter, LiteLLM, models.dev.
//!
//! Lists are foreign data: unknown fields are ignored, but an entry that does not load is reported
//! with the reason, and unread fields that hold prices are counted. Amounts are parsed from their
//! digits, never through a float.

mod env_provider;
mod error;
mod fields;
mod litellm;
mod litellm_info;
mod models_dev;
mod openrouter;
mod providers;
pub mod proxy;
mod read;
mod reading;

#[cfg(test)]
mod tests;

pub use env_provider::{EnvProvider, env_providers, filter_by_provider, match_pin, with_provider};
pub use error::SourceError;
pub use litellm_info::at_proxy;
pub use models_dev::read_folder;
pub use read::{known_providers, read};
pub use reading::{Omission, Reading};
