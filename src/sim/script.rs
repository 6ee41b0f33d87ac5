//! One response, composed before any of it is sent.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};

use crate::catalog::Price;
use crate::units::{AnswerContent, Dialect, EndpointId, ToolCall, Usage, Usd};
use crate::wire::server::answer::{self, Closing, Envelope, Piece, StreamEncoder};
use crate::wire::server::request::CompletionRequest;
use crate::wire::{FinishReason, SIMULATED_HEADER};

use super::answer_key::KnownTask;
use super::behaviour::{Case, Scale};
use super::fault::FaultKind;
use super::pace::{HEAD_SHARE, Pace, Schedule};
use super::profile::FailureKind;
use super::prompt::Prompt;

/// An intended failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The endpoint failed, by the error rate of its profile.
    Failure(FailureKind),
    /// The endpoint's rate limit is exceeded.
    RequestLimit,
    /// The request is invalid.
    Refused,
    /// An injected fault.
    Injected(FaultKind),
}

impl Fault {
    /// The name in the ledger.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Failure(FailureKind::Server) => "server",
            Self::Failure(FailureKind::RateLimited) => "rate_limited",
            Self::Failure(FailureKind::Timeout) => "timeout",
            Self::RequestLimit => "request_limit",
            Self::Refused => "refused",
            Self::Injected(kind) => kind.name(),
        }
    }
}

/// The end of a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// The body is complete, and the connection stays open as stated.
    #[default]
    Whole,
    /// The body is complete, but the connection closes when the next request arrives: a client reuses
    /// it just as its server closes it.
    Stale,
    /// The connection closes before the end.
    Cut,
    /// The connection is reset.
    Reset,
    /// No more bytes are sent, and the connection stays open.
    Hang,
    /// This many bytes of comment lines follow.
    Flood(u64),
}

/// Bytes to write at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When: the time since the request was read.
    pub after: Duration,
    /// What: whole server-sent events, or the whole body.
    pub bytes: Bytes,
    /// Whether it carries part of the answer.
    pub is_token: bool,
}

/// A response with its facts for the ledger. Server and in-process transport play it.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// The dialect that it is written in.
    pub dialect: Dialect,
    /// The HTTP status.
    pub status: u16,
    /// The headers, without those of HTTP's framing.
    pub headers: HeaderMap,
    /// When the head is sent: the time since the request was read.
    pub head_after: Duration,
    /// Whether the head is sent at all.
    pub has_head: bool,
    /// Whether the body is a stream; if not, it is one event.
    pub streamed: bool,
    /// A content length that is not the body's.
    pub stated_length: Option<usize>,
    /// The body, in order of time.
    pub events: Vec<Event>,
    /// How it ends.
    pub ending: Ending,
    /// The billed usage.
    pub usage: Usage,
    /// The bill.
    pub cost: Usd,
    /// Whether the answer is intended to be right; `None`: unknown prompt, no answer, or cut short.
    pub intended_pass: Option<bool>,
    /// The intended failure.
    pub fault: Option<Fault>,
    /// The request's name in the ledger; `None`: it is not in the ledger.
    pub ledger_id: Option<String>,
    /// The endpoint.
    pub endpoint: Option<EndpointId>,
    /// The task's path.
    pub task: Option<String>,
}

/// The inputs of a script beside its case.
pub(super) struct Scene<'a> {
    pub prompt: &'a Prompt,
    pub known: Option<KnownTask<'a>>,
    pub scale: Scale,
    pub pace: Pace,
    /// The time slot of the drift.
    pub slot: u64,
    /// Unix time, seconds.
    pub created: i64,
    /// Whether the same prompt was sent before, so that the provider has it cached.
    pub seen_before: bool,
    /// Whether the answer names its provider, as a router's does.
    pub is_routed: bool,
    /// How the stream is closed.
    pub closing: Closing,
}

