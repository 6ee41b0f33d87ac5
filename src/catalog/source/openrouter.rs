//! OpenRouter's `/models` and `/models/…/endpoints`: decimal strings, dollars per token.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::error::SourceError;
use super::fields::{Amount, BadField, Fields, bad};
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
            reading.entries += 1;
            let unnamed = format!("entry {}", reading.entries);
            let Some(fields) = Fields::of(model) else {
                reading.leave_out(&unnamed, "is not an object");
                continue;
            };
            match fields.text("id") {
                Some(id) => reading.attempt(&id, |reading| read_model(&fields, &id, reading)),
                None => reading.leave_out(&unnamed, "has no id"),
            }
        }
        return Ok(reading);
    }
    let model = top.object("data").filter(|model| model.has("endpoints"));
    let Some(model) = model else {
        return Err(SourceError::UnknownForm { path: path.to_owned() });
    };
    let id = model.text("id").unwrap_or_default();
    for endpoint in model.list("endpoints").unwrap_or_default() {
        reading.entries += 1;
        let unnamed = format!("{id}, endpoint {}", reading.entries);
        let Some(fields) = Fields::of(endpoint) else {
            reading.leave_out(&unnamed, "is not an object");
            continue;
        };
        let Some(tag) = fields.text("tag").filter(|tag| !tag.is_empty()) else {
            let name = fields.text("provider_name").unwrap_or_default();
            reading.leave_out(&unnamed, &format!("has no tag to pin it by ({name})"));
            continue;
        };
        let name = format!("{id}@openrouter/{tag}");
        reading.attempt(&name, |reading| {
            let price = price(&fields, &name, reading)?;
            let listed = Listed {
                window: fields.count("context_length"),
                max_output: fields.count("max_completion_tokens"),
            };
            let endpoint =
                self::endpoint(&id, &format!("openrouter/{tag}"), price, listed, &fields);
            reading.take(&name, endpoint, Facts::default());
            Ok(())
        });
    }
    Ok(reading)
}

fn read_model(fields: &Fields<'_>, id: &str, reading: &mut Reading) -> Result<(), BadField> {
    let top = fields.object("top_provider");
    let of_top = |key| top.as_ref().and_then(|top| top.count(key));
    let model_window = fields.count("context_length");
    let window = of_top("context_length").or(model_window);
    let alias = fields.object("alias_target").and_then(|target| target.text("slug"));
    let alias = alias.or_else(|| stands_for_another(id).then(|| slug(fields, id)));
    let created = fields.get("created").and_then(|raw| raw.get().parse().ok());
    let created = created.and_then(|seconds| Timestamp::from_second(seconds).ok());
    let facts = Facts {
        expires: fields.day("expiration_date"),
        created: created.map(|at| at.to_zoned(jiff::tz::TimeZone::UTC).date()),
        alias_of: alias,
        model_context_window: model_window.filter(|n| Some(*n) != window),
        responses_only: false,
    };
    let price = price(fields, id, reading)?;
    let listed = Listed { window, max_output: of_top("max_completion_tokens") };
    let endpoint = endpoint(id, "openrouter", price, listed, fields);
    reading.take(id, endpoint, facts);
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
        request_form: crate::catalog::RequestForm::default(),
    }
}

/// The price as listed: it is net of `discount` already. A request need not get the discount, so a
/// budget reserves without it.
fn price(fields: &Fields<'_>, name: &str, reading: &mut Reading) -> Result<Price, BadField> {
    let Some(pricing) = fields.object("pricing") else { return Ok(Price::Unknown) };
    let Some(mut rates) = rates(&pricing)? else { return Ok(Price::Unknown) };
    if let Amount::Known(usd) = pricing.amount("image")? {
        rates.insert(Rate::PerImage, usd);
    }
    for (key, _) in pricing.iter() {
        if !NOT_RATES.contains(&key) && RATES.iter().all(|(known, _)| *known != key) {
            reading.count_unread(&format!("pricing.{key}"));
        }
    }
    let Some(mut rates) = Rates::from_map(rates) else { return Ok(Price::Unknown) };
    for raw in pricing.list("overrides").unwrap_or_default() {
        match change(raw)? {
            Some(change) => rates.changes.push(change),
            None => return Ok(Price::Unknown),
        }
    }
    rates.changes.sort_by_key(|change| change.above_input);
    match discount(&pricing)? {
        Discount::None => {}
        Discount::Promotion(share) => {
            rates.promotion = Some(share);
            reading.notes.push(format!(
                "{name}: listed net of a discount of {share}, without which a budget reserves"
            ));
        }
        Discount::Markup(shown) => {
            reading.notes.push(format!(
                "{name}: its discount of {shown} is a markup, which its listed price contains"
            ));
        }
    }
    Ok(free_or(rates))
}

enum Discount {
    None,
    /// The share that is off.
    Promotion(Factor),
    /// A negative discount, as written.
    Markup(String),
}

fn discount(pricing: &Fields<'_>) -> Result<Discount, BadField> {
    let Some(raw) = pricing.get("discount") else { return Ok(Discount::None) };
    let text = raw.get().trim_matches('"').trim();
    if text.is_empty() {
        return Ok(Discount::None);
    }
    let wrong = || bad("pricing.discount", format!("= {text} is not a share below 1"));
    let discount = Usd::from_number(text).map_err(|_| wrong())?;
    if discount == Usd::ZERO {
        return Ok(Discount::None);
    }
    if discount < Usd::ZERO {
        return Ok(Discount::Markup(text.to_owned()));
    }
    let share: Factor = discount.to_string().parse().map_err(|_| wrong())?;
    if Rates::is_promotion(share) { Ok(Discount::Promotion(share)) } else { Err(wrong()) }
}

/// The rates of an object; `None`: one of them is not known.
fn rates(fields: &Fields<'_>) -> Result<Option<BTreeMap<Rate, Usd>>, BadField> {
    let mut rates = BTreeMap::new();
    for (key, rate) in RATES {
        match fields.amount(key)? {
            Amount::Absent => {}
            Amount::Unknown => return Ok(None),
            Amount::Known(usd) => drop(rates.insert(rate, usd)),
        }
    }
    Ok(Some(rates))
}

/// An override of the base rates; `None`: one of its rates is not known.
fn change(raw: &RawValue) -> Result<Option<Change>, BadField> {
    let fields = Fields::of(raw).ok_or_else(|| bad("pricing.overrides", "holds no object"))?;
    let Some(rates) = rates(&fields)? else { return Ok(None) };
    let clock = |key| -> Result<Option<u16>, BadField> {
        let Some(raw) = fields.get(key) else { return Ok(None) };
        let text = raw.get().strip_suffix(".0").unwrap_or(raw.get());
        let clock: Option<u16> = text.parse().ok().filter(|hhmm| hhmm % 100 < 60 && *hhmm <= 2400);
        let clock = clock.ok_or_else(|| bad(key, format!("= {text} is not a time HHMM")))?;
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
