//! What can be called, and at what price: providers, models, endpoints, variants, limits.

pub mod base_url;
mod catalog_file;
pub mod check;
mod data_policy;
pub mod diff;
mod endpoint;
pub mod error;
pub mod filter;
mod headers;
mod key_command;
mod listing;
mod load;
mod names;
pub(crate) mod overlay;
pub(crate) mod price;
mod provider;
pub mod rates;
pub(crate) mod raw;
mod resolve_endpoint;
mod resolve_provider;
mod router;
pub mod snapshot;
pub mod source;
pub(crate) mod variant;

#[cfg(test)]
mod cost_tests;
#[cfg(test)]
mod tests;

pub(crate) use catalog_file::CatalogFile;
pub(crate) use data_policy::denies_collection;
pub(crate) use load::resolve;
pub(crate) use names::is_name;

pub use crate::units::Dialect;
pub use catalog_file::CatalogText;
pub use data_policy::DataPolicy;
pub use endpoint::{Capability, Endpoint, Limits};
pub use error::CatalogError;
pub use key_command::KeyCommand;
pub use listing::{Catalog, Facts, SnapshotStamp};
pub use load::{load_text, load_texts};
pub use provider::{HttpVersion, Provider};
pub use rates::{Change, Hours, Price, Rate, Rates, Terms};
pub use router::Router;
