//! `weighbridge.toml` as it is written, before anything is resolved.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use toml::Spanned;

use crate::catalog::raw::{RawEndpoint, RawOverlay, RawProvider, RawVariant};
use crate::plan::privacy::RawPrivacy;
use crate::units::toml_text::DecimalText;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConfig {
    /// Read before the rest, by whoever gathers the catalogs.
    #[serde(rename = "catalog")]
    pub(super) _catalog: Option<String>,
    #[serde(default)]
    pub(super) models: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) suites: Vec<Spanned<RawSuite>>,
    pub(super) today: Option<Spanned<RawToday>>,
    pub(super) traffic: Option<RawTraffic>,
    pub(super) objective: Option<RawObjective>,
    pub(super) spend: Option<RawSpend>,
    pub(super) limits: Option<RawLimits>,
    pub(super) privacy: Option<RawPrivacy>,
    pub(super) cache: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) provider: Vec<RawProvider>,
    #[serde(default)]
    pub(super) endpoint: Vec<RawEndpoint>,
    #[serde(default)]
    pub(super) variant: Vec<RawVariant>,
    #[serde(default)]
    pub(super) price: Vec<RawOverlay>,
}

/// `[today]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawToday {
    pub(super) endpoint: Option<String>,
    pub(super) weights: Option<String>,
}

/// `[traffic]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTraffic {
    pub(super) requests_per_month: Option<Spanned<u64>>,
    pub(super) share: Option<Spanned<BTreeMap<String, Spanned<f64>>>>,
    pub(super) input_tokens: Option<Spanned<RawByCategory>>,
    pub(super) output_tokens: Option<Spanned<RawByCategory>>,
    pub(super) cached_input: Option<Spanned<RawByCategory>>,
    pub(super) retries: Option<Spanned<RawByCategory>>,
    pub(super) peak_requests_per_min: Option<Spanned<RawByCategory>>,
    pub(super) invoice: Option<Spanned<DecimalText>>,
}

/// `[objective]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawObjective {
    pub(super) goal: Option<Spanned<String>>,
    pub(super) margin: Option<Spanned<RawByCategory>>,
    pub(super) worth: Option<Spanned<DecimalText>>,
    pub(super) slo: Option<RawSlo>,
    pub(super) max_share: Option<RawMaxShare>,
}

/// `slo = { … }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSlo {
    pub(super) ttft: Spanned<DecimalText>,
    pub(super) miss: Spanned<f64>,
}

/// `max_share = { … }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMaxShare {
    pub(super) provider: Option<Spanned<f64>>,
}

/// `[spend]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the keys of the file")]
pub(super) struct RawSpend {
    pub(super) per_run: Option<Spanned<DecimalText>>,
    pub(super) per_month: Option<Spanned<DecimalText>>,
    pub(super) per_endpoint: Option<Spanned<DecimalText>>,
    pub(super) per_suite: Option<Spanned<DecimalText>>,
}

/// `[limits]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLimits {
    pub(super) rate_share: Option<Spanned<f64>>,
}

/// `"suites/support"`, or `{ path = "prompts.csv", map = { … } }`.
#[derive(Debug)]
pub(super) enum RawSuite {
    Path(String),
    Mapped { path: String, map: Option<BTreeMap<String, String>> },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMapped {
    path: String,
    map: Option<BTreeMap<String, String>>,
}

impl<'de> Deserialize<'de> for RawSuite {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PathOrTable;
        impl<'de> Visitor<'de> for PathOrTable {
            type Value = RawSuite;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path, or a table such as { path = \"prompts.csv\", map = { … } }")
            }
            fn visit_str<E>(self, path: &str) -> Result<RawSuite, E> {
                Ok(RawSuite::Path(path.to_owned()))
            }
            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<RawSuite, M::Error> {
                let RawMapped { path, map } =
                    RawMapped::deserialize(MapAccessDeserializer::new(map))?;
                Ok(RawSuite::Mapped { path, map })
            }
        }
        deserializer.deserialize_any(PathOrTable)
    }
}

/// A number, or a table with one for each category, `default` for the rest.
#[derive(Debug)]
pub(super) enum RawByCategory {
    All(f64),
    Each(BTreeMap<String, Spanned<f64>>),
}

impl<'de> Deserialize<'de> for RawByCategory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrTable;
        impl<'de> Visitor<'de> for NumberOrTable {
            type Value = RawByCategory;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or one for each category: { default = 0.02, reply = 0.10 }")
            }
            fn visit_f64<E>(self, number: f64) -> Result<RawByCategory, E> {
                Ok(RawByCategory::All(number))
            }
            fn visit_i64<E>(self, number: i64) -> Result<RawByCategory, E> {
                Ok(RawByCategory::All(number as f64))
            }
            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<RawByCategory, M::Error> {
                BTreeMap::deserialize(MapAccessDeserializer::new(map)).map(RawByCategory::Each)
            }
        }
        deserializer.deserialize_any(NumberOrTable)
    }
}
