//! The catalog as it is written, before anything is resolved.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use toml::Spanned;

use crate::units::toml_text::DecimalText;

/// A catalog file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCatalog {
    #[serde(default)]
    pub(crate) provider: Vec<RawProvider>,
    #[serde(default)]
    pub(crate) endpoint: Vec<RawEndpoint>,
    #[serde(default)]
    pub(crate) variant: Vec<RawVariant>,
}

/// `[[provider]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawProvider {
    pub(crate) name: Spanned<String>,
    /// Left out: `openai-chat`.
    pub(crate) dialect: Option<Spanned<String>>,
    pub(crate) base_url: Spanned<String>,
    pub(crate) api_key_env: Option<Spanned<String>>,
    /// In place of `api_key_env`: a program and its arguments.
    pub(crate) api_key_cmd: Option<Spanned<Vec<String>>>,
    /// Left out: `1.1`.
    pub(crate) http: Option<Spanned<String>>,
}

/// `[[endpoint]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawEndpoint {
    pub(crate) model: Spanned<String>,
    pub(crate) provider: Spanned<String>,
    pub(crate) upstream_model: Option<String>,
    pub(crate) price: Option<Spanned<RawPrice>>,
    pub(crate) context_window: Option<Spanned<u64>>,
    pub(crate) max_output: Option<Spanned<u64>>,
    pub(crate) limits: Option<RawLimits>,
    pub(crate) supports: Option<Vec<Spanned<String>>>,
}

/// `limits = { … }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawLimits {
    pub(crate) requests_per_min: Option<Spanned<u32>>,
    pub(crate) tokens_per_min: Option<Spanned<u64>>,
    pub(crate) concurrency: Option<Spanned<u32>>,
}

/// `[[variant]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawVariant {
    pub(crate) name: Spanned<String>,
    #[serde(rename = "match")]
    pub(crate) glob: Spanned<String>,
    #[serde(default)]
    pub(crate) params: Option<Spanned<toml::Table>>,
    pub(crate) system: Option<String>,
    pub(crate) stream: Option<bool>,
}

/// `price = "free"`, or a table of rates.
#[derive(Debug)]
pub(crate) enum RawPrice {
    Word(String),
    NumberLiteral,
    Rates(Box<RawRates>),
}

/// `price = { … }`: dollars per million tokens; `per_request` in dollars.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRates {
    pub(crate) input: Option<Spanned<DecimalText>>,
    pub(crate) output: Option<Spanned<DecimalText>>,
    pub(crate) cached_input: Option<Spanned<DecimalText>>,
    pub(crate) cache_write: Option<Spanned<DecimalText>>,
    pub(crate) reasoning: Option<Spanned<DecimalText>>,
    pub(crate) per_request: Option<Spanned<DecimalText>>,
    /// Dollars per hour, instead of all the others.
    pub(crate) per_hour: Option<Spanned<DecimalText>>,
}

impl<'de> Deserialize<'de> for RawPrice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordOrRates;
        impl<'de> Visitor<'de> for WordOrRates {
            type Value = RawPrice;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"free\" or a table such as { input = \"1.00\", output = \"2.00\" }")
            }
            fn visit_str<E>(self, word: &str) -> Result<RawPrice, E> {
                Ok(RawPrice::Word(word.to_owned()))
            }
            fn visit_f64<E>(self, _: f64) -> Result<RawPrice, E> {
                Ok(RawPrice::NumberLiteral)
            }
            fn visit_i64<E>(self, _: i64) -> Result<RawPrice, E> {
                Ok(RawPrice::NumberLiteral)
            }
            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<RawPrice, M::Error> {
                let rates = RawRates::deserialize(MapAccessDeserializer::new(map))?;
                Ok(RawPrice::Rates(Box::new(rates)))
            }
        }
        deserializer.deserialize_any(WordOrRates)
    }
}
