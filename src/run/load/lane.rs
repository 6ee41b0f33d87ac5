//! One request of the load lane: sent once, recorded, never retried.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::progress::LoadProgress;
use super::prompts::{Prepared, Prompts};
use super::recorder::{Ending, Sink};
use crate::client::{AttemptLimits, AttemptRecord, Outcome, Transport, attempt};
use crate::dispatch::{Budget, EndpointClient, Reservation, cost_of, request_record};
use crate::run::Signals;
use crate::store::{LoadRecord, RequestIntent, RequestRecord, RequestSource};
use crate::units::clock::nanos;
use crate::units::{Clock, ContentHash, Stamp, Usd};
use crate::wire::ErrorClass;

/// What a load lane is made of.
#[derive(Debug)]
pub struct LoadSetup<T> {
    /// How requests leave.
    pub transport: T,
    /// The run's clock.
    pub clock: Clock,
    /// The endpoints.
    pub lanes: Vec<EndpointClient>,
    /// The money.
    pub budget: Budget,
    /// The time-outs.
    pub limits: AttemptLimits,
    /// What is asked.
    pub prompts: Prompts,
    /// What names the run in its requests' keys.
    pub run: ContentHash,
    /// How a user stops it.
    pub signals: Signals,
    /// What is shown of it.
    pub progress: Arc<LoadProgress>,
    /// Requests under way at most: beyond it a request of an open loop is left out and counted.
    pub most_under_way: u64,
}

/// A load lane that runs.
#[derive(Debug)]
pub struct LoadTest<T> {
    pub(super) setup: LoadSetup<T>,
    pub(super) sink: Sink,
    pub(super) under_way: AtomicU64,
    pub(super) exhausted: AtomicBool,
    /// Requests of an open loop that the budget had no room for beside those under way.
    no_room: AtomicU64,
    /// How long places of a closed loop were empty on purpose, nanoseconds.
    pub(super) waited_ns: AtomicU64,
    /// What the first failure of each class said.
    failures: Mutex<BTreeMap<ErrorClass, String>>,
}

/// How a load run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadEnd {
    /// Requests whose time came.
    pub asked: u64,
    /// Requests that left.
    pub sent: u64,
    /// Requests that were left out.
    pub dropped: u64,
    /// When what counts began: after ramp and warm-up.
    pub from: Stamp,
    /// How long places of a closed loop were empty on purpose: after failures, or for want of
    /// budget.
    pub waited: Duration,
    /// What the first failure of each class said.
    pub failures: BTreeMap<ErrorClass, String>,
    /// Why the run ended before its time; `None`: it did not.
    pub why: Option<String>,
}

/// What is known of a request before it leaves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    pub(super) scheduled: Option<Stamp>,
    pub(super) warmup: bool,
}

impl<T: Transport> LoadTest<T> {
    /// A lane whose records go to a recorder.
    #[must_use]
    pub fn new(setup: LoadSetup<T>, sink: Sink) -> Arc<Self> {
        Arc::new(Self {
            setup,
            sink,
            under_way: AtomicU64::new(0),
            exhausted: AtomicBool::new(false),
            no_room: AtomicU64::new(0),
            waited_ns: AtomicU64::new(0),
            failures: Mutex::default(),
        })
    }

    /// Whether nothing new may leave.
    pub(super) fn is_over(&self) -> bool {
        let signals = &self.setup.signals;
        signals.drain.is_cancelled()
            || signals.abort.is_cancelled()
            || self.exhausted.load(Ordering::Relaxed)
            || self.sink.has_failed()
    }

    /// Sends a request of an open loop now, or leaves it out where the budget does not allow it.
    pub(super) async fn ask_now(self: Arc<Self>, prepared: Prepared, ticket: Ticket) {
        let bound = prepared.bound.unwrap_or(Usd::ZERO);
        if let Some(reservation) = self.setup.budget.reserve_now(bound) {
            // Its failure, if it is one, is in its record.
            let _ = self.ask(prepared, ticket, reservation).await;
        } else {
            self.no_room.fetch_add(1, Ordering::Relaxed);
            // What is under way may leave room for later ones; what is spent never does.
            if self.setup.budget.is_used_up(bound) {
                self.exhausted.store(true, Ordering::Relaxed);
            }
            let dropped = self.dropped(&prepared, ticket);
            self.sink.take(dropped).await;
        }
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }

