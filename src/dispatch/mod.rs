//! Intent → attempt → ending: what every lane shares. One trial goes in, its records come out in
//! the run database, and no request leaves before its intent is durable and its worst case is
//! reserved.

mod budget;
mod judge;
mod pacing;
mod redact;
mod retry;

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::catalog::{Endpoint, Provider};
use crate::client::{Attempt, AttemptLimits, AttemptRecord, Outcome, Outgoing, Transport, attempt};
use crate::store::{
    AttemptEnding, AttemptIntent, ScoreRow, Store, StoreError, StoredAnswer, TrialEnding,
    TrialStatus,
};
use crate::units::{Clock, Seed, Stamp, TokensSource, TrialKey, Usage, Usd};
use crate::wire::{Answer, ErrorClass, openai_chat};

pub use budget::{Budget, Exhausted, Reservation};
pub use judge::Judge;
pub use pacing::Pacer;
pub use retry::RetryPolicy;

use redact::Redactor;

/// Keys by provider name. They are shown nowhere.
pub type Keys = BTreeMap<String, SecretString>;

/// One trial, ready to be asked.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its position in the plan.
    pub trial: u32,
    /// Its task: what the judge knows it by.
    pub task: u32,
    /// Its identity.
    pub key: TrialKey,
    /// Its repeat.
    pub repeat: u32,
    /// The endpoint: index into the dispatcher's lanes.
    pub lane: usize,
    /// The request body.
    pub body: Bytes,
    /// The most that one attempt can cost; `None`: unknown price.
    pub bound: Option<Usd>,
    /// Tokens that the request is expected to take from a tokens-a-minute limit.
    pub tokens: u64,
}

/// How a trial went, for whoever watches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Done {
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
    /// The budget is used up.
    #[error(transparent)]
    Budget(#[from] Exhausted),
    /// The run was interrupted before the trial's first request left.
    #[error("the run was interrupted before the trial was asked")]
    Interrupted,
    /// The endpoint takes no more requests in this run.
    #[error("the endpoint takes no more requests")]
    Closed,
}

/// An endpoint as the dispatcher drives it.
#[derive(Debug)]
pub struct Lane {
    endpoint: Endpoint,
    url: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    redactor: Option<Redactor>,
    pacer: Mutex<Pacer>,
    /// Why nothing more is asked here.
    closed: OnceLock<String>,
}

/// A key holds a character that a header cannot.
#[derive(Debug, thiserror::Error)]
#[error("the key from {source_name} holds a character that an HTTP header cannot carry")]
pub struct BadKey {
    source_name: String,
}

impl BadKey {
    fn of(provider: &Provider) -> Self {
        let command = || format!("the api_key_cmd of provider {:?}", provider.name);
        Self { source_name: provider.api_key_env.clone().unwrap_or_else(command) }
    }
}

