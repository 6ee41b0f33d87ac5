//! Intent → attempt → ending: what every lane shares. One trial goes in, its records come out in
//! the run database, and no request leaves before its intent is durable and its worst case is
//! reserved.

mod breaker;
mod budget;
mod gate;
mod headers;
mod judge;
mod pacing;
mod prime;
mod record;
mod redact;
mod retry;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use secrecy::SecretString;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::catalog::Endpoint;
use crate::client::{Attempt, AttemptLimits, AttemptRecord, Outcome, Outgoing, Transport, attempt};
use crate::store::{
    AttemptId, RequestIntent, RequestSource, ScoreRow, Store, StoreError, TrialEnding, TrialStatus,
};
use crate::units::clock::nanos;
use crate::units::{AnswerContent, Body, Clock, Seed, Stamp, TrialKey, Usd};
use crate::wire::{self, Answer, ErrorClass};

pub use breaker::{Breaker, BreakerPolicy};
pub use budget::{Budget, BudgetScope, Budgets, Exhausted, Reservation};
pub use gate::{Gate, gates};
pub use headers::{BadKey, of as headers_of};
pub use judge::Judge;
pub use pacing::{QuotaShare, TokenUse};
pub use record::request_record;
pub use retry::RetryPolicy;

use breaker::{BreakerPermit, Health};
use budget::Reservations;
use gate::SlotGuard;
use pacing::LowQuota;
use redact::Redactor;

/// Keys by provider name. They are shown nowhere.
pub type Keys = BTreeMap<String, SecretString>;

/// One trial, ready to be asked.
#[derive(Clone, Debug)]
pub struct TrialJob {
    /// Its position in the plan.
    pub trial: u32,
    /// Its task: what the judge knows it by.
    pub task: u32,
    /// Its identity.
    pub key: TrialKey,
    /// Its repeat.
    pub repeat: u32,
    /// The endpoint: index into the trials's lanes.
    pub lane: usize,
    /// The suite: index into the trials's budgets.
    pub suite: usize,
    /// Requests that earlier sessions intended for it.
    pub attempts: u32,
    /// Of those, the ones that ended. The others are in doubt, and each is asked again under the key
    /// that it had.
    pub ended: u32,
    /// Of those that ended, the ones that warmed a prompt cache: they are no attempts to answer.
    pub primed: u32,
    /// The request body.
    pub body: Body,
    /// The most that one attempt can cost; `None`: unknown price.
    pub bound: Option<Usd>,
    /// What the request is expected to take from limits on tokens.
    pub takes: TokenUse,
    /// Whether it is sent once ahead of the request that counts, for the provider's prompt cache.
    pub prime: bool,
}

/// How a trial went, for whoever watches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrialOutcome {
    /// The endpoint.
    pub lane: usize,
    /// How it ended.
    pub status: TrialStatus,
    /// The time to the first token of the attempt that answered, without connection set-up.
    pub ttft: Option<Duration>,
    /// What it cost as far as known.
    pub cost: Usd,
}

/// Why a trial could not be dispatched.
#[derive(Debug, thiserror::Error)]
pub enum DispatchError {
    /// The run database takes no more records: the run must stop.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A budget is used up.
    #[error("the budget does not allow another trial")]
    Budget(BudgetScope),
    /// The run was interrupted before the trial's first request left.
    #[error("the run was interrupted before the trial was asked")]
    Interrupted,
    /// The endpoint takes no more requests in this run.
    #[error("the endpoint takes no more requests")]
    Closed,
}

/// An endpoint as the trials drives it.
#[derive(Debug)]
pub struct EndpointClient {
    endpoint: Endpoint,
    provider: Arc<str>,
    id: Arc<str>,
    url: Arc<str>,
    headers: Vec<(HeaderName, HeaderValue)>,
    redactor: Option<Redactor>,
    gate: Arc<Gate>,
    breaker: Breaker,
    /// Why nothing more is asked here.
    closed: OnceLock<String>,
    /// Events of its streams whose kind the dialect does not know.
    unknown_events: AtomicU64,
}

