//! What an attempt cost.

use crate::catalog::Endpoint;
use crate::client::{AttemptRecord, Outcome};
use crate::units::{Clock, UsageFault, Usd};
use crate::wire::{Answer, ErrorClass};

fn answer_of(record: &AttemptRecord) -> &Answer {
    match &record.outcome {
        Outcome::Answered(answer) => answer,
        Outcome::Failed { partial, .. } => partial,
    }
}

/// What an attempt cost; `None`: not known.
///
/// With usage, its price, unless something is wrong with the usage. A request that never reached the
/// provider, or that it refused with an error status, is not billed. A stream that broke without
/// usage, or a request that got no answer, may have been billed.
#[must_use]
pub fn cost_of(endpoint: &Endpoint, record: &AttemptRecord, clock: &Clock) -> Option<Usd> {
    let answer = answer_of(record);
    let is_free = !endpoint.price.is_billed();
    if answer.usage_faults.iter().copied().any(UsageFault::hides_cost) {
        return is_free.then_some(Usd::ZERO);
    }
    if !answer.usage.is_unknown() {
        // Providers that charge by the time of day go by when a request came to them.
        return endpoint.cost(&answer.usage, clock.wall(record.stamps.dispatched));
    }
    let is_refused = record.status.is_some_and(|status| status >= 300);
    let is_unsent =
        matches!(record.error(), Some(ErrorClass::Connect | ErrorClass::ConnectTimeout));
    if is_refused || is_unsent {
        return Some(Usd::ZERO);
    }
    is_free.then_some(Usd::ZERO)
}

/// Whether an attempt may have been billed although its known cost is zero: behind a proxy, what
/// answered with a server error may have been billed by the provider behind it. A provider that
/// states what it charged, or what it counted, leaves nothing open.
#[must_use]
pub fn may_be_billed(record: &AttemptRecord) -> bool {
    let answer = answer_of(record);
    record.status.is_some_and(|status| status >= 500)
        && answer.usage.is_unknown()
        && answer.cost_reported.is_none()
}
