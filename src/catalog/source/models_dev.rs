//! models.dev: a folder of TOML, `providers/<name>/models/…toml` with inheritance from
//! `models/<author>/…toml`, or the same as one JSON. Dollars per million tokens, as floats, whose
//! literals are what is read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::error::SourceError;
use super::fields::{Amount, Entry, Fields};
use super::providers;
use super::reading::{Reading, free_or};
use crate::catalog::rates::{Change, Price, Rate, Rates};
use crate::catalog::{Capability, Endpoint, Facts, Limits, Provider};
use crate::units::toml_text::TomlText;
use crate::units::{EndpointId, ServiceTier, Usd};

/// Prices by their names there.
const RATES: [(&str, Rate); 7] = [
    ("input", Rate::Input),
    ("output", Rate::Output),
    ("cache_read", Rate::CachedInput),
    ("cache_write", Rate::CacheWrite),
    ("reasoning", Rate::Reasoning),
    ("input_audio", Rate::AudioInput),
    ("output_audio", Rate::AudioOutput),
];
/// The threshold of `context_over_200k`.
const OVER_200K: u64 = 200_000;

/// A model as either form states it. Amounts are literals.
#[derive(Clone, Debug, Default)]
struct Model {
    base: Option<String>,
    cost: Option<Cost>,
    context: Option<u64>,
    output: Option<u64>,
    tools: Option<bool>,
    schema: Option<bool>,
    temperature: Option<bool>,
    reasoning: Option<bool>,
    released: Option<jiff::civil::Date>,
    /// Keys of `cost` that are not read.
    unread: Vec<String>,
}

type Literals = BTreeMap<String, String>;

#[derive(Clone, Debug, Default)]
struct Cost {
    base: Literals,
    /// By the threshold above which they hold.
    above: Vec<(u64, Literals)>,
    /// By service tier.
    tiers: Vec<(ServiceTier, Literals)>,
}

impl Model {
    /// What is not said here is as the base model says.
    fn over(self, base: &Self) -> Self {
        Self {
            base: self.base,
            cost: self.cost.or_else(|| base.cost.clone()),
            context: self.context.or(base.context),
            output: self.output.or(base.output),
            tools: self.tools.or(base.tools),
            schema: self.schema.or(base.schema),
            temperature: self.temperature.or(base.temperature),
            reasoning: self.reasoning.or(base.reasoning),
            released: self.released.or(base.released),
            unread: self.unread,
        }
    }

    fn endpoint(
        &self,
        provider: &Provider,
        id: &str,
        entry: Entry<'_>,
    ) -> Result<Endpoint, SourceError> {
        let model = providers::model_at(&provider.name, id);
        let supports = [
            (Capability::Tools, self.tools),
            (Capability::JsonSchema, self.schema),
            (Capability::Temperature, self.temperature),
            (Capability::Reasoning, self.reasoning),
        ];
        let supports: BTreeSet<Capability> =
            supports.into_iter().filter_map(|(c, has)| has.unwrap_or(false).then_some(c)).collect();
        Ok(Endpoint {
            id: EndpointId::new(&model, &provider.name, None),
            provider: provider.clone(),
            upstream_model: id.to_owned(),
            price: self.price(entry)?,
            context_window: self.context,
            max_output: self.output,
            limits: Limits::default(),
            supports: Some(supports),
            variant: None,
            params: serde_json::Map::new(),
            system: None,
            stream: true,
            model,
        })
    }

    fn price(&self, entry: Entry<'_>) -> Result<Price, SourceError> {
        let Some(cost) = &self.cost else { return Ok(Price::Unknown) };
        let Some(base) = amounts(&cost.base, entry)? else { return Ok(Price::Unknown) };
        let Some(mut rates) = Rates::from_map(base) else { return Ok(Price::Unknown) };
        for (threshold, literals) in &cost.above {
            let Some(changed) = amounts(literals, entry)? else { return Ok(Price::Unknown) };
            let above_input = Some(*threshold);
            rates.changes.push(Change { above_input, rates: changed, ..Change::default() });
        }
        rates.changes.sort_by_key(|change| change.above_input);
        for (tier, literals) in &cost.tiers {
            let Some(changed) = amounts(literals, entry)? else { return Ok(Price::Unknown) };
            rates.changes.push(Change { tier: Some(*tier), rates: changed, ..Change::default() });
        }
        Ok(free_or(rates))
    }
}

