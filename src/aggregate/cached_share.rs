//! What a run would cost where production's share of the input is read from prompt caches, whatever
//! the caches did for the run itself.
//!
//! A benchmark asks each prompt once or a few times, so its own cache reads say little about traffic
//! in which thousands of requests begin alike. The tokens of each answer are priced again: the stated
//! share of its input at the price of a cache read, the rest at that of fresh input, no writes.

use jiff::{SignedDuration, Timestamp};

use super::reprice::usage_of;
use crate::catalog::Endpoint;
use crate::store::{TrialRow, TrialStatus};
use crate::units::{TokensSource, Usage, Usd};

/// What a trial would cost at that share, failed attempts as they were billed; `None`: not known.
pub(super) fn cost(
    row: &TrialRow,
    status: TrialStatus,
    endpoint: &Endpoint,
    share: f64,
    started: Timestamp,
) -> Option<Usd> {
    if status != TrialStatus::Ok {
        return (status == TrialStatus::Failed)
            .then(|| row.cost_known - row.cost_cache_warmup.unwrap_or_default());
    }
    let attempt = row.attempt.as_ref()?;
    if attempt.tokens_source != Some(TokensSource::Usage) {
        // What bills no tokens costs the same at any share.
        return (!endpoint.price.is_billed())
            .then(|| row.cost_known - row.cost_cache_warmup.unwrap_or_default());
    }
    let stated = usage_of(endpoint, attempt.usage, attempt.usage_verbatim.as_deref());
    let usage = at_share(stated, share)?;
    let nanos = i64::try_from(attempt.dispatched_ns?).unwrap_or(i64::MAX);
    let at = started.checked_add(SignedDuration::from_nanos(nanos)).ok()?;
    let before = row.cost_known - row.cost_cache_warmup.unwrap_or_default() - attempt.cost?;
    Some(before + endpoint.cost(&usage, at)?)
}

/// A usage of which this share of the input was read from a cache, to the nearest token.
fn at_share(usage: Usage, share: f64) -> Option<Usage> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a count of tokens, which is far below 2^53"
    )]
    let cached = libm::round(usage.input? as f64 * share) as u64;
    Some(Usage {
        cached_input: Some(cached),
        cache_write: usage.cache_write.map(|_| 0),
        cache_write_1h: usage.cache_write_1h.map(|_| 0),
        ..usage
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{endpoint, trial_row, usd};
    use super::*;
    use crate::catalog::{Price, Rates};
    use crate::store::RequestRecord;

    /// What an answer to 1,000 tokens of input and 100 of output costs at a share: at $2, $0.20 from
    /// the cache, $4 out per million, and at $2.50 written to it.
    fn check(share: f64, cached: u64, written: u64, failed_before: &str, expected: &str) {
        let rate = |text| Usd::per_million(text).expect("a decimal");
        let mut endpoint = endpoint(1);
        endpoint.price = Price::Rates(Rates {
            input: rate("2"),
            output: rate("4"),
            cached_input: Some(rate("0.2")),
            cache_write: Some(rate("2.5")),
            ..Rates::default()
        });
        let usage = Usage {
            input: Some(1_000),
            cached_input: Some(cached),
            cache_write: Some(written),
            output: Some(100),
            ..Usage::UNKNOWN
        };
        let attempt = RequestRecord {
            dispatched_ns: Some(0),
            usage,
            tokens_source: Some(TokensSource::Usage),
            cost: endpoint.cost(&usage, Timestamp::UNIX_EPOCH),
            ..RequestRecord::default()
        };
        let cost_known = attempt.cost.expect("priced") + usd(failed_before);
        let row = TrialRow { cost_known, attempt: Some(attempt), ..trial_row(TrialStatus::Ok) };
        let found = cost(&row, TrialStatus::Ok, &endpoint, share, Timestamp::UNIX_EPOCH);
        assert_eq!(found, Some(usd(expected)), "{share} {cached} {written}");
    }

    #[test]
    fn the_share_is_priced_as_read_from_a_cache_and_nothing_else_changes() {
        check(0.0, 0, 0, "0", "0.0024");
        check(0.0, 900, 0, "0", "0.0024");
        check(0.6, 0, 0, "0", "0.00132");
        check(0.6, 900, 100, "0", "0.00132");
        check(1.0, 0, 1_000, "0", "0.0006");
        check(0.6, 0, 0, "0.01", "0.01132");
    }

    #[test]
    fn what_is_not_known_is_not_projected() {
        let endpoint = endpoint(1);
        let at = Timestamp::UNIX_EPOCH;
        let failed = TrialRow { cost_known: usd("3"), ..trial_row(TrialStatus::Failed) };
        assert_eq!(cost(&failed, TrialStatus::Failed, &endpoint, 0.5, at), Some(usd("3")));
        let ok = trial_row(TrialStatus::Ok);
        assert_eq!(cost(&ok, TrialStatus::Ok, &endpoint, 0.5, at), None);
        assert_eq!(cost(&ok, TrialStatus::InDoubt, &endpoint, 0.5, at), None);
        assert_eq!(at_share(Usage::UNKNOWN, 0.5), None);
    }
}
