//! A budget holds: the worst case is reserved before each request, and what does not fit is left
//! out, evenly.

use std::collections::BTreeMap;

use weighbridge::units::Usd;

use crate::support::{Sim, csv, file, folder, measured, run, statuses, summary};

#[test]
fn a_budget_is_never_exceeded_and_falls_on_all_alike() {
    let dir = folder();
    let sim = Sim::start(dir.path(), &["--instant", "60"]);
    let catalog = sim.catalog();
    let models = ["-m", "acme/flagship", "-m", "cedar/large", "-m", "elm/moe@fjord"];
    let cap = "0.15";
    let ran = run(
        dir.path(),
        &[&["run", "--catalog", &catalog, "--budget", cap, "--out", "run"][..], &models].concat(),
    )
    .exits(12)
    .says(&["incomplete: the budget allows no further trial"]);
    let here = dir.path().join("run");
    let trials = csv(&here.join("trials.csv"));
    let counts = statuses(&trials);
    assert!(counts["skipped"] > 300 && counts["ok"] > 30, "{counts:?}");
    let said = format!("{} trials left out", counts["skipped"]);
    ran.says(&[&said]);

    let cap: Usd = cap.parse().expect("a decimal");
    let billed = |line: &serde_json::Value| -> Usd {
        line["billed_usd"].as_str().expect("text").parse().expect("a decimal")
    };
    let ledger = sim.ledger();
    let spent: Usd = ledger.iter().map(billed).sum();
    assert!(spent <= cap, "{spent} of {cap}");
    assert!(spent.times(2) > cap, "what fits is used: {spent} of {cap}");
    assert_eq!(ledger.len(), counts["ok"], "what is left out was never sent");

    // A block is 16 tasks. The next block of each endpoint: its tasks asked so far, in blocks.
    let mut asked: BTreeMap<&str, usize> = BTreeMap::new();
    for trial in &trials {
        *asked.entry(&trial["endpoint"]).or_default() += usize::from(trial["status"] == "ok");
    }
    assert_eq!(asked.len(), 3);
    let (least, most) = (asked.values().min().expect("3"), asked.values().max().expect("3"));
    assert!(most - least <= 5 * 16, "no endpoint runs far ahead: {asked:?}");
    let skipped: usize = asked
        .keys()
        .map(|endpoint| summary(&here, endpoint, "*", "skipped").parse::<usize>().expect("a count"))
        .sum();
    assert_eq!(skipped, counts["skipped"]);
    let page = std::fs::read_to_string(here.join("report.md")).expect("written");
    assert!(page.contains("INCOMPLETE"), "{page}");
}

#[test]
fn a_budget_in_the_configuration_holds_too_and_the_flag_wins() {
    measured(a_budget_in_the_configuration_holds_too_and_the_flag_wins_once);
}

fn a_budget_in_the_configuration_holds_too_and_the_flag_wins_once() {
    let dir = folder();
    let sim = Sim::start(dir.path(), &["--instant", "1000"]);
    let catalog = sim.catalog();
    let config = |cap: &str| {
        let text = format!("models = [\"cedar/large\"]\n[spend]\nper_run = \"{cap}\"\n");
        file(dir.path(), "weighbridge.toml", &text);
    };
    let args = ["run", "--catalog", &catalog, "--limit", "9", "--out"];
    config("0.1");
    run(dir.path(), &[&args[..], &["some"]].concat()).exits(12).says(&["the budget allows no"]);
    let counts = statuses(&csv(&dir.path().join("some/trials.csv")));
    assert!(counts["ok"] > 0 && counts["skipped"] > 0, "{counts:?}");
    run(dir.path(), &[&args[..], &["all", "--budget", "5"]].concat()).weighed();
    // A cap that does not hold one trial holds none: that is said before anything is made.
    config("0.000001");
    let none = run(dir.path(), &[&args[..], &["none"]].concat()).exits(2);
    assert!(none.stderr.contains("cedar/large@crest"), "{}", none.stderr);
    assert!(!dir.path().join("none").exists());
    assert_eq!(sim.ledger().len(), counts["ok"] + 9);
}
