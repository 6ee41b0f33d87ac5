//! What each simulated endpoint is like.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use serde::Deserialize;

use crate::catalog::Price;
use crate::units::{Category, EndpointId};

use super::limits::KeyLimits;

/// All simulated endpoints, in the order of the file.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// The endpoints; ids are unique.
    pub profiles: Vec<Profile>,
}

/// One simulated endpoint.
#[derive(Clone, Debug)]
pub struct Profile {
    /// `author/name@provider`.
    pub id: EndpointId,
    /// `author/name`: also what its API is asked for.
    pub model: String,
    /// The provider's name.
    pub provider: String,
    /// Whether it belongs to the default fleet. The others are for robustness tests.
    pub default: bool,
    /// What it bills.
    pub price: Price,
    /// The prices as the file states them.
    pub price_text: PriceText,
    /// Tokens of prompt and answer together.
    pub context_window: u64,
    /// Tokens of an answer at most.
    pub max_output: u64,
    /// The limit of concurrent requests in its catalog entry.
    pub concurrency: u32,
    /// The limits of a key.
    pub limits: KeyLimits,
    /// Whether it takes tools.
    pub tools: bool,
    /// Whether it reasons before it answers: reasoning is billed and not shown.
    pub reasoning: bool,
    /// How fast it answers.
    pub latency: Latency,
    /// How likely it is right, by category.
    pub(super) skill: BTreeMap<String, f64>,
    /// How long its output is, by category; empty where nothing was measured.
    pub(super) output_tokens: BTreeMap<String, f64>,
}

/// Prices per million tokens, as text.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceText {
    /// For prompt tokens.
    pub input: String,
    /// For output tokens.
    pub output: String,
    /// For prompt tokens read from the cache; without it, nothing is ever cached.
    pub cached_input: Option<String>,
}

/// The latency of an endpoint.
#[derive(Clone, Debug)]
pub struct Latency {
    /// Median time to the first token, thinking aside.
    pub ttft_p50: Duration,
    /// Its measured 95th percentile: not used to draw, only to check what is drawn.
    pub ttft_p95: Duration,
    /// Standard deviation of the logarithm, stalls aside.
    pub body_sigma: f64,
    /// Correlation of the logarithms of neighbouring requests, in 0..1.
    pub autocorrelation: f64,
    /// Streamed tokens per second.
    pub tokens_per_s: f64,
    /// Standard deviation of the logarithm of the gap between two tokens.
    pub gap_sigma: f64,
    /// The second mode of the time to the first token.
    pub stall: Option<Stall>,
    /// Requests that fail.
    pub error: Option<Failing>,
}

/// An additional wait of some requests.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stall {
    /// How likely it is.
    pub prob: f64,
    /// Its median, seconds.
    pub median_s: f64,
    /// The standard deviation of its logarithm.
    pub sigma: f64,
}

/// How requests fail.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failing {
    /// In which way.
    pub kind: FailureKind,
    /// How likely it is.
    pub prob: f64,
    /// After how many seconds, in the median.
    pub after_s: f64,
}

/// The ways a request fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// Status 500, no token.
    Server,
    /// Status 429.
    RateLimited,
    /// Nothing for a long time, then status 504.
    Timeout,
}

/// The key for every category that has none of its own.
pub(super) const DEFAULT: &str = "default";

impl Fleet {
    /// The fleet in the binary.
    #[must_use]
    pub fn embedded() -> &'static Self {
        static FLEET: OnceLock<Fleet> = OnceLock::new();
        FLEET.get_or_init(|| {
            Self::parse(include_str!("fleet.toml")).expect("the embedded fleet is tested")
        })
    }

    /// The same endpoints without effects of time and of other requests: no rate limits, no drift, no
    /// failures. Each answer is then an independent draw, so that runs of parts of a plan add up to a
    /// run of the whole.
    #[must_use]
    pub fn steady(mut self) -> Self {
        for profile in &mut self.profiles {
            profile.limits = KeyLimits::default();
            profile.latency.autocorrelation = 0.0;
            profile.latency.error = None;
        }
        self
    }

    /// The endpoints of a catalog: the default ones, or all.
    pub fn listed(&self, include_chaos: bool) -> impl Iterator<Item = &Profile> {
        self.profiles.iter().filter(move |profile| profile.default || include_chaos)
    }

    /// The endpoint of a request: by the provider of its path and the model of its body. Without a
    /// provider it is the first endpoint of that model; the model may also be a full endpoint id.
    #[must_use]
    pub fn find(&self, provider: Option<&str>, model: &str) -> Option<usize> {
        self.profiles.iter().position(|profile| match provider {
            Some(provider) => profile.provider == provider && profile.model == model,
            None => profile.model == model || profile.id.as_str() == model,
        })
    }
}

impl Profile {
    /// The probability of a right answer to a task of this category.
    #[must_use]
    pub fn skill(&self, category: &Category) -> f64 {
        *self
            .skill
            .get(category.as_str())
            .or_else(|| self.skill.get(DEFAULT))
            .expect("a default is required when the fleet is read")
    }

    /// The categories whose skill is stated, `default` last.
    pub fn skills(&self) -> impl Iterator<Item = (&str, f64)> {
        let named = self.skill.iter().filter(|(name, _)| *name != DEFAULT);
        named.chain(self.skill.get_key_value(DEFAULT)).map(|(name, &skill)| (name.as_str(), skill))
    }

    /// The mean number of output tokens for a task of this category, reasoning included; `None`
    /// where nothing was measured.
    #[must_use]
    pub fn mean_output_tokens(&self, category: Option<&Category>) -> Option<f64> {
        category
            .and_then(|category| self.output_tokens.get(category.as_str()))
            .or_else(|| self.output_tokens.get(DEFAULT))
            .copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_default_fleet_is_as_large_as_promised() {
        let fleet = Fleet::embedded();
        let listed: Vec<&Profile> = fleet.listed(false).collect();
        let providers: BTreeSet<&str> = listed.iter().map(|p| p.provider.as_str()).collect();
        let models: BTreeSet<&str> = listed.iter().map(|p| p.model.as_str()).collect();
        assert!(listed.len() >= 10, "{}", listed.len());
        assert!(providers.len() >= 6, "{}", providers.len());
        assert_eq!(models.len(), listed.len() - 1, "one model is at two providers");
        assert!(listed.iter().any(|p| !p.tools));
        assert_eq!(fleet.listed(true).count() - listed.len(), 3, "chaos profiles");
    }

    #[test]
    fn an_endpoint_is_found_by_path_and_model() {
        let fleet = Fleet::embedded();
        let check = |provider, model, expected: Option<&str>| {
            let found = fleet.find(provider, model).map(|i| fleet.profiles[i].id.as_str());
            assert_eq!(found, expected);
        };
        check(Some("fjord"), "elm/moe", Some("elm/moe@fjord"));
        check(None, "elm/moe", Some("elm/moe@ember"));
        check(None, "elm/moe@fjord", Some("elm/moe@fjord"));
        check(Some("apex"), "elm/moe", None);
        check(None, "nobody/none", None);
    }
}
