//! One decoder for the streams and the whole bodies of every dialect: whatever a provider speaks,
//! the same normal form comes out.

use super::answer::{Answer, FinishReason};
use super::error::ErrorClass;
use super::provider_error::WireError;
use super::{anthropic, gemini, openai_chat, openai_responses};
use crate::units::Dialect;

/// What one event of a stream held, for the stamps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "four independent observations")]
pub struct Seen {
    /// A token event: a non-empty content, reasoning, refusal or tool-call delta.
    pub token: bool,
    /// A token event that is not reasoning.
    pub output: bool,
    /// A reasoning delta.
    pub reasoning: bool,
    /// The stream's own end mark.
    pub done: bool,
}

impl Seen {
    /// Notes a delta: whether it held reasoning, and whether it held anything else.
    pub(super) fn add(&mut self, reasoning: bool, output: bool) {
        self.reasoning |= reasoning;
        self.output |= output;
        self.token |= reasoning || output;
    }
}

/// Collects the events of one stream into an answer.
#[derive(Debug)]
pub struct StreamDecoder {
    voice: Voice,
    answer: Answer,
    done: bool,
    events: u64,
}

/// What a dialect has to remember between events.
#[derive(Debug)]
enum Voice {
    OpenaiChat,
    OpenaiResponses(openai_responses::State),
    Anthropic(anthropic::State),
    Gemini,
}

impl Voice {
    fn new(dialect: Dialect) -> Self {
        match dialect {
            Dialect::OpenaiChat => Self::OpenaiChat,
            Dialect::OpenaiResponses => Self::OpenaiResponses(openai_responses::State::default()),
            Dialect::Anthropic => Self::Anthropic(anthropic::State::default()),
            Dialect::Gemini => Self::Gemini,
        }
    }
}

impl StreamDecoder {
    /// A decoder at the start of a stream.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self { voice: Voice::new(dialect), answer: Answer::default(), done: false, events: 0 }
    }

    /// Takes one event's data.
    ///
    /// # Errors
    /// The provider's own error inside the stream, or [`ErrorClass::Protocol`] for what is not an
    /// event of the dialect.
    pub fn event(&mut self, data: &[u8]) -> Result<Seen, WireError> {
        // Of OpenAI chat completions; routers end other dialects with it too.
        if data == b"[DONE]" {
            self.done = true;
            return Ok(Seen { done: true, ..Seen::default() });
        }
        // What comes after the end belongs to no answer.
        if data.is_empty() || self.done {
            return Ok(Seen::default());
        }
        self.events += 1;
        let answer = &mut self.answer;
        let seen = match &mut self.voice {
            Voice::OpenaiChat => openai_chat::event(answer, data),
            Voice::OpenaiResponses(state) => openai_responses::event(answer, state, data),
            Voice::Anthropic(state) => anthropic::event(answer, state, data),
            Voice::Gemini => gemini::event(answer, data),
        }?;
        self.done |= seen.done;
        Ok(seen)
    }

    /// The stream is over.
    ///
    /// # Errors
    /// [`ErrorClass::Empty`] when nothing came, [`ErrorClass::Truncated`] when neither an end mark
    /// nor a finish reason did. The answer as far as it came is beside the error.
    pub fn finish(mut self) -> (Answer, Option<WireError>) {
        let ended = self.done || self.answer.finish_reason.is_some();
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
        // Anthropic and Gemini count as they go: what they had counted when the stream broke is less
        // than what they bill.
        if !ended && matches!(self.voice, Voice::Anthropic(_) | Voice::Gemini) {
            answer.usage.output = None;
            answer.usage.reasoning = None;
        }
        // A call without arguments is an empty object in some dialects and nothing in others.
        for call in answer.tool_calls.iter_mut().filter(|call| call.arguments.is_empty()) {
            if ended && !call.name.is_empty() {
                call.arguments.push_str("{}");
            }
        }
    }
}

/// Reads a whole response that was not streamed. Beside an error stands what came all the same:
/// its usage may have been billed.
#[must_use]
pub fn decode_body(dialect: Dialect, body: &[u8]) -> (Answer, Option<WireError>) {
    let mut decoder = StreamDecoder::new(dialect);
    let answer = &mut decoder.answer;
    let read = match dialect {
        Dialect::OpenaiChat => openai_chat::body(answer, body),
        Dialect::OpenaiResponses => openai_responses::body(answer, body),
        Dialect::Anthropic => anthropic::body(answer, body),
        Dialect::Gemini => gemini::body(answer, body),
    };
    decoder.settle(true);
    let error = read.err().or_else(|| emptiness(&decoder.answer).map(wire_error));
    (decoder.answer, error)
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
    (nothing && !cut).then_some((ErrorClass::Empty, "the answer has no content"))
}
