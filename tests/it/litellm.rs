//! Against a LiteLLM proxy: its cache is off, and what its headers say is on record.

use std::path::Path;

use serde_json::json;

use crate::stub::{Stub, whole, whole_with};
use crate::support::{Ran, csv, file, folder, measured, run};

const ANSWER: &str = r#"{"model":"gpt-eu","choices":[{"message":{"content":"Paris"},
    "finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":1}}"#;

/// What a proxy says of a deployment, as the head of a response goes on.
const HEADERS: &str = "200 OK\r\nx-litellm-version: 1.79.0\r\nx-litellm-call-id: c-7\r\n\
    x-litellm-model-id: eu-1\r\nx-litellm-model-api-base: https://eu.example/v1?key=hidden\r\n\
    x-litellm-response-cost: 1.5000000000000002e-05";

fn weigh(dir: &Path, stub: &Stub, router: &str, more: &str) -> Ran {
    file(dir, "prompts.csv", "id,prompt,reference,category\n1,Capital of France?,Paris,facts\n");
    let catalog = stub.catalog(more).replacen("name =", &format!("{router}\nname ="), 1);
    file(dir, "catalog.toml", &catalog);
    run(dir, &["run", "--catalog", "catalog.toml", "--suite", "prompts.csv", "--out", "run"])
}

const WHOLE: &str = "[[variant]]\nname = \"whole\"\nmatch = \"acme/*\"\nstream = false\n\
    params = { temperature = 0 }\n";

#[test]
fn a_proxys_cache_is_off_and_its_headers_are_kept() {
    measured(a_proxys_cache_is_off_and_its_headers_are_kept_once);
}

fn a_proxys_cache_is_off_and_its_headers_are_kept_once() {
    let dir = folder();
    let stub = Stub::start(|_| whole(HEADERS, "application/json", ANSWER));
    weigh(dir.path(), &stub, "router = \"litellm\"", WHOLE).weighed();
    let asked = stub.asked();
    assert_eq!(asked.len(), 2, "the endpoint and its variant");
    for asked in &asked {
        assert_eq!(asked.body["cache"], json!({"no-cache": true, "no-store": true}));
    }
    assert!(asked.iter().any(|asked| asked.body["temperature"] == json!(0)), "its own parameter");
    let trials = csv(&dir.path().join("run/trials.csv"));
    assert_eq!(trials.len(), 2);
    for trial in &trials {
        assert_eq!(trial["served_by"], "eu-1 at https://eu.example/v1");
        assert_eq!(trial["cost_reported_usd"], "0.000015000000000000002");
        assert_eq!(trial["cost_usd"], "0.000012", "what the catalog says stands beside it");
    }
}

#[test]
fn no_other_provider_is_told_of_a_cache() {
    measured(no_other_provider_is_told_of_a_cache_once);
}

fn no_other_provider_is_told_of_a_cache_once() {
    let dir = folder();
    let stub = Stub::says("Paris");
    weigh(dir.path(), &stub, "", "").weighed();
    assert!(stub.asked()[0].body.get("cache").is_none());
    let trials = csv(&dir.path().join("run/trials.csv"));
    assert_eq!(
        (trials[0]["served_by"].as_str(), trials[0]["cost_reported_usd"].as_str()),
        ("", "")
    );
}

#[test]
fn a_failure_names_the_call_in_the_proxys_log() {
    let dir = folder();
    let refusal = r#"{"error":{"message":"no such model"}}"#;
    let stub =
        Stub::start(move |_| whole_with("400 Bad Request", "x-litellm-call-id: c-9", refusal));
    weigh(dir.path(), &stub, "router = \"litellm\"", "").exits(1);
    let database = rusqlite::Connection::open(dir.path().join("run/run.sqlite")).expect("a run");
    let detail: String = database
        .query_row("SELECT error_detail FROM attempt", [], |row| row.get(0))
        .expect("one attempt");
    assert!(detail.ends_with("(LiteLLM, call c-9)"), "{detail}");
}

#[test]
fn a_router_that_is_not_known_and_one_whose_cache_stays_on() {
    let dir = folder();
    let stub = Stub::says("Paris");
    weigh(dir.path(), &stub, "router = \"lightllm\"", "")
        .exits(2)
        .says(&["catalog.toml:2: router = \"lightllm\" is not known; did you mean \"litellm\"?"]);
    let anthropic = "router = \"litellm\"\ndialect = \"anthropic\"";
    let ran = weigh(dir.path(), &stub, anthropic, "");
    assert!(ran.stderr.contains("the cache of LiteLLM cannot be turned off"), "{}", ran.stderr);
}
