//! From the stamps of one trial to its durations, by the formulas of METRICS.md §2.

use super::LatencyMetric;
use crate::catalog::{Capability, Endpoint};
use crate::store::{RequestRecord, TrialRow, TrialStatus};
use crate::units::TokensSource;

/// The durations of a trial that answered, nanoseconds. A trial that did not has none: failed
/// attempts never enter a latency distribution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "the unit is part of a raw number's name")]
pub(super) struct Timing {
    /// When the attempt that answered was dispatched, since the anchor.
    pub dispatched_ns: u64,
    pub ttft_ns: Option<u64>,
    pub ttfo_ns: Option<u64>,
    pub itl_ns: Option<u64>,
    pub e2e_ns: Option<u64>,
    pub e2e_with_retries_ns: Option<u64>,
    pub connect_ns: Option<u64>,
}

impl Timing {
    /// The durations of a trial on this endpoint; `None`: it did not answer.
    pub(super) fn of(trial: &TrialRow, endpoint: &Endpoint) -> Option<Self> {
        if trial.status != TrialStatus::Ok {
            return None;
        }
        let timing = Self::of_attempt(trial.attempt.as_ref()?, endpoint)?;
        Some(Self { e2e_with_retries_ns: trial.e2e_with_retries_ns, ..timing })
    }

    /// The durations of one attempt on this endpoint; `None`: it failed.
    pub(super) fn of_attempt(attempt: &RequestRecord, endpoint: &Endpoint) -> Option<Self> {
        if attempt.error.is_some() {
            return None;
        }
        let since = |from: u64, to: Option<u64>| to.map(|to| to.saturating_sub(from));
        let dispatched = attempt.dispatched_ns?;
        // A new connection's set-up is the client's affair and reported apart; what a person
        // waits for (`ttfo`, `e2e`) holds it.
        let ready = attempt.connected_ns.unwrap_or(dispatched);
        let streamed = |stamp: Option<u64>| stamp.filter(|_| attempt.streamed);
        Some(Self {
            dispatched_ns: dispatched,
            ttft_ns: since(ready, streamed(attempt.first_token_ns)),
            ttfo_ns: since(dispatched, streamed(attempt.first_output_ns)),
            itl_ns: inter_token(attempt, endpoint),
            e2e_ns: since(dispatched, attempt.last_token_ns),
            e2e_with_retries_ns: None,
            connect_ns: since(dispatched, attempt.connected_ns),
        })
    }

    /// The duration under this name; `icl` has one for every gap, and what counts from a schedule
    /// needs one, so none here.
    pub(super) fn get(&self, metric: LatencyMetric) -> Option<u64> {
        match metric {
            LatencyMetric::Ttft => self.ttft_ns,
            LatencyMetric::Ttfo => self.ttfo_ns,
            LatencyMetric::Itl => self.itl_ns,
            LatencyMetric::Icl
            | LatencyMetric::Queue
            | LatencyMetric::TtftSched
            | LatencyMetric::E2eSched => None,
            LatencyMetric::E2e => self.e2e_ns,
            LatencyMetric::E2eWithRetries => self.e2e_with_retries_ns,
            LatencyMetric::Connect => self.connect_ns,
        }
    }
}

/// (last token − first token) / (N − 1), where N are the tokens that were streamed.
fn inter_token(attempt: &RequestRecord, endpoint: &Endpoint) -> Option<u64> {
    // Tokens that came in one read have no time between them.
    if !attempt.streamed || attempt.token_reads < 2 {
        return None;
    }
    let n = streamed_tokens(attempt, endpoint)?;
    let span = attempt.last_token_ns?.saturating_sub(attempt.first_token_ns?);
    (n >= 2).then(|| span / (n - 1))
}

