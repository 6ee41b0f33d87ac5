//! How requests were held back for the limits of a provider.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How requests to a model at a provider were held back for its limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PacingSummary {
    /// The endpoints: a model with its variants.
    pub endpoints: Vec<String>,
    /// The share of the key's limits that was used at most, 0..1.
    pub share: f64,
    /// Refusals for too many requests (429).
    pub refused: u64,
    /// Requests that were to be under way at once.
    pub at_once: u32,
    /// To how many that went down after refusals.
    pub least_at_once: u32,
    /// The limits that requests waited for.
    pub limits: Vec<EnforcedLimit>,
    /// How often requests waited because less remained than is left to others.
    pub low_pauses: u64,
}

/// A limit that was kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnforcedLimit {
    /// What it counts: `requests`, `tokens`, `input tokens`, `output tokens`.
    pub counted: String,
    /// How many it allows.
    pub limit: u64,
    /// In what time: `second` to `month`.
    pub per: String,
    /// Whether the provider's headers stated it, and not the catalog.
    pub by_headers: bool,
}

impl PacingSummary {
    /// Adds what happened in another session or in another part of a plan. They are of the same
    /// endpoints.
    fn add(&mut self, other: &Self) {
        self.share = self.share.max(other.share);
        self.refused += other.refused;
        self.at_once = self.at_once.max(other.at_once);
        self.least_at_once = self.least_at_once.min(other.least_at_once);
        self.low_pauses += other.low_pauses;
        let new = other.limits.iter().filter(|limit| !self.limits.contains(limit));
        let new: Vec<EnforcedLimit> = new.cloned().collect();
        self.limits.extend(new);
    }

    /// What happened in all sessions or parts together, in the order of their endpoints.
    #[must_use]
    pub fn combine<'a>(all: impl IntoIterator<Item = &'a Self>) -> Vec<Self> {
        let mut sums: BTreeMap<&[String], Self> = BTreeMap::new();
        for paced in all {
            match sums.get_mut(paced.endpoints.as_slice()) {
                Some(sum) => sum.add(paced),
                None => {
                    sums.insert(&paced.endpoints, paced.clone());
                }
            }
        }
        sums.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_and_parts_add_up_by_their_endpoints() {
        let limit = |limit| EnforcedLimit {
            counted: "requests".to_owned(),
            limit,
            per: "minute".to_owned(),
            by_headers: true,
        };
        let paced = |name: &str, refused, least_at_once, limits| PacingSummary {
            endpoints: vec![name.to_owned()],
            share: 0.5,
            refused,
            at_once: 16,
            least_at_once,
            limits,
            low_pauses: 1,
        };
        let all = [
            paced("b", 1, 8, vec![limit(60)]),
            paced("a", 5, 4, Vec::new()),
            paced("b", 2, 2, vec![limit(60), limit(90)]),
        ];
        let sum = PacingSummary { low_pauses: 2, ..paced("b", 3, 2, vec![limit(60), limit(90)]) };
        assert_eq!(PacingSummary::combine(&all), [all[1].clone(), sum]);
        assert_eq!(PacingSummary::combine(&[]), []);
    }
}
