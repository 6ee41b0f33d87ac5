//! Numbers at the edges of 64 bits, in every numeric field that a provider states, beside an honest
//! endpoint: nothing takes the run down, and no one else pays for it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::stub::{Asked, Stub, whole};
use crate::support::{Ran, csv, file, folder, run};

/// As JSON. In a header, a string stands without its quotes.
const EDGES: [&str; 12] = [
    "0",
    "1",
    "2147483648",
    "9007199254740992",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "-1",
    "0.5",
    "\"3\"",
    "\"NaN\"",
    "1e300",
];

/// A dialect: its name, the path of its base URL, and the numeric fields of its usage as JSON
/// pointers.
const DIALECTS: [(&str, &[&str]); 4] = [
    (
        "openai-chat",
        &[
            "/prompt_tokens",
            "/completion_tokens",
            "/total_tokens",
            "/prompt_tokens_details/cached_tokens",
            "/prompt_tokens_details/cache_write_tokens",
            "/prompt_tokens_details/audio_tokens",
            "/completion_tokens_details/reasoning_tokens",
            "/completion_tokens_details/audio_tokens",
            "/server_tool_use/web_search_requests",
            "/cost",
            "/cost/total_cost",
            "/cost_details/upstream_inference_cost",
        ],
    ),
    (
        "openai-responses",
        &[
            "/input_tokens",
            "/output_tokens",
            "/total_tokens",
            "/input_tokens_details/cached_tokens",
            "/output_tokens_details/reasoning_tokens",
            "/cost",
        ],
    ),
    (
        "anthropic",
        &[
            "/input_tokens",
            "/cache_read_input_tokens",
            "/cache_creation_input_tokens",
            "/cache_creation/ephemeral_1h_input_tokens",
            "/output_tokens",
            "/output_tokens_details/thinking_tokens",
            "/server_tool_use/web_search_requests",
        ],
    ),
    (
        "gemini",
        &[
            "/promptTokenCount",
            "/toolUsePromptTokenCount",
            "/cachedContentTokenCount",
            "/candidatesTokenCount",
            "/thoughtsTokenCount",
            "/totalTokenCount",
            "/promptTokensDetails/0/tokenCount",
        ],
    ),
];

/// Headers whose value is a number or a time.
const HEADERS: [&str; 9] = [
    "x-litellm-response-cost",
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-requests",
    "anthropic-ratelimit-input-tokens-limit",
    "anthropic-ratelimit-input-tokens-reset",
    "ratelimit-limit",
    "retry-after",
    "retry-after-ms",
];

/// The honest usage of a dialect.
fn usage(dialect: &str) -> Value {
    match dialect {
        "openai-chat" => json!({"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15,
            "prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {},
            "server_tool_use": {}, "cost_details": {}, "is_byok": true}),
        "openai-responses" => json!({"input_tokens": 12, "output_tokens": 3, "total_tokens": 15,
            "input_tokens_details": {}, "output_tokens_details": {}}),
        "anthropic" => json!({"input_tokens": 12, "output_tokens": 3, "cache_creation": {},
            "output_tokens_details": {}, "server_tool_use": {}}),
        _ => json!({"promptTokenCount": 12, "candidatesTokenCount": 3, "totalTokenCount": 15,
            "promptTokensDetails": [{"modality": "AUDIO"}]}),
    }
}

/// The usage with an edge in one field.
fn edged(dialect: &str, field: &str, edge: &str) -> String {
    let mut usage = usage(dialect);
    let (parent, name) = field.rsplit_once('/').expect("a pointer");
    if field == "/cost/total_cost" {
        usage["cost"] = json!({});
    }
    if field.starts_with("/cost_details") {
        usage["cost"] = json!(0.25);
    }
    usage.pointer_mut(parent).expect("its parent")[name] = json!("EDGE");
    usage.to_string().replace("\"EDGE\"", edge)
}

