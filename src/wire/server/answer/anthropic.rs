//! Anthropic messages, as a server writes them.

use serde_json::{Value, json};

use super::form::{
    Closing, Envelope, Piece, WholeAnswer, arguments, named_event, tail, tool_call_id,
};
use crate::units::Usage;
use crate::wire::FinishReason;

/// Content comes in blocks, one after the other; each is opened and closed.
#[derive(Debug)]
pub(super) struct Encoder {
    id: String,
    model: String,
    /// What is stated; `None`: nothing is.
    usage: Option<Usage>,
    open: Option<Block>,
    n_blocks: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    Thinking,
    Text,
    Call(usize),
}

impl Encoder {
    pub fn new(envelope: Envelope<'_>, usage: Option<Usage>) -> Self {
        Self {
            id: envelope.id.to_owned(),
            model: envelope.model.to_owned(),
            usage,
            open: None,
            n_blocks: 0,
        }
    }

    pub fn open(&self, out: &mut Vec<u8>) {
        let mut message = json!({"id": format!("msg_{}", tail(&self.id)), "type": "message",
            "role": "assistant", "model": self.model, "content": [], "stop_reason": null,
            "stop_sequence": null});
        if let Some(usage) = &self.usage {
            // Of the output it is only known that there is some.
            message["usage"] = usage_of(&Usage { output: Some(1), reasoning: None, ..*usage });
        }
        named_event(out, &json!({"type": "message_start", "message": message}));
        named_event(out, &json!({"type": "ping"}));
    }

    pub fn piece(&mut self, out: &mut Vec<u8>, piece: Piece<'_>) {
        let delta = match piece {
            Piece::Text(text) => {
                self.within(out, Block::Text, &json!({"type": "text", "text": ""}));
                json!({"type": "text_delta", "text": text})
            }
            Piece::Reasoning(text) => {
                let block = json!({"type": "thinking", "thinking": "", "signature": ""});
                self.within(out, Block::Thinking, &block);
                json!({"type": "thinking_delta", "thinking": text})
            }
            Piece::ToolStart(call, name) => {
                let block = json!({"type": "tool_use", "id": tool_call_id(&self.id, call),
                    "name": name, "input": {}});
                self.within(out, Block::Call(call), &block);
                return;
            }
            Piece::ToolArguments(_, text) => {
                json!({"type": "input_json_delta", "partial_json": text})
            }
        };
        let index = self.n_blocks - 1;
        let event = json!({"type": "content_block_delta", "index": index, "delta": delta});
        named_event(out, &event);
    }

    pub fn end(&mut self, out: &mut Vec<u8>, reason: FinishReason, closing: Closing) {
        self.close(out);
        let mut delta = json!({"type": "message_delta",
            "delta": {"stop_reason": reason_of(reason), "stop_sequence": null}});
        if let Some(usage) = &self.usage {
            delta["usage"] = usage_of(usage);
        }
        named_event(out, &delta);
        if closing == Closing::UsageTwice {
            named_event(out, &delta);
        }
        if closing != Closing::NoMark {
            named_event(out, &json!({"type": "message_stop"}));
        }
    }

    /// Makes this the open block.
    fn within(&mut self, out: &mut Vec<u8>, block: Block, content: &Value) {
        if self.open == Some(block) {
            return;
        }
        self.close(out);
        let index = self.n_blocks;
        let event =
            json!({"type": "content_block_start", "index": index, "content_block": content});
        named_event(out, &event);
        self.open = Some(block);
        self.n_blocks += 1;
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if self.open.take().is_some() {
            let index = self.n_blocks - 1;
            named_event(out, &json!({"type": "content_block_stop", "index": index}));
        }
    }
}

/// An answer that is not streamed.
pub(super) fn encode(
    envelope: Envelope<'_>,
    answer: &WholeAnswer,
    reason: FinishReason,
    usage: &Usage,
) -> Value {
    let mut content = Vec::new();
    if !answer.reasoning.is_empty() {
        content.push(json!({"type": "thinking", "thinking": answer.reasoning, "signature": ""}));
    }
    if !answer.content.is_empty() {
        content.push(json!({"type": "text", "text": answer.content}));
    }
    for (index, (name, text)) in answer.calls.iter().enumerate() {
        let input = arguments(text).unwrap_or(json!({}));
        let id = tool_call_id(envelope.id, index);
        content.push(json!({"type": "tool_use", "id": id, "name": name, "input": input}));
    }
    json!({"id": format!("msg_{}", tail(envelope.id)), "type": "message", "role": "assistant",
        "model": envelope.model, "content": content, "stop_reason": reason_of(reason),
        "stop_sequence": null, "usage": usage_of(usage)})
}

/// The prompt is stated without what was read from the cache or written to it.
fn usage_of(usage: &Usage) -> Value {
    let count = |count: Option<u64>| count.unwrap_or(0);
    let (read, written) = (count(usage.cached_input), count(usage.cache_write));
    let mut stated = json!({
        "input_tokens": count(usage.input).saturating_sub(read + written),
        "cache_read_input_tokens": read, "cache_creation_input_tokens": written,
        "output_tokens": count(usage.output), "service_tier": "standard",
    });
    if let Some(reasoning) = usage.reasoning {
        stated["output_tokens_details"] = json!({"thinking_tokens": reasoning});
    }
    stated
}

const fn reason_of(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "end_turn",
        FinishReason::Length => "max_tokens",
        FinishReason::ToolCalls => "tool_use",
        FinishReason::ContentFilter => "refusal",
        FinishReason::Other => "pause_turn",
    }
}
