//! The command line itself: help, completions, lists, and readers that go away.

use std::io::Read;
use std::process::Stdio;

use crate::support::{file, folder, measured, run, weighbridge};

#[test]
fn help_lists_the_commands() {
    let dir = folder();
    let help = run(dir.path(), &["--help"]).exits(0).stdout;
    for command in ["run", "plan", "report", "grade", "tune", "suite", "catalog", "sim"] {
        let line = help.lines().find(|l| l.trim_start().starts_with(&format!("{command} ")));
        assert!(line.is_some(), "{command} is not in:\n{help}");
        assert!(run(dir.path(), &[command, "--help"]).exits(0).stdout.contains("Usage:"));
    }
    assert!(help.contains("weighbridge run"), "help shows the first command:\n{help}");
    let alone = run(dir.path(), &[]).exits(2);
    assert!(alone.stderr.contains("Usage:") && alone.stdout.is_empty());
    let version = run(dir.path(), &["--version"]).exits(0).stdout;
    assert_eq!(version.trim(), concat!("weighbridge ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_misspelt_command_is_told_the_nearest() {
    for (typed, meant) in [("rnu", "run"), ("raport", "report"), ("tun", "tune")] {
        let ran = run(folder().path(), &[typed]).exits(2);
        assert!(ran.stderr.contains(&format!("'{meant}'")), "{typed}: {}", ran.stderr);
    }
    let ran = run(folder().path(), &["xyzzyxyzzy"]).exits(2);
    assert!(!ran.stderr.contains("similar"), "{}", ran.stderr);
}

#[test]
fn completions_and_the_manual_are_printed() {
    let dir = folder();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(dir.path(), &["completions", shell]).exits(0).stdout;
        assert!(script.contains("weighbridge") && script.contains("budget"), "{shell}");
    }
    let page = run(dir.path(), &["man"]).exits(0).stdout;
    assert!(page.contains(".TH weighbridge 1"), "{page}");
}

#[test]
fn the_fleet_as_a_table() {
    insta::assert_snapshot!(run(folder().path(), &["catalog", "list"]).exits(0).stdout);
}

#[test]
fn the_fleet_as_csv_and_json() {
    let dir = folder();
    let text = run(dir.path(), &["catalog", "list", "--format", "csv"]).exits(0).stdout;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<std::collections::BTreeMap<String, String>> =
        reader.deserialize().map(|row| row.expect("a row")).collect();
    let text = run(dir.path(), &["catalog", "list", "--format", "json"]).exits(0).stdout;
    let json: Vec<serde_json::Value> = serde_json::from_str(&text).expect("JSON");
    assert_eq!(rows.len(), json.len());
    assert!(rows.len() >= 10, "at least 10 endpoints");
    for (row, json) in rows.iter().zip(&json) {
        assert_eq!(json["endpoint"], row["endpoint"]);
        assert_eq!(json["input_usd_per_m"], row["input_usd_per_m"], "the same decimals");
    }
    let ids: Vec<&str> = rows.iter().map(|row| row["endpoint"].as_str()).collect();
    let (models, providers): (Vec<&str>, std::collections::BTreeSet<&str>) =
        ids.iter().map(|id| id.split_once('@').expect("author/name@provider")).unzip();
    assert!(providers.len() >= 6, "at least 6 providers: {providers:?}");
    let twice = models.iter().filter(|model| models.iter().filter(|m| m == model).count() == 2);
    assert_eq!(twice.count(), 2, "one model at two providers: {ids:?}");
    let one = run(dir.path(), &["catalog", "list", "-m", "acme/flagship", "--format", "csv"]);
    assert_eq!(one.exits(0).stdout.lines().count(), 2);
}

#[test]
fn the_bundled_suites_as_a_list() {
    insta::assert_snapshot!(run(folder().path(), &["suite", "list"]).exits(0).stdout);
}

#[test]
fn a_suite_is_checked() {
    let dir = folder();
    let suite = "{\"id\":\"a\",\"prompt\":\"1+1?\",\"reference\":\"2\",\"grader\":\"exact\"}\n";
    file(dir.path(), "good/suite.toml", "name = \"good\"\nlicense = \"CC0-1.0\"\n");
    file(dir.path(), "good/tasks.jsonl", suite);
    let good = run(dir.path(), &["suite", "check", "good"]).exits(0);
    assert!(good.stdout.starts_with("good: 1 tasks, 0 errors"), "{}", good.stdout);
    let wrong = suite.replace("}\n", ",\"wrong\":\"2\"}\n");
    file(dir.path(), "good/tasks.jsonl", &wrong);
    let bad = run(dir.path(), &["suite", "check", "good"]).exits(2);
    assert!(bad.stdout.contains("1 errors") && bad.stdout.contains("error: a:"), "{}", bad.stdout);
}

/// `weighbridge … | head -1`: a reader that has seen enough is success.
#[test]
fn a_reader_that_goes_away_is_success() {
    let dir = folder();
    run(dir.path(), &["run", "--virtual", "--limit", "9", "--out", "run"]).exits(0);
    for args in [
        &["catalog", "list"][..],
        &["suite", "list"],
        &["sim", "--truth"],
        &["completions", "zsh"],
        &["man"],
        &["report", "run"],
        &["tune", "run"],
    ] {
        let mut child = weighbridge(dir.path())
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut said).expect("UTF-8");
        let code = child.wait().expect("it ends").code();
        assert_eq!(code, Some(0), "{args:?}: {said}");
    }
}

