//! What is published as JSON is valid by its published schema.

use std::path::Path;

use serde_json::Value;

use crate::support::{folder, run};

/// The faults of a JSON text by a schema of this repository. The only place that validates.
fn faults(schema: &str, text: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(schema);
    let schema: Value =
        serde_json::from_slice(&std::fs::read(path).expect("a schema")).expect("JSON");
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("schema:///published.json", schema).expect("an address");
    let index = compiler.compile("schema:///published.json", &mut schemas).expect("a schema");
    let value: Value = serde_json::from_str(text).expect("JSON");
    match schemas.validate(&value, index) {
        Ok(()) => Vec::new(),
        Err(error) => error.to_string().lines().skip(1).map(str::to_owned).collect(),
    }
}

fn check(schema: &str, text: &str) {
    assert_eq!(faults(schema, text), Vec::<String>::new(), "{schema}\n{text}");
}

/// The text without one key, wherever it stands.
fn without(text: &str, key: &str) -> String {
    text.replacen(&format!("\"{key}\""), "\"other\"", 1)
}

const RUN: &str = "docs/schema/run-report.schema.json";
const LOAD: &str = "docs/schema/load-report.schema.json";
const WEIGHTS: &str = "src/weights/schema.json";

#[test]
fn a_run_of_several_categories_is_valid_json() {
    let dir = folder();
    let args = ["run", "--virtual", "--limit", "90", "--out", "run", "--format", "json"];
    let printed = run(dir.path(), &args).exits(0).stdout;
    check(RUN, &printed);
    for key in ["format_version", "cost_usd", "level", "percentiles_s"] {
        assert!(!faults(RUN, &without(&printed, key)).is_empty(), "{key} is required");
    }
    let report: Value = serde_json::from_str(&printed).expect("JSON");
    assert!(report["categories"].as_array().is_some_and(|all| all.len() > 1), "{printed}");

    let weights = std::fs::read_to_string(dir.path().join("run/weights.json")).expect("written");
    check(WEIGHTS, &weights);
    assert!(weights.contains("\"mover\""), "several categories are a weighted mean");

    // The same report from the run folder.
    let again = run(dir.path(), &["report", "run", "--format", "json"]).exits(0).stdout;
    assert_eq!(again, printed);
}

#[test]
fn a_run_without_scores_is_valid_json() {
    let dir = folder();
    let suite = "{\"id\":\"a\",\"prompt\":\"Say hello.\"}\n";
    std::fs::write(dir.path().join("free.jsonl"), suite).expect("written");
    let args = ["run", "--virtual", "--demo", "--suite", "free.jsonl", "--out", "run"];
    let ran = run(dir.path(), &[&args[..], &["--format", "json"]].concat());
    check(RUN, &ran.stdout);
}

#[test]
fn a_load_is_valid_json() {
    let dir = folder();
    let args = ["load", "--demo", "-m", "gale/small", "-q", "50", "-n", "100", "--out", "load"];
    let printed = run(dir.path(), &[&args[..], &["--format", "json"]].concat()).stdout;
    check(LOAD, &printed);
    assert!(!faults(LOAD, &without(&printed, "duration_s")).is_empty());
    let again = run(dir.path(), &["report", "load", "--format", "json"]).exits(0).stdout;
    assert_eq!(again, printed);
}
