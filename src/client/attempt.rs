//! One HTTP request: sent, read to its end, stamped, decoded, classified.

mod body;
mod record;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use super::answer_memory::AnswerMemory;
use super::body_kind::BodyKind;
use super::deadline::Deadline;
use super::routed::Routed;
use super::transport::{Head, Outgoing, Transport, TransportError};
use super::unpack::Unpack;
use crate::units::{Clock, Dialect, Stamp};
use crate::wire::rate_limit::{http_date, retry_after};
use crate::wire::{
    self, ErrorClass, RateLimits, StreamDecoder, WireError, refused_parameter, stated_wait,
};

pub use record::{AttemptRecord, Outcome, Stamps};

/// How long each phase of an attempt may take, and how much may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptLimits {
    /// Without a byte of the body, before the first token event (streamed answers). A comment or a
    /// chunk without a token shows that the provider is at work.
    pub first_token: Duration,
    /// Without a byte of the body, after the first token; without a token, twice as long.
    pub stall: Duration,
    /// The whole attempt.
    pub total: Duration,
    /// The most bytes of a body: a model's longest answer is far below.
    pub body_bytes: usize,
}

impl Default for AttemptLimits {
    fn default() -> Self {
        Self {
            first_token: Duration::from_secs(120),
            stall: Duration::from_secs(60),
            total: Duration::from_secs(600),
            body_bytes: 64 << 20,
        }
    }
}

/// How long to wait for the end of a body after the stream's end event. It only decides whether the
/// connection can be reused.
const AFTER_DONE: Duration = Duration::from_millis(500);

/// How long to wait for the usage and the end mark after a finish reason. The answer is complete.
const AFTER_FINISH: Duration = Duration::from_secs(10);

/// How long to wait for the body of an error, whose status has said what it is.
const AFTER_ERROR: Duration = Duration::from_secs(10);

/// The longest `Retry-After` that is used; a larger one is most likely a mistake.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// An attempt that can be sent.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The request.
    pub outgoing: Outgoing,
    /// The provider's dialect.
    pub dialect: Dialect,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// The limits.
    pub limits: AttemptLimits,
    /// The most output tokens that were asked for; `None`: not known.
    pub max_output: Option<u64>,
}

/// The content type of a stream of events.
const EVENT_STREAM: &str = "text/event-stream";

/// Makes one attempt. Failures are in the record.
pub fn make<T: Transport>(
    transport: &T,
    clock: &Clock,
    attempt: Attempt,
) -> impl Future<Output = AttemptRecord> + Send {
    let mut reading = Reader::new(clock.now(), &attempt);
    let request = attempt.outgoing;
    // Hundreds of attempts wait here at once: what opens a response is gone when its body is read.
    async move {
        let failure = 'response: {
            let (head, mut body) = {
                let opening = pin!(transport.open(request));
                match reading.within_phase(clock, opening).await {
                    Ok(Ok(opened)) => opened,
                    Ok(Err(error)) => break 'response Some(error.into()),
                    Err(timeout) => break 'response Some(timeout),
                }
            };
            reading.head(head, clock);
            reading.body(&mut body, clock).await.err()
        };
        reading.finish(clock, failure)
    }
}

impl From<TransportError> for WireError {
    fn from(error: TransportError) -> Self {
        Self { class: error.class, detail: error.message }
    }
}

/// The state of reading a response.
struct Reader {
    limits: AttemptLimits,
    record: AttemptRecord,
    dialect: Dialect,
    decoder: StreamDecoder,
    /// The form of the body; `None`: its first bytes have not come.
    kind: Option<BodyKind>,
    /// Whether the content type says that it is a stream of events.
    is_named_events: bool,
    /// How the body is compressed, as its headers have it.
    coding: Option<String>,
    unpack: Unpack,
    /// When the answer was complete, or its end mark came after that.
    completed: Option<Stamp>,
    done: bool,
    /// When content first came that may begin a tag of reasoning.
    held: Option<Stamp>,
    /// The body where it is not a stream of events, or its first bytes.
    whole: Vec<u8>,
    read_bytes: usize,
    /// What a router states in the head.
    routed: Routed,
    memory: AnswerMemory,
    max_output: Option<u64>,
    /// When bytes last came.
    progress: Stamp,
    /// When a token last came.
    last_token: Stamp,
    deadline: Deadline,
}

impl Reader {
    fn new(dispatched: Stamp, attempt: &Attempt) -> Self {
        let record = AttemptRecord { streamed: attempt.stream, ..AttemptRecord::begun(dispatched) };
        Self {
            limits: attempt.limits,
            record,
            dialect: attempt.dialect,
            decoder: StreamDecoder::new(attempt.dialect),
            kind: None,
            is_named_events: false,
            coding: None,
            unpack: Unpack::new(None),
            completed: None,
            done: false,
            held: None,
            whole: Vec::new(),
            read_bytes: 0,
            routed: Routed::default(),
            memory: AnswerMemory::new(),
            max_output: attempt.max_output,
            progress: dispatched,
            last_token: dispatched,
            deadline: Deadline::default(),
        }
    }

