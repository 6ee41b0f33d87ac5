//! Over real HTTP: what was graded is what the simulator meant, what was billed is what was
//! counted, and a request is an attempt. The ledger is the simulator's own account.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use weighbridge::units::Usd;

use crate::support::{Sim, csv, folder, measured, run, shared_data, statuses};

/// Bundled tasks against three endpoints; gives the trials.
fn weigh(dir: &Path, sim: &Sim, out: &str) -> Vec<BTreeMap<String, String>> {
    let catalog = sim.catalog();
    let args = ["run", "--catalog", &catalog, "--limit", "60", "--concurrency", "64"];
    let args = [&args[..], &["--breaker", "0"]].concat();
    let models = ["-m", "elm/moe@fjord", "-m", "gale/small", "-m", "elm/moe@ember"];
    let suites = ["--category", "classify", "--category", "math", "--category", "code"];
    run(dir, &[&args[..], &models, &suites, &["--out", out]].concat()).weighed();
    csv(&dir.join(out).join("trials.csv"))
}

fn usd(text: &str) -> Usd {
    text.parse().expect("a decimal")
}

#[test]
fn the_ledger_agrees_to_the_last_digit() {
    measured(the_ledger_agrees_to_the_last_digit_once);
}

fn the_ledger_agrees_to_the_last_digit_once() {
    let dir = folder();
    // Most requests fail, and some trials with all of theirs.
    let sim = Sim::start(dir.path(), &["--fault", "500=0.6", "--seed", "5"]);
    let trials = weigh(dir.path(), &sim, "run");
    let ledger = sim.ledger();
    assert_eq!(trials.len(), 180);
    let counts = statuses(&trials);
    assert!(counts["failed"] > 10 && counts["ok"] > 120, "{counts:?}");
    assert_eq!(counts.len(), 2, "{counts:?}");

    let mut requests: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for line in &ledger {
        let id = line["id"].as_str().expect("the client's key");
        requests.entry(id.split('-').next().expect("a trial")).or_default().push(line);
    }
    assert_eq!(requests.len(), trials.len(), "every trial was asked, and nothing else");
    let (mut attempts, mut right) = (0, 0);
    for trial in &trials {
        let asked = &requests[trial["trial"].as_str()];
        assert_eq!(asked.len().to_string(), trial["attempts"], "attempts are requests: {trial:?}");
        attempts += asked.len();
        let last = asked.iter().max_by_key(|line| line["id"].as_str()).expect("at least one");
        assert_eq!(last["endpoint"], trial["endpoint"]);
        assert_eq!(last["task"], format!("{}/{}", trial["suite"], trial["task"]));
        let meant = last["intended_pass"].as_bool().map(u8::from);
        assert_eq!(meant.map_or(String::new(), |pass| pass.to_string()), trial["score"], "{last}");
        right += usize::from(trial["score"] == "1");
        let billed: Usd = asked.iter().map(|l| usd(l["billed_usd"].as_str().expect("text"))).sum();
        assert_eq!(billed, usd(&trial["cost_usd"]), "{trial:?}");
        if trial["status"] == "ok" {
            for (column, key) in
                [("input_tokens", "input_tokens"), ("output_tokens", "output_tokens")]
            {
                assert_eq!(trial[column], last[key].to_string());
            }
        }
    }
    assert_eq!(attempts, ledger.len());
    assert!(attempts > trials.len() + 60, "many were tried again: {attempts}");
    assert!(right > 60, "{right}");
    let billed: Usd = ledger.iter().map(|l| usd(l["billed_usd"].as_str().expect("text"))).sum();
    let counted: Usd = trials.iter().map(|trial| usd(&trial["cost_usd"])).sum();
    assert_eq!(billed, counted);
    assert!(billed > Usd::ZERO);
}

/// A trial is what is asked of whom, not where and when.
#[test]
fn another_port_and_another_day_are_the_same_trials() {
    measured(another_port_and_another_day_are_the_same_trials_once);
}

fn another_port_and_another_day_are_the_same_trials_once() {
    let keys = |pace: &[&str]| {
        let dir = folder();
        let sim = Sim::start(dir.path(), pace);
        let mut keys: Vec<String> = weigh(dir.path(), &sim, "run")
            .into_iter()
            .map(|mut t| t.remove("trial").unwrap_or_default())
            .collect();
        keys.sort();
        keys
    };
    let (first, second) = (keys(&["--instant"]), keys(&["--instant", "--seed", "9"]));
    assert_eq!(first, second);
    assert_eq!(first.len(), 180);
}

/// Word problems in the form of GSM8K: some references have thousands separators, all end in a line
/// of their own. Of GSM8K's own 1,319, where they are here, a sample is asked.
#[test]
fn word_problems_agree_too() {
    measured(word_problems_agree_too_once);
}

fn word_problems_agree_too_once() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/word_problems.jsonl");
    word_problems_agree(&own, "word_problems: 16 tasks, 0 errors", 16);
    if let Some(all) = shared_data("suites/gsm8k_test.jsonl") {
        word_problems_agree(&all, "gsm8k_test: 1319 tasks, 0 errors", 200);
    }
}

fn word_problems_agree(problems: &Path, said: &str, asked: usize) {
    let (dir, problems) = (folder(), problems.display().to_string());
    let suite = ["--map", "prompt=question,reference=answer"];
    let checked = run(dir.path(), &[&["suite", "check", &problems][..], &suite].concat()).exits(0);
    assert!(checked.stdout.contains(said), "{}", checked.stdout);

    let sim =
        Sim::start(dir.path(), &[&["--instant", "--answers", &problems][..], &suite].concat());
    let catalog = sim.catalog();
    let models = ["-m", "acme/flagship", "-m", "elm/moe@fjord", "-m", "gale/small"];
    let args = ["run", "--suite", &problems, "--catalog", &catalog, "--concurrency", "64"];
    let limit = asked.to_string();
    let sample = ["--limit", &limit, "--out", "run"];
    run(dir.path(), &[&args[..], &suite, &models, &sample].concat()).weighed();
    let trials = csv(&dir.path().join("run/trials.csv"));
    assert_eq!(statuses(&trials), [("ok".into(), 3 * asked)].into());
    let ledger = sim.ledger();
    let meant: BTreeMap<&str, u8> = ledger
        .iter()
        .map(|line| {
            let id = line["id"].as_str().expect("the client's key");
            let trial = id.split('-').next().expect("a trial");
            (trial, line["intended_pass"].as_bool().expect("the prompt is known").into())
        })
        .collect();
    for trial in &trials {
        assert_eq!(trial["score"], meant[trial["trial"].as_str()].to_string(), "{trial:?}");
    }
    let billed: Usd = ledger.iter().map(|l| usd(l["billed_usd"].as_str().expect("text"))).sum();
    assert_eq!(billed, trials.iter().map(|trial| usd(&trial["cost_usd"])).sum());
}
