//! Why the usage or the cost that a provider states is not believed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Why a count or a charge of a provider is not believed. It is then unknown, and never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageFault {
    /// Zero tokens beside a prompt or an answer that is not empty.
    Zero,
    /// No whole number from 0 to [`MAX_TOKENS`].
    NoCount,
    /// More tokens of visible output than its bytes can hold.
    BeyondText,
    /// More hidden reasoning than the limit of the request allows.
    BeyondLimit,
    /// A part that is larger than its whole, such as cached tokens above the input.
    Contradiction,
    /// A running count of output tokens that more output followed than it can count.
    Partial,
    /// A charge that is no amount from 0 to [`Usd::MAX_REQUEST`](super::Usd::MAX_REQUEST).
    NoCharge,
}

/// The most tokens of a kind that one request can have.
pub const MAX_TOKENS: u64 = 1_000_000_000;

impl UsageFault {
    /// Every fault.
    pub const ALL: [Self; 7] = [
        Self::Zero,
        Self::NoCount,
        Self::BeyondText,
        Self::BeyondLimit,
        Self::Contradiction,
        Self::Partial,
        Self::NoCharge,
    ];

    /// What was stated, after "states": for reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zero => "0 tokens beside text",
            Self::NoCount => "a count that is no number of tokens",
            Self::BeyondText => "more output tokens than the text can hold",
            Self::BeyondLimit => "more reasoning tokens than the limit allows",
            Self::Contradiction => "a part larger than its whole",
            Self::Partial => "the output tokens of a part of the answer alone",
            Self::NoCharge => "a charge that no request can cost",
        }
    }

    /// Whether the cost by the price list is unknown too.
    #[must_use]
    pub const fn hides_cost(self) -> bool {
        !matches!(self, Self::NoCharge)
    }
}

/// How many answers of each endpoint had each fault.
pub type UsageFaults = BTreeMap<String, BTreeMap<UsageFault, u64>>;
