//! Anthropic messages: requests out, answers in.

mod event;

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::answer::{Answer, FinishReason, MAX_TOOL_CALLS};
use super::event_content::EventContent;
use super::lenient::mend;
use super::params::{self, Function};
use super::provider_error::{WireError, broken_off, in_band, in_place_of_answer, malformed, said};
use super::request::Request;
use super::text::{Text, note, push};
use super::usage;
use crate::units::{Dialect, ToolCall};
use event::{Block, Delta, Event, Message};

/// What an answer is called in messages.
const WHAT: &str = "an event or an answer of Anthropic messages";

/// The path below a provider's base URL.
pub(super) const PATH: &str = "/messages";

/// The version of the API; every request states it.
pub const VERSION: &str = "2023-06-01";

/// The output limit of a request without one: the API requires it.
const DEFAULT_MAX_TOKENS: u64 = 4096;

/// The body of a request.
pub(super) fn encode(request: &Request<'_>) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("model".into(), request.model.into());
    let limit = params::limit(request).unwrap_or_else(|| DEFAULT_MAX_TOKENS.into());
    body.insert("max_tokens".into(), limit);
    let system: Vec<Value> =
        params::system(request).map(|text| json!({"type": "text", "text": text})).collect();
    if !system.is_empty() {
        body.insert("system".into(), system.into());
    }
    let role = |role: &str| if role == "assistant" { "assistant" } else { "user" };
    let turns = request.messages.iter().filter(|m| m.role != "system");
    let turns = turns.map(|m| json!({"role": role(&m.role), "content": m.content}));
    body.insert("messages".into(), turns.collect());
    if request.tools.is_some() {
        let tool = |tool: Result<Function<'_>, &Value>| tool.map_or_else(Value::clone, tool_of);
        body.insert("tools".into(), params::tools(request).map(tool).collect());
    }
    if let Some(schema) = request.schema {
        put_schema(&mut body, schema);
    }
    if request.stream {
        body.insert("stream".into(), true.into());
    }
    for (name, value) in request.params {
        param(&mut body, name, value);
    }
    body
}

fn tool_of(function: Function<'_>) -> Value {
    let empty = json!({"type": "object", "properties": {}});
    let mut tool = json!({
        "name": function.name, "input_schema": function.parameters.unwrap_or(&empty),
    });
    for (key, value) in [("description", function.description), ("strict", function.strict)] {
        if let Some(value) = value {
            tool[key] = value.clone();
        }
    }
    tool
}

fn put_schema(body: &mut Map<String, Value>, schema: &Value) {
    let format = json!({"type": "json_schema", "schema": schema});
    params::put(body, &["output_config", "format"], format);
}

/// Adds a parameter under this dialect's name for it, if it has one.
fn param(body: &mut Map<String, Value>, name: &str, value: &Value) {
    match (name, value.as_str()) {
        (name, _) if params::is_limit(name) => {}
        ("stop", _) => params::put(body, &["stop_sequences"], params::stops(value)),
        ("user", _) => params::put(body, &["metadata", "user_id"], value.clone()),
        ("reasoning_effort", Some("none")) => {
            params::put(body, &["thinking"], json!({"type": "disabled"}));
        }
        ("reasoning_effort", effort) => {
            let effort = if effort == Some("minimal") { json!("low") } else { value.clone() };
            params::put(body, &["output_config", "effort"], effort);
        }
        ("response_format", _) if params::schema_of(value).is_some() => {
            put_schema(body, params::schema_of(value).unwrap_or(&Value::Null));
        }
        ("parallel_tool_calls", _) => {
            let disabled = value == &Value::Bool(false);
            params::put(body, &["tool_choice"], json!({"disable_parallel_tool_use": disabled}));
            // The choice needs a kind; one that is already there stays.
            if body["tool_choice"].get("type").is_none() {
                params::put(body, &["tool_choice", "type"], "auto".into());
            }
        }
        ("tool_choice", Some("required")) => {
            params::put(body, &["tool_choice", "type"], "any".into());
        }
        ("tool_choice", Some(kind)) => params::put(body, &["tool_choice", "type"], kind.into()),
        ("tool_choice", None) => match params::chosen(value) {
            Some(name) => {
                params::put(body, &["tool_choice"], json!({"type": "tool", "name": name}));
            }
            None => params::put(body, &["tool_choice"], value.clone()),
        },
        _ => params::put(body, &[name], value.clone()),
    }
}

/// State between the events of a stream.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The content blocks that are tool calls, in order.
    calls: Vec<CallBlock>,
}

#[derive(Debug)]
struct CallBlock {
    index: Option<u64>,
    /// Whether the arguments came with the start of the block.
    is_whole: bool,
}

/// Takes one event's data, or a whole message.
pub(super) fn event(
    answer: &mut Answer,
    state: &mut State,
    data: &[u8],
) -> Result<EventContent, WireError> {
    let error = match serde_json::from_slice(data) {
        Ok(event) => return take(answer, state, event, data),
        Err(error) => error,
    };
    let data = mend(answer, data, event::EVENT, WHAT, &error)?;
    let event = serde_json::from_slice(&data).map_err(|e| malformed(WHAT, &data, &e))?;
    take(answer, state, event, &data)
}

