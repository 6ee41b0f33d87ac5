//! Fields of foreign JSON, whose numbers keep their digits.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::units::{ParseUsdError, Usd};

/// Characters of a literal that a message shows.
const SHOWN: usize = 40;
/// $100 for one token, request or search: nothing is sold above, and sums of prices below fit
/// into [`Usd`].
const HIGHEST: Usd = Usd::from_raw(100 * 10_i128.pow(24));
/// No model reads or writes so many tokens; a larger count is an error of the list.
const MOST_TOKENS: u64 = 1_000_000_000;

/// An object, in the order of the text.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    pairs: Vec<(String, &'a RawValue)>,
    at: BTreeMap<String, usize>,
}

/// What an amount is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Amount {
    /// Not there, or null.
    Absent,
    /// `-1`, `NaN` or empty, as price lists write unknown prices.
    Unknown,
    /// A price.
    Known(Usd),
}

/// Why an entry of a list cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {why}")]
pub(super) struct BadField {
    pub(super) field: String,
    pub(super) why: String,
}

/// What is wrong with a field of an entry.
pub(super) fn bad(field: &str, why: impl Into<String>) -> BadField {
    BadField { field: field.to_owned(), why: why.into() }
}

/// Reads an amount from its literal: a JSON string or number, or a TOML number.
pub(super) fn amount(field: &str, literal: &str) -> Result<Amount, BadField> {
    amount_of(field, literal, 1)
}

/// Reads dollars per million from their literal, and gives the amount for one.
pub(super) fn per_million(field: &str, literal: &str) -> Result<Amount, BadField> {
    amount_of(field, literal, 1_000_000)
}

fn amount_of(field: &str, literal: &str, per: u64) -> Result<Amount, BadField> {
    let literal = literal.trim();
    let bare = literal.strip_prefix('"').and_then(|l| l.strip_suffix('"')).unwrap_or(literal);
    let bare = bare.trim();
    if literal == "null" {
        return Ok(Amount::Absent);
    }
    let unknown = ["-1", "-1.0", "", "nan"];
    if unknown.iter().any(|word| bare.eq_ignore_ascii_case(word)) {
        return Ok(Amount::Unknown);
    }
    let shown: String = literal.chars().take(SHOWN).collect();
    match nearest(bare).map(|usd| usd.per(per).unwrap_or(usd)) {
        Ok(usd) if usd < Usd::ZERO => Err(bad(field, format!("= {shown} is negative"))),
        Ok(usd) if usd > HIGHEST => Err(bad(
            field,
            format!("= {shown} is beyond any price: the list may be in another unit"),
        )),
        Ok(usd) => Ok(Amount::Known(usd)),
        Err(_) => Err(bad(field, format!("= {shown} is no amount of money"))),
    }
}

/// An amount to the nearest 10⁻²⁴ dollars: a float's noise has more digits than that.
fn nearest(literal: &str) -> Result<Usd, ParseUsdError> {
    let error = match Usd::from_number(literal) {
        Err(ParseUsdError::TooPrecise(text, decimals)) => (text, decimals),
        other => return other,
    };
    let (text, decimals) = error;
    let kept = text.find('.').map_or(text.len(), |point| point + 1 + decimals as usize);
    let usd: Usd = text.get(..kept).unwrap_or(&text).parse()?;
    // What is left of it must not look like a price of nothing.
    if usd == Usd::ZERO { Err(ParseUsdError::TooPrecise(text, decimals)) } else { Ok(usd) }
}

impl<'a> Fields<'a> {
    /// The fields of an object; `None`: it is none.
    pub(super) fn of(value: &'a RawValue) -> Option<Self> {
        let Pairs(pairs) = serde_json::from_str(value.get()).ok()?;
        // Of duplicate keys the last wins, as in other JSON readers.
        let at = pairs.iter().enumerate().map(|(idx, (key, _))| (key.clone(), idx)).collect();
        Some(Self { pairs, at })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> + Clone {
        self.pairs.iter().map(|(key, value)| (key.as_str(), *value))
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.at.contains_key(key)
    }

    /// The value; `None`: not there, or null.
    pub(super) fn get(&self, key: &str) -> Option<&'a RawValue> {
        let (_, value) = self.pairs[*self.at.get(key)?];
        (value.get() != "null").then_some(value)
    }

    pub(super) fn object(&self, key: &str) -> Option<Self> {
        Self::of(self.get(key)?)
    }

    pub(super) fn list(&self, key: &str) -> Option<Vec<&'a RawValue>> {
        serde_json::from_str(self.get(key)?.get()).ok()
    }

    pub(super) fn text(&self, key: &str) -> Option<String> {
        serde_json::from_str(self.get(key)?.get()).ok()
    }

    pub(super) fn texts(&self, key: &str) -> Option<Vec<String>> {
        serde_json::from_str(self.get(key)?.get()).ok()
    }

    pub(super) fn is_true(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| value.get() == "true")
    }

    pub(super) fn is_false(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| value.get() == "false")
    }

    /// A count of tokens, above zero and at most 10⁹; a count written as a float without decimals
    /// or as a string is one too.
    pub(super) fn count(&self, key: &str) -> Option<u64> {
        let text = self.get(key)?.get().trim_matches('"').trim();
        let whole = text.strip_suffix(".0").unwrap_or(text);
        whole.parse().ok().filter(|n| (1..=MOST_TOKENS).contains(n))
    }

    /// A day, from `2026-08-10` or the beginning of a longer time.
    pub(super) fn day(&self, key: &str) -> Option<jiff::civil::Date> {
        self.text(key)?.get(..10)?.parse().ok()
    }

    pub(super) fn amount(&self, key: &str) -> Result<Amount, BadField> {
        self.get(key).map_or(Ok(Amount::Absent), |value| amount(key, value.get()))
    }
}

struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Pairs<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Pairs<'de>, M::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
