//! Virtual time: the same seed, the same bytes in every file, whatever the machine and the folder;
//! and everything that came from the simulator says so.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::support::{Ran, assert_same, csv, folder, made, run, statuses};

/// A small run of the demo in virtual time, in `name` below the folder.
fn weigh(dir: &Path, name: &str, more: &[&str]) -> (Ran, PathBuf) {
    let usual = ["run", "--virtual", "--limit", "45", "--out", name];
    (run(dir, &[&usual, more].concat()).exits(0), dir.join(name))
}

#[test]
fn a_seed_makes_the_same_bytes_and_another_seed_others() {
    let dir = folder();
    let (ran, first) = weigh(dir.path(), "first", &["--seed", "7"]);
    let (again, second) = weigh(dir.path(), "a/longer/path/to/the second", &["--seed", "7"]);
    assert_same(&made(&first), &made(&second));
    let without_the_folder = |ran: &Ran, folder: &str| ran.stdout.replace(folder, "");
    assert_eq!(
        without_the_folder(&ran, "first").len(),
        without_the_folder(&again, "a/longer/path/to/the second").len(),
        "{}\n{}",
        ran.stdout,
        again.stdout
    );
    let (_, other) = weigh(dir.path(), "other", &["--seed", "8"]);
    let (first, other) = (made(&first), made(&other));
    for name in ["trials.csv", "summary.csv", "latency.csv", "report.html", "weights.json"] {
        assert_ne!(first[name], other[name], "{name} depends on the seed");
    }
}

#[test]
fn the_time_of_day_the_clock_and_the_machine_leave_no_trace() {
    let dir = folder();
    let (_, plain) = weigh(dir.path(), "plain", &[]);
    let elsewhere = crate::support::weighbridge(dir.path())
        .env("TZ", "Asia/Kathmandu")
        .env("LANG", "de_DE.UTF-8")
        .env("HOSTNAME", "mark-host")
        .env("NO_COLOR", "1")
        .env("COLUMNS", "40")
        .args(["run", "--virtual", "--limit", "45", "--out", "elsewhere"])
        .output();
    Ran::of(elsewhere.expect("the binary runs")).exits(0);
    assert_same(&made(&plain), &made(&dir.path().join("elsewhere")));
}

#[test]
fn every_planned_trial_is_counted_once() {
    let dir = folder();
    let (_, run) = weigh(dir.path(), "run", &[]);
    let trials = csv(&run.join("trials.csv"));
    assert_eq!(trials.len(), 45 * 11, "tasks × endpoints");
    let mut keys: Vec<&str> = trials.iter().map(|trial| trial["trial"].as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), trials.len(), "each has a key of its own");
    let counts = statuses(&trials);
    assert_eq!(counts.values().sum::<usize>(), trials.len());
    assert!(counts["ineligible"] > 0, "one endpoint takes no tools: {counts:?}");

    let mut by_cell: BTreeMap<(&str, &str), BTreeMap<&str, usize>> = BTreeMap::new();
    for trial in &trials {
        for category in ["*", &trial["category"]] {
            let cell = by_cell.entry((&trial["endpoint"], category)).or_default();
            *cell.entry(&trial["status"]).or_default() += 1;
        }
    }
    let rows = csv(&run.join("summary.csv"));
    let metrics: BTreeMap<[&str; 3], &str> = rows
        .iter()
        .map(|r| (["endpoint", "category", "metric"].map(|c| r[c].as_str()), r["value"].as_str()))
        .collect();
    for ((endpoint, category), counts) in by_cell {
        let said = |metric: &str| -> usize {
            metrics[&[endpoint, category, metric]].parse().expect("a count")
        };
        let statuses = ["ok", "failed", "ineligible", "skipped", "in_doubt"];
        for status in statuses {
            let counted = counts.get(status).copied().unwrap_or(0);
            assert_eq!(said(status), counted, "{status} of {endpoint} in {category}");
        }
        assert_eq!(said("trials"), said("ok") + said("failed"));
        assert_eq!(said("scored") + said("unscored"), said("ok"));
        assert_eq!(statuses.map(said).iter().sum::<usize>(), counts.values().sum::<usize>());
    }
}

