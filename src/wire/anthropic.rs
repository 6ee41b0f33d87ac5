//! Anthropic messages: requests out, answers in.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::answer::{Answer, FinishReason, MAX_TOOL_CALLS};
use super::event_content::EventContent;
use super::params::{self, Function};
use super::provider_error::{WireError, in_band, malformed};
use super::request::Request;
use super::text::{Text, kind_of, note, push};
use super::usage;
use crate::units::{Dialect, ToolCall};

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
    /// The indexes of the content blocks that are tool calls, in order.
    calls: Vec<usize>,
}

/// Takes one event's data.
pub(super) fn event(
    answer: &mut Answer,
    state: &mut State,
    data: &[u8],
) -> Result<EventContent, WireError> {
    let event: Event<'_> = match serde_json::from_slice(data) {
        Ok(event) => event,
        Err(error) => return unknown(answer, data, &error),
    };
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
            let reason = event.delta.as_ref().and_then(|delta| delta.stop_reason.as_ref());
            answer.finish_reason = reason_of(reason).or(answer.finish_reason);
            usage::take(answer, Dialect::Anthropic, event.usage);
        }
        "message_stop" => {
            usage::take(answer, Dialect::Anthropic, event.usage);
            seen.done = true;
        }
        "content_block_stop" | "ping" => {}
        _ => match event.error {
            Some(error) => return Err(in_band(error.get())),
            None => answer.unknown_events += 1,
        },
    }
    Ok(seen)
}

/// An event of an unknown kind may have any content; one of a known kind must be valid.
fn unknown(
    answer: &mut Answer,
    data: &[u8],
    error: &serde_json::Error,
) -> Result<EventContent, WireError> {
    const KNOWN: [&str; 5] =
        ["message_start", "content_block_start", "content_block_delta", "message_delta", "error"];
    match kind_of(data) {
        Some(kind) if !KNOWN.contains(&kind.as_str()) => {
            answer.unknown_events += 1;
            Ok(EventContent::default())
        }
        _ => Err(malformed("an event of Anthropic messages", data, error)),
    }
}

/// Reads a whole message.
pub(super) fn body(answer: &mut Answer, body: &[u8]) -> Result<(), WireError> {
    let message: Message<'_> =
        serde_json::from_slice(body).map_err(|e| malformed("an Anthropic message", body, &e))?;
    note(&mut answer.response_model, message.model.as_ref());
    let mut state = State::default();
    usage::take(answer, Dialect::Anthropic, message.usage);
    if let Some(error) = message.error {
        return Err(in_band(error.get()));
    }
    for (index, block) in message.content.unwrap_or_default().iter().enumerate() {
        state.start(answer, Some(index), block, &mut EventContent::default());
    }
    answer.finish_reason = reason_of(message.stop_reason.as_ref());
    Ok(())
}

impl State {
    /// A content block begins, or is there as a whole.
    fn start(
        &mut self,
        answer: &mut Answer,
        index: Option<usize>,
        block: &Block<'_>,
        seen: &mut EventContent,
    ) {
        let reasoning = push(&mut answer.reasoning, block.thinking.as_ref());
        let mut output = push(&mut answer.text, block.text.as_ref());
        if Text::of(block.kind.as_ref()) == "tool_use" && answer.tool_calls.len() < MAX_TOOL_CALLS {
            self.calls.push(index.unwrap_or(self.calls.len()));
            let input = block.input.map_or("", RawValue::get);
            answer.tool_calls.push(ToolCall {
                id: Text::of(block.id.as_ref()).to_owned(),
                name: Text::of(block.name.as_ref()).to_owned(),
                // A stream begins with an empty object, which the deltas replace.
                arguments: if input == "{}" { String::new() } else { input.to_owned() },
            });
            output = true;
        }
        seen.add(reasoning, output);
    }

    fn delta(
        &mut self,
        answer: &mut Answer,
        index: Option<usize>,
        delta: &Delta<'_>,
        seen: &mut EventContent,
    ) {
        match Text::of(delta.kind.as_ref()) {
            "text_delta" => seen.add(false, push(&mut answer.text, delta.text.as_ref())),
            "thinking_delta" => {
                seen.add(push(&mut answer.reasoning, delta.thinking.as_ref()), false);
            }
            "input_json_delta" => {
                // A tool that the provider runs itself is no call of ours.
                let call = self.calls.iter().position(|block| Some(*block) == index);
                if let Some(call) = call.and_then(|call| answer.tool_calls.get_mut(call)) {
                    seen.add(false, push(&mut call.arguments, delta.partial_json.as_ref()));
                }
            }
            "signature_delta" | "citations_delta" => {}
            _ => answer.unknown_events += 1,
        }
    }
}

fn reason_of(said: Option<&Text<'_>>) -> Option<FinishReason> {
    Some(match Text::of(said) {
        "" => return None,
        "end_turn" | "stop_sequence" => FinishReason::Stop,
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "tool_use" => FinishReason::ToolCalls,
        "refusal" => FinishReason::ContentFilter,
        _ => FinishReason::Other,
    })
}

#[derive(Debug, Deserialize)]
struct Event<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<Text<'a>>,
    index: Option<usize>,
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    #[serde(borrow)]
    content_block: Option<Block<'a>>,
    #[serde(borrow)]
    message: Option<Message<'a>>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct Delta<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    thinking: Option<Text<'a>>,
    #[serde(borrow)]
    partial_json: Option<Text<'a>>,
    #[serde(borrow)]
    stop_reason: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
struct Block<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    thinking: Option<Text<'a>>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    model: Option<Text<'a>>,
    #[serde(borrow)]
    content: Option<Vec<Block<'a>>>,
    #[serde(borrow)]
    stop_reason: Option<Text<'a>>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}