    /// Sends a request and records how it went; gives the class of its failure.
    pub(super) async fn ask(
        &self,
        prepared: Prepared,
        ticket: Ticket,
        reservation: Reservation<'_>,
    ) -> Option<ErrorClass> {
        let setup = &self.setup;
        let lane = &setup.lanes[prepared.endpoint as usize];
        let key = self.key(prepared.request);
        let attempt = lane.attempt(prepared.body.of_request(&key), key, setup.limits);
        setup.progress.sent.fetch_add(1, Ordering::Relaxed);
        let made = attempt::make(&setup.transport, &setup.clock, attempt);
        let mut record = tokio::select! {
            biased;
            record = made => record,
            // An intent without an ending is what *in doubt* means.
            () = setup.signals.abort.cancelled() => return None,
        };
        lane.redact(&mut record);
        let cost = cost_of(lane.endpoint(), &record, &setup.clock);
        reservation.settle(cost);
        let class = match &record.outcome {
            Outcome::Answered(_) => None,
            Outcome::Failed { class, detail, .. } => {
                let (endpoint, request) = (lane.endpoint().id.as_str(), prepared.request);
                tracing::info!(endpoint, request, error = class.name(), "{detail}");
                let mut first = self.failures.lock().expect("nothing panics while it holds it");
                first.entry(*class).or_insert_with(|| detail.clone());
                Some(*class)
            }
        };
        self.sink.take(self.ending(&prepared, ticket, record, cost)).await;
        class
    }

    /// A key that no other request has: the simulator tells requests apart by it.
    fn key(&self, request: u64) -> String {
        let run = &self.setup.run.hex()[..16];
        format!("{run}{request:016x}-{request}-0")
    }

    fn ending(
        &self,
        prepared: &Prepared,
        ticket: Ticket,
        record: AttemptRecord,
        cost: Option<Usd>,
    ) -> Ending {
        let at = |stamp: Stamp| self.since_anchor(stamp);
        let ttft = crate::dispatch::ttft(&record);
        let blank = self.blank(prepared, ticket);
        let intent = RequestIntent {
            source: RequestSource::Load,
            bound: prepared.bound,
            at_ns: at(record.stamps.dispatched),
        };
        let request = RequestRecord {
            intended_ns: None,
            scheduled_ns: blank.request.scheduled_ns,
            // A load keeps no text, so none of it waits for the disk.
            error_detail: None,
            usage_verbatim: None,
            response_model: None,
            served_by: None,
            ..request_record(intent, &record, cost, at)
        };
        let retried_stale = class_of(&record) == Some(ErrorClass::StaleConnection);
        Ending { row: LoadRecord { retried_stale, request, ..blank }, ttft }
    }

    /// The record of a request that is left out.
    pub(super) fn dropped(&self, prepared: &Prepared, ticket: Ticket) -> Ending {
        self.setup.progress.dropped.fetch_add(1, Ordering::Relaxed);
        Ending { row: self.blank(prepared, ticket), ttft: None }
    }

    fn blank(&self, prepared: &Prepared, ticket: Ticket) -> LoadRecord {
        LoadRecord {
            number: prepared.request,
            endpoint: prepared.endpoint,
            task: prepared.task,
            warmup: ticket.warmup,
            retried_stale: false,
            request: RequestRecord {
                source: RequestSource::Load,
                scheduled_ns: ticket.scheduled.map(|stamp| self.since_anchor(stamp)),
                bound: prepared.bound,
                ..RequestRecord::default()
            },
        }
    }

    fn since_anchor(&self, stamp: Stamp) -> u64 {
        nanos(stamp.since(self.setup.clock.anchor()))
    }

    /// How the run ended, once everything under way has.
    pub(super) fn end(&self, from: Stamp, asked_all: bool) -> LoadEnd {
        let state = self.setup.progress.now();
        assert_eq!(state.asked, state.sent + state.dropped, "a request is sent or dropped");
        let signals = &self.setup.signals;
        let no_room = self.no_room.load(Ordering::Relaxed);
        let why = if signals.abort.is_cancelled() {
            Some("interrupted twice; what was under way is in doubt".to_owned())
        } else if self.exhausted.load(Ordering::Relaxed) {
            Some("the budget allows no further request".to_owned())
        } else if no_room > 0 {
            Some(format!(
                "{no_room} requests found no room in the budget, where each is held at its worst \
                 case while it is under way; raise --budget, or lower max_tokens"
            ))
        } else if !asked_all {
            Some("interrupted".to_owned())
        } else {
            None
        };
        let failures = self.failures.lock().expect("nothing panics while it holds it").clone();
        LoadEnd {
            asked: state.asked,
            sent: state.sent,
            dropped: state.dropped,
            from,
            waited: Duration::from_nanos(self.waited_ns.load(Ordering::Relaxed)),
            failures,
            why,
        }
    }
}

fn class_of(record: &AttemptRecord) -> Option<ErrorClass> {
    match record.outcome {
        Outcome::Failed { class, .. } => Some(class),
        Outcome::Answered(_) => None,
    }
}
