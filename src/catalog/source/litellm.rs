//! LiteLLM's price map: JSON numbers, dollars per token, one flat key per price and condition.

use std::collections::{BTreeMap, BTreeSet};

use super::fields::{Amount, BadField, Fields, amount, bad};
use super::providers;
use super::reading::{Reading, free_or};
use crate::catalog::{Capability, Endpoint, Facts, Limits};
use crate::catalog::{Change, Hours, Price, Rate, Rates};
use crate::units::{EndpointId, ServiceTier, Usd};

/// Rates by LiteLLM's keys, without the suffixes of conditions. A key precedes its own prefixes.
const RATES: [(&str, Rate); 11] = [
    ("cache_creation_input_token_cost_above_1hr", Rate::CacheWrite1h),
    ("cache_creation_input_token_cost", Rate::CacheWrite),
    ("cache_read_input_audio_token_cost", Rate::CachedAudio),
    ("cache_read_input_token_cost", Rate::CachedInput),
    ("input_cost_per_audio_token", Rate::AudioInput),
    ("input_cost_per_image_token", Rate::ImageInput),
    ("input_cost_per_token", Rate::Input),
    ("output_cost_per_audio_token", Rate::AudioOutput),
    ("output_cost_per_image_token", Rate::ImageOutput),
    ("output_cost_per_reasoning_token", Rate::Reasoning),
    ("output_cost_per_token", Rate::Output),
];

/// Endings that name a service tier.
const TIERS: [(&str, ServiceTier); 4] = [
    ("_priority", ServiceTier::Priority),
    ("_flex", ServiceTier::Flex),
    ("_batches", ServiceTier::Batch),
    ("_ultrafast", ServiceTier::Ultrafast),
];

/// A tier and a threshold. More specific conditions sort later, because the last that applies wins.
type Conditions = (Option<ServiceTier>, Option<u64>);

pub(super) fn read(top: &Fields<'_>) -> Reading {
    let mut reading = Reading::default();
    // `deepseek-chat` repeats `deepseek/deepseek-chat` for old callers: those with the provider
    // before the name go first, and so are kept.
    let (qualified, bare): (Vec<_>, Vec<_>) = top.iter().partition(|(name, _)| name.contains('/'));
    for (name, raw) in qualified.into_iter().chain(bare) {
        reading.entries += 1;
        if name == "sample_spec" {
            reading.leave_out(name, "is the list's explanation of its own fields");
            continue;
        }
        match Fields::of(raw) {
            Some(fields) => reading.attempt(name, |reading| read_entry(&fields, name, reading)),
            None => reading.leave_out(name, "is not an object"),
        }
    }
    reading
}

fn read_entry(fields: &Fields<'_>, name: &str, reading: &mut Reading) -> Result<(), BadField> {
    let Some(theirs) = fields.text("litellm_provider") else {
        reading.leave_out(name, "names no litellm_provider");
        return Ok(());
    };
    let mode = fields.text("mode").unwrap_or_else(|| "chat".to_owned());
    if !answers_in_text(&mode) {
        reading.leave_out(name, &format!("answers in no text: its mode is {mode}"));
        return Ok(());
    }
    let provider = providers::of_litellm(&theirs);
    let upstream = name.strip_prefix(&format!("{theirs}/")).unwrap_or(name);
    let model = providers::model_at(&provider, upstream);
    let endpoint = Endpoint {
        id: EndpointId::new(&model, &provider, None),
        provider: providers::named(&provider),
        upstream_model: upstream.to_owned(),
        price: price(fields, reading)?,
        // The limit is for the prompt alone, so a prompt and an answer within it fit.
        context_window: fields.count("max_input_tokens"),
        max_output: fields.count("max_output_tokens"),
        limits: Limits::default(),
        supports: Some(supports(fields)),
        variant: None,
        params: serde_json::Map::new(),
        system: None,
        stream: true,
        request_form: crate::catalog::RequestForm::default(),
        model,
    };
    let facts = Facts {
        expires: fields.day("deprecation_date"),
        alias_of: upstream.ends_with("-latest").then(|| "the newest of its kind".to_owned()),
        responses_only: mode == "responses",
        ..Facts::default()
    };
    reading.take(name, endpoint, facts);
    Ok(())
}

/// Whether a mode is one of those that are asked.
pub(super) fn answers_in_text(mode: &str) -> bool {
    ["chat", "responses", "completion"].contains(&mode)
}

