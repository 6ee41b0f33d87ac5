//! `[[provider]]` tables to providers.

use std::collections::BTreeMap;

use toml::Spanned;

use super::base_url;
use super::catalog_file::{CatalogFile, SourceSpan};
use super::data_policy;
use super::error::CatalogError;
use super::headers;
use super::key_command::KeyCommand;
use super::names::{checked_name, is_variable_name, key_variable};
use super::provider::{HttpVersion, Provider};
use super::raw::RawProvider;
use super::resolve_limits::at_least_one;
use super::router::Router;
use crate::units::Dialect;
use crate::units::toml_text::{TomlError, TomlText, did_you_mean};

/// A provider, where it is defined, and whether by a snapshot.
pub(super) type Providers<'a> = BTreeMap<String, (Provider, SourceSpan<'a>, bool)>;

pub(super) fn resolve_providers<'a>(
    files: &[CatalogFile<'a>],
    warnings: &mut Vec<String>,
) -> Result<Providers<'a>, CatalogError> {
    let mut providers = Providers::new();
    let in_order = files.iter().filter(|p| p.is_snapshot());
    for file in in_order.chain(files.iter().filter(|p| !p.is_snapshot())) {
        for raw in &file.tables.provider {
            let spot = SourceSpan::new(file.toml, raw.name.span());
            let known = providers.get(raw.name.get_ref());
            let listed = match known {
                // Without an address it adds to the one that is there.
                Some((listed, _, true)) if !file.is_snapshot() => Some(listed),
                Some((listed, ..)) if raw.base_url.is_none() => Some(listed),
                Some((listed, first, _)) => {
                    let (at, name, first) = (spot.place(), listed.name.clone(), first.place());
                    return Err(CatalogError::DuplicateProvider { at, name, first });
                }
                None => None,
            };
            let provider = resolve_provider(raw, listed, file, warnings)?;
            providers.insert(provider.name.clone(), (provider, spot, file.is_snapshot()));
        }
    }
    Ok(providers)
}

/// Resolves a provider; missing keys come from the one `listed` in a snapshot.
fn resolve_provider(
    raw: &RawProvider,
    listed: Option<&Provider>,
    file: &CatalogFile<'_>,
    warnings: &mut Vec<String>,
) -> Result<Provider, CatalogError> {
    let toml = file.toml;
    let name = checked_name("name", &raw.name, toml)?;
    let dialect = match &raw.dialect {
        Some(dialect) => resolve_dialect(dialect, toml)?,
        None => listed.map_or(Dialect::OpenaiChat, |listed| listed.dialect),
    };
    let base_url = match (&raw.base_url, listed) {
        (Some(url), _) => resolve_base_url(url, toml)?,
        (None, Some(listed)) if !listed.base_url.is_empty() => listed.base_url.clone(),
        // A price list does not know the addresses of a customer's own deployments.
        (None, None) if file.is_snapshot() => String::new(),
        (None, _) => {
            let (at, key) = (toml.place_of_table(&raw.name.span()), "base_url".to_owned());
            return Err(TomlError::MissingKey { at, key }.into());
        }
    };
    let (api_key_env, api_key_cmd) = resolve_key(raw, listed, toml)?;
    let http = match (&raw.http, listed) {
        (Some(version), _) => resolve_http(version, toml)?,
        (None, listed) => listed.map_or_else(HttpVersion::default, |listed| listed.http),
    };
    let headers = headers::resolve(&raw.headers, toml)?;
    let ca_file = raw.ca_file.clone();
    let router = match &raw.router {
        Some(named) => Some(resolve_router(named, toml)?),
        None => listed.and_then(|listed| listed.router),
    };
    let data_policy = data_policy::resolve(raw, listed.map(|listed| listed.data_policy), toml)?;
    let concurrency = raw.limits.as_ref().and_then(|limits| limits.concurrency.as_ref());
    let concurrency = at_least_one("concurrency", concurrency, toml)?
        .or_else(|| listed.and_then(|listed| listed.concurrency));
    let provider = Provider {
        name,
        dialect,
        base_url,
        api_key_env,
        api_key_cmd,
        http,
        headers,
        ca_file,
        router,
        data_policy,
        concurrency,
    };
    if let Some(router) = router.filter(|router| !router.reads_params_of(dialect)) {
        warnings.push(format!(
            "{}: the cache of {} cannot be turned off in the dialect {}: answers may come out of it, \
             unless it is off in the proxy's own configuration; write dialect = \"openai-chat\"",
            toml.place(&raw.name.span()),
            router.title(),
            dialect.name()
        ));
    }
    if provider.has_key() && provider.base_url.starts_with("http://") && !provider.is_loopback() {
        warnings.push(format!(
            "{}: provider {} sends its key over http, where others on the network can read it; write \
             https if it serves it",
            toml.place(&raw.name.span()),
            provider.name
        ));
    }
    Ok(provider)
}

/// The source of a provider's key: a variable, a command, or none. It replaces the listed one.
fn resolve_key(
    raw: &RawProvider,
    listed: Option<&Provider>,
    toml: TomlText<'_>,
) -> Result<(Option<String>, Option<KeyCommand>), CatalogError> {
    match (&raw.api_key_env, &raw.api_key_cmd) {
        (Some(variable), _) if !is_variable_name(variable.get_ref()) => {
            let (at, name) = (toml.place(&variable.span()), raw.name.get_ref());
            Err(CatalogError::BadKeyVariable { at, example: key_variable(name) })
        }
        (Some(_), Some(words)) => Err(CatalogError::TwoKeys { at: toml.place(&words.span()) }),
        (Some(variable), None) => Ok((Some(variable.get_ref().clone()), None)),
        (None, Some(words)) => {
            let at = || CatalogError::NoKeyProgram { at: toml.place(&words.span()) };
            Ok((None, Some(KeyCommand::new(words.get_ref()).ok_or_else(at)?)))
        }
        (None, None) => {
            Ok(listed.map(|l| (l.api_key_env.clone(), l.api_key_cmd.clone())).unwrap_or_default())
        }
    }
}

fn resolve_http(raw: &Spanned<String>, toml: TomlText<'_>) -> Result<HttpVersion, CatalogError> {
    match raw.get_ref().as_str() {
        "1.1" => Ok(HttpVersion::Http1),
        "2" => Ok(HttpVersion::Http2),
        other => {
            let at = toml.place(&raw.span());
            Err(CatalogError::UnknownHttp { at, version: other.to_owned() })
        }
    }
}

fn resolve_router(raw: &Spanned<String>, toml: TomlText<'_>) -> Result<Router, CatalogError> {
    let router = raw.get_ref();
    Router::from_name(router).ok_or_else(|| CatalogError::UnknownWord {
        at: toml.place(&raw.span()),
        key: "router",
        text: router.clone(),
        remedy: did_you_mean(router, &Router::ALL.map(Router::name)),
    })
}

fn resolve_dialect(raw: &Spanned<String>, toml: TomlText<'_>) -> Result<Dialect, CatalogError> {
    let dialect = raw.get_ref();
    Dialect::from_name(dialect).ok_or_else(|| CatalogError::UnknownDialect {
        at: toml.place(&raw.span()),
        dialect: dialect.clone(),
        remedy: did_you_mean(dialect, &Dialect::ALL.map(Dialect::name)),
    })
}

fn resolve_base_url(raw: &Spanned<String>, toml: TomlText<'_>) -> Result<String, CatalogError> {
    let bad = |bad| CatalogError::BadUrl { at: toml.place(&raw.span()), bad };
    base_url::check(raw.get_ref()).map_err(bad)
}
