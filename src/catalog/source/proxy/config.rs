//! A proxy's configuration.

use super::error::ProxyError;
use crate::catalog::Endpoint;
use crate::catalog::source::reading::Omission;

/// A proxy's configuration.
#[derive(Clone, Debug, Default)]
pub struct ProxyConfig {
    /// Distinct deployments, in the order of the file.
    pub deployments: Vec<Deployment>,
    /// The names that callers use, in the order of the file.
    pub aliases: Vec<Alias>,
    /// Entries of `model_list` that did not become a deployment, with the reason.
    pub left_out: Vec<Omission>,
}

/// A model at a provider that the proxy calls.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// It as an endpoint; with parameters of its own it is a variant.
    pub endpoint: Endpoint,
    /// Whether the file holds its key, which must then be exported under the proposed name.
    pub key_in_file: bool,
    /// The source of its price; `None`: no price.
    pub priced_by: Option<String>,
    /// Parameters of the file that are not carried over.
    pub dropped: Vec<String>,
    /// Conflicts between its entries, and which value is used.
    pub conflicts: Vec<String>,
}

/// A name that callers use.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alias {
    /// The name.
    pub name: String,
    /// Its deployments: indices into [`ProxyConfig::deployments`], and each one's share of the
    /// requests by the weights of the file; with the shares of what was left out they sum to 1.
    pub served_by: Vec<(usize, f64)>,
    /// How many of its entries were left out.
    pub left_out: usize,
    /// The aliases that take over when it fails, in order.
    pub fallbacks: Vec<String>,
    /// The alias that this is another name for.
    pub stands_for: Option<String>,
}

impl ProxyConfig {
    /// The alias of this name, and what it stands for.
    #[must_use]
    pub fn alias(&self, name: &str) -> Option<&Alias> {
        let found = self.aliases.iter().find(|alias| alias.name == name)?;
        match &found.stands_for {
            // One step: a name that stands for itself must not turn for ever.
            Some(other) => self.aliases.iter().find(|alias| alias.name == *other),
            None => Some(found),
        }
    }

    /// The error for an alias none of whose deployments can be called.
    pub fn not_called(&self, alias: &Alias, path: &str) -> ProxyError {
        let why = self.left_out.iter().find(|left| left.entry == alias.name);
        let why = why.map_or_else(|| "it has no entry".to_owned(), |left| left.why.clone());
        ProxyError::NotCalled { path: path.to_owned(), alias: alias.name.clone(), why }
    }
}