impl EndpointClient {
    /// A lane for an endpoint whose key nobody else uses: see [`EndpointClient::behind`].
    ///
    /// # Errors
    /// [`BadKey`] when its provider's key cannot be a header.
    pub fn new(endpoint: Endpoint, keys: &Keys, breaker: BreakerPolicy) -> Result<Self, BadKey> {
        let provider = &endpoint.provider;
        let path = wire::path(provider.dialect, &endpoint.upstream_model, endpoint.stream);
        let url = format!("{}{path}", provider.base_url).into();
        let (name, id) = (provider.name.as_str().into(), endpoint.id.as_str().into());
        let key = keys.get(&provider.name);
        let headers = headers::of(provider, key)?;
        let alone = QuotaShare { share: None, among: 1 };
        let gate = Arc::new(Gate::new(&endpoint.limits, usize::MAX, alone, Vec::new()));
        let (redactor, breaker) = (key.map(Redactor::new), Breaker::new(breaker));
        let (closed, unknown_events) = (OnceLock::new(), AtomicU64::new(0));
        Ok(Self {
            endpoint,
            provider: name,
            id,
            url,
            headers,
            redactor,
            gate,
            breaker,
            closed,
            unknown_events,
        })
    }

    /// The same lane, whose requests leave by this gate.
    #[must_use]
    pub fn behind(self, gate: Arc<Gate>) -> Self {
        Self { gate, ..self }
    }

    /// The gate by which its requests leave.
    #[must_use]
    pub fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// The endpoint.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Whether a request would have to wait now: for a limit, because the provider asked for a
    /// pause or takes fewer at once, or because it failed in a row.
    #[must_use]
    pub fn is_held(&self, now: Stamp) -> bool {
        self.breaker.is_open() || self.gate.is_held(now)
    }

    /// A request to the endpoint, ready to leave.
    #[must_use]
    pub fn attempt(&self, body: Bytes, key: String, limits: AttemptLimits) -> Attempt {
        let mut headers = Vec::with_capacity(self.headers.len() + 1);
        headers.extend_from_slice(&self.headers);
        let key = HeaderValue::try_from(key).expect("plain letters and dashes");
        let provider = &self.endpoint.provider;
        // Otherwise a router goes on with whatever host of the provider it began with.
        let session = headers::OPENROUTER_SESSION;
        if provider.pin().is_some() && !provider.headers.contains_key(session) {
            headers.push((HeaderName::from_static(session), key.clone()));
        }
        headers.push((HeaderName::from_static("idempotency-key"), key));
        let outgoing = Outgoing {
            provider: Arc::clone(&self.provider),
            endpoint: Arc::clone(&self.id),
            url: Arc::clone(&self.url),
            headers,
            body,
            fresh: false,
        };
        let dialect = self.endpoint.provider.dialect;
        Attempt { outgoing, dialect, stream: self.endpoint.stream, limits }
    }

    /// Takes the endpoint's key out of what a provider said.
    pub fn redact(&self, record: &mut AttemptRecord) {
        if let Some(redactor) = &self.redactor {
            redactor.clean(record);
        }
    }

    /// Events of its streams so far whose kind the dialect does not know: they were passed over.
    #[must_use]
    pub fn unknown_events(&self) -> u64 {
        self.unknown_events.load(Ordering::Relaxed)
    }

    /// Why nothing more is asked here; `None`: it is open.
    #[must_use]
    pub fn closed(&self) -> Option<&str> {
        self.closed.get().map(String::as_str)
    }

    /// Asks nothing more here, for this reason.
    fn close(&self, why: String) {
        self.closed.get_or_init(|| why);
    }
}

