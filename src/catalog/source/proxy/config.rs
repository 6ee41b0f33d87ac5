//! A proxy's configuration.

use super::error::ProxyError;
use crate::catalog::Endpoint;
use crate::catalog::source::reading::Omission;
use crate::units::names::matches_none;

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

    /// The one deployment that serves an alias; `None` names the only one there is.
    pub fn serving(&self, alias: Option<&str>, path: &str) -> Result<&Deployment, ProxyError> {
        let path = path.to_owned();
        let names = || self.aliases.iter().map(|alias| alias.name.as_str());
        let alias = match (alias, self.aliases.as_slice()) {
            (Some(name), _) => self.alias(name).ok_or_else(|| {
                let known: Vec<&str> = names().collect();
                let (alias, remedy) = (name.to_owned(), matches_none(name, &known));
                ProxyError::NoAlias { path: path.clone(), alias, remedy }
            })?,
            (None, [only]) => only,
            (None, _) => {
                return Err(ProxyError::WhichAlias {
                    path,
                    names: names().map(str::to_owned).collect(),
                });
            }
        };
        let name = alias.name.clone();
        match alias.served_by.as_slice() {
            // If others were left out, it is one of several, and may have the smallest share.
            [(only, _)] if alias.left_out == 0 => Ok(&self.deployments[*only]),
            [] => {
                let why = self.left_out.iter().find(|left| left.entry == name);
                let why = why.map_or_else(|| "it has no entry".to_owned(), |left| left.why.clone());
                Err(ProxyError::NotCalled { path, alias: name, why })
            }
            several => {
                let id = |(idx, _): &(usize, f64)| self.deployments[*idx].endpoint.id.to_string();
                Err(ProxyError::Several {
                    path,
                    alias: name,
                    ids: several.iter().map(id).collect(),
                    left_out: alias.left_out,
                })
            }
        }
    }
}
