//! What an account, a key or an address refuses: the endpoint stops at once, the reason is told, and
//! `--resume` asks again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::stub::{Stub, stream, whole};
use crate::support::{csv, file, folder, run};

/// Twenty tasks whose answer is `ok`.
fn tasks(dir: &std::path::Path) {
    let rows: String = (0..20).map(|i| format!("{i},say {i},ok\n")).collect();
    file(dir, "tasks.csv", &format!("id,question,expected\n{rows}"));
}

const RUN: [&str; 9] =
    ["run", "--suite", "tasks.csv", "--catalog", "catalog.toml", "--out", "run", "-c", "1"];

fn statuses(dir: &std::path::Path) -> Vec<(String, String)> {
    let rows = csv(&dir.join("run/trials.csv"));
    let mut found: Vec<(String, String)> =
        rows.iter().map(|row| (row["status"].clone(), row["error_class"].clone())).collect();
    found.sort();
    found.dedup();
    found
}

fn check(status: &'static str, error: &'static str, sent: usize, class: &str, remedy: &str) {
    let (mended, dir) = (Arc::new(AtomicBool::new(false)), folder());
    let is_mended = Arc::clone(&mended);
    let stub = Stub::start(move |_| match is_mended.load(Ordering::Acquire) {
        true => stream(&["ok"]),
        false => whole(status, "application/json", error),
    });
    tasks(dir.path());
    file(dir.path(), "catalog.toml", &stub.catalog("max_output = 50\n"));
    let first = run(dir.path(), &RUN);
    assert_eq!(stub.asked().len(), sent, "{error}");
    let both = [("failed".to_owned(), class.to_owned()), ("skipped".to_owned(), String::new())];
    assert_eq!(statuses(dir.path()), both, "{error}");
    first.says(&[remedy]);
    mended.store(true, Ordering::Release);
    run(dir.path(), &[&RUN[..], &["--resume"]].concat()).completed();
    assert_eq!(stub.asked().len(), sent + 20, "each trial is asked again, once: {error}");
    assert_eq!(statuses(dir.path()), [("ok".to_owned(), String::new())], "{error}");
}

#[test]
fn an_account_without_credit_is_asked_once_and_again_once_it_has_some() {
    let payment = "the account at stub has no credit left";
    check("402 X", r#"{"error":{"message":"Insufficient Balance"}}"#, 1, "payment", payment);
    let low = r#"{"type":"error","error":{"type":"invalid_request_error",
        "message":"Your credit balance is too low to access the API."}}"#;
    check("400 X", low, 1, "payment", payment);
    let quota = r#"{"error":{"code":"insufficient_quota","message":"check your plan"}}"#;
    check("429 X", quota, 1, "payment", payment);
}

#[test]
fn a_refused_key_is_asked_once_and_again_once_it_is_mended() {
    let refused = "stub refuses a request without a key";
    check("401 X", r#"{"error":{"message":"no such key"}}"#, 1, "auth", refused);
    check("403 X", r#"{"detail":"forbidden"}"#, 3, "auth", refused);
}

#[test]
fn a_load_ends_with_the_reason() {
    let (stub, dir) = (Stub::start(|_| whole("402 X", "application/json", "{}")), folder());
    tasks(dir.path());
    file(dir.path(), "catalog.toml", &stub.catalog("max_output = 50\n"));
    let load = ["load", "--suite", "tasks.csv", "--catalog", "catalog.toml", "--budget", "5"];
    for mode in [&["-q", "50", "-n", "1000"][..], &["-c", "1", "-n", "1000"]] {
        let before = stub.asked().len();
        let ran = run(dir.path(), &[&load[..], mode].concat());
        ran.exits(1).says(&["the account at stub has no credit left"]);
        let sent = stub.asked().len() - before;
        assert!(sent < 20, "{sent} requests: {mode:?}");
    }
}
