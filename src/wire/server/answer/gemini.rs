//! Gemini's `generateContent` and `streamGenerateContent`, as a server writes them.

use serde_json::{Value, json};

use super::form::{Closing, Envelope, Piece, WholeAnswer, arguments, tail, tool_call_id};
use crate::units::Usage;
use crate::wire::FinishReason;

/// Every chunk states the usage so far; a tool call comes in one piece.
#[derive(Debug)]
pub(super) struct Encoder {
    id: String,
    model: String,
    /// What the end states; `None`: nothing is stated.
    usage: Option<Usage>,
    /// Whether the end alone states it.
    only_last: bool,
    /// Tokens of the answer, reasoning aside, that were written so far.
    written: u64,
    /// The tool call that is being collected: its name and its arguments so far.
    call: Option<(usize, String, String)>,
}

impl Encoder {
    pub fn new(envelope: Envelope<'_>, usage: Option<Usage>, closing: Closing) -> Self {
        Self {
            id: envelope.id.to_owned(),
            model: envelope.model.to_owned(),
            usage,
            only_last: closing == Closing::UsageOnLast,
            written: 0,
            call: None,
        }
    }

    pub fn open(&self, out: &mut Vec<u8>) {
        self.part(out, &json!({"text": ""}));
    }

    pub fn piece(&mut self, out: &mut Vec<u8>, piece: Piece<'_>, call_continues: bool) {
        let part = match piece {
            Piece::Reasoning(text) => json!({"text": text, "thought": true}),
            Piece::Text(text) => {
                self.written += 1;
                json!({"text": text})
            }
            Piece::ToolStart(index, name) => {
                self.written += 1;
                self.call = Some((index, name.to_owned(), String::new()));
                Value::Null
            }
            Piece::ToolArguments(_, text) => {
                self.written += 1;
                if let Some((_, _, arguments)) = &mut self.call {
                    arguments.push_str(text);
                }
                Value::Null
            }
        };
        if !part.is_null() {
            self.part(out, &part);
        } else if !call_continues && let Some((index, name, text)) = self.call.take() {
            // What was cut short is no object, and is not sent.
            if let Some(args) = arguments(&text) {
                self.part(out, &call_of(&self.id, index, &name, &args));
            }
        }
    }

    pub fn end(&self, out: &mut Vec<u8>, reason: FinishReason, closing: Closing) {
        let mut chunk = self.chunk(&json!({"text": ""}));
        chunk["candidates"][0]["finishReason"] = reason_of(reason).into();
        if let Some(usage) = &self.usage {
            chunk["usageMetadata"] = usage_of(usage);
        }
        event(out, &chunk);
        if let Some(usage) = self.usage.as_ref().filter(|_| closing == Closing::UsageTwice) {
            let again = json!({"usageMetadata": usage_of(usage), "modelVersion": self.model});
            event(out, &again);
        }
    }

    fn part(&self, out: &mut Vec<u8>, part: &Value) {
        let mut chunk = self.chunk(part);
        if let Some(usage) = self.usage.as_ref().filter(|_| !self.only_last) {
            let reasoning = usage.reasoning.unwrap_or(0);
            let so_far = (self.written + reasoning).min(usage.output.unwrap_or(u64::MAX));
            let so_far = Usage { output: Some(so_far), ..*usage };
            chunk["usageMetadata"] = usage_of(&so_far);
        }
        event(out, &chunk);
    }

    fn chunk(&self, part: &Value) -> Value {
        json!({"candidates": [{"content": {"parts": [part], "role": "model"}, "index": 0}],
            "modelVersion": self.model, "responseId": tail(&self.id)})
    }
}

fn event(out: &mut Vec<u8>, chunk: &Value) {
    // Google ends its lines in CR and LF.
    out.extend_from_slice(format!("data: {chunk}\r\n\r\n").as_bytes());
}

fn call_of(response: &str, index: usize, name: &str, args: &Value) -> Value {
    json!({"functionCall": {"id": tool_call_id(response, index), "name": name, "args": args}})
}

/// An answer that is not streamed.
pub(super) fn encode(
    envelope: Envelope<'_>,
    answer: &WholeAnswer,
    reason: FinishReason,
    usage: &Usage,
) -> Value {
    let mut parts = Vec::new();
    if !answer.reasoning.is_empty() {
        parts.push(json!({"text": answer.reasoning, "thought": true}));
    }
    if !answer.content.is_empty() {
        parts.push(json!({"text": answer.content}));
    }
    for (index, (name, text)) in answer.calls.iter().enumerate() {
        parts.extend(arguments(text).map(|args| call_of(envelope.id, index, name, &args)));
    }
    json!({"candidates": [{"content": {"parts": parts, "role": "model"}, "index": 0,
            "finishReason": reason_of(reason)}],
        "usageMetadata": usage_of(usage), "modelVersion": envelope.model,
        "responseId": tail(envelope.id)})
}

/// Thoughts stand beside the candidates; a count of 0 is left out, as the API does.
fn usage_of(usage: &Usage) -> Value {
    let count = |count: Option<u64>| count.unwrap_or(0);
    let (input, output) = (count(usage.input), count(usage.output));
    let reasoning = count(usage.reasoning);
    let mut stated = json!({"promptTokenCount": input, "totalTokenCount": input + output,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": input}]});
    for (key, count) in [
        ("candidatesTokenCount", output.saturating_sub(reasoning)),
        ("thoughtsTokenCount", reasoning),
        ("cachedContentTokenCount", count(usage.cached_input)),
    ] {
        if count > 0 {
            stated[key] = count.into();
        }
    }
    stated
}

const fn reason_of(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop | FinishReason::ToolCalls => "STOP",
        FinishReason::Length => "MAX_TOKENS",
        FinishReason::ContentFilter => "SAFETY",
        FinishReason::Other => "OTHER",
    }
}