impl Lane {
    /// A lane for an endpoint.
    ///
    /// # Errors
    /// [`BadKey`] when its provider's key cannot be a header.
    pub fn new(endpoint: Endpoint, keys: &Keys) -> Result<Self, BadKey> {
        let url = format!("{}{}", endpoint.provider.base_url, openai_chat::PATH);
        let mut headers = vec![
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::ACCEPT_ENCODING, HeaderValue::from_static("identity")),
        ];
        let key = keys.get(&endpoint.provider.name);
        if let Some(key) = key {
            let bearer = format!("Bearer {}", key.expose_secret());
            let mut value =
                HeaderValue::try_from(bearer).map_err(|_| BadKey::of(&endpoint.provider))?;
            value.set_sensitive(true);
            headers.push((header::AUTHORIZATION, value));
        }
        let pacer = Mutex::new(Pacer::new(&endpoint.limits));
        let redactor = key.map(Redactor::new);
        Ok(Self { endpoint, url, headers, redactor, pacer, closed: OnceLock::new() })
    }

    /// The endpoint.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Whether a request would have to wait now: for a limit, or because the provider asked for a
    /// pause.
    #[must_use]
    pub fn is_held(&self, now: Stamp) -> bool {
        self.pacer().is_held(now)
    }

    /// A request to the endpoint, ready to leave.
    #[must_use]
    pub fn attempt(&self, body: Bytes, key: String, limits: AttemptLimits) -> Attempt {
        let mut headers = Vec::with_capacity(self.headers.len() + 1);
        headers.extend_from_slice(&self.headers);
        let key = HeaderValue::try_from(key).expect("plain letters and dashes");
        headers.push((HeaderName::from_static("idempotency-key"), key));
        let outgoing = Outgoing {
            provider: self.endpoint.provider.name.clone(),
            url: self.url.clone(),
            headers,
            body,
        };
        Attempt { outgoing, stream: self.endpoint.stream, limits }
    }

    /// Takes the endpoint's key out of what a provider said.
    pub fn redact(&self, record: &mut AttemptRecord) {
        if let Some(redactor) = &self.redactor {
            redactor.clean(record);
        }
    }

    /// Why nothing more is asked here; `None`: it is open.
    #[must_use]
    pub fn closed(&self) -> Option<&str> {
        self.closed.get().map(String::as_str)
    }

    fn pacer(&self) -> std::sync::MutexGuard<'_, Pacer> {
        self.pacer.lock().expect("nothing panics while it holds a pacer")
    }
}

/// Asks trials: paced, within the budget, retried, recorded.
#[derive(Debug)]
pub struct Dispatcher<T> {
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
    pub lanes: Vec<Lane>,
    /// The money.
    pub budget: Budget,
    /// When to try again.
    pub retry: RetryPolicy,
    /// The time-outs.
    pub limits: AttemptLimits,
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
struct Course {
    attempt: u32,
    backoff: Duration,
    pacing: Duration,
    cost: Usd,
    first_dispatch: Option<Stamp>,
}

impl<T: Transport> Dispatcher<T> {
    /// Asks one trial until it is answered, given up or cut.
    ///
    /// # Errors
    /// When the run cannot go on: see [`DispatchError`]. A trial that fails is not an error.
    pub async fn ask(&self, job: Job) -> Result<Done, DispatchError> {
        let lane = &self.lanes[job.lane];
        let mut course = Course {
            attempt: 0,
            backoff: Duration::ZERO,
            pacing: Duration::ZERO,
            cost: Usd::ZERO,
            first_dispatch: None,
        };
        let mut failed: Option<AttemptRecord> = None;
        loop {
            let leave = async {
                let paced = self.pace(lane, job.tokens).await;
                (paced, self.budget.reserve(job.bound.unwrap_or(Usd::ZERO)).await)
            };
            let (paced, reserved) = tokio::select! {
                biased;
                () = self.drain.cancelled(), if course.attempt == 0 => {
                    return Err(DispatchError::Interrupted);
                }
                () = self.abort.cancelled() => match failed.take() {
                    Some(record) => {
                        // Every attempt ended: the trial failed as far as it went.
                        course.attempt -= 1;
                        return self.finish(&job, &course, record).await;
                    }
                    None => return Err(DispatchError::Interrupted),
                },
                may_leave = leave => may_leave,
            };
            course.pacing += paced;
            if lane.closed().is_some() && course.attempt == 0 {
                return Err(DispatchError::Closed);
            }
            let reservation = match (reserved, failed.take()) {
                (Ok(reservation), _) => reservation,
                // A retry that the budget no longer allows: the trial ends as it stands.
                (Err(Exhausted), Some(record)) => {
                    course.attempt -= 1;
                    return self.finish(&job, &course, record).await;
                }
                (Err(exhausted), None) => return Err(exhausted.into()),
            };
            let intent = AttemptIntent {
                trial: job.trial,
                attempt: course.attempt,
                bound: job.bound,
                at_ns: self.since_anchor(self.clock.now()),
            };
            self.store.intent(intent).await?;
            let made =
                attempt::make(&self.transport, &self.clock, self.outgoing(lane, &job, &course));
            let mut record = tokio::select! {
                record = made => record,
                // An intent without an ending is what *in doubt* means.
                () = self.abort.cancelled() => return Ok(Self::cut(&job, &course)),
            };
            lane.redact(&mut record);
            let cost = cost_of(&lane.endpoint, &record);
            reservation.settle(cost);
            course.cost += cost.unwrap_or(Usd::ZERO);
            course.first_dispatch.get_or_insert(record.stamps.dispatched);
            self.store.attempt(self.ending(&job, &course, &record, cost)).await?;
            self.tell(lane, &job, &course, &record);
            match self.next_wait(lane, &job, &course, &record) {
                Some(wait) => {
                    course.backoff += wait;
                    course.attempt += 1;
                    tokio::select! {
                        () = self.clock.sleep_until(self.clock.now().after(wait)) => {}
                        () = self.abort.cancelled() => {
                            // Every attempt ended: the trial failed as far as it went.
                            course.attempt -= 1;
                            return self.finish(&job, &course, record).await;
                        }
                    }
                    failed = Some(record);
                }
                None => return self.finish(&job, &course, record).await,
            }
        }
    }

