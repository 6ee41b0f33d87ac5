//! A client for one endpoint.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use super::breaker::{Breaker, BreakerPolicy};
use super::gate::Gate;
use super::give_up::{GivenUp, History};
use super::headers::{self, BadKey};
use super::key::Keys;
use super::pacing::QuotaShare;
use super::redact::{KnownNames, Redactor, withhold_echoes};
use super::request_form::{Changes, RequestForm};
use crate::catalog::{Capability, Endpoint};
use crate::client::{Attempt, AttemptLimits, AttemptRecord, Outcome, Outgoing};
use crate::store::RequestRecord;
use crate::units::{Body, Fact, Stamp, UsageFault};
use crate::wire;

/// Parameters that make a model reason, by their names in the dialects.
const REASONING_PARAMS: [&str; 4] =
    ["reasoning_effort", "reasoning", "thinking", "enable_thinking"];

/// An endpoint with all that its requests share: headers, key, gate, breaker.
#[derive(Debug)]
pub struct EndpointClient {
    endpoint: Endpoint,
    provider: Arc<str>,
    id: Arc<str>,
    url: Arc<str>,
    headers: Vec<(HeaderName, HeaderValue)>,
    redactor: Option<Redactor>,
    pub(super) gate: Arc<Gate>,
    pub(super) breaker: Breaker,
    /// The slots of its provider, which endpoints share; `None`: it has no limit.
    provider_slots: Option<Arc<Semaphore>>,
    form: RequestForm,
    history: History,
    /// Why it takes no more requests.
    given_up: OnceLock<GivenUp>,
    /// Cancelled with [`EndpointClient::give_up`].
    stopped: CancellationToken,
    /// Stream events of a kind that the dialect does not know.
    unknown_events: AtomicU64,
    names: KnownNames,
    /// How often the provider's usage had each fault.
    usage_faults: Mutex<BTreeMap<UsageFault, u64>>,
    /// Whether any answer had its reasoning in the content, between tags.
    inline_reasoning: AtomicBool,
}

impl EndpointClient {
    /// A client with a gate of its own: see [`EndpointClient::behind`].
    ///
    /// # Errors
    /// [`BadKey`] when its provider's key cannot be a header.
    pub fn new(endpoint: Endpoint, keys: &Keys, breaker: BreakerPolicy) -> Result<Self, BadKey> {
        let provider = &endpoint.provider;
        let path = wire::path(provider.dialect, &endpoint.upstream_model, endpoint.stream);
        let url = format!("{}{path}", provider.base_url).into();
        let (name, id) = (provider.name.as_str().into(), endpoint.id.as_str().into());
        let key = keys.get(&provider.name);
        let headers = headers::headers_of(provider, key)?;
        let unshared = QuotaShare { share: None, among: 1 };
        let gate = Arc::new(Gate::new(&endpoint.limits, usize::MAX, unshared, Vec::new()));
        let (redactor, breaker) = (key.map(|key| key.redactor().clone()), Breaker::new(breaker));
        let (given_up, unknown_events) = (OnceLock::new(), AtomicU64::new(0));
        Ok(Self {
            form: RequestForm::new(&endpoint),
            endpoint,
            provider: name,
            id,
            url,
            headers,
            redactor,
            gate,
            breaker,
            provider_slots: None,
            history: History::default(),
            given_up,
            stopped: CancellationToken::new(),
            unknown_events,
            names: KnownNames::default(),
            usage_faults: Mutex::default(),
            inline_reasoning: AtomicBool::new(false),
        })
    }

    /// The same client with this gate, which other endpoints may share.
    #[must_use]
    pub fn behind(self, gate: Arc<Gate>) -> Self {
        Self { gate, ..self }
    }

    /// The same client with the slots of its provider.
    #[must_use]
    pub fn within(self, provider_slots: Option<Arc<Semaphore>>) -> Self {
        Self { provider_slots, ..self }
    }