fn take(
    answer: &mut Answer,
    state: &mut State,
    event: Event<'_>,
    data: &[u8],
) -> Result<EventContent, WireError> {
    let mut seen = EventContent::default();
    match Text::of(event.kind.as_ref()) {
        "message_start" => {
            let message = event.message.unwrap_or_default();
            note(&mut answer.response_model, message.model.as_ref());
            usage::take(answer, Dialect::Anthropic, message.usage);
        }
        "content_block_start" => {
            if let Some(block) = event.content_block {
                state.start(answer, event.index, &block, &mut seen);
            }
        }
        "content_block_delta" => match event.delta {
            Some(delta) => state.delta(answer, event.index, &delta, &mut seen),
            None => answer.unknown_events += 1,
        },
        "message_delta" => {
            usage::take(answer, Dialect::Anthropic, event.usage);
            let reason = event.delta.as_ref().and_then(|delta| delta.stop_reason.as_ref());
            stop(answer, reason)?;
        }
        "message_stop" => {
            usage::take(answer, Dialect::Anthropic, event.usage);
            seen.done = true;
        }
        "content_block_stop" | "ping" => {}
        "message" => return whole(answer, data),
        kind => match said(event.error) {
            Some(error) => return in_band(answer, &error),
            None if kind.is_empty() => return whole(answer, data),
            None => return in_place_of_answer(answer, data),
        },
    }
    Ok(seen)
}

/// Takes a whole message.
fn whole(answer: &mut Answer, data: &[u8]) -> Result<EventContent, WireError> {
    let read: Result<Message<'_>, _> = serde_json::from_slice(data);
    let mended;
    let message = match read {
        Ok(message) => message,
        Err(error) => {
            mended = mend(answer, data, event::MESSAGE, WHAT, &error)?;
            serde_json::from_slice(&mended).map_err(|e| malformed(WHAT, &mended, &e))?
        }
    };
    if message.content.is_none() && message.usage.is_none() && said(message.error).is_none() {
        return in_place_of_answer(answer, data);
    }
    note(&mut answer.response_model, message.model.as_ref());
    let mut state = State::default();
    usage::take(answer, Dialect::Anthropic, message.usage);
    if let Some(error) = said(message.error) {
        return in_band(answer, &error);
    }
    let mut seen = EventContent::default();
    for (block, index) in message.content.unwrap_or_default().iter().zip(0..) {
        state.start(answer, Some(index), block, &mut seen);
    }
    stop(answer, message.stop_reason.as_ref())?;
    seen.done = answer.finish_reason.is_some();
    Ok(seen)
}

impl State {
    /// A content block begins, or is there as a whole.
    fn start(
        &mut self,
        answer: &mut Answer,
        index: Option<u64>,
        block: &Block<'_>,
        seen: &mut EventContent,
    ) {
        let reasoning = push(&mut answer.reasoning, block.thinking.as_ref());
        let mut output = push(&mut answer.text, block.text.as_ref());
        if Text::of(block.kind.as_ref()) == "tool_use" && answer.tool_calls.len() < MAX_TOOL_CALLS {
            let input = block.input.map_or("", RawValue::get);
            // A stream begins with an empty object, which the deltas replace.
            let is_whole = !matches!(input, "" | "{}" | "null" | "\"\"");
            self.calls.push(CallBlock { index, is_whole });
            answer.tool_calls.push(ToolCall {
                id: Text::of(block.id.as_ref()).to_owned(),
                name: Text::of(block.name.as_ref()).to_owned(),
                arguments: if is_whole { input.to_owned() } else { String::new() },
            });
            output = true;
        }
        seen.add(reasoning, output);
    }

    fn delta(
        &mut self,
        answer: &mut Answer,
        index: Option<u64>,
        delta: &Delta<'_>,
        seen: &mut EventContent,
    ) {
        match Text::of(delta.kind.as_ref()) {
            "text_delta" => seen.add(false, push(&mut answer.text, delta.text.as_ref())),
            "thinking_delta" => {
                seen.add(push(&mut answer.reasoning, delta.thinking.as_ref()), false);
            }
            "input_json_delta" => self.arguments(answer, index, delta, seen),
            "signature_delta" | "citations_delta" => {}
            "" => {
                seen.add(false, push(&mut answer.text, delta.text.as_ref()));
                seen.add(push(&mut answer.reasoning, delta.thinking.as_ref()), false);
                self.arguments(answer, index, delta, seen);
            }
            _ => answer.unknown_events += 1,
        }
    }

    /// A part of a call's arguments. A tool that the provider runs itself is no call of ours.
    fn arguments(
        &mut self,
        answer: &mut Answer,
        index: Option<u64>,
        delta: &Delta<'_>,
        seen: &mut EventContent,
    ) {
        let at = match index {
            Some(_) => self.calls.iter().rposition(|block| block.index == index),
            None => self.calls.len().checked_sub(1),
        };
        let Some(at) = at.filter(|_| !Text::of(delta.partial_json.as_ref()).is_empty()) else {
            return;
        };
        let (block, call) = (&mut self.calls[at], &mut answer.tool_calls[at]);
        // Said twice: in whole, and now in pieces.
        if std::mem::take(&mut block.is_whole) {
            call.arguments.clear();
        }
        seen.add(false, push(&mut call.arguments, delta.partial_json.as_ref()));
    }
}

fn stop(answer: &mut Answer, said: Option<&Text<'_>>) -> Result<(), WireError> {
    let reason = Text::of(said);
    broken_off(reason)?;
    if !reason.is_empty() {
        answer.finish_reason = Some(FinishReason::from_name(reason));
    }
    Ok(())
}
