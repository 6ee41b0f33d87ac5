//! Catalog files to a catalog.
//!
//! Several files load together, so that an endpoint written in `weighbridge.toml` may stand on a
//! provider from a catalog file, and a variant may apply to endpoints of either.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::civil::Date;
use toml::Spanned;

use super::error::CatalogError;
use super::raw::{RawCatalog, RawEndpoint, RawLimits, RawProvider};
use super::{
    Capability, Catalog, Dialect, Endpoint, Facts, HttpVersion, KeyCommand, Limits, Provider,
    Router, SnapshotStamp, agreed, base_url, headers, overlay, price, snapshot, variant,
};
use crate::units::EndpointId;
use crate::units::escape::is_unsafe_char;
use crate::units::toml_text::{Place, TomlError, TomlText, did_you_mean};

/// A catalog file that has been read into memory.
#[derive(Clone, Copy, Debug)]
pub struct CatalogText<'a> {
    /// The path that errors name.
    pub path: &'a str,
    /// The file's text.
    pub text: &'a str,
}

/// Loads one catalog file. `path` is what errors name.
pub fn load_text(text: &str, path: &str) -> Result<Catalog, CatalogError> {
    load_texts(&[CatalogText { path, text }])
}

/// Loads several catalog files as one catalog.
pub fn load_texts(files: &[CatalogText<'_>]) -> Result<Catalog, CatalogError> {
    let parts: Result<Vec<_>, _> = files.iter().map(|file| Part::read(*file)).collect();
    resolve(&parts?)
}

/// The catalog tables of one file.
pub(crate) struct Part<'a> {
    pub(crate) toml: TomlText<'a>,
    pub(crate) tables: RawCatalog,
}

impl<'a> Part<'a> {
    /// Reads a catalog file without resolving it.
    pub(crate) fn read(file: CatalogText<'a>) -> Result<Self, CatalogError> {
        let toml = TomlText::new(file.path, file.text);
        Ok(Self { toml, tables: toml.decode()? })
    }
}

impl Part<'_> {
    /// Whether it was synced from a price list: then what the user writes beside it goes before it.
    fn is_snapshot(&self) -> bool {
        self.tables.snapshot.is_some()
    }
}

/// A place that is counted out only where something is said of it: a catalog may be long.
#[derive(Clone, Debug)]
pub(crate) struct Spot<'a> {
    toml: TomlText<'a>,
    span: Range<usize>,
}

impl<'a> Spot<'a> {
    pub(crate) fn new(toml: TomlText<'a>, span: Range<usize>) -> Self {
        Self { toml, span }
    }

    pub(crate) fn place(&self) -> Place {
        self.toml.place(&self.span)
    }
}

/// Resolves the tables of several files as one catalog.
pub(crate) fn resolve(parts: &[Part<'_>]) -> Result<Catalog, CatalogError> {
    let mut catalog = Catalog { snapshots: snapshots(parts)?, ..Catalog::default() };
    let providers = resolve_providers(parts, &mut catalog.warnings)?;
    let mut base = resolve_endpoints(parts, &providers, &mut catalog)?;
    overlay::apply(parts, &mut base, &mut catalog.warnings)?;
    catalog.endpoints = variant::apply(parts, base)?;
    Ok(catalog)
}

fn snapshots(parts: &[Part<'_>]) -> Result<Vec<SnapshotStamp>, CatalogError> {
    let mut stamps = Vec::new();
    for part in parts {
        let Some(raw) = &part.tables.snapshot else { continue };
        if raw.unit.get_ref() != snapshot::UNIT {
            return Err(CatalogError::SnapshotUnit {
                at: part.toml.place(&raw.unit.span()),
                unit: raw.unit.get_ref().clone(),
            });
        }
        let (source, fetched_at) = (raw.source.clone(), raw.fetched_at.clone());
        stamps.push(SnapshotStamp { source, fetched_at });
    }
    Ok(stamps)
}

/// A provider, where it is defined, and whether by a snapshot.
type Providers<'a> = BTreeMap<String, (Provider, Spot<'a>, bool)>;

fn resolve_providers<'a>(
    parts: &[Part<'a>],
    warnings: &mut Vec<String>,
) -> Result<Providers<'a>, CatalogError> {
    let mut providers = Providers::new();
    let in_order = parts.iter().filter(|p| p.is_snapshot());
    for part in in_order.chain(parts.iter().filter(|p| !p.is_snapshot())) {
        for raw in &part.tables.provider {
            let spot = Spot { toml: part.toml, span: raw.name.span() };
            let known = providers.get(raw.name.get_ref());
            let listed = match known {
                // Without an address of its own it says more of the one that is there.
                Some((listed, _, true)) if !part.is_snapshot() => Some(listed),
                Some((listed, ..)) if raw.base_url.is_none() => Some(listed),
                Some((listed, first, _)) => {
                    let (at, name, first) = (spot.place(), listed.name.clone(), first.place());
                    return Err(CatalogError::DuplicateProvider { at, name, first });
                }
                None => None,
            };
            let provider = resolve_provider(raw, listed, part, warnings)?;
            providers.insert(provider.name.clone(), (provider, spot, part.is_snapshot()));
        }
    }
    Ok(providers)
}

