//! What a run may cost: lists with odd entries, endpoints that may reason, a spend beyond what was
//! expected, a month of which a part is not known.

use std::path::Path;

use serde_json::{Value, json};

use crate::stub::{Stub, events, whole, whole_with};
use crate::support::{Ran, csv, file, folder, measured, run, weighbridge};

const KEY: (&str, &str) = ("STUB_KEY", "sk-stub-Mark7");

fn keyed(dir: &Path, args: &[&str]) -> Ran {
    Ran::of(weighbridge(dir).env(KEY.0, KEY.1).args(args).output().expect("it runs"))
}

/// A billed endpoint: an address here that takes a key passes requests on.
fn billed(stub: &Stub, price: &str, more: &str) -> String {
    format!(
        "[[provider]]\nname = \"stub\"\nbase_url = \"{}\"\napi_key_env = \"{}\"\n\n[[endpoint]]\n\
         model = \"acme/deep\"\nprovider = \"stub\"\nprice = {price}\nlimits = {{ concurrency = 2 \
         }}\n{more}",
        stub.url, KEY.0
    )
}

fn prompts(dir: &Path, n: usize) {
    let rows: String = (0..n).map(|k| format!("t{k},Capital of France? {k},Paris\n")).collect();
    file(dir, "p.csv", &format!("id,prompt,reference\n{rows}"));
}