/// A whole answer or a stream of one, with this usage and one more header.
fn answer(dialect: &str, usage: &str, header: &str, is_stream: bool) -> String {
    let (kind, body) = match (dialect, is_stream) {
        ("openai-chat", true) => (
            "text/event-stream",
            format!(
                "data: {{\"choices\":[{{\"delta\":{{\"content\":\"Paris\"}}}}]}}\n\n\
             data: {{\"choices\":[{{\"delta\":{{}},\"finish_reason\":\"stop\"}}]}}\n\n\
             data: {{\"choices\":[],\"usage\":{usage}}}\n\ndata: [DONE]\n\n"
            ),
        ),
        ("openai-chat", false) => (
            "application/json",
            format!(
                "{{\"choices\":[{{\"message\":{{\"content\":\"Paris\"}},\"finish_reason\":\"stop\"}}],\
             \"usage\":{usage}}}"
            ),
        ),
        ("openai-responses", true) => (
            "text/event-stream",
            format!(
                "data: {{\"type\":\"response.output_text.delta\",\"delta\":\"Paris\"}}\n\n\
             data: {{\"type\":\"response.completed\",\"response\":{{\"status\":\"completed\",\
             \"usage\":{usage}}}}}\n\n"
            ),
        ),
        ("openai-responses", false) => (
            "application/json",
            format!(
                "{{\"status\":\"completed\",\"output\":[{{\"type\":\"message\",\"content\":\
             [{{\"type\":\"output_text\",\"text\":\"Paris\"}}]}}],\"usage\":{usage}}}"
            ),
        ),
        ("anthropic", true) => (
            "text/event-stream",
            format!(
                "data: {{\"type\":\"message_start\",\"message\":{{\"usage\":{{\"output_tokens\":1}}}}}}\n\n\
             data: {{\"type\":\"content_block_start\",\"index\":0,\
             \"content_block\":{{\"type\":\"text\",\"text\":\"Paris\"}}}}\n\n\
             data: {{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"end_turn\"}},\
             \"usage\":{usage}}}\n\ndata: {{\"type\":\"message_stop\"}}\n\n"
            ),
        ),
        ("anthropic", false) => (
            "application/json",
            format!(
                "{{\"content\":[{{\"type\":\"text\",\"text\":\"Paris\"}}],\
             \"stop_reason\":\"end_turn\",\"usage\":{usage}}}"
            ),
        ),
        (_, is_stream) => {
            let body = format!(
                "{{\"candidates\":[{{\"content\":{{\"parts\":[{{\"text\":\"Paris\"}}]}},\
                 \"finishReason\":\"STOP\"}}],\"usageMetadata\":{usage}}}"
            );
            if is_stream {
                ("text/event-stream", format!("data: {body}\n\n"))
            } else {
                ("application/json", body)
            }
        }
    };
    whole("200 OK", &format!("{kind}{header}"), &body)
}

/// Answers by the upstream model, `DIALECT/N/…` where N is the number of an edge or `ok`, and by the
/// prompt, which is the number of a field.
fn reply(asked: &Asked) -> String {
    let path = asked.head.split(' ').nth(1).unwrap_or_default();
    let of_path = path.split("/models/").nth(1).and_then(|rest| rest.split(':').next());
    let model = asked.body["model"].as_str().or(of_path).unwrap_or_default();
    let mut parts = model.split('/');
    let (dialect, number) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let is_stream = asked.body["stream"] == true || path.contains("streamGenerate");
    let Some(edge) = number.parse::<usize>().ok().map(|n| EDGES[n]) else {
        return answer(dialect, &usage(dialect).to_string(), "", is_stream);
    };
    if let Some(header) = parts.next() {
        let header = format!("\r\n{header}: {}", edge.trim_matches('"'));
        return answer(dialect, &usage(dialect).to_string(), &header, is_stream);
    }
    let text = asked.body.to_string();
    let field = text.split("field ").nth(1).and_then(|rest| rest.split('.').next());
    let field: usize = field.and_then(|n| n.parse().ok()).unwrap_or_default();
    let fields = DIALECTS.iter().find(|(name, _)| *name == dialect).map_or(&[][..], |(_, f)| *f);
    let usage =
        fields.get(field).map_or_else(|| usage(dialect).to_string(), |f| edged(dialect, f, edge));
    answer(dialect, &usage, "", is_stream)
}

/// A provider and an endpoint of it.
fn endpoint(catalog: &mut String, stub: &Stub, name: &str, dialect: &str, model: &str) {
    catalog.push_str(&format!(
        "[[provider]]\nname = \"{name}\"\ndialect = \"{dialect}\"\nbase_url = \"{}\"\n\
         [[endpoint]]\nmodel = \"edge/{name}\"\nprovider = \"{name}\"\n\
         upstream_model = \"{model}\"\nmax_output = 4096\n\
         price = {{ input = \"1.00\", output = \"2.00\" }}\n",
        stub.url
    ));
}

