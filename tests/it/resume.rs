//! A run that was cut goes on: nothing with an ending is asked again, nothing is lost, and what has
//! changed is named.

use std::collections::BTreeMap;
use std::path::Path;

use rustix::process::Signal;

use crate::interrupt::{Running, bench};
use crate::stub::{Stub, stream};
use crate::support::{Ran, csv, file, folder, measured, run, statuses, summary};

/// Goes on with what is new at that endpoint.
const AMEND: &[&str] = &["--resume", "--amend", "--endpoint", "*#cool"];

/// Makes `acme/large@stub#cool` of `acme/large@stub`.
const VARIANT: &str =
    "[[variant]]\nname = \"cool\"\nmatch = \"acme/large\"\nparams = { temperature = 0 }\n";

const RUN: [&str; 7] =
    ["run", "--suite", "prompts.csv", "--catalog", "catalog.toml", "--out", "run"];

fn weigh(dir: &Path, more: &[&str]) -> Ran {
    run(dir, &[&RUN, more].concat())
}

/// How often each idempotency key was sent.
fn keys(stub: &Stub) -> BTreeMap<String, usize> {
    let mut keys = BTreeMap::new();
    for asked in stub.asked() {
        let key = asked.header("idempotency-key").expect("sent").to_owned();
        *keys.entry(key).or_default() += 1;
    }
    keys
}

#[test]
fn what_was_killed_goes_on_and_asks_again_only_what_is_in_doubt() {
    measured(what_was_killed_goes_on_and_asks_again_only_what_is_in_doubt_once);
}

fn what_was_killed_goes_on_and_asks_again_only_what_is_in_doubt_once() {
    let (dir, server) = bench(6, "");
    let running = Running::start(dir.path(), &[]);
    server.wait_for(6);
    // While it runs, nobody else writes in its folder.
    let second = weigh(dir.path(), &["--resume"]).exits(2);
    assert!(second.stderr.contains("is in use by process"), "{}", second.stderr);
    for command in ["grade", "tune", "report"] {
        run(dir.path(), &[command, "run"]).exits(2).says(&["is in use by process"]);
    }
    running.interrupt(Signal::KILL);
    running.ends().exits(-1);
    server.let_go();

    let refused = weigh(dir.path(), &[]).exits(2);
    let standing = "0 of 40 trials finished, 6 requests are in doubt";
    for part in ["holds an unfinished run", standing, "--resume"] {
        assert!(refused.stderr.contains(part), "{part} is not in:\n{}", refused.stderr);
    }
    weigh(dir.path(), &["--resume"]).weighed().says(&["resuming run", standing]);
    let here = dir.path().join("run");
    let trials = csv(&here.join("trials.csv"));
    assert_eq!(statuses(&trials), [("ok".into(), 40)].into());
    assert_eq!(server.stub.asked().len(), 46, "each in doubt once more");
    let keys = keys(&server.stub);
    let twice = keys.values().filter(|times| **times == 2).count();
    assert_eq!((keys.len(), twice), (40, 6), "under the key that it had: {keys:?}");
    let again = trials.iter().filter(|trial| trial["attempts"] == "2").collect::<Vec<_>>();
    assert_eq!(again.len(), 6);
    for trial in again {
        assert_eq!(trial["cost_usd"], "", "the first may have been billed: nobody knows");
        assert_ne!(trial["cost_upper_usd"], "");
        assert_eq!(trial["e2e_with_retries_us"], "", "nobody waited through the crash");
    }
    assert_eq!(summary(&here, "acme/large@stub", "*", "availability"), "1", "our own crash");

    // What is complete has nothing left to ask, and is not begun again.
    weigh(dir.path(), &["--resume"]).weighed().says(&["40 of 40 trials finished"]);
    weigh(dir.path(), &[]).exits(2).says(&["which is complete"]);
    assert_eq!(server.stub.asked().len(), 46);
    assert!(!here.join("run.lock").exists());
}

#[test]
fn a_run_that_was_cut_twice_by_hand_goes_on() {
    measured(a_run_that_was_cut_twice_by_hand_goes_on_once);
}

