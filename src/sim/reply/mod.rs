//! The simulator's side of the wire, in every dialect: answers, streamed and not, and errors.

mod anthropic;
mod chat;
mod errors;
mod gemini;
mod responses;

use bytes::Bytes;
use serde_json::Value;

use crate::units::{Dialect, Usage};
use crate::wire::FinishReason;

pub use errors::{StreamError, error, stream_error};

/// A piece of an answer: what one token event carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Visible reasoning.
    Reasoning(&'a str),
    /// Content.
    Text(&'a str),
    /// A tool call begins: its position and the tool's name.
    ToolStart(usize, &'a str),
    /// Part of the arguments of the tool call at a position.
    ToolArguments(usize, &'a str),
}

/// What every chunk of a response bears.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// The response's id.
    pub id: &'a str,
    /// The model that answers.
    pub model: &'a str,
    /// Unix time, seconds.
    pub created: i64,
    /// The provider that gave it, where a router says so (chat completions).
    pub served_by: Option<&'a str>,
}

/// How the end of a stream departs from what the API says, where a fault asks for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Closing {
    /// It does not.
    #[default]
    Whole,
    /// The end mark is missing (where the dialect has one beside the finish reason).
    NoMark,
    /// Nothing says the usage.
    UsageMissing,
    /// The usage comes twice.
    UsageTwice,
    /// The usage is on the last chunk of the answer instead of one of its own (chat completions;
    /// the other dialects have it there always).
    UsageOnLast,
}

/// Encodes a streamed answer as server-sent events into one buffer.
#[derive(Debug)]
pub struct StreamEncoder {
    buffer: Vec<u8>,
    ends: Vec<usize>,
    voice: Voice,
    closing: Closing,
}

#[derive(Debug)]
enum Voice {
    Chat(chat::Encoder),
    Responses(responses::Encoder),
    Anthropic(anthropic::Encoder),
    Gemini(gemini::Encoder),
}

impl StreamEncoder {
    /// An encoder for about so many events. The usage is what the end will state: some dialects
    /// state a part of it at the beginning.
    #[must_use]
    pub fn new(
        dialect: Dialect,
        envelope: Envelope<'_>,
        usage: &Usage,
        closing: Closing,
        events: usize,
    ) -> Self {
        let stated = (closing != Closing::UsageMissing).then_some(*usage);
        let voice = match dialect {
            Dialect::OpenaiChat => Voice::Chat(chat::Encoder::new(envelope)),
            Dialect::OpenaiResponses => Voice::Responses(responses::Encoder::new(envelope)),
            Dialect::Anthropic => Voice::Anthropic(anthropic::Encoder::new(envelope, stated)),
            Dialect::Gemini => Voice::Gemini(gemini::Encoder::new(envelope, stated, closing)),
        };
        let event_bytes = match &voice {
            Voice::Chat(chat) => chat.event_bytes(),
            _ => EVENT_BYTES,
        };
        Self {
            buffer: Vec::with_capacity(event_bytes * (events + 3)),
            ends: Vec::with_capacity(events + 3),
            voice,
            closing,
        }
    }

    /// The first write: what comes before any content.
    pub fn open(&mut self) {
        let out = &mut self.buffer;
        match &mut self.voice {
            Voice::Chat(voice) => voice.open(out),
            Voice::Responses(voice) => voice.open(out),
            Voice::Anthropic(voice) => voice.open(out),
            Voice::Gemini(voice) => voice.open(out),
        }
        self.ends.push(self.buffer.len());
    }

    /// A write with a piece of the answer; whether the next piece goes on with the same tool call
    /// decides what a dialect can send that has no parts of one. Empty where it can send nothing.
    pub fn piece(&mut self, piece: Piece<'_>, goes_on: bool) {
        let out = &mut self.buffer;
        match &mut self.voice {
            Voice::Chat(voice) => voice.piece(out, piece),
            Voice::Responses(voice) => voice.piece(out, piece),
            Voice::Anthropic(voice) => voice.piece(out, piece),
            Voice::Gemini(voice) => voice.piece(out, piece, goes_on),
        }
        self.ends.push(self.buffer.len());
    }

    /// The end, in one write: the finish reason, the usage where it was asked for, the end mark.
    pub fn end(&mut self, reason: FinishReason, usage: Option<&Usage>) {
        let (out, closing) = (&mut self.buffer, self.closing);
        match &mut self.voice {
            Voice::Chat(voice) => voice.end(out, reason, usage, closing),
            Voice::Responses(voice) => voice.end(out, reason, usage, closing),
            Voice::Anthropic(voice) => voice.end(out, reason, closing),
            Voice::Gemini(voice) => voice.end(out, reason, closing),
        }
        self.ends.push(self.buffer.len());
    }

    /// The writes, in order; they share one allocation.
    #[must_use]
    pub fn finish(self) -> Vec<Bytes> {
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
pub fn whole(
    dialect: Dialect,
    envelope: Envelope<'_>,
    pieces: &[Piece<'_>],
    reason: FinishReason,
    usage: &Usage,
) -> Bytes {
    let spoken = Spoken::of(pieces);
    let body: Value = match dialect {
        Dialect::OpenaiChat => chat::whole(envelope, &spoken, reason, usage),
        Dialect::OpenaiResponses => responses::whole(envelope, &spoken, reason, usage),
        Dialect::Anthropic => anthropic::whole(envelope, &spoken, reason, usage),
        Dialect::Gemini => gemini::whole(envelope, &spoken, reason, usage),
    };
    Bytes::from(body.to_string())
}

/// An answer in one piece.
#[derive(Debug, Default)]
struct Spoken {
    content: String,
    reasoning: String,
    /// Names and arguments.
    calls: Vec<(String, String)>,
}

impl Spoken {
    fn of(pieces: &[Piece<'_>]) -> Self {
        let mut spoken = Self::default();
        for piece in pieces {
            match piece {
                Piece::Text(text) => spoken.content.push_str(text),
                Piece::Reasoning(text) => spoken.reasoning.push_str(text),
                Piece::ToolStart(_, name) => spoken.calls.push(((*name).to_owned(), String::new())),
                Piece::ToolArguments(index, text) => spoken.calls[*index].1.push_str(text),
            }
        }
        spoken
    }
}

/// Cuts a text into the pieces that a tokenizer might make of it: mostly words with the space
/// before them, about four characters each. Nothing is lost: the pieces joined are the text.
pub fn cut(text: &str) -> impl Iterator<Item = &str> + Clone {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (piece, left) = rest.split_at(piece_end(rest)?);
        rest = left;
        Some(piece)
    })
}

/// A piece that is so long ends before a space.
const CHARS_BEFORE_SPACE: usize = 3;
/// No piece is longer.
const MOST_CHARS: usize = 5;

fn piece_end(text: &str) -> Option<usize> {
    if text.is_empty() {
        return None;
    }
    let ends = |(n, (_, c)): &(usize, (usize, char))| {
        *n >= MOST_CHARS || (*n >= CHARS_BEFORE_SPACE && c.is_whitespace())
    };
    Some(text.char_indices().enumerate().find(ends).map_or(text.len(), |(_, (at, _))| at))
}

fn tool_call_id(response: &str, index: usize) -> String {
    format!("call_{}_{index}", tail(response))
}

/// The part of a response's id that tells it from others.
fn tail(id: &str) -> &str {
    id.rsplit('-').next().unwrap_or(id)
}

fn escape(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a vector takes every byte");
}

/// Writes an event that has a name, as those have whose data hold their type.
fn named_event(out: &mut Vec<u8>, data: &Value) {
    let name = data["type"].as_str().unwrap_or_default();
    out.extend_from_slice(format!("event: {name}\ndata: {data}\n\n").as_bytes());
}

/// Arguments as a JSON value; `None`: they were cut short.
fn arguments(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests;
