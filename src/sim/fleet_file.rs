//! Reading a fleet from its file: unknown keys, odd prices and impossible numbers are refused.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;

use crate::catalog::{Price, Rates};
use crate::units::{EndpointId, ParseUsdError, Usd};

use super::limits::{KeyLimits, Others};
use super::profile::{DEFAULT, Failing, Fleet, Latency, PriceText, Profile, Stall};

/// Why a fleet cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// Invalid TOML: syntax, an unknown key, a missing key.
    #[error(transparent)]
    Toml(#[from] toml::de::Error),
    /// A price is not a decimal string.
    #[error("{endpoint}: price: {source}")]
    Price {
        /// The endpoint.
        endpoint: EndpointId,
        /// What is wrong with it.
        source: ParseUsdError,
    },
    /// A number is outside its range.
    #[error("{endpoint}: {key} = {value} is outside {range}")]
    Range {
        /// The endpoint.
        endpoint: EndpointId,
        /// The key.
        key: String,
        /// Its value.
        value: f64,
        /// What is allowed.
        range: &'static str,
    },
    /// Two endpoints have the same id.
    #[error("{0} is there twice")]
    Duplicate(EndpointId),
    /// There is no `default` skill.
    #[error("{0}: skill needs a `default`")]
    NoDefaultSkill(EndpointId),
    /// A category's length is that of a kind that does not exist.
    #[error("lengths: {0:?} is none of math, code, knowledge, chat, or `default` is missing")]
    Lengths(String),
}

