//! OpenRouter's `/models` and `/models/…/endpoints`: decimal strings, dollars per token.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::error::SourceError;
use super::fields::{Amount, Entry, Fields};
use super::providers;
use super::reading::{Reading, free_or};
use crate::catalog::{Capability, Endpoint, Facts, Limits};
use crate::catalog::{Change, Hours, Price, Rate, Rates};
use crate::units::{EndpointId, Factor, Usd};

/// Rates by OpenRouter's names.
const RATES: [(&str, Rate); 12] = [
    ("prompt", Rate::Input),
    ("completion", Rate::Output),
    ("input_cache_read", Rate::CachedInput),
    ("input_cache_write", Rate::CacheWrite),
    ("input_cache_write_1h", Rate::CacheWrite1h),
    ("internal_reasoning", Rate::Reasoning),
    ("audio", Rate::AudioInput),
    ("input_audio_cache", Rate::CachedAudio),
    ("audio_output", Rate::AudioOutput),
    ("image_token", Rate::ImageInput),
    ("request", Rate::PerRequest),
    ("web_search", Rate::PerSearch),
];

/// Fields of `pricing` that hold no price, or one that is read by itself.
const NOT_RATES: [&str; 3] = ["image", "discount", "overrides"];

pub(super) fn read(top: &Fields<'_>, path: &str) -> Result<Reading, SourceError> {
    let mut reading = Reading::default();
    if let Some(models) = top.list("data") {
        for model in models {
            read_model(model, path, &mut reading)?;
        }
        return Ok(reading);
    }
    let model = top.object("data").filter(|model| model.has("endpoints"));
    let Some(model) = model else {
        return Err(SourceError::UnknownForm { path: path.to_owned() });
    };
    let id = model.text("id").unwrap_or_default();
    for endpoint in model.list("endpoints").unwrap_or_default() {
        read_endpoint(&id, endpoint, path, &mut reading)?;
    }
    Ok(reading)
}

fn read_model(raw: &RawValue, path: &str, reading: &mut Reading) -> Result<(), SourceError> {
    reading.entries += 1;
    let entry_name = format!("entry {}", reading.entries);
    let unnamed = Entry { path, name: &entry_name };
    let fields = Fields::of(raw).ok_or_else(|| unnamed.bad("it", "is not an object"))?;
    let id = fields.text("id").ok_or_else(|| unnamed.bad("id", "is missing"))?;
    let entry = Entry { path, name: &id };
    let top = fields.object("top_provider");
    let of_top = |key| top.as_ref().and_then(|top| top.count(key));
    let model_window = fields.count("context_length");
    let window = of_top("context_length").or(model_window);
    let alias = fields.object("alias_target").and_then(|target| target.text("slug"));
    let alias = alias.or_else(|| stands_for_another(&id).then(|| slug(&fields, &id)));
    let created = fields.get("created").and_then(|raw| raw.get().parse().ok());
    let created = created.and_then(|seconds| Timestamp::from_second(seconds).ok());
    let facts = Facts {
        expires: fields.day("expiration_date"),
        created: created.map(|at| at.to_zoned(jiff::tz::TimeZone::UTC).date()),
        alias_of: alias,
        model_context_window: model_window.filter(|n| Some(*n) != window),
        responses_only: false,
    };
    let price = price(&fields, entry, reading)?;
    let listed = Listed { window, max_output: of_top("max_completion_tokens") };
    let endpoint = endpoint(&id, "openrouter", price, listed, &fields);
    reading.take(&id, endpoint, facts);
    Ok(())
}

/// Whether a name resolves to the newest model.
fn stands_for_another(id: &str) -> bool {
    id.starts_with('~') || id.ends_with("-latest")
}

fn slug(fields: &Fields<'_>, id: &str) -> String {
    let slug = fields.text("canonical_slug").filter(|slug| slug != id);
    slug.unwrap_or_else(|| "the newest of its kind".to_owned())
}

fn read_endpoint(
    model: &str,
    raw: &RawValue,
    path: &str,
    reading: &mut Reading,
) -> Result<(), SourceError> {
    reading.entries += 1;
    let entry_name = format!("{model}, endpoint {}", reading.entries);
    let unnamed = Entry { path, name: &entry_name };
    let fields = Fields::of(raw).ok_or_else(|| unnamed.bad("it", "is not an object"))?;
    let tag = fields.text("tag").filter(|tag| !tag.is_empty());
    let Some(tag) = tag else {
        let name = fields.text("provider_name").unwrap_or_default();
        reading.leave_out(&entry_name, &format!("has no tag to pin it by ({name})"));
        return Ok(());
    };
    let name = format!("{model}@openrouter/{tag}");
    let price = price(&fields, Entry { path, name: &name }, reading)?;
    let listed = Listed {
        window: fields.count("context_length"),
        max_output: fields.count("max_completion_tokens"),
    };
    let endpoint = endpoint(model, &format!("openrouter/{tag}"), price, listed, &fields);
    reading.take(&name, endpoint, Facts::default());
    Ok(())
}

