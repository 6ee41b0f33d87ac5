//! Variants: one mechanism for effort, prompts, streaming, tiers. Each adds endpoints.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Endpoint;
use super::catalog_file::{CatalogFile, SourceSpan};
use super::error::CatalogError;
use super::names::checked_name;
use super::raw::RawVariant;
use super::resolve_endpoint::{PlacedEndpoint, UsedIds, claim};
use crate::units::EndpointId;
use crate::units::names::{glob_matches, matches_none};
use crate::units::toml_text::{Place, TomlText};

/// Adds `model@provider#variant` after each endpoint that a variant matches; the endpoint stays.
pub(crate) fn apply<'a>(
    files: &[CatalogFile<'a>],
    base: Vec<PlacedEndpoint<'a>>,
) -> Result<Vec<Endpoint>, CatalogError> {
    if files.iter().all(|file| file.tables.variant.is_empty()) {
        return Ok(base.into_iter().map(|(endpoint, _)| endpoint).collect());
    }
    let mut taken: UsedIds<'a> =
        base.iter().map(|(endpoint, spot)| (endpoint.id.clone(), spot.clone())).collect();
    let mut made: Vec<Vec<Endpoint>> = base.iter().map(|_| Vec::new()).collect();
    for file in files {
        for raw in &file.tables.variant {
            let name = checked_name("name", &raw.name, file.toml)?;
            let params = resolve_params(raw, file.toml)?;
            let glob = raw.glob.get_ref();
            let spot = SourceSpan::new(file.toml, raw.name.span());
            let mut matched = false;
            for ((endpoint, _), made) in base.iter().zip(&mut made) {
                if glob_matches(glob, &endpoint.model) || glob_matches(glob, endpoint.id.as_str()) {
                    matched = true;
                    let variant = with_variant(endpoint, &name, raw, &params);
                    claim(&mut taken, &variant.id, &spot)?;
                    made.push(variant);
                }
            }
            if !matched {
                let at = file.toml.place(&raw.glob.span());
                return Err(matches_nothing(at, name, glob, &base));
            }
        }
    }
    let family = |((endpoint, _), made): (PlacedEndpoint<'a>, Vec<Endpoint>)| {
        std::iter::once(endpoint).chain(made)
    };
    Ok(base.into_iter().zip(made).flat_map(family).collect())
}

fn with_variant(
    endpoint: &Endpoint,
    name: &str,
    raw: &RawVariant,
    params: &Map<String, Value>,
) -> Endpoint {
    Endpoint {
        id: EndpointId::new(&endpoint.model, &endpoint.provider.name, Some(name)),
        variant: Some(name.to_owned()),
        params: endpoint.params.clone().into_iter().chain(params.clone()).collect(),
        system: raw.system.clone(),
        stream: raw.stream.unwrap_or(endpoint.stream),
        ..endpoint.clone()
    }
}

fn matches_nothing(
    at: Place,
    name: String,
    glob: &str,
    base: &[PlacedEndpoint<'_>],
) -> CatalogError {
    let models: BTreeSet<&str> = base.iter().map(|(e, _)| e.model.as_str()).collect();
    let names: Vec<&str> =
        models.into_iter().chain(base.iter().map(|(e, _)| e.id.as_str())).collect();
    let remedy = matches_none(glob, &names);
    CatalogError::VariantMatchesNothing { at, name, glob: glob.to_owned(), remedy }
}

/// Why a parameter that asks for several answers is refused.
const SEVERAL: &str = "would bill several answers; one trial is one answer (--repeats)";

/// A variant's parameters as JSON.
fn resolve_params(
    raw: &RawVariant,
    toml: TomlText<'_>,
) -> Result<Map<String, Value>, CatalogError> {
    let Some(params) = &raw.params else { return Ok(Map::new()) };
    // Single parameters have no spans: an error points to where their table begins.
    let at = toml.place(&params.span());
    let bad =
        |key: &str, why| Err(CatalogError::BadParam { at: at.clone(), key: key.to_owned(), why });
    let mut json = Map::new();
    for (key, value) in params.get_ref() {
        let refused = match key.as_str() {
            "model" => Some("is the endpoint's; write upstream_model in its [[endpoint]]"),
            "messages" | "input" | "contents" => {
                Some("is the task's; write system = \"…\" for a system message")
            }
            "stream" => Some("is not set here; write stream = false beside params"),
            "n" | "best_of" | "candidateCount" | "candidate_count" => Some(SEVERAL),
            "generationConfig" | "generation_config"
                if ["candidateCount", "candidate_count"].iter().any(|k| value.get(k).is_some()) =>
            {
                Some(SEVERAL)
            }
            _ => None,
        };
        if let Some(why) = refused {
            return bad(key, why);
        }
        let Some(value) = to_json(value) else {
            return bad(
                key,
                "cannot be written in JSON; use a string, a number, a boolean, a list or a table",
            );
        };
        // The names that the dialects have for it.
        let is_limit =
            ["max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens"]
                .contains(&key.as_str());
        if is_limit && value.as_u64().is_none_or(|limit| limit == 0) {
            return bad(key, "is a number of tokens, at least 1");
        }
        json.insert(key.clone(), value);
    }
    Ok(json)
}

/// A TOML value as JSON; `None` for what JSON cannot hold (dates, infinities).
fn to_json(value: &toml::Value) -> Option<Value> {
    Some(match value {
        toml::Value::String(text) => Value::from(text.as_str()),
        toml::Value::Integer(number) => Value::from(*number),
        toml::Value::Float(number) => Value::Number(serde_json::Number::from_f64(*number)?),
        toml::Value::Boolean(flag) => Value::from(*flag),
        toml::Value::Datetime(_) => return None,
        toml::Value::Array(items) => {
            Value::Array(items.iter().map(to_json).collect::<Option<_>>()?)
        }
        toml::Value::Table(table) => {
            let pairs = table.iter().map(|(key, value)| Some((key.clone(), to_json(value)?)));
            Value::Object(pairs.collect::<Option<_>>()?)
        }
    })
}
