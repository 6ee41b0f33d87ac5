//! A load test: each request is sent once, recorded, and not retried.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::progress::LoadProgress;
use super::prompts::{Prepared, Prompts};
use super::recorder::{Ending, Sink};
use crate::client::{Outcome, Transport};
use crate::dispatch::{
    Budget, Call, CallEnd, Caller, EndpointClient, Intent, Recorder, Reservation,
};
use crate::run::Signals;
use crate::store::{LoadRecord, RequestRecord, RequestSource};
use crate::units::clock::nanos;
use crate::units::{ContentHash, EndpointId, Fact, Stamp, Usd};
use crate::wire::ErrorClass;

/// The parts of a load test.
#[derive(Debug)]
pub struct LoadSetup<T> {
    /// What sends requests.
    pub caller: Caller<T>,
    /// The endpoints.
    pub endpoints: Vec<EndpointClient>,
    /// The budget.
    pub budget: Budget,
    /// The prompts.
    pub prompts: Prompts,
    /// Identifies the run in its requests' keys.
    pub run: ContentHash,
    /// How a user stops it.
    pub signals: Signals,
    /// Its progress.
    pub progress: Arc<LoadProgress>,
    /// Requests in flight at most: beyond it a request of an open loop is dropped.
    pub max_in_flight: u64,
}

/// A running load test.
#[derive(Debug)]
pub struct LoadTest<T> {
    pub(super) setup: LoadSetup<T>,
    pub(super) sink: Sink,
    pub(super) in_flight: AtomicU64,
    /// The number of the next request that is not in an open loop's list.
    pub(super) next_number: AtomicU64,
    pub(super) exhausted: AtomicBool,
    /// Requests of an open loop that the budget had no room for beside those under way.
    no_room: AtomicU64,
    /// How long users of a closed loop waited on purpose, nanoseconds.
    pub(super) waited_ns: AtomicU64,
    /// The first failure of each class.
    failures: Mutex<BTreeMap<(u32, ErrorClass), FirstFailure>>,
}

/// The first failure of an endpoint and a class.
#[derive(Clone, Debug, PartialEq)]
pub struct FirstFailure {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// What was said.
    pub detail: String,
}

/// How a load test ended.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadEnd {
    /// Requests whose time came.
    pub asked: u64,
    /// Requests that were sent.
    pub sent: u64,
    /// Requests that were dropped.
    pub dropped: u64,
    /// Numbers that no request was sent under, and for which intents may be on record.
    pub unsent: Range<u64>,
    /// When ramp and warm-up ended.
    pub from: Stamp,
    /// How long users of a closed loop waited on purpose: after failures, or for the budget.
    pub waited: Duration,
    /// The first failure of each class.
    pub failures: BTreeMap<(u32, ErrorClass), FirstFailure>,
    /// What it came to know of its endpoints.
    pub notes: Vec<Fact>,
    /// Why it ended early; `None`: it did not.
    pub why: Option<String>,
}

/// What is known of a request before it is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    pub(super) scheduled: Option<Stamp>,
    pub(super) warmup: bool,
}

impl<T: Transport> LoadTest<T> {
    /// A load test whose records go to a recorder.
    #[must_use]
    pub fn new(setup: LoadSetup<T>, sink: Sink) -> Arc<Self> {
        Arc::new(Self {
            setup,
            sink,
            in_flight: AtomicU64::new(0),
            next_number: AtomicU64::new(0),
            exhausted: AtomicBool::new(false),
            no_room: AtomicU64::new(0),
            waited_ns: AtomicU64::new(0),
            failures: Mutex::default(),
        })
    }

    /// The endpoints.
    #[must_use]
    pub fn endpoints(&self) -> &[EndpointClient] {
        &self.setup.endpoints
    }

    /// Whether no new request may be sent.
    pub(super) fn is_over(&self) -> bool {
        let signals = &self.setup.signals;
        signals.drain.is_cancelled()
            || signals.abort.is_cancelled()
            || self.exhausted.load(Ordering::Relaxed)
            || self.given_up().is_some()
            || self.sink.has_failed()
    }

