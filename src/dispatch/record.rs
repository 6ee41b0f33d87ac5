//! From a finished attempt to its record in the run database.

use crate::client::{AttemptRecord, Outcome};
use crate::store::{RequestIntent, RequestRecord};
use crate::units::{Stamp, TokensSource, Usd};

/// The record of a finished attempt; `since_anchor` gives nanoseconds since the run's clock anchor.
#[must_use]
pub fn request_record(
    intent: RequestIntent,
    made: &AttemptRecord,
    cost: Option<Usd>,
    since_anchor: impl Fn(Stamp) -> u64,
) -> RequestRecord {
    let (answer, error, error_detail) = match &made.outcome {
        Outcome::Answered(answer) => (answer, None, None),
        Outcome::Failed { class, detail, partial } => (partial, Some(*class), Some(detail.clone())),
    };
    let stamps = &made.stamps;
    let at = |stamp: Option<Stamp>| stamp.map(&since_anchor);
    RequestRecord {
        source: intent.source,
        bound: intent.bound,
        intended_ns: Some(intent.at_ns),
        scheduled_ns: None,
        error,
        error_detail,
        http_status: made.status,
        simulated: made.simulated,
        streamed: made.streamed,
        dispatched_ns: at(Some(stamps.dispatched)),
        connected_ns: at(stamps.connected),
        headers_ns: at(stamps.headers),
        first_byte_ns: at(stamps.first_byte),
        first_token_ns: at(stamps.first_token),
        first_output_ns: at(stamps.first_output),
        last_token_ns: at(stamps.last_token),
        ended_ns: at(Some(stamps.ended)),
        token_reads: made.token_reads,
        token_events: made.token_events,
        reasoning_seen: made.reasoning_seen,
        gaps_us: made.gaps_us.clone(),
        tokens_source: (!answer.usage.is_unknown()).then_some(TokensSource::Usage),
        usage: answer.usage,
        usage_verbatim: answer.usage_verbatim.clone(),
        cost,
        cost_reported: answer.cost_reported,
        finish_reason: answer.finish_reason,
        response_model: answer.response_model.clone(),
        served_by: answer.served_by.clone(),
        is_damaged: false,
    }
}