/// A flood is written in pieces of this size.
const FLOOD_LINE_BYTES: usize = 64 * 1024;
/// The answer to a prompt that is not in the answer key.
const GENERIC: &str = "This prompt is not in the simulator's answer key, so the answer is generic.";
/// Reasoning that pads an output to its length, without anything that a grader could read as an
/// answer.
const FILLER: &str = "Let me look at what is asked, note what is given, and work towards what \
    follows from it, one step after the other, checking each step before the next. ";
/// The message of a failing server.
const SERVER_MESSAGE: &str = "The server had an error while processing your request.";
/// A prompt is cached from this many tokens on, in steps of the next constant, as published by
/// providers with automatic caching.
const CACHE_FROM_TOKENS: u64 = 1_024;
const CACHE_STEP_TOKENS: u64 = 128;

impl Script {
    /// A body of JSON at once, with nothing billed.
    pub(super) fn json(dialect: Dialect, status: u16, body: Bytes) -> Self {
        let mut headers = simulated_headers();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self {
            dialect,
            status,
            headers,
            head_after: Duration::ZERO,
            has_head: true,
            streamed: false,
            stated_length: None,
            ending: Ending::Whole,
            events: vec![Event { after: Duration::ZERO, bytes: body, is_token: false }],
            usage: Usage::default(),
            cost: Usd::ZERO,
            intended_pass: None,
            fault: None,
            ledger_id: None,
            endpoint: None,
            task: None,
        }
    }

    /// A refusal of an invalid request.
    pub(super) fn refused(
        dialect: Dialect,
        status: u16,
        message: &str,
        code: Option<&str>,
    ) -> Self {
        let body = answer::encode_error(dialect, status, message, "invalid_request_error", code);
        Self { fault: Some(Fault::Refused), ..Self::json(dialect, status, body) }
    }

    /// Too many requests.
    pub(super) fn limited(dialect: Dialect, fault: Fault, retry_after_s: Option<u64>) -> Self {
        let body = answer::encode_error(
            dialect,
            429,
            "Rate limit reached for requests.",
            "rate_limit_error",
            Some("rate_limit_exceeded"),
        );
        let mut script = Self { fault: Some(fault), ..Self::json(dialect, 429, body) };
        if let Some(wait_s) = retry_after_s {
            script.headers.insert(RETRY_AFTER, HeaderValue::from(wait_s));
        }
        script
    }

    /// When the last byte is written: the time since the request was read.
    #[must_use]
    pub fn ends_after(&self) -> Duration {
        self.events.last().map_or(self.head_after, |event| event.after)
    }

    /// The number of events with a part of the answer.
    #[must_use]
    pub fn token_events(&self) -> usize {
        self.events.iter().filter(|event| event.is_token).count()
    }

    /// Ends the script after this many events.
    pub(super) fn stops_at(&mut self, n_events: usize, has_head: bool, ending: Ending) {
        self.events.truncate(n_events);
        self.has_head = has_head;
        self.ending = ending;
    }

    /// Stalls a stream in its middle: the second half of the tokens and the end are this much later.
    pub(super) fn stall(&mut self, by: Duration) {
        let tokens = self.token_events();
        let second_half = self.events.iter().position({
            let mut seen = 0;
            move |event| {
                seen += usize::from(event.is_token);
                seen > tokens / 2
            }
        });
        if let Some(from) = second_half.filter(|_| self.streamed) {
            for event in &mut self.events[from..] {
                event.after += by;
            }
        }
    }

    pub(super) fn delayed(mut self, after: Duration) -> Self {
        self.head_after = after;
        for event in &mut self.events {
            event.after = after;
        }
        self
    }
}