    /// Waits for the endpoint's limits and gives the time that it took.
    async fn pace(&self, lane: &Lane, tokens: u64) -> Duration {
        let now = self.clock.now();
        let mut leave = lane.pacer().place(now, tokens);
        while leave > self.clock.now() {
            // The others must learn that this endpoint is held, or they wait for it.
            self.held.notify_one();
            self.clock.sleep_until(leave).await;
            // The provider may have asked for a pause meanwhile.
            leave = lane.pacer().resumes(self.clock.now());
        }
        self.clock.now().since(now)
    }

    fn outgoing(&self, lane: &Lane, job: &Job, course: &Course) -> Attempt {
        let key = format!("{}-{}-{}-{}", job.key.hex(), job.repeat, course.attempt, self.run);
        lane.attempt(job.body.clone(), key, self.limits)
    }

    fn next_wait(
        &self,
        lane: &Lane,
        job: &Job,
        course: &Course,
        record: &AttemptRecord,
    ) -> Option<Duration> {
        let Outcome::Failed { class, .. } = record.outcome else { return None };
        let asked = record.retry_after;
        if let (ErrorClass::RateLimited | ErrorClass::Overloaded, Some(asked)) = (class, asked) {
            if asked > self.retry.patience {
                lane.closed.get_or_init(|| {
                    format!("{} asks to wait for {} s", lane.endpoint.id, asked.as_secs())
                });
            } else {
                // The others need not run into the same wall.
                lane.pacer().pause(record.stamps.ended.after(asked));
            }
            self.held.notify_one();
        }
        self.retry.wait(self.seed, &job.key, course.attempt, class, asked)
    }

    async fn finish(
        &self,
        job: &Job,
        course: &Course,
        record: AttemptRecord,
    ) -> Result<Done, DispatchError> {
        let first = course.first_dispatch.unwrap_or(record.stamps.dispatched);
        let last = record.stamps.last_token.unwrap_or(record.stamps.ended);
        let ttft = ttft(&record);
        let (status, error, answer) = match record.outcome {
            Outcome::Answered(answer) => (TrialStatus::Ok, None, Some(stored(answer))),
            Outcome::Failed { class, .. } => (TrialStatus::Failed, Some(class), None),
        };
        // Before the ending: a crash between the two leaves a trial that is asked again, never one
        // that has ended without the score that nobody could give it any more.
        if let (Some(judge), Some(answer)) = (&self.judge, &answer) {
            let (trial, score) = (job.trial, judge.score(job.task, answer));
            self.store.score(ScoreRow { trial, score, detail: String::new() }).await?;
        }
        let ending = TrialEnding {
            trial: job.trial,
            status,
            error,
            attempts: course.attempt + 1,
            backoff_ns: nanos(course.backoff),
            pacing_ns: nanos(course.pacing),
            e2e_with_retries_ns: (status == TrialStatus::Ok).then(|| nanos(last.since(first))),
            answer,
        };
        self.store.trial(ending).await?;
        Ok(Done { lane: job.lane, status, ttft, cost: course.cost })
    }

