//! What `echoes` tries of OpenAI's chat dialect, in the other three: several encodings in one answer.

use serde_json::{Value, json};

use crate::echoes::{KEY, PROMPT, assert_nowhere};
use crate::encodings::{Stretches, encodings};
use crate::stub::{Asked, Stub, events, whole};
use crate::support::{Ran, file, folder, run_with};

const DIALECTS: [&str; 3] = ["openai-responses", "anthropic", "gemini"];
/// Where a provider says it.
const PLACES: [&str; 4] = ["stream", "whole", "error", "late error"];
/// Encodings in one answer.
const AT_ONCE: usize = 6;

/// An answer that has it in every field.
fn answer(dialect: &str, it: &str) -> Value {
    match dialect {
        "openai-responses" => json!({
            "id": it, "object": it, "model": it, "status": "completed", "service_tier": it,
            "metadata": {it: it}, "instructions": it,
            "output": [
                {"type": "reasoning", "id": it, "summary": [{"type": "summary_text", "text": it}]},
                {"type": "message", "id": it, "role": "assistant", "status": it, "content": [
                    {"type": "output_text", "text": it, "annotations": [{"title": it, "url": it}]},
                    {"type": "refusal", "refusal": it}]},
                {"type": "function_call", "id": it, "call_id": it, "name": it,
                 "arguments": json!({"it": it}).to_string()}],
            "usage": {"input_tokens": 10, "output_tokens": 5, "details": {"is": it}},
        }),
        "anthropic" => json!({
            "id": it, "type": "message", "role": "assistant", "model": it, "stop_reason": it,
            "stop_sequence": it,
            "content": [{"type": "thinking", "thinking": it, "signature": it},
                        {"type": "text", "text": it},
                        {"type": "tool_use", "id": it, "name": it, "input": {it: it}}],
            "usage": {"input_tokens": 10, "output_tokens": 5, "service_tier": it},
        }),
        "gemini" => json!({
            "responseId": it, "modelVersion": it,
            "promptFeedback": {"blockReason": it, "safetyRatings": [{"category": it}]},
            "candidates": [{"index": 0, "finishReason": it, "finishMessage": it,
                "content": {"role": it, "parts": [
                    {"text": it, "thought": true}, {"text": it},
                    {"functionCall": {"id": it, "name": it, "args": {it: it}}}]},
                "citationMetadata": {"citations": [{"uri": it, "title": it}]}}],
            "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5,
                              "totalTokenCount": 15, "serviceTier": it},
        }),
        other => panic!("{other}"),
    }
}

/// The same as a stream of events.
fn streamed(dialect: &str, it: &str) -> String {
    let whole = answer(dialect, it);
    let all: Vec<Value> = match dialect {
        "openai-responses" => vec![
            json!({"type": "response.created", "response": {"id": it, "model": it}}),
            json!({"type": it, "delta": it}),
            json!({"type": "response.reasoning_summary_text.delta", "item_id": it, "delta": it}),
            json!({"type": "response.output_text.delta", "item_id": it, "delta": it}),
            json!({"type": "response.function_call_arguments.delta", "item_id": it, "delta": it}),
            json!({"type": "response.completed", "response": whole}),
        ],
        "anthropic" => vec![
            json!({"type": "message_start", "message": {"id": it, "model": it, "role": "assistant",
                   "usage": {"input_tokens": 10, "output_tokens": 1}}}),
            json!({"type": it, "delta": it}),
            json!({"type": "content_block_start", "index": 0,
                   "content_block": {"type": "text", "text": it}}),
            json!({"type": "content_block_delta", "index": 0,
                   "delta": {"type": "text_delta", "text": it}}),
            json!({"type": "content_block_start", "index": 1,
                   "content_block": {"type": "tool_use", "id": it, "name": it, "input": {}}}),
            json!({"type": "content_block_delta", "index": 1,
                   "delta": {"type": "input_json_delta", "partial_json": it}}),
            json!({"type": "message_delta", "delta": {"stop_reason": it, "stop_sequence": it},
                   "usage": {"output_tokens": 5}}),
            json!({"type": "message_stop"}),
        ],
        _ => vec![
            json!({"modelVersion": it, "candidates": [
                      {"index": 0, "content": {"role": it, "parts": [{"text": it}]}}]}),
            whole,
        ],
    };
    let all: Vec<String> = all.iter().map(Value::to_string).collect();
    events(&all.iter().map(String::as_str).collect::<Vec<_>>())
}

