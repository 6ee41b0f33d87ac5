//! Every error text of a catalog, with its line and its remedy.

mod paid;

use super::*;
use crate::units::Usage;

const LOCAL: &str = r#"
[[provider]]
name = "local"
dialect = "openai-chat"
base_url = "http://127.0.0.1:8100/v1/"
api_key_env = "LOCAL_API_KEY"
"#;

fn load(text: &str) -> Catalog {
    load_text(text, "catalog.toml").unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// What follows [`LOCAL`] (which ends on line 6) must be refused with this message.
fn check(rest: &str, expected: &str) {
    check_whole(&format!("{LOCAL}{rest}"), expected);
}

fn check_whole(text: &str, expected: &str) {
    let error = load_text(text, "catalog.toml").expect_err(text).to_string();
    assert_eq!(error, format!("catalog.toml:{expected}"), "{text}");
}

fn endpoint_with(line: &str) -> String {
    format!("[[endpoint]]\nmodel = \"acme/large\"\nprovider = \"local\"\n{line}\n")
}

const ENDPOINT_OF_P: &str =
    "[[endpoint]]\nmodel = \"acme/large\"\nprovider = \"p\"\nprice = \"free\"\n";

fn provider_with(url: &str) -> String {
    format!("[[provider]]\nname = \"p\"\nbase_url = \"{url}\"\n")
}

#[test]
fn the_example_of_the_design_loads() {
    let catalog = load(&format!(
        "{LOCAL}{}",
        r#"
[[endpoint]]
model = "acme/large-2"
provider = "local"
upstream_model = "large-2-0611"
price = { input = "1.00", output = "2.00", cached_input = "0.10" }
context_window = 131072
max_output = 8192
limits = { requests_per_min = 600, tokens_per_min = 400000, concurrency = 32 }
supports = ["tools", "json_schema", "temperature"]

[[endpoint]]
model = "birch/tiny"
provider = "local"
price = "free"

[[variant]]
name = "high"
match = "acme/*"
params = { reasoning_effort = "high", seeds = [1, 2], deep = { on = true } }
system = "Think."
stream = false
"#
    ));
    assert_eq!(catalog.warnings, Vec::<String>::new());
    let ids: Vec<&str> = catalog.endpoints.iter().map(|e| e.id.as_str()).collect();
    assert_eq!(ids, ["acme/large-2@local", "acme/large-2@local#high", "birch/tiny@local"]);
    let [base, high, tiny] = catalog.endpoints.as_slice() else { panic!("three endpoints") };
    assert_eq!(base.upstream_model, "large-2-0611");
    assert_eq!(base.provider.base_url, "http://127.0.0.1:8100/v1");
    assert_eq!(base.provider.api_key_env.as_deref(), Some("LOCAL_API_KEY"));
    assert_eq!(base.limits.tokens_per_min, Some(400_000));
    assert!(base.can(Capability::Tools) && !base.can(Capability::Reasoning));
    assert!(base.stream && base.params.is_empty() && base.is_loopback());
    let usage = Usage { input: Some(2_000_000), output: Some(1), ..Usage::default() };
    assert_eq!(base.price.cost(&usage), Some("2.000002".parse().expect("decimal")));
    assert!(!high.stream);
    assert_eq!(high.system.as_deref(), Some("Think."));
    assert_eq!(
        serde_json::to_value(&high.params).expect("json"),
        serde_json::json!({ "reasoning_effort": "high", "seeds": [1, 2], "deep": { "on": true } })
    );
    assert_eq!((&high.price, high.model.as_str()), (&base.price, "acme/large-2"));
    assert_eq!(tiny.price, Price::Free);
    assert!(tiny.can(Capability::Reasoning), "what is not stated is assumed");
}

#[test]
fn unknown_keys_are_named_with_the_nearest() {
    let cases = [
        (
            "contxt_window = 8",
            "10: unknown key \"contxt_window\"; did you mean \"context_window\"?",
        ),
        ("price = { inptu = \"1\" }", "10: unknown key \"inptu\"; did you mean \"input\"?"),
        (
            "limits = { concurency = 3 }",
            "10: unknown key \"concurency\"; did you mean \"concurrency\"?",
        ),
        ("supports = [\"tool\"]", "10: supports \"tool\" is not known; did you mean \"tools\"?"),
    ];
    for (line, expected) in cases {
        check(&endpoint_with(line), expected);
    }
    check("[[endpoints]]\n", "7: unknown key \"endpoints\"; did you mean \"endpoint\"?");
    check_whole(
        "[[provider]]\nname = \"p\"\napi_key = \"sk-secret\"\nbase_url = \"https://x/v1\"\n",
        "3: unknown key \"api_key\"; did you mean \"api_key_env\"?",
    );
    check_whole(
        "[[provider]]\nname = \"p\"\nbase_url = \"https://x/v1\"\nhttp = \"3\"\n",
        "4: http = \"3\" is not a supported version of HTTP; write \"1.1\" or \"2\"",
    );
    check_whole(
        "[[provider]]\nname = \"p\"\nbase_url = \"https://x/v1\"\nrouter = \"open-router\"\n",
        "4: router = \"open-router\" is not known; did you mean \"openrouter\"?",
    );
    check_whole(
        "[[provider]]\nname = \"p\"\nbase_url = \"https://x/v1\"\ndata_collection = \"no\"\n",
        "4: data_collection = \"no\" is not known; known here: deny, allow",
    );
    let header = |header: &str| {
        format!(
            "[[provider]]\nname = \"p\"\nbase_url = \"https://x/v1\"\nheaders = {{ {header} }}\n"
        )
    };
    check_whole(
        &header("Authorization = \"Bearer x\""),
        "4: header \"Authorization\" carries a key; keys live in variables: name one with api_key_env",
    );
    check_whole(
        &header("Host = \"x\""),
        "4: header \"Host\" is written by weighbridge itself; leave it out",
    );
    check_whole(
        &header("\"a b\" = \"x\""),
        "4: header \"a b\" is not a valid header name; write letters, digits and dashes",
    );
    check_whole(
        "[[provider]]\nname = \"p\"\n",
        "1: key \"base_url\" is missing; add base_url = … to the table that begins here",
    );
}

#[test]
fn a_bad_price_shows_what_to_write() {
    let cases = [
        (
            "price = { input = 1.00, output = \"2\" }",
            "10: a price is a decimal string, because a float is not exact; write input = \"1.00\"",
        ),
        (
            "price = { input = \"1\", output = 2 }",
            "10: a price is a decimal string, because a float is not exact; write output = \"2\"",
        ),
        (
            "price = { input = \"1\", output = \"2\", reasoning = 5e-1 }",
            "10: a price is a decimal string, because a float is not exact; write reasoning = \"0.5\"",
        ),
        (
            "price = { input = \"-0.5\", output = \"2\" }",
            "10: input = \"-0.5\" is negative; write what is charged, \"0\" where nothing is, or \
             leave it out where it is not known",
        ),
        (
            "price = { input = \"0.1234567890123456789\", output = \"2\" }",
            "10: input = \"0.1234567890123456789\" has more decimals than can be held exactly (18)",
        ),
        (
            "price = { input = \"1,5\", output = \"2\" }",
            "10: input = \"1,5\" is not a decimal number such as \"0.25\"",
        ),
        (
            "price = 3.0",
            "10: price = \"3.0\" is one number where two are needed; write price = { input = \
             \"1.00\", output = \"2.00\" } in dollars per million tokens, or price = \"free\"",
        ),
    ];
    for (line, expected) in cases {
        check(&endpoint_with(line), expected);
    }
}

#[test]
fn an_unknown_price_is_unknown_and_said() {
    for (line, why) in [
        ("", "has no price"),
        ("price = \"-1\"", "is unknown (\"-1\")"),
        ("price = { input = \"NaN\", output = \"2\" }", "no input"),
        ("price = { input = \"\", output = \"-1\" }", "no input, no output"),
        ("price = { input = \"1\", output = \"2\", cached_input = \"-1\" }", "no cached_input"),
        ("price = { per_request = \"0.01\" }", "no input, no output"),
    ] {
        let catalog = load(&format!("{LOCAL}{}", endpoint_with(line)));
        assert_eq!(catalog.endpoints[0].price, Price::Unknown, "{line}");
        let [warning] = catalog.warnings.as_slice() else { panic!("{:?}", catalog.warnings) };
        assert!(warning.contains(why) && warning.contains("acme/large@local"), "{warning}");
    }
}

#[test]
fn a_price_in_another_unit_is_warned_of() {
    let warnings = |price: &str| {
        load(&format!("{LOCAL}{}", endpoint_with(&format!("price = {price}")))).warnings
    };
    let low = warnings(r#"{ input = "0.0000005", output = "0.0000015" }"#);
    assert_eq!(
        low,
        ["catalog.toml:10: input of acme/large@local is $0.0000005 per million tokens: it looks \
             like dollars per token; prices are in dollars per million tokens, which may be \"0.5\""]
    );
    let high = warnings(r#"{ input = "2500", output = "10000" }"#);
    assert!(high[0].contains("a thousand or a million times too high"), "{high:?}");
    for fine in ["0.01", "0", "600", "0.05"] {
        let none = warnings(&format!(r#"{{ input = "{fine}", output = "{fine}" }}"#));
        assert_eq!(none, Vec::<String>::new());
    }
}

#[test]
fn per_request_is_in_dollars() {
    let text = endpoint_with(r#"price = { input = "0", output = "0", per_request = "0.01" }"#);
    let catalog = load(&format!("{LOCAL}{text}"));
    assert_eq!(
        catalog.endpoints[0].price.max_cost(5, 5, None),
        Some("0.01".parse().expect("decimal"))
    );
}

#[test]
fn base_urls() {
    let cases = [
        ("api.example.com/v1", "has no scheme; write for example \"https://api.example.com/v1\""),
        (
            "ftp://example.com",
            "has a scheme other than http and https; write for example \
             \"https://api.example.com/v1\"",
        ),
        (
            "https://me:secret@example.com/v1",
            "holds credentials; take them out, and name the variable that holds the key as \
             api_key_env",
        ),
        (
            "https://example.com/v1/chat/completions/",
            "ends in /chat/completions, which is added to it; drop it: base_url = \
             \"https://example.com/v1\"",
        ),
        ("https://", "has no scheme; write for example \"https://api.example.com/v1\""),
        ("https://:80/v1", "is not a URL; write for example \"https://api.example.com/v1\""),
        ("https://a b/v1", "is not a URL; write for example \"https://api.example.com/v1\""),
        (
            "https://example.com/v1?key=1",
            "holds a query or a fragment; end it before the first ? or #",
        ),
    ];
    for (url, expected) in cases {
        check_whole(&provider_with(url), &format!("3: base_url {expected}"));
    }
}

#[test]
fn providers() {
    check(
        "[[provider]]\nname = \"local\"\nbase_url = \"https://example.com\"\n",
        "8: provider \"local\" is defined twice (first at catalog.toml:3); rename one of them",
    );
    check_whole(
        "[[provider]]\nname = \"a@b\"\nbase_url = \"https://example.com\"\n",
        "2: name = \"a@b\" cannot be part of an endpoint's id (model@provider#variant); write it \
         without @, #, * and ?, and without white space or characters that do not show",
    );
    let key =
        "[[provider]]\nname = \"my-ai\"\nbase_url = \"https://x.y\"\napi_key_env = \"sk-12\"\n";
    check_whole(
        key,
        "4: api_key_env is not the name of an environment variable (its value is not shown, \
         because it may be a key); write for example api_key_env = \"MY_AI_API_KEY\", and export the key under \
         that name",
    );
    let dialect = |name: &str| format!("{}dialect = \"{name}\"\n", provider_with("https://x.y"));
    for spoken in Dialect::ALL {
        let text = format!("{}{ENDPOINT_OF_P}", dialect(spoken.name()));
        assert_eq!(load(&text).endpoints[0].provider.dialect, spoken);
    }
    check_whole(
        &dialect("openai_chat"),
        "4: \"openai_chat\" is not a dialect; did you mean \"openai-chat\"?",
    );
    let plain =
        "[[provider]]\nname = \"p\"\nbase_url = \"http://example.com\"\napi_key_env = \"K\"\n";
    assert!(load(plain).warnings[0].contains("over http"));
}

#[test]
fn endpoints_and_variants() {
    let two = format!("{}{}", endpoint_with("price = \"free\""), endpoint_with("price = \"free\""));
    check(
        &two,
        "12: endpoint acme/large@local is defined twice (first at catalog.toml:8); remove one, or \
         make it a variant with a name of its own",
    );
    check(
        "[[endpoint]]\nmodel = \"acme/large\"\nprovider = \"lcoal\"\n",
        "9: no [[provider]] is named \"lcoal\"; did you mean \"local\"?",
    );
    check(
        &endpoint_with("limits = { concurrency = 0 }"),
        "10: concurrency = 0 allows no request; write at least 1, or leave it out",
    );
    check(
        &endpoint_with("context_window = 0"),
        "10: context_window = 0 allows no request; write at least 1, or leave it out",
    );
    let variant = |rest: &str| format!("{}[[variant]]\nname = \"v\"\n{rest}\n", endpoint_with(""));
    check(
        &variant("match = \"amce/*\""),
        "13: variant \"v\" matches no endpoint: match = \"amce/*\"; nearest: acme/large, acme/large@local",
    );
    check(
        &variant("match = \"*\"\nparams = { n = 3 }"),
        "14: params.n would bill several answers; one trial is one answer (--repeats)",
    );
    check(
        &variant("match = \"*\"\nparams = { max_tokens = \"5\" }"),
        "14: params.max_tokens is a number of tokens, at least 1",
    );
    check(
        &variant("match = \"*\"\nparams = { day = 2026-01-01 }"),
        "14: params.day cannot be written in JSON; use a string, a number, a boolean, a list or a \
         table",
    );
    check(
        &variant("match = \"*\"\n[[variant]]\nname = \"v\"\nmatch = \"acme/*\""),
        "15: endpoint acme/large@local#v is defined twice (first at catalog.toml:12); remove one, \
         or make it a variant with a name of its own",
    );
}

#[test]
fn files_load_as_one_catalog() {
    let config = format!(
        "{}[[variant]]\nname = \"v\"\nmatch = \"*@local\"\n",
        endpoint_with("price = \"free\"")
    );
    let files = [
        CatalogText { path: "weighbridge.toml", text: &config },
        CatalogText { path: "catalog.toml", text: LOCAL },
    ];
    let catalog = load_texts(&files).expect("the provider is in the other file");
    assert_eq!(catalog.endpoints[1].id.as_str(), "acme/large@local#v");
    let twice =
        [CatalogText { path: "a.toml", text: LOCAL }, CatalogText { path: "b.toml", text: LOCAL }];
    let error = load_texts(&twice).expect_err("the provider is in both").to_string();
    assert!(error.starts_with("b.toml:3: ") && error.contains("first at a.toml:3"), "{error}");
}

#[test]
fn loopback_is_an_address_not_a_prefix() {
    let loopback = |url: &str| {
        let text = format!("{}[[endpoint]]\nmodel = \"m\"\nprovider = \"p\"\n", provider_with(url));
        load(&text).endpoints[0].is_loopback()
    };
    assert!(loopback("http://127.0.0.1:80/v1") && loopback("http://localhost/v1"));
    assert!(loopback("http://[::1]:9/v1"));
    assert!(!loopback("http://127.example.com/v1") && !loopback("https://example.com/127.0.0.1"));
}