impl Fleet {
    /// Reads a fleet. Unknown keys are refused.
    pub fn parse(text: &str) -> Result<Self, FleetError> {
        let raw: RawFleet = toml::from_str(text)?;
        for kind in raw.lengths.values() {
            if !OutputTokens::KINDS.contains(&kind.as_str()) {
                return Err(FleetError::Lengths(kind.clone()));
            }
        }
        if !raw.lengths.contains_key(DEFAULT) {
            return Err(FleetError::Lengths(DEFAULT.to_owned()));
        }
        let mut seen = BTreeSet::new();
        let mut profiles = Vec::with_capacity(raw.endpoint.len());
        for endpoint in raw.endpoint {
            let profile = endpoint.resolve(&raw.lengths)?;
            if !seen.insert(profile.id.clone()) {
                return Err(FleetError::Duplicate(profile.id));
            }
            profiles.push(profile);
        }
        Ok(Self { profiles })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFleet {
    lengths: BTreeMap<String, String>,
    endpoint: Vec<RawEndpoint>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "the keys of the file")]
struct RawEndpoint {
    model: String,
    provider: String,
    #[serde(default = "yes")]
    default: bool,
    price: PriceText,
    context_window: u64,
    max_output: u64,
    #[serde(default = "usual_concurrency")]
    concurrency: u32,
    requests_per_min: Option<u32>,
    at_once: Option<u32>,
    others: Option<Others>,
    #[serde(default)]
    unlisted: bool,
    #[serde(default = "yes")]
    tools: bool,
    #[serde(default)]
    reasoning: bool,
    latency: RawLatency,
    output_tokens: Option<OutputTokens>,
    skill: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLatency {
    ttft_p50_s: f64,
    ttft_p95_s: f64,
    body_sigma: f64,
    lag1_autocorr: f64,
    tok_per_s: f64,
    itl_sigma: f64,
    stall: Option<Stall>,
    error: Option<Failing>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OutputTokens {
    math: f64,
    code: f64,
    knowledge: f64,
    chat: f64,
}

impl OutputTokens {
    const KINDS: [&'static str; 4] = ["math", "code", "knowledge", "chat"];

    fn of(&self, kind: &str) -> f64 {
        match kind {
            "math" => self.math,
            "code" => self.code,
            "chat" => self.chat,
            _ => self.knowledge,
        }
    }
}

/// Requests at once with which the demo ends within 35 s.
fn usual_concurrency() -> u32 {
    128
}

fn yes() -> bool {
    true
}

impl RawEndpoint {
    fn resolve(self, lengths: &BTreeMap<String, String>) -> Result<Profile, FleetError> {
        let id = EndpointId::new(&self.model, &self.provider, None);
        if !self.skill.contains_key(DEFAULT) {
            return Err(FleetError::NoDefaultSkill(id));
        }
        for (category, &skill) in &self.skill {
            within(&id, &format!("skill.{category}"), skill, Range::Probability)?;
        }
        let output_tokens = match &self.output_tokens {
            Some(tokens) => {
                for kind in OutputTokens::KINDS {
                    within(&id, kind, tokens.of(kind), Range::Positive)?;
                }
                lengths.iter().map(|(name, kind)| (name.clone(), tokens.of(kind))).collect()
            }
            None => BTreeMap::new(),
        };
        let limits = self.limits(&id)?;
        let price = self.price.resolve(&id)?;
        let latency = self.latency.resolve(&id)?;
        Ok(Profile {
            id,
            model: self.model,
            provider: self.provider,
            default: self.default,
            price,
            price_text: self.price,
            context_window: self.context_window,
            max_output: self.max_output,
            concurrency: self.concurrency.max(1),
            limits,
            tools: self.tools,
            reasoning: self.reasoning,
            latency,
            skill: self.skill,
            output_tokens,
        })
    }
}

impl RawEndpoint {
    fn limits(&self, id: &EndpointId) -> Result<KeyLimits, FleetError> {
        let requests_per_min = self.requests_per_min.filter(|&n| n > 0);
        if let Some(others) = &self.others {
            // Other users without requests would have no effect.
            let most = requests_per_min.unwrap_or(0);
            if others.requests > most {
                let value = f64::from(others.requests);
                let (key, range) = ("others.requests".to_owned(), "0 to requests_per_min");
                return Err(FleetError::Range { endpoint: id.clone(), key, value, range });
            }
        }
        let at_once = self.at_once.filter(|&n| n > 0);
        let (others, unlisted) = (self.others, self.unlisted);
        Ok(KeyLimits { requests_per_min, at_once, others, unlisted })
    }
}

impl PriceText {
    fn resolve(&self, id: &EndpointId) -> Result<Price, FleetError> {
        let read = |text: &str| {
            let usd = Usd::per_million(text)
                .map_err(|source| FleetError::Price { endpoint: id.clone(), source })?;
            within(id, "price", usd.to_f64(), Range::NotNegative)?;
            Ok::<_, FleetError>(usd)
        };
        Ok(Price::Rates(Rates {
            input: read(&self.input)?,
            output: read(&self.output)?,
            cached_input: self.cached_input.as_deref().map(read).transpose()?,
            ..Rates::default()
        }))
    }
}

impl RawLatency {
    fn resolve(self, id: &EndpointId) -> Result<Latency, FleetError> {
        within(id, "ttft_p50_s", self.ttft_p50_s, Range::Positive)?;
        within(id, "ttft_p95_s", self.ttft_p95_s, Range::Positive)?;
        within(id, "body_sigma", self.body_sigma, Range::NotNegative)?;
        within(id, "lag1_autocorr", self.lag1_autocorr, Range::Correlation)?;
        within(id, "tok_per_s", self.tok_per_s, Range::Positive)?;
        within(id, "itl_sigma", self.itl_sigma, Range::NotNegative)?;
        if let Some(stall) = &self.stall {
            within(id, "stall.prob", stall.prob, Range::BelowHalf)?;
            within(id, "stall.median_s", stall.median_s, Range::Positive)?;
            within(id, "stall.sigma", stall.sigma, Range::NotNegative)?;
        }
        if let Some(error) = &self.error {
            within(id, "error.prob", error.prob, Range::Probability)?;
            within(id, "error.after_s", error.after_s, Range::Positive)?;
        }
        Ok(Latency {
            ttft_p50: Duration::from_secs_f64(self.ttft_p50_s),
            ttft_p95: Duration::from_secs_f64(self.ttft_p95_s),
            body_sigma: self.body_sigma,
            // A drift cannot make neighbours differ: a negative measurement counts as none.
            autocorrelation: self.lag1_autocorr.max(0.0),
            tokens_per_s: self.tok_per_s,
            gap_sigma: self.itl_sigma,
            stall: self.stall,
            error: self.error,
        })
    }
}

#[derive(Clone, Copy)]
enum Range {
    Probability,
    BelowHalf,
    Correlation,
    NotNegative,
    Positive,
}

/// The largest number that makes sense in a profile: a day in seconds, and far above any rate.
const MAX: f64 = 86_400.0;

fn within(id: &EndpointId, key: &str, value: f64, range: Range) -> Result<(), FleetError> {
    let (holds, range) = match range {
        Range::Probability => ((0.0..=1.0).contains(&value), "0 to 1"),
        Range::BelowHalf => ((0.0..0.5).contains(&value), "0 to below 0.5"),
        Range::Correlation => ((-1.0..=1.0).contains(&value), "-1 to 1"),
        Range::NotNegative => ((0.0..=MAX).contains(&value), "0 to 86400"),
        Range::Positive => (value > 0.0 && value <= MAX, "above 0, to 86400"),
    };
    if holds {
        return Ok(());
    }
    Err(FleetError::Range { endpoint: id.clone(), key: key.to_owned(), value, range })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fleet_with_a_mistake_is_refused() {
        let text = include_str!("fleet.toml");
        let check = |from: &str, to: &str, expected: &str| {
            let broken = text.replacen(from, to, 1);
            assert_ne!(broken, text, "{from} is not in the file");
            let error = Fleet::parse(&broken).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("itl_sigma", "itl_sigmo", "unknown field `itl_sigmo`");
        check("reasoning = true", "reasning = true", "unknown field `reasning`");
        check("input = \"1.25\"", "input = \"1,25\"", "acme/thinker@apex: price");
        check("input = \"1.25\"", "input = \"-1.25\"", "price");
        check("math = 0.838", "math = 1.838", "skill.math");
        check("default = 0.673", "other = 0.673", "needs a `default`");
        check("provider = \"fjord\"", "provider = \"ember\"", "elm/moe@ember is there twice");
        check("prob = 0.0235", "prob = 0.9", "stall.prob");
        let others = "requests_per_min = 600\nothers = { requests = 601, for_s = 9 }";
        check("requests_per_min = 600", others, "others.requests = 601");
        check("math = \"math\"", "math = \"maths\"", "maths");
    }
}