    /// Says on stderr, where -v asks for it, how an attempt went. A provider's words may quote the
    /// prompt, so they go where the answers go.
    fn tell(&self, lane: &Lane, job: &Job, course: &Course, record: &AttemptRecord) {
        let (endpoint, attempt) = (lane.endpoint.id.as_str(), course.attempt + 1);
        let trial = job.key.hex();
        match &record.outcome {
            Outcome::Failed { class, detail, .. } => {
                let detail = if self.judge.is_some() { "" } else { detail };
                tracing::info!(endpoint, trial, attempt, error = class.name(), "{detail}");
            }
            Outcome::Answered(answer) => {
                let ms = record.stamps.ended.since(record.stamps.dispatched).as_millis();
                let output_tokens = answer.usage.output;
                tracing::debug!(endpoint, trial, attempt, ms, output_tokens, "ok");
            }
        }
    }

    fn cut(job: &Job, course: &Course) -> Done {
        Done { lane: job.lane, status: TrialStatus::InDoubt, ttft: None, cost: course.cost }
    }

    fn since_anchor(&self, stamp: Stamp) -> u64 {
        nanos(stamp.since(self.clock.anchor()))
    }

    fn ending(
        &self,
        job: &Job,
        course: &Course,
        record: &AttemptRecord,
        cost: Option<Usd>,
    ) -> AttemptEnding {
        let at = |stamp: Stamp| self.since_anchor(stamp);
        let (answer, error, error_detail) = match &record.outcome {
            Outcome::Answered(answer) => (answer, None, None),
            Outcome::Failed { class, detail, partial } => {
                (partial, Some(*class), Some(detail.clone()))
            }
        };
        let stamps = &record.stamps;
        AttemptEnding {
            trial: job.trial,
            attempt: course.attempt,
            error,
            error_detail,
            http_status: record.status,
            simulated: record.simulated,
            streamed: record.streamed,
            dispatched_ns: at(stamps.dispatched),
            connected_ns: stamps.connected.map(at),
            headers_ns: stamps.headers.map(at),
            first_byte_ns: stamps.first_byte.map(at),
            first_token_ns: stamps.first_token.map(at),
            first_output_ns: stamps.first_output.map(at),
            last_token_ns: stamps.last_token.map(at),
            ended_ns: at(stamps.ended),
            token_reads: record.token_reads,
            token_events: record.token_events,
            reasoning_seen: record.reasoning_seen,
            gaps_us: record.gaps_us.clone(),
            usage: answer.usage,
            usage_verbatim: answer.usage_verbatim.clone(),
            tokens_source: (!answer.usage.is_unknown()).then_some(TokensSource::Usage),
            cost,
            cost_reported: answer.cost_reported,
            finish_reason: answer.finish_reason,
            response_model: answer.response_model.clone(),
            served_by: answer.served_by.clone(),
        }
    }
}

/// What an attempt cost; `None`: not known.
///
/// Where usage came, its price. A request that never reached the provider, or that it refused with
/// an error status, is not billed. A stream that broke without usage, or an answer that never
/// came, may have been: nobody knows.
#[must_use]
pub fn cost_of(endpoint: &Endpoint, record: &AttemptRecord) -> Option<Usd> {
    let usage = match &record.outcome {
        Outcome::Answered(answer) => &answer.usage,
        Outcome::Failed { partial, .. } => &partial.usage,
    };
    if *usage != Usage::default() {
        return endpoint.price.cost(usage);
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

/// The time to the first token without connection set-up.
#[must_use]
pub fn ttft(record: &AttemptRecord) -> Option<Duration> {
    let stamps = &record.stamps;
    let start = stamps.connected.unwrap_or(stamps.dispatched);
    stamps.first_token.map(|first| first.since(start))
}

fn stored(answer: Answer) -> StoredAnswer {
    StoredAnswer {
        text: answer.text,
        reasoning: answer.reasoning,
        refusal: answer.refusal,
        tool_calls: answer.tool_calls,
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
