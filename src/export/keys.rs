//! The variables that hold the providers' keys. A configuration names them and never holds a key.

use std::collections::BTreeMap;

use super::error::ExportError;
use super::routing::Routing;
use crate::catalog::{Provider, is_variable_name};
use crate::units::names::matches_none;

/// A `--key`: the variable of a provider; `None`: it takes no key.
pub type KeyVariable = (String, Option<String>);

/// Puts the variables that were named in place of the catalog's, and checks that each provider's is
/// known.
pub fn apply_keys(routing: &mut Routing, keys: &[KeyVariable]) -> Result<(), ExportError> {
    let named: BTreeMap<&str, Option<&str>> =
        keys.iter().map(|(provider, name)| (provider.as_str(), name.as_deref())).collect();
    let mut known: Vec<&str> =
        routing.endpoints.iter().map(|endpoint| endpoint.provider.name.as_str()).collect();
    known.sort_unstable();
    known.dedup();
    if let Some(wrong) = named.keys().find(|provider| !known.contains(*provider)) {
        let (provider, remedy) = ((*wrong).to_owned(), matches_none(wrong, &known));
        return Err(ExportError::NoSuchProvider { provider, remedy });
    }
    for endpoint in &mut routing.endpoints {
        let provider = &mut endpoint.provider;
        let is_named = match named.get(provider.name.as_str()) {
            Some(variable) => {
                provider.api_key_env = variable.map(str::to_owned);
                true
            }
            None => false,
        };
        check(provider, is_named)?;
    }
    Ok(())
}

fn check(provider: &Provider, is_named: bool) -> Result<(), ExportError> {
    let name = || provider.name.clone();
    if provider.base_url.is_empty() {
        return Err(ExportError::NoAddress { provider: name() });
    }
    match &provider.api_key_env {
        Some(variable) if is_variable_name(variable) => Ok(()),
        // What stands there may be the key.
        Some(_) => Err(ExportError::BadVariable { provider: name() }),
        None if is_named => Ok(()),
        // A server in one's own network needs no key; whoever is on the internet does.
        None if !provider.has_key()
            && (!provider.base_url.starts_with("https://") || provider.is_loopback()) =>
        {
            Ok(())
        }
        None => {
            Err(ExportError::UnknownKey { provider: name(), base_url: provider.base_url.clone() })
        }
    }
}
