//! `export`: each gateway's file from the same weights, what it says is lost, and what is refused.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Ran, file, folder, run, shared_data};

const GATEWAYS: [&str; 6] = ["litellm", "openrouter", "portkey", "agentgateway", "envoy", "json"];

const CATALOG: &str = r#"
[[provider]]
name = "azure"
base_url = "https://acme.example.com/openai/v1"
api_key_env = "AZURE_KEY"

[[provider]]
name = "birch"
dialect = "anthropic"
base_url = "https://birch.example.com/v1"
api_key_env = "BIRCH_KEY"

[[provider]]
name = "cedar"
dialect = "gemini"
base_url = "https://cedar.example.com/v1beta"
api_key_env = "CEDAR_KEY"

[[provider]]
name = "own"
base_url = "http://10.0.0.7:8000/v1"

[[endpoint]]
model = "acme/large"
provider = "azure"
upstream_model = "large-eu"
price = { input = "2.5", output = "10", cached_input = "1.25" }

[[endpoint]]
model = "acme/mini"
provider = "birch"
price = { input = "0.15", output = "0.6" }

[[endpoint]]
model = "acme/nano"
provider = "cedar"
price = { input = "0.1", output = "0.4" }

[[endpoint]]
model = "acme/free"
provider = "own"
price = "free"

[[variant]]
name = "low"
match = "acme/large"
params = { reasoning_effort = "low" }
"#;

fn category(word: &str, candidate: &str, weights: &Value, fallbacks: &Value) -> Value {
    let mut category = example()["default"].clone();
    category["weights"] = weights.clone();
    category["fallbacks"] = fallbacks.clone();
    let verdict = &mut category["verdict"];
    verdict["word"] = word.into();
    verdict["candidate"] = candidate.into();
    verdict["why"] = "as it was found".into();
    category
}

/// The example's weights, whose form is that of this version.
fn example() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/example/weights.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("the example")).expect("JSON")
}

fn weights() -> Value {
    let mut file = example();
    file["simulated"] = false.into();
    file["run"] = "0123456789abcdef".into();
    file["made_at"] = "2026-10-01T00:00:00Z".into();
    file["valid_until"] = "2999-01-01T00:00:00Z".into();
    file["prices"] = "5f".repeat(32).into();
    file["suites"] = json!([{"name": "support", "version": "1", "hash": "ab".repeat(32)}]);
    file["objective"]["today"] = "acme/large@azure".into();
    file["objective"]["shares"] = json!({"classify": 0.5, "reply": 0.3, "chat": 0.2});
    let today = json!({"acme/large@azure": 1_000_000});
    file["categories"] = json!({
        "classify": category(
            "MOVE",
            "acme/mini@birch",
            &json!({"acme/mini@birch": 750_000, "acme/large@azure#low": 250_000}),
            &json!(["acme/nano@cedar", "acme/free@own", "acme/large@azure"]),
        ),
        "reply": category("TRY", "acme/nano@cedar", &today, &json!(["acme/mini@birch"])),
        "chat": category("NO DATA", "acme/nano@cedar", &json!({}), &json!([])),
    });
    file["default"] = category("STAY", "acme/nano@cedar", &today, &json!(["acme/free@own"]));
    file["estimates"] = json!({});
    file
}

/// A folder with a catalog and weights, changed as a test needs them.
fn inputs(change: impl FnOnce(&mut Value)) -> tempfile::TempDir {
    let dir = folder();
    file(dir.path(), "catalog.toml", CATALOG);
    let mut weights = weights();
    change(&mut weights);
    file(dir.path(), "weights.json", &weights.to_string());
    dir
}

fn export(dir: &Path, to: &str, more: &[&str]) -> Ran {
    let mut args = vec!["export", "weights.json", "--catalog", "catalog.toml", "--to", to];
    args.extend(more);
    run(dir, &args)
}

