//! `[[endpoint]]` tables to endpoints.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use toml::Spanned;

use super::catalog_file::{CatalogFile, SourceSpan};
use super::endpoint::{Capability, Endpoint};
use super::error::CatalogError;
use super::listing::{Catalog, Facts};
use super::names::checked_name;
use super::provider::Provider;
use super::raw::RawEndpoint;
use super::request_form;
use super::resolve_limits::{at_least_one, resolve_limits};
use super::resolve_price;
use super::resolve_provider::Providers;
use crate::units::EndpointId;
use crate::units::toml_text::{TomlText, did_you_mean};

/// An endpoint of a file with the place that defines it.
pub(crate) type PlacedEndpoint<'a> = (Endpoint, SourceSpan<'a>);
/// Used ids, with the place that defines each.
pub(crate) type UsedIds<'a> = BTreeMap<EndpointId, SourceSpan<'a>>;

pub(super) fn resolve_endpoints<'a>(
    files: &[CatalogFile<'a>],
    providers: &Providers<'_>,
    catalog: &mut Catalog,
) -> Result<Vec<PlacedEndpoint<'a>>, CatalogError> {
    let own: BTreeSet<(&str, &str)> = files
        .iter()
        .filter(|file| !file.is_snapshot())
        .flat_map(|file| &file.tables.endpoint)
        .map(|raw| (raw.model.get_ref().as_str(), raw.provider.get_ref().as_str()))
        .collect();
    let mut base: Vec<PlacedEndpoint<'a>> = Vec::new();
    let mut taken = UsedIds::new();
    for file in files {
        let mut said = Vec::new();
        for raw in &file.tables.endpoint {
            let names = (raw.model.get_ref().as_str(), raw.provider.get_ref().as_str());
            if file.is_snapshot() && own.contains(&names) {
                continue;
            }
            let spot = SourceSpan::new(file.toml, raw.model.span());
            let endpoint = resolve_endpoint(raw, file.toml, providers, &mut said)?;
            claim(&mut taken, &endpoint.id, &spot)?;
            let facts = resolve_facts(raw, file.toml)?;
            if facts != Facts::default() {
                catalog.facts.insert(endpoint.id.clone(), facts);
            }
            base.push((endpoint, spot));
        }
        // A price list has too many warnings to show; `catalog check` lists them.
        if !file.is_snapshot() {
            catalog.warnings.append(&mut said);
        // A list that was fetched for this run is no file to check.
        } else if !said.is_empty() && !file.toml.path().contains("://") {
            let (n, path) = (said.len(), file.toml.path());
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

/// Records an endpoint's id; an error if it is used already.
pub(crate) fn claim<'a>(
    taken: &mut UsedIds<'a>,
    id: &EndpointId,
    spot: &SourceSpan<'a>,
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
    let price = resolve_price::resolve(raw.price.as_ref(), toml, id.as_str(), warnings)?;
    Ok(Endpoint {
        upstream_model: raw.upstream_model.clone().unwrap_or_else(|| model.clone()),
        params: provider.router_params(),
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
        request_form: request_form::resolve(raw, toml)?,
    })
}

/// A provider by its name. `openrouter/deepinfra`, unless a provider has that name, is the router
/// `openrouter` pinned to `deepinfra`.
fn provider_named(name: &str, providers: &Providers<'_>) -> Option<Provider> {
    if let Some((provider, ..)) = providers.get(name) {
        return Some(provider.clone());
    }
    let (router, tag) = name.split_once('/')?;
    let (router, ..) = providers.get(router)?;
    let pinned = Provider { name: name.to_owned(), ..router.clone() };
    (router.is_openrouter() && !tag.is_empty()).then_some(pinned)
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
