//! Forms of price lists that the stored ones do not show, and everything that is not one.

use super::*;

use crate::catalog::{Change, Price, Rate, Rates};

fn reading(text: &str) -> Reading {
    read(text, "list").unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn check_error(text: &str, expected: &str) {
    let error = read(text, "list").expect_err(text).to_string();
    assert!(error.starts_with(expected), "{error}");
}

fn rates(reading: &Reading) -> &Rates {
    match &reading.catalog.endpoints[0].price {
        Price::Rates(rates) => rates,
        other => panic!("{other:?}"),
    }
}

fn model(pricing: &str) -> String {
    format!(r#"{{"data":[{{"id":"a/m","pricing":{pricing}}}]}}"#)
}

#[test]
fn what_is_no_price_list_is_refused() {
    check_error("  ", "list is empty");
    check_error("<!DOCTYPE html><html>", "list is a web page");
    check_error("404: Not Found", "list:1: ");
    check_error("{\"error\": 5}", "list is not a known price list");
    check_error("{\"data\": 5}", "list is not a known price list");
    check_error("{\"data\": []}", "list lists no endpoint");
    check_error("{\"data\": [", "list: is not JSON: EOF while parsing");
    check_error("{\"data\": [5]}", "list lists no endpoint: entry 1 is not an object");
    check_error("{\"data\": [{}]}", "list lists no endpoint: entry 1 has no id");
}

#[test]
fn unknown_is_unknown_and_never_negative() {
    for pricing in [
        r#"{"prompt":"-1","completion":"-1"}"#,
        r#"{"prompt":"","completion":"0.1"}"#,
        r#"{"prompt":"NaN","completion":"0.1"}"#,
        r#"{"prompt":"0.1"}"#,
        r#"{"prompt":"0.1","completion":"0.2","input_cache_read":"-1"}"#,
        r#"{"prompt":"0.1","completion":"0.2","overrides":[{"min_prompt_tokens":9,"prompt":"-1"}]}"#,
    ] {
        assert_eq!(
            reading(&model(pricing)).catalog.endpoints[0].price,
            Price::Unknown,
            "{pricing}"
        );
    }
    let bad = |pricing: &str, why: &str| {
        check_error(&model(pricing), &format!("list lists no endpoint: a/m prompt = {why}"));
    };
    bad(r#"{"prompt":"-0.5","completion":"1"}"#, "\"-0.5\" is negative");
    bad(r#"{"prompt":"cheap","completion":"1"}"#, "\"cheap\" is no amount of money");
    bad(r#"{"prompt":true,"completion":"1"}"#, "true is no amount of money");
    bad(r#"{"prompt":"101","completion":"1"}"#, "\"101\" is beyond any price");
    bad(r#"{"prompt":"1e300","completion":"1"}"#, "\"1e300\" is no amount of money");
    let free = r#"{"prompt":"0","completion":"0.000"}"#;
    assert_eq!(reading(&model(free)).catalog.endpoints[0].price, Price::Free);
}

#[test]
fn openrouter_overrides_and_discounts_are_read() {
    let pricing = r#"{"prompt":"0.000001","completion":"0.000002","discount":0.25,"image_output":"1",
        "overrides":[{"min_prompt_tokens":200000.0,"prompt":"0.000002"},
                     {"utc_start":1630,"utc_end":30,"completion":"0.000001"}]}"#;
    let list = reading(&model(pricing));
    let rates = rates(&list);
    let conditions: Vec<String> = rates.changes.iter().map(Change::condition).collect();
    assert_eq!(conditions, ["16:30-00:30 UTC", "above 200000 tokens"]);
    // The listed price is net of it.
    assert_eq!(rates.factor, None);
    assert_eq!(rates.promotion.map(|f| f.to_string()), Some("0.25".to_owned()));
    assert_eq!(list.not_read, [("pricing.image_output".to_owned(), 1)].into());
    check_error(
        &model(r#"{"prompt":"1","completion":"1","discount":1.5}"#),
        "list lists no endpoint: a/m pricing.discount = 1.5 is not a share below 1",
    );
}

#[test]
fn a_list_without_a_name_around_it_is_read() {
    let whole = model(r#"{"prompt":"0.000001","completion":"0.000002"}"#);
    let inner = whole.split_once('[').and_then(|(_, rest)| rest.rsplit_once(']'));
    let bare = format!(" [ {} ]", inner.expect("a list").0);
    assert_eq!(rates(&reading(&bare)), rates(&reading(&whole)));
    // In TOML a table's name follows the bracket.
    check_error("[provider]", "list:1");
}

#[test]
fn openrouter_endpoints_are_pinned_by_their_tag() {
    let text = r#"{"data":{"id":"a/m","endpoints":[
        {"tag":"deepinfra/fp4","context_length":8192,"max_completion_tokens":null,
         "pricing":{"prompt":"0.000001","completion":"0.000002"},"supported_parameters":["tools"]},
        {"tag":"deepinfra/fp4","pricing":{"prompt":"0.000003","completion":"0.000002"}},
        {"provider_name":"X","pricing":{"prompt":"0.000001","completion":"0.000002"}}]}}"#;
    let list = reading(text);
    let [only] = list.catalog.endpoints.as_slice() else { panic!("{:?}", list.catalog.endpoints) };
    assert_eq!(only.id.as_str(), "a/m@openrouter/deepinfra/fp4");
    assert_eq!(only.provider.base_url, "https://openrouter.ai/api/v1");
    assert_eq!(only.context_window, Some(8192));
    let why: Vec<&str> = list.left_out.iter().map(|left| left.why.as_str()).collect();
    assert_eq!(
        why,
        [
            "a/m@openrouter/deepinfra/fp4 is listed twice: 1 in, 2 out is kept, 3 in, 2 out is not",
            "has no tag to pin it by (X)"
        ]
    );
}

#[test]
fn models_devs_json_is_read_from_its_literals() {
    let text = r#"{"acme":{"env":["ACME_KEY"],"api":"https://acme.example/v1/","models":{
        "large-1":{"tool_call":true,"reasoning":false,"release_date":"2026-01-02",
        "cost":{"input":0.0833333333333333,"output":2e0,"cache_read":0.1,
                "context_over_200k":{"input":4}},"limit":{"context":1000,"output":10}}}}}"#;
    let list = reading(text);
    let endpoint = &list.catalog.endpoints[0];
    assert_eq!(endpoint.id.as_str(), "acme/large-1@acme");
    assert_eq!(endpoint.provider.base_url, "https://acme.example/v1");
    assert_eq!(endpoint.provider.api_key_env.as_deref(), Some("ACME_KEY"));
    let rates = rates(&list);
    assert_eq!(Rate::Input.written(rates.input), "0.0833333333333333");
    assert_eq!(Rate::Output.written(rates.output), "2");
    assert_eq!(rates.changes[0].condition(), "above 200000 tokens");
}

#[test]
fn names_that_would_not_read_again_are_left_out() {
    let check = |provider: &str, model: &str, taken: usize| {
        let entry = |provider: &str| {
            serde_json::json!({"litellm_provider": provider, "mode": "chat",
                "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6})
        };
        let list = serde_json::json!({"beside": entry("acme"), (model): entry(provider)});
        let list = reading(&list.to_string());
        assert_eq!(list.catalog.endpoints.len(), 1 + taken, "{model:?} at {provider:?}");
        assert_eq!(list.left_out.len(), 1 - taken, "{model:?} at {provider:?}");
    };
    check("acme", "m", 1);
    check("acme", "a\u{202e}b", 0);
    check("acme", "two words", 0);
    check("acme", &"m".repeat(257), 0);
    check("ac\u{200b}me", "m", 0);
}

#[test]
fn litellm_keys_are_taken_apart() {
    let text = r#"{"acme/m":{"litellm_provider":"acme","mode":"chat","input_cost_per_token":1e-06,
        "output_cost_per_token":2E-6,"input_cost_per_token_above_128k_tokens_flex":5e-7,
        "cache_creation_input_token_cost_above_1hr_above_200k_tokens":3e-6,
        "cache_creation_input_token_cost_above_12hr":4e-6},
        "acme/pictures":{"litellm_provider":"acme","mode":"image_generation"}}"#;
    let list = reading(text);
    let rates = rates(&list);
    let conditions: Vec<String> = rates.changes.iter().map(Change::condition).collect();
    assert_eq!(conditions, ["above 200000 tokens", "above 128000 tokens, flex"]);
    assert_eq!(rates.changes[0].rates.keys().copied().collect::<Vec<_>>(), [Rate::CacheWrite1h]);
    assert_eq!(list.not_read.len(), 1, "twelve hours: {:?}", list.not_read);
    assert_eq!(list.left_out[0].why, "answers in no text: its mode is image_generation");
}
