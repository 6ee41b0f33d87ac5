//! The TOML files of models and providers.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::model::{Cost, Literals, Model, OVER_200K, RATES, provider};
use crate::catalog::source::error::SourceError;
use crate::catalog::{CatalogError, Provider};
use crate::units::ServiceTier;
use crate::units::text_file::read_text;
use crate::units::toml_text::TomlText;

/// A model's file, without the keys that are not read.
#[derive(Debug, Default, Deserialize)]
struct RawModel {
    base_model: Option<String>,
    reasoning: Option<bool>,
    temperature: Option<bool>,
    tool_call: Option<bool>,
    structured_output: Option<bool>,
    release_date: Option<String>,
    cost: Option<RawCost>,
    limit: Option<RawLimit>,
    experimental: Option<RawExperimental>,
}

#[derive(Debug, Default, Deserialize)]
struct RawLimit {
    context: Option<u64>,
    output: Option<u64>,
}

/// A number, of which only the span is kept.
type Number = Option<Spanned<serde::de::IgnoredAny>>;

#[derive(Debug, Default, Deserialize)]
struct RawCost {
    input: Number,
    output: Number,
    cache_read: Number,
    cache_write: Number,
    reasoning: Number,
    input_audio: Number,
    output_audio: Number,
    #[serde(default)]
    tiers: Vec<RawTier>,
    context_over_200k: Option<Box<RawCost>>,
}

#[derive(Debug, Deserialize)]
struct RawTier {
    tier: RawSize,
    input: Number,
    output: Number,
    cache_read: Number,
    cache_write: Number,
    reasoning: Number,
    input_audio: Number,
    output_audio: Number,
}

#[derive(Debug, Deserialize)]
struct RawSize {
    size: u64,
}

#[derive(Debug, Default, Deserialize)]
struct RawExperimental {
    #[serde(default)]
    modes: BTreeMap<String, RawMode>,
}

#[derive(Debug, Deserialize)]
struct RawMode {
    cost: Option<RawCost>,
    provider: Option<RawModeProvider>,
}

#[derive(Debug, Deserialize)]
struct RawModeProvider {
    body: Option<RawBody>,
}

#[derive(Debug, Deserialize)]
struct RawBody {
    service_tier: Option<String>,
}

/// The literals of seven numbers, in the order of [`RATES`].
fn literals(toml: TomlText<'_>, numbers: [&Number; 7]) -> Literals {
    let pairs = RATES.into_iter().zip(numbers).filter_map(|((key, _), number)| {
        Some((key.to_owned(), toml.literal(&number.as_ref()?.span()).to_owned()))
    });
    pairs.collect()
}

impl RawCost {
    fn literals(&self, toml: TomlText<'_>) -> Literals {
        literals(
            toml,
            [
                &self.input,
                &self.output,
                &self.cache_read,
                &self.cache_write,
                &self.reasoning,
                &self.input_audio,
                &self.output_audio,
            ],
        )
    }

    fn read(&self, toml: TomlText<'_>) -> Cost {
        let mut above: Vec<(u64, Literals)> = Vec::new();
        above.extend(self.context_over_200k.iter().map(|over| (OVER_200K, over.literals(toml))));
        for t in &self.tiers {
            let numbers = [
                &t.input,
                &t.output,
                &t.cache_read,
                &t.cache_write,
                &t.reasoning,
                &t.input_audio,
                &t.output_audio,
            ];
            above.push((t.tier.size, literals(toml, numbers)));
        }
        Cost { base: self.literals(toml), above, tiers: Vec::new() }
    }
}

/// Reads a model's file.
pub(super) fn read_model(path: &Path) -> Result<Model, SourceError> {
    let shown = path.display().to_string();
    let text = read_text(path).map_err(|error| io(path, &error))?;
    let toml = TomlText::new(&shown, &text);
    let raw: RawModel =
        toml.decode().map_err(|error| SourceError::Catalog(CatalogError::Toml(error)))?;
    let mut cost = raw.cost.as_ref().map(|cost| cost.read(toml));
    let mut unread = Vec::new();
    for mode in raw.experimental.unwrap_or_default().modes.values() {
        let body = mode.provider.as_ref().and_then(|provider| provider.body.as_ref());
        let tier = body.and_then(|body| ServiceTier::from_name(body.service_tier.as_deref()?));
        match (&mut cost, tier, &mode.cost) {
            (Some(cost), Some(tier), Some(own)) => cost.tiers.push((tier, own.literals(toml))),
            (_, _, Some(_)) => unread.push("experimental.modes.*.cost".to_owned()),
            _ => {}
        }
    }
    unread.extend(unknown_cost_keys(&text).into_iter().map(|key| format!("cost.{key}")));
    let day = raw.release_date.as_deref().and_then(|text| text.parse().ok());
    let limit = raw.limit.unwrap_or_default();
    Ok(Model {
        base: raw.base_model,
        cost,
        context: limit.context.filter(|n| *n > 0),
        output: limit.output.filter(|n| *n > 0),
        tools: raw.tool_call,
        schema: raw.structured_output,
        temperature: raw.temperature,
        reasoning: raw.reasoning,
        released: day,
        unread,
    })
}

/// Unread keys of `[cost]`, so that no price is ignored unnoticed.
fn unknown_cost_keys(text: &str) -> Vec<String> {
    let table: Option<toml::Table> = toml::from_str(text).ok();
    let cost = table.and_then(|mut table| match table.remove("cost")? {
        toml::Value::Table(cost) => Some(cost),
        _ => None,
    });
    let is_read = |key: &str| {
        RATES.iter().any(|(known, _)| *known == key) || key == "tiers" || key == "context_over_200k"
    };
    cost.unwrap_or_default().into_iter().map(|(key, _)| key).filter(|key| !is_read(key)).collect()
}

#[derive(Debug, Deserialize)]
struct RawProvider {
    #[serde(default)]
    env: Vec<String>,
    api: Option<String>,
}

pub(super) fn read_provider(folder: &Path) -> Result<Provider, SourceError> {
    let path = folder.join("provider.toml");
    let shown = path.display().to_string();
    let text = read_text(&path).map_err(|error| io(&path, &error))?;
    let raw: RawProvider = TomlText::new(&shown, &text)
        .decode()
        .map_err(|error| SourceError::Catalog(CatalogError::Toml(error)))?;
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(provider(&name.unwrap_or_default(), raw.api, raw.env))
}

pub(super) fn io(path: &Path, error: &std::io::Error) -> SourceError {
    SourceError::Io { path: path.display().to_string(), why: error.to_string() }
}