/// Output tokens that were streamed: all of them when reasoning was seen in the stream, else
/// without the reasoning. `None` when the provider does not say how much it reasoned and the
/// endpoint may have.
fn streamed_tokens(attempt: &RequestRecord, endpoint: &Endpoint) -> Option<u64> {
    // Counts of different origin never mix in one series; the provider's is the one used.
    if attempt.tokens_source != Some(TokensSource::Usage) {
        return None;
    }
    let output = attempt.usage.output?;
    if attempt.reasoning_seen {
        return Some(output);
    }
    match attempt.usage.reasoning {
        Some(reasoning) => Some(output.saturating_sub(reasoning)),
        None => (!endpoint.can(Capability::Reasoning)).then_some(output),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;
    use crate::units::Usage;
    use crate::wire::ErrorClass;

    /// Dispatched at 100, connected at 130, tokens from 1,130 to 9,130, in nanoseconds.
    fn attempt() -> RequestRecord {
        RequestRecord {
            streamed: true,
            dispatched_ns: Some(100),
            connected_ns: Some(130),
            first_token_ns: Some(1_130),
            first_output_ns: Some(2_130),
            last_token_ns: Some(9_130),
            token_reads: 3,
            usage: Usage { output: Some(9), reasoning: Some(4), ..Usage::default() },
            tokens_source: Some(TokensSource::Usage),
            ..RequestRecord::default()
        }
    }

    fn timing(attempt: RequestRecord) -> Option<Timing> {
        let trial = TrialRow { attempt: Some(attempt), ..fixture::trial_row(TrialStatus::Ok) };
        Timing::of(&trial, &fixture::endpoint(0))
    }

    fn check_itl(change: impl Fn(&mut RequestRecord), expected: Option<u64>) {
        let mut changed = attempt();
        change(&mut changed);
        assert_eq!(timing(changed.clone()).expect("it answered").itl_ns, expected, "{changed:?}");
    }

    #[test]
    fn durations_are_those_of_the_formulas() {
        let found = timing(attempt()).expect("it answered");
        assert_eq!(found.ttft_ns, Some(1_000), "less the connection's set-up");
        assert_eq!(found.ttfo_ns, Some(2_030));
        assert_eq!(found.e2e_ns, Some(9_030));
        assert_eq!(found.connect_ns, Some(30));
        let reused = timing(RequestRecord { connected_ns: None, ..attempt() }).expect("answered");
        assert_eq!((reused.ttft_ns, reused.connect_ns), (Some(1_030), None));
    }

    #[test]
    fn tokens_that_were_not_streamed_do_not_count_between_tokens() {
        check_itl(|_| {}, Some(8_000 / 4));
        check_itl(|a| a.reasoning_seen = true, Some(8_000 / 8));
        check_itl(|a| a.usage.reasoning = Some(8), None);
        check_itl(|a| a.token_reads = 1, None);
        check_itl(|a| a.tokens_source = Some(TokensSource::Estimate), None);
        // The endpoint of the test says that it does not reason; then silence means none.
        check_itl(|a| a.usage.reasoning = None, Some(8_000 / 8));
        let mut unknown = fixture::endpoint(0);
        unknown.supports = None;
        let unsaid = Usage { reasoning: None, ..attempt().usage };
        assert_eq!(inter_token(&RequestRecord { usage: unsaid, ..attempt() }, &unknown), None);
    }

    #[test]
    fn an_answer_in_one_piece_has_an_end_only() {
        let whole = timing(RequestRecord { streamed: false, ..attempt() }).expect("it answered");
        assert_eq!((whole.ttft_ns, whole.ttfo_ns, whole.itl_ns), (None, None, None));
        assert_eq!(whole.e2e_ns, Some(9_030));
    }

    #[test]
    fn failures_have_no_durations() {
        assert_eq!(timing(RequestRecord { error: Some(ErrorClass::Reset), ..attempt() }), None);
        let failed =
            TrialRow { attempt: Some(attempt()), ..fixture::trial_row(TrialStatus::Failed) };
        assert_eq!(Timing::of(&failed, &fixture::endpoint(0)), None);
    }
}