#[test]
fn the_litellm_proxy_gets_shares_fallbacks_and_prices() {
    let dir = inputs(|_| {});
    let ran = export(dir.path(), "litellm", &["--ramp", "0.1"]).exits(0);
    let body: Vec<&str> = ran.stdout.lines().skip_while(|line| line.starts_with('#')).collect();
    insta::assert_snapshot!(body.join("\n"));
    insta::assert_snapshot!(ran.stderr, @r"
    not in litellm: support/chat: NO DATA, so it has no weights and goes where it goes today (as it was found)
    not in litellm: support/chat: has no fallback
    ");
}

#[test]
fn every_gateway_says_what_it_lacks() {
    let dir = inputs(|_| {});
    for to in GATEWAYS {
        let ran = export(dir.path(), to, &[]).exits(0);
        insta::assert_snapshot!(format!("losses_{to}"), ran.stderr);
        for line in ran.stderr.lines().filter_map(|line| line.split_once(": ")) {
            assert!(ran.stdout.contains(line.1), "{to}: the file does not say: {}", line.1);
        }
    }
}

#[test]
fn every_file_is_the_same_each_time_and_names_keys_only() {
    let dir = inputs(|_| {});
    for to in GATEWAYS {
        let first = export(dir.path(), to, &["--ramp", "0.25"]).exits(0).stdout;
        let with_keys = crate::support::weighbridge(dir.path())
            .args(["export", "weights.json", "--catalog", "catalog.toml", "--to", to])
            .args(["--ramp", "0.25"])
            .env("AZURE_KEY", "sk-0123456789abcdef0123")
            .env("BIRCH_KEY", "sk-fedcba9876543210fedc")
            .output()
            .expect("it runs");
        assert_eq!(first, String::from_utf8_lossy(&with_keys.stdout), "{to}");
        let keys: &[&str] = match to {
            "openrouter" => &["OPENROUTER_API_KEY"],
            _ => &["AZURE_KEY", "BIRCH_KEY", "CEDAR_KEY"],
        };
        assert!(keys.iter().all(|key| first.contains(key)), "{to}");
    }
}

/// The mix of an alias in the neutral form.
fn mix(text: &str, alias: &str) -> Value {
    let document: Value = serde_json::from_str(text).expect("JSON");
    let targets = document["aliases"][alias]["targets"].as_array().expect("targets").clone();
    let one = |target: &Value| {
        (
            target["endpoint"].as_str().expect("an id").to_owned(),
            target["parts_per_million"].clone(),
        )
    };
    Value::Object(targets.iter().map(one).collect())
}

#[test]
fn a_ramp_blends_the_old_and_the_new_and_tries_what_is_likely() {
    let dir = inputs(|_| {});
    let all = export(dir.path(), "json", &[]).exits(0).stdout;
    let tenth = export(dir.path(), "json", &["--ramp", "0.1"]).exits(0).stdout;
    let today = json!({"acme/large@azure": 1_000_000});
    assert_eq!(
        mix(&all, "support/classify"),
        json!({"acme/mini@birch": 750_000, "acme/large@azure#low": 250_000})
    );
    assert_eq!(
        mix(&tenth, "support/classify"),
        json!({"acme/large@azure": 900_000, "acme/mini@birch": 75_000, "acme/large@azure#low": 25_000})
    );
    assert_eq!(mix(&all, "support/reply"), today);
    assert_eq!(
        mix(&tenth, "support/reply"),
        json!({"acme/large@azure": 900_000, "acme/nano@cedar": 100_000})
    );
    for text in [&all, &tenth] {
        assert_eq!(mix(text, "support/chat"), today);
        assert_eq!(mix(text, "default"), today);
    }
}

#[test]
fn a_ramp_begins_at_the_weights_before() {
    let dir = inputs(|_| {});
    let mut old = weights();
    old["categories"]["classify"]["weights"] = json!({"acme/nano@cedar": 1_000_000});
    old["categories"]["classify"]["fallbacks"] = json!([]);
    file(dir.path(), "old.json", &old.to_string());
    let from = ["--from", "old.json"];
    let half = export(dir.path(), "json", &[&from[..], &["--ramp", "0.5"]].concat()).exits(0);
    assert_eq!(
        mix(&half.stdout, "support/classify"),
        json!({"acme/nano@cedar": 500_000, "acme/mini@birch": 375_000, "acme/large@azure#low": 125_000})
    );
    let undone = export(dir.path(), "json", &[&from[..], &["--undo"]].concat()).exits(0);
    assert_eq!(mix(&undone.stdout, "support/classify"), json!({"acme/nano@cedar": 1_000_000}));
    assert!(undone.stdout.contains("\"before_sha256\""));
}

#[test]
fn undo_brings_back_the_file_that_was_replaced() {
    let dir = inputs(|_| {});
    let out = ["--out", "config.yaml"];
    let read = || std::fs::read(dir.path().join("config.yaml")).expect("a file");
    file(dir.path(), "config.yaml", "model_list: [] # by hand\n");
    let by_hand = read();
    let ran = export(dir.path(), "litellm", &[&out[..], &["--ramp", "0.1"]].concat()).exits(0);
    assert!(ran.stdout.is_empty());
    let ramped = read();
    // Again, nothing changes, and what was before is still known.
    export(dir.path(), "litellm", &[&out[..], &["--ramp", "0.1"]].concat()).exits(0);
    export(dir.path(), "litellm", &[&out[..], &["--undo"]].concat()).exits(0);
    assert_eq!(read(), by_hand);
    export(dir.path(), "litellm", &[&out[..], &["--undo"]].concat()).exits(0);
    assert_eq!(read(), ramped);
    // Nothing was replaced: today's endpoint has everything again.
    let undone = export(dir.path(), "json", &["--undo"]).exits(0).stdout;
    assert_eq!(mix(&undone, "support/classify"), json!({"acme/large@azure": 1_000_000}));
}

#[test]
fn what_must_not_be_served_by_is_refused() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change, &[&str]); 9] = [
        ("simulated", |w| w["simulated"] = true.into(), &[]),
        ("expired", |w| w["valid_until"] = "2026-10-31T00:00:00Z".into(), &[]),
        ("no time", |w| w["valid_until"] = "soon".into(), &[]),
        ("newer", |w| w["format_version"] = 3.into(), &[]),
        ("sum", |w| w["default"]["weights"] = json!({"acme/large@azure": 999_999}), &[]),
        (
            "unknown endpoint",
            |w| w["default"]["weights"] = json!({"acme/larg@azure": 1_000_000}),
            &[],
        ),
        ("no such provider", |_| {}, &["--key", "azur=AZURE_KEY"]),
        ("no variable", |_| {}, &["--key", "azure=sk-0123456789abcdef"]),
        (
            "nothing serves",
            |w| {
                w["objective"]["today"] = Value::Null;
                for category in ["classify", "reply"] {
                    w["categories"][category]["weights"] = json!({});
                }
                w["default"]["weights"] = json!({});
            },
            &[],
        ),
    ];
    let said: Vec<String> = cases
        .into_iter()
        .map(|(name, change, more)| {
            let dir = inputs(change);
            let ran = export(dir.path(), "litellm", more).exits(2);
            assert!(ran.stdout.is_empty(), "{name}");
            format!("{name}: {}", ran.stderr.trim_end())
        })
        .collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn the_key_of_a_provider_on_the_internet_is_asked_for() {
    let dir = inputs(|_| {});
    let catalog =
        CATALOG.replace("api_key_env = \"AZURE_KEY\"\n", "api_key_cmd = [\"pass\", \"a\"]\n");
    file(dir.path(), "catalog.toml", &catalog);
    let ran = export(dir.path(), "litellm", &[]).exits(2);
    insta::assert_snapshot!(ran.stderr, @"weighbridge: the variable that holds the key of provider azure (https://acme.example.com/openai/v1) is not known; name it: --key azure=VARIABLE, or --key azure=none if it takes no key");
    let ran = export(dir.path(), "litellm", &["--key", "azure=OTHER_KEY"]).exits(0);
    assert!(ran.stdout.contains("api_key: os.environ/OTHER_KEY"));
}

