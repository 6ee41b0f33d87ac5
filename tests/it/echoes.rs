//! Providers that say back what they were sent, in every encoding and every field: neither the key nor,
//! where no content is kept, a prompt is in any file or on any screen.

use std::path::Path;

use serde_json::{Value, json};

use crate::encodings::{Stretches, encodings};
use crate::onboard::{Lists, says};
use crate::stub::{Asked, Stub, events, whole, whole_with};
use crate::support::{Ran, file, files, folder, run_with, weighbridge};

/// Long enough for a real key, and nowhere else in the world.
pub const KEY: &str = "sk-Mark7/Qx+Vw93LpTz0RbYd";
/// What a prompt holds.
pub const PROMPT: &str = "Whom did Zephyrine7 Quux93 marry";

/// Where a provider says it.
const PLACES: [&str; 7] =
    ["answer", "whole answer", "error", "error elsewhere", "page", "in the stream", "redirect"];

/// An answer that has it in every field.
fn answer(it: &str) -> Value {
    let call = json!({"index": 0, "id": it, "type": "function",
                      "function": {"name": it, "arguments": json!({"it": it}).to_string()}});
    json!({
        "id": it, "object": it, "model": it, "provider": it, "system_fingerprint": it,
        "service_tier": it,
        "choices": [{
            "index": 0, "finish_reason": it, "native_finish_reason": it, "logprobs": it,
            "message": {"role": "assistant", "content": it, "reasoning": it, "refusal": it,
                        "reasoning_content": it, "annotations": [it], "tool_calls": [call]},
        }],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "cost": it, "details": {"is": it}},
    })
}

/// The same as a stream.
fn streamed(it: &str) -> String {
    let whole = answer(it);
    let mut first = whole.clone();
    first["choices"][0]["delta"] = whole["choices"][0]["message"].clone();
    first["choices"][0]["finish_reason"] = Value::Null;
    first["usage"] = Value::Null;
    // Half of it in each of two chunks.
    let middle = (0..=it.len() / 2).rev().find(|at| it.is_char_boundary(*at)).unwrap_or(0);
    let token =
        |text: &str| json!({"model": it, "choices": [{"delta": {"content": text}}]}).to_string();
    let mut last = whole.clone();
    last["choices"] = json!([{"delta": {}, "finish_reason": it}]);
    events(&[
        &first.to_string(),
        &token(&it[..middle]),
        &token(&it[middle..]),
        &last.to_string(),
        "[DONE]",
    ])
}

/// What is said at a place.
fn reply(place: &str, it: &str) -> String {
    let json = "application/json";
    let error = json!({"error": {"message": it, "type": it, "code": it, "param": it,
                                 "metadata": {"raw": it, "provider_name": it}}});
    match place {
        "answer" => streamed(it),
        "whole answer" => whole("200 OK", json, &answer(it).to_string()),
        "error" => whole("400 Bad Request", json, &error.to_string()),
        "error elsewhere" => {
            let said =
                json!({"code": it, "message": it, "detail": it, "errors": [{"message": it}]});
            whole("422 Unprocessable Entity", json, &said.to_string())
        }
        "page" => whole("403 Forbidden", "text/html", &format!("<p>{it}")),
        "in the stream" => {
            let mut error = error;
            error["error"]["code"] = 400.into();
            events(&[&error.to_string()])
        }
        "redirect" => {
            // What a header can hold.
            let it: String = it.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').collect();
            let headers = format!(
                "location: http://127.0.0.1:9/{it}\r\nx-litellm-model-id: {it}\r\n\
                 x-litellm-call-id: {it}\r\nx-litellm-model-api-base: {it}\r\nx-litellm-version: {it}"
            );
            whole_with("302 Found", &headers, &json!({"error": it}).to_string())
        }
        other => panic!("{other}"),
    }
}

