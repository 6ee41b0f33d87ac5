//! The server's answers, and that the client's decoder reads them back.

use serde_json::{Value, json};

use super::*;
use crate::units::{Dialect, Usage};
use crate::wire::{
    Answer, ErrorClass, FinishReason, StreamDecoder, WireError, decode_body, decode_error, sse,
};

const ENVELOPE: Envelope<'static> =
    Envelope { id: "chatcmpl-1f", model: "acme/\"odd\"", created: 7, served_by: None };
const USAGE: Usage = Usage {
    input: Some(9),
    cached_input: Some(1),
    cache_write: None,
    output: Some(5),
    reasoning: Some(2),
    ..Usage::UNKNOWN
};

fn events(encoder: StreamEncoder) -> Vec<Value> {
    let joined: Vec<u8> = encoder.finish().concat();
    let text = String::from_utf8(joined).expect("UTF-8");
    let mut data: Vec<&str> = text.split_terminator("\n\n").collect();
    assert_eq!(data.pop(), Some("data: [DONE]"));
    let parse = |event: &str| {
        let json = event.strip_prefix("data: ").expect(event);
        serde_json::from_str(json).expect(json)
    };
    data.into_iter().map(parse).collect()
}

#[test]
fn a_stream_is_what_the_api_sends() {
    let mut encoder = StreamEncoder::new(Dialect::OpenaiChat, ENVELOPE, &USAGE, Closing::Whole, 4);
    encoder.open();
    encoder.piece(Piece::Text("a \"b\"\n"), false);
    encoder.piece(Piece::Reasoning("hm"), false);
    encoder.piece(Piece::ToolStart(0, "look"), true);
    encoder.piece(Piece::ToolArguments(0, "{\"x\""), false);
    encoder.end(FinishReason::Stop, Some(&USAGE));
    let events = events(encoder);
    let delta = |i: usize| events[i]["choices"][0]["delta"].clone();
    assert_eq!(events.len(), 7);
    assert!(events.iter().all(|e| e["id"] == "chatcmpl-1f" && e["model"] == ENVELOPE.model));
    assert_eq!(delta(0), json!({"role": "assistant", "content": ""}));
    assert_eq!(delta(1), json!({"content": "a \"b\"\n"}));
    assert_eq!(delta(2), json!({"reasoning_content": "hm"}));
    assert_eq!(delta(3)["tool_calls"][0]["function"]["name"], "look");
    assert_eq!(delta(4)["tool_calls"][0]["function"]["arguments"], "{\"x\"");
    assert_eq!(events[5]["choices"][0]["finish_reason"], "stop");
    assert_eq!(events[6]["choices"], json!([]));
    assert_eq!(events[6]["usage"]["total_tokens"], 14);
    assert_eq!(events[6]["usage"]["completion_tokens_details"]["reasoning_tokens"], 2);
}

#[test]
fn an_answer_that_is_not_streamed() {
    let pieces = [
        Piece::ToolStart(0, "look"),
        Piece::ToolArguments(0, "{\"x\""),
        Piece::ToolArguments(0, ":1}"),
    ];
    let body =
        encode_answer(Dialect::OpenaiChat, ENVELOPE, &pieces, FinishReason::ToolCalls, &USAGE);
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    let message = &body["choices"][0]["message"];
    assert_eq!(message["tool_calls"][0]["function"]["arguments"], "{\"x\":1}");
    assert_eq!(message["content"], Value::Null);
    assert_eq!(body["usage"]["prompt_tokens_details"]["cached_tokens"], 1);
}

