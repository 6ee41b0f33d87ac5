//! What can be called, and at what price: providers, models, endpoints, variants, limits.

pub mod base_url;
mod catalog_file;
mod change;
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
mod oddity;
mod overlay;
mod price;
mod provider;
mod rate;
mod rates;
pub(crate) mod raw;
mod request_form;
mod resolve_endpoint;
mod resolve_limits;
mod resolve_price;
mod resolve_provider;
mod router;
pub mod snapshot;
pub mod source;
mod variant;

#[cfg(test)]
mod cost_tests;
#[cfg(test)]
mod tests;

pub(crate) use catalog_file::CatalogFile;
pub(crate) use data_policy::denies_collection;
pub(crate) use endpoint::author;
pub(crate) use load::resolve;
pub(crate) use names::{is_name, is_variable_name};

pub use crate::units::Dialect;
pub use catalog_file::CatalogText;
pub use change::{Change, Hours, Terms};
pub use data_policy::DataPolicy;
pub use endpoint::{Capability, Endpoint, Limits};
pub use error::CatalogError;
pub use key_command::KeyCommand;
pub use listing::{Catalog, Facts, SnapshotStamp};
pub use load::{load_text, load_texts};
pub use oddity::Oddity;
pub use price::Price;
pub use provider::{HttpVersion, Provider};
pub use rate::Rate;
pub use rates::Rates;
pub use request_form::{MaxTokensField, RequestForm};
pub use router::Router;