#[test]
fn a_run_folder_names_its_suites_and_is_marked_simulated() {
    let dir = folder();
    let args = ["run", "--demo", "--virtual", "--limit", "10", "--out", "demo"];
    run(dir.path(), &args).exits(0);
    let ran = run(dir.path(), &["export", "demo", "--to", "json"]).exits(2);
    insta::assert_snapshot!(ran.stderr, @"weighbridge: demo/weights.json is SIMULATED: it rests on answers of a simulator, and no real traffic should be routed by it; --allow-simulated exports it to try things out");
    let ran = run(dir.path(), &["export", "demo", "--to", "json", "--allow-simulated"]).exits(0);
    let document: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let aliases: Vec<&String> = document["aliases"].as_object().expect("aliases").keys().collect();
    assert!(aliases.iter().any(|alias| *alias == "classify/classify"), "{aliases:?}");
    assert_eq!(document["provenance"]["simulated"], true);
    let ran = run(dir.path(), &["export", "demo", "--to", "litellm", "--allow-simulated"]).exits(0);
    assert!(ran.stdout.starts_with("# SIMULATED"), "{}", ran.stdout);
}

#[test]
fn a_run_that_is_invalid_is_not_exported() {
    let dir = folder();
    let args = ["run", "--demo", "--virtual", "--limit", "10", "--out", "demo"];
    run(dir.path(), &args).exits(0);
    let db = rusqlite::Connection::open(dir.path().join("demo/run.sqlite")).expect("a database");
    let change =
        r#"UPDATE meta SET value = replace(value, '"mark":"virtual"', '"mark":"invalid"')"#;
    assert_eq!(db.execute(change, []).map(|n| n > 0), Ok(true));
    drop(db);
    let ran = run(dir.path(), &["export", "demo", "--to", "json", "--allow-simulated"]).exits(2);
    insta::assert_snapshot!(ran.stderr, @"weighbridge: demo/weights.json: its run is marked INVALID, for the client could not keep up; measure again before you export");
}

