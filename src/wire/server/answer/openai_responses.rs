//! OpenAI responses, as a server writes them.

use serde_json::{Value, json};

use super::form::{Closing, Envelope, Piece, WholeAnswer, named_event, tail, tool_call_id};
use crate::units::Usage;
use crate::wire::FinishReason;

/// Output comes in items, one after the other; each is opened and closed, and said again at the end.
#[derive(Debug)]
pub(super) struct Encoder {
    id: String,
    model: String,
    created: i64,
    /// The next event's number.
    sequence: u64,
    items: Vec<Item>,
    /// Whether the last item is still being written.
    open: bool,
}

#[derive(Debug)]
struct Item {
    kind: Kind,
    /// The text, or the arguments.
    text: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Reasoning,
    Message,
    Call { index: usize, name: String },
}

impl Encoder {
    pub fn new(envelope: Envelope<'_>) -> Self {
        Self {
            id: envelope.id.to_owned(),
            model: envelope.model.to_owned(),
            created: envelope.created,
            sequence: 0,
            items: Vec::new(),
            open: false,
        }
    }

    pub fn open(&mut self, out: &mut Vec<u8>) {
        for kind in ["response.created", "response.in_progress"] {
            let response = self.response("in_progress", &[], None);
            self.emit(out, kind, json!({"response": response}));
        }
    }

    pub fn piece(&mut self, out: &mut Vec<u8>, piece: Piece<'_>) {
        let (kind, text, event) = match piece {
            Piece::Text(text) => (Kind::Message, text, "response.output_text.delta"),
            Piece::Reasoning(text) => {
                (Kind::Reasoning, text, "response.reasoning_summary_text.delta")
            }
            Piece::ToolStart(index, name) => {
                self.within(out, Kind::Call { index, name: name.to_owned() });
                return;
            }
            Piece::ToolArguments(_, text) => {
                self.delta(out, "response.function_call_arguments.delta", text);
                return;
            }
        };
        self.within(out, kind);
        self.delta(out, event, text);
    }

    pub fn end(
        &mut self,
        out: &mut Vec<u8>,
        reason: FinishReason,
        usage: Option<&Usage>,
        closing: Closing,
    ) {
        self.close(out);
        let (status, why) = status_of(reason);
        let items: Vec<Value> =
            (0..self.items.len()).map(|at| self.item(at, "completed")).collect();
        let usage = usage.filter(|_| closing != Closing::UsageMissing);
        let mut response = self.response(status, &items, usage);
        response["incomplete_details"] = why;
        let kind = format!("response.{status}");
        self.emit(out, &kind, json!({"response": response.clone()}));
        if closing == Closing::UsageTwice {
            self.emit(out, &kind, json!({"response": response}));
        }
    }

    /// Makes this the item that is being written.
    fn within(&mut self, out: &mut Vec<u8>, kind: Kind) {
        if self.open && self.items.last().is_some_and(|item| item.kind == kind) {
            return;
        }
        self.close(out);
        self.items.push(Item { kind, text: String::new() });
        self.open = true;
        let at = self.items.len() - 1;
        let item = empty(self.item(at, "in_progress"));
        self.emit(out, "response.output_item.added", json!({"output_index": at, "item": item}));
        if let Some((name, _, part)) = self.part(at) {
            let added = format!("response.{name}.added");
            self.of_part(out, &added, json!({"part": part}));
        }
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        let at = self.items.len() - 1;
        let text = self.items[at].text.clone();
        if let Some((name, text_name, part)) = self.part(at) {
            self.of_part(out, &format!("response.{text_name}.done"), json!({"text": text}));
            self.of_part(out, &format!("response.{name}.done"), json!({"part": part}));
        } else {
            let done = json!({"arguments": text});
            self.of_part(out, "response.function_call_arguments.done", done);
        }
        let item = self.item(at, "completed");
        self.emit(out, "response.output_item.done", json!({"output_index": at, "item": item}));
    }

    fn delta(&mut self, out: &mut Vec<u8>, event: &str, text: &str) {
        if let Some(item) = self.items.last_mut() {
            item.text.push_str(text);
        }
        self.of_part(out, event, json!({"delta": text}));
    }

    /// An event about the item that is being written, or was last.
    fn of_part(&mut self, out: &mut Vec<u8>, kind: &str, mut fields: Value) {
        let at = self.items.len().saturating_sub(1);
        fields["output_index"] = at.into();
        fields["item_id"] = self.item(at, "")["id"].clone();
        if kind.contains("summary") {
            fields["summary_index"] = 0.into();
        } else if !kind.contains("arguments") {
            fields["content_index"] = 0.into();
            if kind.contains("text") {
                fields["logprobs"] = json!([]);
            }
        }
        self.emit(out, kind, fields);
    }

