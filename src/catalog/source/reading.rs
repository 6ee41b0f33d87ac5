//! The endpoints of a price list, and the entries that are none.

use std::collections::BTreeMap;

use super::fields::BadField;
use crate::catalog::names::is_name;
use crate::catalog::{Catalog, Endpoint, Facts, diff};
use crate::catalog::{Price, Rates};
use crate::units::EndpointId;
use crate::units::escape::escape_control;

/// The most characters of an entry's name that are shown.
const MAX_SHOWN: usize = 120;

/// The result of reading a price list.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The endpoints, in the order of the list.
    pub catalog: Catalog,
    /// Entries of the list.
    pub entries: usize,
    /// Entries that did not become an endpoint, with the reason.
    pub left_out: Vec<Omission>,
    /// Oddities of entries that were read, one line each.
    pub notes: Vec<String>,
    /// Unread fields that hold prices, with the number of their occurrences.
    pub not_read: BTreeMap<String, usize>,
    /// The endpoint of each id.
    taken: BTreeMap<EndpointId, usize>,
}

/// An entry that did not become an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Omission {
    /// Its name in the list.
    pub entry: String,
    /// Why.
    pub why: String,
}

impl Reading {
    /// A catalog file, each of whose entries is an endpoint.
    pub(super) fn from_catalog(catalog: Catalog) -> Self {
        Self { entries: catalog.endpoints.len(), catalog, ..Self::default() }
    }

    /// Takes an endpoint of the list in, unless its name cannot be one or is taken already.
    pub(super) fn take(&mut self, entry: &str, endpoint: Endpoint, facts: Facts) {
        // A snapshot must load again.
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
                // A budget must not trust a free entry if another one has a price.
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

    /// Reads an entry, or leaves it out with the reason.
    pub(super) fn attempt(
        &mut self,
        entry: &str,
        read: impl FnOnce(&mut Self) -> Result<(), BadField>,
    ) {
        if let Err(bad) = read(self) {
            self.leave_out(entry, &bad.to_string());
        }
    }

    pub(super) fn leave_out(&mut self, entry: &str, why: &str) {
        // A list may name an entry as it likes: it is shown on one line.
        let mut entry = escape_control(entry).into_owned();
        if let Some((at, _)) = entry.char_indices().nth(MAX_SHOWN) {
            entry.truncate(at);
            entry.push('…');
        }
        self.left_out.push(Omission { entry, why: why.to_owned() });
    }

    pub(super) fn count_unread(&mut self, field: &str) {
        *self.not_read.entry(field.to_owned()).or_default() += 1;
    }
}

/// The price with these rates; free if all are zero.
pub(super) fn free_or(rates: Rates) -> Price {
    let price = Price::Rates(rates);
    if price.is_billed() { price } else { Price::Free }
}
