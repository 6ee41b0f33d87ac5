//! Public price lists to a catalog: OpenRouter, LiteLLM, models.dev.
//!
//! A list is foreign data: what is not known of it is passed over, but an entry that does not load
//! is named with the reason, and a field that holds a price and is not read is counted. Amounts
//! are read from their own digits, never through a float.

mod env_provider;
mod error;
mod fields;
mod litellm;
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
pub use models_dev::read_folder;
pub use read::{known_providers, read};
pub use reading::{Omission, Reading};
