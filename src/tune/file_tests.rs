//! The files that tuning writes: valid by the published schema, read back, refused when broken.

use serde_json::{Value, json};

use super::fixture::{endpoint, metrics, with_cap, with_goal, with_slo};
use super::tune;
use crate::aggregate::RunMetrics;
use crate::stats::{Level, Method};
use crate::units::Goal;
use crate::weights::{SCHEMA, WeightsFile};

fn some_figures() -> RunMetrics {
    let today = endpoint("acme/large@azure", 0.01).wrong(&[(0, 8), (0, 10)]).miss(0.02);
    let mini = endpoint("acme/mini@birch", 0.002).wrong(&[(0, 8), (5, 16)]).miss(0.10);
    metrics(&[("classify", 400, 0.6), ("extract", 200, 0.4)], vec![today, mini])
}

fn faults_by_schema(file: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("schema:///weights.json", schema).expect("an address");
    let index = compiler.compile("schema:///weights.json", &mut schemas).expect("a schema");
    match schemas.validate(file, index) {
        Ok(()) => Vec::new(),
        Err(error) => error.to_string().lines().skip(1).map(str::to_owned).collect(),
    }
}

#[test]
fn files_are_valid_and_read_back() {
    let mut nothing = some_figures();
    nothing.today.endpoint = None;
    let all = [
        some_figures(),
        with_slo(some_figures(), 0.05),
        with_cap(some_figures(), 0.5),
        with_goal(some_figures(), Goal::Better),
        with_slo(with_goal(some_figures(), Goal::Faster), 0.05),
        nothing,
    ];
    for metrics in all {
        let file = tune(&metrics);
        let text = file.to_json();
        let value: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(faults_by_schema(&value), Vec::<String>::new(), "{text}");
        assert_eq!(WeightsFile::from_json(&text, "w.json"), Ok(file));
        assert!(text.ends_with("}\n"));
    }
}

/// Checks that a file with one value replaced is refused by the reader, in these words, and by
/// the schema where that can express it.
fn check(pointer: &str, to: Value, by_schema: bool, said: &str) {
    let text = tune(&some_figures()).to_json();
    let mut value: Value = serde_json::from_str(&text).expect("JSON");
    *value.pointer_mut(pointer).expect(pointer) = to;
    assert_eq!(!faults_by_schema(&value).is_empty(), by_schema, "{pointer}");
    let error = WeightsFile::from_json(&value.to_string(), "w.json").expect_err(pointer);
    assert!(error.to_string().contains(said), "{error}");
}

#[test]
fn broken_files_are_refused_with_the_field() {
    let weights = "/categories/classify/weights";
    let at = "w.json: categories.classify.weights: ";
    check(weights, json!({}), true, &format!("{at}is empty"));
    check(weights, json!({"a/b@c": 0, "d/e@f": 1_000_000}), true, &format!("{at}a/b@c has 0"));
    check(weights, json!({"a/b@c": 999_999}), false, &format!("{at}sum to 999999, not to"));
    check(weights, json!({"a/b@c": -1}), true, "not a weights file: invalid value");
    check("/default/fallbacks", json!(["x", "x"]), true, "default.fallbacks: x is there twice");
    check(
        "/categories/classify/fallbacks",
        json!(["acme/mini@birch"]),
        false,
        "categories.classify.fallbacks: acme/mini@birch already has weight",
    );
    check("/categories", json!({}), true, "w.json: categories: is empty");
    check("/objective/margin", json!(1.5), true, "objective.margin: is not between 0 and 1");
    check("/objective/shares/extract", json!(-1), true, "objective.shares.extract: is not");
    check("/objective/today", json!(null), true, "must be empty: nothing stands for today");
    check("/format_version", json!(3), true, "format_version is 3; this version reads 2");
    check("/notes", json!({"typo": 1}), true, "not a weights file: invalid type");
}

#[test]
fn unknown_keys_are_named() {
    let text = tune(&some_figures()).to_json().replacen("\"run\"", "\"runn\"", 1);
    let error = WeightsFile::from_json(&text, "w.json").expect_err("unknown key").to_string();
    assert!(error.contains("unknown field `runn`") && error.contains("line"), "{error}");
    assert!(!faults_by_schema(&serde_json::from_str(&text).expect("JSON")).is_empty());
}

#[test]
fn the_schema_knows_every_method_and_level() {
    for method in Method::ALL {
        for level in [Level::P95, Level::try_from(0.9).expect("a level")] {
            let mut file = tune(&some_figures());
            let quality = file.expected.difference.as_mut().expect("an estimate");
            (quality.method, quality.level) = (method, level);
            let text = file.to_json();
            let value: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(faults_by_schema(&value), Vec::<String>::new(), "{}", method.name());
            assert_eq!(WeightsFile::from_json(&text, "w.json"), Ok(file));
        }
    }
}
