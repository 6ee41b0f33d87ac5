//! A file of one's own prompts, weighed over real HTTP.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::support::{Ran, Sim, csv, file, folder, measured, run, summary};

/// 40 prompts of three kinds; every reference ends in a number.
fn prompts() -> String {
    let mut text = String::from("question,expected,type\n");
    for i in 1..=16 {
        text.push_str(&format!(
            "\"A crate holds {i} jars, and 12 crates come. How many jars?\",{},stock\n",
            12 * i
        ));
    }
    for i in 1..=14 {
        text.push_str(&format!(
            "\"The bill is ${}, two people share it. Dollars each?\",{i},bills\n",
            2 * i
        ));
    }
    for i in 1..=10 {
        text.push_str(&format!(
            "\"It is {} o'clock plus {i} hours. Which hour of 24?\",{},clock\n",
            9,
            9 + i
        ));
    }
    text
}

const CONFIG: &str = r#"
models = ["cedar/large", "elm/moe@fjord", "gale/small"]
suites = ["prompts.csv"]

[today]
endpoint = "cedar/large@crest"

[traffic]
requests_per_month = 120_000
share = { stock = 0.5, bills = 0.3, clock = 0.2 }

[objective]
goal = "cheaper"
margin = 0.05

[spend]
per_run = "2"
"#;

/// A served fleet that knows the prompts.
fn bench() -> (tempfile::TempDir, Sim) {
    let dir = folder();
    file(dir.path(), "prompts.csv", &prompts());
    let sim = Sim::start(dir.path(), &["--answers", "prompts.csv", "--instant"]);
    (dir, sim)
}

fn weigh(dir: &Path, sim: &Sim, more: &[&str]) -> Ran {
    let catalog = sim.catalog();
    run(dir, &[&["run", "--catalog", &catalog, "--out", "run"][..], more].concat())
}

