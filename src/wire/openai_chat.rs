//! OpenAI chat completions and compatible APIs: requests out, answers in.

mod chunk;

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::answer::{Answer, FinishReason};
use super::event_content::EventContent;
use super::lenient::mend;
use super::provider_error::{WireError, broken_off, in_band, in_place_of_answer, malformed, said};
use super::request::Request;
use super::text::{Text, note, push};
use super::tool_calls::{CallPart, Slots};
use super::usage;
use crate::units::{Dialect, ServiceTier};
use chunk::{CallDelta, Chunk, FirstChoice, Message};

/// The two names of the output limit.
const LIMITS: [&str; 2] = ["max_tokens", "max_completion_tokens"];

/// What an answer is called in messages.
const WHAT: &str = "a chat completion";

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

/// State between the events of a stream.
#[derive(Debug, Default)]
pub(super) struct State {
    calls: Slots,
    /// Whether any delta had content. What messages say is then a repetition.
    has_deltas: bool,
    /// The index of the choice that is read.
    choice: Option<u64>,
}

/// Takes one event's data, or a whole chat completion.
pub(super) fn event(
    answer: &mut Answer,
    state: &mut State,
    data: &[u8],
) -> Result<EventContent, WireError> {
    let error = match serde_json::from_slice(data) {
        Ok(chunk) => return take(answer, state, chunk, data),
        Err(error) => error,
    };
    let data = mend(answer, data, chunk::CHUNK, WHAT, &error)?;
    let chunk = serde_json::from_slice(&data).map_err(|e| malformed(WHAT, &data, &e))?;
    take(answer, state, chunk, &data)
}

fn take(
    answer: &mut Answer,
    state: &mut State,
    chunk: Chunk<'_>,
    data: &[u8],
) -> Result<EventContent, WireError> {
    let is_known = chunk.choices.is_some() || chunk.usage.is_some() || chunk.x_groq.is_some();
    // An error may state a billed usage.
    describe(answer, &chunk);
    if let Some(error) = said(chunk.error) {
        return in_band(answer, &error);
    }
    let Some(FirstChoice(choice)) = chunk.choices else {
        return if is_known || chunk.error.is_some() {
            Ok(EventContent::default())
        } else {
            in_place_of_answer(answer, data)
        };
    };
    let mut seen = EventContent::default();
    if let Some(choice) = choice.filter(|choice| state.reads(choice.index)) {
        if let Some(error) = said(choice.error) {
            return in_band(answer, &error);
        }
        let reason = Text::of(choice.finish_reason.as_ref());
        let delta = choice.delta.unwrap_or_default();
        if !delta.is_empty() {
            state.has_deltas = true;
            add(answer, state, delta, &mut seen);
        } else if let Some(mut message) = choice.message {
            if state.is_news(answer, &mut message, !reason.is_empty()) {
                add(answer, state, message, &mut seen);
            }
        } else {
            seen.add(false, push(&mut answer.text, choice.text.as_ref()));
        }
        broken_off(reason)?;
        // Some compatible APIs send an empty reason with every chunk; it ends nothing.
        if !reason.is_empty() {
            answer.finish_reason = Some(FinishReason::from_name(reason));
        }
    }
    Ok(seen)
}

impl State {
    /// Whether a choice is the one that is read: requests ask for one.
    fn reads(&mut self, index: Option<u64>) -> bool {
        let index = index.unwrap_or(0);
        *self.choice.get_or_insert(index) == index
    }

    /// Whether a message says anything that no delta and no message before it said; leaves only
    /// that in it. Servers send a message instead of deltas, or one that grows, or all of it at the
    /// end of a stream of deltas.
    fn is_news(&self, answer: &Answer, message: &mut Message<'_>, is_last: bool) -> bool {
        let content = Text::of(message.content.as_ref());
        if let Some(more) = content.strip_prefix(&*answer.text).filter(|_| !answer.text.is_empty())
        {
            let is_repeated = more.is_empty() && (is_last || self.has_deltas);
            if is_repeated || !more.is_empty() {
                message.content = Some(Text(more.to_owned().into()));
            }
        } else if self.has_deltas && !answer.text.is_empty() {
            message.content = None;
        }
        if self.has_deltas || is_last {
            if !answer.reasoning.is_empty() {
                message.forget_thought();
            }
            if !answer.tool_calls.is_empty() {
                (message.tool_calls, message.function_call) = (None, None);
            }
            if !answer.refusal.is_empty() {
                message.refusal = None;
            }
        }
        !message.is_empty()
    }
}

fn describe(answer: &mut Answer, chunk: &Chunk<'_>) {
    note(&mut answer.response_model, chunk.model.as_ref());
    note(&mut answer.served_by, chunk.provider.as_ref());
    let tier = ServiceTier::from_name(Text::of(chunk.service_tier.as_ref()));
    answer.usage.service_tier = tier.or(answer.usage.service_tier);
    let choice = chunk.choices.as_ref().and_then(|FirstChoice(choice)| choice.as_ref());
    let of_choice = choice.and_then(|choice| choice.usage);
    let messages = choice.into_iter().flat_map(|choice| [&choice.delta, &choice.message]);
    let of_message = messages.flatten().find_map(|message| message.usage);
    let of_groq = chunk.x_groq.and_then(usage::within);
    for said in [of_message, of_choice, of_groq, chunk.usage] {
        usage::take(answer, Dialect::OpenaiChat, said);
    }
}

fn add(answer: &mut Answer, state: &mut State, more: Message<'_>, seen: &mut EventContent) {
    let is_thought = {
        let thought = more.thought();
        answer.reasoning.push_str(&thought);
        !thought.is_empty()
    };
    let mut output = push(&mut answer.text, more.content.as_ref());
    output |= push(&mut answer.refusal, more.refusal.as_ref());
    let legacy = more.function_call.map(|function| CallDelta {
        index: None,
        id: None,
        function: Some(function),
        name: None,
        arguments: None,
    });
    let mut before: Option<Option<i64>> = None;
    for call in more.tool_calls.into_iter().flatten().chain(legacy) {
        let function = call.function.unwrap_or_default();
        let name = function.name.or(call.name);
        let arguments = function.arguments.or(call.arguments);
        let parameters = function.parameters.map(RawValue::get).filter(|said| *said != "null");
        let said = Text::of(arguments.as_ref());
        let part = CallPart {
            index: call.index,
            id: Text::of(call.id.as_ref()),
            name: Text::of(name.as_ref()),
            arguments: if said.is_empty() { parameters.unwrap_or_default() } else { said },
            is_next: before.replace(call.index) == Some(call.index),
        };
        output |= state.calls.add(&mut answer.tool_calls, part);
    }
    seen.add(is_thought, output);
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