/// Writes the response of an endpoint to a chat completion.
pub(super) fn write(case: &Case<'_>, scene: &Scene<'_>) -> Script {
    if scene.pace == Pace::Profile
        && let Some((kind, after)) = case.failure(scene.scale)
    {
        return failure(scene.prompt.request.dialect, kind).delayed(after);
    }
    let words = scene.pace.tokens().map(|n| vec!["word"; n].join(" "));
    // A given number of words replaces the answer of the key.
    let known = scene.known.filter(|_| words.is_none());
    let category = scene.known.map(KnownTask::category);
    let passes = known.map(|task| case.passes(task.category()));
    let answer = known.map(|task| task.answer(passes == Some(true)));
    let said = match (&answer, &words) {
        (_, Some(words)) => Speech::text(words),
        (Some(answer), None) => Speech::from_answer(answer),
        (None, None) => Speech::text(GENERIC),
    };
    let mut pieces = said.pieces();
    let room = room(case, &scene.prompt.request);
    let cut_short = pieces.len() > room;
    pieces.truncate(room);

    let thought = match scene.pace {
        Pace::Profile => {
            let drawn = case.output_tokens(category, scene.scale).unwrap_or(0);
            drawn.saturating_sub(pieces.len() as u64).min((room - pieces.len()) as u64)
        }
        Pace::Instant { .. } | Pace::Schedule(_) => 0,
    };
    let (hidden, shown) = match (case.profile.reasoning, scene.scale.lengths) {
        (true, _) => (thought, 0),
        (false, Some(_)) => (0, thought),
        (false, None) => (0, 0),
    };
    if shown > 0 {
        let filler = answer::split_pieces(FILLER).cycle().map(Piece::Reasoning);
        let shown = usize::try_from(shown).unwrap_or(usize::MAX);
        pieces = filler.take(shown).chain(pieces).collect();
    }

    let input = scene.prompt.input_tokens();
    let usage = Usage {
        input: Some(input),
        cached_input: Some(cached_tokens(case, scene, input)),
        cache_write: None,
        output: Some(pieces.len() as u64 + hidden),
        reasoning: Some(hidden + shown),
        ..Usage::UNKNOWN
    };
    let reason = match (cut_short, &said) {
        (true, _) => FinishReason::Length,
        (false, Speech::Text(_)) => FinishReason::Stop,
        (false, Speech::Calls(_)) => FinishReason::ToolCalls,
    };
    let mut script = encode(case, scene, &pieces, reason, &usage, hidden);
    script.cost = case.profile.price.cost(&usage).expect("every price and count is known here");
    script.usage = usage;
    script.intended_pass = passes.filter(|_| !cut_short);
    script
}

