//! OpenAI chat completions and compatible APIs: requests out, answers in.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::answer::{Answer, FinishReason, MAX_TOOL_CALLS};
use super::event_content::EventContent;
use super::provider_error::{WireError, in_band, malformed};
use super::request::Request;
use super::text::{Text, note, push};
use super::usage;
use crate::units::{Dialect, ServiceTier, ToolCall};

/// The two names of the output limit.
const LIMITS: [&str; 2] = ["max_tokens", "max_completion_tokens"];

/// The path below a provider's base URL.
pub(super) const PATH: &str = "/chat/completions";

/// The body of a request.
pub(super) fn encode(request: &Request<'_>) -> Map<String, Value> {
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
    body
}

/// Takes one event's data.
pub(super) fn event(answer: &mut Answer, data: &[u8]) -> Result<EventContent, WireError> {
    let chunk: Chunk<'_> =
        serde_json::from_slice(data).map_err(|e| malformed("a chat completion", data, &e))?;
    let is_known = chunk.choices.is_some()
        || chunk.usage.is_some()
        || chunk.x_groq.is_some()
        || chunk.error.is_some();
    answer.unknown_events += u64::from(!is_known);
    // An error may state a billed usage.
    describe(answer, &chunk);
    if let Some(error) = chunk.error {
        return Err(in_band(error.get()));
    }
    let mut seen = EventContent::default();
    if let Some(FirstChoice(Some(choice))) = chunk.choices {
        if let Some(said) = choice.delta {
            delta(answer, said, &mut seen);
        }
        answer.finish_reason = reason(choice.finish_reason.as_ref()).or(answer.finish_reason);
    }
    Ok(seen)
}

/// Reads a whole chat completion.
pub(super) fn body(answer: &mut Answer, body: &[u8]) -> Result<(), WireError> {
    let chunk: Chunk<'_> =
        serde_json::from_slice(body).map_err(|e| malformed("a chat completion", body, &e))?;
    describe(answer, &chunk);
    if let Some(error) = chunk.error {
        return Err(in_band(error.get()));
    }
    if let Some(FirstChoice(Some(choice))) = chunk.choices {
        if let Some(said) = choice.message {
            delta(answer, said, &mut EventContent::default());
        }
        answer.finish_reason = reason(choice.finish_reason.as_ref());
    }
    Ok(())
}

fn describe(answer: &mut Answer, chunk: &Chunk<'_>) {
    note(&mut answer.response_model, chunk.model.as_ref());
    note(&mut answer.served_by, chunk.provider.as_ref());
    let tier = ServiceTier::from_name(Text::of(chunk.service_tier.as_ref()));
    answer.usage.service_tier = tier.or(answer.usage.service_tier);
    let choice = chunk.choices.as_ref().and_then(|FirstChoice(choice)| choice.as_ref());
    let of_choice = choice.and_then(|choice| choice.usage);
    let of_groq = chunk.x_groq.and_then(usage::within);
    for said in [of_choice, of_groq, chunk.usage] {
        usage::take(answer, Dialect::OpenaiChat, said);
    }
}

fn delta(answer: &mut Answer, delta: Delta<'_>, seen: &mut EventContent) {
    let thought = delta.reasoning_content.filter(|Text(text)| !text.is_empty());
    let reasoning = push(&mut answer.reasoning, thought.or(delta.reasoning).as_ref());
    let mut output = push(&mut answer.text, delta.content.as_ref());
    output |= push(&mut answer.refusal, delta.refusal.as_ref());
    for call in delta.tool_calls.unwrap_or_default() {
        output |= merge_call(&mut answer.tool_calls, call);
    }
    seen.add(reasoning, output);
}

/// Some compatible APIs send an empty reason with every chunk; it ends nothing.
fn reason(said: Option<&Text<'_>>) -> Option<FinishReason> {
    let reason = Text::of(said);
    (!reason.is_empty()).then(|| FinishReason::from_name(reason))
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

#[derive(Debug, Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    model: Option<Text<'a>>,
    #[serde(borrow)]
    provider: Option<Text<'a>>,
    #[serde(borrow)]
    service_tier: Option<Text<'a>>,
    #[serde(borrow)]
    choices: Option<FirstChoice<'a>>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    /// Groq states the usage of a stream here.
    #[serde(borrow)]
    x_groq: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// The choice whose index is 0 or absent: requests ask for one answer. No list is built, because
/// this is read once per token.
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
    /// Moonshot states the usage of a stream here.
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
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
    use crate::wire::{ErrorClass, StreamDecoder, decode_body};

    fn stream(events: &[&str]) -> (Answer, Option<WireError>, Vec<EventContent>) {
        let mut decoder = StreamDecoder::new(Dialect::OpenaiChat);
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
            Dialect::OpenaiChat,
            br#"{"model":"m","provider":"p","choices":[{"message":{"content":"hi","tool_calls":
                [{"id":"1","function":{"name":"f","arguments":"{}"}},
                 {"id":"2","function":{"name":"g","arguments":"{}"}}]},
                "finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
        );
        assert_eq!((error, answer.tool_calls[1].name.as_str()), (None, "g"));
        assert_eq!(answer.served_by.as_deref(), Some("p"));
        let read = |body: &[u8]| decode_body(Dialect::OpenaiChat, body);
        let class = |body: &[u8]| read(body).1.expect("an error").class;
        assert_eq!(class(b"<html>"), ErrorClass::Protocol);
        let empty = br#"{"choices":[{"message":{"content":""},"finish_reason":"stop"}],
            "usage":{"prompt_tokens":5}}"#;
        assert_eq!((class(empty), read(empty).0.usage.input), (ErrorClass::Empty, Some(5)));
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
        let body = encode(&request);
        assert_eq!(body["max_tokens"], 5);
        assert_eq!(body.get("max_completion_tokens"), None);
        let params = Map::new();
        let body = encode(&Request { params: &params, ..request });
        assert_eq!((&body["max_completion_tokens"], body.get("max_tokens")), (&json!(9), None));
        assert_eq!(body["messages"][0]["role"], "system");
        assert_eq!(body["stream_options"]["include_usage"], true);
    }
}
