//! A logical answer as each provider sends it.

use serde_json::{Value, json};
use weighbridge::units::Dialect;

use super::{AnswerPart, COUNTS, LogicalAnswer, UsagePlacement};

/// The answer as a stream.
pub fn stream(dialect: Dialect, logical: &LogicalAnswer) -> String {
    match dialect {
        Dialect::OpenaiChat => chat(logical),
        Dialect::OpenaiResponses => responses(logical),
        Dialect::Anthropic => anthropic(logical),
        Dialect::Gemini => gemini(logical),
    }
}

/// The answer in one piece.
pub fn body(dialect: Dialect, logical: &LogicalAnswer) -> String {
    let mut body = match dialect {
        Dialect::OpenaiChat => chat_body(logical),
        Dialect::OpenaiResponses => response(logical, true),
        Dialect::Anthropic => anthropic_body(logical),
        Dialect::Gemini => gemini_body(logical),
    };
    if logical.stated == UsagePlacement::Missing {
        let fields = body.as_object_mut().expect("an object");
        fields.remove("usage");
        fields.remove("usageMetadata");
    }
    body.to_string()
}

/// The counts at the `nth` of `of` statements, growing.
fn grown(nth: u64, of: u64) -> [u64; 4] {
    let [input, cached, output, reasoning] = COUNTS;
    [input, cached, output * nth / of, reasoning * nth / of]
}

fn calls(logical: &LogicalAnswer) -> impl Iterator<Item = (&str, &str, String)> {
    logical.said.iter().filter_map(|said| match said {
        AnswerPart::Call(id, name, pieces) => Some((*id, *name, pieces.concat())),
        _ => None,
    })
}

fn texts(logical: &LogicalAnswer) -> [String; 3] {
    let mut texts = [const { String::new() }; 3];
    for said in logical.said {
        match said {
            AnswerPart::Text(pieces) => texts[0].push_str(&pieces.concat()),
            AnswerPart::Reasoning(pieces) => texts[1].push_str(&pieces.concat()),
            AnswerPart::Refusal(text) => texts[2].push_str(text),
            AnswerPart::Call(..) => {}
        }
    }
    texts
}

/// JSON with escapes for all but ASCII, as some servers write it.
fn ascii(value: &Value) -> String {
    let mut units = [0; 2];
    let mut out = String::new();
    for c in value.to_string().chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

// OpenAI chat completions.

fn chat_usage([input, cached, output, reasoning]: [u64; 4]) -> Value {
    json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning}})
}

