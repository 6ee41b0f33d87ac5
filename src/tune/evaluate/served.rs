//! A file's routing in a run's terms.

use std::collections::BTreeMap;

use super::figures::Weights;
use crate::aggregate::RunMetrics;
use crate::weights::CategoryWeights;

/// The file's routing in the run's terms.
pub(super) struct Served<'a> {
    pub metrics: &'a RunMetrics,
    /// Of the traffic, by category of the run.
    pub shares: &'a [f64],
    pub weights: Weights,
    /// By category of the run.
    pub mixes: Vec<&'a CategoryWeights>,
}

impl Served<'_> {
    /// The share of the traffic of each provider.
    pub fn providers(&self) -> BTreeMap<String, f64> {
        let mut providers = BTreeMap::new();
        for (share, row) in self.shares.iter().zip(&self.weights) {
            for (endpoint, weight) in self.metrics.endpoints.iter().zip(row) {
                if share * weight > 0.0 {
                    *providers.entry(endpoint.provider.clone()).or_insert(0.0) += share * weight;
                }
            }
        }
        providers
    }

    /// The first fallback of a category at another provider.
    pub fn fallback(&self, category: usize, down: &str) -> Option<&str> {
        let is_down = |id: &str| {
            let known = self.metrics.endpoints.iter().find(|e| e.id.as_str() == id);
            let of_id = || id.split('@').nth(1).and_then(|rest| rest.split('#').next());
            known.map(|endpoint| endpoint.provider.as_str()).or_else(of_id) == Some(down)
        };
        self.mixes[category].fallbacks.iter().map(String::as_str).find(|id| !is_down(id))
    }
}