pub(super) fn supports(fields: &Fields<'_>) -> BTreeSet<Capability> {
    let known = [
        (Capability::Tools, fields.is_true("supports_function_calling")),
        (Capability::JsonSchema, fields.is_true("supports_response_schema")),
        (Capability::Temperature, !fields.is_false("supports_sampling_params")),
        (Capability::Reasoning, fields.is_true("supports_reasoning")),
    ];
    known.into_iter().filter_map(|(capability, has)| has.then_some(capability)).collect()
}

pub(super) fn price(fields: &Fields<'_>, reading: &mut Reading) -> Result<Price, BadField> {
    let mut sheets: BTreeMap<Conditions, BTreeMap<Rate, Usd>> = BTreeMap::new();
    for (key, raw) in fields.iter() {
        let Some((rate, conditions)) = rate_of(key) else {
            if is_unread_price(key) {
                reading.count_unread(key);
            }
            continue;
        };
        match amount(key, raw.get())? {
            Amount::Absent => {}
            Amount::Unknown => return Ok(Price::Unknown),
            Amount::Known(usd) => {
                sheets.entry(conditions).or_default().insert(rate, usd);
            }
        }
    }
    let mut base = sheets.remove(&(None, None)).unwrap_or_default();
    if let Amount::Known(usd) = fields.amount("input_cost_per_token_cache_hit")? {
        base.entry(Rate::CachedInput).or_insert(usd);
    }
    if let Amount::Known(usd) = fields.amount("input_cost_per_image")? {
        base.insert(Rate::PerImage, usd);
    }
    if let Some(sizes) = fields.object("search_context_cost_per_query") {
        // The medium size of the three is the providers' default.
        if let Amount::Known(usd) = sizes.amount("search_context_size_medium")? {
            base.insert(Rate::PerSearch, usd);
        }
    }
    let Some(mut rates) = Rates::from_map(base) else { return Ok(Price::Unknown) };
    rates.changes = sheets
        .into_iter()
        .map(|((tier, above_input), rates)| Change {
            above_input,
            tier,
            rates,
            ..Change::default()
        })
        .collect();
    if let Some(off_peak) = fields.object("off_peak_pricing") {
        rates.changes.extend(off_peak_changes(&off_peak)?);
    }
    Ok(free_or(rates))
}

/// The rate and the conditions of a key; `None`: not a known rate.
fn rate_of(key: &str) -> Option<(Rate, Conditions)> {
    let (name, rate) = RATES.into_iter().find(|(name, _)| key.starts_with(name))?;
    let mut rest = &key[name.len()..];
    let mut conditions: Conditions = (None, None);
    while !rest.is_empty() {
        if let Some((ending, tier)) = TIERS.into_iter().find(|(ending, _)| rest.starts_with(ending))
        {
            conditions.0 = Some(tier);
            rest = &rest[ending.len()..];
            continue;
        }
        let (thousands, after) = rest.strip_prefix("_above_")?.split_once("k_tokens")?;
        conditions.1 = Some(thousands.parse::<u64>().ok()? * 1_000);
        rest = after;
    }
    Some((rate, conditions))
}

/// Whether a key that is not read states a price.
fn is_unread_price(key: &str) -> bool {
    const READ_BY_NAME: [&str; 3] =
        ["input_cost_per_token_cache_hit", "input_cost_per_image", "search_context_cost_per_query"];
    (key.contains("_cost") || key.contains("uplift")) && !READ_BY_NAME.contains(&key)
}

/// Cheaper hours, one change for each window.
fn off_peak_changes(fields: &Fields<'_>) -> Result<Vec<Change>, BadField> {
    let mut rates = BTreeMap::new();
    for (key, raw) in fields.iter() {
        let Some((rate, (None, None))) = rate_of(key) else { continue };
        if let Amount::Known(usd) = amount(key, raw.get())? {
            rates.insert(rate, usd);
        }
    }
    let mut changes = Vec::new();
    for window in fields.list("windows").unwrap_or_default() {
        let bad = || bad("off_peak_pricing.windows", format!("= {window} is no window"));
        let window = Fields::of(window).ok_or_else(bad)?;
        let hours = window
            .texts("hours_utc")
            .or_else(|| window.text("hours_utc").map(|text| vec![text]))
            .unwrap_or_default();
        let hours: Option<Vec<Hours>> = hours.iter().map(|text| Hours::parse(text)).collect();
        let weekdays: Vec<i8> = match window.get("weekdays") {
            Some(raw) => serde_json::from_str(raw.get()).map_err(|_| bad())?,
            None => Vec::new(),
        };
        let hours = hours.ok_or_else(bad)?;
        changes.push(Change { hours, weekdays, rates: rates.clone(), ..Change::default() });
    }
    Ok(changes)
}
