//! One HTTP request made for a trial: sent, read to its end, stamped, decoded, classified.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::time::Sleep;

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

/// How long the end of a body is waited for once the stream has said that it is done. It only
/// decides whether the connection can be used again.
const AFTER_DONE: Duration = Duration::from_millis(500);

/// Nobody waits longer than this; a larger `Retry-After` is most likely a mistake.
const MOST_ASKED: Duration = Duration::from_secs(3600);

/// An attempt, ready to leave.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The request.
    pub outgoing: Outgoing,
    /// What the provider speaks.
    pub dialect: Dialect,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// The limits.
    pub limits: AttemptLimits,
}

/// The stamps of METRICS.md §1. What did not happen is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamps {
    /// The request is picked up, its body already serialised.
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

/// Everything that is known about an attempt once it ended.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptRecord {
    /// When everything happened.
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
    /// How long the provider asks to wait.
    pub retry_after: Option<Duration>,
    /// What the response's headers say of the key's rate limits; `None`: nothing.
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
        /// What was said.
        detail: String,
        /// What had come.
        partial: Answer,
    },
}

/// What a stream of events says it is.
const EVENTS: &str = "text/event-stream";

/// Makes one attempt. It never fails: whatever happens is in the record.
pub async fn make<T: Transport>(transport: &T, clock: &Clock, attempt: Attempt) -> AttemptRecord {
    let dispatched = clock.now();
    let mut reading = Reading::new(dispatched, &attempt);
    let opened = reading.within_phase(clock, transport.open(attempt.outgoing)).await;
    let failure = match opened {
        Err(timeout) => Some(timeout),
        Ok(Err(error)) => Some(error.into()),
        Ok(Ok((head, mut body))) => match reading.head(&head, clock) {
            Ok(()) => reading.body(&mut body, clock).await.err(),
            Err(error) => Some(error),
        },
    };
    reading.finish(clock, failure)
}

impl From<TransportError> for WireError {
    fn from(error: TransportError) -> Self {
        Self { class: error.class, detail: error.message }
    }
}

/// What is collected while a response is read.
struct Reading {
    limits: AttemptLimits,
    record: AttemptRecord,
    dialect: Dialect,
    decoder: StreamDecoder,
    done: bool,
    /// The whole body where it is not a stream of events.
    whole: Vec<u8>,
    read_bytes: usize,
    /// What a router says in the head.
    routed: Routed,
    /// When something last came.
    progress: Stamp,
    alarm: Alarm,
}