/// Asks trials: paced, within the budget, retried, recorded.
#[derive(Debug)]
pub struct Trials<T> {
    /// How requests leave.
    pub transport: T,
    /// The run's clock.
    pub clock: Clock,
    /// The run database.
    pub store: Store,
    /// Who judges answers as they come, where the run database keeps none; `None`: it keeps them, and
    /// they are judged afterwards.
    pub judge: Option<Judge>,
    /// The run's seed, for the jitter of retries.
    pub seed: Seed,
    /// The endpoints.
    pub lanes: Vec<EndpointClient>,
    /// The money.
    pub budgets: Budgets,
    /// When to try again.
    pub retry: RetryPolicy,
    /// The time-outs.
    pub limits: AttemptLimits,
    /// How long after the run's anchor this session's clock was anchored: none in the first one.
    pub since_start: Duration,
    /// The run's id, which makes its idempotency keys its own: a gateway that honours them must not
    /// replay last night's answer.
    pub run: String,
    /// Told whenever an endpoint is held by a limit or closed.
    pub held: Notify,
    /// Cancelled: no trial's first request leaves any more; what was sent ends in its own time.
    pub drain: CancellationToken,
    /// Cancelled: whatever is under way is cut.
    pub abort: CancellationToken,
}

/// What a trial accumulates over its attempts.
struct TrialState {
    /// Requests intended, in earlier sessions too: the number of the next one.
    attempts: u32,
    /// Of those, the ones that ended.
    ended: u32,
    /// Of those that ended, the ones that warmed a cache: they are no attempts to answer.
    primed: u32,
    /// Of those that ended in this session, the ones that a stale connection lost.
    stale: u32,
    backoff: Duration,
    pacing: Duration,
    cost: Usd,
    first_dispatch: Option<Stamp>,
    /// The last attempt of this session, which failed.
    failed: Option<AttemptRecord>,
}

impl TrialState {
    /// Attempts to answer that ended: the number that the next one's key bears, so that what is in
    /// doubt is asked again under the key that it had.
    fn answering(&self) -> u32 {
        self.ended - self.primed
    }
}

/// Leave for one attempt to go.
struct Leave<'a> {
    pass: BreakerPermit<'a>,
    place: SlotGuard<'a>,
    reservations: Reservations<'a>,
}

impl<T: Transport> Trials<T> {
    /// Asks one trial until it is answered, given up or cut.
    ///
    /// # Errors
    /// When the run cannot go on: see [`DispatchError`]. A trial that fails is not an error.
    pub async fn ask(&self, job: TrialJob) -> Result<TrialOutcome, DispatchError> {
        let lane = &self.lanes[job.lane];
        let mut state = TrialState {
            attempts: job.attempts,
            ended: job.ended,
            primed: job.primed,
            stale: 0,
            backoff: Duration::ZERO,
            pacing: Duration::ZERO,
            cost: Usd::ZERO,
            first_dispatch: None,
            failed: None,
        };
        if job.prime && !self.prime(lane, &job, &mut state).await? {
            return Ok(Self::cut(&job, &state));
        }
        loop {
            let leave = match self.leave(lane, &job, &mut state).await {
                Ok(leave) => leave,
                // Every attempt ended: the trial failed as far as it went.
                Err(why) => {
                    return match state.failed.take() {
                        Some(record) => self.finish(&job, &state, record).await,
                        None => Err(why),
                    };
                }
            };
            let (id, intent) = self.intent(&job, &state, RequestSource::Run);
            self.store.intent(id, intent).await?;
            state.attempts += 1;
            let number = state.answering().to_string();
            let mut outgoing = self.outgoing(lane, &job, &number);
            outgoing.outgoing.fresh = state.failed.as_ref().is_some_and(is_stale);
            let made = attempt::make(&self.transport, &self.clock, outgoing);
            let mut record = tokio::select! {
                record = made => record,
                // An intent without an ending is what *in doubt* means.
                () = self.abort.cancelled() => return Ok(Self::cut(&job, &state)),
            };
            lane.redact(&mut record);
            let cost = cost_of(&lane.endpoint, &record, &self.clock);
            leave.reservations.settle(cost);
            state.cost += cost.unwrap_or(Usd::ZERO);
            state.first_dispatch.get_or_insert(record.stamps.dispatched);
            self.tell(lane, &job, &state, &record);
            self.note(lane, leave.pass, leave.place, &record);
            let request = request_record(intent, &record, cost, |stamp| self.since_anchor(stamp));
            let wait = self.next_wait(&job, &state, &record);
            state.ended += 1;
            state.stale += u32::from(is_stale(&record));
            let Some(wait) = wait else {
                let (trial, done) = Self::end(&job, &state, record);
                let score = self.score(&job, &trial);
                self.store.last_attempt(id, request, trial, score).await?;
                return Ok(done);
            };
            self.store.attempt(id, request).await?;
            state.backoff += wait;
            state.failed = Some(record);
            tokio::select! {
                () = self.clock.sleep_until(self.clock.now().after(wait)) => {}
                // The next round ends the trial.
                () = self.abort.cancelled() => {}
            }
        }
    }

