//! The prices of catalog files: decimal strings, dollars per million tokens.

use std::collections::BTreeMap;

use toml::Spanned;

use super::change::{Change, Hours};
use super::error::CatalogError;
use super::price::Price;
use super::rate::Rate;
use super::rates::Rates;
use super::raw::{RawChange, RawPrice, RawRates};
use crate::units::toml_text::{DecimalText, Place, TomlText};
use crate::units::{Factor, ParseFactorError, ParseUsdError, ServiceTier, Usd};

/// $100 for one token or request: nothing is sold above, and sums of prices below fit into [`Usd`].
const HIGHEST: Usd = Usd::from_raw(100 * 10_i128.pow(24));

/// A rate after reading.
enum Read {
    Absent,
    /// Written as `-1`, empty or `NaN`, as price lists do for unknown prices.
    Unknown,
    Known(Usd),
}

/// Resolves an endpoint's price. `who` names the endpoint in warnings.
pub(crate) fn resolve(
    raw: Option<&Spanned<RawPrice>>,
    toml: TomlText<'_>,
    who: &str,
    warnings: &mut Vec<String>,
) -> Result<Price, CatalogError> {
    let Some(raw) = raw else {
        warnings.push(format!(
            "{}: {who} has no price: it is shown, kept out of the weights and refused under a \
             budget; write price = {{ input = …, output = … }} or price = \"free\"",
            toml.path()
        ));
        return Ok(Price::Unknown);
    };
    // Lines are computed only for messages: a large catalog has many prices.
    let at = || toml.place(&raw.span());
    match raw.get_ref() {
        RawPrice::Word(word) if word.trim().eq_ignore_ascii_case("free") => Ok(Price::Free),
        RawPrice::Word(word) if is_unknown(word) => {
            warnings.push(format!("{}: the price of {who} is unknown ({word:?})", at()));
            Ok(Price::Unknown)
        }
        RawPrice::Word(word) => Err(CatalogError::PriceShape { at: at(), text: word.clone() }),
        RawPrice::NumberLiteral => {
            Err(CatalogError::PriceShape { at: at(), text: toml.as_decimal_string(&raw.span()) })
        }
        RawPrice::Rates(rates) => resolve_rates(rates, &at, toml, who, warnings),
    }
}

fn resolve_rates(
    raw: &RawRates,
    at: &dyn Fn() -> Place,
    toml: TomlText<'_>,
    who: &str,
    warnings: &mut Vec<String>,
) -> Result<Price, CatalogError> {
    if raw.per_hour.is_some() {
        return per_hour(raw, at, toml, who, warnings);
    }
    let (known, mut unknown) = known_rates(&raw.rates(), toml)?;
    for rate in [Rate::Output, Rate::Input] {
        if !known.contains_key(&rate) && !unknown.contains(&rate) {
            unknown.insert(0, rate);
        }
    }
    let mut changes = Vec::new();
    for change in raw.when.iter().flatten() {
        let (change, not_known) = resolve_change(change, toml)?;
        unknown.extend(not_known);
        changes.push(change);
    }
    let (Some(rates), []) = (Rates::from_map(known), unknown.as_slice()) else {
        let names: Vec<&str> = unknown.iter().map(|rate| rate.name()).collect();
        warnings.push(format!(
            "{}: the price of {who} is unknown (no {}): it is shown, kept out of the weights and \
             refused under a budget",
            at(),
            names.join(", no ")
        ));
        return Ok(Price::Unknown);
    };
    warnings.extend(rates.oddity().map(|odd| format!("{}: {} of {who} {odd}", at(), odd.rate())));
    let factor = raw.factor.as_ref().map(|raw| factor("factor", raw, toml)).transpose()?;
    let promotion = raw.net_of_discount.as_ref().map(|raw| promotion(raw, toml)).transpose()?;
    Ok(Price::Rates(Rates { changes, factor, promotion, ..rates }))
}

fn promotion(raw: &Spanned<DecimalText>, toml: TomlText<'_>) -> Result<Factor, CatalogError> {
    let share = factor("net_of_discount", raw, toml)?;
    if Rates::is_promotion(share) {
        return Ok(share);
    }
    Err(CatalogError::BadShare {
        at: toml.place(&raw.span()),
        key: "net_of_discount",
        text: share.to_string(),
        why: "is no share below 1 that can be off a price; write a share such as \"0.15\" for 15 %",
    })
}

/// The known rates of a table, and those marked as unknown.
fn known_rates(
    raw: &[(Rate, Option<&Spanned<DecimalText>>)],
    toml: TomlText<'_>,
) -> Result<(BTreeMap<Rate, Usd>, Vec<Rate>), CatalogError> {
    let (mut known, mut unknown) = (BTreeMap::new(), Vec::new());
    for (kind, raw) in raw {
        match rate(kind.name(), *raw, |text| kind.read(text), toml)? {
            Read::Known(usd) => drop(known.insert(*kind, usd)),
            Read::Unknown => unknown.push(*kind),
            Read::Absent => {}
        }
    }
    Ok((known, unknown))
}

