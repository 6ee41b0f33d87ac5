//! One decoder for the streams and the whole bodies of every dialect, into the one normal form.

use serde_json::value::RawValue;

use super::answer::{Answer, FinishReason};
use super::error::ErrorClass;
use super::event_content::EventContent;
use super::json_repair::repaired;
use super::provider_error::{WireError, malformed};
use super::think::Splitter;
use super::tool_calls::unwrap_twice;
use super::{anthropic, gemini, openai_chat, openai_responses};
use crate::units::{Dialect, UsageFault};

/// Collects the events of one stream into an answer.
#[derive(Debug)]
pub struct StreamDecoder {
    state: DialectState,
    answer: Answer,
    splitter: Splitter,
    counted: Counted,
    done: bool,
    events: u64,
}

/// The most bytes of output for each token of a count that content followed. Prose has four or five; a
/// count with more is one of a part, such as the 1 with which Anthropic's streams begin.
const BYTES_PER_TOKEN: u64 = 16;

/// How much of the output the last stated count of its tokens covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Counted {
    /// All that came.
    #[default]
    All,
    /// All that came; it stood beside content, so that more may have been to come.
    Running,
    /// More content came after it.
    Part,
}

/// State that a dialect keeps between events.
#[derive(Debug)]
enum DialectState {
    OpenaiChat(openai_chat::State),
    OpenaiResponses(openai_responses::State),
    Anthropic(anthropic::State),
    Gemini,
}

impl DialectState {
    fn new(dialect: Dialect) -> Self {
        match dialect {
            Dialect::OpenaiChat => Self::OpenaiChat(openai_chat::State::default()),
            Dialect::OpenaiResponses => Self::OpenaiResponses(openai_responses::State::default()),
            Dialect::Anthropic => Self::Anthropic(anthropic::State::default()),
            Dialect::Gemini => Self::Gemini,
        }
    }

    fn take(&mut self, answer: &mut Answer, data: &[u8]) -> Result<EventContent, WireError> {
        match self {
            Self::OpenaiChat(state) => openai_chat::event(answer, state, data),
            Self::OpenaiResponses(state) => openai_responses::event(answer, state, data),
            Self::Anthropic(state) => anthropic::event(answer, state, data),
            Self::Gemini => gemini::event(answer, data),
        }
    }
}

impl StreamDecoder {
    /// A decoder at the start of a stream.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self {
            state: DialectState::new(dialect),
            answer: Answer::default(),
            splitter: Splitter::default(),
            counted: Counted::default(),
            done: false,
            events: 0,
        }
    }

    /// Bytes of the answer so far, without its reasoning.
    #[must_use]
    pub fn output_bytes(&self) -> usize {
        let calls =
            self.answer.tool_calls.iter().map(|call| call.name.len() + call.arguments.len());
        self.answer.text.len() + self.answer.refusal.len() + calls.sum::<usize>()
    }

    /// Bytes of the answer and its reasoning so far.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.output_bytes() + self.answer.reasoning.len()
    }

    /// Whether the answer is complete: its end mark or a finish reason came. Nothing that follows
    /// can make it fail.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.done || self.answer.finish_reason.is_some()
    }

    /// Takes one event's data. What is no object is skipped and counted.
    ///
    /// # Errors
    /// The provider's own error inside the stream, or [`ErrorClass::Protocol`] for an object that
    /// does not read. An answer that is complete has no error any more.
    pub fn event(&mut self, data: &[u8]) -> Result<EventContent, WireError> {
        let data = data.trim_ascii();
        // Of OpenAI chat completions; routers end other dialects with it too.
        if data == b"[DONE]" {
            self.done = true;
            return Ok(EventContent { done: true, ..EventContent::default() });
        }
        // Events after the end belong to no answer.
        if data.is_empty() || self.done {
            return Ok(EventContent::default());
        }
        match data[0] {
            b'{' => {
                self.events += 1;
                let was_complete = self.is_complete();
                let read = match self.object(data) {
                    Err(error) if error.class == ErrorClass::Protocol => match pieces(data) {
                        Some(pieces) => self.each(&pieces),
                        None => Err(error),
                    },
                    read => read,
                };
                if read.is_err() && was_complete {
                    self.answer.unknown_events += 1;
                    return Ok(EventContent::default());
                }
                read
            }
            // A list of events: a Gemini stream without server-sent events.
            b'[' if let Some(pieces) = pieces(data) => self.each(&pieces),
            _ => {
                self.answer.unknown_events += 1;
                Ok(EventContent::default())
            }
        }
    }

    fn each(&mut self, pieces: &[String]) -> Result<EventContent, WireError> {
        let mut all = EventContent::default();
        self.events += 1;
        for piece in pieces {
            if piece == "[DONE]" {
                self.done = true;
                all.done = true;
                break;
            }
            let was_complete = self.is_complete();
            match self.object(piece.as_bytes()) {
                Ok(seen) => all.join(seen),
                Err(error) if !was_complete => return Err(error),
                Err(_) => self.answer.unknown_events += 1,
            }
        }
        Ok(all)
    }

    fn object(&mut self, data: &[u8]) -> Result<EventContent, WireError> {
        let answer = &mut self.answer;
        let unknown = answer.unknown_events;
        let text = answer.text.len();
        let beside = (answer.refusal.len(), answer.tool_calls.len());
        let counts = answer.output_counts;
        let mut seen = self.state.take(answer, data)?;
        self.counted = match (answer.output_counts > counts, seen.token) {
            (true, true) => Counted::Running,
            (true, false) => Counted::All,
            (false, true) => Counted::Part,
            (false, false) => self.counted,
        };
        answer.unknown_events = answer.unknown_events.min(unknown + 1);
        if answer.text.len() > text {
            let is_alone = beside == (answer.refusal.len(), answer.tool_calls.len());
            self.splitter.take(answer, &mut seen, is_alone);
        }
        self.done |= seen.done;
        Ok(seen)
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// [`ErrorClass::Empty`] for a stream without events, [`ErrorClass::Truncated`] for one without
    /// an end mark and without a finish reason. The part of the answer that came is beside the error.
    pub fn finish(mut self) -> (Answer, Option<WireError>) {
        let ended = self.is_complete();
        self.settle(ended);
        let error = if self.events == 0 {
            Some((ErrorClass::Empty, "the stream held no event"))
        } else if !ended {
            Some((ErrorClass::Truncated, "the stream ended without a finish reason or an end mark"))
        } else {
            emptiness(&self.answer)
        };
        (self.answer, error.map(wire_error))
    }

    /// Brings the answer into its last form.
    fn settle(&mut self, ended: bool) {
        let answer = &mut self.answer;
        self.splitter.finish(answer);
        let held = answer.text.len() + answer.reasoning.len() + answer.refusal.len();
        let is_too_few = answer
            .usage
            .output
            .is_some_and(|tokens| held as u64 > tokens.saturating_mul(BYTES_PER_TOKEN));
        // Anthropic and Gemini send running counts, others may: the last one before a broken stream is
        // less than the billed count, and so may be one that content followed.
        let is_running = match self.counted {
            Counted::Part => !ended || is_too_few,
            Counted::Running => !ended,
            Counted::All => {
                !ended && matches!(self.state, DialectState::Anthropic(_) | DialectState::Gemini)
            }
        };
        if is_running && answer.usage.output.is_some() {
            (answer.usage.output, answer.usage.reasoning) = (None, None);
            if ended {
                answer.usage_faults.push(UsageFault::Partial);
            }
        }
        for call in &mut answer.tool_calls {
            unwrap_twice(&mut call.arguments);
            // A call without arguments is an empty object in some dialects and nothing in others.
            if ended && call.arguments.is_empty() && !call.name.is_empty() {
                call.arguments.push_str("{}");
            }
        }
    }
}