    fn emit(&mut self, out: &mut Vec<u8>, kind: &str, mut fields: Value) {
        fields["type"] = kind.into();
        fields["sequence_number"] = self.sequence.into();
        self.sequence += 1;
        named_event(out, &fields);
    }

    /// The part of an item: what its events are called, and the part as it stands.
    fn part(&self, at: usize) -> Option<(&'static str, &'static str, Value)> {
        let text = &self.items[at].text;
        match self.items[at].kind {
            Kind::Message => Some(("content_part", "output_text", output_text(text))),
            Kind::Reasoning => {
                let part = json!({"type": "summary_text", "text": text});
                Some(("reasoning_summary_part", "reasoning_summary_text", part))
            }
            Kind::Call { .. } => None,
        }
    }

    fn item(&self, at: usize, status: &str) -> Value {
        let Some(item) = self.items.get(at) else { return Value::Null };
        item_of(&self.id, at, item, status)
    }

    fn response(&self, status: &str, items: &[Value], usage: Option<&Usage>) -> Value {
        response_of(
            Envelope { id: &self.id, model: &self.model, created: self.created, served_by: None },
            status,
            items,
            usage,
        )
    }
}

fn output_text(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

fn item_of(response: &str, at: usize, item: &Item, status: &str) -> Value {
    let id = format!("{}_{at}", tail(response));
    match &item.kind {
        Kind::Reasoning => json!({"id": format!("rs_{id}"), "type": "reasoning",
            "summary": [{"type": "summary_text", "text": item.text}]}),
        Kind::Message => json!({"id": format!("msg_{id}"), "type": "message", "role": "assistant",
            "status": status, "content": [output_text(&item.text)]}),
        Kind::Call { index, name } => json!({"id": format!("fc_{id}"), "type": "function_call",
            "status": status, "call_id": tool_call_id(response, *index), "name": name,
            "arguments": item.text}),
    }
}

/// An item as it begins: nothing in it yet.
fn empty(mut item: Value) -> Value {
    for list in ["content", "summary"] {
        if item.get(list).is_some() {
            item[list] = json!([]);
        }
    }
    item
}

fn response_of(
    envelope: Envelope<'_>,
    status: &str,
    items: &[Value],
    usage: Option<&Usage>,
) -> Value {
    json!({
        "id": format!("resp_{}", tail(envelope.id)), "object": "response",
        "created_at": envelope.created, "status": status, "model": envelope.model,
        "output": items, "usage": usage.map(usage_of), "error": null,
        "incomplete_details": null, "instructions": null, "metadata": {},
        "parallel_tool_calls": true, "tool_choice": "auto", "tools": [], "temperature": 1.0,
        "top_p": 1.0,
    })
}

/// An answer that is not streamed.
pub(super) fn encode(
    envelope: Envelope<'_>,
    answer: &WholeAnswer,
    reason: FinishReason,
    usage: &Usage,
) -> Value {
    let mut items = Vec::new();
    for (kind, text) in [(Kind::Reasoning, &answer.reasoning), (Kind::Message, &answer.content)] {
        if !text.is_empty() {
            items.push(Item { kind, text: text.clone() });
        }
    }
    let call = |(index, (name, text)): (usize, &(String, String))| Item {
        kind: Kind::Call { index, name: name.clone() },
        text: text.clone(),
    };
    items.extend(answer.calls.iter().enumerate().map(call));
    let items: Vec<Value> = items
        .iter()
        .enumerate()
        .map(|(at, item)| item_of(envelope.id, at, item, "completed"))
        .collect();
    let (status, why) = status_of(reason);
    let mut response = response_of(envelope, status, &items, Some(usage));
    response["incomplete_details"] = why;
    response
}

fn usage_of(usage: &Usage) -> Value {
    let count = |count: Option<u64>| count.unwrap_or(0);
    let (input, output) = (count(usage.input), count(usage.output));
    json!({"input_tokens": input,
        "input_tokens_details": {"cached_tokens": count(usage.cached_input)},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": count(usage.reasoning)},
        "total_tokens": input + output})
}

fn status_of(reason: FinishReason) -> (&'static str, Value) {
    match reason {
        FinishReason::Stop | FinishReason::ToolCalls => ("completed", Value::Null),
        FinishReason::Length => ("incomplete", json!({"reason": "max_output_tokens"})),
        FinishReason::ContentFilter => ("incomplete", json!({"reason": "content_filter"})),
        FinishReason::Other => ("incomplete", json!({"reason": "other"})),
    }
}
