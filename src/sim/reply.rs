//! The simulator's side of the OpenAI chat completions wire: answers, streamed and not, and errors.

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;

use crate::units::Usage;
use crate::wire::FinishReason;

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
}

/// Encodes a streamed answer as server-sent events into one buffer, so that a content chunk costs
/// an escape and a few copies.
#[derive(Debug)]
pub struct StreamEncoder {
    buffer: Vec<u8>,
    ends: Vec<usize>,
    prefix: String,
    id: String,
}

/// The mark at the end of a stream.
pub(super) const DONE: &[u8] = b"data: [DONE]\n\n";

/// What stands between a chunk's delta and the end of its event.
const DELTA_END: &[u8] = b"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";

impl StreamEncoder {
    /// An encoder for about so many events.
    #[must_use]
    pub fn new(envelope: Envelope<'_>, events: usize) -> Self {
        let prefix = format!(
            "data: {{\"id\":{},\"object\":\"chat.completion.chunk\",\"created\":{},\"model\":{},\"choices\":[",
            json!(envelope.id),
            envelope.created,
            json!(envelope.model),
        );
        Self {
            buffer: Vec::with_capacity((prefix.len() + 96) * (events + 3)),
            ends: Vec::with_capacity(events + 3),
            prefix,
            id: envelope.id.to_owned(),
        }
    }

    /// The first chunk: a role and no content yet.
    pub fn role(&mut self) {
        self.delta(|out| out.extend_from_slice(b"\"role\":\"assistant\",\"content\":\"\""));
    }

    /// A chunk with a piece of the answer.
    pub fn piece(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Text(text) => self.delta(|out| {
                out.extend_from_slice(b"\"content\":");
                escape(out, text);
            }),
            Piece::Reasoning(text) => self.delta(|out| {
                out.extend_from_slice(b"\"reasoning_content\":");
                escape(out, text);
            }),
            Piece::ToolStart(index, name) => {
                let call = json!({"index": index, "id": tool_call_id(&self.id, index),
                    "type": "function", "function": {"name": name, "arguments": ""}});
                self.delta(|out| {
                    out.extend_from_slice(format!("\"tool_calls\":[{call}]").as_bytes());
                });
            }
            Piece::ToolArguments(index, text) => self.delta(|out| {
                let head =
                    format!("\"tool_calls\":[{{\"index\":{index},\"function\":{{\"arguments\":");
                out.extend_from_slice(head.as_bytes());
                escape(out, text);
                out.extend_from_slice(b"}}]");
            }),
        }
    }

    /// The end: the finish reason, the usage where it was asked for, `[DONE]`; one write.
    pub fn end(&mut self, reason: FinishReason, usage: Option<&Usage>) {
        self.buffer.extend_from_slice(self.prefix.as_bytes());
        let finish = format!(
            "{{\"index\":0,\"delta\":{{}},\"logprobs\":null,\"finish_reason\":\"{}\"}}]}}\n\n",
            reason.name()
        );
        self.buffer.extend_from_slice(finish.as_bytes());
        if let Some(usage) = usage {
            self.buffer.extend_from_slice(self.prefix.as_bytes());
            self.buffer.extend_from_slice(b"],\"usage\":");
            serde_json::to_writer(&mut self.buffer, &WireUsage::from(usage))
                .expect("a vector takes every byte");
            self.buffer.extend_from_slice(b"}\n\n");
        }
        self.buffer.extend_from_slice(DONE);
        self.ends.push(self.buffer.len());
    }

    /// The encoded events, in order; they share one allocation.
    #[must_use]
    pub fn finish(self) -> Vec<Bytes> {
        let whole = Bytes::from(self.buffer);
        let mut start = 0;
        self.ends
            .into_iter()
            .map(|end| whole.slice(std::mem::replace(&mut start, end)..end))
            .collect()
    }

    fn delta(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.buffer.extend_from_slice(self.prefix.as_bytes());
        self.buffer.extend_from_slice(b"{\"index\":0,\"delta\":{");
        write(&mut self.buffer);
        self.buffer.extend_from_slice(DELTA_END);
        self.ends.push(self.buffer.len());
    }
}

/// Encodes an answer that is not streamed.
#[must_use]
pub fn whole(
    envelope: Envelope<'_>,
    pieces: &[Piece<'_>],
    reason: FinishReason,
    usage: &Usage,
) -> Bytes {
    let (mut content, mut reasoning) = (String::new(), String::new());
    let mut calls: Vec<(&str, String)> = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => content.push_str(text),
            Piece::Reasoning(text) => reasoning.push_str(text),
            Piece::ToolStart(_, name) => calls.push((name, String::new())),
            Piece::ToolArguments(index, text) => calls[*index].1.push_str(text),
        }
    }
    let mut message = json!({"role": "assistant", "content": content, "refusal": null});
    if !reasoning.is_empty() {
        message["reasoning_content"] = json!(reasoning);
    }
    if !calls.is_empty() {
        let call = |(index, (name, arguments)): (usize, (&str, String))| {
            json!({"id": tool_call_id(envelope.id, index), "type": "function",
                "function": {"name": name, "arguments": arguments}})
        };
        message["tool_calls"] = calls.into_iter().enumerate().map(call).collect();
        if content.is_empty() {
            message["content"] = serde_json::Value::Null;
        }
    }
    let body = json!({
        "id": envelope.id, "object": "chat.completion", "created": envelope.created,
        "model": envelope.model,
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": reason.name()}],
        "usage": WireUsage::from(usage),
    });
    Bytes::from(body.to_string())
}