/// The objects of data that holds several: glued together, a line each, or a list of them; the end
/// mark may be among them. `None`: there are not several, or not only objects.
fn pieces(data: &[u8]) -> Option<Vec<String>> {
    const DONE: &str = "[DONE]";
    let text = repaired(data);
    if let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(&text) {
        let pieces: Vec<String> = list.iter().map(|item| item.get().to_owned()).collect();
        return (pieces.iter().all(|piece| piece.starts_with('{')) && !pieces.is_empty())
            .then_some(pieces);
    }
    let mut pieces = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        rest = rest.strip_prefix("data:").unwrap_or(rest).trim_start();
        if let Some(after) = rest.strip_prefix(DONE) {
            pieces.push(DONE.to_owned());
            rest = after.trim_start();
            continue;
        }
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        let value = values.next()?.ok().filter(|value| value.get().starts_with('{'))?;
        pieces.push(value.get().to_owned());
        rest = rest[values.byte_offset()..].trim_start();
    }
    (pieces.len() > 1).then_some(pieces)
}

/// Reads a response that was not streamed. Beside an error is the part that was read: its usage
/// may be billed.
#[must_use]
pub fn decode_body(dialect: Dialect, body: &[u8]) -> (Answer, Option<WireError>) {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii();
    if body.is_empty() {
        let error = (ErrorClass::Empty, "the body is empty");
        return (Answer::default(), Some(wire_error(error)));
    }
    let mut decoder = StreamDecoder::new(dialect);
    let is_list = body[0] == b'[';
    let read = if is_list { None } else { Some(decoder.object(body)) };
    let read = match read {
        Some(Ok(_)) => Ok(()),
        Some(Err(error)) if error.class != ErrorClass::Protocol => Err(error),
        // A stream of events without their framing.
        read => match pieces(body) {
            Some(pieces) => {
                let read = decoder.each(&pieces);
                let (answer, error) = decoder.finish();
                return (answer, read.err().or(error));
            }
            None => Err(read.and_then(Result::err).unwrap_or_else(|| not_an_answer(body))),
        },
    };
    decoder.settle(true);
    let error = read.err().or_else(|| emptiness(&decoder.answer).map(wire_error));
    (decoder.answer, error)
}

fn not_an_answer(body: &[u8]) -> WireError {
    let error = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(body);
    let error = error.expect_err("it begins as a list");
    malformed("an answer", body, &error)
}

fn wire_error((class, detail): (ErrorClass, &str)) -> WireError {
    WireError { class, detail: detail.to_owned() }
}

fn emptiness(answer: &Answer) -> Option<(ErrorClass, &'static str)> {
    let cut =
        matches!(answer.finish_reason, Some(FinishReason::Length | FinishReason::ContentFilter));
    let nothing = answer.text.is_empty()
        && answer.reasoning.is_empty()
        && answer.refusal.is_empty()
        && answer.tool_calls.is_empty();
    (nothing && !cut && !answer.is_malformed_call)
        .then_some((ErrorClass::Empty, "the answer has no content"))
}