fn suite(dir: &Path, tasks: usize) {
    let rows: String = (0..tasks).map(|i| format!("{i},field {i}.,Paris\n")).collect();
    file(dir, "tasks.csv", &format!("id,question,expected\n{rows}"));
}

/// The honest endpoint was asked everything once and answered; of the others no number is absurd.
#[track_caller]
fn assert_told(run: &Path, tasks: usize) {
    let rows = csv(&run.join("trials.csv"));
    let number = |text: &str| text.parse::<f64>().expect(text);
    let mut honest = 0;
    for row in &rows {
        let cell = |name: &str| row[name].as_str();
        assert_eq!((cell("status"), cell("attempts"), cell("score")), ("ok", "1", "1"), "{row:?}");
        if cell("provider").starts_with("honest") {
            honest += 1;
            assert_eq!((cell("input_tokens"), cell("output_tokens")), ("12", "3"), "{row:?}");
            assert_eq!(cell("cost_usd"), "0.000018");
        }
        for tokens in ["input_tokens", "output_tokens", "reasoning_tokens", "cached_input_tokens"] {
            assert!(cell(tokens).is_empty() || number(cell(tokens)) <= 1e9, "{tokens}: {row:?}");
        }
        let reported = cell("cost_reported_usd");
        assert!(reported.is_empty() || (0.0..=1e6).contains(&number(reported)), "{row:?}");
        let upper = number(cell("cost_upper_usd"));
        assert!(upper > 0.0 && upper < 0.02, "{row:?}");
        assert!(cell("cost_usd").is_empty() || number(cell("cost_usd")) <= upper, "{row:?}");
    }
    assert_eq!(honest, tasks);
}

/// What works on a finished run works on this one, and nothing is asked again.
fn assert_usable(dir: &Path, stub: &Stub, args: &[&str]) {
    let asked = stub.asked().len();
    for args in [&["report", "run"][..], &["tune", "run"], &["grade", "run"]] {
        run(dir, args).completed();
    }
    run(dir, &[args, &["--resume"]].concat()).completed();
    assert_eq!(stub.asked().len(), asked, "nothing was asked again");
}

#[test]
fn every_count_and_charge_of_every_dialect() {
    let (stub, dir) = (Stub::start(reply), folder());
    let mut catalog = String::new();
    endpoint(&mut catalog, &stub, "honest", "openai-chat", "openai-chat/ok");
    for (dialect, _) in DIALECTS {
        for edge in 0..EDGES.len() {
            let (name, model) = (format!("{dialect}-{edge}"), format!("{dialect}/{edge}"));
            endpoint(&mut catalog, &stub, &name, dialect, &model);
        }
    }
    // Two edges not streamed too.
    for edge in [6, 11] {
        catalog.push_str(&format!(
            "[[variant]]\nname = \"whole{edge}\"\nmatch = \"edge/*-{edge}\"\nstream = false\n"
        ));
    }
    file(dir.path(), "catalog.toml", &catalog);
    let tasks = DIALECTS.iter().map(|(_, fields)| fields.len()).max().expect("four");
    suite(dir.path(), tasks);
    let args =
        ["run", "--suite", "tasks.csv", "--catalog", "catalog.toml", "--out", "run", "--yes"];
    run(dir.path(), &args).completed();
    assert_told(&dir.path().join("run"), tasks);
    assert_usable(dir.path(), &stub, &args);
}

#[test]
fn every_header_about_cost_and_rates() {
    let (stub, dir) = (Stub::start(reply), folder());
    let mut catalog = String::new();
    endpoint(&mut catalog, &stub, "honest", "openai-chat", "openai-chat/ok");
    for (i, header) in HEADERS.iter().enumerate() {
        for edge in 0..EDGES.len() {
            let (name, model) =
                (format!("header{i}-{edge}"), format!("openai-chat/{edge}/{header}"));
            endpoint(&mut catalog, &stub, &name, "openai-chat", &model);
        }
    }
    file(dir.path(), "catalog.toml", &catalog);
    suite(dir.path(), 1);
    let args =
        ["run", "--suite", "tasks.csv", "--catalog", "catalog.toml", "--out", "run", "--yes"];
    run(dir.path(), &args).completed();
    assert_told(&dir.path().join("run"), 1);
}

