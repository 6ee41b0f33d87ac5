//! The categories and endpoints of a run with their metrics.

use std::collections::BTreeMap;

use super::{Cell, LocalTokens};
use crate::catalog::Limits;
use crate::units::{Category, EndpointId};

/// The endpoint that serves today.
#[derive(Clone, Debug, PartialEq)]
pub struct Today {
    /// The endpoint; `None`: nothing was scored, so nothing stands for today.
    pub endpoint: Option<EndpointId>,
    /// Whether `[today]` named it; otherwise it is the best single endpoint of the run.
    pub stated: bool,
    /// Whether it was chosen on some of the tasks, and is compared on the others.
    pub apart: bool,
}

/// A category and the traffic it has.
#[derive(Clone, Debug, PartialEq)]
pub struct CategoryMetrics {
    /// Its name.
    pub name: Category,
    /// Tasks of the run in it.
    pub tasks: u64,
    /// Its share of traffic, 0..1.
    pub share: f64,
    /// Whether `[traffic]` named the share; otherwise categories count equally.
    pub share_stated: bool,
}

/// An endpoint: its whole row and its cells.
#[derive(Clone, Debug)]
pub struct EndpointMetrics {
    /// Its id.
    pub id: EndpointId,
    /// Its model.
    pub model: String,
    /// Its provider.
    pub provider: String,
    /// Whether its price is known.
    pub priced: bool,
    /// The limits that the catalog states for it.
    pub limits: Limits,
    /// Over all categories.
    pub all: Cell,
    /// By category: same order as `RunMetrics::categories`.
    pub cells: Vec<Cell>,
    /// Answers without usage whose text the run kept, so that a tokenizer can count them.
    pub uncounted: u64,
    /// Tokens that Weighbridge counted; `None`: every provider of the run reported usage, the run
    /// kept no answers, or this build has no tokenizer.
    pub local: Option<LocalTokens>,
    /// Who gave its answers, where a router says so.
    pub served: RoutingCounts,
    /// The constant factor between what the provider says it charged and the cost by the prices of
    /// the run; `None`: there is none, or it is 1.
    pub billed_factor: Option<BilledFactor>,
}

/// What a provider says it charged, as a multiple of the cost by the prices of the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BilledFactor {
    /// The multiple: the median over the answers.
    pub factor: f64,
    /// Answers with both costs.
    pub answers: u64,
}

impl BilledFactor {
    /// The factor of these ratios: at least 5, all but a tenth of them within 2 % of their median,
    /// and that more than 2 % from 1.
    pub(super) fn of(mut ratios: Vec<f64>) -> Option<Self> {
        const LEAST: usize = 5;
        const NEAR: f64 = 0.02;
        if ratios.len() < LEAST {
            return None;
        }
        ratios.sort_by(f64::total_cmp);
        let factor = ratios[ratios.len() / 2];
        let far = ratios.iter().filter(|r| (*r / factor - 1.0).abs() > NEAR).count();
        let is_constant = far * 10 <= ratios.len();
        let answers = ratios.len() as u64;
        (is_constant && (factor - 1.0).abs() > NEAR).then_some(Self { factor, answers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_factor_is_found() {
        let of = |ratios: &[f64]| BilledFactor::of(ratios.to_vec()).map(|b| (b.factor, b.answers));
        assert_eq!(of(&[10.0, 10.1, 9.9, 10.0, 10.05]), Some((10.0, 5)));
        assert_eq!(of(&[10.0; 4]), None, "too few");
        assert_eq!(of(&[1.0, 1.01, 0.99, 1.0, 1.0]), None, "as computed");
        assert_eq!(of(&[1.0, 2.0, 3.0, 4.0, 5.0]), None, "not constant");
        let mut ten = [0.5; 10];
        ten[3] = 1.0;
        assert_eq!(of(&ten), Some((0.5, 10)), "one of ten may differ");
    }
}

/// Which providers gave an endpoint's answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoutingCounts {
    /// The provider that the router was pinned to.
    pub pin: Option<String>,
    /// Answers by the name that the router says.
    pub by: BTreeMap<String, u64>,
}

impl RoutingCounts {
    /// Answers of a pinned endpoint by those that it is not pinned to.
    #[must_use]
    pub fn strays(&self) -> BTreeMap<&str, u64> {
        let Some(pin) = &self.pin else { return BTreeMap::new() };
        // `google-vertex/us` is spoken of as "Google", and `amazon-bedrock` as "Amazon Bedrock".
        let plain = |name: &str| -> String {
            let letters = name.chars().filter(char::is_ascii_alphanumeric);
            letters.map(|c| c.to_ascii_lowercase()).collect()
        };
        let pin = plain(pin.split('/').next().unwrap_or(pin));
        let is_pin = |name: &str| {
            let name = plain(name);
            !name.is_empty() && (pin.starts_with(&name) || name.starts_with(&pin))
        };
        let by = self.by.iter().map(|(name, n)| (name.as_str(), *n));
        by.filter(|(name, _)| !is_pin(name)).collect()
    }
}
