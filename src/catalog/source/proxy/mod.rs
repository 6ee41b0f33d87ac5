//! Reads a LiteLLM proxy's `config.yaml`: its deployments as endpoints, with aliases, limits and
//! prices.
//!
//! Keys in the file are compared and never kept. Entries that cannot be called, and parameters that
//! are not carried over, are reported with the reason.

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