/// Says Paris after so many tokens of hidden reasoning, for so many dollars.
fn paris(reasoning: u64, cost: &Value) -> String {
    let usage = json!({"prompt_tokens": 20, "completion_tokens": 2 + reasoning,
        "completion_tokens_details": {"reasoning_tokens": reasoning}, "cost": cost});
    events(&[
        &json!({"choices": [{"delta": {"content": "Paris"}}]}).to_string(),
        &json!({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": usage}).to_string(),
        "[DONE]",
    ])
}

const RUN: [&str; 7] = ["run", "--catalog", "c.toml", "--suite", "p.csv", "--out", "out"];

#[test]
fn a_run_that_costs_twice_what_was_expected_stops_and_goes_on_when_told() {
    measured(a_run_that_costs_twice_what_was_expected_stops_and_goes_on_when_told_once);
}

fn a_run_that_costs_twice_what_was_expected_stops_and_goes_on_when_told_once() {
    let (dir, stub) = (folder(), Stub::start(|_| paris(2_000, &Value::Null)));
    prompts(dir.path(), 30);
    // 30 answers of 22 tokens are expected: $0.07; each costs $0.20.
    let price = "{ input = \"1.00\", output = \"100.00\" }";
    file(dir.path(), "c.toml", &billed(&stub, price, ""));
    let plan = keyed(dir.path(), &["plan", "--catalog", "c.toml", "--suite", "p.csv"]).exits(0);
    assert!(
        plan.stdout.contains("Expected $0.07, up to $12.07: acme/deep@stub may reason, for the"),
        "{}",
        plan.stdout
    );
    // The question is about the upper figure.
    keyed(dir.path(), &RUN).exits(2).says(&[
        "the run would cost about $0.07, up to $12.07 if acme/deep@stub reasons, which the catalog \
         does not say (supports)",
        "--budget USD, or confirm with --yes",
    ]);
    prompts(dir.path(), 12);
    keyed(dir.path(), &RUN).exits(12).says(&[
        "more than twice the $0.0267 that was expected",
        "To go on, add --yes, or cap it with --budget USD",
        "resume it with the same command and --resume --out out",
    ]);
    let asked = stub.asked().len();
    assert!((1..=4).contains(&asked), "{asked} were asked");
    let ended = |status: &str| {
        let trials = csv(&dir.path().join("out/trials.csv"));
        trials.iter().filter(|trial| trial["status"] == status).count()
    };
    assert_eq!(ended("ok"), asked, "those in flight ended");
    // Nobody has answered yet.
    keyed(dir.path(), &[&RUN[..], &["--resume"]].concat()).exits(12);
    assert_eq!(stub.asked().len(), asked);
    keyed(dir.path(), &[&RUN[..], &["--resume", "--yes"]].concat())
        .weighed()
        .says(&["the run has cost up to $", "more than twice the $0.0267 that was expected"]);
    assert_eq!((stub.asked().len(), ended("ok")), (12, 12));
}

#[test]
fn a_cap_covers_what_was_not_expected_and_plan_says_where_it_does_not() {
    measured(a_cap_covers_what_was_not_expected_and_plan_says_where_it_does_not_once);
}

fn a_cap_covers_what_was_not_expected_and_plan_says_where_it_does_not_once() {
    let (dir, stub) = (folder(), Stub::start(|_| paris(1_000, &Value::Null)));
    prompts(dir.path(), 6);
    let price = "{ input = \"1.00\", output = \"100.00\" }";
    file(dir.path(), "c.toml", &billed(&stub, price, "max_output = 3000\n"));
    keyed(dir.path(), &[&RUN[..], &["--budget", "2"]].concat()).weighed();
    assert_eq!(stub.asked().len(), 6);
    let plan = |cap: &str| {
        file(dir.path(), "weighbridge.toml", &format!("[spend]\nper_run = \"{cap}\"\n"));
        let plan = keyed(dir.path(), &["plan", "--catalog", "c.toml", "--suite", "p.csv"]);
        plan.exits(0).stdout.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    for (cap, said) in [
        ("0.01", "per_run = \"0.01\" refuses the run: one trial at acme/deep@stub may cost $0.3"),
        ("0.5", "does not cover it: the run may cost up to $1.80 and stops at the cap."),
    ] {
        let shown = plan(cap);
        assert!(shown.contains(said), "{said} is not in {shown}");
    }
    assert!(!plan("1.9").contains("per_run"));
}

#[test]
fn what_is_charged_by_a_constant_factor_is_said() {
    measured(what_is_charged_by_a_constant_factor_is_said_once);
}

fn what_is_charged_by_a_constant_factor_is_said_once() {
    let stub = Stub::start(|_| paris(0, &json!(0.000_24)));
    let dir = folder();
    prompts(dir.path(), 6);
    // 20 tokens at $1 and 2 at $2 per million come to $0.000024.
    file(dir.path(), "c.toml", &billed(&stub, "{ input = \"1.00\", output = \"2.00\" }", ""));
    let said =
        "deep@stub charged 10.000 times what its listed prices come to, in each of 6 answers";
    keyed(dir.path(), &RUN).weighed().says(&[said]);
    let report = std::fs::read_to_string(dir.path().join("out/report.md")).expect("a report");
    // A Markdown file escapes the name.
    assert!(report.contains(said.split_once(' ').expect("words").1), "{report}");
}

#[test]
fn a_run_that_cannot_be_read_is_not_a_run_that_cost_nothing() {
    measured(a_run_that_cannot_be_read_is_not_a_run_that_cost_nothing_once);
}

fn a_run_that_cannot_be_read_is_not_a_run_that_cost_nothing_once() {
    let (dir, stub) = (folder(), Stub::says("Paris"));
    prompts(dir.path(), 2);
    file(dir.path(), "c.toml", &billed(&stub, "{ input = \"1.00\", output = \"2.00\" }", ""));
    file(dir.path(), "weighbridge.toml", "[spend]\nper_month = \"5\"\n");
    for (name, bytes) in [("torn", "SQLite format 3\0 and no more"), ("empty", "")] {
        std::fs::create_dir_all(dir.path().join(name)).expect("a folder");
        file(dir.path(), &format!("{name}/run.sqlite"), bytes);
        file(dir.path(), &format!("{name}/report.md"), "# A run\n");
    }
    for (name, weights) in [("gone", "{}"), ("simulated", "{\"simulated\": true}")] {
        std::fs::create_dir_all(dir.path().join(name)).expect("a folder");
        file(dir.path(), &format!("{name}/trials.csv"), "run,trial,suite,task\n");
        file(dir.path(), &format!("{name}/weights.json"), weights);
    }
    // Not every report is a run's, and one that is being made has spent nothing.
    std::fs::create_dir_all(dir.path().join("docs")).expect("a folder");
    file(dir.path(), "docs/report.md", "# Ours\n");
    std::fs::create_dir_all(dir.path().join("begun")).expect("a folder");
    file(dir.path(), "begun/run.sqlite", "");
    let refused = keyed(dir.path(), &RUN).exits(2).says(&[
        "[spend] per_month cannot hold",
        "empty: run.sqlite is empty beside a run's files; ",
        "gone: run.sqlite is missing beside its trials.csv; torn: ",
        "--unread-spend USD",
    ]);
    for other in ["begun", "simulated:", "docs"] {
        assert!(!refused.stderr.contains(other), "{other} is in {}", refused.stderr);
    }
    assert!(!dir.path().join("out").exists() && stub.asked().is_empty());
    let load = ["load", "--catalog", "c.toml", "--suite", "p.csv", "-c", "1", "-n", "2"];
    let load = [&load[..], &["--budget", "1", "--out", "load"]].concat();
    keyed(dir.path(), &load).exits(2).says(&["--unread-spend USD"]);
    let told = |usd| [&RUN[..], &["--unread-spend", usd]].concat();
    keyed(dir.path(), &told("4.5")).weighed().says(&[
        "counted as $4.5 in [spend] per_month: ",
        "$4.50 of [spend] per_month = \"5\" is spent (90 %)",
    ]);
    assert_eq!(stub.asked().len(), 2);
}

#[cfg(unix)]
#[test]
fn a_file_without_an_end_is_refused() {
    let dir = folder();
    prompts(dir.path(), 1);
    let zero = "/dev/zero";
    for args in [
        &["catalog", "sync", "--from", zero][..],
        &["plan", "--catalog", zero, "--suite", "p.csv"],
        &["plan", "--config", zero, "--suite", "p.csv"],
        &["catalog", "check", zero],
        &["run", "--virtual", "--fleet", zero],
    ] {
        let ran = run(dir.path(), args);
        assert!(ran.code == 1 || ran.code == 2, "{args:?}: {} {}", ran.code, ran.stderr);
        assert!(ran.stderr.contains("has more than 64 MB, or does not end"), "{}", ran.stderr);
    }
}

fn synced(dir: &Path, list: &str) -> (String, String) {
    file(dir, "list.json", list);
    let ran = run(dir, &["catalog", "sync", "--from", "list.json", "--out", "c.toml"]).exits(0);
    let text = std::fs::read_to_string(dir.join("c.toml")).expect("a snapshot");
    std::fs::remove_file(dir.join("c.toml")).expect("it is there");
    let prices: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("model = ") || line.starts_with("price = "))
        .collect();
    (ran.stderr, prices.join("\n"))
}

#[test]
fn a_discount_is_in_the_listed_price_and_budgets_do_without_it() {
    let dir = folder();
    let list = r#"{"data":{"id":"a/m","endpoints":[
        {"tag":"promo","pricing":{"prompt":"0.00000003","completion":"0.00000012","discount":0.9}},
        {"tag":"dear","pricing":{"prompt":"0.000001","completion":"0.000002","discount":"-0.04"}},
        {"tag":"none","pricing":{"prompt":"0.000001","completion":"0.000002","discount":null}},
        {"tag":"percent","pricing":{"prompt":"0.000001","completion":"0.000002","discount":90}}]}}"#;
    let (said, prices) = synced(dir.path(), list);
    insta::assert_snapshot!(prices, @r#"
    model = "a/m"
    price = { input = "1", output = "2" }
    model = "a/m"
    price = { input = "1", output = "2" }
    model = "a/m"
    price = { input = "0.03", output = "0.12", net_of_discount = "0.9" }
    "#);
    insta::assert_snapshot!(said, @r"
    3 endpoints of 4 entries
    left out: a/m@openrouter/percent: pricing.discount = 90 is not a share below 1
    a/m@openrouter/promo: listed net of a discount of 0.9, without which a budget reserves
    a/m@openrouter/dear: its discount of -0.04 is a markup, which its listed price contains
    ");
    // 4,096 tokens at the price without the promotion, $1.20 per million.
    file(
        dir.path(),
        "c.toml",
        "[[provider]]\nname = \"p\"\nbase_url = \"http://127.0.0.1:9/v1\"\n[[endpoint]]\nmodel = \
         \"a/m\"\nprovider = \"p\"\nprice = { input = \"0.03\", output = \"0.12\", net_of_discount = \
         \"0.9\" }\n",
    );
    prompts(dir.path(), 1);
    run(dir.path(), &[&RUN[..], &["--budget", "0.0001"]].concat())
        .exits(2)
        .says(&["one trial at a/m@p may cost $0.00"]);
    let plan = ["plan", "--catalog", "c.toml", "--suite", "p.csv", "--format", "json"];
    let plan: Value = serde_json::from_str(&run(dir.path(), &plan).exits(0).stdout).expect("JSON");
    let usd = |key: &str| plan[key].as_str().and_then(|text| text.parse::<f64>().ok()).unwrap();
    assert!(usd("at_most_usd") > 4_096.0 * 1.2e-6, "{}", plan["at_most_usd"]);
    assert!(usd("expected_usd") < 1e-5, "{}", plan["expected_usd"]);
}

#[test]
fn an_odd_entry_is_left_out_and_named_in_every_list() {
    let dir = folder();
    let openrouter = r#"{"data":[5,{},{"id":"a/neg","pricing":{"prompt":"-0.5","completion":"1"}},
        {"id":"a/word","pricing":{"prompt":"cheap","completion":"1"}},
        {"id":"a/huge","pricing":{"prompt":"1e300","completion":"1"}},
        {"id":"a/nan","pricing":{"prompt":NaN,"completion":"1"}},
        {"id":"a/good","pricing":{"prompt":"0.000001","completion":0.000002}}]}"#;
    let (said, prices) = synced(dir.path(), openrouter);
    insta::assert_snapshot!(format!("{said}\n{prices}"), @r#"
    2 endpoints of 7 entries
    left out: entry 1: is not an object
    left out: entry 2: has no id
    left out: a/neg: prompt = "-0.5" is negative
    left out: a/word: prompt = "cheap" is no amount of money
    left out: a/huge: prompt = "1e300" is no amount of money

    model = "a/good"
    price = { input = "1", output = "2" }
    model = "a/nan"
    price = "-1"
    "#);
    let litellm = r#"{"neg":{"litellm_provider":"openai","input_cost_per_token":-1e-6,"output_cost_per_token":1e-6},
        "null":{"litellm_provider":"openai","input_cost_per_token":null,"output_cost_per_token":null},
        "text":{"litellm_provider":"openai","input_cost_per_token":"1.25e-06","output_cost_per_token":"0.00001"},
        "unit":{"litellm_provider":"openai","input_cost_per_token":0.015,"output_cost_per_token":0.06},
        "odd":[1],
        "list":{"litellm_provider":"openai","input_cost_per_token":[1],"output_cost_per_token":1e-6},
        "noise":{"litellm_provider":"openai","input_cost_per_token":1.2500000000000001e-09,"output_cost_per_token":1e-6}}"#;
    let (said, prices) = synced(dir.path(), litellm);
    insta::assert_snapshot!(format!("{said}\n{prices}"), @r#"
    4 endpoints of 7 entries
    left out: neg: input_cost_per_token = -1e-6 is negative
    left out: odd: is not an object
    left out: list: input_cost_per_token = [1] is no amount of money
    warning: input of openai/unit@openai is $15,000 per million tokens: a thousand or a million times too high, so the list may be in another unit; prices are in dollars per million tokens, which may be "15" or "0.015"
    warning: input of openai/noise@openai is $0.00125 per million tokens: it looks like dollars per thousand tokens; prices are in dollars per million tokens, which may be "1.25"

    model = "openai/noise"
    price = { input = "0.00125", output = "1" }
    model = "openai/null"
    price = "-1"
    model = "openai/text"
    price = { input = "1.25", output = "10" }
    model = "openai/unit"
    price = { input = "15000", output = "60000" }
    "#);
    let models_dev = r#"{"acme":{"models":{"good":{"cost":{"input":1,"output":2}},
        "neg":{"cost":{"input":-3,"output":2}},"inf":{"cost":{"input":Infinity,"output":2}},
        "huge":{"cost":{"input":1e300,"output":2}},"odd":7}},"beta":{"api":"x"}}"#;
    let (said, prices) = synced(dir.path(), models_dev);
    insta::assert_snapshot!(format!("{said}\n{prices}"), @r#"
    2 endpoints of 6 entries
    left out: acme/neg: cost.input = -3 is negative
    left out: acme/huge: cost.input = 1e300 is no amount of money
    left out: acme/odd: is not an object
    left out: beta: is no provider: it has no models

    model = "acme/good"
    price = { input = "1", output = "2" }
    model = "acme/inf"
    price = "-1"
    "#);
    file(
        dir.path(),
        "bad.json",
        r#"{"data":[{"id":"a/neg","pricing":{"prompt":"-2","completion":"1"}}]}"#,
    );
    run(dir.path(), &["catalog", "sync", "--from", "bad.json"]).exits(2).says(&[
        "bad.json lists no endpoint: a/neg prompt = \"-2\" is negative; nothing was synced",
    ]);
}

