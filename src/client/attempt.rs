//! One HTTP request: sent, read to its end, stamped, decoded, classified.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use super::answer_memory::AnswerMemory;
use super::body_kind::{BodyKind, kind_of};
use super::deadline::Deadline;
use super::routed::Routed;
use super::transport::{
    ChunkStream, Head, Outgoing, Protocol, TimedChunk, Transport, TransportError,
};
use super::unpack::Unpack;
use crate::units::{Clock, Dialect, Stamp};
use crate::wire::rate_limit::{http_date, retry_after};
use crate::wire::{
    self, Answer, ErrorClass, RateLimits, StreamDecoder, WireError, refused_parameter, sse,
    stated_wait,
};

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

/// The most bytes that are read of an error's body.
const MAX_ERROR_BODY: usize = 64 << 10;

/// Bytes of an answer for each token that its limit allows: a token is four bytes of English, and
/// at most some dozens of any text.
const BYTES_PER_TOKEN: u64 = 32;
/// Bytes that a short answer may have all the same.
const SPARE_BYTES: u64 = 8 << 10;

/// How long to wait for the end of a body after the stream's end event. It only decides whether the
/// connection can be reused.
const AFTER_DONE: Duration = Duration::from_millis(500);

/// How long to wait for the usage and the end mark after a finish reason. The answer is complete.
const AFTER_FINISH: Duration = Duration::from_secs(10);

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

/// The stamps of METRICS.md §1. `None`: it did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamps {
    /// The request is about to be sent, its body already serialised.
    pub dispatched: Stamp,
    /// A new connection was ready; `None` on a reused one.
    pub connected: Option<Stamp>,
    /// The response head came.
    pub headers: Option<Stamp>,
    /// The first body byte came.
    pub first_byte: Option<Stamp>,
    /// The first token event came.
    pub first_token: Option<Stamp>,
    /// The first token event that is not reasoning came.
    pub first_output: Option<Stamp>,
    /// The last token event came (not streamed: the last body byte).
    pub last_token: Option<Stamp>,
    /// The stream was closed.
    pub ended: Stamp,
}

/// A finished attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptRecord {
    pub stamps: Stamps,
    /// How it went.
    pub outcome: Outcome,
    /// The HTTP status, when a head came.
    pub status: Option<u16>,
    /// Whether the response bore the simulator's mark.
    pub simulated: bool,
    /// Whether the response was a stream of events.
    pub streamed: bool,
    /// The version of HTTP that carried the response; `None`: none came, or over no network.
    pub protocol: Option<Protocol>,
    /// How long the provider asks to wait, in a header or in the body of its refusal.
    pub retry_after: Option<Duration>,
    /// The parameters that the provider may have refused to take, the likeliest first.
    pub refused: Vec<String>,
    /// The key's rate limits as the response's headers state them; `None`: they do not.
    pub rate_limits: Option<Box<RateLimits>>,
    /// Reads of the socket that held token events.
    pub token_reads: u32,
    /// Token events.
    pub token_events: u32,
    /// Whether a reasoning delta was seen.
    pub reasoning_seen: bool,
    /// The gaps between consecutive token events, microseconds. Events of one read share their
    /// stamp, so their gaps are 0.
    pub gaps_us: Vec<u32>,
}

impl AttemptRecord {
    /// An attempt of which nothing has come yet.
    pub(crate) fn begun(dispatched: Stamp) -> Self {
        let stamps = Stamps {
            dispatched,
            connected: None,
            headers: None,
            first_byte: None,
            first_token: None,
            first_output: None,
            last_token: None,
            ended: dispatched,
        };
        Self {
            stamps,
            outcome: Outcome::Answered(Answer::default()),
            status: None,
            simulated: false,
            streamed: false,
            protocol: None,
            retry_after: None,
            refused: Vec::new(),
            rate_limits: None,
            token_reads: 0,
            token_events: 0,
            reasoning_seen: false,
            gaps_us: Vec::new(),
        }
    }

    /// Why it failed; `None`: it was answered.
    #[must_use]
    pub fn error(&self) -> Option<ErrorClass> {
        match self.outcome {
            Outcome::Failed { class, .. } => Some(class),
            Outcome::Answered(_) => None,
        }
    }

