//! One HTTP request: sent, read to its end, stamped, decoded, classified.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use super::deadline::Deadline;
use super::routed::Routed;
use super::transport::{
    ChunkStream, Head, Outgoing, Protocol, TimedChunk, Transport, TransportError,
};
use crate::units::{Clock, Dialect, Stamp};
use crate::wire::rate_limit::{http_date, retry_after};
use crate::wire::{self, Answer, ErrorClass, RateLimits, StreamDecoder, WireError, sse};

/// How long each phase of an attempt may take, and how much may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptLimits {
    /// From dispatch to the first token event (streamed answers).
    pub first_token: Duration,
    /// Between two reads after the first token.
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

/// How long to wait for the end of a body after the stream's end event. It only decides whether the
/// connection can be reused.
const AFTER_DONE: Duration = Duration::from_millis(500);

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
    /// How long the provider asks to wait: `Retry-After`.
    pub retry_after: Option<Duration>,
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
            match reading.head(head, clock) {
                Ok(()) => reading.body(&mut body, clock).await.err(),
                Err(error) => Some(error),
            }
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
    done: bool,
    /// The whole body where it is not a stream of events.
    whole: Vec<u8>,
    read_bytes: usize,
    /// What a router states in the head.
    routed: Routed,
    /// When bytes last came.
    progress: Stamp,
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
            done: false,
            whole: Vec::new(),
            read_bytes: 0,
            routed: Routed::default(),
            progress: dispatched,
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
        let (by, limit, class, what) = if !self.record.streamed {
            (end, self.limits.total, ErrorClass::TotalTimeout, "no answer")
        } else if stamps.first_token.is_none() {
            let limit = self.limits.first_token;
            let by = stamps.dispatched.after(limit);
            (by, limit, ErrorClass::FirstTokenTimeout, "no token")
        } else if self.done {
            let by = self.progress.after(AFTER_DONE);
            (by, AFTER_DONE, ErrorClass::StallTimeout, "no end of the body")
        } else {
            let by = self.progress.after(self.limits.stall);
            (by, self.limits.stall, ErrorClass::StallTimeout, "no further token")
        };
        let (by, limit, class) = if end < by {
            (end, self.limits.total, ErrorClass::TotalTimeout)
        } else {
            (by, limit, class)
        };
        self.deadline.timeout(clock, by, next).await.ok_or_else(|| WireError {
            class,
            detail: format!("{what} within {:.1} s", limit.as_secs_f64()),
        })
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "nothing of it is kept while the body is read"
    )]
    fn head(&mut self, head: Head, clock: &Clock) -> Result<(), WireError> {
        let text = |name: &str| head.headers.get(name).and_then(|v| v.to_str().ok());
        self.record.status = Some(head.status);
        self.record.stamps.connected = head.connected;
        self.record.stamps.headers = Some(head.at);
        self.record.simulated = text(wire::SIMULATED_HEADER).is_some();
        self.routed = Routed::from_headers(&head.headers);
        // A date is by the provider's clock, which may differ from ours.
        let now = text("date").and_then(http_date).unwrap_or_else(|| clock.wall(head.at));
        self.record.retry_after = retry_after(text("retry-after"), text("retry-after-ms"))
            .and_then(|asked| asked.wait(now))
            .map(|asked| asked.min(MAX_RETRY_AFTER));
        let headers = head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        self.record.rate_limits = RateLimits::from_headers(headers);
        let events = text("content-type")
            .and_then(|kind| kind.get(..EVENT_STREAM.len()))
            .is_some_and(|kind| kind.eq_ignore_ascii_case(EVENT_STREAM));
        self.record.streamed = events && head.status == 200;
        self.record.protocol = head.protocol;
        match text("content-encoding").filter(|coding| !coding.eq_ignore_ascii_case("identity")) {
            None => Ok(()),
            Some(coding) => Err(WireError {
                class: ErrorClass::Protocol,
                detail: format!("the body is compressed ({coding}), though identity was asked for"),
            }),
        }
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
                _ if self.done => return Ok(()),
                Ok(Err(error)) => return Err(error.into()),
                Err(timeout) => return Err(timeout),
            };
            let Some(chunk) = chunk else { break };
            self.progress = chunk.at;
            self.record.stamps.first_byte.get_or_insert(chunk.at);
            self.read_bytes += chunk.bytes.len();
            self.bound()?;
            if self.record.streamed {
                self.events_of(&mut events, &chunk)?;
            } else {
                self.whole.extend_from_slice(&chunk.bytes);
                self.record.stamps.last_token = Some(chunk.at);
                if self.record.status != Some(200) && self.whole.len() >= MAX_ERROR_BODY {
                    break;
                }
            }
        }
        let rest = TimedChunk { at: clock.now(), bytes: bytes::Bytes::new() };
        if self.record.streamed { self.last_event(&mut events, &rest) } else { Ok(()) }
    }

    fn bound(&self) -> Result<(), WireError> {
        if self.read_bytes <= self.limits.body_bytes {
            return Ok(());
        }
        let detail = format!("the body is larger than {} bytes", self.limits.body_bytes);
        Err(WireError { class: ErrorClass::TooLarge, detail })
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
        let seen = self.decoder.event(event.data)?;
        self.done |= seen.done;
        self.record.reasoning_seen |= seen.reasoning;
        if !seen.token {
            return Ok(());
        }
        let stamps = &mut self.record.stamps;
        if let Some(last) = stamps.last_token {
            let gap = u32::try_from(at.since(last).as_micros()).unwrap_or(u32::MAX);
            self.record.gaps_us.push(gap);
        }
        stamps.first_token.get_or_insert(at);
        stamps.last_token = Some(at);
        if seen.output {
            stamps.first_output.get_or_insert(at);
        }
        *tokens += 1;
        self.record.token_events += 1;
        Ok(())
    }

    fn finish(mut self, clock: &Clock, failure: Option<WireError>) -> AttemptRecord {
        // A failure's answer is kept too: its usage may have been billed.
        self.record.stamps.ended = clock.now();
        let status = self.record.status;
        let (mut answer, error) = match (failure, status) {
            (Some(error), _) => (self.decoder.finish().0, Some(error)),
            (None, Some(200)) if self.record.streamed => self.decoder.finish(),
            (None, Some(200)) => wire::decode_body(self.dialect, &self.whole),
            (None, status) => {
                let error = wire::decode_error(status.unwrap_or(0), &self.whole);
                (Answer::default(), Some(error))
            }
        };
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

#[cfg(test)]
mod tests;
