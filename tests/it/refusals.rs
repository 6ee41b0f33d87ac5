//! What an account, a key or an address refuses: the endpoint stops at once, the reason is told, and
//! `--resume` asks again.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use weighbridge::units::Clock;

use crate::stub::{Stub, stream, whole};
use crate::support::{NOBODY, csv, file, folder, run, summary};

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
    let stub = Stub::start(move |_| {
        if is_mended.load(Ordering::Acquire) {
            stream(&["ok"])
        } else {
            whole(status, "application/json", error)
        }
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

/// How a server that refuses a parameter answers a request that has it.
fn refusing(parameter: &'static str, error: &'static str) -> Stub {
    Stub::start(move |asked| match asked.body.get(parameter) {
        Some(_) => whole("400 X", "application/json", error),
        None => stream(&["ok"]),
    })
}

#[test]
fn a_refused_parameter_is_learnt_once_and_told() {
    let check = |parameter: &'static str, error: &'static str, remedy: &str| {
        let (stub, dir) = (refusing(parameter, error), folder());
        tasks(dir.path());
        file(dir.path(), "catalog.toml", &stub.catalog("max_output = 50\n"));
        run(dir.path(), &[&RUN[..], &["--limit", "10"]].concat()).completed().says(&[remedy]);
        assert_eq!(statuses(dir.path()), [("ok".to_owned(), String::new())]);
        assert_eq!(stub.asked().len(), 11, "{parameter} is refused once");
        let report = std::fs::read_to_string(dir.path().join("run/report.html")).expect("a report");
        assert!(report.contains(remedy), "{remedy}");
        let first = summary(&dir.path().join("run"), "acme/large@stub", "*", "availability");
        assert_eq!(first, "1", "a refusal of the form is no failure");
        run(dir.path(), &[&RUN[..], &["--resume", "--amend"]].concat()).completed();
        assert_eq!(stub.asked().len(), 21, "{parameter} is known when the run goes on");
    };
    let limit = r#"{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with
        this model. Use 'max_completion_tokens' instead.","param":"max_tokens"}}"#;
    check("max_tokens", limit, "refuses max_tokens, and is sent max_completion_tokens instead");
    let options = r#"{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],
        "msg":"Extra inputs are not permitted"}]}"#;
    check("stream_options", options, "refuses stream_options");
}

#[test]
fn a_load_learns_a_refused_parameter() {
    let limit = r#"{"error":{"message":"Unrecognized request argument supplied: max_tokens"}}"#;
    let (stub, dir) = (refusing("max_tokens", limit), folder());
    tasks(dir.path());
    file(dir.path(), "catalog.toml", &stub.catalog("max_output = 50\n"));
    let load = ["load", "--suite", "tasks.csv", "--catalog", "catalog.toml", "--budget", "5"];
    let ran = run(dir.path(), &[&load[..], &["-c", "1", "-n", "20"]].concat());
    ran.completed().says(&["refuses max_tokens, and is sent max_completion_tokens instead"]);
    let refused =
        stub.asked().iter().filter(|asked| asked.body.get("max_tokens").is_some()).count();
    assert_eq!((refused, stub.asked().len()), (1, 20));
}

#[test]
fn the_catalog_may_say_what_is_refused() {
    let limit = r#"{"error":{"message":"Unrecognized request argument supplied: max_tokens"}}"#;
    let (stub, dir) = (refusing("max_tokens", limit), folder());
    tasks(dir.path());
    let more =
        "max_output = 50\nmax_tokens_field = \"max_completion_tokens\"\nstream_usage = false\n";
    file(dir.path(), "catalog.toml", &stub.catalog(more));
    run(dir.path(), &RUN).completed();
    let asked = stub.asked();
    let odd = asked.iter().filter(|asked| asked.body.get("stream_options").is_some()).count();
    assert_eq!((asked.len(), odd), (20, 0));
}

#[test]
fn a_refused_stream_is_never_learnt_and_its_remedy_is_named() {
    let verified = r#"{"error":{"message":"Your organization must be verified to stream this model.",
        "param":"stream","code":"unsupported_value"}}"#;
    let (stub, dir) = (refusing("stream", verified), folder());
    tasks(dir.path());
    file(dir.path(), "catalog.toml", &stub.catalog("max_output = 50\n"));
    run(dir.path(), &RUN).exits(1).says(&["ask it with stream = false in a [[variant]]"]);
    assert_eq!(stub.asked().len(), 3);
}

#[test]
fn a_wait_in_the_body_is_kept() {
    let busy = r#"{"error":{"code":429,"message":"Quota exceeded.","details":[
        {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"0.9s"}]}}"#;
    let first = OnceLock::new();
    let stub = Stub::start(move |_| {
        let clock = first.get_or_init(Clock::real);
        if clock.now().since(clock.anchor()) < Duration::from_millis(800) {
            whole("429 X", "application/json", busy)
        } else {
            stream(&["ok"])
        }
    });
    let dir = folder();
    tasks(dir.path());
    file(dir.path(), "catalog.toml", &stub.catalog("max_output = 50\n"));
    run(dir.path(), &[&RUN[..], &["--limit", "2"]].concat()).completed();
    assert_eq!(stub.asked().len(), 3, "one refusal, then the wait");
}

#[test]
fn a_run_that_reaches_nobody_stops_and_is_asked_again() {
    let (stub, dir) = (Stub::says("ok"), folder());
    tasks(dir.path());
    let url = format!("http://{NOBODY}/v1");
    let catalog = stub.catalog("max_output = 50\n");
    file(dir.path(), "catalog.toml", &catalog.replace(&stub.url, &url));
    let four = [&RUN[..8], &["4"]].concat();
    let said = format!("no connection to {url}");
    run(dir.path(), &four).exits(1).says(&[&said, "is the server running there"]);
    let skipped = csv(&dir.path().join("run/trials.csv"));
    assert!(skipped.iter().any(|row| row["status"] == "skipped"), "it stops before all is tried");
    file(dir.path(), "catalog.toml", &catalog);
    run(dir.path(), &[&four[..], &["--resume"]].concat()).completed();
    assert_eq!(statuses(dir.path()), [("ok".to_owned(), String::new())]);
}

#[test]
fn a_provider_may_limit_what_is_under_way_at_all_its_endpoints() {
    let at_once = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let counted = Arc::clone(&at_once);
    let stub = Stub::start(move |_| {
        let now = counted.0.fetch_add(1, Ordering::AcqRel) + 1;
        counted.1.fetch_max(now, Ordering::AcqRel);
        std::thread::sleep(std::time::Duration::from_millis(10));
        counted.0.fetch_sub(1, Ordering::AcqRel);
        stream(&["ok"])
    });
    let dir = folder();
    tasks(dir.path());
    let more = "max_output = 50\n\n[[endpoint]]\nmodel = \"acme/small\"\nprovider = \"stub\"\n\
                price = \"free\"\nmax_output = 50\n";
    let catalog = stub
        .catalog(more)
        .replace("name = \"stub\"\n", "name = \"stub\"\nlimits = { concurrency = 2 }\n");
    file(dir.path(), "catalog.toml", &catalog);
    run(dir.path(), &[&RUN[..8], &["8"]].concat()).completed();
    assert_eq!(stub.asked().len(), 40);
    assert!(at_once.1.load(Ordering::Acquire) <= 2);
}