fn a_run_that_was_cut_twice_by_hand_goes_on_once() {
    let (dir, server) = bench(5, "");
    let running = Running::start(dir.path(), &[]);
    server.wait_for(5);
    running.interrupt(Signal::INT);
    running.says("interrupted");
    running.interrupt(Signal::INT);
    running.ends().exits(12);
    server.let_go();
    weigh(dir.path(), &["--resume"]).weighed().says(&["5 requests are in doubt"]);
    let trials = csv(&dir.path().join("run/trials.csv"));
    assert_eq!(statuses(&trials), [("ok".into(), 40)].into());
    assert_eq!(server.stub.asked().len(), 45);
}

#[test]
fn what_was_never_begun_is_begun() {
    measured(what_was_never_begun_is_begun_once);
}

fn what_was_never_begun_is_begun_once() {
    let (dir, server) = bench(5, "");
    server.let_go();
    // As a kill leaves it between the file and the plan.
    std::fs::create_dir(dir.path().join("run")).expect("a folder");
    std::fs::write(dir.path().join("run/run.sqlite"), "").expect("a file");
    weigh(dir.path(), &["--resume"]).weighed();
    assert_eq!(csv(&dir.path().join("run/trials.csv")).len(), 40);
}

#[test]
fn a_database_that_does_not_read_stops_the_run() {
    measured(a_database_that_does_not_read_stops_the_run_once);
}

fn a_database_that_does_not_read_stops_the_run_once() {
    let (dir, server) = bench(5, "");
    server.let_go();
    weigh(dir.path(), &[]).weighed();
    let file = dir.path().join("run/run.sqlite");
    let mut bytes = std::fs::read(&file).expect("there");
    bytes[..16].copy_from_slice(b"something else !");
    std::fs::write(&file, &bytes).expect("written");
    for more in [&["--resume"][..], &[]] {
        weigh(dir.path(), more).exits(2).says(&["is not a Weighbridge run database"]);
    }
    assert_eq!(server.stub.asked().len(), 40, "never begun again, never billed twice");
    assert_eq!(std::fs::read(&file).expect("there"), bytes);
}

/// Ten tasks at a server that says 2 to all, weighed once.
fn weighed() -> (tempfile::TempDir, Stub) {
    let (dir, stub) = (folder(), Stub::start(|_| stream(&["2"])));
    prompts(dir.path(), "2");
    file(dir.path(), "catalog.toml", &stub.catalog(VARIANT));
    weigh(dir.path(), &["--endpoint", "*#cool"]).weighed();
    assert_eq!(stub.asked().len(), 10);
    (dir, stub)
}

/// Ten tasks; the reference of task 3 is given.
fn prompts(dir: &Path, reference: &str) {
    let rows: String = (0..10)
        .map(|i| {
            let reference = if i == 3 { reference } else { "2" };
            format!("t{i},What is {i}-{i}+2?,{reference}\n")
        })
        .collect();
    file(dir, "prompts.csv", &format!("id,question,expected\n{rows}"));
}

#[test]
fn a_change_is_named_and_refused_and_amended() {
    measured(a_change_is_named_and_refused_and_amended_once);
}

fn a_change_is_named_and_refused_and_amended_once() {
    let (dir, stub) = weighed();
    let refused = |parts: &[&str]| {
        let ran = weigh(dir.path(), &["--resume", "--endpoint", "*#cool"]).exits(2);
        for part in parts.iter().chain(&["--amend"]) {
            assert!(ran.stderr.contains(part), "{part} is not in:\n{}", ran.stderr);
        }
    };
    // A price: nothing is asked again.
    let dearer = stub.catalog(VARIANT).replace("\"2.00\"", "\"3.00\"");
    file(dir.path(), "catalog.toml", &dearer);
    refused(&["acme/large@stub#cool: price", "→"]);
    weigh(dir.path(), AMEND).weighed().says(&["amended: acme/large@stub#cool"]);
    assert_eq!(stub.asked().len(), 10);
    // A reference: judged again, not asked again.
    prompts(dir.path(), "5");
    refused(&[
        "suite prompts has changed",
        "1 tasks with another grader, reference or category: prompts/t3",
    ]);
    weigh(dir.path(), AMEND).weighed();
    assert_eq!(stub.asked().len(), 10);
    let trials = csv(&dir.path().join("run/trials.csv"));
    let score = |trials: &[BTreeMap<String, String>], task: &str| {
        trials.iter().find(|t| t["task"] == task).expect("there")["score"].clone()
    };
    assert_eq!((score(&trials, "t3"), score(&trials, "t4")), ("0".into(), "1".into()));
    // A parameter: everything of that endpoint is another question.
    file(dir.path(), "catalog.toml", &dearer.replace("temperature = 0", "temperature = 1"));
    refused(&["acme/large@stub#cool: params {\"temperature\":0} → {\"temperature\":1}"]);
    let ran = weigh(dir.path(), AMEND).weighed();
    let said = "10 trials changed their request";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    assert_eq!((stub.asked().len(), csv(&dir.path().join("run/trials.csv")).len()), (20, 10));
    // And back: what was paid for is there again.
    file(dir.path(), "catalog.toml", &dearer);
    weigh(dir.path(), AMEND).weighed();
    let trials = csv(&dir.path().join("run/trials.csv"));
    assert_eq!((stub.asked().len(), statuses(&trials)), (20, [("ok".into(), 10)].into()));
}

