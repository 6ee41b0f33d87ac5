//! Fields of foreign JSON, whose numbers keep their digits.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::error::SourceError;
use crate::units::Usd;

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

/// The entry of a list that is being read, for errors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) path: &'a str,
    pub(super) name: &'a str,
}

impl Entry<'_> {
    /// What is wrong with one of its fields.
    pub(super) fn bad(&self, field: &str, why: impl Into<String>) -> SourceError {
        SourceError::BadEntry {
            path: self.path.to_owned(),
            entry: self.name.to_owned(),
            field: field.to_owned(),
            why: why.into(),
        }
    }

    /// Reads an amount from its literal: a JSON string or number, or a TOML number.
    pub(super) fn amount(&self, field: &str, literal: &str) -> Result<Amount, SourceError> {
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
        match Usd::from_number(bare) {
            Ok(usd) if usd < Usd::ZERO => Err(self.bad(field, format!("= {literal} is negative"))),
            Ok(usd) => Ok(Amount::Known(usd)),
            Err(error) => Err(self.bad(field, format!("= {literal}: {error}"))),
        }
    }
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

    /// A count above zero; a count written as a float without decimals is one too.
    pub(super) fn count(&self, key: &str) -> Option<u64> {
        let text = self.get(key)?.get();
        let whole = text.strip_suffix(".0").unwrap_or(text);
        whole.parse().ok().filter(|n| *n > 0)
    }

    /// A day, from `2026-08-10` or the beginning of a longer time.
    pub(super) fn day(&self, key: &str) -> Option<jiff::civil::Date> {
        self.text(key)?.get(..10)?.parse().ok()
    }

    pub(super) fn amount(&self, key: &str, entry: Entry<'_>) -> Result<Amount, SourceError> {
        match self.get(key) {
            Some(value) => entry.amount(key, value.get()),
            None => Ok(Amount::Absent),
        }
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
