//! OpenAI chat completions, and the many that imitate it: requests out, answers in.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::{Answer, ErrorClass, FinishReason, Request, ToolCall, usage};

/// The two names of the output limit.
const LIMITS: [&str; 2] = ["max_tokens", "max_completion_tokens"];

/// The path below a provider's base URL.
pub const PATH: &str = "/chat/completions";

/// The most tool calls that one answer may hold; a model that writes more is broken.
const MAX_TOOL_CALLS: usize = 256;

/// What came is an error, or cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireError {
    /// Its class.
    pub class: ErrorClass,
    /// What was said, at most [`MAX_DETAIL`] characters.
    pub detail: String,
}

/// The most characters of a provider's error message that are kept.
pub const MAX_DETAIL: usize = 300;

/// The body of a request.
#[must_use]
pub fn encode(request: &Request<'_>) -> Vec<u8> {
    let mut body = Map::new();
    body.insert("model".into(), request.model.into());
    let system = request.system.map(|text| json!({"role": "system", "content": text}));
    let messages = request.messages.iter().map(|m| json!({"role": m.role, "content": m.content}));
    body.insert("messages".into(), Value::Array(system.into_iter().chain(messages).collect()));
    if let Some(tools) = request.tools {
        body.insert("tools".into(), tools.clone());
    }
    if let Some(schema) = request.schema {
        let format = json!({"name": "answer", "schema": schema});
        body.insert(
            "response_format".into(),
            json!({"type": "json_schema", "json_schema": format}),
        );
    }
    // A limit among the parameters wins, whichever name it has; never send both names.
    let limited = LIMITS.iter().any(|name| request.params.contains_key(*name));
    if let Some(max) = request.max_tokens.filter(|_| !limited) {
        let [older, newer] = LIMITS;
        let name = if request.limit_counts_reasoning { newer } else { older };
        body.insert(name.into(), max.into());
    }
    if request.stream {
        body.insert("stream".into(), true.into());
        body.insert("stream_options".into(), json!({"include_usage": true}));
    }
    for (name, value) in request.params {
        body.insert(name.clone(), value.clone());
    }
    serde_json::to_vec(&Value::Object(body)).expect("plain JSON values")
}

/// What one event of a stream held, for the stamps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "four independent observations")]
pub struct Seen {
    /// A token event: a non-empty content, reasoning, refusal or tool-call delta.
    pub token: bool,
    /// A token event that is not reasoning.
    pub output: bool,
    /// A reasoning delta.
    pub reasoning: bool,
    /// The stream's own end mark.
    pub done: bool,
}

/// Collects the events of one stream into an answer.
#[derive(Debug, Default)]
pub struct StreamDecoder {
    answer: Answer,
    done: bool,
    events: u64,
}

impl StreamDecoder {
    /// Takes one event's data.
    ///
    /// # Errors
    /// The provider's own error inside the stream, or [`ErrorClass::Protocol`] for what is not a
    /// chunk of a chat completion.
    pub fn event(&mut self, data: &[u8]) -> Result<Seen, WireError> {
        if data == b"[DONE]" {
            self.done = true;
            return Ok(Seen { done: true, ..Seen::default() });
        }
        // What comes after the end belongs to no answer.
        if data.is_empty() || self.done {
            return Ok(Seen::default());
        }
        self.events += 1;
        let chunk: Chunk<'_> = serde_json::from_slice(data).map_err(|e| malformed(data, &e))?;
        // An error may state what was billed all the same.
        self.describe(chunk.model, chunk.provider, chunk.usage);
        if let Some(error) = chunk.error {
            return Err(in_band(error.get()));
        }
        let mut seen = Seen::default();
        if let Some(FirstChoice(Some(choice))) = chunk.choices {
            if let Some(delta) = choice.delta {
                self.delta(delta, &mut seen);
            }
            self.answer.finish_reason = reason(choice.finish_reason).or(self.answer.finish_reason);
        }
        Ok(seen)
    }

