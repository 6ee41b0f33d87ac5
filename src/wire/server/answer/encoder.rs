//! Answers in every dialect, streamed and not.

use bytes::Bytes;
use serde_json::Value;

use super::form::{Closing, Envelope, Piece, WholeAnswer};
use super::{anthropic, gemini, openai_chat, openai_responses};
use crate::units::{Dialect, Usage};
use crate::wire::FinishReason;

/// Encodes a streamed answer as server-sent events into one buffer.
#[derive(Debug)]
pub(crate) struct StreamEncoder {
    buffer: Vec<u8>,
    ends: Vec<usize>,
    state: DialectState,
    closing: Closing,
}

#[derive(Debug)]
enum DialectState {
    OpenaiChat(openai_chat::Encoder),
    OpenaiResponses(openai_responses::Encoder),
    Anthropic(anthropic::Encoder),
    Gemini(gemini::Encoder),
}

impl StreamEncoder {
    /// `usage` is what the end will state: some dialects state a part of it at the beginning.
    /// `events` is about how many there will be.
    #[must_use]
    pub fn new(
        dialect: Dialect,
        envelope: Envelope<'_>,
        usage: &Usage,
        closing: Closing,
        events: usize,
    ) -> Self {
        let stated = (closing != Closing::UsageMissing).then_some(*usage);
        let state = match dialect {
            Dialect::OpenaiChat => DialectState::OpenaiChat(openai_chat::Encoder::new(envelope)),
            Dialect::OpenaiResponses => {
                DialectState::OpenaiResponses(openai_responses::Encoder::new(envelope))
            }
            Dialect::Anthropic => {
                DialectState::Anthropic(anthropic::Encoder::new(envelope, stated))
            }
            Dialect::Gemini => {
                DialectState::Gemini(gemini::Encoder::new(envelope, stated, closing))
            }
        };
        let event_bytes = match &state {
            DialectState::OpenaiChat(encoder) => encoder.event_bytes(),
            _ => EVENT_BYTES,
        };
        Self {
            buffer: Vec::with_capacity(event_bytes * (events + 3)),
            ends: Vec::with_capacity(events + 3),
            state,
            closing,
        }
    }

    /// The first write: the events before any content.
    pub fn open(&mut self) {
        let out = &mut self.buffer;
        match &mut self.state {
            DialectState::OpenaiChat(encoder) => encoder.open(out),
            DialectState::OpenaiResponses(encoder) => encoder.open(out),
            DialectState::Anthropic(encoder) => encoder.open(out),
            DialectState::Gemini(encoder) => encoder.open(out),
        }
        self.ends.push(self.buffer.len());
    }

    /// A write with a piece of the answer. `call_continues`: the next piece belongs to the same tool
    /// call; a dialect that sends a call whole waits for its end, and the write is empty until then.
    pub fn piece(&mut self, piece: Piece<'_>, call_continues: bool) {
        let out = &mut self.buffer;
        match &mut self.state {
            DialectState::OpenaiChat(encoder) => encoder.piece(out, piece),
            DialectState::OpenaiResponses(encoder) => encoder.piece(out, piece),
            DialectState::Anthropic(encoder) => encoder.piece(out, piece),
            DialectState::Gemini(encoder) => encoder.piece(out, piece, call_continues),
        }
        self.ends.push(self.buffer.len());
    }

    /// The end, in one write: the finish reason, the usage where it was asked for, the end mark.
    pub fn end(&mut self, reason: FinishReason, usage: Option<&Usage>) {
        let (out, closing) = (&mut self.buffer, self.closing);
        match &mut self.state {
            DialectState::OpenaiChat(encoder) => encoder.end(out, reason, usage, closing),
            DialectState::OpenaiResponses(encoder) => encoder.end(out, reason, usage, closing),
            DialectState::Anthropic(encoder) => encoder.end(out, reason, closing),
            DialectState::Gemini(encoder) => encoder.end(out, reason, closing),
        }
        self.ends.push(self.buffer.len());
    }

    /// The writes, in order; they share one allocation.
    #[must_use]
    pub fn finish(mut self) -> Vec<Bytes> {
        // An answer is held as long as it is played.
        self.buffer.shrink_to_fit();
        let whole = Bytes::from(self.buffer);
        let mut start = 0;
        self.ends
            .into_iter()
            .map(|end| whole.slice(std::mem::replace(&mut start, end)..end))
            .collect()
    }
}

/// About how many bytes an event takes.
const EVENT_BYTES: usize = 192;

/// Encodes an answer that is not streamed.
#[must_use]
pub(crate) fn encode_answer(
    dialect: Dialect,
    envelope: Envelope<'_>,
    pieces: &[Piece<'_>],
    reason: FinishReason,
    usage: &Usage,
) -> Bytes {
    let answer = WholeAnswer::from_pieces(pieces);
    let body: Value = match dialect {
        Dialect::OpenaiChat => openai_chat::encode(envelope, &answer, reason, usage),
        Dialect::OpenaiResponses => openai_responses::encode(envelope, &answer, reason, usage),
        Dialect::Anthropic => anthropic::encode(envelope, &answer, reason, usage),
        Dialect::Gemini => gemini::encode(envelope, &answer, reason, usage),
    };
    Bytes::from(body.to_string())
}