    /// Waits until the next attempt may go: for the breaker, the endpoint's limits, the budget.
    async fn leave<'a>(
        &'a self,
        lane: &'a EndpointClient,
        job: &TrialJob,
        state: &mut TrialState,
    ) -> Result<Leave<'a>, DispatchError> {
        // What was begun is ended: a cache that was warmed is paid for.
        let first = state.attempts == job.attempts;
        let may_leave = async {
            let (pass, place, paced) = self.pace(lane, job.takes).await;
            let worst = job.bound.unwrap_or(Usd::ZERO);
            (pass, place, paced, self.budgets.reserve(job.lane, job.suite, worst).await)
        };
        let (pass, place, paced, reserved) = tokio::select! {
            biased;
            () = self.drain.cancelled(), if first => return Err(DispatchError::Interrupted),
            () = self.abort.cancelled() => return Err(DispatchError::Interrupted),
            may_leave = may_leave => may_leave,
        };
        state.pacing += paced;
        let reservations = reserved.map_err(|purse| {
            if purse == BudgetScope::Endpoint {
                let limit = self.budgets.endpoints[job.lane].limit().unwrap_or_default();
                let id = &lane.endpoint.id;
                lane.close(format!("the budget of ${limit} for {id} allows no further trial"));
                return DispatchError::Closed;
            }
            DispatchError::Budget(purse)
        })?;
        if lane.closed().is_some() || lane.breaker.is_given_up() {
            reservations.release();
            return Err(DispatchError::Closed);
        }
        Ok(Leave { pass, place, reservations })
    }

    /// Waits for the breaker and for the endpoint's limits and gives the time that it took.
    async fn pace<'a>(
        &self,
        lane: &'a EndpointClient,
        takes: TokenUse,
    ) -> (BreakerPermit<'a>, SlotGuard<'a>, Duration) {
        let came = self.clock.now();
        loop {
            let pass = lane.breaker.pass(&self.clock, &self.held).await;
            // Another's failure may pause the endpoint while this one waits for its turn.
            let passed = lane.gate.pass(&self.clock, &self.held, takes, || pass.holds()).await;
            if let Some(place) = passed {
                return (pass, place, self.clock.now().since(came));
            }
        }
    }

    /// A trial's request, under the number that tells it from the trial's others.
    fn outgoing(&self, lane: &EndpointClient, job: &TrialJob, number: &str) -> Attempt {
        let key = format!("{}-{}-{number}-{}", job.key.hex(), job.repeat, self.run);
        lane.attempt(job.body.of_request(&key), key, self.limits)
    }

    /// Tells the endpoint's breaker and its gate how an attempt went.
    fn note(
        &self,
        lane: &EndpointClient,
        pass: BreakerPermit<'_>,
        place: SlotGuard<'_>,
        record: &AttemptRecord,
    ) {
        let (class, answer) = match &record.outcome {
            Outcome::Failed { class, partial, .. } => (Some(*class), partial),
            Outcome::Answered(answer) => (None, answer),
        };
        lane.unknown_events.fetch_add(answer.unknown_events, Ordering::Relaxed);
        let busy = matches!(class, Some(ErrorClass::RateLimited | ErrorClass::Overloaded));
        let (asked, id) = (record.retry_after, &lane.endpoint.id);
        let (too_long, pause) = match asked.filter(|_| busy) {
            Some(asked) if asked > self.retry.patience => (Some(asked), None),
            // The others need not run into the same wall.
            asked => (None, asked.map(|asked| record.stamps.ended.after(asked))),
        };
        let low = place.learn(record, pause, &self.clock);
        if pass.ended(Health::of(class, asked.is_some()), self.clock.now()) {
            let class = class.map_or("unknown", ErrorClass::name);
            lane.close(format!("{id} was given up: it went on failing, last with {class}"));
            self.held.notify_one();
        }
        if let Some(low) = low {
            self.leave_the_rest(lane, &low);
        }
        if let Some(asked) = too_long {
            lane.close(format!("{id} asks to wait for {} s", asked.as_secs()));
        }
        if too_long.is_some() || pause.is_some() {
            self.held.notify_one();
        }
        // Not before all is known that holds the next one.
        drop(place);
    }

    /// Less of a limit remains than is to be left to others. The gate waits for it; what takes longer
    /// than a run is willing to wait is given up.
    fn leave_the_rest(&self, lane: &EndpointClient, low: &LowQuota) {
        let wait = low.reset.since(self.clock.now());
        if wait > self.retry.patience {
            let (id, limit) = (&lane.endpoint.id, low.limit);
            let (n, counted, per) = (limit.limit, limit.counted.name(), limit.per.name());
            lane.close(format!(
                "{id}: less remains of its {n} {counted} a {per} than is left to others \
                 (rate_share), for {} more",
                plainly(wait)
            ));
        }
        self.held.notify_one();
    }

    /// How long to wait before the attempt after this one; `None`: it was the last.
    fn next_wait(
        &self,
        job: &TrialJob,
        state: &TrialState,
        record: &AttemptRecord,
    ) -> Option<Duration> {
        let Outcome::Failed { class, .. } = record.outcome else { return None };
        if class == ErrorClass::StaleConnection {
            return Some(Duration::ZERO);
        }
        let attempt = state.answering() - state.stale;
        self.retry.wait(self.seed, &job.key, attempt, class, record.retry_after)
    }

    /// Ends a trial whose last attempt is on record.
    async fn finish(
        &self,
        job: &TrialJob,
        state: &TrialState,
        record: AttemptRecord,
    ) -> Result<TrialOutcome, DispatchError> {
        let (ending, done) = Self::end(job, state, record);
        self.store.trial(ending).await?;
        Ok(done)
    }

    /// What a trial came to with its last attempt.
    fn end(
        job: &TrialJob,
        state: &TrialState,
        record: AttemptRecord,
    ) -> (TrialEnding, TrialOutcome) {
        let first = state.first_dispatch.unwrap_or(record.stamps.dispatched);
        let last = record.stamps.last_token.unwrap_or(record.stamps.ended);
        let ttft = ttft(&record);
        let (status, error, answer) = match record.outcome {
            Outcome::Answered(answer) => (TrialStatus::Ok, None, Some(stored(answer))),
            Outcome::Failed { class, .. } => (TrialStatus::Failed, Some(class), None),
        };
        // Across a crash it would count the time in which nobody asked.
        let timed = status == TrialStatus::Ok && job.attempts == 0;
        let ending = TrialEnding {
            trial: job.trial,
            status,
            error,
            attempts: state.attempts,
            backoff_ns: nanos(state.backoff),
            pacing_ns: nanos(state.pacing),
            e2e_with_retries_ns: timed.then(|| nanos(last.since(first))),
            answer,
        };
        (ending, TrialOutcome { lane: job.lane, status, ttft, cost: state.cost })
    }

    /// The verdict on a trial's answer, where nobody could give it later: it is recorded with the
    /// trial's ending, so that a crash keeps both or neither.
    fn score(&self, job: &TrialJob, ending: &TrialEnding) -> Option<ScoreRow> {
        let (judge, answer) = (self.judge.as_ref()?, ending.answer.as_ref()?);
        judge.score(job.trial, job.task, answer)
    }

    /// Says on stderr, where -v asks for it, how an attempt went. A provider's words may quote the
    /// prompt, so they go where the answers go.
    fn tell(
        &self,
        lane: &EndpointClient,
        job: &TrialJob,
        state: &TrialState,
        record: &AttemptRecord,
    ) {
        let (endpoint, attempt) = (lane.endpoint.id.as_str(), state.attempts);
        let trial = job.key.hex();
        match &record.outcome {
            Outcome::Failed { class, detail, .. } => {
                let detail = if self.judge.is_some() { "" } else { detail };
                tracing::info!(endpoint, trial, attempt, error = class.name(), "{detail}");
            }
            Outcome::Answered(answer) => {
                let ms = record.stamps.ended.since(record.stamps.dispatched).as_millis();
                let (output_tokens, unknown_events) = (answer.usage.output, answer.unknown_events);
                tracing::debug!(endpoint, trial, attempt, ms, output_tokens, unknown_events, "ok");
            }
        }
    }

    fn cut(job: &TrialJob, state: &TrialState) -> TrialOutcome {
        TrialOutcome { lane: job.lane, status: TrialStatus::InDoubt, ttft: None, cost: state.cost }
    }

    fn since_anchor(&self, stamp: Stamp) -> u64 {
        nanos(stamp.since(self.clock.anchor()) + self.since_start)
    }

    fn intent(
        &self,
        job: &TrialJob,
        state: &TrialState,
        source: RequestSource,
    ) -> (AttemptId, RequestIntent) {
        let id = AttemptId { trial: job.trial, attempt: state.attempts };
        let at_ns = self.since_anchor(self.clock.now());
        (id, RequestIntent { source, bound: job.bound, at_ns })
    }
}