    fn describe(
        &mut self,
        model: Option<Text<'_>>,
        provider: Option<Text<'_>>,
        usage: Option<&RawValue>,
    ) {
        let answer = &mut self.answer;
        if let Some(Text(model)) = model
            && !model.is_empty()
            && answer.response_model.as_deref() != Some(&*model)
        {
            answer.response_model = Some(model.into_owned());
        }
        if let Some(Text(provider)) = provider
            && answer.served_by.as_deref() != Some(&*provider)
        {
            answer.served_by = Some(provider.into_owned());
        }
        if let Some(usage) = usage.filter(|u| u.get() != "null") {
            let (normal, cost) = usage::of_chat(usage.get());
            answer.usage = normal;
            answer.cost_reported = cost.or(answer.cost_reported);
            answer.usage_verbatim = Some(usage.get().to_owned());
        }
    }

    fn delta(&mut self, delta: Delta<'_>, seen: &mut Seen) {
        let push = |into: &mut String, text: Option<Text<'_>>| -> bool {
            let Some(Text(text)) = text else { return false };
            into.push_str(&text);
            !text.is_empty()
        };
        let answer = &mut self.answer;
        let reasoning = push(
            &mut answer.reasoning,
            delta.reasoning_content.filter(|Text(t)| !t.is_empty()).or(delta.reasoning),
        );
        let mut output = push(&mut answer.text, delta.content);
        output |= push(&mut answer.refusal, delta.refusal);
        for call in delta.tool_calls.unwrap_or_default() {
            output |= merge_call(&mut answer.tool_calls, call);
        }
        seen.reasoning |= reasoning;
        seen.output |= output;
        seen.token |= reasoning || output;
    }

    /// The stream is over.
    ///
    /// # Errors
    /// [`ErrorClass::Empty`] when nothing came, [`ErrorClass::Truncated`] when neither an end mark
    /// nor a finish reason did. The answer as far as it came is beside the error.
    pub fn finish(self) -> (Answer, Option<WireError>) {
        let error = if self.events == 0 {
            Some((ErrorClass::Empty, "the stream held no event"))
        } else if !self.done && self.answer.finish_reason.is_none() {
            Some((ErrorClass::Truncated, "the stream ended without a finish reason or [DONE]"))
        } else {
            emptiness(&self.answer)
        };
        let error = error.map(|(class, detail)| WireError { class, detail: detail.to_owned() });
        (self.answer, error)
    }
}

/// Some imitators send an empty reason with every chunk; it ends nothing.
fn reason(said: Option<Text<'_>>) -> Option<FinishReason> {
    said.filter(|Text(reason)| !reason.is_empty())
        .map(|Text(reason)| FinishReason::from_name(&reason))
}

/// Reads a whole response that was not streamed. Beside an error stands what came all the same:
/// its usage may have been billed.
#[must_use]
pub fn decode_body(body: &[u8]) -> (Answer, Option<WireError>) {
    let mut decoder = StreamDecoder::default();
    let chunk: Chunk<'_> = match serde_json::from_slice(body) {
        Ok(chunk) => chunk,
        Err(error) => return (decoder.answer, Some(malformed(body, &error))),
    };
    decoder.describe(chunk.model, chunk.provider, chunk.usage);
    if let Some(error) = chunk.error {
        return (decoder.answer, Some(in_band(error.get())));
    }
    if let Some(FirstChoice(Some(choice))) = chunk.choices {
        if let Some(message) = choice.message {
            decoder.delta(message, &mut Seen::default());
        }
        decoder.answer.finish_reason = reason(choice.finish_reason);
    }
    let error = emptiness(&decoder.answer)
        .map(|(class, detail)| WireError { class, detail: detail.to_owned() });
    (decoder.answer, error)
}

