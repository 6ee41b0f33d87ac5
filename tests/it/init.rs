//! `weighbridge init` as a user meets it: keys by their names, suites, price lists, a LiteLLM proxy's
//! configuration; and what it writes is planned, run, and holds no key.

use std::path::Path;

use crate::support::{Ran, Sim, csv, file, files, folder, measured, run, run_with, weighbridge};

const SECRET: &str = "sk-very-secret-4711";
const KEY: (&str, &str) = ("OPENAI_API_KEY", SECRET);
const PROMPTS: &str =
    "id,prompt,reference,category\n1,Capital of France?,Paris,facts\n2,2+2?,4,sums\n";

/// A price list of LiteLLM's kind: name, dollars in, dollars out, in the words of the list.
fn prices(dir: &Path) {
    let entry = |(name, input, output): (&str, &str, &str)| {
        format!(
            "\"{name}\":{{\"litellm_provider\":\"openai\",\"mode\":\"chat\",\"max_input_tokens\":128000,\
             \"max_output_tokens\":16384,\"input_cost_per_token\":{input},\"output_cost_per_token\":{output},\
             \"supports_function_calling\":true}}"
        )
    };
    let models = [
        ("gpt-nano", "5e-08", "0.0000004"),
        ("gpt-mid", "0.00000150000000000000001", "6e-06"),
        ("gpt-large", "1e-05", "3e-05"),
        ("gpt-dearest", "0.0001", "0.0006"),
        ("gpt-audio", "1e-05", "3e-05"),
    ];
    let entries: Vec<String> = models.into_iter().map(entry).collect();
    file(dir, "list.json", &format!("{{{}}}", entries.join(",")));
}

fn written(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("weighbridge.toml")).expect("it is written")
}

/// Asserts that a key is in nothing that was written or said.
fn no_secret(dir: &Path, ran: &Ran) {
    assert!(!ran.stdout.contains("secret") && !ran.stderr.contains("secret"), "{ran:?}");
    for (name, bytes) in files(dir) {
        if name != "config.yaml" {
            assert!(!String::from_utf8_lossy(&bytes).contains("secret"), "{name}");
        }
    }
}

/// A key of a mirror goes to the mirror, and its prices are the mirror's.
#[test]
fn a_provider_that_the_environment_moves_is_moved() {
    let dir = folder();
    let sim = Sim::start(dir.path(), &["--instant"]);
    let base = format!("{}/v1", sim.url());
    let mut init = weighbridge(dir.path());
    init.env("OPENROUTER_BASE_URL", &base).env("OPENROUTER_API_KEY", SECRET).arg("init");
    let ran = Ran::of(init.output().expect("the binary runs")).exits(0);
    assert!(ran.stderr.contains(&format!("fetching the price list of {base}/models")), "{ran:?}");
    no_secret(dir.path(), &ran);
    let text = written(dir.path());
    assert!(text.contains(&format!("base_url = \"{base}\"")), "{text}");
    assert!(!text.contains("openrouter.ai"), "{text}");
}

#[test]
fn a_key_a_list_and_a_suite_make_a_plan() {
    let dir = folder();
    prices(dir.path());
    file(dir.path(), "prompts.csv", PROMPTS);
    file(dir.path(), "notes.csv", "when,what\n1,2\n");
    let ran = run_with(dir.path(), KEY, &["init", "--prices", "list.json"]).exits(0).says(&[
        "suites: prompts.csv (2 tasks)",
        "left out: notes.csv: ",
        "keys: OPENAI_API_KEY (names only",
        "openai: 3 of 3, spread over prices; prices: list.json, ",
        "next:\n  $EDITOR weighbridge.toml",
        "\n  weighbridge plan ",
        "\n  weighbridge run --limit 50",
    ]);
    assert_eq!(ran.stdout, "weighbridge.toml\n");
    no_secret(dir.path(), &ran);
    let text = written(dir.path());
    for part in [
        "\"openai/gpt-nano@openai\",",
        "input = \"1.50000000000000001\"",
        "api_key_env = \"OPENAI_API_KEY\"",
        "suites = [\n    \"prompts.csv\",\n]",
        "#share = { facts = 0.5, sums = 0.5 }",
        "[spend]\nper_run = \"5\"",
    ] {
        assert!(text.contains(part), "{part}\nis not in\n{text}");
    }
    assert!(!text.contains("dearest") && !text.contains("audio"), "{text}");
    let plan = run(dir.path(), &["plan", "--format", "json"]).exits(0);
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).expect("JSON");
    assert_eq!(plan["trials"], 6, "{plan}");
}

#[test]
fn a_snapshot_here_is_gone_by_and_nothing_is_fetched() {
    let dir = folder();
    prices(dir.path());
    run(dir.path(), &["catalog", "sync", "--from", "list.json"]).exits(0);
    std::fs::remove_file(dir.path().join("list.json")).expect("it was there");
    run_with(dir.path(), KEY, &["init"]).exits(0).says(&["openai: 3 of 3", "prices: list.json, "]);
    assert!(written(dir.path()).contains("the bundled ones are asked"));
    run(dir.path(), &["plan", "--limit", "9"]).exits(0);
}