    /// Why an endpoint takes no more requests. The load ends with it: what is left would be another
    /// load than the one that was asked for.
    fn given_up(&self) -> Option<&str> {
        let given_up = self.setup.endpoints.iter().find_map(EndpointClient::given_up);
        given_up.map(|given_up| given_up.why.as_str())
    }

    /// Gives all endpoints up where none could ever be reached.
    fn give_up_unreachable(&self, class: ErrorClass) {
        let endpoints = &self.setup.endpoints;
        let is_unconnected = matches!(class, ErrorClass::Connect | ErrorClass::ConnectTimeout);
        if is_unconnected && endpoints.iter().all(|endpoint| endpoint.unreachable().is_some()) {
            endpoints.iter().for_each(EndpointClient::give_up_unreachable);
        }
    }

    /// Sends a request of an open loop now, or drops it where the budget does not allow it.
    pub(super) async fn send_now(self: Arc<Self>, prepared: Prepared, ticket: Ticket) {
        let bound = prepared.bound.unwrap_or(Usd::ZERO);
        if let Some(reservation) = self.setup.budget.reserve_now(bound) {
            // A failure is in its record.
            let _ = self.send(prepared, ticket, reservation).await;
        } else {
            self.no_room.fetch_add(1, Ordering::Relaxed);
            // Requests in flight may leave room for later ones; what is spent never does.
            if self.setup.budget.is_used_up(bound) {
                self.exhausted.store(true, Ordering::Relaxed);
            }
            let dropped = self.dropped(&prepared, ticket);
            self.sink.take(dropped).await;
        }
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// Sends a request and records how it went; returns whether it failed. `None`: it has no end,
    /// because the recorder failed or the load was aborted.
    ///
    /// A request that a stale connection loses is sent again at once, on a new connection, as a
    /// request of its own: with its own number, intent, reservation and row, and the same scheduled
    /// time. The arrival is still asked once and sent once: the lost request is in no figure but
    /// the cost and `retried_stale`.
    pub(super) async fn send(
        &self,
        prepared: Prepared,
        ticket: Ticket,
        reservation: Reservation<'_>,
    ) -> Option<bool> {
        let mut recorder = LoadRecorder::new(self, self.blank(&prepared, ticket));
        let call = self.call(&prepared, false);
        let Ok(has_end) = self.setup.caller.send(call, reservation.into(), &mut recorder).await;
        if !has_end {
            return None;
        }
        let Some(reservation) = recorder.repeat.take() else { return Some(recorder.has_failed) };
        let request = self.next_number.fetch_add(1, Ordering::Relaxed);
        let prepared = Prepared { request, ..prepared };
        let mut recorder = LoadRecorder::new(self, self.blank(&prepared, ticket));
        recorder.is_repeat = true;
        let call = self.call(&prepared, true);
        let Ok(has_end) = self.setup.caller.send(call, reservation.into(), &mut recorder).await;
        has_end.then_some(recorder.has_failed)
    }

    fn call(&self, prepared: &Prepared, fresh: bool) -> Call<'_> {
        // No other request has this key: the simulator tells requests apart by it.
        let (run, request) = (&self.setup.run.hex()[..16], prepared.request);
        let key = format!("{run}{request:016x}-{request}-0");
        Call {
            endpoint: &self.setup.endpoints[prepared.endpoint as usize],
            body: prepared.body.of_request(&key),
            key,
            bound: prepared.bound,
            max_output: prepared.max_output,
            source: RequestSource::Load,
            fresh,
        }
    }