/// A server that says one secret in the encoding that the model's name numbers, at the place that the
/// prompt names.
fn server(said: Vec<(&'static str, String)>) -> Stub {
    Stub::start(move |asked: &Asked| {
        let model = asked.body["model"].as_str().expect("a model");
        let n: usize = model.strip_prefix("m-").and_then(|n| n.parse().ok()).expect("a number");
        let (place, _) = asked.prompt.split_once(':').expect("a place");
        reply(place, &said[n].1)
    })
}

/// A catalog with an endpoint for each encoding.
fn catalog(stub: &Stub, n: usize) -> String {
    let endpoints: String = (0..n)
        .map(|n| {
            format!("[[endpoint]]\nmodel = \"m-{n}\"\nprovider = \"stub\"\nprice = \"free\"\n")
        })
        .collect();
    let url = &stub.url;
    format!(
        "[[provider]]\nname = \"stub\"\napi_key_env = \"MARKED_KEY\"\nbase_url = \"{url}\"\n{endpoints}"
    )
}

#[track_caller]
pub fn assert_nowhere(stretches: &Stretches, dir: &Path, said: &[&Ran]) {
    let mut everything = files(dir);
    for (n, ran) in said.iter().enumerate() {
        everything.insert(format!("stdout {n}"), ran.stdout.clone().into_bytes());
        everything.insert(format!("stderr {n}"), ran.stderr.clone().into_bytes());
    }
    let found: Vec<String> = everything
        .iter()
        .filter_map(|(name, bytes)| Some(format!("{:?} is in {name}", stretches.find(bytes)?)))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

/// Runs the tasks, one for each place, at every endpoint.
fn ask(dir: &Path, stub: &Stub, n: usize, prompt: &str, more: &[&str]) -> Ran {
    let inputs = folder();
    let rows: String = PLACES.iter().map(|place| format!("{place}: {prompt},yes\n")).collect();
    let suite = file(inputs.path(), "prompts.csv", &format!("question,expected\n{rows}"));
    let catalog = file(inputs.path(), "catalog.toml", &catalog(stub, n));
    let args = ["-vvv", "run", "--suite", &suite, "--catalog", &catalog, "--out", "run", "--yes"];
    let ran = run_with(dir, ("MARKED_KEY", KEY), &[&args, more].concat());
    assert!([0, 12, 13].contains(&ran.code), "{}", ran.stderr);
    assert_eq!(stub.asked().len() / n, PLACES.len(), "each is asked at each endpoint");
    ran
}

#[test]
fn a_key_is_found_in_no_encoding_and_no_field() {
    let said = encodings(KEY);
    let (dir, n, stretches) = (folder(), said.len(), Stretches::of(KEY, &said));
    assert!(n >= 70, "{n}");
    let stub = server(said);
    let ran = ask(dir.path(), &stub, n, "say it", &[]);
    let again = run_with(dir.path(), ("MARKED_KEY", KEY), &["report", "run", "--format", "json"]);
    assert_nowhere(&stretches, dir.path(), &[&ran, &again.exits(0)]);
    assert!(ran.stderr.contains("[key]"), "what was said is told: {}", ran.stderr);
}

#[test]
fn without_content_a_prompt_is_found_in_no_encoding_and_no_field() {
    let mut said = encodings(PROMPT);
    // Nobody masks a prompt.
    said.retain(|(name, _)| !name.starts_with("masked"));
    let (dir, n, stretches) = (folder(), said.len(), Stretches::of(PROMPT, &said));
    let stub = server(said);
    let ran = ask(dir.path(), &stub, n, PROMPT, &["--no-content"]);
    let again = run_with(dir.path(), ("MARKED_KEY", KEY), &["report", "run", "--format", "json"]);
    assert_nowhere(&stretches, dir.path(), &[&ran, &again.exits(0)]);
}

/// A price list that says the key back, in the names of its models and in what is wrong with it.
#[test]
fn a_price_list_shows_no_key() {
    let said = encodings(KEY);
    let stretches = Stretches::of(KEY, &said);
    let model = |(n, (_, it)): (usize, &(&str, String))| {
        json!({"id": format!("acme/m-{n}"), "name": it, "canonical_slug": it, "description": it,
               "context_length": 1000, "pricing": {"prompt": "0.000001", "completion": "0.000002"},
               "architecture": {"modality": it, "tokenizer": it}, "supported_parameters": [it]})
    };
    let broken = |(_, it): &(&str, String)| json!({"id": it, "name": it, "pricing": {"prompt": it, "completion": it}});
    let mut models: Vec<Value> = said.iter().enumerate().map(model).collect();
    let list = json!({"data": models}).to_string();
    models.extend(said.iter().map(broken));
    let odd = json!({"data": models}).to_string();
    let ran = |answer: String, args: &[&str]| {
        let (dir, lists) = (folder(), Lists::start(&[("/models", answer)]));
        let variables = [("OPENROUTER_API_KEY", KEY), ("OPENROUTER_BASE_URL", lists.url.as_str())];
        let mut command = weighbridge(dir.path());
        let ran = Ran::of(command.envs(variables).args(args).output().expect("the binary runs"));
        assert_nowhere(&stretches, dir.path(), &[&ran]);
        ran
    };
    ran(says("200 OK", &list), &["-vvv", "catalog", "list", "-m", "acme/*"]).exits(0);
    ran(says("200 OK", &odd), &["-vvv", "catalog", "list", "-m", "*", "--format", "csv"]);
    let list = ["-vvv", "catalog", "list", "-m", "acme/*"];
    for (_, it) in
        said.iter().filter(|(_, it)| it.bytes().all(|b| b.is_ascii_graphic() || b == b' '))
    {
        if it.len() < 120 {
            let moved = whole_with("302 Found", &format!("location: https://a.example/{it}"), it);
            ran(moved, &list).exits(2);
        }
    }
    for status in ["401 Unauthorized", "500 Oops", "200 OK"] {
        ran(says(status, KEY), &list).exits(2);
        ran(says(status, &json!({"error": {"message": KEY}}).to_string()), &list).exits(2);
        ran(says(status, &json!({"data": {"why": KEY}}).to_string()), &list).exits(2);
    }
}