/// Dollars per token from literals per million; `None`: one is not known.
fn amounts(
    literals: &Literals,
    entry: Entry<'_>,
) -> Result<Option<BTreeMap<Rate, Usd>>, SourceError> {
    let mut rates = BTreeMap::new();
    for (key, literal) in literals {
        let Some((_, rate)) = RATES.into_iter().find(|(name, _)| name == key) else { continue };
        let field = format!("cost.{key}");
        match entry.amount(&field, literal)? {
            Amount::Absent => {}
            Amount::Unknown => return Ok(None),
            Amount::Known(per_million) => {
                let one = per_million.to_string();
                let one = Usd::per_million(&one)
                    .map_err(|error| entry.bad(&field, format!("= {literal}: {error}")))?;
                rates.insert(rate, one);
            }
        }
    }
    Ok(Some(rates))
}

/// Reads the folder: `models/` and `providers/` under it.
pub fn read_folder(folder: &Path) -> Result<Reading, SourceError> {
    let base_folder = folder.join("models");
    let mut bases = BTreeMap::new();
    let mut reading = Reading::default();
    for path in toml_files(&base_folder)? {
        reading.entries += 1;
        let (model, _) = read_model(&path)?;
        bases.insert(name_of(&path, &base_folder), model);
    }
    let mut inherited = BTreeSet::new();
    for folder in sub_folders(&folder.join("providers"))? {
        reading.entries += 1;
        let provider = read_provider(&folder)?;
        let models = folder.join("models");
        for path in toml_files(&models)? {
            reading.entries += 1;
            let id = name_of(&path, &models);
            let (model, shown) = read_model(&path)?;
            for key in &model.unread {
                reading.count_unread(key);
            }
            let model = match model.base.clone() {
                None => model,
                Some(base) => {
                    let Some(found) = bases.get(&base) else {
                        reading.leave_out(&shown, &format!("its base_model {base} is not there"));
                        continue;
                    };
                    inherited.insert(base);
                    model.over(found)
                }
            };
            let entry = Entry { path: &shown, name: &id };
            let facts = Facts {
                created: model.released,
                alias_of: id.ends_with("-latest").then(|| "the newest of its kind".to_owned()),
                ..Facts::default()
            };
            reading.take(&shown, model.endpoint(&provider, &id, entry)?, facts);
        }
    }
    for name in bases.keys().filter(|name| !inherited.contains(*name)) {
        let why = "is a base that no provider's model names, and no endpoint itself";
        reading.leave_out(&format!("models/{name}.toml"), why);
    }
    if reading.catalog.endpoints.is_empty() {
        return Err(SourceError::NoEntries { path: folder.display().to_string() });
    }
    Ok(reading)
}

/// `anthropic/claude-opus-4.1` of a file below a folder.
fn name_of(path: &Path, folder: &Path) -> String {
    let relative = path.strip_prefix(folder).unwrap_or(path).with_extension("");
    let parts: Vec<String> =
        relative.components().map(|c| c.as_os_str().to_string_lossy().into_owned()).collect();
    // A name like `gpt-4.1` has a dot of its own, which `with_extension` keeps: only `.toml` went.
    parts.join("/")
}

fn io(path: &Path, error: &std::io::Error) -> SourceError {
    SourceError::Io { path: path.display().to_string(), why: error.to_string() }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let listed = match std::fs::read_dir(folder) {
        Ok(listed) => listed,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io(folder, &error)),
    };
    let paths: Result<Vec<PathBuf>, _> = listed.map(|entry| Ok(entry?.path())).collect();
    let mut paths = paths.map_err(|error: std::io::Error| io(folder, &error))?;
    paths.sort();
    Ok(paths)
}

fn sub_folders(folder: &Path) -> Result<Vec<PathBuf>, SourceError> {
    Ok(entries(folder)?.into_iter().filter(|path| path.is_dir()).collect())
}

/// Every `.toml` below a folder, in name order. Links are not followed into folders.
fn toml_files(folder: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let mut files = Vec::new();
    for path in entries(folder)? {
        let is_link = path.symlink_metadata().is_ok_and(|m| m.file_type().is_symlink());
        if path.is_dir() && !is_link {
            files.extend(toml_files(&path)?);
        } else if path.extension().is_some_and(|e| e == "toml") {
            files.push(path);
        }
    }
    Ok(files)
}