    /// The record of a request that is dropped.
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
        nanos(stamp.since(self.setup.caller.clock.anchor()))
    }

    /// How the load ended, once no request is in flight. `next`: the first number of its list that
    /// was not used.
    pub(super) fn end(&self, from: Stamp, next: u64, asked_all: bool) -> LoadEnd {
        let state = self.setup.progress.now();
        assert_eq!(state.asked, state.sent + state.dropped, "a request is sent or dropped");
        let signals = &self.setup.signals;
        let no_room = self.no_room.load(Ordering::Relaxed);
        let why = if signals.abort.is_cancelled() {
            Some("interrupted twice; requests in flight are in doubt".to_owned())
        } else if self.exhausted.load(Ordering::Relaxed) {
            Some("the budget allows no further request".to_owned())
        } else if let Some(why) = self.given_up() {
            Some(why.to_owned())
        } else if no_room > 0 {
            Some(format!(
                "{no_room} requests did not fit in the budget, where each is reserved at its worst \
                 case while it is in flight; raise --budget, or lower max_tokens"
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
            unsent: next..self.sink.intents.n_listed(),
            from,
            waited: Duration::from_nanos(self.waited_ns.load(Ordering::Relaxed)),
            failures,
            notes: self.setup.endpoints.iter().flat_map(EndpointClient::facts).collect(),
            why,
        }
    }
}

/// Records one request of a load.
struct LoadRecorder<'a, T> {
    load: &'a LoadTest<T>,
    /// The row as far as it is known before the request is sent.
    row: LoadRecord,
    /// It repeats a request that a stale connection lost.
    is_repeat: bool,
    /// Set where a stale connection lost the request: the reservation for its repeat.
    repeat: Option<Reservation<'a>>,
    has_failed: bool,
}

impl<'a, T> LoadRecorder<'a, T> {
    fn new(load: &'a LoadTest<T>, row: LoadRecord) -> Self {
        Self { load, row, is_repeat: false, repeat: None, has_failed: false }
    }
}

impl<T: Transport> Recorder for LoadRecorder<'_, T> {
    type Error = Infallible;

    async fn intent(&mut self, _: Intent) -> Result<bool, Infallible> {
        let is_durable = self.load.sink.intents.durable(self.row.number).await;
        if is_durable && !self.is_repeat {
            let progress = &self.load.setup.progress;
            // An open loop counts a request as asked when its time comes.
            let is_closed = self.row.request.scheduled_ns.is_none();
            progress.asked.fetch_add(u64::from(is_closed), Ordering::Relaxed);
            progress.sent.fetch_add(1, Ordering::Relaxed);
        }
        Ok(is_durable)
    }

    async fn ended(&mut self, mut end: CallEnd) -> Result<(), Infallible> {
        let load = self.load;
        if let Outcome::Failed { class, detail, .. } = &mut end.record.outcome {
            if *class == ErrorClass::StaleConnection {
                let bound = self.row.request.bound.unwrap_or(Usd::ZERO);
                self.repeat = load.setup.budget.reserve_now(bound);
                if self.repeat.is_none() {
                    // It stays lost, and so counts as a failure like any other.
                    *class = ErrorClass::Reset;
                }
            }
            self.has_failed = true;
            load.give_up_unreachable(*class);
            let endpoint = load.setup.endpoints[self.row.endpoint as usize].endpoint();
            let (id, request) = (&endpoint.id, self.row.number);
            tracing::info!(endpoint = id.as_str(), request, error = class.name(), "{detail}");
            if self.repeat.is_none() {
                let mut first = load.failures.lock().expect("nothing panics while it holds it");
                let of = || FirstFailure { endpoint: id.clone(), detail: detail.clone() };
                first.entry((self.row.endpoint, *class)).or_insert_with(of);
            }
        }
        let before = std::mem::take(&mut self.row);
        // A load keeps no text, so none of it waits for the disk.
        let (Outcome::Answered(answer) | Outcome::Failed { partial: answer, .. }) =
            &mut end.record.outcome;
        (answer.usage_verbatim, answer.response_model, answer.served_by) = (None, None, None);
        let request = RequestRecord {
            intended_ns: None,
            scheduled_ns: before.request.scheduled_ns,
            error_detail: None,
            ..end.take_request_record(|stamp| load.since_anchor(stamp))
        };
        let retried_stale = end.error() == Some(ErrorClass::StaleConnection);
        let ttft = end.record.ttft();
        load.sink.take(Ending { row: LoadRecord { retried_stale, request, ..before }, ttft }).await;
        Ok(())
    }
}
