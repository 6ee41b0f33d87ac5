//! OpenAI responses: requests out, answers in.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::answer::{Answer, FinishReason, MAX_TOOL_CALLS};
use super::error::ErrorClass;
use super::event_content::EventContent;
use super::params::{self, Function};
use super::provider_error::{WireError, in_band, malformed};
use super::request::Request;
use super::text::{Text, kind_of, note, push};
use super::usage;
use crate::units::{Dialect, ServiceTier, ToolCall};

/// The path below a provider's base URL.
pub(super) const PATH: &str = "/responses";

/// The name of a schema without one; the API requires it.
const NAME: &str = "answer";

/// The body of a request.
pub(super) fn encode(request: &Request<'_>) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("model".into(), request.model.into());
    // By default the API stores every prompt and answer for a month.
    body.insert("store".into(), false.into());
    let system = request.system.map(|text| json!({"role": "system", "content": text}));
    let role = |role: &str| if role == "tool" { "user".to_owned() } else { role.to_owned() };
    let turns = request.messages.iter();
    let turns = turns.map(|m| json!({"role": role(&m.role), "content": m.content}));
    body.insert("input".into(), system.into_iter().chain(turns).collect());
    if request.tools.is_some() {
        let tool = |tool: Result<Function<'_>, &Value>| tool.map_or_else(Value::clone, tool_of);
        body.insert("tools".into(), params::tools(request).map(tool).collect());
    }
    if let Some(schema) = request.schema {
        put_schema(&mut body, NAME, schema);
    }
    if let Some(limit) = params::limit(request) {
        body.insert("max_output_tokens".into(), limit);
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
    // Chat completions default to `strict: false`, this API to `strict: true`.
    let strict = function.strict.cloned().unwrap_or(Value::Bool(false));
    let mut tool = json!({"type": "function", "name": function.name, "strict": strict});
    let parts = [("description", function.description), ("parameters", function.parameters)];
    for (key, value) in parts {
        if let Some(value) = value {
            tool[key] = value.clone();
        }
    }
    tool
}

fn put_schema(body: &mut Map<String, Value>, name: &str, schema: &Value) {
    let format = json!({"type": "json_schema", "name": name, "schema": schema});
    params::put(body, &["text", "format"], format);
}

/// Adds a parameter under this dialect's name for it, if it has one.
fn param(body: &mut Map<String, Value>, name: &str, value: &Value) {
    match name {
        name if params::is_limit(name) => {}
        "reasoning_effort" => params::put(body, &["reasoning", "effort"], value.clone()),
        "verbosity" => params::put(body, &["text", "verbosity"], value.clone()),
        "response_format" => match params::schema_of(value) {
            Some(schema) => {
                let name = value["json_schema"]["name"].as_str().unwrap_or(NAME);
                put_schema(body, name, schema);
            }
            None => params::put(body, &["text", "format"], value.clone()),
        },
        "tool_choice" => {
            let choice = params::chosen(value)
                .map_or_else(|| value.clone(), |name| json!({"type": "function", "name": name}));
            params::put(body, &["tool_choice"], choice);
        }
        _ => params::put(body, &[name], value.clone()),
    }
}

/// State between the events of a stream.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The indexes of the output items that are tool calls, in order.
    calls: Vec<u64>,
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
        "response.output_text.delta" => {
            seen.add(false, push(&mut answer.text, event.delta.as_ref()));
        }
        "response.refusal.delta" => {
            seen.add(false, push(&mut answer.refusal, event.delta.as_ref()));
        }
        "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
            seen.add(push(&mut answer.reasoning, event.delta.as_ref()), false);
        }
        "response.output_item.added" => {
            if let Some(item) = event.item.filter(Item::is_call) {
                state.calls.push(event.output_index.unwrap_or(state.calls.len() as u64));
                seen.add(false, add_call(answer, &item));
            }
        }
        "response.function_call_arguments.delta" => {
            let call = state.calls.iter().position(|item| Some(*item) == event.output_index);
            if let Some(call) = call.and_then(|call| answer.tool_calls.get_mut(call)) {
                seen.add(false, push(&mut call.arguments, event.delta.as_ref()));
            }
        }
        "response.created" | "response.in_progress" => {
            describe(answer, &event.response.unwrap_or_default());
        }
        "response.completed" | "response.incomplete" | "response.failed" => {
            end(answer, event.response.unwrap_or_default())?;
            seen.done = true;
        }
        "error" => {
            let whole = String::from_utf8_lossy(data);
            return Err(in_band(event.error.map_or(&*whole, RawValue::get)));
        }
        kind if IGNORED.contains(&kind) => {}
        _ => match event.error {
            Some(error) if error.get() != "null" => return Err(in_band(error.get())),
            _ => answer.unknown_events += 1,
        },
    }
    Ok(seen)
}

/// Events that repeat the content of others.
const IGNORED: [&str; 13] = [
    "response.queued",
    "response.output_item.done",
    "response.content_part.added",
    "response.content_part.done",
    "response.output_text.done",
    "response.output_text.annotation.added",
    "response.refusal.done",
    "response.function_call_arguments.done",
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_part.done",
    "response.reasoning_summary_text.done",
    "response.reasoning_text.done",
    "keepalive",
];

