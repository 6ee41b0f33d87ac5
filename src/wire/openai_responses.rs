//! OpenAI responses: requests out, answers in.

mod event;

use serde_json::{Map, Value, json};

use super::answer::{Answer, FinishReason, MAX_TOOL_CALLS};
use super::event_content::EventContent;
use super::lenient::mend;
use super::params::{self, Function};
use super::provider_error::{WireError, broken_off, in_band, in_place_of_answer, malformed, said};
use super::request::Request;
use super::text::{Text, note, push};
use super::usage;
use crate::units::{Dialect, ServiceTier, ToolCall};
use event::{Event, Item, Response};

/// What an answer is called in messages.
const WHAT: &str = "an event or an answer of OpenAI responses";

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
    /// The output items that are tool calls, in order: their index and their id.
    calls: Vec<(Option<u64>, String)>,
}

/// Takes one event's data, or a whole response.
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
                seen.add(false, state.open(answer, event.output_index, &item));
            }
        }
        "response.function_call_arguments.delta" => {
            if let Some(call) = state.call(answer, &event) {
                seen.add(false, push(&mut call.arguments, event.delta.as_ref()));
            }
        }
        "response.function_call_arguments.done" => {
            if let Some(call) = state.call(answer, &event).filter(|c| c.arguments.is_empty()) {
                seen.add(false, push(&mut call.arguments, event.arguments.as_ref()));
            }
        }
        "response.output_item.done" => state.close(answer, &event, &mut seen),
        // Of servers that send no deltas.
        "response.output_text.done" if answer.text.is_empty() => {
            seen.add(false, push(&mut answer.text, event.text.as_ref()));
        }
        "response.content_part.done" if answer.text.is_empty() => {
            let text = event.part.as_ref().and_then(|part| part.text.as_ref());
            seen.add(false, push(&mut answer.text, text));
        }
        "response.created" | "response.in_progress" => {
            describe(answer, &event.response.unwrap_or_default());
        }
        "response.completed" | "response.incomplete" | "response.failed" | "response.done" => {
            usage::take(answer, Dialect::OpenaiResponses, event.usage);
            end(answer, event.response.unwrap_or_default())?;
            seen.done = true;
        }
        "error" => {
            let whole = || serde_json::from_slice(data).unwrap_or(Value::Null);
            return in_band(answer, &said(event.error).unwrap_or_else(whole));
        }
        kind if IGNORED.contains(&kind) => {}
        kind => match said(event.error) {
            Some(error) => return in_band(answer, &error),
            None if kind.is_empty() => {
                seen = whole(answer, data)?;
            }
            None => answer.unknown_events += 1,
        },
    }
    Ok(seen)
}

/// Takes an object without a kind: a whole response.
fn whole(answer: &mut Answer, data: &[u8]) -> Result<EventContent, WireError> {
    let read: Result<Response<'_>, _> = serde_json::from_slice(data);
    let mended;
    let response = match read {
        Ok(response) => response,
        Err(error) => {
            mended = mend(answer, data, event::RESPONSE, WHAT, &error)?;
            serde_json::from_slice(&mended).map_err(|e| malformed(WHAT, &mended, &e))?
        }
    };
    if response.status.is_none() && response.output.is_none() && said(response.error).is_none() {
        return in_place_of_answer(answer, data);
    }
    let mut seen = EventContent { done: true, ..EventContent::default() };
    let before = answer.reasoning.len();
    end(answer, response)?;
    seen.add(answer.reasoning.len() > before, !answer.text.is_empty());
    Ok(seen)
}

/// Events that repeat the content of others.
const IGNORED: [&str; 11] = [
    "response.queued",
    "response.content_part.added",
    "response.content_part.done",
    "response.output_text.done",
    "response.output_text.annotation.added",
    "response.refusal.done",
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_part.done",
    "response.reasoning_summary_text.done",
    "response.reasoning_text.done",
    "keepalive",
];

impl State {
    /// A tool call begins; whether it held anything.
    fn open(&mut self, answer: &mut Answer, index: Option<u64>, item: &Item<'_>) -> bool {
        self.calls.resize(answer.tool_calls.len(), (None, String::new()));
        self.calls.push((index, Text::of(item.id.as_ref()).to_owned()));
        add_call(answer, item)
    }

    /// The position of the call that an event is about: by its index, else by its id, else the last.
    fn position(&self, index: Option<u64>, id: &str) -> Option<usize> {
        let by_index = || self.calls.iter().rposition(|(known, _)| *known == index);
        let by_id = || self.calls.iter().rposition(|(_, known)| known == id);
        match (index, id) {
            (Some(_), "") => by_index(),
            (Some(_), _) => by_index().or_else(by_id),
            (None, "") => self.calls.len().checked_sub(1),
            (None, _) => by_id().or_else(|| self.calls.len().checked_sub(1)),
        }
    }

    fn call<'a>(&self, answer: &'a mut Answer, event: &Event<'_>) -> Option<&'a mut ToolCall> {
        let at = self.position(event.output_index, Text::of(event.item_id.as_ref()))?;
        answer.tool_calls.get_mut(at)
    }

    /// An output item is complete: takes the call that no event before it held.
    fn close(&mut self, answer: &mut Answer, event: &Event<'_>, seen: &mut EventContent) {
        let Some(item) = event.item.as_ref().filter(|item| item.is_call()) else {
            // Of servers that send no deltas.
            let items = event.item.as_slice();
            let had = (answer.text.is_empty(), answer.reasoning.is_empty());
            fill(answer, items);
            let is_new = (had.0 && !answer.text.is_empty(), had.1 && !answer.reasoning.is_empty());
            seen.add(is_new.1, is_new.0);
            return;
        };
        let id = Text::of(item.call_id.as_ref());
        let of_id = || answer.tool_calls.iter().position(|call| call.id == id);
        let known = self.calls.iter().position(|(index, _)| *index == event.output_index);
        match if id.is_empty() { known } else { of_id() } {
            Some(at) => {
                if let Some(call) = answer.tool_calls.get_mut(at)
                    && call.arguments.is_empty()
                {
                    seen.add(false, push(&mut call.arguments, item.arguments.as_ref()));
                }
            }
            None => seen.add(false, self.open(answer, event.output_index, item)),
        }
    }
}

/// The whole response, at the end of a stream or instead of one: the finish reason, the usage, and
/// content that no delta had.
fn end(answer: &mut Answer, response: Response<'_>) -> Result<(), WireError> {
    describe(answer, &response);
    let status = Text::of(response.status.as_ref());
    if let Some(error) = said(response.error) {
        return in_band(answer, &error).map(|_| ());
    }
    broken_off(status)?;
    fill(answer, &response.output.unwrap_or_default());
    if answer.text.is_empty() {
        push(&mut answer.text, response.output_text.as_ref());
    }
    let why = response.incomplete_details.and_then(|details| details.reason);
    let why = Text::of(why.as_ref());
    broken_off(why)?;
    answer.finish_reason = Some(match status {
        "incomplete" => FinishReason::from_name(why),
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