#[test]
fn a_run_grows_by_what_is_new() {
    measured(a_run_grows_by_what_is_new_once);
}

fn a_run_grows_by_what_is_new_once() {
    let (dir, stub) = weighed();
    let more = weigh(dir.path(), &["--resume", "--endpoint", "*#cool", "--repeats", "2"]).exits(2);
    assert!(more.stderr.contains("repeats: 1 → 2"), "{}", more.stderr);
    weigh(dir.path(), &[AMEND, &["--repeats", "2"]].concat()).weighed();
    assert_eq!(stub.asked().len(), 20, "the second repeat of each");
    let twice = stub.catalog(VARIANT);
    let second = "[[endpoint]]\nmodel = \"acme/small\"\nprovider = \"stub\"\nprice = \"free\"\n";
    file(dir.path(), "catalog.toml", &format!("{twice}{second}"));
    file(dir.path(), "more.csv", "id,question,expected\nm1,More?,2\n");
    let picked = ["--endpoint", "*#cool", "--endpoint", "acme/small*"];
    let all = [&["--resume", "--repeats", "2", "--suite", "more.csv"], &picked[..]].concat();
    let ran = weigh(dir.path(), &all).exits(2);
    for part in ["suite more is new", "acme/small@stub is new"] {
        assert!(ran.stderr.contains(part), "{part} is not in:\n{}", ran.stderr);
    }
    weigh(dir.path(), &[&all[..], &["--amend"]].concat()).weighed();
    // 11 tasks × 2 endpoints × 2 repeats.
    assert_eq!(stub.asked().len(), 44);
    let trials = csv(&dir.path().join("run/trials.csv"));
    assert_eq!(statuses(&trials), [("ok".into(), 44)].into());
    assert_eq!(summary(&dir.path().join("run"), "acme/small@stub", "*", "ok"), "22");
    // The plan is now this one, so it resumes without a word.
    weigh(dir.path(), &all).weighed().says(&["44 of 44 trials finished"]);
}

#[test]
fn a_budget_counts_what_was_spent_before() {
    measured(a_budget_counts_what_was_spent_before_once);
}

fn a_budget_counts_what_was_spent_before_once() {
    let (dir, stub) = (folder(), Stub::start(|_| stream(&["2"])));
    prompts(dir.path(), "2");
    let catalog = stub.catalog("max_output = 1000\nlimits = { concurrency = 1 }\n");
    file(dir.path(), "catalog.toml", &catalog);
    // 10 tokens at $1 and one at $2 a million each, and a worst case of some $0.002.
    let first = weigh(dir.path(), &["--budget", "0.0022"]).exits(12);
    assert!(first.stderr.contains("the budget allows no further trial"), "{}", first.stderr);
    let asked = stub.asked().len();
    assert!((1..10).contains(&asked), "{asked}");
    weigh(dir.path(), &["--resume", "--budget", "0.0022"]).exits(12);
    assert_eq!(stub.asked().len(), asked, "nothing of it was left");
    weigh(dir.path(), &["--resume", "--budget", "1"]).weighed();
    assert_eq!(stub.asked().len(), 10);
}

#[test]
fn a_month_has_a_budget_over_its_runs() {
    measured(a_month_has_a_budget_over_its_runs_once);
}

