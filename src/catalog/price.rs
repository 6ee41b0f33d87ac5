//! Prices as they are written: decimal strings, dollars per million tokens.

use toml::Spanned;

use super::error::CatalogError;
use super::raw::{RawPrice, RawRates};
use super::{Price, Rates};
use crate::units::toml_text::{DecimalText, TomlText};
use crate::units::{ParseUsdError, Usd};

/// Below $0.01 per million tokens a rate was probably meant per token or per thousand: of 1,113
/// published pairs of rates (OpenRouter and LiteLLM, 2026) none is below, and of the same rates
/// divided by a thousand 92 % are.
const SUSPICIOUSLY_LOW: Usd = Usd::from_raw(10_000_000_000_000_000);
/// Above $600 per million tokens it was probably multiplied once too often: the dearest of those
/// rates is $600, and of the same rates times a thousand 80 % are above.
const SUSPICIOUSLY_HIGH: Usd = Usd::from_raw(600_000_000_000_000_000_000);

/// A rate after reading.
enum Rate {
    Absent,
    /// Written as `-1`, empty or `NaN`, which is how price lists say that they do not know.
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
    let at = toml.place(&raw.span());
    match raw.get_ref() {
        RawPrice::Word(word) if word.trim().eq_ignore_ascii_case("free") => Ok(Price::Free),
        RawPrice::Word(word) if is_unknown(word) => {
            warnings.push(format!("{at}: the price of {who} is unknown ({word:?})"));
            Ok(Price::Unknown)
        }
        RawPrice::Word(word) => Err(CatalogError::PriceShape { at, text: word.clone() }),
        RawPrice::NumberLiteral => {
            Err(CatalogError::PriceShape { at, text: toml.as_decimal_string(&raw.span()) })
        }
        RawPrice::Rates(rates) => resolve_rates(rates, &at.to_string(), toml, who, warnings),
    }
}

fn resolve_rates(
    raw: &RawRates,
    at: &str,
    toml: TomlText<'_>,
    who: &str,
    warnings: &mut Vec<String>,
) -> Result<Price, CatalogError> {
    if raw.per_hour.is_some() {
        return per_hour(raw, at, toml, who, warnings);
    }
    let per_million = |key, value: &Option<_>| rate(key, value.as_ref(), Usd::per_million, toml);
    let input = per_million("input", &raw.input)?;
    let output = per_million("output", &raw.output)?;
    let rest = [
        ("cached_input", per_million("cached_input", &raw.cached_input)?),
        ("cache_write", per_million("cache_write", &raw.cache_write)?),
        ("reasoning", per_million("reasoning", &raw.reasoning)?),
        ("per_request", rate("per_request", raw.per_request.as_ref(), str::parse, toml)?),
    ];
    let mut unknown = Vec::new();
    for (key, rate) in [("input", &input), ("output", &output)] {
        if !matches!(rate, Rate::Known(_)) {
            unknown.push(key);
        }
    }
    unknown.extend(rest.iter().filter(|(_, r)| matches!(r, Rate::Unknown)).map(|(key, _)| *key));
    let (Rate::Known(input), Rate::Known(output), []) = (input, output, unknown.as_slice()) else {
        warnings.push(format!(
            "{at}: the price of {who} is unknown (no {}): it is shown, kept out of the weights and \
             refused under a budget",
            unknown.join(", no ")
        ));
        return Ok(Price::Unknown);
    };
    let odd = [("input", input), ("output", output)]
        .into_iter()
        .find_map(|(key, usd)| oddity(usd).map(|why| format!("{key} of {who} {why}")));
    warnings.extend(odd.map(|what| format!("{at}: {what}")));
    let [cached_input, cache_write, reasoning, per_request] = rest.map(|(_, rate)| match rate {
        Rate::Known(usd) => Some(usd),
        Rate::Absent | Rate::Unknown => None,
    });
    Ok(Price::Rates(Rates { input, output, cached_input, cache_write, reasoning, per_request }))
}

/// Resolves the price of a machine of one's own.
fn per_hour(
    raw: &RawRates,
    at: &str,
    toml: TomlText<'_>,
    who: &str,
    warnings: &mut Vec<String>,
) -> Result<Price, CatalogError> {
    let others = [
        &raw.input,
        &raw.output,
        &raw.cached_input,
        &raw.cache_write,
        &raw.reasoning,
        &raw.per_request,
    ];
    if let Some(other) = others.into_iter().flatten().next() {
        return Err(CatalogError::PerHourMixed { at: toml.place(&other.span()) });
    }
    match rate("per_hour", raw.per_hour.as_ref(), str::parse, toml)? {
        Rate::Known(usd) => Ok(Price::PerHour(usd)),
        Rate::Absent | Rate::Unknown => {
            warnings.push(format!("{at}: the price of {who} per hour is unknown"));
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
) -> Result<Rate, CatalogError> {
    let Some(raw) = raw else { return Ok(Rate::Absent) };
    let at = toml.place(&raw.span());
    let text = match raw.get_ref() {
        DecimalText::Text(text) => text,
        DecimalText::NumberLiteral => {
            let literal = toml.as_decimal_string(&raw.span());
            return Err(CatalogError::PriceIsNumber { at, key, literal });
        }
    };
    if is_unknown(text) {
        return Ok(Rate::Unknown);
    }
    match parse(text) {
        Ok(usd) if usd < Usd::ZERO => {
            Err(CatalogError::NegativePrice { at, key, text: text.clone() })
        }
        Ok(usd) => Ok(Rate::Known(usd)),
        Err(error) => Err(CatalogError::BadPrice { at, key, why: error.to_string() }),
    }
}

fn is_unknown(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || text == "-1" || text.eq_ignore_ascii_case("nan")
}

/// What makes a rate look as if it were in another unit.
fn oddity(per_token: Usd) -> Option<String> {
    let shown = per_token.times(1_000_000);
    if per_token > Usd::ZERO && per_token < SUSPICIOUSLY_LOW {
        return Some(format!(
            "is ${shown} per million tokens: looks like dollars per token or per thousand; prices \
             are in dollars per million tokens"
        ));
    }
    (per_token > SUSPICIOUSLY_HIGH).then(|| {
        format!(
            "is ${shown} per million tokens: looks a thousand or a million times too high; prices \
             are in dollars per million tokens"
        )
    })
}
