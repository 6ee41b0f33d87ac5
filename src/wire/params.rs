//! The parts of a request, read once for the dialects with other names or forms for them.
//!
//! Tasks and variants use the terms of OpenAI chat completions. The other dialects translate the
//! terms that they have a name for, and send the rest unchanged: a dialect's own parameters reach
//! it, and an unknown one is refused by the provider rather than dropped silently.

use serde_json::{Map, Value, json};

use super::request::Request;

/// The names of the output limit, over all dialects.
const LIMITS: [&str; 4] =
    ["max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens"];

/// A function that the model may call.
#[derive(Clone, Copy)]
pub(super) struct Function<'a> {
    pub name: &'a Value,
    pub description: Option<&'a Value>,
    /// The JSON Schema of its arguments.
    pub parameters: Option<&'a Value>,
    pub strict: Option<&'a Value>,
}

/// The tools of a request: functions by their parts, and others unchanged.
pub(super) fn tools<'a>(
    request: &Request<'a>,
) -> impl Iterator<Item = Result<Function<'a>, &'a Value>> {
    let tools = request.tools.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    tools.iter().map(|tool| {
        let function = tool.get("function").ok_or(tool)?;
        let name = function.get("name").ok_or(tool)?;
        Ok(Function {
            name,
            description: function.get("description"),
            parameters: function.get("parameters"),
            strict: function.get("strict"),
        })
    })
}

/// The system messages: the endpoint's, then the task's.
pub(super) fn system<'a>(request: &Request<'a>) -> impl Iterator<Item = &'a str> {
    let of_task = request.messages.iter().filter(|m| m.role == "system");
    request.system.into_iter().chain(of_task.map(|m| m.content.as_str()))
}

/// The output limit: a parameter of any name wins.
pub(super) fn limit(request: &Request<'_>) -> Option<Value> {
    let stated = LIMITS.iter().find_map(|name| request.params.get(*name)).cloned();
    stated.or_else(|| request.max_tokens.map(Value::from))
}

/// Whether a parameter is a name of the output limit.
pub(super) fn is_limit(name: &str) -> bool {
    LIMITS.contains(&name)
}

/// A stop parameter (a text or a list) as a list.
pub(super) fn stops(stop: &Value) -> Value {
    if stop.is_string() { json!([stop]) } else { stop.clone() }
}

/// The name of the one function that a `tool_choice` asks for.
pub(super) fn chosen(choice: &Value) -> Option<&Value> {
    choice.get("function")?.get("name")
}

/// The schema of a `response_format`.
pub(super) fn schema_of(format: &Value) -> Option<&Value> {
    format.get("json_schema")?.get("schema")
}

/// Sets a value at a path; objects are merged key by key, and later values win.
pub(super) fn put(body: &mut Map<String, Value>, path: &[&str], value: Value) {
    let Some((key, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        merge(body.entry(*key).or_insert(Value::Null), value);
        return;
    }
    let inner = body.entry(*key).or_insert_with(|| Value::Object(Map::new()));
    if !inner.is_object() {
        *inner = Value::Object(Map::new());
    }
    if let Value::Object(inner) = inner {
        put(inner, rest, value);
    }
}

fn merge(into: &mut Value, value: Value) {
    match (into, value) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, value) => *into = value,
    }
}
