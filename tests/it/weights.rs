//! Weights files on the command line: `weights evaluate`, `why`, `diff` and `lint`.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{csv, file, folder, run};

/// The weights of the example run.
fn example() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/example/weights.json");
    let text = std::fs::read_to_string(path).expect("the example is committed");
    serde_json::from_str(&text).expect("JSON")
}

/// The same, as if measured on real endpoints, with a change.
fn real(change: impl FnOnce(&mut Value)) -> Value {
    let mut weights = example();
    weights["simulated"] = json!(false);
    weights["made_at"] = json!("2020-01-01T00:00:00Z");
    weights["valid_until"] = json!("2999-01-31T00:00:00Z");
    change(&mut weights);
    weights
}

#[test]
fn a_sound_file_has_no_findings() {
    let dir = folder();
    file(dir.path(), "w.json", &real(|_| {}).to_string());
    let ran = run(dir.path(), &["weights", "lint", "w.json"]).exits(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", "w.json: nothing is wrong\n"));
    let ran = run(dir.path(), &["weights", "lint", "w.json", "--format", "json"]).exits(0);
    assert_eq!(ran.stdout, "[]\n");
}

#[test]
fn everything_wrong_is_named_at_once_with_its_remedy() {
    let dir = folder();
    let weights = real(|w| {
        w["simulated"] = json!(true);
        w["valid_until"] = json!("2020-01-31T00:00:00Z");
        w["objective"]["shares"]["classify"] = json!(-0.2);
        w["categories"]["classify"]["weights"] = json!({ "elm/moe@fjord": -5 });
        let extract = &mut w["categories"]["extract"];
        extract["weights"] = json!({ "delta/dense@dune": 600_000, "nobody/big@void": 300_000 });
        extract["fallbacks"] = json!([]);
        let rewrite = &mut w["categories"]["rewrite"];
        rewrite["fallbacks"] = json!(["elm/moe@ember", "elm/small@ember", "x", "x"]);
        w["default"]["weights"] = json!({});
    });
    file(dir.path(), "w.json", &weights.to_string());
    let ran = run(dir.path(), &["weights", "lint", "w.json"]).exits(2);
    assert_eq!(ran.stderr, "w.json: 13 findings: do not serve by it\n");
    insta::assert_snapshot!(ran.stdout, @r#"
    simulated: SIMULATED: the file rests on answers of a simulator; measure the real endpoints: weighbridge run
    valid_until: expired on 2020-01-31; measure again: prices and models have changed since
    objective.shares.classify: -0.2 is not between 0 and 1; write a share of the traffic, such as 0.25
    categories.classify.weights: elm/moe@fjord has -5, which is no count of parts; write whole parts that sum to 1000000
    categories.extract.weights: nobody/big@void is unknown: the file has no estimate of it; measure it, and tune, or take it out
    categories.extract.weights: sum to 900,000, not to 1,000,000; 100,000 parts are missing
    categories.extract.fallbacks: there is none: what fails stays failed; measure an endpoint at another provider, and tune
    categories.rewrite.fallbacks: elm/moe@ember already has weight; take it out here
    categories.rewrite.fallbacks: elm/small@ember is unknown: the file has no estimate of it; measure it, and tune, or take it out
    categories.rewrite.fallbacks: "x" names no provider; write author/model@provider
    categories.rewrite.fallbacks: x is there twice; take one out
    categories.rewrite.fallbacks: all are at ember, which has all the weight: its outage takes both; put an endpoint at another provider first
    default.weights: no endpoint serves this traffic; measure what serves today, and tune
    "#);
    let ran = run(dir.path(), &["weights", "lint", "w.json", "--format", "json"]).exits(2);
    let found: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(found[1]["field"], "valid_until");
}

#[test]
fn a_file_that_does_not_read_is_a_finding_and_not_a_crash() {
    let dir = folder();
    let check = |text: &str, expected: &str| {
        file(dir.path(), "w.json", text);
        let ran = run(dir.path(), &["weights", "lint", "w.json"]).exits(2);
        assert_eq!(ran.stdout.trim_end(), expected);
    };
    check(
        r#"{"format_version":3,"new":1}"#,
        "format_version: 3 is newer than 2, the one that is known here; update weighbridge",
    );
    check("[]", "not a JSON object; name a weights file, such as RUN/weights.json");
    check(
        "{",
        "not JSON: EOF while parsing an object at line 1 column 1; write the file again: \
         weighbridge tune",
    );
    let strange = real(|w| w["surprise"] = json!(1));
    file(dir.path(), "w.json", &strange.to_string());
    let ran = run(dir.path(), &["weights", "lint", "w.json"]).exits(2);
    assert!(
        ran.stdout.starts_with("not a weights file: unknown field `surprise`"),
        "{}",
        ran.stdout
    );
    let ran = run(dir.path(), &["weights", "lint", "missing.json"]).exits(2);
    assert!(ran.stderr.starts_with("weighbridge: missing.json: No such file"), "{}", ran.stderr);
}

#[test]
fn providers_that_take_all_down_with_them_are_found() {
    let dir = folder();
    let check = |change: fn(&mut Value), expected: &str| {
        file(dir.path(), "w.json", &real(change).to_string());
        let ran = run(dir.path(), &["weights", "lint", "w.json"]).exits(2);
        assert_eq!(ran.stdout.trim_end(), expected);
    };
    check(
        |w| w["categories"]["classify"]["fallbacks"] = json!(["gale/small@fjord"]),
        "categories.classify.fallbacks: all are at fjord, which has all the weight: its outage takes \
         both; put an endpoint at another provider first",
    );
    check(
        |w| w["default"]["fallbacks"] = json!(["gale/small@fjord", "elm/moe@fjord"]),
        "default.fallbacks: all 2 are at fjord; put one at another provider among them",
    );
    check(
        |w| w["objective"]["max_share_provider"] = json!(0.4),
        "objective.max_share_provider: fjord has 46.2 % of the traffic, 40 % are allowed; tune \
         again, or allow more",
    );
}

#[test]
fn a_diff_says_what_moves_and_what_it_does() {
    let dir = folder();
    file(dir.path(), "old.json", &real(|_| {}).to_string());
    let new = real(|w| {
        let classify = &mut w["categories"]["classify"];
        classify["weights"] = json!({ "elm/moe@fjord": 750_000, "elm/moe@ember": 250_000 });
        classify["fallbacks"] = json!(["delta/dense@dune"]);
        let removed = w["categories"].as_object_mut().and_then(|c| c.remove("extract"));
        assert!(removed.is_some());
    });
    file(dir.path(), "new.json", &new.to_string());
    let ran = run(dir.path(), &["weights", "diff", "old.json", "new.json"]).exits(0);
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80), "{}", ran.stdout);
    insta::assert_snapshot!(ran.stdout, @r#"
    42 % of the traffic moves. Quality against today's +8.7 → +8.7 points, $/1,000
      0.037 → 0.037, saving 92 % → 92 %.

    work      share  moves  quality  $/1,000  saving   from → to
    classify  46 %   25 %   ±0.0     ±0.00    ±0.0 pt  moe@fjord → moe@ember
    extract   31 %   100 %  ?        ?        ?        dense@dune → moe@ember (not
                                                         in the new file: its
                                                         default)
    unchanged: rewrite, default
    "#);
    let json = run(dir.path(), &["weights", "diff", "old.json", "new.json", "--format", "json"]);
    let diff: Value = serde_json::from_str(&json.exits(0).stdout).expect("JSON");
    assert_eq!(diff["categories"][0]["from"], json!({ "elm/moe@fjord": 0.25 }));
    assert_eq!(diff["categories"][0]["to"], json!({ "elm/moe@ember": 0.25 }));
    let moved = diff["moved"].as_f64().expect("known");
    assert!((moved - (0.461_538 * 0.25 + 0.307_692)).abs() < 1e-9, "{moved}");
    let same = run(dir.path(), &["weights", "diff", "old.json", "old.json"]).exits(0).stdout;
    insta::assert_snapshot!(same, @r#"
    0 % of the traffic moves. Quality against today's +8.7 → +8.7 points, $/1,000
      0.037 → 0.037, saving 92 % → 92 %.
    unchanged: classify, extract, rewrite, default
    "#);
}

#[test]
fn a_diff_refuses_what_cannot_be_served_by() {
    let dir = folder();
    file(dir.path(), "w.json", &real(|_| {}).to_string());
    file(dir.path(), "newer.json", r#"{"format_version":3}"#);
    run(dir.path(), &["weights", "diff", "w.json", "newer.json"])
        .exits(2)
        .says(&["newer.json: format_version is 3; this version reads 2"]);
    let negative = real(|w| w["categories"]["classify"]["weights"] = json!({ "a/b@c": -1 }));
    file(dir.path(), "negative.json", &negative.to_string());
    run(dir.path(), &["weights", "diff", "negative.json", "w.json"])
        .exits(2)
        .says(&["negative.json: not a weights file: invalid value: integer `-1`"]);
}

/// A small demo run in virtual time, in `run` of a folder.
fn demo(dir: &Path) {
    let args = ["run", "--virtual", "--demo", "--limit", "135", "--seed", "5", "--out", "run"];
    run(dir, &args).exits(0);
}

/// The figures of a policy.
fn policy<'a>(evaluation: &'a Value, name: &str) -> &'a Value {
    let policies = evaluation["policies"].as_array().expect("policies");
    policies.iter().find(|policy| policy["name"] == name).expect(name)
}

/// Mean score and dollars per task of weights, and the mixture's median TTFT in seconds, counted from
/// `trials.csv` without any code of the program.
fn counted(dir: &Path, weights: &Value) -> (f64, f64, f64) {
    let trials = csv(&dir.join("run/trials.csv"));
    let number = |text: &String| text.parse::<f64>().ok();
    let shares = weights["objective"]["shares"].as_object().expect("shares");
    let (mut quality, mut cost, mut times) = (0.0, 0.0, Vec::new());
    for (category, share) in shares {
        let mix = weights["categories"][category]["weights"].as_object().expect("weights");
        for (endpoint, part) in mix {
            let weight = share.as_f64().expect("a share") * part.as_f64().expect("parts") / 1e6;
            let cell = || {
                let of_cell = |t: &&std::collections::BTreeMap<String, String>| {
                    t["category"] == *category && t["endpoint"] == *endpoint
                };
                trials.iter().filter(of_cell)
            };
            let mean = |column: &str| {
                let values: Vec<f64> = cell().filter_map(|t| number(&t[column])).collect();
                values.iter().sum::<f64>() / values.len() as f64
            };
            quality += weight * mean("score");
            cost += weight * mean("cost_usd");
            let ttft: Vec<f64> = cell().filter_map(|t| number(&t["ttft_us"])).collect();
            times.extend(ttft.iter().map(|us| (us / 1e6, weight / ttft.len() as f64)));
        }
    }
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut seen = 0.0;
    let median = times.iter().find(|(_, weight)| {
        seen += weight;
        seen >= 0.5
    });
    (quality, cost, median.expect("times").0)
}

#[test]
fn an_evaluation_is_what_the_trials_say_and_nothing_beats_the_optimum() {
    let dir = folder();
    demo(dir.path());
    let args = ["weights", "evaluate", "run", "--on", "run"];
    let shown = run(dir.path(), &args).exits(0).stdout;
    assert!(shown.starts_with("SIMULATED: the run's answers are a simulator's\n"), "{shown}");
    assert!(shown.contains("the file was tuned on this run"), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    let json = run(dir.path(), &[&args[..], &["--format", "json"]].concat()).exits(0).stdout;
    let found: Value = serde_json::from_str(&json).expect("JSON");
    let text = std::fs::read_to_string(dir.path().join("run/weights.json")).expect("written");
    let (quality, cost, median) = counted(dir.path(), &serde_json::from_str(&text).expect("JSON"));
    let figures = &policy(&found, "this file")["figures"];
    let number = |value: &Value| value.as_f64().expect("a number");
    assert!((number(&figures["quality"]["value"]) - quality).abs() < 1e-5, "{quality}");
    assert!((number(&figures["cost_per_task_usd"]) / cost - 1.0).abs() < 1e-4, "{cost}");
    assert!((number(&figures["ttft_s"]["p50"]) / median - 1.0).abs() < 2e-3, "{median}");
    for name in ["this file", "today", "uniform", "1/price²", "category argmax", "hull of singles"]
    {
        let regret = number(&policy(&found, name)["regret"]);
        assert!(regret >= -1e-9, "{name}: {regret}");
    }
    assert!(number(&policy(&found, "optimum")["regret"]).abs() < 1e-9);
    let providers = found["providers"].as_object().expect("providers");
    assert!((providers.values().map(number).sum::<f64>() - 1.0).abs() < 1e-9, "{providers:?}");
    assert_eq!(found["outages"].as_array().map(Vec::len), Some(providers.len()));
    for outage in found["outages"].as_array().expect("outages") {
        assert!(number(&outage["unserved"]) < 1e-12, "the file has fallbacks: {outage}");
    }
}

#[test]
fn an_evaluation_refuses_what_it_cannot_know() {
    let dir = folder();
    demo(dir.path());
    let text = std::fs::read_to_string(dir.path().join("run/weights.json")).expect("written");
    let check = |change: &dyn Fn(&mut Value), says: &str| {
        let mut weights: Value = serde_json::from_str(&text).expect("JSON");
        change(&mut weights);
        file(dir.path(), "w.json", &weights.to_string());
        run(dir.path(), &["weights", "evaluate", "w.json", "--on", "run"]).exits(2).says(&[says]);
    };
    check(
        &|w| w["categories"]["code"]["weights"] = json!({ "nobody/big@void": 1_000_000 }),
        "the run lacks nobody/big@void, which has weight in the file: what it would give is not known",
    );
    check(
        &|w| w["categories"] = json!({ "other": w["categories"]["code"] }),
        "the run has no category of the file: it has classify, code,",
    );
    check(
        &|w| w["objective"]["shares"]["code"] = json!(-0.5),
        "objective.shares.code: is not between",
    );
    check(&|w| w["format_version"] = json!(3), "format_version is 3; this version reads 2");
    let on =
        |run_folder: &str| run(dir.path(), &["weights", "evaluate", "run", "--on", run_folder]);
    std::fs::create_dir(dir.path().join("sweep")).expect("made");
    file(dir.path(), "sweep/sweep.csv", "");
    on("sweep").exits(2).says(&["sweep is a load: loads grade no answers"]);
    on("nowhere").exits(2).says(&["nowhere"]);
    // A fallback that was not measured takes over, and the figures say so.
    let mut weights: Value = serde_json::from_str(&text).expect("JSON");
    for mix in weights["categories"].as_object_mut().expect("categories").values_mut() {
        mix["fallbacks"] = json!(["nobody/big@void"]);
    }
    file(dir.path(), "w.json", &weights.to_string());
    let shown = run(dir.path(), &["weights", "evaluate", "w.json", "--on", "run"]).exits(0).stdout;
    assert!(shown.contains("big@void; not measured here: big@void"), "{shown}");
}

#[test]
fn a_choice_is_explained_with_what_would_change_it() {
    let dir = folder();
    demo(dir.path());
    let shown = run(dir.path(), &["weights", "why", "extract", "--on", "run"]).exits(0).stdout;
    assert!(shown.starts_with("SIMULATED: "), "{shown}");
    assert!(shown.contains("enters if it solves "), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    let args = ["weights", "why", "extract", "--on", "run", "--format", "json"];
    let why: Value = serde_json::from_str(&run(dir.path(), &args).exits(0).stdout).expect("JSON");
    let text = std::fs::read_to_string(dir.path().join("run/weights.json")).expect("written");
    let weights: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(why["verdict"], weights["categories"]["extract"]["verdict"]["word"]);
    let chosen = why["chosen"].as_object().expect("chosen").keys();
    let weighed = weights["categories"]["extract"]["weights"].as_object().expect("weights").keys();
    assert!(chosen.eq(weighed), "{why}");
    run(dir.path(), &["weights", "why", "extrakt", "--on", "run"])
        .exits(2)
        .says(&["\"extrakt\" is no category of this run", "extract"]);
}