#[test]
fn without_a_list_the_models_are_at_rest() {
    let dir = folder();
    let ran = weighbridge(dir.path())
        .env(KEY.0, KEY.1)
        // Nobody listens there: the list cannot be fetched.
        .env("HTTPS_PROXY", "http://127.0.0.1:9")
        .arg("init")
        .output()
        .expect("the binary runs");
    let ran =
        Ran::of(ran).exits(0).says(&["no price list: ", "weighbridge catalog sync --from litellm"]);
    no_secret(dir.path(), &ran);
    let text = written(dir.path());
    assert!(text.contains("weighbridge catalog sync --from litellm && weighbridge init --force"));
    assert!(text.contains("#api_key_env = \"OPENAI_API_KEY\""), "{text}");
    run(dir.path(), &["plan"]).exits(2).says(&["there is nothing to run on"]);
    run_with(dir.path(), KEY, &["init", "--force", "--prices", "nowhere.json"])
        .exits(2)
        .says(&["--prices nowhere.json: \"nowhere.json\" is no file here"]);
}

#[test]
fn without_a_key_it_says_what_to_set_and_writes_over_nothing() {
    let dir = folder();
    run(dir.path(), &["init"]).exits(0).says(&[
        "no suite here",
        "no key in the environment; known here: OPENROUTER_API_KEY, OPENAI_API_KEY",
        "weighbridge run --demo",
    ]);
    let text = written(dir.path());
    assert!(text.contains("#models = [\"acme/large@local\"]"), "{text}");
    run(dir.path(), &["init"]).exits(2).says(&["weighbridge.toml already exists; --force"]);
    file(dir.path(), "weighbridge.toml", "# mine\n");
    run(dir.path(), &["init", "--force"]).exits(0);
    assert_eq!(written(dir.path()), text);
    let out = ["init", "--out", "other/weighbridge.toml"];
    run(dir.path(), &out).exits(2).says(&["other is no folder"]);
    run(dir.path(), &["init", "--force", "--from", "portkey", "x.json"])
        .exits(2)
        .says(&["--from \"portkey\" is not supported; use litellm"]);
}

/// A proxy's configuration whose one deployment is the simulator.
fn proxy(dir: &Path, url: &str) {
    let text = format!(
        "model_list:\n  - model_name: support\n    litellm_params:\n      model: openai/gale/small\n      \
         api_base: {url}\n      api_key: {SECRET}\n      rpm: 6000\n    model_info:\n      \
         input_cost_per_token: 1.0e-07\n      output_cost_per_token: 0.00000040000000000000001\n  \
         - model_name: cloud\n    litellm_params: {{model: bedrock/x, aws_secret_access_key: {SECRET}}}\n\
         general_settings: {{master_key: {SECRET}}}\n"
    );
    file(dir, "config.yaml", &text);
}

#[test]
fn a_proxys_configuration_is_weighed() {
    measured(a_proxys_configuration_is_weighed_once);
}

fn a_proxys_configuration_is_weighed_once() {
    let dir = folder();
    let sim = Sim::start(dir.path(), &["--instant"]);
    let catalog = std::fs::read_to_string(sim.catalog()).expect("written");
    let (_, of_fjord) = catalog.split_once("name = \"fjord\"").expect("the host of gale/small");
    let url = of_fjord
        .lines()
        .find_map(|line| line.strip_prefix("base_url = \"")?.strip_suffix('"'))
        .expect("an address");
    proxy(dir.path(), url);
    file(dir.path(), "prompts.csv", PROMPTS);
    let ran = run(dir.path(), &["init", "--from", "litellm", "config.yaml"]).exits(0).says(&[
        "config.yaml: 2 aliases, 1 deployments, 1 left out",
        "left out: cloud: bedrock wants every request signed",
        "its key stands in the file and was not copied: set OPENAI_127_0_0_1_",
    ]);
    no_secret(dir.path(), &ran);
    let text = written(dir.path());
    assert!(text.contains("output = \"0.40000000000000001\""), "{text}");
    let variable = text
        .lines()
        .find_map(|line| line.strip_prefix("api_key_env = \"")?.strip_suffix('"'))
        .expect("a variable");
    let plan = run(dir.path(), &["plan"]).exits(0);
    assert!(plan.stdout.contains("small@openai-127"), "{}", plan.stdout);
    run_with(dir.path(), (variable, "k"), &["run", "--out", "run"]).weighed();
    let trials = csv(&dir.path().join("run/trials.csv"));
    assert_eq!(trials.len(), 2);
    assert!(trials.iter().all(|t| t["status"] == "ok" && t["model"] == "gale/small"), "{trials:?}");
}

#[test]
fn a_proxys_file_that_does_not_read_writes_nothing() {
    let dir = folder();
    let refused = |text: &str, alias: &[&str], expected: &str| {
        file(dir.path(), "config.yaml", text);
        let args = [&["init", "--from", "litellm", "config.yaml"], alias].concat();
        let ran = run(dir.path(), &args).exits(2).says(&[expected]);
        no_secret(dir.path(), &ran);
        assert!(!dir.path().join("weighbridge.toml").exists());
    };
    refused("", &[], "config.yaml has no model_list");
    refused("a: 1\nb: [secret\nc: d\n", &[], "config.yaml:");
    refused("key: \"secret\n", &[], "config.yaml:");
    let one = "model_list: [{model_name: a, litellm_params: {model: gpt-x}}]";
    refused(one, &["--alias", "b"], "config.yaml has no alias \"b\"");
    std::fs::remove_file(dir.path().join("config.yaml")).expect("it was there");
    let args = ["init", "--from", "litellm", "config.yaml"];
    run(dir.path(), &args).exits(2).says(&["config.yaml: No such file"]);
}
