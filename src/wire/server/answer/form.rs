//! The parts of an answer, and the helpers that several dialects share.

use serde_json::Value;

/// A piece of an answer: the content of one token event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Reasoning(&'a str),
    Text(&'a str),
    /// A tool call begins: its position and the tool's name.
    ToolStart(usize, &'a str),
    /// Part of the arguments of the tool call at a position.
    ToolArguments(usize, &'a str),
}

/// The fields that every chunk of a response repeats.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Envelope<'a> {
    pub id: &'a str,
    pub model: &'a str,
    /// Unix time, seconds.
    pub created: i64,
    /// The provider that answered, where a router names it (chat completions).
    pub served_by: Option<&'a str>,
}

/// How the end of a stream departs from the API, for injected faults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Closing {
    #[default]
    Whole,
    /// The end mark is missing (where the dialect has one beside the finish reason).
    NoMark,
    /// The usage is missing.
    UsageMissing,
    /// The usage comes twice.
    UsageTwice,
    /// The usage is on the last chunk of the answer instead of a separate one (chat completions;
    /// the other dialects always have it there).
    UsageOnLast,
}

/// An answer that is not streamed.
#[derive(Debug, Default)]
pub(super) struct WholeAnswer {
    pub content: String,
    pub reasoning: String,
    /// Names and arguments.
    pub calls: Vec<(String, String)>,
}

impl WholeAnswer {
    pub fn from_pieces(pieces: &[Piece<'_>]) -> Self {
        let mut answer = Self::default();
        for piece in pieces {
            match piece {
                Piece::Text(text) => answer.content.push_str(text),
                Piece::Reasoning(text) => answer.reasoning.push_str(text),
                Piece::ToolStart(_, name) => answer.calls.push(((*name).to_owned(), String::new())),
                Piece::ToolArguments(index, text) => answer.calls[*index].1.push_str(text),
            }
        }
        answer
    }
}

pub(super) fn tool_call_id(response: &str, index: usize) -> String {
    format!("call_{}_{index}", tail(response))
}

/// The distinct part of a response's id.
pub(super) fn tail(id: &str) -> &str {
    id.rsplit('-').next().unwrap_or(id)
}

pub(super) fn escape(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a vector takes every byte");
}

/// Writes an event under the name that its data state as `type`.
pub(super) fn named_event(out: &mut Vec<u8>, data: &Value) {
    let name = data["type"].as_str().unwrap_or_default();
    out.extend_from_slice(format!("event: {name}\ndata: {data}\n\n").as_bytes());
}

/// Arguments as a JSON value; `None`: they were cut short.
pub(super) fn arguments(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}
