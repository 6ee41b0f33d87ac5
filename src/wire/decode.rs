//! One decoder for the streams and the whole bodies of every dialect, into the one normal form.

use super::answer::{Answer, FinishReason};
use super::error::ErrorClass;
use super::event_content::EventContent;
use super::provider_error::WireError;
use super::{anthropic, gemini, openai_chat, openai_responses};
use crate::units::Dialect;

/// Collects the events of one stream into an answer.
#[derive(Debug)]
pub struct StreamDecoder {
    state: DialectState,
    answer: Answer,
    done: bool,
    events: u64,
}

/// State that a dialect keeps between events.
#[derive(Debug)]
enum DialectState {
    OpenaiChat,
    OpenaiResponses(openai_responses::State),
    Anthropic(anthropic::State),
    Gemini,
}

impl DialectState {
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
        Self {
            state: DialectState::new(dialect),
            answer: Answer::default(),
            done: false,
            events: 0,
        }
    }

    /// Takes one event's data.
    ///
    /// # Errors
    /// The provider's own error inside the stream, or [`ErrorClass::Protocol`] for what is not an
    /// event of the dialect.
    pub fn event(&mut self, data: &[u8]) -> Result<EventContent, WireError> {
        // Of OpenAI chat completions; routers end other dialects with it too.
        if data == b"[DONE]" {
            self.done = true;
            return Ok(EventContent { done: true, ..EventContent::default() });
        }
        // Events after the end belong to no answer.
        if data.is_empty() || self.done {
            return Ok(EventContent::default());
        }
        self.events += 1;
        let answer = &mut self.answer;
        let seen = match &mut self.state {
            DialectState::OpenaiChat => openai_chat::event(answer, data),
            DialectState::OpenaiResponses(state) => openai_responses::event(answer, state, data),
            DialectState::Anthropic(state) => anthropic::event(answer, state, data),
            DialectState::Gemini => gemini::event(answer, data),
        }?;
        self.done |= seen.done;
        Ok(seen)
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// [`ErrorClass::Empty`] for a stream without events, [`ErrorClass::Truncated`] for one without
    /// an end mark and without a finish reason. The part of the answer that came is beside the error.
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
        // Anthropic and Gemini send running counts: the last one before a broken stream is less than
        // the billed count.
        if !ended && matches!(self.state, DialectState::Anthropic(_) | DialectState::Gemini) {
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

/// Reads a response that was not streamed. Beside an error is the part that was read: its usage
/// may be billed.
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
