//! OpenAI chat completions, as a server writes them.

use serde::Serialize;
use serde_json::{Value, json};

use super::form::{Closing, Envelope, Piece, WholeAnswer, escape, tool_call_id};
use crate::units::Usage;
use crate::wire::FinishReason;

/// A chunk costs an escape and a few copies: this is the dialect of load tests.
#[derive(Debug)]
pub(super) struct Encoder {
    prefix: String,
    id: String,
}

/// The mark at the end of a stream.
const DONE: &[u8] = b"data: [DONE]\n\n";

/// What stands between a chunk's delta and the end of its event.
const DELTA_END: &[u8] = b"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";

impl Encoder {
    pub fn new(envelope: Envelope<'_>) -> Self {
        let served_by = envelope
            .served_by
            .map_or(String::new(), |name| format!("\"provider\":{},", json!(name)));
        let prefix = format!(
            "data: {{\"id\":{},\"object\":\"chat.completion.chunk\",\"created\":{},\"model\":{},\
             {served_by}\"choices\":[",
            json!(envelope.id),
            envelope.created,
            json!(envelope.model),
        );
        Self { prefix, id: envelope.id.to_owned() }
    }

    /// About how many bytes an event takes.
    pub fn event_bytes(&self) -> usize {
        self.prefix.len() + 96
    }

    /// A role and no content yet.
    pub fn open(&self, out: &mut Vec<u8>) {
        self.delta(out, |out| out.extend_from_slice(b"\"role\":\"assistant\",\"content\":\"\""));
    }

    pub fn piece(&self, out: &mut Vec<u8>, piece: Piece<'_>) {
        self.delta(out, |out| match piece {
            Piece::Text(text) => {
                out.extend_from_slice(b"\"content\":");
                escape(out, text);
            }
            Piece::Reasoning(text) => {
                out.extend_from_slice(b"\"reasoning_content\":");
                escape(out, text);
            }
            Piece::ToolStart(index, name) => {
                let call = json!({"index": index, "id": tool_call_id(&self.id, index),
                    "type": "function", "function": {"name": name, "arguments": ""}});
                out.extend_from_slice(format!("\"tool_calls\":[{call}]").as_bytes());
            }
            Piece::ToolArguments(index, text) => {
                let head =
                    format!("\"tool_calls\":[{{\"index\":{index},\"function\":{{\"arguments\":");
                out.extend_from_slice(head.as_bytes());
                escape(out, text);
                out.extend_from_slice(b"}}]");
            }
        });
    }

    /// The finish reason, the usage where it was asked for, `[DONE]`.
    pub fn end(
        &self,
        out: &mut Vec<u8>,
        reason: FinishReason,
        usage: Option<&Usage>,
        closing: Closing,
    ) {
        let stated = usage
            .map(|usage| serde_json::to_string(&WireUsage::from(usage)).expect("numbers are JSON"));
        let on_last = stated.as_deref().filter(|_| closing == Closing::UsageOnLast);
        let on_last = on_last.map_or(String::new(), |usage| format!(",\"usage\":{usage}"));
        out.extend_from_slice(self.prefix.as_bytes());
        let finish = format!(
            "{{\"index\":0,\"delta\":{{}},\"logprobs\":null,\"finish_reason\":\"{}\"}}]{on_last}}}\n\n",
            reason.name()
        );
        out.extend_from_slice(finish.as_bytes());
        let times = match closing {
            Closing::Whole | Closing::NoMark => 1,
            Closing::UsageTwice => 2,
            Closing::UsageMissing | Closing::UsageOnLast => 0,
        };
        for usage in stated.iter().cycle().take(times * stated.iter().len()) {
            out.extend_from_slice(self.prefix.as_bytes());
            out.extend_from_slice(format!("],\"usage\":{usage}}}\n\n").as_bytes());
        }
        if closing != Closing::NoMark {
            out.extend_from_slice(DONE);
        }
    }

    fn delta(&self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        out.extend_from_slice(self.prefix.as_bytes());
        out.extend_from_slice(b"{\"index\":0,\"delta\":{");
        write(out);
        out.extend_from_slice(DELTA_END);
    }
}

/// An answer that is not streamed.
pub(super) fn encode(
    envelope: Envelope<'_>,
    answer: &WholeAnswer,
    reason: FinishReason,
    usage: &Usage,
) -> Value {
    let mut message = json!({"role": "assistant", "content": answer.content, "refusal": null});
    if !answer.reasoning.is_empty() {
        message["reasoning_content"] = json!(answer.reasoning);
    }
    if !answer.calls.is_empty() {
        let call = |(index, (name, arguments)): (usize, &(String, String))| {
            json!({"id": tool_call_id(envelope.id, index), "type": "function",
                "function": {"name": name, "arguments": arguments}})
        };
        message["tool_calls"] = answer.calls.iter().enumerate().map(call).collect();
        if answer.content.is_empty() {
            message["content"] = Value::Null;
        }
    }
    let mut body = json!({
        "id": envelope.id, "object": "chat.completion", "created": envelope.created,
        "model": envelope.model,
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": reason.name()}],
        "usage": WireUsage::from(usage),
    });
    if let Some(name) = envelope.served_by {
        body["provider"] = name.into();
    }
    body
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