fn weights(dir: &Path) -> Value {
    let text = std::fs::read_to_string(dir.join("run/weights.json")).expect("written");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn forty_prompts_are_weighed_under_a_configuration() {
    measured(forty_prompts_are_weighed_under_a_configuration_once);
}

fn forty_prompts_are_weighed_under_a_configuration_once() {
    let (dir, sim) = bench();
    file(dir.path(), "weighbridge.toml", CONFIG);
    let ran = weigh(dir.path(), &sim, &[]).weighed().says(&[
        "prompt ← question, reference ← expected, category ← type",
        "grader guessed: number",
        "40 tasks × 3 endpoints",
    ]);
    let here = dir.path().join("run");
    let trials = csv(&here.join("trials.csv"));
    assert_eq!(trials.len(), 120);
    assert!(trials.iter().all(|trial| trial["status"] == "ok"));
    for category in ["stock  50 %", "bills  30 %", "clock  20 %"] {
        let line = ran.stdout.lines().find(|line| line.starts_with(category));
        let line = line.unwrap_or_else(|| panic!("no {category} in:\n{}", ran.stdout));
        let verdicts = ["MOVE", "STAY", "NOT YET"];
        assert!(verdicts.iter().any(|verdict| line.contains(verdict)), "{line}");
    }
    assert!(ran.stdout.contains("large@crest"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("assumed"), "all is stated: {}", ran.stdout);
    let file = weights(dir.path());
    assert_eq!(file["simulated"], true);
    let categories: BTreeSet<&String> =
        file["categories"].as_object().expect("an object").keys().collect();
    assert_eq!(categories, BTreeSet::from([&"bills".into(), &"clock".into(), &"stock".into()]));
    // What was graded is what the fleet meant.
    let meant = sim.ledger().iter().filter(|line| line["intended_pass"] == true).count();
    assert_eq!(trials.iter().filter(|trial| trial["score"] == "1").count(), meant);
}

#[test]
fn a_plan_shows_tasks_by_category_and_dollars() {
    let (dir, sim) = bench();
    file(dir.path(), "weighbridge.toml", CONFIG);
    let catalog = sim.catalog();
    let plan = run(dir.path(), &["plan", "--catalog", &catalog]).exits(0);
    insta::assert_snapshot!(plan.stdout);
    let json = run(dir.path(), &["plan", "--catalog", &catalog, "--format", "json"]).exits(0);
    let json: Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!((json["tasks"].as_u64(), json["trials"].as_u64()), (Some(40), Some(120)));
    assert_eq!(sim.ledger().len(), 0, "a plan sends nothing");
}

#[test]
fn what_is_not_stated_is_assumed_and_said() {
    measured(what_is_not_stated_is_assumed_and_said_once);
}

fn what_is_not_stated_is_assumed_and_said_once() {
    let (dir, sim) = bench();
    let more = ["--suite", "prompts.csv", "-m", "elm/moe@fjord", "-m", "gale/small"];
    let ran = weigh(dir.path(), &sim, &more).weighed().says(&[
        "today is not stated: the best single endpoint of the run stands for it",
        "shares assumed: categories count equally",
    ]);
    assert!(ran.stdout.contains("today = best of this run"), "{}", ran.stdout);
    assert!(ran.stdout.contains("equal shares"), "{}", ran.stdout);
    let file = weights(dir.path());
    assert_eq!(file["objective"]["goal"], "better", "the goal without [today]: {file}");
    let page = std::fs::read_to_string(dir.path().join("run/report.md")).expect("written");
    for part in ["No [today] was stated", "No [traffic] shares were stated"] {
        let plain = page.replace('\\', "");
        assert!(plain.contains(part), "{part} is not in:\n{page}");
    }
}

#[test]
fn without_a_grader_there_are_costs_and_speeds_and_no_weights() {
    measured(without_a_grader_there_are_costs_and_speeds_and_no_weights_once);
}

fn without_a_grader_there_are_costs_and_speeds_and_no_weights_once() {
    let (dir, sim) = bench();
    let long = "word ".repeat(30);
    let rows: String = (0..6).map(|i| format!("Write about {i}.,\"{long}{i}\"\n")).collect();
    file(dir.path(), "essays.csv", &format!("prompt,reference\n{rows}"));
    let more = ["--suite", "essays.csv", "-m", "gale/small", "-m", "elm/moe@fjord"];
    let ran = weigh(dir.path(), &sim, &more).weighed().says(&["grader guessed: none"]);
    let here = dir.path().join("run");
    let trials = csv(&here.join("trials.csv"));
    assert_eq!(trials.len(), 12);
    for trial in &trials {
        assert_eq!((trial["status"].as_str(), trial["score"].as_str()), ("ok", ""));
        assert!(!trial["cost_usd"].is_empty() && !trial["e2e_us"].is_empty());
    }
    assert_eq!(summary(&here, "gale/small@fjord", "*", "quality"), "");
    assert_eq!(summary(&here, "gale/small@fjord", "*", "unscored"), "6");
    assert_ne!(summary(&here, "gale/small@fjord", "*", "cost_per_task"), "");
    for verdict in ["MOVE", "NOT YET"] {
        assert!(!ran.stdout.contains(verdict), "{}", ran.stdout);
    }
    assert!(!here.join("weights.json").exists(), "nothing was tuned");
}

#[test]
fn a_variant_is_an_endpoint_of_its_own() {
    measured(a_variant_is_an_endpoint_of_its_own_once);
}

fn a_variant_is_an_endpoint_of_its_own_once() {
    let (dir, sim) = bench();
    let variant = r#"
models = ["gale/small"]
[[variant]]
name = "whole"
match = "gale/*"
stream = false
"#;
    file(dir.path(), "weighbridge.toml", variant);
    weigh(dir.path(), &sim, &["--suite", "prompts.csv"]).weighed();
    let trials = csv(&dir.path().join("run/trials.csv"));
    assert_eq!(trials.len(), 80);
    for trial in &trials {
        let whole = trial["endpoint"] == "gale/small@fjord#whole";
        assert_eq!(trial["variant"], if whole { "whole" } else { "" });
        assert_eq!((trial["model"].as_str(), trial["provider"].as_str()), ("gale/small", "fjord"));
        assert_ne!(trial["e2e_us"], "");
        for streamed in ["ttft_us", "ttfo_us"] {
            assert_eq!(trial[streamed].is_empty(), whole, "{streamed} of {trial:?}");
        }
    }
    let whole = trials.iter().filter(|trial| trial["variant"] == "whole").count();
    assert_eq!(whole, 40);
    let keys: BTreeSet<&str> = trials.iter().map(|trial| trial["trial"].as_str()).collect();
    assert_eq!(keys.len(), 80, "a variant's trials are its own");
}
