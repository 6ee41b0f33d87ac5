//! Requests in each dialect, and streams beyond those of the golden matrix (`tests/it/golden_wire`).

use serde_json::{Map, Value, json};

use super::*;
use crate::units::{Dialect, Message, UsageFault};

fn encoded(dialect: Dialect, request: &Request<'_>) -> Value {
    serde_json::from_slice(&encode(dialect, request)).expect("JSON")
}

/// The same request in a dialect: a system message of the endpoint's own and one of the task's, two
/// turns, a tool, a schema, a limit, parameters.
fn check(dialect: Dialect, params: &Value, expected: &Value) {
    let message =
        |role: &str, content: &str| Message { role: role.into(), content: content.into() };
    let messages = [message("system", "two"), message("user", "hi"), message("assistant", "yes?")];
    let schema = json!({"type": "object"});
    let tools = json!([{"type": "function", "function": {
        "name": "look", "description": "Looks.", "parameters": {"type": "object"},
    }}]);
    let params = params.as_object().cloned().unwrap_or_default();
    let request = Request {
        model: "acme/m",
        system: Some("one"),
        messages: &messages,
        tools: Some(&tools),
        schema: Some(&schema),
        max_tokens: Some(9),
        limit_counts_reasoning: false,
        stream: true,
        params: &params,
    };
    assert_eq!(encoded(dialect, &request), *expected);
}

#[test]
fn a_request_in_each_dialect() {
    let common = json!({"temperature": 0, "reasoning_effort": "low", "stop": "END",
        "tool_choice": {"type": "function", "function": {"name": "look"}}});
    check(
        Dialect::OpenaiResponses,
        &common,
        &json!({
            "model": "acme/m", "store": false, "stream": true, "temperature": 0, "stop": "END",
            "input": [
                {"role": "system", "content": "one"}, {"role": "system", "content": "two"},
                {"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes?"},
            ],
            "tools": [{"type": "function", "name": "look", "description": "Looks.",
                "parameters": {"type": "object"}, "strict": false}],
            "text": {"format": {"type": "json_schema", "name": "answer",
                "schema": {"type": "object"}}},
            "max_output_tokens": 9, "reasoning": {"effort": "low"},
            "tool_choice": {"type": "function", "name": "look"},
        }),
    );
    check(
        Dialect::Anthropic,
        &common,
        &json!({
            "model": "acme/m", "stream": true, "temperature": 0, "stop_sequences": ["END"],
            "system": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}],
            "messages": [
                {"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes?"},
            ],
            "tools": [{"name": "look", "description": "Looks.",
                "input_schema": {"type": "object"}}],
            "output_config": {
                "format": {"type": "json_schema", "schema": {"type": "object"}}, "effort": "low",
            },
            "max_tokens": 9, "tool_choice": {"type": "tool", "name": "look"},
        }),
    );
    check(
        Dialect::Gemini,
        &common,
        &json!({
            "systemInstruction": {"parts": [{"text": "one"}, {"text": "two"}]},
            "contents": [
                {"role": "user", "parts": [{"text": "hi"}]},
                {"role": "model", "parts": [{"text": "yes?"}]},
            ],
            "tools": [{"functionDeclarations": [{"name": "look", "description": "Looks.",
                "parametersJsonSchema": {"type": "object"}}]}],
            "generationConfig": {
                "responseMimeType": "application/json", "responseJsonSchema": {"type": "object"},
                "maxOutputTokens": 9, "temperature": 0, "stopSequences": ["END"],
                "thinkingConfig": {"thinkingLevel": "low"},
            },
            "toolConfig": {"functionCallingConfig":
                {"mode": "ANY", "allowedFunctionNames": ["look"]}},
        }),
    );
}