fn a_month_has_a_budget_over_its_runs_once() {
    let (dir, stub) = (folder(), Stub::start(|_| stream(&["2"])));
    prompts(dir.path(), "2");
    file(dir.path(), "catalog.toml", &stub.catalog("max_output = 10\n"));
    let config = |cap: &str| {
        file(dir.path(), "weighbridge.toml", &format!("[spend]\nper_month = \"{cap}\"\n"));
    };
    // A run of ten costs $0.00012.
    let weigh = |out: &str| run(dir.path(), &[&RUN[..6], &[out]].concat());
    config("1");
    let first = weigh("first").weighed();
    assert!(!first.stderr.contains("per_month"), "{}", first.stderr);
    weigh("second").weighed();
    config("0.00025");
    weigh("third").exits(12).says(&[
        "$0.00 of [spend] per_month = \"0.00025\" is spent (96 %)",
        "[spend] per_month = \"0.00025\" is used up; 10 trials left out",
    ]);
    assert_eq!(stub.asked().len(), 20);
}

#[test]
fn endpoints_and_suites_have_budgets_of_their_own() {
    let (dir, stub) = (folder(), Stub::start(|_| stream(&["2"])));
    prompts(dir.path(), "2");
    file(dir.path(), "more.csv", "id,question,expected\nm1,More?,2\n");
    let second = "[[endpoint]]\nmodel = \"acme/small\"\nprovider = \"stub\"\n\
                  max_output = 10\nprice = { input = \"0.01\", output = \"0.01\" }\n";
    let catalog = stub.catalog("max_output = 10\nlimits = { concurrency = 1 }\n");
    file(dir.path(), "catalog.toml", &format!("{catalog}{second}"));
    let weigh = |out: &str, more: &[&str]| {
        let all = [&RUN[..6], &[out, "--suite", "more.csv"], more].concat();
        let ran = run(dir.path(), &all).exits(12);
        let trials = csv(&dir.path().join(out).join("trials.csv"));
        let asked = |column: &str, value: &str| {
            let of = trials.iter().filter(|t| t[column] == value);
            of.filter(|t| t["status"] == "ok").count()
        };
        (
            ran.stderr.replace("\n  ", " "),
            asked("endpoint", "acme/large@stub"),
            asked("endpoint", "acme/small@stub"),
            asked("suite", "more"),
        )
    };
    let (said, large, small, _) = weigh("endpoints", &["--budget-per-endpoint", "0.0003"]);
    assert!(said.contains("the budget of $0.0003 for acme/large@stub allows no further"), "{said}");
    assert!((1..11).contains(&large) && small == 11, "{large} {small}");
    let (said, large, small, more) = weigh("suites", &["--budget-per-suite", "0.00025"]);
    assert!(said.contains("the budget of $0.00025 for prompts allows no further trial"), "{said}");
    assert!(large + small < 22 && more == 2, "{large} {small} {more}");
}

/// One endpoint fails throughout; the other goes on, and what it answers is whole.
#[test]
fn an_endpoint_that_fails_in_a_row_is_given_up_and_the_others_go_on() {
    let dir = folder();
    let stub = Stub::start(|asked| {
        let model = asked.body["model"].as_str().unwrap_or_default();
        match (model, asked.prompt.contains("4-4")) {
            ("acme/small", _) => crate::stub::whole("500 Oops", "application/json", "{}"),
            // A fault of one task's own.
            (_, true) => crate::stub::whole("400 Bad Request", "application/json", "{}"),
            _ => stream(&["2"]),
        }
    });
    prompts(dir.path(), "2");
    let second = "[[endpoint]]\nmodel = \"acme/small\"\nprovider = \"stub\"\nprice = \"free\"\n\
                  limits = { concurrency = 2 }\n";
    file(dir.path(), "catalog.toml", &format!("{}{second}", stub.catalog("")));
    let limits = ["--breaker", "3", "--patience", "1s"];
    let ran = weigh(dir.path(), &limits).exits(12);
    let said = "acme/small@stub was given up: it went on failing, last with server";
    ran.says(&[said]);
    let trials = csv(&dir.path().join("run/trials.csv"));
    let of = |endpoint: &str| {
        statuses(&trials.iter().filter(|t| t["endpoint"] == endpoint).cloned().collect::<Vec<_>>())
    };
    assert_eq!(of("acme/large@stub"), [("ok".into(), 9), ("failed".into(), 1)].into());
    let small = of("acme/small@stub");
    assert!(small["failed"] <= 2 && small["skipped"] >= 8, "{small:?}");
    let sent = stub.asked().iter().filter(|asked| asked.body["model"] == "acme/small").count();
    assert!(sent < 12, "three in a row, what was under way, and a few probes: {sent}");
}