/// Resolves a provider; what it leaves out is as it is `listed` in a snapshot.
fn resolve_provider(
    raw: &RawProvider,
    listed: Option<&Provider>,
    part: &Part<'_>,
    warnings: &mut Vec<String>,
) -> Result<Provider, CatalogError> {
    let toml = part.toml;
    let name = checked_name("name", &raw.name, toml)?;
    let dialect = match &raw.dialect {
        Some(dialect) => resolve_dialect(dialect, toml)?,
        None => listed.map_or(Dialect::OpenaiChat, |listed| listed.dialect),
    };
    let base_url = match (&raw.base_url, listed) {
        (Some(url), _) => resolve_base_url(url, toml)?,
        (None, Some(listed)) if !listed.base_url.is_empty() => listed.base_url.clone(),
        // A price list need not know where a customer's own deployments are.
        (None, None) if part.is_snapshot() => String::new(),
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
    let agreed = agreed::resolve(raw, listed.map(|listed| listed.agreed), toml)?;
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
        agreed,
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
            "{}: provider {} sends its key over http, where anyone on the way can read it; write \
             https if it serves it",
            toml.place(&raw.name.span()),
            provider.name
        ));
    }
    Ok(provider)
}

/// Where a provider's key comes from: a variable, a command, or nowhere. What is said here stands for
/// all that was listed.
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

/// `my-ai` → `MY_AI_API_KEY`.
pub(crate) fn key_variable(provider: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let name: String = provider.chars().map(letter).collect();
    format!("{name}_API_KEY")
}

pub(crate) fn is_variable_name(text: &str) -> bool {
    // A long run of letters and digits without an underscore is more likely the key itself.
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && (text.len() < 24 || text.contains('_'))
}

/// An endpoint of a file with the place that defines it.
pub(crate) type Placed<'a> = (Endpoint, Spot<'a>);
/// The ids that are taken, and by what.
pub(crate) type Taken<'a> = BTreeMap<EndpointId, Spot<'a>>;

fn resolve_endpoints<'a>(
    parts: &[Part<'a>],
    providers: &Providers<'_>,
    catalog: &mut Catalog,
) -> Result<Vec<Placed<'a>>, CatalogError> {
    let own: BTreeSet<(&str, &str)> = parts
        .iter()
        .filter(|part| !part.is_snapshot())
        .flat_map(|part| &part.tables.endpoint)
        .map(|raw| (raw.model.get_ref().as_str(), raw.provider.get_ref().as_str()))
        .collect();
    let mut base: Vec<Placed<'a>> = Vec::new();
    let mut taken = Taken::new();
    for part in parts {
        let mut said = Vec::new();
        for raw in &part.tables.endpoint {
            let names = (raw.model.get_ref().as_str(), raw.provider.get_ref().as_str());
            if part.is_snapshot() && own.contains(&names) {
                continue;
            }
            let spot = Spot { toml: part.toml, span: raw.model.span() };
            let endpoint = resolve_endpoint(raw, part.toml, providers, &mut said)?;
            claim(&mut taken, &endpoint.id, &spot)?;
            let facts = resolve_facts(raw, part.toml)?;
            if facts != Facts::default() {
                catalog.facts.insert(endpoint.id.clone(), facts);
            }
            base.push((endpoint, spot));
        }
        // Of a whole price list nobody reads what is odd about each: `catalog check` lists it.
        if !part.is_snapshot() {
            catalog.warnings.append(&mut said);
        // What was fetched for this run alone is no file to check.
        } else if !said.is_empty() && !part.toml.path().contains("://") {
            let (n, path) = (said.len(), part.toml.path());
            catalog.warnings.push(format!(
                "{path}: {n} of its prices are unknown or odd; list them: weighbridge catalog \
                 check {path}"
            ));
        }
    }
    Ok(base)
}

fn resolve_facts(raw: &RawEndpoint, toml: TomlText<'_>) -> Result<Facts, CatalogError> {
    let day = |key, raw: &Option<Spanned<String>>| {
        let Some(raw) = raw else { return Ok(None) };
        raw.get_ref().parse::<Date>().map(Some).map_err(|_| CatalogError::BadDay {
            at: toml.place(&raw.span()),
            key,
            text: raw.get_ref().clone(),
        })
    };
    let window = raw.model_context_window.as_ref();
    Ok(Facts {
        expires: day("expires", &raw.expires)?,
        created: day("created", &raw.created)?,
        alias_of: raw.alias_of.clone(),
        model_context_window: at_least_one("model_context_window", window, toml)?,
        responses_only: raw.responses_only,
    })
}

/// Records an endpoint's id; an error when it is taken.
pub(crate) fn claim<'a>(
    taken: &mut Taken<'a>,
    id: &EndpointId,
    spot: &Spot<'a>,
) -> Result<(), CatalogError> {
    match taken.insert(id.clone(), spot.clone()) {
        None => Ok(()),
        Some(first) => Err(CatalogError::DuplicateEndpoint {
            at: spot.place(),
            id: id.to_string(),
            first: first.place(),
        }),
    }
}