/// `weighbridge -vvv run … 2>&1 | head -1`: nor does a log that nobody reads end a run.
#[test]
fn a_log_that_nobody_reads_ends_nothing() {
    let (dir, stub) = (folder(), crate::stub::Stub::says("2"));
    file(dir.path(), "prompts.csv", "question,expected\nWhat is 1+1?,2\nWhat is 4-2?,2\n");
    file(dir.path(), "catalog.toml", &stub.catalog(""));
    let mut child = weighbridge(dir.path())
        .args(["-vvv", "run", "--suite", "prompts.csv", "--catalog", "catalog.toml"])
        .args(["--out", "run"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    drop(child.stderr.take());
    let code = child.wait().expect("it ends").code();
    assert!(matches!(code, Some(0 | 13)), "{code:?}");
    assert!(dir.path().join("run/report.html").exists());
}

/// What -v promises in --help.
#[test]
fn v_shows_failed_attempts_and_vv_every_one() {
    measured(v_shows_failed_attempts_and_vv_every_one_once);
}

fn v_shows_failed_attempts_and_vv_every_one_once() {
    use crate::stub::{Stub, stream, whole};
    let dir = folder();
    let stub = Stub::start(|asked| match asked.prompt.as_str() {
        "bad" => whole("400 Bad Request", "text/plain", "no such thing"),
        _ => stream(&["2"]),
    });
    file(dir.path(), "prompts.csv", "question,expected\nbad,2\ngood,2\n");
    file(dir.path(), "catalog.toml", &stub.catalog(""));
    let log = |flag: &str| {
        let out = format!("run{flag}");
        let args = ["run", "--suite", "prompts.csv", "--catalog", "catalog.toml", "--out", &out];
        let all = if flag.is_empty() { args.to_vec() } else { [&[flag][..], &args].concat() };
        run(dir.path(), &all).weighed().stderr
    };
    let (none, failed, every) = (log(""), log("-v"), log("-vv"));
    let lines = |text: &str| text.lines().filter(|l| l.contains("endpoint=")).count();
    assert_eq!((lines(&none), lines(&failed), lines(&every)), (0, 1, 2), "{every}");
    for part in ["HTTP 400: no such thing", "acme/large@stub", "bad_request"] {
        assert!(failed.contains(part), "{part} is not in:\n{failed}");
    }
    assert!(!every.contains('\u{1b}'), "no colours where nobody watches: {every:?}");
}