#[derive(Clone, Copy)]
struct Listed {
    window: Option<u64>,
    max_output: Option<u64>,
}

fn endpoint(
    model: &str,
    provider: &str,
    price: Price,
    listed: Listed,
    fields: &Fields<'_>,
) -> Endpoint {
    let supports = fields.texts("supported_parameters").map(|parameters| {
        let takes = |name: &str| parameters.iter().any(|known| known == name);
        let known = [
            (Capability::Tools, takes("tools")),
            (Capability::JsonSchema, takes("structured_outputs")),
            (Capability::Temperature, takes("temperature")),
            (Capability::Reasoning, takes("reasoning")),
        ];
        known.into_iter().filter_map(|(c, has)| has.then_some(c)).collect::<BTreeSet<_>>()
    });
    Endpoint {
        id: EndpointId::new(model, provider, None),
        model: model.to_owned(),
        provider: providers::named(provider),
        upstream_model: model.to_owned(),
        price,
        context_window: listed.window,
        max_output: listed.max_output,
        limits: Limits::default(),
        supports,
        variant: None,
        params: serde_json::Map::new(),
        system: None,
        stream: true,
    }
}

fn price(
    fields: &Fields<'_>,
    entry: Entry<'_>,
    reading: &mut Reading,
) -> Result<Price, SourceError> {
    let Some(pricing) = fields.object("pricing") else { return Ok(Price::Unknown) };
    let Some(mut rates) = rates(&pricing, entry)? else { return Ok(Price::Unknown) };
    if let Amount::Known(usd) = pricing.amount("image", entry)? {
        rates.insert(Rate::PerImage, usd);
    }
    for (key, _) in pricing.iter() {
        if !NOT_RATES.contains(&key) && RATES.iter().all(|(known, _)| *known != key) {
            reading.count_unread(&format!("pricing.{key}"));
        }
    }
    let Some(mut rates) = Rates::from_map(rates) else { return Ok(Price::Unknown) };
    for raw in pricing.list("overrides").unwrap_or_default() {
        match change(raw, entry)? {
            Some(change) => rates.changes.push(change),
            None => return Ok(Price::Unknown),
        }
    }
    rates.changes.sort_by_key(|change| change.above_input);
    if let Amount::Known(discount) = pricing.amount("discount", entry)? {
        rates.factor = discounted(discount).map_err(|why| entry.bad("pricing.discount", why))?;
    }
    Ok(free_or(rates))
}

/// The factor of a discount; `None`: no discount.
fn discounted(discount: Usd) -> Result<Option<Factor>, &'static str> {
    if discount == Usd::ZERO {
        return Ok(None);
    }
    let share: Option<Factor> = discount.to_string().parse().ok();
    let left = share.and_then(Factor::less_than_one);
    left.map(Some).ok_or("is not a share between 0 and 1")
}

/// The rates of an object; `None`: one of them is not known.
fn rates(
    fields: &Fields<'_>,
    entry: Entry<'_>,
) -> Result<Option<BTreeMap<Rate, Usd>>, SourceError> {
    let mut rates = BTreeMap::new();
    for (key, rate) in RATES {
        match fields.amount(key, entry)? {
            Amount::Absent => {}
            Amount::Unknown => return Ok(None),
            Amount::Known(usd) => drop(rates.insert(rate, usd)),
        }
    }
    Ok(Some(rates))
}

/// An override of the base rates; `None`: one of its rates is not known.
fn change(raw: &RawValue, entry: Entry<'_>) -> Result<Option<Change>, SourceError> {
    let fields =
        Fields::of(raw).ok_or_else(|| entry.bad("pricing.overrides", "holds no object"))?;
    let Some(rates) = rates(&fields, entry)? else { return Ok(None) };
    let clock = |key| -> Result<Option<u16>, SourceError> {
        let Some(raw) = fields.get(key) else { return Ok(None) };
        let text = raw.get().strip_suffix(".0").unwrap_or(raw.get());
        let clock: Option<u16> = text.parse().ok().filter(|hhmm| hhmm % 100 < 60 && *hhmm <= 2400);
        let clock = clock.ok_or_else(|| entry.bad(key, format!("= {text} is not a time HHMM")))?;
        Ok(Some((clock / 100 * 60 + clock % 100) % 1440))
    };
    let hours = match (clock("utc_start")?, clock("utc_end")?) {
        (None, None) => Vec::new(),
        (from, to) => vec![Hours { from_min: from.unwrap_or(0), to_min: to.unwrap_or(0) }],
    };
    Ok(Some(Change {
        above_input: fields.count("min_prompt_tokens"),
        hours,
        rates,
        ..Change::default()
    }))
}