/// The errors of a document under a schema.
fn faults(schema: Value, document: &Value) -> Option<String> {
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("mem:///schema.json", schema).expect("a schema");
    let index = compiler.compile("mem:///schema.json", &mut schemas).expect("a schema");
    schemas.validate(document, index).err().map(|error| format!("{error:#}"))
}

#[test]
fn agentgateway_takes_it_by_its_schema() {
    let Some(path) = shared_data("schemas/agentgateway_config.schema.json") else { return };
    let text = std::fs::read_to_string(path).expect("a file");
    let dir = inputs(|_| {});
    for more in [&[][..], &["--ramp", "0.1"]] {
        let yaml = export(dir.path(), "agentgateway", more).exits(0).stdout;
        let document: Value = serde_saphyr::from_str(&yaml).expect("YAML");
        let schema = serde_json::from_str(&text).expect("JSON");
        assert_eq!(faults(schema, &document), None);
    }
}

/// Objects without further keys, as the API server takes them.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(close);
            if fields.get("type") == Some(&"object".into()) && fields.contains_key("properties") {
                fields.entry("additionalProperties").or_insert(false.into());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

#[test]
fn envoy_takes_its_routes_by_their_definition() {
    let Some(path) = shared_data("schemas/envoy_aigatewayroutes_crd.yaml") else { return };
    let text = std::fs::read_to_string(path).expect("a file");
    let definition: Value = documents(&text).remove(0);
    let versions = definition["spec"]["versions"].as_array().expect("versions");
    let version = versions.iter().find(|v| v["name"] == "v1beta1").expect("v1beta1");
    let mut spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"].clone();
    close(&mut spec);
    let dir = inputs(|_| {});
    let yaml = export(dir.path(), "envoy", &["--ramp", "0.1"]).exits(0).stdout;
    let routes: Vec<Value> =
        documents(&yaml).into_iter().filter(|d| d["kind"] == "AIGatewayRoute").collect();
    assert_eq!(routes.len(), 1);
    for route in routes {
        assert_eq!(faults(spec.clone(), &route["spec"]), None);
    }
}

/// The documents of a YAML file.
fn documents(text: &str) -> Vec<Value> {
    let parts = text.split("\n---\n").map(|part| part.trim_start_matches("---\n"));
    let has_content = |part: &&str| part.lines().any(|l| !l.starts_with('#') && !l.is_empty());
    parts.filter(has_content).map(|part| serde_saphyr::from_str(part).expect("YAML")).collect()
}

#[test]
fn every_reference_of_envoy_leads_somewhere() {
    let dir = inputs(|_| {});
    let yaml = export(dir.path(), "envoy", &["--ramp", "0.1"]).exits(0).stdout;
    let all = documents(&yaml);
    let names = |kind: &str| -> BTreeSet<String> {
        let of = all.iter().filter(|d| d["kind"] == kind);
        of.map(|d| d["metadata"]["name"].as_str().expect("a name").to_owned()).collect()
    };
    let text = |value: &Value| value.as_str().expect("a name").to_owned();
    for document in &all {
        let spec = &document["spec"];
        match document["kind"].as_str().expect("a kind") {
            "AIGatewayRoute" => {
                for rule in spec["rules"].as_array().expect("rules") {
                    for backend in rule["backendRefs"].as_array().expect("backends") {
                        assert!(names("AIServiceBackend").contains(&text(&backend["name"])));
                        assert!(backend["weight"].as_u64() >= Some(1));
                    }
                }
            }
            "AIServiceBackend" => {
                assert!(names("Backend").contains(&text(&spec["backendRef"]["name"])));
            }
            "BackendSecurityPolicy" => {
                assert!(names("AIServiceBackend").contains(&text(&spec["targetRefs"][0]["name"])));
                assert!(names("Secret").contains(&text(&document["metadata"]["name"])));
            }
            "BackendTLSPolicy" => {
                assert!(names("Backend").contains(&text(&spec["targetRefs"][0]["name"])));
            }
            _ => {}
        }
    }
    assert_eq!(names("BackendTLSPolicy").len(), 3, "three of the providers are behind TLS");
}
