//! Answers without usage are counted here, marked as such and mixed with nothing.

use crate::support::{Sim, csv, folder, measured, run};

/// Half of the answers of one endpoint come without usage.
#[cfg(feature = "tokenizer")]
#[test]
fn what_nobody_counted_is_counted_here_and_said_so() {
    measured(what_nobody_counted_is_counted_here_and_said_so_once);
}

#[cfg(feature = "tokenizer")]
fn what_nobody_counted_is_counted_here_and_said_so_once() {
    let dir = folder();
    let sim = Sim::start(dir.path(), &["--instant", "--fault", "usage-missing=0.5"]);
    let catalog = sim.catalog();
    let args = ["run", "--catalog", &catalog, "--limit", "60", "-m", "gale/small", "--out", "run"];
    run(dir.path(), &args).weighed();
    let out = dir.path().join("run");
    let trials = csv(&out.join("trials.csv"));
    let (here, theirs): (Vec<_>, Vec<_>) =
        trials.iter().partition(|trial| trial["tokens_source"] == "local tokenizer");
    assert!(here.len() > 10 && theirs.len() > 10, "{} and {}", here.len(), theirs.len());
    for trial in &here {
        let [input, output] = ["input_tokens", "output_tokens"]
            .map(|column| trial[column].parse::<u64>().expect("a count"));
        assert!(input > 7 && output > 0, "{trial:?}");
        // What it cost is not known: a count from here is no bill.
        assert_eq!((trial["cost_usd"].as_str(), trial["itl_us"].as_str()), ("", ""), "{trial:?}");
    }
    assert!(theirs.iter().all(|t| t["tokens_source"] == "usage" && !t["cost_usd"].is_empty()));

    let endpoint = theirs[0]["endpoint"].as_str();
    let of = |metric: &str| crate::support::summary(&out, endpoint, "*", metric);
    let sum = |of: &[&std::collections::BTreeMap<String, String>]| -> u64 {
        of.iter().map(|t| t["output_tokens"].parse::<u64>().expect("a count")).sum()
    };
    assert_eq!(of("output_tokens"), sum(&theirs).to_string());
    assert_eq!(of("local_output_tokens"), sum(&here).to_string());
    let ratio: f64 = of("local_to_usage_output").parse().expect("a ratio");
    assert!(ratio > 0.2 && ratio < 5.0, "{ratio}");
    let report = std::fs::read_to_string(out.join("report.md")).expect("a report");
    let told = format!(" gave no usage with {} of 60 answers", here.len());
    assert!(report.contains(&told), "{report}");
    assert!(report.contains("Local counts over the providers' own"), "{report}");
    // The report makes the same files again.
    let before = std::fs::read(out.join("trials.csv")).expect("rows");
    run(dir.path(), &["report", "run"]).exits(0);
    assert_eq!(std::fs::read(out.join("trials.csv")).expect("rows"), before);
}

/// Without prompts and answers there is nothing to count.
#[test]
fn what_was_not_kept_is_not_counted() {
    measured(what_was_not_kept_is_not_counted_once);
}

fn what_was_not_kept_is_not_counted_once() {
    let dir = folder();
    let sim = Sim::start(dir.path(), &["--instant", "--fault", "usage-missing"]);
    let catalog = sim.catalog();
    let args = ["run", "--catalog", &catalog, "--limit", "9", "-m", "gale/small", "--no-content"];
    run(dir.path(), &[&args[..], &["--out", "run"]].concat()).weighed();
    let trials = csv(&dir.path().join("run/trials.csv"));
    assert!(trials.iter().all(|t| t["tokens_source"].is_empty() && t["output_tokens"].is_empty()));
}

/// A build without a tokenizer says how to get one.
#[cfg(not(feature = "tokenizer"))]
#[test]
fn a_build_without_a_tokenizer_says_so() {
    measured(a_build_without_a_tokenizer_says_so_once);
}

#[cfg(not(feature = "tokenizer"))]
fn a_build_without_a_tokenizer_says_so_once() {
    let dir = folder();
    let sim = Sim::start(dir.path(), &["--instant", "--fault", "usage-missing"]);
    let catalog = sim.catalog();
    let args = ["run", "--catalog", &catalog, "--limit", "9", "-m", "gale/small", "--out", "run"];
    run(dir.path(), &args).weighed();
    let trials = csv(&dir.path().join("run/trials.csv"));
    assert!(trials.iter().all(|t| t["tokens_source"].is_empty() && t["output_tokens"].is_empty()));
    let report = std::fs::read_to_string(dir.path().join("run/report.md")).expect("a report");
    assert!(report.contains("gave no usage with 9 of 9 answers: this build has no"), "{report}");
}
