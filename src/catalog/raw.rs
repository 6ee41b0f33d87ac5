//! The catalog as it is written, before anything is resolved.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use toml::Spanned;

use super::rate::Rate;
use crate::units::toml_text::DecimalText;

/// A catalog file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCatalog {
    pub(crate) snapshot: Option<RawSnapshot>,
    #[serde(default)]
    pub(crate) provider: Vec<RawProvider>,
    #[serde(default)]
    pub(crate) endpoint: Vec<RawEndpoint>,
    #[serde(default)]
    pub(crate) variant: Vec<RawVariant>,
    #[serde(default)]
    pub(crate) price: Vec<RawOverlay>,
}

/// `[snapshot]`: where the prices of a synced catalog come from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawSnapshot {
    pub(crate) source: String,
    pub(crate) fetched_at: String,
    pub(crate) unit: Spanned<String>,
}

/// `[[price]]`: what a customer pays instead of the published price.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawOverlay {
    #[serde(rename = "match")]
    pub(crate) glob: Spanned<String>,
    pub(crate) price: Option<Spanned<RawPrice>>,
    pub(crate) discount: Option<Spanned<DecimalText>>,
    pub(crate) fee: Option<Spanned<DecimalText>>,
}

/// `[[provider]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawProvider {
    pub(crate) name: Spanned<String>,
    /// Left out: `openai-chat`.
    pub(crate) dialect: Option<Spanned<String>>,
    /// Left out: as a snapshot beside it says.
    pub(crate) base_url: Option<Spanned<String>>,
    pub(crate) api_key_env: Option<Spanned<String>>,
    /// In place of `api_key_env`: a program and its arguments.
    pub(crate) api_key_cmd: Option<Spanned<Vec<String>>>,
    /// Left out: `1.1`.
    pub(crate) http: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<Spanned<String>, Spanned<String>>,
    pub(crate) ca_file: Option<PathBuf>,
    /// `litellm` or `openrouter`: what stands before the providers. Left out: OpenRouter by its host.
    pub(crate) router: Option<Spanned<String>>,
    /// `deny`: the customer vouches that it keeps no prompts to train on.
    pub(crate) data_collection: Option<Spanned<String>>,
    /// The customer vouches that it retains no prompts.
    pub(crate) zdr: Option<bool>,
    /// A share off every price here.
    pub(crate) discount: Option<Spanned<DecimalText>>,
    /// A share on top of every price here.
    pub(crate) fee: Option<Spanned<DecimalText>>,
    /// What holds for all its endpoints together.
    pub(crate) limits: Option<RawProviderLimits>,
}

/// `limits = { … }` of a provider.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawProviderLimits {
    pub(crate) concurrency: Option<Spanned<u32>>,
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
    /// The day after which it may be gone.
    pub(crate) expires: Option<Spanned<String>>,
    /// The day it was first offered.
    pub(crate) created: Option<Spanned<String>>,
    /// The model that this name stands for at present.
    pub(crate) alias_of: Option<String>,
    /// The context window of the model, where this endpoint's differs.
    pub(crate) model_context_window: Option<Spanned<u64>>,
    /// Whether it answers on OpenAI's responses API alone.
    #[serde(default)]
    pub(crate) responses_only: bool,
    /// The name of the output limit: `max_tokens` or `max_completion_tokens`.
    pub(crate) max_tokens_field: Option<Spanned<String>>,
    /// Whether streams are asked for their usage.
    pub(crate) stream_usage: Option<bool>,
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

/// A table with a key for every [`Rate`], beside keys of its own.
macro_rules! with_rates {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $key:ident: $kind:ty,)* }) => {
        $(#[$about])*
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            pub(crate) input: Option<Spanned<DecimalText>>,
            pub(crate) output: Option<Spanned<DecimalText>>,
            pub(crate) cached_input: Option<Spanned<DecimalText>>,
            pub(crate) cache_write: Option<Spanned<DecimalText>>,
            pub(crate) cache_write_1h: Option<Spanned<DecimalText>>,
            pub(crate) reasoning: Option<Spanned<DecimalText>>,
            pub(crate) audio_input: Option<Spanned<DecimalText>>,
            pub(crate) cached_audio: Option<Spanned<DecimalText>>,
            pub(crate) audio_output: Option<Spanned<DecimalText>>,
            pub(crate) image_input: Option<Spanned<DecimalText>>,
            pub(crate) image_output: Option<Spanned<DecimalText>>,
            pub(crate) per_request: Option<Spanned<DecimalText>>,
            pub(crate) per_search: Option<Spanned<DecimalText>>,
            pub(crate) per_image: Option<Spanned<DecimalText>>,
            $($(#[$doc])* pub(crate) $key: $kind,)*
        }

        impl $name {
            /// The rates, in the order of [`Rate::ALL`].
            pub(crate) fn rates(&self) -> [(Rate, Option<&Spanned<DecimalText>>); 14] {
                [
                    (Rate::Input, self.input.as_ref()),
                    (Rate::Output, self.output.as_ref()),
                    (Rate::CachedInput, self.cached_input.as_ref()),
                    (Rate::CacheWrite, self.cache_write.as_ref()),
                    (Rate::CacheWrite1h, self.cache_write_1h.as_ref()),
                    (Rate::Reasoning, self.reasoning.as_ref()),
                    (Rate::AudioInput, self.audio_input.as_ref()),
                    (Rate::CachedAudio, self.cached_audio.as_ref()),
                    (Rate::AudioOutput, self.audio_output.as_ref()),
                    (Rate::ImageInput, self.image_input.as_ref()),
                    (Rate::ImageOutput, self.image_output.as_ref()),
                    (Rate::PerRequest, self.per_request.as_ref()),
                    (Rate::PerSearch, self.per_search.as_ref()),
                    (Rate::PerImage, self.per_image.as_ref()),
                ]
            }
        }
    };
}

with_rates! {
    /// `price = { … }`: dollars per million tokens; `per_request` and its like in dollars each.
    RawRates {
        /// Dollars per hour, instead of all the others.
        per_hour: Option<Spanned<DecimalText>>,
        /// What changes the rates.
        when: Option<Vec<RawChange>>,
        /// What every request is multiplied by.
        factor: Option<Spanned<DecimalText>>,
        /// The share off the undiscounted rates that these contain; budgets reserve without it.
        net_of_discount: Option<Spanned<DecimalText>>,
    }
}

with_rates! {
    /// One entry of `when`: conditions, and the rates that replace the base ones.
    RawChange {
        above_input_tokens: Option<Spanned<u64>>,
        service_tier: Option<Spanned<String>>,
        utc: Option<Vec<Spanned<String>>>,
        weekdays: Option<Vec<Spanned<i8>>>,
        from: Option<Spanned<String>>,
        until: Option<Spanned<String>>,
    }
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