/// Reasoning, text and two calls, as a stream of a dialect.
fn stream(dialect: Dialect, closing: Closing) -> (Answer, Option<WireError>) {
    let mut encoder = StreamEncoder::new(dialect, ENVELOPE, &USAGE, closing, 8);
    encoder.open();
    for (at, piece) in SAID.iter().enumerate() {
        encoder.piece(*piece, matches!(SAID.get(at + 1), Some(Piece::ToolArguments(..))));
    }
    encoder.end(FinishReason::ToolCalls, Some(&USAGE));
    let (mut events, mut decoder) = (sse::Decoder::new(), StreamDecoder::new(dialect));
    let mut each = |event: sse::Event<'_>| {
        decoder.event(event.data).expect("an event of the dialect");
    };
    for write in encoder.finish() {
        events.feed(&write, &mut each).expect("small");
    }
    decoder.finish()
}

const SAID: [Piece<'static>; 7] = [
    Piece::Reasoning("h\"m "),
    Piece::Reasoning("so"),
    Piece::Text("a \\ b\n"),
    Piece::Text("\u{1f914}"),
    Piece::ToolStart(0, "look"),
    Piece::ToolArguments(0, "{\"x\":"),
    Piece::ToolArguments(0, "1}"),
];

#[test]
fn every_dialect_gives_the_same_answer_streamed_and_not() {
    for dialect in Dialect::ALL {
        let body = encode_answer(dialect, ENVELOPE, &SAID, FinishReason::ToolCalls, &USAGE);
        for (answer, error) in [stream(dialect, Closing::Whole), decode_body(dialect, &body)] {
            assert_eq!(error, None, "{dialect:?}");
            assert_eq!(answer.reasoning, "h\"m so", "{dialect:?}");
            assert_eq!(answer.text, "a \\ b\n\u{1f914}", "{dialect:?}");
            let call = crate::units::ToolCall {
                id: "call_1f_0".to_owned(),
                name: "look".to_owned(),
                arguments: "{\"x\":1}".to_owned(),
            };
            assert_eq!(answer.tool_calls, [call], "{dialect:?}");
            assert_eq!(answer.finish_reason, Some(FinishReason::ToolCalls), "{dialect:?}");
            assert_eq!(answer.unknown_events, 0, "{dialect:?}");
            assert_eq!(answer.response_model.as_deref(), Some(ENVELOPE.model), "{dialect:?}");
            let counts = [
                answer.usage.input,
                answer.usage.cached_input,
                answer.usage.output,
                answer.usage.reasoning,
            ];
            assert_eq!(counts, [Some(9), Some(1), Some(5), Some(2)], "{dialect:?}");
        }
    }
}

#[test]
fn every_dialect_can_close_in_other_ways() {
    for dialect in Dialect::ALL {
        let output = |closing| {
            let (answer, error) = stream(dialect, closing);
            assert_eq!(error, None, "{dialect:?} {closing:?}");
            answer.usage.output
        };
        for closing in [Closing::NoMark, Closing::UsageTwice, Closing::UsageOnLast] {
            assert_eq!(output(closing), Some(5), "{dialect:?} {closing:?}");
        }
        assert_eq!(output(Closing::UsageMissing), None, "{dialect:?}");
    }
}

#[test]
fn errors_are_understood_in_every_dialect() {
    for dialect in Dialect::ALL {
        for (status, class) in [
            (400, ErrorClass::BadRequest),
            (404, ErrorClass::NotFound),
            (429, ErrorClass::RateLimited),
            (500, ErrorClass::Server),
            (529, ErrorClass::Overloaded),
        ] {
            let body = encode_error(dialect, status, "why", "kind", None);
            let said = decode_error(status, &body);
            assert_eq!((said.class, said.detail), (class, format!("HTTP {status}: why")));
        }
        for (kind, class) in [
            (StreamError::BadGateway, ErrorClass::Server),
            (StreamError::RateLimit, ErrorClass::RateLimited),
        ] {
            let event = encode_stream_error(dialect, kind);
            let data = event.lines().find_map(|line| line.strip_prefix("data: ")).expect("data");
            let said = StreamDecoder::new(dialect).event(data.as_bytes());
            assert_eq!(said.expect_err("an error").class, class, "{dialect:?}");
        }
    }
}
