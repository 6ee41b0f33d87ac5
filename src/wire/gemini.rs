//! Gemini `generateContent` and `streamGenerateContent`: requests out, answers in.

mod chunk;

use std::fmt::Write;

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
use chunk::{Call, Candidate, Chunk};

/// What an answer is called in messages.
const WHAT: &str = "a Gemini answer";

/// The path below a provider's base URL: it contains the model and whether to stream.
pub(super) fn path(model: &str, stream: bool) -> String {
    let named = ["models/", "tunedModels/"].iter().any(|kind| model.starts_with(kind));
    let folder = if named { "" } else { "models/" };
    let operation = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
    format!("/{folder}{}:{operation}", escaped(model))
}

/// A name as part of a path: all but letters, digits and a few marks is escaped (RFC 3986 §2).
fn escaped(name: &str) -> String {
    let mut path = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/@:".contains(&byte) {
            path.push(char::from(byte));
        } else {
            write!(path, "%{byte:02X}").expect("a string takes every text");
        }
    }
    path
}

/// The body of a request.
pub(super) fn encode(request: &Request<'_>) -> Map<String, Value> {
    let mut body = Map::new();
    let part = |text: &str| json!({"text": text});
    let system: Vec<Value> = params::system(request).map(part).collect();
    if !system.is_empty() {
        body.insert("systemInstruction".into(), json!({"parts": system}));
    }
    let role = |role: &str| if role == "assistant" { "model" } else { "user" };
    let turns = request.messages.iter().filter(|m| m.role != "system");
    let turns = turns.map(|m| json!({"role": role(&m.role), "parts": [part(&m.content)]}));
    body.insert("contents".into(), turns.collect());
    if request.tools.is_some() {
        body.insert("tools".into(), tools(request));
    }
    if let Some(schema) = request.schema {
        put_schema(&mut body, schema);
    }
    if let Some(limit) = params::limit(request) {
        params::put(&mut body, &["generationConfig", "maxOutputTokens"], limit);
    }
    for (name, value) in request.params {
        param(&mut body, request.model, name, value);
    }
    body
}

fn tools(request: &Request<'_>) -> Value {
    let (mut functions, mut tools) = (Vec::new(), Vec::new());
    for tool in params::tools(request) {
        match tool {
            Ok(function) => functions.push(function_of(function)),
            Err(tool) => tools.push(tool.clone()),
        }
    }
    if !functions.is_empty() {
        tools.insert(0, json!({"functionDeclarations": functions}));
    }
    Value::Array(tools)
}

fn function_of(function: Function<'_>) -> Value {
    let mut declaration = json!({"name": function.name});
    // `parameters` takes a subset of OpenAPI schemas; this field takes JSON Schema.
    let parts =
        [("description", function.description), ("parametersJsonSchema", function.parameters)];
    for (key, value) in parts {
        if let Some(value) = value {
            declaration[key] = value.clone();
        }
    }
    declaration
}

fn put_schema(body: &mut Map<String, Value>, schema: &Value) {
    params::put(body, &["generationConfig", "responseMimeType"], "application/json".into());
    params::put(body, &["generationConfig", "responseJsonSchema"], schema.clone());
}

/// Parameters of chat completions with another name here.
const NAMES: [(&str, &str); 8] = [
    ("temperature", "temperature"),
    ("top_p", "topP"),
    ("top_k", "topK"),
    ("seed", "seed"),
    ("presence_penalty", "presencePenalty"),
    ("frequency_penalty", "frequencyPenalty"),
    ("logprobs", "responseLogprobs"),
    ("top_logprobs", "logprobs"),
];

/// Parameters of this dialect that belong to `generationConfig`.
const GENERATION: [&str; 11] = [
    "topP",
    "topK",
    "stopSequences",
    "presencePenalty",
    "frequencyPenalty",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "responseModalities",
    "thinkingConfig",
    "mediaResolution",
];

/// Adds a parameter under this dialect's name for it, if it has one.
fn param(body: &mut Map<String, Value>, model: &str, name: &str, value: &Value) {
    if params::is_limit(name) {
        return;
    }
    let known = NAMES.iter().find(|(theirs, _)| *theirs == name).map(|(_, ours)| *ours);
    let own = GENERATION.iter().find(|own| **own == name).copied();
    if let Some(name) = known.or(own) {
        params::put(body, &["generationConfig", name], value.clone());
        return;
    }
    match name {
        "stop" => {
            params::put(body, &["generationConfig", "stopSequences"], params::stops(value));
        }
        "reasoning_effort" => {
            let thinking = thinking(model, value);
            params::put(body, &["generationConfig", "thinkingConfig"], thinking);
        }
        "response_format" if params::schema_of(value).is_some() => {
            put_schema(body, params::schema_of(value).unwrap_or(&Value::Null));
        }
        "tool_choice" => {
            let mode = match value.as_str() {
                Some("auto") => json!({"mode": "AUTO"}),
                Some("none") => json!({"mode": "NONE"}),
                Some(_) => json!({"mode": "ANY"}),
                None => json!({"mode": "ANY", "allowedFunctionNames": [params::chosen(value)]}),
            };
            params::put(body, &["toolConfig", "functionCallingConfig"], mode);
        }
        _ => params::put(body, &[name], value.clone()),
    }
}