#[test]
fn a_load_goes_on() {
    let (stub, dir) = (Stub::start(reply), folder());
    let mut catalog = String::new();
    endpoint(&mut catalog, &stub, "honest", "openai-chat", "openai-chat/ok");
    for edge in 0..EDGES.len() {
        let (name, model) = (format!("edge-{edge}"), format!("openai-chat/{edge}"));
        endpoint(&mut catalog, &stub, &name, "openai-chat", &model);
    }
    file(dir.path(), "catalog.toml", &catalog);
    suite(dir.path(), 10);
    let args = ["load", "--suite", "tasks.csv", "--catalog", "catalog.toml", "--out", "run"];
    run(dir.path(), &[&args[..], &["-c", "1", "-n", "130", "--budget", "5"]].concat()).completed();
    let rows = csv(&dir.path().join("run/requests.csv"));
    let mut by_status: BTreeMap<(bool, &str), u32> = BTreeMap::new();
    for row in &rows {
        let is_honest = row["provider"] == "honest";
        *by_status.entry((is_honest, row["status"].as_str())).or_default() += 1;
        assert!(
            row["output_tokens"].parse::<u64>().is_ok_and(|n| n <= 1_000_000_000)
                || row["output_tokens"].is_empty(),
            "{row:?}"
        );
    }
    assert_eq!(by_status[&(true, "ok")] + by_status[&(false, "ok")], 130, "{by_status:?}");
    run(dir.path(), &["report", "run"]).completed();
}

/// A provider that states no tokens for its answers.
fn zero(asked: &Asked) -> String {
    let is_honest = asked.body["model"] == "ok";
    let usage = if is_honest {
        usage("openai-chat")
    } else {
        json!({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0})
    };
    answer("openai-chat", &usage.to_string(), "", true)
}

/// A folder with a dear endpoint that states zero usage and, if asked, today's honest one.
fn zero_usage(stub: &Stub, honest: bool, tasks: usize) -> tempfile::TempDir {
    let dir = folder();
    let mut catalog = format!("[[provider]]\nname = \"fake\"\nbase_url = \"{}\"\n", stub.url);
    let mut add = |model: &str, input: &str, output: &str| {
        catalog.push_str(&format!(
            "[[endpoint]]\nmodel = \"case/{model}\"\nprovider = \"fake\"\n\
             upstream_model = \"{model}\"\nmax_output = 4096\n\
             price = {{ input = \"{input}\", output = \"{output}\" }}\n"
        ));
    };
    if honest {
        add("ok", "1.00", "2.00");
        file(dir.path(), "weighbridge.toml", "[today]\nendpoint = \"case/ok@fake\"\n");
    }
    add("zero", "50.00", "200.00");
    file(dir.path(), "catalog.toml", &catalog);
    suite(dir.path(), tasks);
    dir
}

fn run_of(dir: &Path, more: &[&str]) -> Ran {
    let args = ["run", "--suite", "tasks.csv", "--catalog", "catalog.toml", "--out", "run"];
    run(dir, &[&args[..], more].concat())
}

#[test]
fn zero_usage_wins_no_move() {
    let stub = Stub::start(zero);
    let dir = zero_usage(&stub, true, 30);
    let ran = run_of(dir.path(), &["--yes"]).completed();
    assert!(ran.stdout.contains("No MOVE: 1 STAY"), "{}", ran.stdout);
    let weights = std::fs::read_to_string(dir.path().join("run/weights.json")).expect("weights");
    let weights: Value = serde_json::from_str(&weights).expect("JSON");
    assert_eq!(weights["default"]["weights"], json!({"case/ok@fake": 1_000_000}));
    let why = &weights["estimates"]["*"]["case/zero@fake"]["excluded"];
    assert_eq!(*why, "the cost of 30 of its 30 answers is not known");
    let report = std::fs::read_to_string(dir.path().join("run/report.md")).expect("a report");
    assert!(report.contains("fake states 0 tokens beside text (30 answers)"), "{report}");
}