#[test]
fn parameters_win_in_every_dialect_and_its_own_words_pass() {
    let messages = [Message { role: "user".into(), content: "hi".into() }];
    let check = |dialect, model: &str, params: Value, at: &str, expected: Value| {
        let params = params.as_object().cloned().unwrap_or_default();
        let request = Request {
            model,
            system: None,
            messages: &messages,
            tools: None,
            schema: None,
            max_tokens: Some(9),
            limit_counts_reasoning: false,
            stream: false,
            params: &params,
        };
        let body = encoded(dialect, &request);
        assert_eq!(body.pointer(at), Some(&expected), "{at} of {body}");
    };
    let (anthropic, gemini) = (Dialect::Anthropic, Dialect::Gemini);
    check(anthropic, "m", json!({"max_completion_tokens": 5}), "/max_tokens", json!(5));
    check(anthropic, "m", json!({"tool_choice": "required"}), "/tool_choice/type", json!("any"));
    let alone = json!({"parallel_tool_calls": false});
    check(anthropic, "m", alone.clone(), "/tool_choice/type", json!("auto"));
    check(anthropic, "m", alone, "/tool_choice/disable_parallel_tool_use", json!(true));
    let budget = json!({"type": "enabled", "budget_tokens": 2000});
    check(anthropic, "m", json!({"thinking": budget}), "/thinking", budget.clone());
    let off = json!({"reasoning_effort": "none"});
    check(anthropic, "m", off.clone(), "/thinking/type", json!("disabled"));
    let of_generation = "/generationConfig/thinkingConfig";
    check(gemini, "gemini-2.5-pro", off, of_generation, json!({"thinkingBudget": 0}));
    let own = json!({"includeThoughts": true});
    check(gemini, "m", json!({"thinkingConfig": own}), of_generation, own.clone());
    check(gemini, "m", json!({"top_p": 1}), "/generationConfig/topP", json!(1));
    check(gemini, "m", json!({"max_tokens": 5}), "/generationConfig/maxOutputTokens", json!(5));
    check(gemini, "m", json!({"safetySettings": []}), "/safetySettings", json!([]));
    let responses = Dialect::OpenaiResponses;
    check(responses, "m", json!({"max_tokens": 5}), "/max_output_tokens", json!(5));
    check(responses, "m", json!({"verbosity": "low"}), "/text/verbosity", json!("low"));
}

#[test]
fn where_requests_go() {
    let check = |dialect, model: &str, stream, expected: &str| {
        assert_eq!(path(dialect, model, stream), expected);
    };
    check(Dialect::OpenaiChat, "m", true, "/chat/completions");
    check(Dialect::OpenaiResponses, "m", true, "/responses");
    check(Dialect::Anthropic, "m", true, "/messages");
    let gemini = Dialect::Gemini;
    check(gemini, "gemini-3-pro", false, "/models/gemini-3-pro:generateContent");
    check(gemini, "gemini-3-pro", true, "/models/gemini-3-pro:streamGenerateContent?alt=sse");
    check(gemini, "tunedModels/my one", false, "/tunedModels/my%20one:generateContent");
}

/// Decodes the data of events, one after the other.
fn stream(dialect: Dialect, events: &[&str]) -> (Answer, Option<WireError>) {
    let mut decoder = StreamDecoder::new(dialect);
    for event in events {
        if let Err(error) = decoder.event(event.as_bytes()) {
            return (decoder.finish().0, Some(error));
        }
    }
    decoder.finish()
}