fn chat(logical: &LogicalAnswer) -> String {
    let mut deltas = vec![json!({"role": "assistant", "content": ""})];
    let mut n_calls = 0;
    for said in logical.said {
        match said {
            AnswerPart::Reasoning(pieces) => {
                deltas.extend(pieces.iter().map(|text| json!({"reasoning": text, "content": ""})));
            }
            AnswerPart::Text(pieces) => {
                deltas.extend(pieces.iter().map(|text| json!({"content": text})));
            }
            AnswerPart::Refusal(text) => deltas.push(json!({"refusal": text})),
            AnswerPart::Call(id, name, pieces) => {
                let call = |rest: Value| json!({"tool_calls": [rest]});
                deltas.push(call(json!({"index": n_calls, "id": id, "type": "function",
                    "function": {"name": name, "arguments": ""}})));
                let piece =
                    |text: &&str| call(json!({"index": n_calls, "function": {"arguments": text}}));
                deltas.extend(pieces.iter().map(piece));
                n_calls += 1;
            }
        }
    }
    let finish = if n_calls > 0 { "tool_calls" } else { "stop" };
    let choice = |delta: &Value, finish: Option<&str>| {
        json!({"id": "c", "model": "m-1", "choices": [
            {"index": 0, "delta": delta, "finish_reason": finish}]})
    };
    // Azure begins with its filter's result for the prompt; OpenRouter sends keep-alive comments.
    let mut events = vec![json!({"choices": [], "model": "", "prompt_filter_results": []})];
    events.extend(deltas.iter().map(|delta| choice(delta, None)));
    if logical.overloaded {
        events.push(json!({"error": {"message": "busy", "code": 529}, "choices": [
            {"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]}));
    } else {
        events.push(choice(&json!({}), Some(finish)));
    }
    let n = events.len() as u64;
    let apart = || json!({"model": "m-1", "choices": [], "usage": chat_usage(COUNTS)});
    match logical.stated {
        UsagePlacement::Missing => {}
        UsagePlacement::Early => events[1]["usage"] = chat_usage(COUNTS),
        UsagePlacement::Late => events.push(apart()),
        UsagePlacement::Cumulative => {
            for (event, nth) in events.iter_mut().zip(1..) {
                event["usage"] = chat_usage(grown(nth, n));
            }
        }
        UsagePlacement::Doubled => events.extend([apart(), apart()]),
    }
    let mut stream = ": OPENROUTER PROCESSING\n\n".to_owned();
    for event in events {
        stream.push_str(&format!("data: {event}\n\n"));
    }
    stream + "data: [DONE]\n\n"
}

fn chat_body(logical: &LogicalAnswer) -> Value {
    let [text, reasoning, refusal] = texts(logical);
    let mut message = json!({"role": "assistant", "content": text, "refusal": null});
    if !reasoning.is_empty() {
        message["reasoning_content"] = reasoning.into();
    }
    if !refusal.is_empty() {
        message["refusal"] = refusal.into();
    }
    let call = |(id, name, arguments): (&str, &str, String)| json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}});
    let calls: Vec<Value> = calls(logical).map(call).collect();
    let finish = if calls.is_empty() { "stop" } else { "tool_calls" };
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    json!({"model": "m-1", "usage": chat_usage(COUNTS),
        "choices": [{"index": 0, "message": message, "finish_reason": finish}]})
}

// OpenAI responses.

fn responses_usage([input, cached, output, reasoning]: [u64; 4]) -> Value {
    json!({"input_tokens": input, "input_tokens_details": {"cached_tokens": cached},
        "output_tokens": output, "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": input + output})
}

/// The whole response; without its output while it is in progress.
fn response(logical: &LogicalAnswer, is_done: bool) -> Value {
    let mut output = Vec::new();
    for said in logical.said {
        let message =
            |part: Value| json!({"type": "message", "role": "assistant", "content": [part]});
        output.push(match said {
            AnswerPart::Reasoning(pieces) => json!({"type": "reasoning",
                "summary": [{"type": "summary_text", "text": pieces.concat()}]}),
            AnswerPart::Text(pieces) => {
                message(json!({"type": "output_text", "text": pieces.concat(), "annotations": []}))
            }
            AnswerPart::Refusal(text) => message(json!({"type": "refusal", "refusal": text})),
            AnswerPart::Call(id, name, pieces) => json!({"type": "function_call", "id": "fc",
                "call_id": id, "name": name, "arguments": pieces.concat()}),
        });
    }
    let (status, output) =
        if is_done { ("completed", output) } else { ("in_progress", Vec::new()) };
    let usage = if is_done { responses_usage(COUNTS) } else { Value::Null };
    json!({"id": "r", "object": "response", "status": status, "model": "m-1", "error": null,
        "incomplete_details": null, "output": output, "usage": usage})
}

/// The events of one output item.
fn item(at: usize, said: &AnswerPart) -> Vec<Value> {
    let with = |kind: &str, more: Value| {
        let mut event =
            json!({"type": kind, "output_index": at, "item_id": "i", "content_index": 0});
        for (key, value) in more.as_object().into_iter().flatten() {
            event[key] = value.clone();
        }
        event
    };
    let deltas = |kind: &str, pieces: &[&str]| -> Vec<Value> {
        pieces.iter().map(|text| with(kind, json!({"delta": text, "logprobs": []}))).collect()
    };
    let around = |item: Value, part: Value, name: &str, deltas: Vec<Value>| {
        let mut events = vec![with("response.output_item.added", json!({"item": item}))];
        events.push(with(&format!("response.{name}_part.added"), json!({"part": part})));
        events.extend(deltas);
        events.push(with(&format!("response.{name}_part.done"), json!({"part": part})));
        events.push(with("response.output_item.done", json!({"item": item})));
        events
    };
    let message = json!({"type": "message", "role": "assistant", "content": []});
    let empty = json!({"type": "output_text", "text": ""});
    match said {
        AnswerPart::Reasoning(pieces) => around(
            json!({"type": "reasoning", "summary": []}),
            json!({"type": "summary_text", "text": ""}),
            "reasoning_summary",
            deltas("response.reasoning_summary_text.delta", pieces),
        ),
        AnswerPart::Text(pieces) => {
            let mut text = deltas("response.output_text.delta", pieces);
            text.push(with("response.output_text.done", json!({"text": pieces.concat()})));
            around(message, empty, "content", text)
        }
        AnswerPart::Refusal(text) => {
            let mut said = deltas("response.refusal.delta", &[text]);
            said.push(with("response.refusal.done", json!({"refusal": text})));
            around(message, json!({"type": "refusal", "refusal": ""}), "content", said)
        }
        AnswerPart::Call(id, name, pieces) => {
            let call = |arguments: &str| {
                json!({"item": {"type": "function_call", "id": "fc", "call_id": id, "name": name,
                    "arguments": arguments}})
            };
            let whole = pieces.concat();
            let mut events = vec![with("response.output_item.added", call(""))];
            events.extend(deltas("response.function_call_arguments.delta", pieces));
            let done = json!({"arguments": whole, "name": name});
            events.push(with("response.function_call_arguments.done", done));
            events.push(with("response.output_item.done", call(&whole)));
            events
        }
    }
}

fn responses(logical: &LogicalAnswer) -> String {
    let whole = |kind: &str, is_done| json!({"type": kind, "response": response(logical, is_done)});
    let mut events = vec![whole("response.created", false), whole("response.in_progress", false)];
    for (at, said) in logical.said.iter().enumerate() {
        events.extend(item(at, said));
    }
    if logical.overloaded {
        events.push(json!({"type": "error", "code": "overloaded", "message": "busy"}));
    } else {
        events.push(whole("response.completed", true));
        let last = events.len() - 1;
        match logical.stated {
            UsagePlacement::Missing => events[last]["response"]["usage"] = Value::Null,
            UsagePlacement::Early => {
                events[1]["response"]["usage"] = responses_usage(COUNTS);
                events[last]["response"]["usage"] = Value::Null;
            }
            UsagePlacement::Late => {}
            UsagePlacement::Cumulative => {
                events[1]["response"]["usage"] = responses_usage(grown(1, 2));
            }
            UsagePlacement::Doubled => events.push(events[last].clone()),
        }
    }
    let mut stream = String::new();
    for (mut event, nth) in events.into_iter().zip(0..) {
        event["sequence_number"] = nth.into();
        let kind = event["type"].as_str().expect("text").to_owned();
        stream.push_str(&format!("event: {kind}\ndata: {event}\n\n"));
    }
    stream
}

// Anthropic messages.

fn anthropic_usage([input, cached, output, reasoning]: [u64; 4]) -> Value {
    json!({"input_tokens": input - cached, "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": 0, "output_tokens": output,
        "output_tokens_details": {"thinking_tokens": reasoning}, "service_tier": "standard"})
}

fn anthropic_finish(logical: &LogicalAnswer) -> &'static str {
    if logical.said.iter().any(|said| matches!(said, AnswerPart::Refusal(_))) {
        "refusal"
    } else if calls(logical).next().is_some() {
        "tool_use"
    } else {
        "end_turn"
    }
}

fn anthropic(logical: &LogicalAnswer) -> String {
    let mut start = json!({"type": "message_start", "message": {"id": "msg", "type": "message",
        "role": "assistant", "model": "m-1", "content": [], "stop_reason": null}});
    match logical.stated {
        UsagePlacement::Early => start["message"]["usage"] = anthropic_usage(COUNTS),
        UsagePlacement::Cumulative => {
            start["message"]["usage"] = anthropic_usage([COUNTS[0], COUNTS[1], 1, 0]);
        }
        UsagePlacement::Late | UsagePlacement::Missing | UsagePlacement::Doubled => {}
    }
    let mut events = vec![start];
    for (at, said) in logical.said.iter().enumerate() {
        let (block, deltas): (Value, Vec<Value>) = match said {
            AnswerPart::Reasoning(pieces) => {
                let delta = |text| json!({"type": "thinking_delta", "thinking": text});
                let signature = json!({"type": "signature_delta", "signature": "Eq=="});
                let deltas = pieces.iter().map(delta).chain([signature]).collect();
                (json!({"type": "thinking", "thinking": "", "signature": ""}), deltas)
            }
            AnswerPart::Text(pieces) => {
                let delta = |text| json!({"type": "text_delta", "text": text});
                (json!({"type": "text", "text": ""}), pieces.iter().map(delta).collect())
            }
            AnswerPart::Refusal(text) => {
                let delta = json!({"type": "text_delta", "text": text});
                (json!({"type": "text", "text": ""}), vec![delta])
            }
            AnswerPart::Call(id, name, pieces) => {
                let delta = |text| json!({"type": "input_json_delta", "partial_json": text});
                let block = json!({"type": "tool_use", "id": id, "name": name, "input": {}});
                // The first is always empty.
                (block, [&""].into_iter().chain(*pieces).map(delta).collect())
            }
        };
        events.push(json!({"type": "content_block_start", "index": at, "content_block": block}));
        if at == 0 {
            events.push(json!({"type": "ping"}));
        }
        for delta in deltas {
            events.push(json!({"type": "content_block_delta", "index": at, "delta": delta}));
        }
        events.push(json!({"type": "content_block_stop", "index": at}));
    }
    if logical.overloaded {
        let error = json!({"type": "overloaded_error", "message": "Overloaded"});
        events.push(json!({"type": "error", "error": error}));
    } else {
        let delta = json!({"type": "message_delta", "delta":
            {"stop_reason": anthropic_finish(logical), "stop_sequence": null}});
        let with = |usage: Value| {
            let mut delta = delta.clone();
            delta["usage"] = usage;
            delta
        };
        let all = || with(anthropic_usage(COUNTS));
        match logical.stated {
            UsagePlacement::Early | UsagePlacement::Missing => events.push(delta),
            UsagePlacement::Late => events.push(all()),
            // Only counts that have grown are repeated.
            UsagePlacement::Cumulative => events.extend([
                with(json!({"output_tokens": 3})),
                with(json!({"output_tokens": COUNTS[2],
                    "output_tokens_details": {"thinking_tokens": COUNTS[3]}})),
            ]),
            UsagePlacement::Doubled => events.extend([all(), all()]),
        }
        events.push(json!({"type": "message_stop"}));
    }
    let mut stream = String::new();
    for event in events {
        let kind = event["type"].as_str().expect("text");
        stream.push_str(&format!("event: {kind}\ndata: {}\n\n", ascii(&event)));
    }
    stream
}

fn anthropic_body(logical: &LogicalAnswer) -> Value {
    let block = |said: &AnswerPart| match said {
        AnswerPart::Reasoning(pieces) => {
            json!({"type": "thinking", "thinking": pieces.concat(), "signature": "Eq=="})
        }
        AnswerPart::Text(pieces) => json!({"type": "text", "text": pieces.concat()}),
        AnswerPart::Refusal(text) => json!({"type": "text", "text": text}),
        AnswerPart::Call(id, name, pieces) => {
            let input: Value = serde_json::from_str(&pieces.concat()).unwrap_or(json!({}));
            json!({"type": "tool_use", "id": id, "name": name, "input": input})
        }
    };
    json!({"type": "message", "role": "assistant", "model": "m-1",
        "content": logical.said.iter().map(block).collect::<Vec<_>>(),
        "stop_reason": anthropic_finish(logical), "usage": anthropic_usage(COUNTS)})
}

// Gemini.

fn gemini_usage([input, cached, output, reasoning]: [u64; 4]) -> Value {
    json!({"promptTokenCount": input, "cachedContentTokenCount": cached,
        "candidatesTokenCount": output - reasoning, "thoughtsTokenCount": reasoning,
        "totalTokenCount": input + output,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": input}]})
}

fn gemini_parts(said: &AnswerPart) -> Vec<Value> {
    match said {
        AnswerPart::Reasoning(pieces) => {
            pieces.iter().map(|text| json!({"text": text, "thought": true})).collect()
        }
        AnswerPart::Text(pieces) => pieces.iter().map(|text| json!({"text": text})).collect(),
        AnswerPart::Refusal(text) => vec![json!({"text": text})],
        AnswerPart::Call(id, name, pieces) => {
            let mut call = json!({"id": id, "name": name});
            if let Ok(args) = serde_json::from_str::<Value>(&pieces.concat()) {
                call["args"] = args;
            }
            vec![json!({"functionCall": call, "thoughtSignature": "Eq=="})]
        }
    }
}

fn gemini_finish(logical: &LogicalAnswer) -> &'static str {
    let refused = logical.said.iter().any(|said| matches!(said, AnswerPart::Refusal(_)));
    if refused { "SAFETY" } else { "STOP" }
}

fn gemini(logical: &LogicalAnswer) -> String {
    let chunk = |parts: Value| {
        json!({"candidates": [{"content": {"parts": parts, "role": "model"}, "index": 0}],
            "modelVersion": "m-1", "responseId": "r"})
    };
    let mut events = vec![chunk(json!([{"text": ""}]))];
    for part in logical.said.iter().flat_map(gemini_parts) {
        events.push(chunk(json!([part])));
    }
    if logical.overloaded {
        let error = json!({"code": 503, "message": "busy", "status": "UNAVAILABLE"});
        events.push(json!({"error": error}));
    } else {
        let mut end = chunk(json!([{"text": ""}]));
        end["candidates"][0]["finishReason"] = gemini_finish(logical).into();
        events.push(end);
    }
    let n = events.len() as u64;
    let last = events.len() - 1;
    match logical.stated {
        UsagePlacement::Missing => {}
        UsagePlacement::Early => events[0]["usageMetadata"] = gemini_usage(COUNTS),
        UsagePlacement::Late => events[last]["usageMetadata"] = gemini_usage(COUNTS),
        UsagePlacement::Cumulative => {
            for (event, nth) in events.iter_mut().zip(1..) {
                event["usageMetadata"] = gemini_usage(grown(nth, n));
            }
        }
        UsagePlacement::Doubled => {
            events[last]["usageMetadata"] = gemini_usage(COUNTS);
            events.push(json!({"usageMetadata": gemini_usage(COUNTS), "modelVersion": "m-1"}));
        }
    }
    events.iter().map(|event| format!("data: {event}\r\n\r\n")).collect()
}

fn gemini_body(logical: &LogicalAnswer) -> Value {
    let parts: Vec<Value> = logical.said.iter().flat_map(gemini_parts).collect();
    json!({"candidates": [{"content": {"parts": parts, "role": "model"}, "index": 0,
            "finishReason": gemini_finish(logical)}],
        "modelVersion": "m-1", "usageMetadata": gemini_usage(COUNTS)})
}
