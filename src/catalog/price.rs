//! What an endpoint costs.

use serde::{Deserialize, Serialize};

use super::change::Terms;
use super::rate::Rate;
use super::rates::Rates;
use crate::units::{ServiceTier, Usage, Usd};

/// What an endpoint costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "most prices are rates; there are thousands at most")]
pub enum Price {
    /// Published rates.
    Rates(Rates),
    /// Dollars per hour of a self-hosted machine: requests cost nothing more; the cost of a task
    /// depends on how many the machine answers in an hour.
    PerHour(Usd),
    /// Costs nothing.
    Free,
    /// Unknown: shown, excluded from weights, refused under a budget.
    Unknown,
    /// What each request cost is recorded; its rates are not known.
    Recorded,
}

impl Price {
    /// The cost of a usage at the standard tier and at no particular time. `None`: the price, or a
    /// count that it needs, is unknown.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Option<Usd> {
        self.cost_under(usage, &Terms::default())
    }

    /// The cost of a usage under these terms.
    #[must_use]
    pub fn cost_under(&self, usage: &Usage, terms: &Terms) -> Option<Usd> {
        match self {
            Self::Free | Self::PerHour(_) => Some(Usd::ZERO),
            Self::Unknown | Self::Recorded => None,
            Self::Rates(rates) => rates.cost(usage, terms),
        }
    }

    /// The highest cost of a request: see [`Rates::max_cost`].
    #[must_use]
    pub fn max_cost(&self, input: u64, output: u64, tier: Option<ServiceTier>) -> Option<Usd> {
        match self {
            Self::Free | Self::PerHour(_) => Some(Usd::ZERO),
            Self::Unknown | Self::Recorded => None,
            Self::Rates(rates) => Some(rates.max_cost(input, output, tier)),
        }
    }

    /// Whether searches that the provider makes are charged.
    #[must_use]
    pub fn charges_searches(&self) -> bool {
        let Self::Rates(rates) = self else { return false };
        rates
            .lines()
            .into_iter()
            .any(|((_, rate), usd)| rate == Rate::PerSearch && usd != Usd::ZERO)
    }

    /// Whether a call can cost money: published rates that are not all zero, or an unknown price.
    #[must_use]
    pub fn is_billed(&self) -> bool {
        match self {
            Self::Free | Self::PerHour(_) => false,
            Self::Unknown | Self::Recorded => true,
            Self::Rates(rates) => rates.lines().into_iter().any(|((_, rate), usd)| {
                rate != Rate::PerImage && rate != Rate::PerSearch && usd != Usd::ZERO
            }),
        }
    }
}