    /// The time to the first token without connection set-up.
    #[must_use]
    pub fn ttft(&self) -> Option<Duration> {
        let start = self.stamps.connected.unwrap_or(self.stamps.dispatched);
        self.stamps.first_token.map(|first| first.since(start))
    }
}

/// How an attempt went.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// An answer.
    Answered(Answer),
    /// A failure; the answer as far as it came, for its usage.
    Failed {
        /// The class.
        class: ErrorClass,
        /// The provider's or the system's message.
        detail: String,
        /// The part that had come.
        partial: Answer,
    },
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

    async fn body<B: ChunkStream>(&mut self, body: &mut B, clock: &Clock) -> Result<(), WireError> {
        let mut events = sse::Decoder::new();
        loop {
            let next = {
                let next = pin!(body.next());
                self.within_phase(clock, next).await
            };
            let chunk = match next {
                Ok(Ok(chunk)) => chunk,
                // The answer is complete; how its connection ends does not matter.
                _ if self.completed.is_some() => return Ok(()),
                Ok(Err(error)) => return Err(error.into()),
                Err(timeout) => return Err(timeout),
            };
            let Some(chunk) = chunk else { break };
            self.progress = chunk.at;
            self.record.stamps.first_byte.get_or_insert(chunk.at);
            let (at, mut packed) = (chunk.at, chunk.bytes);
            while !packed.is_empty() {
                match self.unpacked(&mut packed) {
                    Err(_) if self.completed.is_some() => return Ok(()),
                    bytes => self.piece(&mut events, &TimedChunk { at, bytes: bytes? })?,
                }
                if !self.is_success() && self.whole.len() >= MAX_ERROR_BODY {
                    return Ok(());
                }
            }
        }
        let now = clock.now();
        let bytes = self.unpack.rest();
        self.piece(&mut events, &TimedChunk { at: now, bytes })?;
        if self.kind.is_none() {
            self.decide(Some(BodyKind::Unclear))?;
            if self.kind == Some(BodyKind::Events) {
                let bytes = std::mem::take(&mut self.whole).into();
                self.events_of(&mut events, &TimedChunk { at: now, bytes })?;
            }
        }
        let rest = TimedChunk { at: now, bytes: bytes::Bytes::new() };
        if self.record.streamed { self.last_event(&mut events, &rest) } else { Ok(()) }
    }

    /// A piece of the body as it was before it was compressed.
    fn unpacked(&mut self, packed: &mut bytes::Bytes) -> Result<bytes::Bytes, WireError> {
        let bytes = self.unpack.next(packed).map_err(|error| WireError {
            class: ErrorClass::Protocol,
            detail: format!("the body is compressed, and does not unpack: {error}"),
        })?;
        self.read_bytes += bytes.len();
        if self.read_bytes <= self.limits.body_bytes {
            return Ok(bytes);
        }
        Err(too_large(format!("the body is larger than {} bytes", self.limits.body_bytes)))
    }

    /// Reads a piece of the body.
    fn piece(&mut self, events: &mut sse::Decoder, piece: &TimedChunk) -> Result<(), WireError> {
        if piece.bytes.is_empty() {
            return Ok(());
        }
        if self.kind == Some(BodyKind::Events) {
            self.events_of(events, piece)?;
            return self.bound_answer();
        }
        self.whole.extend_from_slice(&piece.bytes);
        if self.kind.is_none() {
            self.decide(kind_of(&self.whole))?;
        }
        if self.kind == Some(BodyKind::Events) {
            let bytes = std::mem::take(&mut self.whole).into();
            self.events_of(events, &TimedChunk { at: piece.at, bytes })?;
        } else if self.kind.is_some() {
            self.record.stamps.last_token = Some(piece.at);
        }
        self.bound_answer()
    }

    /// Settles the form of a body by its first bytes, else by its headers.
    fn decide(&mut self, kind: Option<BodyKind>) -> Result<(), WireError> {
        let kind = match kind {
            None => return Ok(()),
            Some(BodyKind::Unclear) if self.coding.is_some() && !self.whole.is_empty() => {
                BodyKind::Compressed
            }
            Some(BodyKind::Unclear) if self.is_named_events => BodyKind::Events,
            Some(BodyKind::Unclear) => BodyKind::Whole,
            Some(kind) => kind,
        };
        self.kind = Some(kind);
        self.record.streamed = kind == BodyKind::Events;
        if kind != BodyKind::Compressed {
            return Ok(());
        }
        let coding = self.coding.as_deref().unwrap_or("its headers do not say how");
        Err(WireError {
            class: ErrorClass::Protocol,
            detail: format!(
                "the body is compressed ({coding}), though identity was asked for; gzip and \
                 deflate are read"
            ),
        })
    }

    /// Cuts an answer that goes on far beyond its limit on tokens, or that holds more than its share
    /// of the memory of all.
    fn bound_answer(&mut self) -> Result<(), WireError> {
        if self.completed.is_some() {
            return Ok(());
        }
        let output = self.decoder.output_bytes();
        let most = |tokens: u64| tokens.saturating_mul(BYTES_PER_TOKEN).saturating_add(SPARE_BYTES);
        if let Some(tokens) = self.max_output.filter(|tokens| output as u64 > most(*tokens)) {
            return Err(too_large(format!(
                "the answer went on far beyond its limit of {tokens} tokens, and was cut after \
                 {output} bytes"
            )));
        }
        let gaps = self.record.gaps_us.len() * size_of::<u32>();
        if self.memory.hold(self.whole.len() + self.decoder.held_bytes() + gaps) {
            return Ok(());
        }
        Err(too_large(self.memory.excess()))
    }

    fn events_of(
        &mut self,
        events: &mut sse::Decoder,
        chunk: &TimedChunk,
    ) -> Result<(), WireError> {
        let mut tokens = 0;
        let mut failure = None;
        let fed = events.feed(&chunk.bytes, |event| {
            if failure.is_none() {
                failure = self.one_event(event, chunk.at, &mut tokens).err();
            }
        });
        self.record.token_reads += u32::from(tokens > 0);
        failure.map_or(Ok(()), Err)?;
        fed.map_err(|e| WireError { class: ErrorClass::TooLarge, detail: e.to_string() })
    }

    fn last_event(
        &mut self,
        events: &mut sse::Decoder,
        rest: &TimedChunk,
    ) -> Result<(), WireError> {
        let mut failure = None;
        let fed = events.finish(|event| {
            failure = self.one_event(event, rest.at, &mut 0).err();
        });
        failure.map_or(Ok(()), Err)?;
        fed.map_err(|e| WireError { class: ErrorClass::TooLarge, detail: e.to_string() })
    }

    fn one_event(
        &mut self,
        event: sse::Event<'_>,
        at: Stamp,
        tokens: &mut u32,
    ) -> Result<(), WireError> {
        let was_done = self.done;
        let seen = self.decoder.event(event.data)?;
        self.done |= seen.done;
        let goes_on = seen.token || (seen.done && !was_done);
        if self.decoder.is_complete() && (goes_on || self.completed.is_none()) {
            self.completed = Some(at);
        }
        self.record.reasoning_seen |= seen.reasoning;
        if seen.all_reasoning {
            self.record.stamps.first_output = None;
        }
        if !seen.token {
            return Ok(());
        }
        let stamps = &mut self.record.stamps;
        if let Some(last) = stamps.last_token {
            let gap = u32::try_from(at.since(last).as_micros()).unwrap_or(u32::MAX);
            self.record.gaps_us.push(gap);
        }
        self.last_token = at;
        stamps.first_token.get_or_insert(at);
        stamps.last_token = Some(at);
        if seen.held {
            self.held.get_or_insert(at);
        } else {
            let held = self.held.take().unwrap_or(at);
            if seen.output {
                stamps.first_output.get_or_insert(held);
            }
        }
        *tokens += 1;
        self.record.token_events += 1;
        Ok(())
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

fn too_large(detail: String) -> WireError {
    WireError { class: ErrorClass::TooLarge, detail }
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

#[cfg(test)]
mod tests;
