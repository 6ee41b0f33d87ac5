//! Permission for one request to be sent: its worst case is reserved and, where requests to the
//! endpoint are paced, its breaker and its gate let the request pass.

use std::time::Duration;

use tokio::sync::{Notify, SemaphorePermit};

use super::breaker::{BreakerPermit, Health};
use super::budget::{Reservation, Reservations};
use super::endpoint_client::EndpointClient;
use super::gate::SlotGuard;
use super::give_up::GivenUp;
use super::pacing::LowQuota;
use crate::client::AttemptRecord;
use crate::units::{Clock, Usd};
use crate::wire::ErrorClass;

/// Permission for one request. Dropped without an end, its reservation counts as spent.
#[derive(Debug)]
pub struct Admission<'a> {
    reservations: Reservations<'a>,
    /// `None`: requests are not paced.
    turn: Option<Turn<'a>>,
}

/// A paced request's turn.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    pub permit: BreakerPermit<'a>,
    pub slot: SlotGuard<'a>,
    /// The slot at the provider; `None`: it has no limit.
    pub provider_slot: Option<SemaphorePermit<'a>>,
    /// An endpoint that asks to wait longer than this is closed.
    pub patience: Duration,
    /// Notified when the endpoint is held or closed.
    pub held: &'a Notify,
}

/// A request that is not paced, with its reservation in one budget.
impl<'a> From<Reservation<'a>> for Admission<'a> {
    fn from(reservation: Reservation<'a>) -> Self {
        Self { reservations: reservation.into(), turn: None }
    }
}

impl<'a> Admission<'a> {
    pub(super) fn paced(reservations: Reservations<'a>, turn: Turn<'a>) -> Self {
        Self { reservations, turn: Some(turn) }
    }

    /// The request was not sent.
    pub fn release(self) {
        self.reservations.release();
    }

    /// The request ended: settles its cost and tells breaker and gate.
    pub(super) fn end(
        self,
        endpoint: &EndpointClient,
        record: &AttemptRecord,
        cost: Option<Usd>,
        clock: &Clock,
    ) {
        self.reservations.settle(cost);
        endpoint.count_oddities(record);
        endpoint.note_end(record);
        endpoint.count_usage_faults(record);
        if let Some(turn) = self.turn {
            turn.end(endpoint, record, clock);
        }
    }
}

impl Turn<'_> {
    fn end(self, endpoint: &EndpointClient, record: &AttemptRecord, clock: &Clock) {
        let Self { permit, slot, provider_slot, patience, held } = self;
        let (class, id) = (record.error(), &endpoint.endpoint().id);
        let is_busy = matches!(class, Some(ErrorClass::RateLimited | ErrorClass::Overloaded));
        let asked = record.retry_after;
        let (too_long, pause) = match asked.filter(|_| is_busy) {
            Some(asked) if asked > patience => (Some(asked), None),
            // The other requests need not run into the same limit.
            asked => (None, asked.map(|asked| record.stamps.ended.after(asked))),
        };
        let low = slot.learn(record, pause, clock);
        if permit.ended(Health::of(class, asked.is_some()), clock.now()) {
            let last = class.map_or("unknown", ErrorClass::name);
            let why = format!("{id} was given up: it went on failing, last with {last}");
            endpoint.give_up(GivenUp { class, why });
        }
        if let Some(low) = low {
            let wait = low.reset.since(clock.now());
            if wait > patience {
                let why = format!("{id}: {}", low_quota(&low, wait));
                endpoint.give_up(GivenUp { class: None, why });
            }
            held.notify_one();
        }
        if let Some(asked) = too_long {
            let why = format!("{id} asks to wait for {} s", asked.as_secs());
            endpoint.give_up(GivenUp { class: None, why });
        }
        if pause.is_some() || endpoint.given_up().is_some() {
            held.notify_one();
        }
        // Freed only now that everything that holds the next request is known.
        drop((slot, provider_slot));
    }
}

/// Why an endpoint is closed whose quota is below the share that is reserved for others.
fn low_quota(low: &LowQuota, wait: Duration) -> String {
    let limit = low.limit;
    format!(
        "remaining quota ({}/{}, limit {}) is below the reserved share; resets in {}",
        limit.counted.name(),
        limit.per.name(),
        limit.limit,
        rounded(wait)
    )
}

/// A duration in one unit: `90 s`, `45 min`, `13 h`.
fn rounded(duration: Duration) -> String {
    match duration.as_secs() {
        s @ ..600 => format!("{s} s"),
        s @ 600..36_000 => format!("{} min", s / 60),
        s => format!("{} h", s / 3_600),
    }
}