/// A reasoning effort: models before Gemini 3 take a number of tokens, by the table that Google
/// publishes for its OpenAI-compatible endpoint.
fn thinking(model: &str, effort: &Value) -> Value {
    if model.contains("gemini-2") {
        let budget = match effort.as_str() {
            Some("none") => 0,
            Some("minimal" | "low") => 1024,
            Some("medium") => 8192,
            _ => 24_576,
        };
        return json!({"thinkingBudget": budget});
    }
    let level = match effort.as_str() {
        Some("none") => "minimal",
        Some("xhigh" | "max") => "high",
        Some(level) => level,
        None => return json!({"thinkingLevel": effort}),
    };
    json!({"thinkingLevel": level})
}

/// Takes one event's data, or a whole answer.
pub(super) fn event(answer: &mut Answer, data: &[u8]) -> Result<EventContent, WireError> {
    let error = match serde_json::from_slice(data) {
        Ok(chunk) => return take(answer, chunk, data),
        Err(error) => error,
    };
    let data = mend(answer, data, chunk::CHUNK, WHAT, &error)?;
    let chunk = serde_json::from_slice(&data).map_err(|e| malformed(WHAT, &data, &e))?;
    take(answer, chunk, &data)
}

fn take(answer: &mut Answer, chunk: Chunk<'_>, data: &[u8]) -> Result<EventContent, WireError> {
    let is_known = chunk.candidates.is_some()
        || chunk.usage.is_some()
        || chunk.error.is_some()
        || chunk.prompt_feedback.is_some();
    note(&mut answer.response_model, chunk.model_version.as_ref());
    let counted = chunk.usage.is_some();
    // On every chunk, and cumulative.
    usage::take(answer, Dialect::Gemini, chunk.usage);
    if let Some(error) = said(chunk.error) {
        return in_band(answer, &error);
    }
    if !is_known {
        return match chunk.response.map(RawValue::get).filter(|inner| inner.starts_with('{')) {
            Some(inner) => event(answer, inner.as_bytes()),
            None => in_place_of_answer(answer, data),
        };
    }
    let mut seen = EventContent::default();
    // The prompt was refused: there is no candidate.
    let blocked = chunk.prompt_feedback.and_then(|feedback| feedback.block_reason);
    if !matches!(Text::of(blocked.as_ref()), "" | "BLOCK_REASON_UNSPECIFIED") {
        answer.finish_reason = Some(FinishReason::ContentFilter);
    }
    let candidates = chunk.candidates.unwrap_or_default();
    let first = candidates.into_iter().find(|candidate| candidate.index.unwrap_or(0) == 0);
    if let Some(candidate) = first {
        add(answer, candidate, &mut seen)?;
    }
    // There is no end mark; a finish reason with the usage is one, if the usage has the answer's.
    let is_counted = answer.usage.output.is_some_and(|n| n > 0) || answer.text.is_empty();
    seen.done = counted && is_counted && answer.finish_reason.is_some();
    Ok(seen)
}

fn add(
    answer: &mut Answer,
    candidate: Candidate<'_>,
    seen: &mut EventContent,
) -> Result<(), WireError> {
    let content = candidate.content.and_then(|content| content.parts);
    for part in content.unwrap_or_default() {
        if let Some(call) = part.function_call {
            seen.add(false, add_call(answer, &call));
        } else if part.thought == Some(true) {
            seen.add(push(&mut answer.reasoning, part.text.as_ref()), false);
        } else {
            seen.add(false, push(&mut answer.text, part.text.as_ref()));
        }
    }
    let reason = Text::of(candidate.finish_reason.as_ref());
    broken_off(reason)?;
    // What the model wrote as a call, and the provider could not read as one.
    if matches!(reason, "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" | "TOO_MANY_TOOL_CALLS")
    {
        answer.is_malformed_call = true;
        if answer.text.is_empty() {
            push(&mut answer.text, candidate.finish_message.as_ref());
        }
    }
    let reason = reason_of(reason, !answer.tool_calls.is_empty());
    answer.finish_reason = reason.or(answer.finish_reason);
    Ok(())
}

fn add_call(answer: &mut Answer, call: &Call<'_>) -> bool {
    if answer.tool_calls.len() >= MAX_TOOL_CALLS {
        return false;
    }
    let arguments = call.args.map_or("", RawValue::get);
    answer.tool_calls.push(ToolCall {
        id: Text::of(call.id.as_ref()).to_owned(),
        name: Text::of(call.name.as_ref()).to_owned(),
        arguments: if arguments == "null" { String::new() } else { arguments.to_owned() },
    });
    true
}

fn reason_of(said: &str, calls: bool) -> Option<FinishReason> {
    Some(match said {
        "" | "FINISH_REASON_UNSPECIFIED" => return None,
        "STOP" if calls => FinishReason::ToolCalls,
        "SAFETY"
        | "RECITATION"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION"
        | "MODEL_ARMOR" => FinishReason::ContentFilter,
        other => FinishReason::from_name(other),
    })
}
