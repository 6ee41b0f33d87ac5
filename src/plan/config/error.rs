//! Errors of `weighbridge.toml`.

use crate::catalog::CatalogError;
use crate::units::toml_text::{Place, TomlError};

/// Why a configuration does not load.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// Not TOML, an unknown key, a missing key, a value of the wrong type.
    #[error(transparent)]
    Toml(#[from] TomlError),
    /// A provider, an endpoint or a variant is wrong.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// Shares that do not make a whole.
    #[error("{at}: share sums to {sum}, not to 1; {remedy}")]
    SharesDoNotSumTo1 {
        /// Where.
        at: Place,
        /// What they sum to.
        sum: String,
        /// What is missing or too much.
        remedy: String,
    },
    /// A number outside its range.
    #[error("{at}: {key} = {value} is out of range; write {range}")]
    OutOfRange {
        /// Where.
        at: Place,
        /// The key.
        key: String,
        /// What was written.
        value: String,
        /// What may be written.
        range: &'static str,
    },
    /// A goal that is not known.
    #[error("{at}: goal {goal:?} is not known; {remedy}")]
    UnknownGoal {
        /// Where.
        at: Place,
        /// What was written.
        goal: String,
        /// The nearest.
        remedy: String,
    },
    /// A cache mode that is not known.
    #[error("{at}: cache = {mode:?} is not known; {remedy}")]
    UnknownCache {
        /// Where.
        at: Place,
        /// What was written.
        mode: String,
        /// The nearest.
        remedy: String,
    },
    /// `faster` has nothing to be measured by.
    #[error(
        "{at}: goal = \"faster\" needs [objective] slo.ttft: add slo = {{ ttft = \"800ms\", miss = \
         0.05 }}"
    )]
    FasterNeedsSlo {
        /// Where.
        at: Place,
    },
    /// `worth` counts a month's dollars, and how much traffic a month has is not said.
    #[error(
        "{at}: worth is in dollars a month, so it needs [traffic] requests_per_month: add \
         requests_per_month = 1_000_000, or take worth out"
    )]
    WorthNeedsRequests {
        /// Where.
        at: Place,
    },
    /// A time that is not one.
    #[error(
        "{at}: {key} = {text:?} is not a time; write for example {key} = \"800ms\" or \"1.5s\""
    )]
    BadDuration {
        /// Where.
        at: Place,
        /// The key.
        key: &'static str,
        /// What was written.
        text: String,
    },
    /// A time written without its unit.
    #[error("{at}: {key} = {number} has no unit; write {key} = \"{number}ms\" or \"{number}s\"")]
    DurationIsNumber {
        /// Where.
        at: Place,
        /// The key.
        key: &'static str,
        /// What was written.
        number: String,
    },
    /// Money written as a number.
    #[error(
        "{at}: money is a decimal string, for a float is not exact; write {key} = \"{literal}\""
    )]
    MoneyIsNumber {
        /// Where.
        at: Place,
        /// The key.
        key: &'static str,
        /// The string to write.
        literal: String,
    },
    /// Money that cannot be spent.
    #[error("{at}: {key}: {why}; write dollars such as {key} = \"40\"")]
    BadMoney {
        /// Where.
        at: Place,
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// `[today]` without a key.
    #[error(
        "{at}: [today] names nothing; write endpoint = … for the endpoint that serves today, or weights \
         = … for the weights file that is served by"
    )]
    TodayIsEmpty {
        /// Where.
        at: Place,
    },
    /// An empty path or glob.
    #[error("{at}: an empty {what} names nothing; write one, or take it out")]
    Empty {
        /// Where.
        at: Place,
        /// What is empty.
        what: &'static str,
    },
}
