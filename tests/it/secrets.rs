//! No key reaches a file or a screen, even where the provider says it back.

use crate::stub::{Stub, events, stream, whole};
use crate::support::{file, files, folder, run_with};

/// Long enough for a real key, and nowhere else in the world.
const KEY: &str = "sk-Mark7/Qx+Vw93LpTz0RbYd";

/// What of the key may be found nowhere: the whole, its halves, its masked ends, and the forms in
/// which it travels.
const NOWHERE: [&str; 7] = [
    KEY,
    "Mark7",
    "LpTz0",
    "RbYd",
    "%2FQx%2BVw93",
    // Base64 of "Bearer sk-…" and of the key, a stretch of each.
    "IHNrLU1hcms3L1F4K1Z3OTNMcFR6",
    "c2stTWFyazcvUXgrVnc5M0xwVHow",
];

/// Providers that say back what they were sent, each in its way.
fn indiscreet(asked: &crate::stub::Asked) -> String {
    let sent = asked.header("authorization").expect("the key is sent").to_owned();
    let key = sent.strip_prefix("Bearer ").expect("a bearer token");
    let error = |message: String| {
        serde_json::json!({"error": {"message": message, "type": "auth"}}).to_string()
    };
    let json = "application/json";
    match asked.prompt.as_str() {
        "quoted" => whole("401 Unauthorized", json, &error(format!("bad header: {sent}"))),
        "masked" => {
            let masked = format!("{}****{}", &key[..8], &key[key.len() - 4..]);
            whole("401 Unauthorized", json, &error(format!("Incorrect API key: {masked}")))
        }
        "page" => {
            let padding = "<p>".repeat(90);
            whole("403 Forbidden", "text/html", &format!("{padding}authorization: {sent}"))
        }
        "encoded" => whole(
            "400 Bad Request",
            json,
            &error(
                "sk-Mark7%2FQx%2BVw93LpTz0RbYd QmVhcmVyIHNrLU1hcms3L1F4K1Z3OTNMcFR6MFJiWWQ= \
                    c2stTWFyazcvUXgrVnc5M0xwVHowUmJZZA=="
                    .to_owned(),
            ),
        ),
        "in the stream" => events(&[&error(format!("not allowed: {sent}"))]),
        "not JSON" => whole("200 OK", json, &format!("{sent} is not JSON")),
        "as the answer" => stream(&["You sent ", key, "."]),
        other => panic!("{other}"),
    }
}

#[test]
fn a_key_is_sent_and_found_nowhere() {
    let (dir, stub) = (folder(), Stub::start(indiscreet));
    let asks =
        ["quoted", "masked", "page", "encoded", "in the stream", "not JSON", "as the answer"];
    let rows: String = asks.iter().map(|ask| format!("{ask},yes\n")).collect();
    file(dir.path(), "prompts.csv", &format!("question,expected\n{rows}"));
    let catalog = stub.catalog("").replace("base_url", "api_key_env = \"MARKED_KEY\"\nbase_url");
    file(dir.path(), "catalog.toml", &catalog);
    let args =
        ["-vvv", "run", "--suite", "prompts.csv", "--catalog", "catalog.toml", "--out", "run"];
    let ran = run_with(dir.path(), ("MARKED_KEY", KEY), &args).weighed();

    let asked = stub.asked();
    assert!(asked.len() >= asks.len());
    for request in asked {
        assert_eq!(request.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    }
    for part in ["HTTP 401", "bad header: Bearer [key]", "Incorrect API key: [key]****[key]"] {
        assert!(ran.stderr.contains(part), "what was said is kept: {part}\n{}", ran.stderr);
    }
    run_with(dir.path(), ("MARKED_KEY", KEY), &["report", "run"]).exits(0);
    let mut everything = files(dir.path());
    everything.insert("stdout".to_owned(), ran.stdout.into_bytes());
    everything.insert("stderr".to_owned(), ran.stderr.into_bytes());
    assert!(everything.contains_key("run/run.sqlite"));
    for (name, bytes) in &everything {
        let text = String::from_utf8_lossy(bytes).to_lowercase();
        for part in NOWHERE {
            assert!(!text.contains(&part.to_lowercase()), "{part} is in {name}");
        }
    }
}

/// The variable's name is recorded, so that a run can be made again; its value is not.
#[test]
fn the_name_of_the_variable_is_kept() {
    let (dir, stub) = (folder(), Stub::says("yes"));
    file(dir.path(), "prompts.csv", "question,expected\nsure?,yes\n");
    let catalog = stub.catalog("").replace("base_url", "api_key_env = \"MARKED_KEY\"\nbase_url");
    file(dir.path(), "catalog.toml", &catalog);
    let args = ["run", "--suite", "prompts.csv", "--catalog", "catalog.toml", "--out", "run"];
    run_with(dir.path(), ("MARKED_KEY", KEY), &args).weighed();
    let database = std::fs::read(dir.path().join("run/run.sqlite")).expect("written");
    let holds = |word: &str| database.windows(word.len()).any(|w| w == word.as_bytes());
    assert!(holds("MARKED_KEY") && !holds(KEY));
}

/// A stand-in that is no secret stays in answers: it may be what was asked for.
#[test]
fn a_stand_in_for_a_key_changes_no_answer() {
    let (dir, stub) = (folder(), Stub::says("EMPTY"));
    file(dir.path(), "prompts.csv", "question,expected\nWhat is a list without items?,EMPTY\n");
    let catalog = stub.catalog("").replace("base_url", "api_key_env = \"MARKED_KEY\"\nbase_url");
    file(dir.path(), "catalog.toml", &catalog);
    let args = ["run", "--suite", "prompts.csv", "--catalog", "catalog.toml", "--out", "run"];
    run_with(dir.path(), ("MARKED_KEY", "EMPTY"), &args).weighed();
    let trials = crate::support::csv(&dir.path().join("run/trials.csv"));
    assert_eq!(trials[0]["score"], "1");
}