    /// Waits for the next part of the response, as long as the attempt's phase allows.
    async fn within_phase<F: Future>(
        &mut self,
        clock: &Clock,
        next: Pin<&mut F>,
    ) -> Result<F::Output, WireError> {
        let stamps = &self.record.stamps;
        let end = stamps.dispatched.after(self.limits.total);
        let (by, limit, class, what) = if let Some(completed) = self.completed {
            let limit = if self.done { AFTER_DONE } else { AFTER_FINISH };
            (completed.after(limit), limit, ErrorClass::StallTimeout, "no end of the body")
        } else if let Some(headers) = stamps.headers.filter(|_| !self.is_success()) {
            let by = headers.after(AFTER_ERROR);
            (by, AFTER_ERROR, ErrorClass::StallTimeout, "no end of the error")
        } else if !self.record.streamed {
            (end, self.limits.total, ErrorClass::TotalTimeout, "no answer")
        } else if stamps.first_token.is_none() {
            let limit = self.limits.first_token;
            let by = self.progress.after(limit);
            (by, limit, ErrorClass::FirstTokenTimeout, "no token")
        } else {
            let limit = self.limits.stall;
            // Signs of life alone keep it for a while, not for ever.
            let by = self.progress.after(limit).min(self.last_token.after(limit * 2));
            (by, limit, ErrorClass::StallTimeout, "no further token")
        };
        let (by, limit, class) = if end < by {
            (end, self.limits.total, ErrorClass::TotalTimeout)
        } else {
            (by, limit, class)
        };
        let phase = match class {
            ErrorClass::FirstTokenTimeout => "first_token",
            ErrorClass::StallTimeout => "stall",
            _ => "total",
        };
        self.deadline.timeout(clock, by, next).await.ok_or_else(|| {
            let limit = limit.as_secs_f64();
            let detail = format!("{what} within {limit:.1} s; --timeout {phase}=… allows more");
            WireError { class, detail }
        })
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "nothing of it is kept while the body is read"
    )]
    fn head(&mut self, head: Head, clock: &Clock) {
        let text = |name: &str| head.headers.get(name).and_then(|v| v.to_str().ok());
        self.record.status = Some(head.status);
        self.record.stamps.connected = head.connected;
        self.record.stamps.headers = Some(head.at);
        self.record.simulated = text(wire::SIMULATED_HEADER).is_some();
        self.routed = Routed::from_headers(&head.headers);
        // A date is by the provider's clock, which may differ from ours.
        let now = text("date").and_then(http_date).unwrap_or_else(|| clock.wall(head.at));
        // LiteLLM passes its provider's headers on under a prefix.
        let asked = retry_after(text("retry-after"), text("retry-after-ms")).or_else(|| {
            retry_after(text("llm_provider-retry-after"), text("llm_provider-retry-after-ms"))
        });
        let asked = asked.and_then(|asked| asked.wait(now));
        self.record.retry_after = asked.map(|asked| asked.min(MAX_RETRY_AFTER));
        let headers = head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        self.record.rate_limits = RateLimits::from_headers(headers);
        let kind = text("content-type").unwrap_or_default().trim_start();
        let is_kind =
            |name: &str| kind.get(..name.len()).is_some_and(|kind| kind.eq_ignore_ascii_case(name));
        self.is_named_events = is_kind(EVENT_STREAM);
        // The first bytes tell; until then a stream that was asked for is expected.
        let is_expected = self.record.streamed && !is_kind("application/json");
        self.record.streamed = self.is_success() && (self.is_named_events || is_expected);
        self.kind = (!self.is_success()).then_some(BodyKind::Whole);
        self.record.protocol = head.protocol;
        let coding = text("content-encoding").map(str::trim);
        let is_none = |coding: &&str| coding.is_empty() || coding.eq_ignore_ascii_case("identity");
        self.coding = coding.filter(|coding| !is_none(coding)).map(str::to_owned);
        self.unpack = Unpack::new(self.coding.as_deref());
    }

    fn is_success(&self) -> bool {
        self.record.status.is_some_and(|status| (200..300).contains(&status))
    }

    fn finish(mut self, clock: &Clock, failure: Option<WireError>) -> AttemptRecord {
        // A failure's answer is kept too: its usage may have been billed.
        self.record.stamps.ended = clock.now();
        let (mut answer, error) = match failure {
            None if !self.is_success() => {
                wire::decode_failure(self.record.status.unwrap_or(0), &self.whole)
            }
            None if self.record.streamed => self.decoder.finish(),
            None => wire::decode_body(self.dialect, &self.whole),
            // The whole answer may have come before its connection broke.
            Some(error) if self.is_success() && !self.record.streamed => {
                match wire::decode_body(self.dialect, &self.whole) {
                    (answer, None) => (answer, None),
                    (answer, Some(_)) => (answer, Some(error)),
                }
            }
            Some(error) => (self.decoder.finish().0, Some(error)),
        };
        if let Some(error) = &error {
            note_refusal(&mut self.record, &self.whole, error);
        }
        let stamps = &mut self.record.stamps;
        let has_output = !answer.text.is_empty() || !answer.refusal.is_empty();
        // What might have begun a tag, to the end.
        if stamps.first_output.is_none() && has_output {
            stamps.first_output = self.held.take();
        }
        let call = self.routed.complete(&mut answer);
        self.record.outcome = match error {
            None => Outcome::Answered(answer),
            Some(WireError { class, mut detail }) => {
                detail.push_str(&call);
                Outcome::Failed { class, detail, partial: answer }
            }
        };
        self.record
    }
}

/// Reads from an error and its body what to do about it: how long to wait, what not to send.
fn note_refusal(record: &mut AttemptRecord, body: &[u8], error: &WireError) {
    let is_busy = matches!(error.class, ErrorClass::RateLimited | ErrorClass::Overloaded);
    if is_busy && record.retry_after.is_none() {
        let stated = stated_wait::in_body(body);
        let stated = stated.or_else(|| stated_wait::in_sentence(&error.detail));
        record.retry_after = stated.map(|wait| wait.min(MAX_RETRY_AFTER));
    }
    record.refused = match record.status {
        // A status of success with an error in the body: its class stands for the status.
        Some(200..300) if error.class == ErrorClass::BadRequest => {
            refused_parameter::in_text(error.detail.trim_start_matches(wire::IN_STREAM))
        }
        Some(status) => refused_parameter::in_body(status, body),
        None => Vec::new(),
    };
}
