//! Public price lists to a catalog: OpenRouter, LiteLLM, models.dev.
//!
//! A list is foreign data: what is not known of it is passed over, but an entry that does not load
//! is named with the reason, and a field that holds a price and is not read is counted. Amounts
//! are read from their own digits, never through a float.

mod fields;
pub mod keyed;
mod litellm;
mod models_dev;
mod openrouter;
mod providers;
pub mod proxy;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::load::is_name;
use super::rates::Price;
use super::{Catalog, CatalogError, Endpoint, Facts, diff, load_text};
use crate::units::EndpointId;
use fields::Fields;

pub use models_dev::read_folder;

/// What a price list gave.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The endpoints, in the order of the list.
    pub catalog: Catalog,
    /// Entries of the list.
    pub entries: usize,
    /// Entries that did not become an endpoint, with the reason.
    pub left_out: Vec<LeftOut>,
    /// Fields that hold a price which nothing here is charged by, and how often each stands there.
    pub not_read: BTreeMap<String, usize>,
    /// Which endpoint has an id.
    taken: BTreeMap<EndpointId, usize>,
}

/// An entry that did not become an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name in the list.
    pub entry: String,
    /// Why.
    pub why: String,
}

/// Why a price list does not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The answer is a web page.
    #[error("{path} is a web page, not a price list; name the address of the JSON itself")]
    Html {
        /// The file or URL.
        path: String,
    },
    /// Nothing at all.
    #[error("{path} is empty; nothing was synced")]
    Empty {
        /// The file or URL.
        path: String,
    },
    /// Neither JSON nor TOML.
    #[error("{path}: {why}")]
    Malformed {
        /// The file or URL.
        path: String,
        /// What the parser said, with the line.
        why: String,
    },
    /// JSON of another kind.
    #[error(
        "{path} is no price list that is known here: OpenRouter's has \"data\", LiteLLM's has \
         \"litellm_provider\" in its entries, models.dev's has \"models\" in its providers"
    )]
    UnknownForm {
        /// The file or URL.
        path: String,
    },
    /// A list without a single endpoint.
    #[error("{path} lists no endpoint; nothing was synced")]
    NoEntries {
        /// The file or URL.
        path: String,
    },
    /// An entry whose field is not what it has to be.
    #[error("{path}: {entry}: {field} {why}; nothing was synced")]
    BadEntry {
        /// The file or URL.
        path: String,
        /// The entry.
        entry: String,
        /// The field.
        field: String,
        /// What is wrong with it.
        why: String,
    },
    /// A catalog file that does not load.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A file that does not read.
    #[error("{path}: {why}")]
    Io {
        /// The file.
        path: String,
        /// What the system says.
        why: String,
    },
}

/// The providers of the price lists that have an address and a variable for their key.
#[must_use]
pub fn known_providers() -> Vec<super::Provider> {
    providers::all().filter(|p| !p.base_url.is_empty() && p.api_key_env.is_some()).collect()
}

/// Reads a price list, by its form. `path` is what errors name.
pub fn read(text: &str, path: &str) -> Result<Reading, SourceError> {
    let path = path.to_owned();
    let text = text.trim_start_matches('\u{feff}');
    let start = text.trim_start();
    if start.is_empty() {
        return Err(SourceError::Empty { path });
    }
    if start.starts_with('<') {
        return Err(SourceError::Html { path });
    }
    let reading = if start.starts_with('{') {
        read_json(text, &path)?
    } else {
        let catalog = load_text(text, &path)?;
        Reading { entries: catalog.endpoints.len(), catalog, ..Reading::default() }
    };
    if reading.catalog.endpoints.is_empty() {
        return Err(SourceError::NoEntries { path });
    }
    Ok(reading)
}

fn read_json(text: &str, path: &str) -> Result<Reading, SourceError> {
    let malformed = |error: serde_json::Error| SourceError::Malformed {
        path: path.to_owned(),
        why: json_why(&error),
    };
    let value: &serde_json::value::RawValue = serde_json::from_str(text).map_err(malformed)?;
    let top =
        Fields::of(value).ok_or_else(|| SourceError::UnknownForm { path: path.to_owned() })?;
    if top.has("data") {
        return openrouter::read(&top, path);
    }
    // The first entries tell the two apart: a list of 2,000 need not be walked twice.
    let mut first = top.iter().filter_map(|(_, value)| Fields::of(value)).take(20);
    if first.clone().any(|entry| entry.has("litellm_provider")) {
        return litellm::read(&top, path);
    }
    if first.any(|entry| entry.has("models")) {
        return models_dev::read_api(&top, path);
    }
    Err(SourceError::UnknownForm { path: path.to_owned() })
}

fn json_why(error: &serde_json::Error) -> String {
    format!("is not JSON: {error}; nothing was synced")
}

impl Reading {
    /// Takes an endpoint of the list in, unless its name cannot be one or is taken already.
    fn take(&mut self, entry: &str, endpoint: Endpoint, facts: Facts) {
        // What is written must read again.
        if !is_name(&endpoint.model) || !is_name(&endpoint.provider.name) {
            let why = "its name cannot be part of an endpoint's id (model@provider#variant)";
            self.leave_out(entry, why);
            return;
        }
        let idx = self.catalog.endpoints.len();
        if let Some(taken) = self.taken.get(&endpoint.id) {
            let known = &self.catalog.endpoints[*taken];
            let why = if known.price == endpoint.price {
                format!("{} is listed twice, at the same price", known.id)
            } else {
                // Free is no price to reserve money by where another list entry knows better.
                let better = !known.price.is_billed() && endpoint.price.is_billed();
                let (kept, other) = (diff::in_short(&known.price), diff::in_short(&endpoint.price));
                let (kept, other) = if better { (other, kept) } else { (kept, other) };
                let why = format!("{} is listed twice: {kept} is kept, {other} is not", known.id);
                if better {
                    self.catalog.endpoints[*taken].price = endpoint.price;
                }
                why
            };
            self.leave_out(entry, &why);
            return;
        }
        if facts != Facts::default() {
            self.catalog.facts.insert(endpoint.id.clone(), facts);
        }
        self.taken.insert(endpoint.id.clone(), idx);
        self.catalog.endpoints.push(endpoint);
    }

    fn leave_out(&mut self, entry: &str, why: &str) {
        self.left_out.push(LeftOut { entry: entry.to_owned(), why: why.to_owned() });
    }

    fn count_unread(&mut self, field: &str) {
        *self.not_read.entry(field.to_owned()).or_default() += 1;
    }
}

/// Rates that are all zero are no price: it is free.
fn free_or(rates: super::Rates) -> Price {
    let price = Price::Rates(rates);
    if price.is_billed() { price } else { Price::Free }
}
