//! A LiteLLM proxy's `config.yaml` to endpoints: what it calls, under which aliases, with which
//! limits and prices.
//!
//! A key that stands in the file is compared and never kept. What cannot be called from here is
//! named with the reason, and so is every parameter that is not carried over.

mod config;
mod deployment;
mod error;
mod prefix;
mod reader;
mod reconcile;
mod yaml;

#[cfg(test)]
mod tests;

pub use config::{Alias, Deployment, ProxyConfig};
pub use error::ProxyError;
pub use reader::read;