/// What is said at a place.
fn reply(dialect: &str, place: &str, it: &str) -> String {
    let error = match dialect {
        "anthropic" => json!({"type": "error", "request_id": it,
                              "error": {"type": it, "message": it}}),
        "gemini" => json!({"error": {"code": 400, "status": it, "message": it,
                           "details": [{"@type": it, "reason": it, "metadata": {"it": it}}]}}),
        _ => json!({"type": "error", "code": it, "message": it, "param": it,
                    "error": {"type": it, "code": it, "message": it, "param": it}}),
    };
    match place {
        "stream" => streamed(dialect, it),
        "whole" => whole("200 OK", "application/json", &answer(dialect, it).to_string()),
        "error" => whole("400 Bad Request", "application/json", &error.to_string()),
        _ => events(&[&error.to_string()]),
    }
}

/// The first of these words that the request holds.
fn named<'a>(asked: &Asked, words: impl IntoIterator<Item = &'a str>) -> &'a str {
    let text = format!("{} {}", asked.head, asked.body);
    words.into_iter().find(|word| text.contains(*word)).expect("one of them")
}

/// Runs each place at each dialect over all encodings of a secret.
fn ask(secret: &str, said: &[(&'static str, String)], prompt: &str, more: &[&str]) {
    let stretches = Stretches::of(secret, said);
    let said: Vec<String> = said
        .chunks(AT_ONCE)
        // What two tokens say in a row are two words.
        .map(|some| some.iter().map(|(_, it)| format!(" {it} ")).collect::<Vec<_>>().join("|"))
        .collect();
    let n = said.len();
    let models: Vec<String> = (0..n).map(|n| format!("m-{n}-")).collect();
    let stub = Stub::start(move |asked: &Asked| {
        let paths = ["/v1/responses", "/v1/messages", "/v1beta/"];
        let path = named(asked, paths);
        let dialect = DIALECTS[paths.iter().position(|known| *known == path).expect("known")];
        let model = named(asked, models.iter().map(String::as_str));
        let it = &said[models.iter().position(|known| known == model).expect("known")];
        let place = named(asked, ["late error: ", "error: ", "whole: ", "stream: "]);
        reply(dialect, place.trim_end_matches(": "), it)
    });
    let (dir, inputs) = (folder(), folder());
    let catalog: String = DIALECTS
        .iter()
        .map(|dialect| {
            let base = match *dialect {
                "gemini" => stub.url.replace("/v1", "/v1beta"),
                _ => stub.url.clone(),
            };
            let endpoint = |n: usize| {
                format!(
                    "[[endpoint]]\nmodel = \"m-{n}-\"\nprovider = \"{dialect}\"\n\
                     price = \"free\"\n"
                )
            };
            let endpoints: String = (0..n).map(endpoint).collect();
            format!(
                "[[provider]]\nname = \"{dialect}\"\ndialect = \"{dialect}\"\n\
                 api_key_env = \"MARKED_KEY\"\nbase_url = \"{base}\"\n{endpoints}"
            )
        })
        .collect();
    let rows: String = PLACES.iter().map(|place| format!("{place}: {prompt},yes\n")).collect();
    let suite = file(inputs.path(), "prompts.csv", &format!("question,expected\n{rows}"));
    let catalog = file(inputs.path(), "catalog.toml", &catalog);
    let args = ["-vvv", "run", "--suite", &suite, "--catalog", &catalog, "--out", "run", "--yes"];
    let ran: Ran = run_with(dir.path(), ("MARKED_KEY", KEY), &[&args, more].concat());
    assert!([0, 12, 13].contains(&ran.code), "{}", ran.stderr);
    let asked = stub.asked();
    for place in PLACES {
        let with_it = |asked: &&Asked| asked.body.to_string().contains(&format!("\"{place}: "));
        let count = asked.iter().filter(with_it).count();
        assert!(count >= n * DIALECTS.len(), "{place}: {count} of {}", n * DIALECTS.len());
    }
    let report = ["report", "run", "--format", "json"];
    let again = run_with(dir.path(), ("MARKED_KEY", KEY), &report).exits(0);
    assert_nowhere(&stretches, dir.path(), &[&ran, &again]);
}

#[test]
fn a_key_is_found_in_no_encoding_of_any_dialect() {
    ask(KEY, &encodings(KEY), "say it", &[]);
}

#[test]
fn without_content_a_prompt_is_found_in_no_encoding_of_any_dialect() {
    let mut said = encodings(PROMPT);
    // Nobody masks a prompt.
    said.retain(|(name, _)| !name.starts_with("masked"));
    ask(PROMPT, &said, PROMPT, &["--no-content"]);
}
