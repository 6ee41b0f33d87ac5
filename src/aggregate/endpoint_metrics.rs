//! The categories and endpoints of a run with their metrics.

use std::collections::BTreeMap;

use super::{Cell, LocalTokens};
use crate::units::{Category, EndpointId};

/// The endpoint that serves today.
#[derive(Clone, Debug, PartialEq)]
pub struct Today {
    /// The endpoint; `None`: nothing was scored, so nothing stands for today.
    pub endpoint: Option<EndpointId>,
    /// Whether `[today]` named it; otherwise it is the best single endpoint of the run.
    pub stated: bool,
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