fn resolve_change(
    raw: &RawChange,
    toml: TomlText<'_>,
) -> Result<(Change, Vec<Rate>), CatalogError> {
    let bad = |span: &std::ops::Range<usize>, key, text: &str, remedy| {
        let text = text.to_owned();
        Err(CatalogError::BadCondition { at: toml.place(span), key, text, remedy })
    };
    let (rates, unknown) = known_rates(&raw.rates(), toml)?;
    let mut change = Change {
        above_input: raw.above_input_tokens.as_ref().map(|n| *n.get_ref()),
        rates,
        ..Change::default()
    };
    if let Some(name) = &raw.service_tier {
        change.tier = ServiceTier::from_name(name.get_ref());
        if change.tier.is_none() {
            let remedy = "there are standard, flex, priority, batch and ultrafast";
            return bad(&name.span(), "service_tier", name.get_ref(), remedy);
        }
    }
    for text in raw.utc.iter().flatten() {
        let Some(hours) = Hours::parse(text.get_ref()) else {
            let remedy = "write hours and minutes, UTC, such as \"16:30-00:30\"";
            return bad(&text.span(), "utc", text.get_ref(), remedy);
        };
        change.hours.push(hours);
    }
    for day in raw.weekdays.iter().flatten() {
        if !(1..=7).contains(day.get_ref()) {
            let remedy = "days are 1 (Monday) to 7 (Sunday)";
            return bad(&day.span(), "weekdays", &day.get_ref().to_string(), remedy);
        }
        change.weekdays.push(*day.get_ref());
    }
    for (key, raw, into) in
        [("from", &raw.from, &mut change.from), ("until", &raw.until, &mut change.until)]
    {
        let Some(raw) = raw else { continue };
        match raw.get_ref().parse() {
            Ok(day) => *into = Some(day),
            Err(_) => {
                return bad(&raw.span(), key, raw.get_ref(), "write a day such as \"2026-09-01\"");
            }
        }
    }
    Ok((change, unknown))
}

/// Reads a factor, a discount or a fee.
pub(crate) fn factor(
    key: &'static str,
    raw: &Spanned<DecimalText>,
    toml: TomlText<'_>,
) -> Result<Factor, CatalogError> {
    let at = toml.place(&raw.span());
    match raw.get_ref() {
        DecimalText::NumberLiteral => {
            let literal = toml.as_decimal_string(&raw.span());
            Err(CatalogError::PriceIsNumber { at, key, literal })
        }
        DecimalText::Text(text) => text.parse().map_err(|error: ParseFactorError| {
            CatalogError::BadPrice { at, key, why: error.to_string() }
        }),
    }
}

/// Resolves the hourly price of a self-hosted machine.
fn per_hour(
    raw: &RawRates,
    at: &dyn Fn() -> Place,
    toml: TomlText<'_>,
    who: &str,
    warnings: &mut Vec<String>,
) -> Result<Price, CatalogError> {
    if let Some(other) = raw.rates().into_iter().find_map(|(_, rate)| rate) {
        return Err(CatalogError::PerHourMixed { at: toml.place(&other.span()) });
    }
    if raw.when.is_some() || raw.factor.is_some() {
        return Err(CatalogError::PerHourMixed { at: at() });
    }
    match rate("per_hour", raw.per_hour.as_ref(), str::parse, toml)? {
        Read::Known(usd) => Ok(Price::PerHour(usd)),
        Read::Absent | Read::Unknown => {
            warnings.push(format!("{}: the price of {who} per hour is unknown", at()));
            Ok(Price::Unknown)
        }
    }
}

/// Reads one rate.
fn rate(
    key: &'static str,
    raw: Option<&Spanned<DecimalText>>,
    parse: impl Fn(&str) -> Result<Usd, ParseUsdError>,
    toml: TomlText<'_>,
) -> Result<Read, CatalogError> {
    let Some(raw) = raw else { return Ok(Read::Absent) };
    let at = || toml.place(&raw.span());
    let text = match raw.get_ref() {
        DecimalText::Text(text) => text,
        DecimalText::NumberLiteral => {
            let literal = toml.as_decimal_string(&raw.span());
            return Err(CatalogError::PriceIsNumber { at: at(), key, literal });
        }
    };
    if is_unknown(text) {
        return Ok(Read::Unknown);
    }
    match parse(text) {
        Ok(usd) if usd < Usd::ZERO => {
            Err(CatalogError::NegativePrice { at: at(), key, text: text.clone() })
        }
        Ok(usd) if usd > HIGHEST => {
            let why =
                format!("{text:?} is beyond any price; prices are in dollars per million tokens");
            Err(CatalogError::BadPrice { at: at(), key, why })
        }
        Ok(usd) => Ok(Read::Known(usd)),
        Err(error) => Err(CatalogError::BadPrice { at: at(), key, why: error.to_string() }),
    }
}

fn is_unknown(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || text == "-1" || text.eq_ignore_ascii_case("nan")
}