#[test]
fn what_is_not_known_is_passed_over_and_counted() {
    let check = |dialect, event: &str| {
        let (answer, _) = stream(dialect, &[event]);
        assert_eq!(answer.unknown_events, 1, "{event}");
    };
    check(Dialect::OpenaiChat, r#"{"object":"x","moderation":{}}"#);
    check(Dialect::OpenaiResponses, r#"{"type":"response.dream.delta","delta":{"not":"text"}}"#);
    check(Dialect::OpenaiResponses, r#"{"type":"response.dream.delta","delta":"text"}"#);
    check(Dialect::Anthropic, r#"{"type":"dream","delta":"not an object"}"#);
    check(Dialect::Anthropic, r#"{"type":"content_block_delta","delta":{"type":"dream_delta"}}"#);
    check(Dialect::Gemini, r#"{"dream":1}"#);
    check(Dialect::OpenaiResponses, r#"{"type":"response.output_text.delta","delta":{}}"#);
    check(Dialect::Anthropic, r#"{"type":"content_block_delta","delta":7}"#);
    check(Dialect::Anthropic, r#"{"type":"status","message":"at work"}"#);
    for noise in ["ping", ": keep-alive", "\"\"", "null", "[1]", "[OK]"] {
        check(Dialect::OpenaiChat, noise);
    }
    for dialect in DIALECTS {
        let (answer, error) = stream(dialect, &["{broken"]);
        assert_eq!(error.expect("an error").class, ErrorClass::Protocol);
        assert_eq!(answer, Answer::default());
    }
}

const DIALECTS: [Dialect; 4] =
    [Dialect::OpenaiChat, Dialect::OpenaiResponses, Dialect::Anthropic, Dialect::Gemini];

/// What had been counted when a stream broke is not what is billed.
#[test]
fn a_broken_stream_has_no_output_count() {
    let check = |dialect, events: &[&str]| {
        let (answer, error) = stream(dialect, events);
        assert_eq!(error.expect("it broke").class, ErrorClass::Truncated);
        assert_eq!((answer.usage.input, answer.usage.output), (Some(9), None));
        assert!(answer.usage_verbatim.is_some());
    };
    check(
        Dialect::Anthropic,
        &[
            r#"{"type":"message_start","message":{"usage":{"input_tokens":9,"output_tokens":1}}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#,
        ],
    );
    check(
        Dialect::Gemini,
        &[r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}],
            "usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":1}}"#],
    );
    check(
        Dialect::OpenaiChat,
        &[r#"{"choices":[{"index":0,"delta":{"content":"a"}}],
            "usage":{"prompt_tokens":9,"completion_tokens":1}}"#],
    );
}

/// A count is that of the answer where no content follows it, or where it may be that of all of it.
#[test]
fn a_count_that_content_follows_is_not_that_of_the_answer() {
    let check = |dialect, events: &[&str], output: Option<u64>| {
        let (answer, error) = stream(dialect, events);
        assert_eq!(error, None, "{events:?}");
        assert_eq!((answer.usage.input, answer.usage.output), (Some(9), output), "{events:?}");
        let is_partial = answer.usage_faults.contains(&UsageFault::Partial);
        assert_eq!(is_partial, output.is_none(), "{events:?}");
    };
    let start =
        r#"{"type":"message_start","message":{"usage":{"input_tokens":9,"output_tokens":1}}}"#;
    let text = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"some seventeen words"}}"#;
    let end = |usage: &str| {
        format!(
            r#"{{"type":"message_delta","delta":{{"stop_reason":"end_turn"}},"usage":{usage}}}"#
        )
    };
    for none in [
        "null",
        "{}",
        r#"{"output_tokens":-1}"#,
        r#"{"output_tokens":0}"#,
        r#"{"output_tokens":NaN}"#,
    ] {
        check(Dialect::Anthropic, &[start, text, &end(none)], None);
    }
    check(Dialect::Anthropic, &[start, text, &end(r#"{"output_tokens":3}"#)], Some(3));
    check(Dialect::Anthropic, &[start, text, &end(r#"{"output_tokens":1}"#)], Some(1));
    let chat = |text: &str, rest: &str| {
        format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{text}"}}{rest}}}"#)
    };
    let counted = |n: u64| format!(r#"}}],"usage":{{"prompt_tokens":9,"completion_tokens":{n}}}"#);
    let stop = r#","finish_reason":"stop"}]"#;
    let long = "some seventeen words";
    let [first, last] = [chat("a", &counted(1)), chat("b", &counted(2))];
    check(Dialect::OpenaiChat, &[&first, &last, "[DONE]"], Some(2));
    check(Dialect::OpenaiChat, &[&first, &chat(long, stop)], None);
    check(Dialect::OpenaiChat, &[&first, &chat("b", stop)], Some(1));
    check(Dialect::OpenaiChat, &[&first, &chat("", stop)], Some(1));
    let gemini = |rest: &str, usage: &str| {
        format!(
            r#"{{"candidates":[{{"content":{{"parts":[{{"text":"{long}"}}]}}{rest}}}]{usage}}}"#
        )
    };
    let counted = r#","usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":1}"#;
    let stop = r#","finishReason":"STOP""#;
    check(Dialect::Gemini, &[&gemini("", counted), &gemini(stop, "")], None);
    check(Dialect::Gemini, &[&gemini("", counted), &gemini(stop, counted)], Some(1));
}

#[test]
fn reasons_to_end() {
    let check = |dialect, body: &str, expected: FinishReason| {
        let (answer, error) = decode_body(dialect, body.as_bytes());
        assert_eq!((answer.finish_reason, error), (Some(expected), None), "{body}");
    };
    let anthropic = |reason: &str| {
        format!(r#"{{"content":[{{"type":"text","text":"a"}}],"stop_reason":"{reason}"}}"#)
    };
    let gemini = |reason: &str| {
        format!(
            r#"{{"candidates":[{{"content":{{"parts":[{{"text":"a"}}]}},"finishReason":"{reason}"}}]}}"#
        )
    };
    let responses = |status: &str, reason: &str| {
        format!(
            r#"{{"status":"{status}","incomplete_details":{{"reason":"{reason}"}},"output":
                [{{"type":"message","content":[{{"type":"output_text","text":"a"}}]}}]}}"#
        )
    };
    for (said, expected) in [
        ("end_turn", FinishReason::Stop),
        ("model_context_window_exceeded", FinishReason::Length),
        ("refusal", FinishReason::ContentFilter),
        ("pause_turn", FinishReason::Other),
    ] {
        check(Dialect::Anthropic, &anthropic(said), expected);
    }
    for (said, expected) in [
        ("STOP", FinishReason::Stop),
        ("MAX_TOKENS", FinishReason::Length),
        ("RECITATION", FinishReason::ContentFilter),
        ("MALFORMED_FUNCTION_CALL", FinishReason::Other),
        ("LANGUAGE", FinishReason::Other),
    ] {
        check(Dialect::Gemini, &gemini(said), expected);
    }
    check(Dialect::OpenaiResponses, &responses("completed", ""), FinishReason::Stop);
    let cut = responses("incomplete", "max_output_tokens");
    check(Dialect::OpenaiResponses, &cut, FinishReason::Length);
    let filtered = responses("incomplete", "content_filter");
    check(Dialect::OpenaiResponses, &filtered, FinishReason::ContentFilter);
    let failed = br#"{"status":"failed","error":{"code":"server_error","message":"x"}}"#;
    let (_, error) = decode_body(Dialect::OpenaiResponses, failed);
    assert_eq!(error.expect("it failed").class, ErrorClass::Server);
    // A prompt that was refused has no candidate.
    let blocked = r#"{"promptFeedback":{"blockReason":"SAFETY"},
        "usageMetadata":{"promptTokenCount":9,"totalTokenCount":9}}"#;
    check(Dialect::Gemini, blocked, FinishReason::ContentFilter);
    // Without server-sent events a Gemini stream is a list.
    let list = format!("[{},{}]", gemini("").replace(r#""a""#, r#""b""#), gemini("STOP"));
    let (answer, _) = decode_body(Dialect::Gemini, list.as_bytes());
    assert_eq!(answer.text, "ba");
}

/// Where a server sends no deltas, the whole response at the end holds what was said.
#[test]
fn a_response_without_deltas_is_whole() {
    let (answer, error) = stream(
        Dialect::OpenaiResponses,
        &[r#"{"type":"response.completed","response":{"status":"completed","model":"m","output":[
            {"type":"reasoning","summary":[{"type":"summary_text","text":"hm"}]},
            {"type":"message","content":[{"type":"output_text","text":"hi"}]},
            {"type":"function_call","call_id":"1","name":"f","arguments":"{}"}]}}"#],
    );
    assert_eq!((error, answer.text.as_str(), answer.reasoning.as_str()), (None, "hi", "hm"));
    assert_eq!(answer.finish_reason, Some(FinishReason::ToolCalls));
    assert_eq!(answer.tool_calls[0].name, "f");
}

#[test]
fn no_tools_and_no_parameters_leave_no_traces() {
    let messages = [Message { role: "user".into(), content: "hi".into() }];
    let params = Map::new();
    let request = Request {
        model: "m",
        system: None,
        messages: &messages,
        tools: None,
        schema: None,
        max_tokens: None,
        limit_counts_reasoning: false,
        stream: false,
        params: &params,
    };
    let turns = json!([{"role": "user", "content": "hi"}]);
    assert_eq!(
        encoded(Dialect::Anthropic, &request),
        json!({"model": "m", "max_tokens": 4096, "messages": turns})
    );
    assert_eq!(
        encoded(Dialect::Gemini, &request),
        json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]})
    );
    assert_eq!(
        encoded(Dialect::OpenaiResponses, &request),
        json!({"model": "m", "store": false, "input": turns})
    );
}