/// The class and the message of a response whose status is not a success.
#[must_use]
pub fn decode_error(status: u16, body: &[u8]) -> WireError {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        error: Option<&'a RawValue>,
    }
    let error = serde_json::from_slice::<Body<'_>>(body).ok().and_then(|body| body.error);
    // Out of credit comes as 429 too; the error's own code says which of the two it is.
    let class = error
        .and_then(|error| coded(error.get()))
        .filter(|class| *class == ErrorClass::Payment)
        .unwrap_or_else(|| ErrorClass::of_status(status));
    let said = error.map_or_else(
        || String::from_utf8_lossy(&body[..body.len().min(1200)]).into_owned(),
        |error| message_of(error.get()),
    );
    WireError { class, detail: cut(&format!("HTTP {status}: {}", said.trim())) }
}

fn emptiness(answer: &Answer) -> Option<(ErrorClass, &'static str)> {
    let cut =
        matches!(answer.finish_reason, Some(FinishReason::Length | FinishReason::ContentFilter));
    let nothing = answer.text.is_empty()
        && answer.reasoning.is_empty()
        && answer.refusal.is_empty()
        && answer.tool_calls.is_empty();
    (nothing && !cut).then_some((ErrorClass::Empty, "the answer has no content"))
}

fn merge_call(calls: &mut Vec<ToolCall>, delta: CallDelta<'_>) -> bool {
    let index = delta.index.unwrap_or(calls.len());
    if index >= MAX_TOOL_CALLS {
        return false;
    }
    if calls.len() <= index {
        calls.resize_with(index + 1, ToolCall::default);
    }
    let call = &mut calls[index];
    if let Some(Text(id)) = delta.id
        && call.id.is_empty()
    {
        call.id = id.into_owned();
    }
    let mut grew = false;
    if let Some(function) = delta.function {
        if let Some(Text(name)) = function.name {
            grew |= !name.is_empty();
            call.name.push_str(&name);
        }
        if let Some(Text(arguments)) = function.arguments {
            grew |= !arguments.is_empty();
            call.arguments.push_str(&arguments);
        }
    }
    grew
}

fn in_band(error: &str) -> WireError {
    let class = coded(error).unwrap_or(ErrorClass::Server);
    WireError { class, detail: cut(&format!("error in the stream: {}", message_of(error))) }
}

/// The class that an error's own code stands for: a status as number or text, or one of the words
/// that providers use.
fn coded(error: &str) -> Option<ErrorClass> {
    #[derive(Deserialize)]
    struct Coded {
        code: Option<Value>,
    }
    let code = serde_json::from_str::<Coded>(error).ok().and_then(|e| e.code);
    let status = match code {
        Some(Value::Number(n)) => n.as_u64().and_then(|n| u16::try_from(n).ok()),
        Some(Value::String(text)) => text.parse().ok().or(match text.as_str() {
            "rate_limit_exceeded" | "rate_limited" => Some(429),
            "overloaded" | "overloaded_error" => Some(529),
            "insufficient_quota" => Some(402),
            "context_length_exceeded" | "invalid_request_error" => Some(400),
            _ => None,
        }),
        _ => None,
    };
    status.filter(|status| (400..=599).contains(status)).map(ErrorClass::of_status)
}

fn message_of(error: &str) -> String {
    #[derive(Deserialize)]
    struct Said {
        message: Option<String>,
    }
    match serde_json::from_str::<Said>(error) {
        Ok(Said { message: Some(message) }) => message,
        _ => error.trim_matches('"').to_owned(),
    }
}

fn malformed(data: &[u8], error: &serde_json::Error) -> WireError {
    let shown = String::from_utf8_lossy(&data[..data.len().min(80)]).into_owned();
    WireError {
        class: ErrorClass::Protocol,
        detail: cut(&format!("not a chat completion ({error}): {shown}")),
    }
}

/// Cuts to [`MAX_DETAIL`] characters and drops control characters.
fn cut(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_DETAIL).collect()
}