/// Encodes an error.
#[must_use]
pub fn error(message: &str, kind: &str, code: Option<&str>) -> Bytes {
    Bytes::from(json!({"error": {"message": message, "type": kind, "code": code}}).to_string())
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
    let tail = response.rsplit('-').next().unwrap_or(response);
    format!("call_{tail}_{index}")
}

fn escape(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a vector takes every byte");
}

#[derive(Serialize)]
struct WireUsage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
}

#[derive(Serialize)]
struct PromptDetails {
    cached_tokens: u64,
}

#[derive(Serialize)]
struct CompletionDetails {
    reasoning_tokens: u64,
}

impl From<&Usage> for WireUsage {
    /// The simulator knows every count of its own.
    fn from(usage: &Usage) -> Self {
        let (input, output) = (usage.input.unwrap_or(0), usage.output.unwrap_or(0));
        Self {
            prompt_tokens: input,
            completion_tokens: output,
            total_tokens: input + output,
            prompt_tokens_details: PromptDetails { cached_tokens: usage.cached_input.unwrap_or(0) },
            completion_tokens_details: CompletionDetails {
                reasoning_tokens: usage.reasoning.unwrap_or(0),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    const ENVELOPE: Envelope<'static> =
        Envelope { id: "chatcmpl-1f", model: "acme/\"odd\"", created: 7 };
    const USAGE: Usage = Usage {
        input: Some(9),
        cached_input: Some(1),
        cache_write: None,
        output: Some(5),
        reasoning: Some(2),
        ..Usage::UNKNOWN
    };

    fn events(encoder: StreamEncoder) -> Vec<Value> {
        let joined: Vec<u8> = encoder.finish().concat();
        let text = String::from_utf8(joined).expect("UTF-8");
        let mut data: Vec<&str> = text.split_terminator("\n\n").collect();
        assert_eq!(data.pop(), Some("data: [DONE]"));
        let parse = |event: &str| {
            let json = event.strip_prefix("data: ").expect(event);
            serde_json::from_str(json).expect(json)
        };
        data.into_iter().map(parse).collect()
    }

    #[test]
    fn a_stream_is_what_the_api_sends() {
        let mut encoder = StreamEncoder::new(ENVELOPE, 4);
        encoder.role();
        encoder.piece(Piece::Text("a \"b\"\n"));
        encoder.piece(Piece::Reasoning("hm"));
        encoder.piece(Piece::ToolStart(0, "look"));
        encoder.piece(Piece::ToolArguments(0, "{\"x\""));
        encoder.end(FinishReason::Stop, Some(&USAGE));
        let events = events(encoder);
        let delta = |i: usize| events[i]["choices"][0]["delta"].clone();
        assert_eq!(events.len(), 7);
        assert!(events.iter().all(|e| e["id"] == "chatcmpl-1f" && e["model"] == ENVELOPE.model));
        assert_eq!(delta(0), json!({"role": "assistant", "content": ""}));
        assert_eq!(delta(1), json!({"content": "a \"b\"\n"}));
        assert_eq!(delta(2), json!({"reasoning_content": "hm"}));
        assert_eq!(delta(3)["tool_calls"][0]["function"]["name"], "look");
        assert_eq!(delta(4)["tool_calls"][0]["function"]["arguments"], "{\"x\"");
        assert_eq!(events[5]["choices"][0]["finish_reason"], "stop");
        assert_eq!(events[6]["choices"], json!([]));
        assert_eq!(events[6]["usage"]["total_tokens"], 14);
        assert_eq!(events[6]["usage"]["completion_tokens_details"]["reasoning_tokens"], 2);
    }

    #[test]
    fn an_answer_that_is_not_streamed() {
        let pieces = [
            Piece::ToolStart(0, "look"),
            Piece::ToolArguments(0, "{\"x\""),
            Piece::ToolArguments(0, ":1}"),
        ];
        let body = whole(ENVELOPE, &pieces, FinishReason::ToolCalls, &USAGE);
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        let message = &body["choices"][0]["message"];
        assert_eq!(message["tool_calls"][0]["function"]["arguments"], "{\"x\":1}");
        assert_eq!(message["content"], Value::Null);
        assert_eq!(body["usage"]["prompt_tokens_details"]["cached_tokens"], 1);
    }

    #[test]
    fn pieces_are_like_tokens() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(cut(text).collect::<Vec<_>>(), expected);
        };
        check("The answer is 42.", &["The", " answ", "er is", " 42."]);
        check("", &[]);
        check("日本語のテキスト", &["日本語のテ", "キスト"]);
    }

    proptest! {
        #[test]
        fn pieces_joined_are_the_text(text in "\\PC*") {
            let pieces: Vec<&str> = cut(&text).collect();
            prop_assert!(pieces.iter().all(|p| !p.is_empty()));
            prop_assert_eq!(pieces.concat(), text);
        }
    }
}
