//! Tokens that Weighbridge counted, for answers whose provider reported no usage.
//!
//! Counts are made from the prompts and answers that the run kept, so counting takes no time from a
//! stream. They never mix with a provider's own: no mean, cost or latency is made of both.

use super::run::settled;
use crate::store::{RequestRecord, TrialRow, TrialStatus};
use crate::units::Usd;

/// What was counted here of one endpoint's answers.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalTokens {
    /// The vocabulary: `o200k_base`.
    pub vocabulary: &'static str,
    /// Whether it is the model's own; otherwise it stands in for one that is not public.
    pub own: bool,
    /// Answers whose provider did not count them.
    pub answers: u64,
    /// Their prompt tokens, counted here.
    pub input: u64,
    /// Their output tokens, counted here; reasoning only where it could be seen.
    pub output: u64,
    /// What they come to at the endpoint's price; `None`: it is not known. An estimate, which is
    /// in no other sum.
    pub cost: Option<Usd>,
    /// Counts from here over the provider's, on answers that have both; `None`: none has.
    pub ratio: Option<LocalRatio>,
}

/// How far counts from here and a provider's own differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalRatio {
    /// Answers compared.
    pub n: u64,
    /// Σ prompt tokens counted here ÷ Σ of the provider's.
    pub input: f64,
    /// Σ output tokens counted here ÷ Σ of the provider's, both without reasoning.
    pub output: f64,
}

/// Whether an answer came without a count of its tokens.
pub(super) fn is_uncounted(row: &TrialRow) -> bool {
    answered(row).is_some_and(|attempt| attempt.tokens_source.is_none())
}

pub(super) fn answered(row: &TrialRow) -> Option<&RequestRecord> {
    row.attempt.as_ref().filter(|_| settled(row) == TrialStatus::Ok)
}