/// Text that is borrowed from the input wherever it holds no escape.
#[derive(Debug, Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Debug, Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    model: Option<Text<'a>>,
    #[serde(borrow)]
    provider: Option<Text<'a>>,
    #[serde(borrow)]
    choices: Option<FirstChoice<'a>>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// The choice whose index is 0 or absent: one answer is asked for. No list is made, for this is
/// read once per token.
#[derive(Debug)]
struct FirstChoice<'a>(Option<Choice<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for FirstChoice<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Choices<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Choices<'a> {
            type Value = FirstChoice<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of choices")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut first = None;
                while let Some(choice) = list.next_element::<Choice<'a>>()? {
                    if first.is_none() && choice.index.unwrap_or(0) == 0 {
                        first = Some(choice);
                    }
                }
                Ok(FirstChoice(first))
            }
        }
        deserializer.deserialize_seq(Choices(PhantomData))
    }
}

#[derive(Debug, Deserialize)]
struct Choice<'a> {
    index: Option<u32>,
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    #[serde(borrow)]
    message: Option<Delta<'a>>,
    #[serde(borrow)]
    finish_reason: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    content: Option<Text<'a>>,
    #[serde(borrow)]
    reasoning_content: Option<Text<'a>>,
    #[serde(borrow)]
    reasoning: Option<Text<'a>>,
    #[serde(borrow)]
    refusal: Option<Text<'a>>,
    #[serde(borrow)]
    tool_calls: Option<Vec<CallDelta<'a>>>,
}

#[derive(Debug, Deserialize)]
struct CallDelta<'a> {
    index: Option<usize>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    function: Option<FunctionDelta<'a>>,
}