/// A model's file. Keys that are not read are not listed here.
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

/// A number of which only the place is kept.
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

/// Reads a model's file; gives the path as shown too.
fn read_model(path: &Path) -> Result<(Model, String), SourceError> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| io(path, &error))?;
    let toml = TomlText::new(&shown, &text);
    let raw: RawModel = toml
        .decode()
        .map_err(|error| SourceError::Catalog(crate::catalog::CatalogError::Toml(error)))?;
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
    let model = Model {
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
    };
    Ok((model, shown))
}

/// Keys of `[cost]` that nothing reads, so that no price is passed over unseen.
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

fn read_provider(folder: &Path) -> Result<Provider, SourceError> {
    let path = folder.join("provider.toml");
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(&path).map_err(|error| io(&path, &error))?;
    let raw: RawProvider = TomlText::new(&shown, &text)
        .decode()
        .map_err(|error| SourceError::Catalog(crate::catalog::CatalogError::Toml(error)))?;
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(provider(&name.unwrap_or_default(), raw.api, raw.env))
}

/// A provider as we know it, else as the list does.
fn provider(name: &str, api: Option<String>, env: Vec<String>) -> Provider {
    let mut provider = providers::named(providers::of_models_dev(name));
    if provider.base_url.is_empty() {
        // An address with a place to fill in is the customer's own.
        let api = api.filter(|url| url.starts_with("https://") && !url.contains(['$', '{']));
        provider.base_url = api.map(|url| url.trim_end_matches('/').to_owned()).unwrap_or_default();
        provider.api_key_env = env.into_iter().next();
    }
    provider
}

/// Reads models.dev's one JSON: providers by name, each with its models.
pub(super) fn read_api(top: &Fields<'_>, path: &str) -> Result<Reading, SourceError> {
    let mut reading = Reading::default();
    for (name, raw) in top.iter() {
        let entry = Entry { path, name };
        let fields = Fields::of(raw).ok_or_else(|| entry.bad("it", "is not an object"))?;
        let env = fields.texts("env").unwrap_or_default();
        let provider = provider(name, fields.text("api"), env);
        let models = fields.object("models").ok_or_else(|| entry.bad("models", "is missing"))?;
        for (id, raw) in models.iter() {
            reading.entries += 1;
            let shown = format!("{name}/{id}");
            let entry = Entry { path, name: &shown };
            let fields = Fields::of(raw).ok_or_else(|| entry.bad("it", "is not an object"))?;
            let model = api_model(&fields);
            let facts = Facts { created: model.released, ..Facts::default() };
            reading.take(&shown, model.endpoint(&provider, id, entry)?, facts);
        }
    }
    Ok(reading)
}

fn api_model(fields: &Fields<'_>) -> Model {
    let flag = |key| fields.get(key).map(|_| fields.is_true(key));
    let limit = fields.object("limit");
    let limited = |key| limit.as_ref().and_then(|limit| limit.count(key));
    let literals = |cost: &Fields<'_>| -> Literals {
        let read = RATES
            .into_iter()
            .filter_map(|(key, _)| Some((key.to_owned(), cost.get(key)?.get().to_owned())));
        read.collect()
    };
    let cost = fields.object("cost").map(|cost| {
        let mut above = Vec::new();
        if let Some(over) = cost.object("context_over_200k") {
            above.push((OVER_200K, literals(&over)));
        }
        for tier in cost.list("tiers").unwrap_or_default() {
            let tier = Fields::of(tier);
            let size = tier.as_ref().and_then(|t| t.object("tier")?.count("size"));
            above.extend(size.zip(tier).map(|(size, tier)| (size, literals(&tier))));
        }
        Cost { base: literals(&cost), above, tiers: Vec::new() }
    });
    Model {
        base: None,
        cost,
        context: limited("context"),
        output: limited("output"),
        tools: flag("tool_call"),
        schema: flag("structured_output"),
        temperature: flag("temperature"),
        reasoning: flag("reasoning"),
        released: fields.day("release_date"),
        unread: Vec::new(),
    }
}
