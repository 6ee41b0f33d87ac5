//! What an attempt cost.

use crate::catalog::Endpoint;
use crate::client::{AttemptRecord, Outcome};
use crate::units::{Clock, Usd};
use crate::wire::ErrorClass;

/// What an attempt cost; `None`: not known.
///
/// With usage, its price. A request that never reached the provider, or that it refused with an
/// error status, is not billed. A stream that broke without usage, or a request that got no answer,
/// may have been billed.
#[must_use]
pub fn cost_of(endpoint: &Endpoint, record: &AttemptRecord, clock: &Clock) -> Option<Usd> {
    let usage = match &record.outcome {
        Outcome::Answered(answer) => &answer.usage,
        Outcome::Failed { partial, .. } => &partial.usage,
    };
    if !usage.is_unknown() {
        // Providers that charge by the time of day go by when a request came to them.
        return endpoint.cost(usage, clock.wall(record.stamps.dispatched));
    }
    let is_refused = record.status.is_some_and(|status| status >= 300);
    let is_unsent =
        matches!(record.error(), Some(ErrorClass::Connect | ErrorClass::ConnectTimeout));
    if is_refused || is_unsent {
        return Some(Usd::ZERO);
    }
    (!endpoint.price.is_billed()).then_some(Usd::ZERO)
}
