//! Catalog files to a catalog.
//!
//! Several files load together, so that an endpoint written in `weighbridge.toml` may stand on a
//! provider from a catalog file, and a variant may apply to endpoints of either.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

use super::error::CatalogError;
use super::raw::{RawCatalog, RawEndpoint, RawLimits, RawProvider};
use super::{
    Capability, Catalog, Dialect, Endpoint, HttpVersion, KeyCommand, Limits, Provider, price,
    variant,
};
use crate::units::EndpointId;
use crate::units::plain::acts;
use crate::units::toml_text::{Place, TomlText, did_you_mean};

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

/// Resolves the tables of several files as one catalog.
pub(crate) fn resolve(parts: &[Part<'_>]) -> Result<Catalog, CatalogError> {
    let mut warnings = Vec::new();
    let providers = resolve_providers(parts, &mut warnings)?;
    let base = resolve_endpoints(parts, &providers, &mut warnings)?;
    let endpoints = variant::apply(parts, base)?;
    Ok(Catalog { endpoints, warnings })
}

type Providers = BTreeMap<String, (Provider, Place)>;

fn resolve_providers(
    parts: &[Part<'_>],
    warnings: &mut Vec<String>,
) -> Result<Providers, CatalogError> {
    let mut providers = Providers::new();
    for part in parts {
        for raw in &part.tables.provider {
            let (provider, at) = resolve_provider(raw, part.toml, warnings)?;
            if let Some((_, first)) = providers.get(&provider.name) {
                let (name, first) = (provider.name, first.clone());
                return Err(CatalogError::DuplicateProvider { at, name, first });
            }
            providers.insert(provider.name.clone(), (provider, at));
        }
    }
    Ok(providers)
}

fn resolve_provider(
    raw: &RawProvider,
    toml: TomlText<'_>,
    warnings: &mut Vec<String>,
) -> Result<(Provider, Place), CatalogError> {
    let at = toml.place(&raw.name.span());
    let name = checked_name("name", &raw.name, toml)?;
    let dialect = match &raw.dialect {
        Some(dialect) => resolve_dialect(dialect, toml)?,
        None => Dialect::OpenaiChat,
    };
    let base_url = resolve_base_url(&raw.base_url, toml)?;
    if let Some(variable) = raw.api_key_env.as_ref().filter(|v| !is_variable_name(v.get_ref())) {
        let at = toml.place(&variable.span());
        return Err(CatalogError::BadKeyVariable { at, example: key_variable(&name) });
    }
    let api_key_env = raw.api_key_env.as_ref().map(|v| v.get_ref().clone());
    let http = raw.http.as_ref().map_or(Ok(HttpVersion::default()), |v| resolve_http(v, toml))?;
    let api_key_cmd = resolve_key_command(raw, toml)?;
    let provider = Provider { name, dialect, base_url, api_key_env, api_key_cmd, http };
    if provider.has_key() && provider.base_url.starts_with("http://") && !provider.is_loopback() {
        warnings.push(format!(
            "{at}: provider {} sends its key over http, where anyone on the way can read it; \
             write https if it serves it",
            provider.name
        ));
    }
    Ok((provider, at))
}

fn resolve_key_command(
    raw: &RawProvider,
    toml: TomlText<'_>,
) -> Result<Option<KeyCommand>, CatalogError> {
    let Some(words) = &raw.api_key_cmd else { return Ok(None) };
    let at = toml.place(&words.span());
    if raw.api_key_env.is_some() {
        return Err(CatalogError::TwoKeys { at });
    }
    let command = KeyCommand::new(words.get_ref());
    command.map(Some).ok_or(CatalogError::NoKeyProgram { at })
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

fn resolve_dialect(raw: &Spanned<String>, toml: TomlText<'_>) -> Result<Dialect, CatalogError> {
    const LATER: [&str; 3] = ["openai-responses", "anthropic", "gemini"];
    let (at, dialect) = (toml.place(&raw.span()), raw.get_ref().clone());
    match dialect.as_str() {
        "openai-chat" => Ok(Dialect::OpenaiChat),
        later if LATER.contains(&later) => Err(CatalogError::DialectNotSpoken { at, dialect }),
        other => {
            let remedy = did_you_mean(other, &["openai-chat"]);
            Err(CatalogError::UnknownDialect { at, dialect, remedy })
        }
    }
}

/// Checks a base URL and trims its trailing slashes. Errors never repeat it: it may hold a
/// password.
fn resolve_base_url(raw: &Spanned<String>, toml: TomlText<'_>) -> Result<String, CatalogError> {
    const OPERATION: &str = "/chat/completions";
    let bad = |why, remedy: &str| {
        Err(CatalogError::BadUrl { at: toml.place(&raw.span()), why, remedy: remedy.to_owned() })
    };
    let url = raw.get_ref().trim().trim_end_matches('/');
    let example = "write for example \"https://api.example.com/v1\"";
    let Some((scheme, rest)) = url.split_once("://") else {
        return bad("has no scheme", example);
    };
    if !["http", "https"].contains(&scheme) {
        return bad("has a scheme other than http and https", example);
    }
    let (authority, _) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.contains('@') {
        return bad(
            "holds credentials",
            "take them out, and name the variable that holds the key as api_key_env",
        );
    }
    if url.contains(['?', '#']) {
        return bad("holds a query or a fragment", "end it before the first ? or #");
    }
    if let Some(base) = url.strip_suffix(OPERATION) {
        let remedy = format!("drop it: base_url = {base:?}");
        return bad("ends in /chat/completions, which is added to it", &remedy);
    }
    let has_host = !authority.is_empty() && !authority.starts_with(':');
    if !has_host || url.parse::<http::Uri>().is_err() {
        return bad("is not a URL", example);
    }
    Ok(url.to_owned())
}

/// `my-ai` → `MY_AI_API_KEY`.
fn key_variable(provider: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let name: String = provider.chars().map(letter).collect();
    format!("{name}_API_KEY")
}

fn is_variable_name(text: &str) -> bool {
    // A long run of letters and digits without an underscore is more likely the key itself.
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && (text.len() < 24 || text.contains('_'))
}

/// An endpoint of the file with the line that defines it.
pub(crate) type Placed = (Endpoint, Place);

fn resolve_endpoints(
    parts: &[Part<'_>],
    providers: &Providers,
    warnings: &mut Vec<String>,
) -> Result<Vec<Placed>, CatalogError> {
    let mut base: Vec<Placed> = Vec::new();
    let mut seen: BTreeMap<EndpointId, Place> = BTreeMap::new();
    for part in parts {
        for raw in &part.tables.endpoint {
            let at = part.toml.place(&raw.model.span());
            let endpoint = resolve_endpoint(raw, part.toml, providers, warnings)?;
            claim(&mut seen, &endpoint.id, &at)?;
            base.push((endpoint, at));
        }
    }
    Ok(base)
}

/// Records an endpoint's id; an error when it is taken.
pub(crate) fn claim(
    seen: &mut BTreeMap<EndpointId, Place>,
    id: &EndpointId,
    at: &Place,
) -> Result<(), CatalogError> {
    match seen.insert(id.clone(), at.clone()) {
        None => Ok(()),
        Some(first) => {
            Err(CatalogError::DuplicateEndpoint { at: at.clone(), id: id.to_string(), first })
        }
    }
}

fn resolve_endpoint(
    raw: &RawEndpoint,
    toml: TomlText<'_>,
    providers: &Providers,
    warnings: &mut Vec<String>,
) -> Result<Endpoint, CatalogError> {
    let model = checked_name("model", &raw.model, toml)?;
    let wanted = raw.provider.get_ref();
    let Some((provider, _)) = providers.get(wanted) else {
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
        provider: provider.clone(),
        price,
        context_window: at_least_one("context_window", raw.context_window.as_ref(), toml)?,
        max_output: at_least_one("max_output", raw.max_output.as_ref(), toml)?,
        limits: resolve_limits(raw.limits.as_ref(), toml)?,
        supports: raw.supports.as_ref().map(|names| resolve_supports(names, toml)).transpose()?,
        id,
        model,
        variant: None,
        params: serde_json::Map::new(),
        system: None,
        stream: true,
    })
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

/// A name that an endpoint's id can be taken apart by, and that shows as what it is.
pub(crate) fn checked_name(
    key: &'static str,
    raw: &Spanned<String>,
    toml: TomlText<'_>,
) -> Result<String, CatalogError> {
    let name = raw.get_ref();
    let forbidden = |c: char| "@#*?".contains(c) || c.is_whitespace() || acts(c);
    let at = || toml.place(&raw.span());
    if name.len() > MAX_NAME_BYTES {
        return Err(CatalogError::LongName {
            at: at(),
            key,
            bytes: name.len(),
            limit: MAX_NAME_BYTES,
        });
    }
    if name.is_empty() || name.contains(forbidden) {
        return Err(CatalogError::BadName { at: at(), key, name: name.clone() });
    }
    Ok(name.clone())
}
