//! Runs that keep no prompt and no answer go on, grow and merge like all others, as far as scores
//! that cannot be made again allow it.

use std::path::Path;

use rustix::process::Signal;

use crate::interrupt::{Running, bench};
use crate::stub::{Stub, stream};
use crate::support::{Ran, csv, file, files, folder, measured, run, statuses};

const RUN: [&str; 7] =
    ["run", "--suite", "prompts.csv", "--catalog", "catalog.toml", "--out", "run"];

fn weigh(dir: &Path, more: &[&str]) -> Ran {
    run(dir, &[&RUN, more].concat())
}

/// How many trials of a run have this score.
fn scored(dir: &Path, score: &str) -> usize {
    csv(&dir.join("trials.csv")).iter().filter(|trial| trial["score"] == score).count()
}

#[test]
fn what_was_killed_goes_on_without_content() {
    measured(what_was_killed_goes_on_without_content_once);
}

fn what_was_killed_goes_on_without_content_once() {
    let (dir, server) = bench(6, "");
    let running = Running::start(dir.path(), &["--no-content"]);
    server.wait_for(6);
    running.interrupt(Signal::KILL);
    running.ends().exits(-1);
    server.let_go();
    // Without the flag: what a run keeps is decided once.
    weigh(dir.path(), &["--resume"])
        .weighed()
        .says(&["6 requests are in doubt", "prompts and answers are not kept"]);
    let here = dir.path().join("run");
    assert_eq!(statuses(&csv(&here.join("trials.csv"))), [("ok".into(), 40)].into());
    assert_eq!(scored(&here, "1"), 40, "each answer was judged as it came");
    let page = std::fs::read_to_string(here.join("report.md")).expect("written");
    assert!(page.contains("Prompts and answers are not kept"), "{page}");
    for (name, bytes) in files(&here) {
        assert!(!String::from_utf8_lossy(&bytes).contains("What is"), "{name} holds a prompt");
    }
    weigh(dir.path(), &["--resume", "--no-content"]).weighed();
    assert_eq!(server.stub.asked().len(), 46);
    assert_eq!(scored(&here, "1"), 40);
}

#[test]
fn what_keeps_content_does_not_become_a_run_without() {
    measured(what_keeps_content_does_not_become_a_run_without_once);
}

fn what_keeps_content_does_not_become_a_run_without_once() {
    let (dir, stub) = (folder(), Stub::start(|_| stream(&["2"])));
    file(dir.path(), "prompts.csv", "id,question,expected\na,What?,2\n");
    file(dir.path(), "catalog.toml", &stub.catalog(""));
    weigh(dir.path(), &[]).weighed();
    weigh(dir.path(), &["--resume", "--no-content"]).exits(2).says(&["keeps prompts and answers"]);
}

#[test]
fn what_cannot_be_judged_again_keeps_its_scores() {
    measured(what_cannot_be_judged_again_keeps_its_scores_once);
}

fn what_cannot_be_judged_again_keeps_its_scores_once() {
    let (dir, stub) = (folder(), Stub::start(|_| stream(&["2"])));
    let prompts = |expected: &str| {
        let rows = format!("id,question,expected\na,What?,2\nb,And?,{expected}\n");
        file(dir.path(), "prompts.csv", &rows);
    };
    let catalog = |temperature: &str, system: &str| {
        let variant = format!(
            "[[variant]]\nname = \"v\"\nmatch = \"*\"\nparams = {{ temperature = {temperature} \
             }}\nsystem = \"{system}\"\n"
        );
        file(dir.path(), "catalog.toml", &stub.catalog(&variant));
    };
    let resume = |more: &[&str]| weigh(dir.path(), &[&["--resume", "--amend"], more].concat());
    let here = dir.path().join("run");
    prompts("3");
    catalog("0", "SystemMark");
    weigh(dir.path(), &["--no-content"]).weighed();
    assert_eq!((stub.asked().len(), scored(&here, "1"), scored(&here, "0")), (4, 2, 2));

    // Another reference: what was answered cannot be judged by it.
    prompts("2");
    resume(&[]).exits(2).says(&["keeps no answers", "suite prompts has changed"]);
    prompts("3");

    // Another parameter and back: the scores come back with the trials.
    catalog("1", "SystemMark");
    let ran = resume(&[]).weighed();
    assert!(ran.stderr.contains("2 trials changed their request"), "{}", ran.stderr);
    catalog("0", "SystemMark");
    resume(&[]).weighed();
    assert_eq!((stub.asked().len(), scored(&here, "1"), scored(&here, "0")), (6, 2, 2));

    // Another system message is asked, and shown nowhere.
    catalog("0", "OtherMark");
    let ran = resume(&[]).weighed();
    assert_eq!(stub.asked().len(), 8);
    for mark in ["SystemMark", "OtherMark"] {
        assert!(!ran.stderr.contains(mark), "{}", ran.stderr);
        for (name, bytes) in files(&here) {
            assert!(!String::from_utf8_lossy(&bytes).contains(mark), "{mark} is in {name}");
        }
    }
}

#[test]
fn shards_without_content_merge_with_their_scores() {
    measured(shards_without_content_merge_with_their_scores_once);
}

fn shards_without_content_merge_with_their_scores_once() {
    let (dir, stub) = (folder(), Stub::start(|_| stream(&["2"])));
    let rows: String = (0..8).map(|i| format!("What is {i}-{i}+2?,2\n")).collect();
    file(dir.path(), "prompts.csv", &format!("question,expected\n{rows}"));
    file(dir.path(), "catalog.toml", &stub.catalog(""));
    let shard = |k: &str, more: &[&str]| {
        let (out, part) = (format!("s{k}"), format!("{k}/2"));
        run(dir.path(), &[&RUN[..6], &[&out, "--shard", &part], more].concat()).weighed();
    };
    shard("1", &["--no-content"]);
    shard("2", &["--no-content"]);
    run(dir.path(), &["merge", "s1", "s2", "--out", "merged"]).weighed();
    assert_eq!(scored(&dir.path().join("merged"), "1"), 8);
    std::fs::remove_dir_all(dir.path().join("s2")).expect("ours");
    shard("2", &[]);
    run(dir.path(), &["merge", "s1", "s2", "--out", "mixed"])
        .exits(2)
        .says(&["s1 and s2 do not merge: one keeps prompts and answers"]);
}

#[test]
fn load_takes_its_key_from_a_command() {
    let (dir, stub) = (folder(), Stub::start(|_| stream(&["2"])));
    file(dir.path(), "prompts.csv", "question,expected\nWhat?,2\n");
    let catalog =
        stub.catalog("").replace("base_url", "api_key_cmd = [\"echo\", \"key-7\"]\nbase_url");
    file(dir.path(), "catalog.toml", &catalog);
    let what = ["--suite", "prompts.csv", "--catalog", "catalog.toml", "--out", "load"];
    run(dir.path(), &[&["load", "-c", "1", "-n", "2", "--budget", "1"], &what[..]].concat());
    assert!(!stub.asked().is_empty());
    for asked in stub.asked() {
        assert_eq!(asked.header("authorization"), Some("Bearer key-7"));
    }
    let plan = ["plan", "--suite", "prompts.csv", "--catalog", "catalog.toml"];
    run(dir.path(), &plan).exits(0);
}
