//! Which parameter a refusal is about.
//!
//! Providers say it as OpenAI does (`param`), as pydantic does (`loc`), or in a sentence alone.

use serde_json::Value;

/// What a refusal of a parameter says, in lower case. "Too large" and "must be" are about a value.
const REFUSALS: [&str; 22] = [
    "unsupported",
    "not support",
    "not yet support",
    "unrecognized",
    "unrecognised",
    "unknown",
    "extra input",
    "extra field",
    "extra_forbidden",
    "additional propert",
    "not permitted",
    "not allowed",
    "not a valid field",
    "not a valid argument",
    "unexpected keyword",
    "unexpected field",
    "deprecated",
    "was unexpected",
    "must be verified to stream",
    "specified in request are not valid",
    "not available",
    "not enabled",
];

/// The parameters that are looked for in a sentence.
const NAMES: [&str; 22] = [
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "stream_options",
    "stream",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "seed",
    "stop",
    "logprobs",
    "frequency_penalty",
    "presence_penalty",
    "reasoning_effort",
    "reasoning",
    "thinking",
    "verbosity",
    "service_tier",
    "response_format",
    "tool_choice",
    "parallel_tool_calls",
];

/// The longest refusal that is read: a longer one quotes something.
const MAX_BYTES: usize = 8 << 10;
/// How deep a body is searched.
const MAX_DEPTH: u32 = 8;

/// The parameters that a response of this status may refuse to take, by their names in requests, the
/// likeliest first; empty: it refuses none.
#[must_use]
pub fn in_body(status: u16, body: &[u8]) -> Vec<String> {
    // Servers that pass parameters on as keyword arguments fail with 500.
    let may_be = matches!(status, 400 | 405..=428 | 500 | 501);
    match std::str::from_utf8(body) {
        Ok(text) if may_be && (status < 500 || text.contains("keyword")) => in_text(text),
        _ => Vec::new(),
    }
}

/// The same in an error's message or its JSON.
#[must_use]
pub fn in_text(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if text.len() > MAX_BYTES {
        return found;
    }
    let lower = text.to_lowercase();
    if REFUSALS.iter().any(|refusal| lower.contains(refusal)) {
        if let Ok(body) = serde_json::from_str(text) {
            stated(&body, 0, &mut found);
        }
        named(&lower, &mut found);
    }
    found
}

/// The parameters in fields of their own.
fn stated(value: &Value, depth: u32, found: &mut Vec<String>) {
    match value {
        _ if depth > MAX_DEPTH => {}
        Value::Array(list) => list.iter().for_each(|value| stated(value, depth + 1, found)),
        Value::Object(map) => {
            let param = map.get("param").and_then(Value::as_str).map(root);
            let loc = map.get("loc").and_then(Value::as_array).and_then(|path| {
                path.iter().filter_map(Value::as_str).find(|part| *part != "body")
            });
            let names = param.into_iter().chain(loc).filter(|name| !name.is_empty());
            found.extend(names.map(str::to_owned));
            map.values().for_each(|value| stated(value, depth + 1, found));
        }
        _ => {}
    }
}

/// `stream_options` of `stream_options.include_usage`.
fn root(name: &str) -> &str {
    name.trim_start_matches("body.").split(['.', '[']).next().unwrap_or(name)
}

/// The known parameters in a sentence, in its order; those that are common words come last.
fn named(lower: &str, found: &mut Vec<String>) {
    let stated = found.len();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    for word in words {
        let name = if word == "streaming" { "stream" } else { word };
        if NAMES.contains(&name) && !found.iter().any(|known| known == name) {
            found.push(name.to_owned());
        }
    }
    let is_word = |name: &String| !name.contains('_');
    found[stated..].sort_by_key(is_word);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_its_parameter() {
        let check = |status: u16, body: &str, expected: Option<&str>| {
            let found = in_body(status, body.as_bytes());
            assert_eq!(found.first().map(String::as_str), expected, "{body}");
        };
        let limit = r#"{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with
            this model. Use 'max_completion_tokens' instead.","param":"max_tokens","code":
            "unsupported_parameter"}}"#;
        check(400, limit, Some("max_tokens"));
        check(
            400,
            "Use max_completion_tokens: max_tokens is not supported",
            Some("max_completion_tokens"),
        );
        let said =
            r#"{"error":{"message":"Unrecognized request argument supplied: stream_options"}}"#;
        check(400, said, Some("stream_options"));
        let extra = r#"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body",
            "stream_options"],"msg":"Extra inputs are not permitted","input":{"include_usage":true}}]}}"#;
        check(422, extra, Some("stream_options"));
        check(
            422,
            r#"{"detail":"stream_options: Extra inputs are not permitted"}"#,
            Some("stream_options"),
        );
        check(400, "property 'stream_options' is unsupported", Some("stream_options"));
        check(
            500,
            "create() got an unexpected keyword argument 'stream_options'",
            Some("stream_options"),
        );
        let value = r#"{"error":{"message":"Unsupported value: 'temperature' does not support 0 with this
            model. Only the default (1) value is supported.","param":"temperature"}}"#;
        check(400, value, Some("temperature"));
        let verified = r#"{"error":{"message":"Your organization must be verified to stream this model.",
            "param":"stream","code":"unsupported_value"}}"#;
        check(400, verified, Some("stream"));
        check(400, "Streaming is not supported for this model", Some("stream"));
        let large = r#"{"error":{"message":"max_tokens is too large: 9000. This model supports at most
            4096 completion tokens","param":"max_tokens","code":"invalid_value"}}"#;
        check(400, large, None);
        check(
            400,
            r#"{"error":{"message":"This model's maximum context length is 8192 tokens"}}"#,
            None,
        );
        check(429, limit, None);
        check(500, "unknown error while the stream was read", None);
    }
}