#[test]
fn zero_usage_does_not_lift_the_cap() {
    let stub = Stub::start(zero);
    let dir = zero_usage(&stub, false, 30);
    run_of(dir.path(), &["--budget", "2.00"]).exits(12);
    assert!((1..=3).contains(&stub.asked().len()), "{} requests", stub.asked().len());
}

#[test]
fn a_server_error_may_have_been_billed() {
    let stub = Stub::start(|asked: &Asked| match asked.nth {
        0 if asked.prompt.starts_with("field 0") => whole("503 Busy", "text/plain", "busy"),
        0 if asked.prompt.starts_with("field 1") => {
            whole("429 Slow", "application/json", "{\"error\":{\"message\":\"slow\"}}")
        }
        0 if asked.prompt.starts_with("field 2") => {
            whole("500 Oops\r\nx-litellm-response-cost: 0", "text/plain", "oops")
        }
        _ => answer("openai-chat", &usage("openai-chat").to_string(), "", true),
    });
    let dir = folder();
    file(dir.path(), "catalog.toml", &stub.catalog("max_output = 50\n"));
    suite(dir.path(), 4);
    run_of(dir.path(), &["--budget", "1"]).completed();
    let rows = csv(&dir.path().join("run/trials.csv"));
    for row in &rows {
        assert_eq!((row["status"].as_str(), row["cost_usd"].as_str()), ("ok", "0.000018"));
        let is_open = row["cost_upper_usd"] != row["cost_usd"];
        assert_eq!(is_open, row["task"] == "0", "{row:?}");
    }
    assert_eq!(rows.len(), 4);
}

#[test]
fn damaged_rows_do_not_stop_the_good_ones() {
    let (stub, dir) = (Stub::start(reply), folder());
    let mut catalog = String::new();
    endpoint(&mut catalog, &stub, "honest", "openai-chat", "openai-chat/ok");
    endpoint(&mut catalog, &stub, "honest2", "openai-chat", "openai-chat/ok");
    file(dir.path(), "catalog.toml", &catalog);
    suite(dir.path(), 12);
    run_of(dir.path(), &["--yes"]).completed();
    let database = rusqlite::Connection::open(dir.path().join("run/run.sqlite")).expect("a run");
    let damage = [
        "UPDATE attempt SET cost_usd = '160000000000000', cost_reported_usd = '-5' WHERE trial = 0",
        "UPDATE attempt SET cost_usd = 'much' WHERE trial = 1",
        "UPDATE attempt SET output_tokens = 9223372036854775807, cost_usd = '18446744073709' \
         WHERE trial = 2",
        "UPDATE attempt SET input_tokens = -1 WHERE trial = 3",
        "UPDATE attempt SET last_token_ns = 9223372036854775807 WHERE trial = 4",
        "UPDATE attempt SET error = 'no such error' WHERE trial = 5",
        "UPDATE attempt SET gaps_us = x'ff' WHERE trial = 6",
        "UPDATE attempt SET bound = '1e300', cost_usd = NULL WHERE trial = 7",
        "PRAGMA foreign_keys = OFF; UPDATE trial SET endpoint = 99 WHERE idx = 8",
        "PRAGMA foreign_keys = OFF; UPDATE trial SET task = -3 WHERE idx = 9",
        "UPDATE trial SET backoff_ns = -9 WHERE idx = 10",
        "UPDATE attempt SET ended_ns = 9223372036854775807 WHERE trial = 11",
    ];
    for statement in damage {
        database.execute_batch(statement).expect(statement);
    }
    drop(database);
    for args in [&["report", "run"][..], &["tune", "run"], &["grade", "run"]] {
        run(dir.path(), args).completed();
    }
    let rows = csv(&dir.path().join("run/trials.csv"));
    let good = rows.iter().filter(|row| row["cost_usd"] == "0.000018").count();
    assert_eq!((rows.len(), good >= 15), (22, true), "{good} of {} have a cost", rows.len());
    let report = std::fs::read_to_string(dir.path().join("run/report.md")).expect("a report");
    assert!(report.contains("2 trials are left out"), "{report}");
    let asked = stub.asked().len();
    run_of(dir.path(), &["--yes", "--resume"]).completed();
    assert!(stub.asked().len() - asked <= 2, "what is good is not asked again");
    assert_eq!(csv(&dir.path().join("run/trials.csv")).len(), 24);
}