#[test]
fn what_is_made_again_has_the_same_bytes() {
    let dir = folder();
    let (ran, folder) = weigh(dir.path(), "run", &[]);
    let before = made(&folder);
    for command in ["report", "grade", "tune", "report"] {
        let again = run(dir.path(), &[command, "run"]).exits(0);
        assert_same(&before, &made(&folder));
        if command != "grade" {
            assert_eq!(again.stdout, ran.stdout, "{command} gives the same screen");
        }
    }
    // A file that is lost is made again.
    for name in ["trials.csv", "report.html", "charts/weights.svg"] {
        std::fs::remove_file(folder.join(name)).expect("it was there");
    }
    run(dir.path(), &["report", "run"]).exits(0);
    assert_same(&before, &made(&folder));
}

#[test]
fn everything_says_simulated() {
    let dir = folder();
    let (ran, folder) = weigh(dir.path(), "run", &[]);
    assert!(ran.stdout.contains("SIMULATED"), "{}", ran.stdout);
    assert!(ran.stderr.contains("SIMULATED"), "{}", ran.stderr);
    let mut checked = 0;
    for (name, bytes) in made(&folder) {
        let text = String::from_utf8(bytes).expect("UTF-8");
        if Path::new(&name).extension().is_some_and(|kind| kind == "csv") {
            continue;
        }
        checked += 1;
        if name == "weights.json" {
            let weights: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(weights["simulated"], true, "{name}");
        } else {
            assert!(text.contains("SIMULATED"), "{name}");
        }
    }
    assert_eq!(checked, 2 + 1 + 5, "two reports, the weights, five charts");
}

#[test]
fn the_answer_fits_one_screen() {
    let dir = folder();
    for more in
        [&["--limit", "90"][..], &["--limit", "9"], &["-m", "gale/small", "--category", "math"]]
    {
        let usual = ["run", "--virtual", "--out", "run"];
        let ran = run(dir.path(), &[&usual, more].concat()).exits(0);
        let lines: Vec<&str> = ran.stdout.lines().collect();
        assert!(lines.len() <= 24, "{} lines:\n{}", lines.len(), ran.stdout);
        for line in lines {
            assert!(line.chars().count() <= 80, "{} columns: {line}", line.chars().count());
        }
        std::fs::remove_dir_all(dir.path().join("run")).expect("it was there");
    }
}

#[test]
fn the_demo_in_virtual_time() {
    let dir = folder();
    let ran = run(dir.path(), &["run", "--virtual", "--limit", "90", "--out", "run"]).exits(0);
    insta::assert_snapshot!(ran.stdout);
}

#[test]
fn weights_are_whole() {
    let dir = folder();
    let (_, folder) = weigh(dir.path(), "run", &["--seed", "3"]);
    let text = std::fs::read_to_string(folder.join("weights.json")).expect("written");
    let file: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let categories = file["categories"].as_object().expect("an object");
    assert_eq!(categories.len(), 9);
    for (name, mix) in categories.iter().chain([(&"default".to_owned(), &file["default"])]) {
        let weights = mix["weights"].as_object().unwrap_or_else(|| panic!("{name}: {mix}"));
        let sum: u64 = weights.values().map(|ppm| ppm.as_u64().expect("an integer")).sum();
        assert_eq!(sum, 1_000_000, "{name}: {weights:?}");
        let fallbacks = mix["fallbacks"].as_array().unwrap_or_else(|| panic!("{name}: {mix}"));
        assert!(!fallbacks.is_empty(), "{name} has somewhere to go");
    }
}

/// Latest points to the newest run, and the commands take it where they are told nothing.
#[cfg(unix)]
#[test]
fn results_are_found_again() {
    let dir = folder();
    run(dir.path(), &["run", "--virtual", "--limit", "9"]).exits(0);
    let latest = dir.path().join("results/latest");
    assert!(latest.join("report.html").exists());
    assert!(latest.is_symlink());
    let before = made(&latest);
    for command in ["report", "grade", "tune"] {
        run(dir.path(), &[command]).exits(0);
    }
    assert_same(&before, &made(&latest));
}