#[derive(Debug, Deserialize)]
struct FunctionDelta<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    arguments: Option<Text<'a>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Message;

    fn stream(events: &[&str]) -> (Answer, Option<WireError>, Vec<Seen>) {
        let mut decoder = StreamDecoder::default();
        let mut all = Vec::new();
        for event in events {
            match decoder.event(event.as_bytes()) {
                Ok(seen) => all.push(seen),
                Err(error) => return (decoder.finish().0, Some(error), all),
            }
        }
        let (answer, error) = decoder.finish();
        (answer, error, all)
    }

    #[test]
    fn only_non_empty_deltas_are_tokens() {
        let (answer, error, seen) = stream(&[
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#,
            r#"{"choices":[],"prompt_filter_results":[]}"#,
            r#"{"choices":[{"index":0,"delta":{"reasoning_content":"hm"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"4\u00e9"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"model":"m-1"}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"cost":1.5e-6}}"#,
            "[DONE]",
        ]);
        let tokens: Vec<bool> = seen.iter().map(|s| s.token).collect();
        assert_eq!(tokens, [false, false, true, true, false, false, false]);
        assert!(seen[2].reasoning && !seen[2].output);
        assert_eq!(error, None);
        assert_eq!((answer.text.as_str(), answer.reasoning.as_str()), ("4é", "hm"));
        assert_eq!(answer.response_model.as_deref(), Some("m-1"));
        assert_eq!(answer.usage.output, Some(3));
        assert_eq!(answer.cost_reported.map(|c| c.to_string()), Some("0.0000015".into()));
    }

    #[test]
    fn tool_calls_grow_by_index() {
        let call = |index: u32, rest: &str| {
            format!(r#"{{"choices":[{{"delta":{{"tool_calls":[{{"index":{index},{rest}}}]}}}}]}}"#)
        };
        let events = [
            call(0, r#""id":"a","function":{"name":"get","arguments":""}"#),
            call(0, r#""function":{"arguments":"{\"x\":"}"#),
            call(1, r#""id":"b","function":{"name":"put","arguments":"{}"}"#),
            call(0, r#""function":{"arguments":"1}"}"#),
            r#"{"choices":[{"finish_reason":"tool_calls","delta":{}}]}"#.to_owned(),
        ];
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        let (answer, error, _) = stream(&events);
        assert_eq!(error, None);
        assert_eq!(answer.tool_calls[0].arguments, r#"{"x":1}"#);
        assert_eq!(answer.tool_calls[1].name, "put");
    }

    #[test]
    fn errors_inside_a_stream_have_a_class() {
        let check = |event: &str, class: ErrorClass| {
            let (_, error, _) = stream(&[event]);
            assert_eq!(error.expect("an error").class, class, "{event}");
        };
        check(r#"{"error":{"message":"slow down","code":429}}"#, ErrorClass::RateLimited);
        check(r#"{"error":{"message":"x","code":"rate_limit_exceeded"}}"#, ErrorClass::RateLimited);
        check(r#"{"error":{"message":"x","code":"502"}}"#, ErrorClass::Server);
        check(r#"{"error":"out of cheese"}"#, ErrorClass::Server);
        check("{broken", ErrorClass::Protocol);
        check(r#"{"choices":[{"delta":{"content":"cut"}}]}"#, ErrorClass::Truncated);
        check(
            r#"{"choices":[{"delta":{"content":"cut"},"finish_reason":""}]}"#,
            ErrorClass::Truncated,
        );
        check(r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#, ErrorClass::Empty);
        assert_eq!(stream(&[]).1.expect("an error").class, ErrorClass::Empty);
        assert_eq!(stream(&["[DONE]"]).1.expect("an error").class, ErrorClass::Empty);
    }

    #[test]
    fn a_whole_body_gives_the_same_normal_form() {
        let (answer, error) = decode_body(
            br#"{"model":"m","provider":"p","choices":[{"message":{"content":"hi","tool_calls":
                [{"id":"1","function":{"name":"f","arguments":"{}"}},
                 {"id":"2","function":{"name":"g","arguments":"{}"}}]},
                "finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
        );
        assert_eq!((error, answer.tool_calls[1].name.as_str()), (None, "g"));
        assert_eq!(answer.served_by.as_deref(), Some("p"));
        let class = |body: &[u8]| decode_body(body).1.expect("an error").class;
        assert_eq!(class(b"<html>"), ErrorClass::Protocol);
        let empty = br#"{"choices":[{"message":{"content":""},"finish_reason":"stop"}],
            "usage":{"prompt_tokens":5}}"#;
        assert_eq!((class(empty), decode_body(empty).0.usage.input), (ErrorClass::Empty, Some(5)));
        let broke =
            decode_error(429, br#"{"error":{"code":"insufficient_quota","message":"pay"}}"#);
        assert_eq!(broke.class, ErrorClass::Payment);
        let error = decode_error(429, br#"{"error":{"message":"later"}}"#);
        assert_eq!(
            (error.class, error.detail.as_str()),
            (ErrorClass::RateLimited, "HTTP 429: later")
        );
    }

    #[test]
    fn parameters_win() {
        let params = serde_json::from_str(r#"{"max_tokens":5,"top_p":1}"#).expect("a map");
        let messages = [Message { role: "user".into(), content: "hi".into() }];
        let request = Request {
            model: "m",
            system: Some("be brief"),
            messages: &messages,
            tools: None,
            schema: None,
            max_tokens: Some(9),
            limit_counts_reasoning: true,
            stream: true,
            params: &params,
        };
        let body: Value = serde_json::from_slice(&encode(&request)).expect("JSON");
        assert_eq!(body["max_tokens"], 5);
        assert_eq!(body.get("max_completion_tokens"), None);
        let params = Map::new();
        let body: Value =
            serde_json::from_slice(&encode(&Request { params: &params, ..request })).expect("JSON");
        assert_eq!((&body["max_completion_tokens"], body.get("max_tokens")), (&json!(9), None));
        assert_eq!(body["messages"][0]["role"], "system");
        assert_eq!(body["stream_options"]["include_usage"], true);
    }
}