/// Encodes an answer and gives every part its time.
fn encode(
    case: &Case<'_>,
    scene: &Scene<'_>,
    pieces: &[Piece<'_>],
    reason: FinishReason,
    usage: &Usage,
    hidden: u64,
) -> Script {
    let (id, dialect) = (case.response_name(), scene.prompt.request.dialect);
    let profile = case.profile;
    let served_by = scene.is_routed.then_some(profile.provider.as_str());
    let envelope = Envelope { id: &id, model: &profile.model, created: scene.created, served_by };
    let (head_after, mut at) = match scene.pace {
        Pace::Profile => {
            let at = case.first_token(scene.slot, hidden, scene.scale);
            (at.mul_f64(HEAD_SHARE), at)
        }
        Pace::Instant { .. } => (Duration::ZERO, Duration::ZERO),
        Pace::Schedule(Schedule { head, first_token, .. }) => (head, first_token),
    };
    let mut drawn = (scene.pace == Pace::Profile).then(|| case.gaps());
    let mut next_gap = || match (scene.pace, &mut drawn) {
        (Pace::Schedule(schedule), _) => schedule.gap,
        (_, Some(gaps)) => gaps.next().unwrap_or_default(),
        (_, None) => Duration::ZERO,
    };
    if !scene.prompt.request.stream {
        let all = at + (1..pieces.len()).map(|_| next_gap()).sum::<Duration>();
        let body = answer::encode_answer(dialect, envelope, pieces, reason, usage);
        let mut script = Script::json(dialect, 200, body).delayed(all);
        script.events[0].is_token = true;
        return script;
    }
    let mut encoder = StreamEncoder::new(dialect, envelope, usage, scene.closing, pieces.len());
    let mut times = Vec::with_capacity(pieces.len() + 2);
    encoder.open();
    times.push((head_after, false));
    for (i, piece) in pieces.iter().enumerate() {
        if i > 0 {
            at += next_gap();
        }
        encoder.piece(*piece, call_continues(pieces, i));
        times.push((at, true));
    }
    encoder.end(reason, scene.prompt.request.include_usage.then_some(usage));
    times.push((at, false));
    let mut script = Script::json(dialect, 200, Bytes::new());
    script.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    script.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    script.head_after = head_after;
    script.streamed = true;
    script.events = times
        .into_iter()
        .zip(encoder.finish())
        // A piece without an event of its own in the dialect is part of a later event.
        .filter(|(_, bytes)| !bytes.is_empty())
        .map(|((after, is_token), bytes)| Event { after, bytes, is_token })
        .collect();
    script
}

/// Whether the next piece continues the same tool call.
fn call_continues(pieces: &[Piece<'_>], at: usize) -> bool {
    matches!(pieces.get(at + 1), Some(Piece::ToolArguments(..)))
}

fn failure(dialect: Dialect, kind: FailureKind) -> Script {
    let fault = Fault::Failure(kind);
    let status = match kind {
        FailureKind::RateLimited => return Script::limited(dialect, fault, Some(1)),
        FailureKind::Server => 500,
        FailureKind::Timeout => 504,
    };
    let body = answer::encode_error(dialect, status, SERVER_MESSAGE, "server_error", None);
    Script { fault: Some(fault), ..Script::json(dialect, status, body) }
}

/// The most output tokens: the request's limit, else the endpoint's. The simulated models limit their
/// reasoning to it; only an answer that does not fit alone is cut.
fn room(case: &Case<'_>, request: &CompletionRequest) -> usize {
    let most = request.max_tokens.unwrap_or(u64::MAX).min(case.profile.max_output);
    usize::try_from(most).unwrap_or(usize::MAX)
}

/// A prompt that was sent before is in the cache, where the endpoint has a price for it.
fn cached_tokens(case: &Case<'_>, scene: &Scene<'_>, input: u64) -> u64 {
    let caches =
        matches!(case.profile.price, Price::Rates(ref rates) if rates.cached_input.is_some());
    if !caches || !scene.seen_before || input < CACHE_FROM_TOKENS {
        return 0;
    }
    input / CACHE_STEP_TOKENS * CACHE_STEP_TOKENS
}

/// A comment line, of which a flood is made.
pub(super) fn flood_line() -> Bytes {
    let mut line = vec![b'.'; FLOOD_LINE_BYTES];
    line[0] = b':';
    line[FLOOD_LINE_BYTES - 1] = b'\n';
    Bytes::from(line)
}

fn simulated_headers() -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(SIMULATED_HEADER, HeaderValue::from_static("1"));
    headers
}

/// The content of an answer, with the arguments of tools as text.
enum Speech<'a> {
    Text(&'a str),
    Calls(Vec<(&'a str, &'a str)>),
}

impl<'a> Speech<'a> {
    fn text(text: &'a str) -> Self {
        Self::Text(text)
    }

    fn from_answer(answer: &'a AnswerContent) -> Self {
        if answer.tool_calls.is_empty() {
            return Self::Text(&answer.text);
        }
        let call = |call: &'a ToolCall| (call.name.as_str(), call.arguments.as_str());
        Self::Calls(answer.tool_calls.iter().map(call).collect())
    }

    fn pieces(&self) -> Vec<Piece<'_>> {
        match self {
            Self::Text(text) => answer::split_pieces(text).map(Piece::Text).collect(),
            Self::Calls(calls) => {
                let mut pieces = Vec::new();
                for (i, (name, args)) in calls.iter().enumerate() {
                    pieces.push(Piece::ToolStart(i, name));
                    pieces.extend(
                        answer::split_pieces(args).map(|text| Piece::ToolArguments(i, text)),
                    );
                }
                pieces
            }
        }
    }
}
