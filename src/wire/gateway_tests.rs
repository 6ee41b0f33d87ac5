//! Answers as gateways between a client and a provider change them, in each dialect.

use super::*;
use crate::units::Dialect;

/// What is read of an answer: its text, calls, input and output tokens, and the class of an error.
fn read(dialect: Dialect, events: &[&str]) -> String {
    let mut decoder = StreamDecoder::new(dialect);
    let failed = events.iter().find_map(|event| decoder.event(event.as_bytes()).err());
    let (answer, error) = decoder.finish();
    shown(&answer, failed.or(error).map(|error| error.class))
}

fn whole(dialect: Dialect, body: &str) -> String {
    let (answer, error) = decode_body(dialect, body.as_bytes());
    shown(&answer, error.map(|error| error.class))
}

fn shown(answer: &Answer, error: Option<ErrorClass>) -> String {
    let calls: Vec<String> =
        answer.tool_calls.iter().map(|call| format!("{}{}", call.name, call.arguments)).collect();
    let count = |n: Option<u64>| n.map_or("?".to_owned(), |n| n.to_string());
    let error = error.map_or(String::new(), |class| format!(" {}", class.name()));
    format!(
        "{}{} {}+{}{error}",
        answer.text,
        calls.join(","),
        count(answer.usage.input),
        count(answer.usage.output)
    )
}

const CHAT: Dialect = Dialect::OpenaiChat;

#[test]
fn usage_is_read_where_gateways_put_it() {
    let check = |last: &str| {
        let events = [r#"{"choices":[{"delta":{"content":"Paris"}}]}"#, last];
        assert_eq!(read(CHAT, &events), "Paris 12+3", "{last}");
    };
    check(
        r#"{"choices":[{"delta":{"usage":{"prompt_tokens":12,"completion_tokens":3}},"finish_reason":"stop"}]}"#,
    );
    check(
        r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"input_tokens":12,"output_tokens":3}}"#,
    );
    check(
        r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"promptTokens":12,"completionTokens":3}}"#,
    );
    check(
        r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":12,
            "completion_tokens":3,"input_tokens":0,"output_tokens":0}}"#,
    );
    let message = r#"{"choices":[{"finish_reason":"stop","message":{"content":"Paris",
        "usage":{"prompt_tokens":12,"completion_tokens":3}}}]}"#;
    assert_eq!(whole(CHAT, message), "Paris 12+3");
}

#[test]
fn calls_of_gateways_are_whole() {
    let check = |deltas: &[&str], expected: &str| {
        let chunk =
            |calls: &&str| format!(r#"{{"choices":[{{"delta":{{"tool_calls":[{calls}]}}}}]}}"#);
        let mut events: Vec<String> = deltas.iter().map(chunk).collect();
        events.push(r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#.to_owned());
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        assert_eq!(read(CHAT, &events), format!("{expected} ?+?"), "{deltas:?}");
    };
    let two = r#"f{"x":1},f{"x":2}"#;
    // One id for all calls.
    check(
        &[
            r#"{"index":0,"id":"c","function":{"name":"f","arguments":"{\"x\":1}"}}"#,
            r#"{"index":1,"id":"c","function":{"name":"f","arguments":"{\"x\":2}"}}"#,
        ],
        two,
    );
    // No object around the name and the arguments, or another name for these.
    check(
        &[
            r#"{"index":0,"id":"a","name":"f","arguments":"{\"x\":1}"}"#,
            r#"{"index":1,"id":"b","function":{"name":"f","parameters":{"x":2}}}"#,
        ],
        two,
    );
    // The arguments so far, with every delta.
    check(
        &[
            r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\""}}"#,
            r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}"#,
        ],
        r#"f{"x":1}"#,
    );
    // Something in the place of arguments that are to come.
    for nothing in ["{}", "null"] {
        let first =
            format!(r#"{{"index":0,"id":"a","function":{{"name":"f","arguments":"{nothing}"}}}}"#);
        check(&[&first, r#"{"index":0,"function":{"arguments":"{\"x\":1}"}}"#], r#"f{"x":1}"#);
    }
}

#[test]
fn a_gemini_answer_of_another_form_is_an_answer() {
    let gemini = Dialect::Gemini;
    let first = r#"{"candidates":[{"content":{"parts":[{"text":"Par"}]}}]}"#;
    let last = r#"{"candidates":[{"content":{"parts":[{"text":"is"}]},"finishReason":"STOP"}],
        "usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":3,"totalTokenCount":15}}"#;
    assert_eq!(whole(gemini, &format!("[{first},\n{last}]")), "Paris 12+3");
    let wrapped = |inner: &str| format!(r#"{{"response":{inner},"traceId":"t"}}"#);
    assert_eq!(read(gemini, &[&wrapped(first), &wrapped(last)]), "Paris 12+3");
    let snake = r#"{"candidates":[{"content":{"parts":[{"text":"Paris"},
        {"function_call":{"name":"f","args":{"x":1}}}]},"finish_reason":"STOP"}],
        "usage_metadata":{"prompt_token_count":12,"candidates_token_count":3,"total_token_count":15}}"#;
    assert_eq!(read(gemini, &[snake]), r#"Parisf{"x":1} 12+3"#);
    // The counts of the answer come after its end.
    let early = r#"{"candidates":[{"content":{"parts":[{"text":"Paris"}]},"finishReason":"STOP"}],
        "usageMetadata":{"promptTokenCount":12,"totalTokenCount":12}}"#;
    let counts = r#"{"usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":3,"totalTokenCount":15}}"#;
    assert_eq!(read(gemini, &[early, counts]), "Paris 12+3");
}

#[test]
fn a_response_without_deltas_has_its_text() {
    let responses = Dialect::OpenaiResponses;
    let end = r#"{"type":"response.completed","response":{"status":"completed","output":[],
        "usage":{"prompt_tokens":12,"completion_tokens":3}}}"#;
    let message = r#"{"type":"message","content":[{"type":"output_text","text":"Paris"}]}"#;
    let item =
        format!(r#"{{"type":"response.output_item.done","output_index":0,"item":{message}}}"#);
    assert_eq!(read(responses, &[&item, end]), "Paris 12+3");
    let part =
        r#"{"type":"response.content_part.done","part":{"type":"output_text","text":"Paris"}}"#;
    assert_eq!(read(responses, &[part, &item, end]), "Paris 12+3");
    let all = r#"{"status":"completed","output":[],"output_text":"Paris"}"#;
    assert_eq!(whole(responses, all), "Paris ?+?");
    let beside = r#"{"type":"response.completed","response":{"status":"completed","output":[]},
        "usage":{"input_tokens":12,"output_tokens":3}}"#;
    assert_eq!(read(responses, &[&item, beside]), "Paris 12+3");
}

#[test]
fn an_answer_that_a_provider_breaks_off_failed() {
    let check = |reason: &str, class: &str| {
        let end = format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"{reason}"}}]}}"#);
        let events = [r#"{"choices":[{"delta":{"content":"Par"}}]}"#, &end];
        assert_eq!(read(CHAT, &events), format!("Par ?+? {class}"), "{reason}");
    };
    check("upstream_error", "server");
    check("engine_overloaded_error", "overloaded");
    check("rate_limit", "rate_limited");
}