#[test]
fn an_alias_of_a_proxy_is_found_with_its_price() {
    measured(an_alias_of_a_proxy_is_found_with_its_price_once);
}

fn an_alias_of_a_proxy_is_found_with_its_price_once() {
    const HEADER: &str = "x-litellm-version: 1.79.0";
    let stub = Stub::start(|asked| {
        let authorized = asked.header("authorization") == Some("Bearer sk-stub-Mark7");
        match asked.head.split(' ').nth(1) {
            _ if !authorized => whole("401 Unauthorized", "application/json", "{}"),
            Some("/v1/models") => whole_with(
                "200 OK",
                HEADER,
                r#"{"data":[{"id":"fast","object":"model"},{"id":"own","object":"model"}],"object":"list"}"#,
            ),
            Some("/v1/model/info") => whole(
                "200 OK",
                "application/json",
                r#"{"data":[{"model_name":"fast","litellm_params":{"model":"openai/gpt-4o-mini"},
                    "model_info":{"id":"1","mode":"chat","max_input_tokens":128000,"max_output_tokens":16384,
                    "input_cost_per_token":1.5e-07,"output_cost_per_token":6e-07,"supports_function_calling":true}}]}"#,
            ),
            Some(path) if path.starts_with("/v1/chat") => paris(0, &Value::Null),
            _ => whole("404 Not Found", "application/json", "{}"),
        }
    });
    let dir = folder();
    prompts(dir.path(), 2);
    let with_proxy = |args: &[&str], key: &str| {
        let mut command = weighbridge(dir.path());
        command.env("OPENAI_BASE_URL", &stub.url).env("OPENAI_API_KEY", key);
        Ran::of(command.args(args).output().expect("it runs"))
    };
    let args = ["run", "-m", "fast", "--suite", "p.csv", "--out", "out"];
    with_proxy(&args, KEY.1).weighed().says(&[
        "1 of 2 endpoints",
        "fast@litellm  0.15 in, 0.6 out",
        "128000 tokens",
    ]);
    let trials = csv(&dir.path().join("out/trials.csv"));
    // 20 and 2 tokens.
    assert!(trials.iter().all(|t| t["cost_usd"] == "0.0000042"), "{trials:?}");
    let asked = stub.asked();
    assert!(asked.iter().all(|a| a.body["model"] == "fast"));
    assert!(asked.iter().all(|a| a.body["cache"]["no-cache"] == json!(true)), "its cache is off");
    with_proxy(&["plan", "-m", "fast@litellm", "--suite", "p.csv"], KEY.1).exits(0);
    with_proxy(&["plan", "-m", "fast", "--suite", "p.csv"], "sk-other")
        .exits(2)
        .says(&["does not take the key in OPENAI_API_KEY"]);
}
