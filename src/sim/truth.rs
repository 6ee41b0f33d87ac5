//! The true parameters of the fleet, which estimates are compared with.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::units::{Category, EndpointId};

use super::behaviour::Scale;
use super::profile::Fleet;

/// The truth about a fleet at a scale.
#[derive(Clone, Debug, Serialize)]
pub struct Truth {
    /// Always true: nothing here was measured.
    pub simulated: bool,
    /// The endpoints, in the order of the fleet.
    pub endpoints: Vec<EndpointTruth>,
}

/// The truth about an endpoint.
#[derive(Clone, Debug, Serialize)]
pub struct EndpointTruth {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Whether it belongs to the default fleet.
    pub default: bool,
    /// Dollars per million prompt tokens.
    pub input_usd_per_million: String,
    /// Dollars per million output tokens.
    pub output_usd_per_million: String,
    /// Dollars per million cached prompt tokens.
    pub cached_input_usd_per_million: Option<String>,
    /// Median time to the first token, thinking aside.
    pub ttft_p50_ms: f64,
    /// Tokens per second once it streams.
    pub tokens_per_s: f64,
    /// The share of requests that stall before the first token.
    pub stall_share: f64,
    /// The share of requests that fail.
    pub error_share: f64,
    /// By category; `default` is every category without a line of its own.
    pub categories: BTreeMap<String, CellTruth>,
}

/// The truth about a cell.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CellTruth {
    /// The probability of a right answer.
    pub skill: f64,
    /// Median delay of the first token by thinking.
    pub thinking_p50_ms: f64,
}

impl Fleet {
    /// The true parameters of this fleet at a scale.
    #[must_use]
    pub fn truth(&self, scale: Scale, include_chaos: bool) -> Truth {
        let endpoints = self.listed(include_chaos).map(|profile| {
            let cell = |(name, skill): (&str, f64)| {
                let thinking = profile.median_thinking(Some(&Category::new(name)), scale);
                let thinking_p50_ms = round(thinking.as_secs_f64() * 1e3);
                (name.to_owned(), CellTruth { skill, thinking_p50_ms })
            };
            EndpointTruth {
                endpoint: profile.id.clone(),
                default: profile.default,
                input_usd_per_million: profile.price_text.input.clone(),
                output_usd_per_million: profile.price_text.output.clone(),
                cached_input_usd_per_million: profile.price_text.cached_input.clone(),
                ttft_p50_ms: round(profile.latency.ttft_p50.as_secs_f64() * 1e3),
                tokens_per_s: profile.latency.tokens_per_s,
                stall_share: profile.latency.stall.map_or(0.0, |stall| stall.prob),
                error_share: profile.latency.error.map_or(0.0, |error| error.prob),
                categories: profile.skills().map(cell).collect(),
            }
        });
        Truth { simulated: true, endpoints: endpoints.collect() }
    }
}

/// Rounded to a thousandth: further digits are artefacts of binary fractions.
fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// A table of skills, one endpoint a line, with prices and the median time to the first token.
impl fmt::Display for Truth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> =
            self.endpoints.first().map_or_else(Vec::new, |first| first.categories.keys().collect());
        write!(f, "{:26}{:>8}{:>8}{:>9}", "endpoint", "$/M in", "$/M out", "ttft p50")?;
        for name in &names {
            write!(f, "{name:>9}")?;
        }
        writeln!(f)?;
        for endpoint in &self.endpoints {
            write!(
                f,
                "{:26}{:>8}{:>8}{:>7.0}ms",
                endpoint.endpoint,
                endpoint.input_usd_per_million,
                endpoint.output_usd_per_million,
                endpoint.ttft_p50_ms,
            )?;
            for name in &names {
                match endpoint.categories.get(*name) {
                    Some(cell) => write!(f, "{:>9.3}", cell.skill)?,
                    None => write!(f, "{:>9}", "")?,
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_truth_is_that_of_the_profiles() {
        let fleet = Fleet::embedded();
        let truth = fleet.truth(Scale::default(), false);
        let thinker = &truth.endpoints[0];
        assert_eq!(thinker.endpoint.as_str(), "acme/thinker@apex");
        assert_eq!((thinker.ttft_p50_ms, thinker.input_usd_per_million.as_str()), (305.0, "1.25"));
        let math = thinker.categories["math"];
        assert!((math.skill - 0.838).abs() < 1e-12);
        assert!((1_000.0..2_000.0).contains(&math.thinking_p50_ms), "{math:?}");
        let full = fleet.truth(Scale { lengths: Some(1.0) }, true);
        assert!(full.endpoints[0].categories["math"].thinking_p50_ms > 60_000.0);
        assert_eq!(full.endpoints.len(), truth.endpoints.len() + 3);
        let table = truth.to_string();
        assert!(table.lines().all(|line| line.chars().count() <= 141), "{table}");
        assert_eq!(table.lines().count(), truth.endpoints.len() + 1);
    }
}