fn resolve_endpoint(
    raw: &RawEndpoint,
    toml: TomlText<'_>,
    providers: &Providers<'_>,
    warnings: &mut Vec<String>,
) -> Result<Endpoint, CatalogError> {
    let model = checked_name("model", &raw.model, toml)?;
    let wanted = raw.provider.get_ref();
    let Some(provider) = provider_named(wanted, providers) else {
        let known: Vec<&str> = providers.keys().map(String::as_str).collect();
        return Err(CatalogError::UnknownProvider {
            at: toml.place(&raw.provider.span()),
            name: wanted.clone(),
            remedy: did_you_mean(wanted, &known),
        });
    };
    let id = EndpointId::new(&model, &provider.name, None);
    let price = price::resolve(raw.price.as_ref(), toml, id.as_str(), warnings)?;
    Ok(Endpoint {
        upstream_model: raw.upstream_model.clone().unwrap_or_else(|| model.clone()),
        params: Router::params(&provider),
        provider,
        price,
        context_window: at_least_one("context_window", raw.context_window.as_ref(), toml)?,
        max_output: at_least_one("max_output", raw.max_output.as_ref(), toml)?,
        limits: resolve_limits(raw.limits.as_ref(), toml)?,
        supports: raw.supports.as_ref().map(|names| resolve_supports(names, toml)).transpose()?,
        id,
        model,
        variant: None,
        system: None,
        stream: true,
    })
}

/// A provider by its name; `openrouter/deepinfra`, where nothing else is called so, is the router
/// before the slash pinned to what comes after it.
fn provider_named(name: &str, providers: &Providers<'_>) -> Option<Provider> {
    if let Some((provider, ..)) = providers.get(name) {
        return Some(provider.clone());
    }
    let (router, tag) = name.split_once('/')?;
    let (router, ..) = providers.get(router)?;
    let pinned = Provider { name: name.to_owned(), ..router.clone() };
    (router.is_openrouter() && !tag.is_empty()).then_some(pinned)
}

fn resolve_limits(raw: Option<&RawLimits>, toml: TomlText<'_>) -> Result<Limits, CatalogError> {
    let Some(raw) = raw else { return Ok(Limits::default()) };
    Ok(Limits {
        requests_per_min: at_least_one("requests_per_min", raw.requests_per_min.as_ref(), toml)?,
        tokens_per_min: at_least_one("tokens_per_min", raw.tokens_per_min.as_ref(), toml)?,
        concurrency: at_least_one("concurrency", raw.concurrency.as_ref(), toml)?,
    })
}

fn at_least_one<N: Copy + Default + PartialEq>(
    key: &'static str,
    raw: Option<&Spanned<N>>,
    toml: TomlText<'_>,
) -> Result<Option<N>, CatalogError> {
    match raw {
        Some(raw) if *raw.get_ref() == N::default() => {
            Err(CatalogError::ZeroLimit { at: toml.place(&raw.span()), key })
        }
        raw => Ok(raw.map(|raw| *raw.get_ref())),
    }
}

fn resolve_supports(
    names: &[Spanned<String>],
    toml: TomlText<'_>,
) -> Result<BTreeSet<Capability>, CatalogError> {
    let resolve_one = |raw: &Spanned<String>| {
        let name = raw.get_ref();
        Capability::ALL.into_iter().find(|c| c.name() == name).ok_or_else(|| {
            let known = Capability::ALL.map(Capability::name);
            CatalogError::UnknownCapability {
                at: toml.place(&raw.span()),
                name: name.clone(),
                remedy: did_you_mean(name, &known),
            }
        })
    };
    names.iter().map(resolve_one).collect()
}

/// The longest name, in bytes: twice the longest in the catalogs of routers, and short enough for
/// tables and charts.
const MAX_NAME_BYTES: usize = 256;

/// Whether an endpoint's id can be taken apart by a name, and whether it shows as what it is.
pub(crate) fn is_name(name: &str) -> bool {
    let forbidden = |c: char| "@#*?".contains(c) || c.is_whitespace() || is_unsafe_char(c);
    !name.is_empty() && name.len() <= MAX_NAME_BYTES && !name.contains(forbidden)
}

/// A name of a file, checked: see [`is_name`].
pub(crate) fn checked_name(
    key: &'static str,
    raw: &Spanned<String>,
    toml: TomlText<'_>,
) -> Result<String, CatalogError> {
    let name = raw.get_ref();
    let at = || toml.place(&raw.span());
    if name.len() > MAX_NAME_BYTES {
        return Err(CatalogError::LongName {
            at: at(),
            key,
            bytes: name.len(),
            limit: MAX_NAME_BYTES,
        });
    }
    if !is_name(name) {
        return Err(CatalogError::BadName { at: at(), key, name: name.clone() });
    }
    Ok(name.clone())
}