/// An event of an unknown kind may have any content; one of a known kind must be valid.
fn unknown(
    answer: &mut Answer,
    data: &[u8],
    error: &serde_json::Error,
) -> Result<EventContent, WireError> {
    let kind = kind_of(data);
    let is_read = |kind: &str| {
        kind == "error"
            || kind.ends_with("_text.delta")
            || [
                "response.refusal.delta",
                "response.output_item.added",
                "response.function_call_arguments.delta",
                "response.created",
                "response.in_progress",
                "response.completed",
                "response.incomplete",
                "response.failed",
            ]
            .contains(&kind)
    };
    match kind {
        Some(kind) if !is_read(&kind) => {
            answer.unknown_events += u64::from(!IGNORED.contains(&kind.as_str()));
            Ok(EventContent::default())
        }
        _ => Err(malformed("an event of OpenAI responses", data, error)),
    }
}

/// Reads a whole response.
pub(super) fn body(answer: &mut Answer, body: &[u8]) -> Result<(), WireError> {
    let response: Response<'_> =
        serde_json::from_slice(body).map_err(|e| malformed("an OpenAI response", body, &e))?;
    end(answer, response)
}

/// The whole response, at the end of a stream or instead of one: the finish reason, the usage, and
/// content that no delta had.
fn end(answer: &mut Answer, response: Response<'_>) -> Result<(), WireError> {
    describe(answer, &response);
    let status = Text::of(response.status.as_ref());
    let error = response.error.filter(|error| error.get() != "null");
    if let Some(error) = error {
        return Err(in_band(error.get()));
    }
    if matches!(status, "failed" | "cancelled") {
        let detail = format!("error in the stream: the response is {status}");
        return Err(WireError { class: ErrorClass::Server, detail });
    }
    fill(answer, &response.output.unwrap_or_default());
    let why = response.incomplete_details.and_then(|details| details.reason);
    answer.finish_reason = Some(match (status, Text::of(why.as_ref())) {
        ("incomplete", "max_output_tokens") => FinishReason::Length,
        ("incomplete", "content_filter") => FinishReason::ContentFilter,
        ("incomplete", _) => FinishReason::Other,
        _ if answer.tool_calls.is_empty() => FinishReason::Stop,
        _ => FinishReason::ToolCalls,
    });
    Ok(())
}

/// The model, the provider and the usage.
fn describe(answer: &mut Answer, response: &Response<'_>) {
    note(&mut answer.response_model, response.model.as_ref());
    note(&mut answer.served_by, response.provider.as_ref());
    usage::take(answer, Dialect::OpenaiResponses, response.usage);
    let tier = ServiceTier::from_name(Text::of(response.service_tier.as_ref()));
    answer.usage.service_tier = tier.or(answer.usage.service_tier);
}

/// Takes content from the output items that no delta had.
fn fill(answer: &mut Answer, items: &[Item<'_>]) {
    let (had_text, had_reasoning) = (!answer.text.is_empty(), !answer.reasoning.is_empty());
    let (had_refusal, had_calls) = (!answer.refusal.is_empty(), !answer.tool_calls.is_empty());
    for item in items {
        let parts = item.content.iter().chain(&item.summary).flatten();
        match Text::of(item.kind.as_ref()) {
            "message" => {
                for part in parts {
                    if !had_text {
                        push(&mut answer.text, part.text.as_ref());
                    }
                    if !had_refusal {
                        push(&mut answer.refusal, part.refusal.as_ref());
                    }
                }
            }
            "reasoning" if !had_reasoning => {
                for part in parts {
                    push(&mut answer.reasoning, part.text.as_ref());
                }
            }
            "function_call" if !had_calls => {
                add_call(answer, item);
            }
            _ => {}
        }
    }
}

/// Adds a tool call; whether it had any content.
fn add_call(answer: &mut Answer, item: &Item<'_>) -> bool {
    if answer.tool_calls.len() >= MAX_TOOL_CALLS {
        return false;
    }
    let text = |text: &Option<Text<'_>>| Text::of(text.as_ref()).to_owned();
    let call = ToolCall {
        id: text(&item.call_id),
        name: text(&item.name),
        arguments: text(&item.arguments),
    };
    let holds = !call.name.is_empty() || !call.arguments.is_empty();
    answer.tool_calls.push(call);
    holds
}

#[derive(Debug, Deserialize)]
struct Event<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    delta: Option<Text<'a>>,
    output_index: Option<u64>,
    #[serde(borrow)]
    item: Option<Item<'a>>,
    #[serde(borrow)]
    response: Option<Response<'a>>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
struct Response<'a> {
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    model: Option<Text<'a>>,
    /// Of routers.
    #[serde(borrow)]
    provider: Option<Text<'a>>,
    #[serde(borrow)]
    service_tier: Option<Text<'a>>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    incomplete_details: Option<Incomplete<'a>>,
    #[serde(borrow)]
    output: Option<Vec<Item<'a>>>,
}

#[derive(Debug, Deserialize)]
struct Incomplete<'a> {
    #[serde(borrow)]
    reason: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
struct Item<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    call_id: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    arguments: Option<Text<'a>>,
    #[serde(borrow)]
    content: Option<Vec<Part<'a>>>,
    #[serde(borrow)]
    summary: Option<Vec<Part<'a>>>,
}

impl Item<'_> {
    fn is_call(&self) -> bool {
        Text::of(self.kind.as_ref()) == "function_call"
    }
}

#[derive(Debug, Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    refusal: Option<Text<'a>>,
}