/// What an attempt cost; `None`: not known.
///
/// Where usage came, its price. A request that never reached the provider, or that it refused with
/// an error status, is not billed. A stream that broke without usage, or an answer that never
/// came, may have been: nobody knows.
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
    let refused = record.status.is_some_and(|status| status >= 300);
    let never_left = matches!(
        record.outcome,
        Outcome::Failed { class: ErrorClass::Connect | ErrorClass::ConnectTimeout, .. }
    );
    if refused || never_left {
        return Some(Usd::ZERO);
    }
    (!endpoint.price.is_billed()).then_some(Usd::ZERO)
}

/// Whether a stale connection lost the request: it is sent again at once, on a new connection.
fn is_stale(record: &AttemptRecord) -> bool {
    matches!(record.outcome, Outcome::Failed { class: ErrorClass::StaleConnection, .. })
}

/// The time to the first token without connection set-up.
#[must_use]
pub fn ttft(record: &AttemptRecord) -> Option<Duration> {
    let stamps = &record.stamps;
    let start = stamps.connected.unwrap_or(stamps.dispatched);
    stamps.first_token.map(|first| first.since(start))
}

/// A time as people say it: `90 s`, `45 min`, `13 h`.
fn plainly(time: Duration) -> String {
    match time.as_secs() {
        s @ ..600 => format!("{s} s"),
        s @ 600..36_000 => format!("{} min", s / 60),
        s => format!("{} h", s / 3_600),
    }
}

fn stored(answer: Answer) -> AnswerContent {
    AnswerContent {
        text: answer.text,
        reasoning: answer.reasoning,
        refusal: answer.refusal,
        tool_calls: answer.tool_calls,
    }
}