    /// Waits for a slot of its provider; notifies `held` when it has to wait.
    pub(super) async fn provider_slot(&self, held: &Notify) -> Option<SemaphorePermit<'_>> {
        let slots = self.provider_slots.as_ref()?;
        if let Ok(slot) = slots.try_acquire() {
            return Some(slot);
        }
        held.notify_one();
        slots.acquire().await.ok()
    }

    #[must_use]
    pub fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Whether a paced request would have to wait now: for a limit, a pause that the provider asked
    /// for, a slot, or the breaker.
    #[must_use]
    pub fn is_held(&self, now: Stamp) -> bool {
        self.breaker.is_open() || self.gate.is_held(now)
    }

    pub(super) fn attempt(
        &self,
        body: Bytes,
        key: String,
        limits: AttemptLimits,
        (fresh, max_output): (bool, Option<u64>),
    ) -> (Attempt, Changes) {
        let (body, changes) = self.form.apply(body);
        let mut headers = Vec::with_capacity(self.headers.len() + 2);
        headers.extend_from_slice(&self.headers);
        let key = HeaderValue::try_from(key).expect("plain letters and dashes");
        let provider = &self.endpoint.provider;
        // Without a session id, a router keeps sending to the host that it chose first.
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
            fresh,
        };
        let dialect = self.endpoint.provider.dialect;
        let stream = self.endpoint.stream;
        (Attempt { outgoing, dialect, stream, limits, max_output }, changes)
    }

    /// Removes the endpoint's key from a response.
    pub(super) fn redact(&self, record: &mut AttemptRecord) {
        if let Some(redactor) = &self.redactor {
            redactor.clean_record(record);
        }
    }

    /// Removes names from a record that say content, for a run that keeps none.
    pub(super) fn withhold_echoes(&self, row: &mut RequestRecord, body: &Body, answer: &str) {
        withhold_echoes(row, &self.endpoint, &self.names, (body, answer));
    }

    /// Takes back the counts of an answer that do not fit it.
    pub(super) fn check_usage(&self, record: &mut AttemptRecord, body: &[u8]) {
        let (Outcome::Answered(answer) | Outcome::Failed { partial: answer, .. }) =
            &mut record.outcome;
        let can_reason =
            self.endpoint.supports.is_some() && self.endpoint.can(Capability::Reasoning);
        let asks = |name: &str| self.endpoint.params.contains_key(name);
        let may_hide = can_reason || REASONING_PARAMS.into_iter().any(asks);
        wire::usage::check(answer, wire::usage::Sent { body, may_hide });
    }

    pub(super) fn count_usage_faults(&self, record: &AttemptRecord) {
        let (Outcome::Answered(answer) | Outcome::Failed { partial: answer, .. }) = &record.outcome;
        if !answer.usage_faults.is_empty() {
            let mut counts = self.usage_faults.lock().unwrap_or_else(PoisonError::into_inner);
            for fault in &answer.usage_faults {
                *counts.entry(*fault).or_default() += 1;
            }
        }
    }

    /// How often so far the provider's usage had each fault.
    #[must_use]
    pub fn usage_faults(&self) -> BTreeMap<UsageFault, u64> {
        self.usage_faults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn count_oddities(&self, record: &AttemptRecord) {
        let (Outcome::Answered(answer) | Outcome::Failed { partial: answer, .. }) = &record.outcome;
        if answer.inline_reasoning {
            self.inline_reasoning.store(true, Ordering::Relaxed);
        }
        if answer.unknown_events > 0 {
            self.unknown_events.fetch_add(answer.unknown_events, Ordering::Relaxed);
        }
    }

    /// Stream events so far of a kind that the dialect does not know. They were ignored.
    #[must_use]
    pub fn unknown_events(&self) -> u64 {
        self.unknown_events.load(Ordering::Relaxed)
    }

    /// Learns from a refusal in which form requests are taken; `true`: the same question may be asked
    /// again in another form than the `sent` one.
    pub(super) fn learn(&self, sent: &Bytes, changes: Changes, record: &AttemptRecord) -> bool {
        self.form.learn(sent, changes, &record.refused)
    }

    /// Takes over what an earlier session of the run came to know.
    pub fn recall(&self, facts: &[Fact]) {
        self.form.recall(&self.endpoint, facts);
    }

    /// Learns from how a request ended whether the next can succeed.
    pub(super) fn note_end(&self, record: &AttemptRecord) {
        if let Some(given_up) = self.history.note(&self.endpoint, &self.url, record) {
            self.give_up(given_up);
        }
    }

    /// Why it takes no more requests; `None`: it does.
    #[must_use]
    pub fn given_up(&self) -> Option<&GivenUp> {
        self.given_up.get()
    }

    /// Sends no more requests to it; those in flight end normally, and trials that wait to be
    /// repeated end with their last failure. What was not asked is left to `--resume`. The first
    /// reason is kept.
    pub fn give_up(&self, given_up: GivenUp) {
        self.given_up.get_or_init(|| given_up);
        self.stopped.cancel();
    }

    /// Why it cannot be reached; `None`: it was, or it is too early to say.
    #[must_use]
    pub fn unreachable(&self) -> Option<GivenUp> {
        self.history.unreachable(&self.endpoint)
    }

    /// Gives it up where it cannot be reached.
    pub fn give_up_unreachable(&self) {
        if let Some(given_up) = self.unreachable() {
            self.give_up(given_up);
        }
    }

    /// Waits until it takes no more requests.
    pub(super) fn stopped(&self) -> WaitForCancellationFuture<'_> {
        self.stopped.cancelled()
    }

    /// What a reader of the run must know of it.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        let given_up = self.given_up.get().map(|given_up| Fact::EndpointGivenUp {
            endpoint: self.endpoint.id.to_string(),
            class: given_up.class.map(|class| class.name().to_owned()),
            why: given_up.why.clone(),
        });
        let inline_reasoning = self
            .inline_reasoning
            .load(Ordering::Relaxed)
            .then(|| Fact::InlineReasoning { endpoint: self.endpoint.id.to_string() });
        let learnt = self.form.facts(&self.endpoint).into_iter();
        learnt.chain(given_up).chain(inline_reasoning).collect()
    }
}