impl Reading {
    fn new(dispatched: Stamp, attempt: &Attempt) -> Self {
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
        let record = AttemptRecord {
            stamps,
            outcome: Outcome::Answered(Answer::default()),
            status: None,
            simulated: false,
            streamed: attempt.stream,
            protocol: None,
            retry_after: None,
            rate_limits: None,
            token_reads: 0,
            token_events: 0,
            reasoning_seen: false,
            gaps_us: Vec::new(),
        };
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
            alarm: Alarm::default(),
        }
    }

    /// Waits for the next thing, as long as the phase that the attempt is in allows.
    async fn within_phase<F: Future>(
        &mut self,
        clock: &Clock,
        next: F,
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
        self.alarm.unless(clock, by, next).await.ok_or_else(|| WireError {
            class,
            detail: format!("{what} within {:.1} s", limit.as_secs_f64()),
        })
    }

    fn head(&mut self, head: &Head, clock: &Clock) -> Result<(), WireError> {
        let text = |name: &str| head.headers.get(name).and_then(|v| v.to_str().ok());
        self.record.status = Some(head.status);
        self.record.stamps.connected = head.connected;
        self.record.stamps.headers = Some(head.at);
        self.record.simulated = text(wire::SIMULATED_HEADER).is_some();
        self.routed = Routed::of(&head.headers);
        // A date goes by the clock of whoever states it, and ours may be off.
        let now = text("date").and_then(http_date).unwrap_or_else(|| clock.wall(head.at));
        self.record.retry_after = retry_after(text("retry-after"), text("retry-after-ms"))
            .map(|asked| asked.wait(now).min(MOST_ASKED));
        let headers = head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        self.record.rate_limits = RateLimits::from_headers(headers);
        let events = text("content-type")
            .and_then(|kind| kind.get(..EVENTS.len()))
            .is_some_and(|kind| kind.eq_ignore_ascii_case(EVENTS));
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
            let chunk = match self.within_phase(clock, body.next()).await {
                Ok(Ok(chunk)) => chunk,
                // The answer is whole; how its connection ends is of no matter.
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
        // The decoder's answer is wanted even from a failure: its usage may have been billed.
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

/// The time-outs of an attempt on one timer. Setting a timer takes a lock, and every token moves the
/// deadline later: so the timer is left as it is and set anew only when it rings too early, or
/// would ring too late.
#[derive(Debug, Default)]
struct Alarm {
    timer: Option<(Pin<Box<Sleep>>, Stamp)>,
}

impl Alarm {
    /// What the future gives, unless `by` comes first.
    async fn unless<F: Future>(&mut self, clock: &Clock, by: Stamp, next: F) -> Option<F::Output> {
        let mut next = pin!(next);
        poll_fn(|context| {
            if let Poll::Ready(given) = next.as_mut().poll(context) {
                return Poll::Ready(Some(given));
            }
            if self.timer.as_ref().is_some_and(|(_, rings)| *rings > by) {
                self.timer = None;
            }
            loop {
                let (timer, rings) = self.timer.get_or_insert_with(|| {
                    (Box::pin(tokio::time::sleep(by.since(clock.now()))), by)
                });
                match timer.as_mut().poll(context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(()) if *rings >= by => return Poll::Ready(None),
                    Poll::Ready(()) => self.timer = None,
                }
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;

    /// A transport that plays a list: bytes, and how long after the one before they come.
    struct Played {
        status: u16,
        kind: &'static str,
        coding: &'static str,
        parts: Vec<(u64, Bytes)>,
        then: Option<ErrorClass>,
        clock: Clock,
    }

    struct PlayedBody(std::vec::IntoIter<(u64, Bytes)>, Option<ErrorClass>, Clock);

    impl ChunkStream for PlayedBody {
        async fn next(&mut self) -> Result<Option<TimedChunk>, TransportError> {
            match self.0.next() {
                Some((wait_ms, bytes)) => {
                    tokio::time::sleep(Duration::from_millis(wait_ms)).await;
                    Ok(Some(TimedChunk { at: self.2.now(), bytes }))
                }
                None => match self.1.take() {
                    None => Ok(None),
                    Some(class) => Err(TransportError { class, message: "played".into() }),
                },
            }
        }
    }

    impl Transport for Played {
        type Body = PlayedBody;

        async fn open(&self, _: Outgoing) -> Result<(Head, PlayedBody), TransportError> {
            let mut headers = HeaderMap::new();
            headers.insert("content-type", self.kind.parse().expect("a header"));
            headers.insert("retry-after", "1.5".parse().expect("a header"));
            headers.insert("x-ratelimit-remaining-requests", "7".parse().expect("a header"));
            headers.insert("content-encoding", self.coding.parse().expect("a header"));
            let at = self.clock.now();
            let status = self.status;
            let head = Head { status, headers, connected: None, at, protocol: None };
            Ok((head, PlayedBody(self.parts.clone().into_iter(), self.then, self.clock.clone())))
        }
    }

    fn play(
        status: u16,
        kind: &'static str,
        parts: &[(u64, &'static str)],
        then: Option<ErrorClass>,
    ) -> AttemptRecord {
        let parts = parts.iter().map(|(wait, text)| (*wait, Bytes::from(*text))).collect();
        play_bytes(status, kind, "identity", parts, then)
    }

    fn play_bytes(
        status: u16,
        kind: &'static str,
        coding: &'static str,
        parts: Vec<(u64, Bytes)>,
        then: Option<ErrorClass>,
    ) -> AttemptRecord {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let clock = Clock::virtual_time();
            let transport = Played { status, kind, coding, parts, then, clock: clock.clone() };
            let outgoing = Outgoing::default();
            let limits = AttemptLimits::default();
            let dialect = Dialect::OpenaiChat;
            let attempt = Attempt { outgoing, dialect, stream: true, limits };
            make(&transport, &clock, attempt).await
        })
    }

    const SSE: &str = "text/event-stream";
    const TOKEN: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n";
    const ROLE: &str =
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
    const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

    fn class(record: &AttemptRecord) -> Option<ErrorClass> {
        match &record.outcome {
            Outcome::Answered(_) => None,
            Outcome::Failed { class, .. } => Some(*class),
        }
    }

    #[test]
    fn stamps_are_those_of_tokens() {
        let parts = [(5, ROLE), (20, TOKEN), (10, TOKEN), (40, STOP), (1, "data: [DONE]\n\n")];
        let record = play(200, SSE, &parts, None);
        assert_eq!(class(&record), None);
        let ms = |s: Option<Stamp>| s.map(|s| s.since(record.stamps.dispatched).as_millis());
        assert_eq!(ms(record.stamps.first_byte), Some(5));
        assert_eq!(ms(record.stamps.first_token), Some(25));
        assert_eq!(ms(record.stamps.last_token), Some(35));
        assert_eq!(record.gaps_us, [10_000]);
        assert_eq!((record.token_reads, record.token_events), (2, 2));
    }

    #[test]
    fn each_phase_has_its_time_out() {
        let check = |parts: &[(u64, &'static str)], expected: Option<ErrorClass>| {
            assert_eq!(class(&play(200, SSE, parts, None)), expected);
        };
        check(&[(200_000, TOKEN)], Some(ErrorClass::FirstTokenTimeout));
        check(&[(5, ROLE), (200_000, TOKEN)], Some(ErrorClass::FirstTokenTimeout));
        check(&[(5, TOKEN), (90_000, TOKEN)], Some(ErrorClass::StallTimeout));
        let drip = [(59_000, TOKEN); 20];
        check(&drip, Some(ErrorClass::TotalTimeout));
        check(&[(5, TOKEN), (5, "data: [DONE]\n\n"), (90_000, "")], None);
    }

    #[test]
    fn a_broken_connection_keeps_what_came() {
        let record = play(200, SSE, &[(5, TOKEN)], Some(ErrorClass::Reset));
        match record.outcome {
            Outcome::Failed { class: ErrorClass::Reset, partial, .. } => {
                assert_eq!(partial.text, "x");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_connection_that_breaks_after_the_end_breaks_nothing() {
        let parts = [(5, TOKEN), (5, STOP), (1, "data: [DONE]\n\n")];
        assert_eq!(class(&play(200, SSE, &parts, Some(ErrorClass::Reset))), None);
        let parts = [(5, TOKEN), (5, STOP), (1, "data: [DONE]\n\n"), (1, "data: {broken\n\n")];
        assert_eq!(class(&play(200, "Text/Event-Stream; charset=utf-8", &parts, None)), None);
    }

    #[test]
    fn a_status_is_an_error_with_its_message() {
        let body = "{\"error\":{\"message\":\"slow down\"}}";
        let record = play(429, "application/json", &[(1, body)], None);
        assert_eq!(class(&record), Some(ErrorClass::RateLimited));
        assert_eq!(record.retry_after, Some(Duration::from_millis(1500)));
        let limits = record.rate_limits.expect("stated").windows;
        assert_eq!((limits.len(), limits[0].remaining), (1, Some(7)));
        assert!(!record.streamed);
    }

    #[test]
    fn an_answer_in_one_piece_has_no_first_token() {
        let body = "{\"choices\":[{\"message\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}";
        let record = play(200, "application/json", &[(7, body)], None);
        assert_eq!(class(&record), None);
        assert_eq!(record.stamps.first_token, None);
        assert!(record.stamps.last_token.is_some());
    }

    #[test]
    fn a_compressed_body_is_not_what_was_asked_for() {
        let parts = || vec![(1, Bytes::from(TOKEN)), (1, Bytes::from(STOP))];
        let record = play_bytes(200, SSE, "gzip", parts(), None);
        assert_eq!(class(&record), Some(ErrorClass::Protocol));
        assert_eq!(record.stamps.first_token, None);
        assert_eq!(class(&play_bytes(200, SSE, "Identity", parts(), None)), None);
    }

    /// Reasoning, text in several scripts, two tool calls, usage on the last chunk that has
    /// choices and doubled after it, comments, every kind of line end.
    const MIXED: &str = concat!(
        "\u{feff}: hello\n\n",
        "data: {\"model\":\"m\",\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"reasoning\":\"hm … \u{1f914}\"}}]}\r\n\r\n",
        ": PROCESSING\r\n\r\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"na\u{ef}ve \\u00e9 \u{4f60}\"}}]}\r\r",
        "data: {\"choices\":[\ndata: {\"delta\":{\"content\":\"!\"}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":",
        "{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":\"}},{\"index\":1,\"function\":{\"name\":\"g\"}}]}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":",
        "{\"arguments\":\"1}\"}}]}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"tool_calls\"}],\"usage\":",
        "{\"prompt_tokens\":7,\"completion_tokens\":3}}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":5,\"cost\":1.5e-6}}\n\n",
        "data: [DONE]\n\n",
    );

    /// Plays [`MIXED`] cut at these places and holds it against the whole.
    fn check_cut(cuts: &[usize]) {
        let whole = play(200, SSE, &[(1, MIXED)], None);
        assert_eq!((whole.token_reads, whole.token_events), (1, 5));
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (MIXED.len() + 1)).collect();
        cuts.extend([0, MIXED.len()]);
        cuts.sort_unstable();
        let bytes = Bytes::from(MIXED);
        let parts = cuts.windows(2).map(|w| (1, bytes.slice(w[0]..w[1]))).collect();
        let cut = play_bytes(200, SSE, "identity", parts, None);
        assert_eq!(cut.outcome, whole.outcome, "text, tool calls, usage, and so the cost");
        assert_eq!(cut.token_events, whole.token_events);
        assert_eq!(cut.gaps_us.len() + 1, cut.token_events as usize);
        assert!(cut.reasoning_seen);
        // Events of one read share its stamp: as many stamps as reads that held tokens.
        let apart = cut.gaps_us.iter().filter(|gap| **gap > 0).count();
        assert_eq!(apart + 1, cut.token_reads as usize);
    }

    #[test]
    fn a_stream_is_the_same_cut_at_every_byte() {
        (0..=MIXED.len()).for_each(|cut| check_cut(&[cut]));
        check_cut(&(0..MIXED.len()).collect::<Vec<_>>());
    }

    proptest::proptest! {
        #[test]
        fn a_stream_is_the_same_under_every_fragmentation(
            cuts in proptest::collection::vec(0usize..2000, 0..40),
        ) {
            check_cut(&cuts);
        }
    }
}
