//! Whatever a provider may do, a trial ends with its class, its attempts and its waits on record.

use std::collections::BTreeMap;
use std::path::Path;

use crate::stub::{Asked, Stub, events, stream, whole, whole_with};
use crate::support::{NOBODY, Ran, csv, file, folder, measured, run, statuses, summary};

const JSON: &str = "application/json";

fn token(text: &str) -> String {
    serde_json::json!({"choices": [{"delta": {"content": text}}]}).to_string()
}

/// What happens on each attempt, by the first word of the prompt; with `once` in the prompt, only
/// on the first, and then all is well.
fn faulty(asked: &Asked) -> String {
    let (fault, rest) = asked.prompt.split_once(' ').unwrap_or((&asked.prompt, ""));
    if rest == "once" && asked.nth > 0 {
        return stream(&["ok"]);
    }
    let error = |message: &str| serde_json::json!({"error": {"message": message}}).to_string();
    match fault {
        "fine" => stream(&["ok"]),
        "limit" => whole_with("429 Too Many Requests", "retry-after: 0", &error("slow down")),
        "wait" => whole_with("429 Too Many Requests", "retry-after: 1", &error("slow down")),
        "patience" => whole_with("429 Too Many Requests", "retry-after: 900", &error("later")),
        "server" => whole("500 Internal Server Error", JSON, &error("oops")),
        "overload" => whole("503 Service Unavailable", JSON, &error("full")),
        "auth" => whole("401 Unauthorized", JSON, &error("who are you?")),
        "payment" => whole("402 Payment Required", JSON, &error("no credit")),
        "missing" => whole("404 Not Found", JSON, &error("no such model")),
        "bad" => whole("400 Bad Request", JSON, &error("no such parameter")),
        "redirect" => whole_with("307 Temporary Redirect", "location: /elsewhere", ""),
        "reset" => "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                    transfer-encoding: chunked\r\n\r\n40\r\ndata: {\"choi"
            .to_owned(),
        "silence" => String::new(),
        "truncated" => events(&[&token("o")]),
        "malformed" => events(&[&token("o"), "{\"choices\": [{]}"]),
        "empty" => events(&[]),
        "nothing" => {
            events(&["{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}", "[DONE]"])
        }
        "page" => whole("200 OK", "text/html", "<html>Log in to the network</html>"),
        "inside" => events(&[&token("o"), &error("broke down")]),
        "newer" => events(&[
            "{\"object\":\"something.new\"}",
            &token("ok"),
            "{\"object\":\"something.new\"}",
            "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}",
            "[DONE]",
        ]),
        // A whole answer where a stream was asked for is an answer.
        "whole" => whole(
            "200 OK",
            JSON,
            "{\"choices\":[{\"message\":{\"content\":\"ok\"},\"finish_reason\":\"stop\"}],\
             \"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}",
        ),
        other => panic!("{other}"),
    }
}

/// Weighs these prompts and gives the trials by prompt.
fn weigh(
    dir: &Path,
    stub: &Stub,
    prompts: &[&str],
    more: &[&str],
) -> (Ran, BTreeMap<String, BTreeMap<String, String>>) {
    let rows: String = prompts.iter().map(|prompt| format!("{prompt},{prompt},ok\n")).collect();
    file(dir, "prompts.csv", &format!("id,question,expected\n{rows}"));
    file(dir, "catalog.toml", &stub.catalog(""));
    let usual = ["run", "--suite", "prompts.csv", "--catalog", "catalog.toml", "--out", "run"];
    let ran = run(dir, &[&usual, more].concat());
    let trials = csv(&dir.join("run/trials.csv"));
    (ran, trials.into_iter().map(|trial| (trial["task"].clone(), trial)).collect())
}

/// Events of a kind that nobody here knows are passed over, counted, and told.
#[test]
fn what_is_not_known_in_a_stream_is_passed_over_and_counted() {
    measured(what_is_not_known_in_a_stream_is_passed_over_and_counted_once);
}

fn what_is_not_known_in_a_stream_is_passed_over_and_counted_once() {
    let dir = folder();
    let stub = Stub::start(faulty);
    let (_, trials) = weigh(dir.path(), &stub, &["newer"], &[]);
    assert_eq!(trials["newer"]["score"], "1");
    let report = std::fs::read_to_string(dir.path().join("run/report.md")).expect("a report");
    let told = "Parts of responses that their dialect does not know were passed over: ";
    let line = report.lines().find(|line| line.contains(told)).expect("told");
    assert!(line.ends_with(" (2)."), "{line}");
}

#[test]
fn each_fault_has_its_class_and_its_attempts() {
    measured(each_fault_has_its_class_and_its_attempts_once);
}

fn each_fault_has_its_class_and_its_attempts_once() {
    let expected = [
        ("limit", "rate_limited", 4),
        ("server", "server", 4),
        ("overload", "overloaded", 4),
        ("reset", "reset", 4),
        ("silence", "reset", 4),
        ("truncated", "truncated", 4),
        ("inside", "server", 4),
        ("missing", "not_found", 1),
        ("bad", "bad_request", 1),
        ("redirect", "redirect", 1),
    ];
    let (dir, stub) = (folder(), Stub::start(faulty));
    let mut prompts: Vec<&str> = expected.iter().map(|(prompt, ..)| *prompt).collect();
    prompts.push("fine");
    let (ran, trials) = weigh(dir.path(), &stub, &prompts, &["--breaker", "0"]);
    ran.weighed();
    for (prompt, class, attempts) in expected {
        let trial = &trials[prompt];
        assert_eq!(
            (trial["status"].as_str(), trial["error_class"].as_str(), trial["attempts"].as_str()),
            ("failed", class, attempts.to_string().as_str()),
            "{prompt}"
        );
        for never in ["score", "ttft_us", "itl_us", "e2e_us", "e2e_with_retries_us"] {
            assert_eq!(trial[never], "", "{prompt}: a failed trial has no {never}");
        }
        let sent = stub.asked().iter().filter(|asked| asked.prompt == prompt).count();
        assert_eq!(sent, attempts, "{prompt}: attempts are requests");
    }
    assert_eq!(trials["fine"]["status"], "ok");
    assert_eq!(trials["fine"]["error_class"], "");
    // Attempts of one trial are told apart, and the same trial keeps its name.
    let keys: Vec<String> = stub
        .asked()
        .iter()
        .filter(|asked| asked.prompt == "server")
        .map(|asked| asked.header("idempotency-key").expect("sent").to_owned())
        .collect();
    let (name, this) = (&trials["server"]["trial"], &trials["server"]["run"]);
    let named = |attempt| format!("{name}-0-{attempt}-{this}");
    assert_eq!(keys, (0..4).map(named).collect::<Vec<_>>());
    let run = dir.path().join("run");
    assert_eq!(summary(&run, "acme/large@stub", "*", "failed"), "10");
    assert_eq!(summary(&run, "acme/large@stub", "*", "ok"), "1");
}

/// What the same request would meet again is not bought again and again, and may end an endpoint.
#[test]
fn what_would_be_met_again_is_asked_once_more_at_most() {
    let expected = [
        ("malformed", "protocol", 2),
        ("page", "protocol", 2),
        ("empty", "empty", 2),
        ("nothing", "empty", 2),
        ("auth", "auth", 1),
        ("payment", "payment", 1),
    ];
    for (prompt, class, attempts) in expected {
        let (dir, stub) = (folder(), Stub::start(faulty));
        let (_, trials) = weigh(dir.path(), &stub, &[prompt], &[]);
        let trial = &trials[prompt];
        let found = (trial["error_class"].as_str(), trial["attempts"].parse());
        assert_eq!(found, (class, Ok(attempts)), "{prompt}");
        assert_eq!(stub.asked().len(), attempts, "{prompt}: attempts are requests");
    }
}

/// An endpoint that gives nothing but one shape that does not read is given up, with the reason.
#[test]
fn one_shape_that_does_not_read_ends_an_endpoint() {
    let (dir, stub) =
        (folder(), Stub::start(|_| whole("200 OK", "text/html", "<html>Log in</html>")));
    let prompts: Vec<String> = (0..30).map(|i| format!("fine {i}")).collect();
    let prompts: Vec<&str> = prompts.iter().map(String::as_str).collect();
    let (ran, trials) = weigh(dir.path(), &stub, &prompts, &["--concurrency", "1"]);
    assert_eq!(stub.asked().len(), 2, "{}", ran.stderr);
    let skipped = trials.values().filter(|trial| trial["status"] == "skipped").count();
    assert_eq!(skipped, 29, "{}", ran.stderr);
    ran.says(&[
        "acme/large@stub was given up: its responses are all of one shape that gives no answer: a web \
         page and not a chat completion.",
    ]);
}

#[test]
fn who_asks_for_more_patience_than_there_is_is_not_waited_for() {
    measured(who_asks_for_more_patience_than_there_is_is_not_waited_for_once);
}

fn who_asks_for_more_patience_than_there_is_is_not_waited_for_once() {
    let (dir, stub) = (folder(), Stub::start(faulty));
    let mut prompts: Vec<String> = (0..30).map(|i| format!("fine {i}")).collect();
    prompts.push("patience".to_owned());
    let prompts: Vec<&str> = prompts.iter().map(String::as_str).collect();
    let (ran, trials) = weigh(dir.path(), &stub, &prompts, &["--concurrency", "1"]);
    let trials: Vec<_> = trials.into_values().collect();
    let count = |status: &str| trials.iter().filter(|t| t["status"] == status).count();
    let failed = trials.iter().find(|trial| trial["status"] == "failed").expect("one");
    assert_eq!(
        (failed["error_class"].as_str(), failed["attempts"].as_str()),
        ("rate_limited", "1")
    );
    assert_eq!((count("failed"), count("ok") + count("skipped")), (1, 30));
    assert_eq!(stub.asked().len(), 1 + count("ok"), "nothing is asked of it any more");
    assert!(count("ok") > 0 && count("skipped") > 0, "the seed puts it between: {}", ran.stderr);
    ran.exits(12).says(&["acme/large@stub asks to wait for 900 s", "left out"]);
}

#[test]
fn a_fault_that_passes_is_tried_again() {
    measured(a_fault_that_passes_is_tried_again_once);
}

fn a_fault_that_passes_is_tried_again_once() {
    let faults = ["limit", "wait", "server", "reset", "truncated", "malformed", "empty", "page"];
    let prompts: Vec<String> = faults.iter().map(|fault| format!("{fault} once")).collect();
    let prompts: Vec<&str> = prompts.iter().map(String::as_str).collect();
    let (dir, stub) = (folder(), Stub::start(faulty));
    let (ran, trials) = weigh(dir.path(), &stub, &prompts, &[]);
    ran.weighed();
    for prompt in prompts {
        let trial = &trials[prompt];
        assert_eq!(
            (trial["status"].as_str(), trial["attempts"].as_str(), trial["score"].as_str()),
            ("ok", "2", "1"),
            "{prompt}"
        );
        assert_eq!(trial["error_class"], "", "{prompt}: the last attempt answered");
        let us = |column: &str| trial[column].parse::<u64>().expect("known");
        assert!(us("e2e_with_retries_us") >= us("e2e_us") + us("backoff_us"), "{trial:?}");
    }
    let waited: u64 = trials["wait once"]["backoff_us"].parse().expect("known");
    assert!(waited >= 1_000_000, "Retry-After is the least that is waited: {waited} µs");
    let run = dir.path().join("run");
    let share = |metric: &str| summary(&run, "acme/large@stub", "*", metric);
    assert_eq!(share("availability"), "0", "no retry hides a failure");
    assert_eq!(share("availability_retried"), "1");
}

#[test]
fn an_answer_in_one_piece_is_an_answer() {
    measured(an_answer_in_one_piece_is_an_answer_once);
}

fn an_answer_in_one_piece_is_an_answer_once() {
    let (dir, stub) = (folder(), Stub::start(faulty));
    let (ran, trials) = weigh(dir.path(), &stub, &["whole"], &[]);
    ran.weighed();
    let trial = &trials["whole"];
    assert_eq!((trial["status"].as_str(), trial["score"].as_str()), ("ok", "1"));
    assert_eq!((trial["ttft_us"].as_str(), trial["itl_us"].as_str()), ("", ""), "not streamed");
    assert_ne!(trial["e2e_us"], "");
    assert_eq!((trial["input_tokens"].as_str(), trial["output_tokens"].as_str()), ("3", "1"));
}

#[test]
fn what_a_broken_answer_may_have_cost_is_bounded_not_guessed() {
    measured(what_a_broken_answer_may_have_cost_is_bounded_not_guessed_once);
}

fn what_a_broken_answer_may_have_cost_is_bounded_not_guessed_once() {
    let (dir, stub) = (folder(), Stub::start(faulty));
    let (ran, trials) = weigh(dir.path(), &stub, &["truncated", "server", "fine"], &[]);
    ran.weighed();
    // A refused request is not billed; a stream that broke without usage may have been.
    assert_eq!((trials["server"]["cost_usd"].as_str(), "0"), ("0", "0"));
    assert_eq!(trials["truncated"]["cost_usd"], "");
    let upper = |prompt: &str| -> weighbridge::units::Usd {
        trials[prompt]["cost_upper_usd"].parse().expect("a decimal")
    };
    assert!(upper("truncated") > upper("fine"));
    assert_eq!(trials["fine"]["cost_usd"], trials["fine"]["cost_upper_usd"]);
    assert_eq!(trials["fine"]["cost_usd"], "0.000012", "10 in at $1, 1 out at $2 a million");
}

#[test]
fn nothing_but_failures_is_a_failure() {
    measured(nothing_but_failures_is_a_failure_once);
}

fn nothing_but_failures_is_a_failure_once() {
    let (dir, stub) = (folder(), Stub::start(faulty));
    let (ran, trials) = weigh(dir.path(), &stub, &["auth", "missing"], &[]);
    ran.exits(1).says(&["every request failed", "trials.csv"]);
    assert_eq!(statuses(&trials.into_values().collect::<Vec<_>>()), [("failed".into(), 2)].into());
}

#[test]
fn nobody_there() {
    measured(nobody_there_once);
}

fn nobody_there_once() {
    let (dir, stub) = (folder(), Stub::says("ok"));
    let gone = format!("http://{NOBODY}/v1");
    file(dir.path(), "prompts.csv", "question,expected\nhello?,ok\n");
    file(dir.path(), "catalog.toml", &stub.catalog("").replace(&stub.url, &gone));
    let args = ["run", "--suite", "prompts.csv", "--catalog", "catalog.toml", "--out", "run"];
    run(dir.path(), &args).exits(1).says(&["every request failed"]);
    let trial = &csv(&dir.path().join("run/trials.csv"))[0];
    // The run ends once nobody could be reached three times.
    assert_eq!(trial["error_class"], "connect");
    assert!(["3", "4"].contains(&&*trial["attempts"]), "{}", trial["attempts"]);
    assert_eq!(trial["cost_usd"], "0", "what never left is not billed");
}

/// Each phase has its time-out. The server holds these until the test ends.
#[test]
fn what_hangs_is_given_up_by_phase() {
    measured(what_hangs_is_given_up_by_phase_once);
}

fn what_hangs_is_given_up_by_phase_once() {
    let (dir, (release, held)) = (folder(), std::sync::mpsc::channel::<()>());
    let held = std::sync::Mutex::new(held);
    let stub = Stub::start(move |_| {
        // Ends when the sender is dropped.
        let _ = held.lock().map(|held| held.recv());
        String::new()
    });
    let timeouts = ["--timeout", "first_token=50ms,total=20s"];
    let (ran, trials) = weigh(dir.path(), &stub, &["mute"], &timeouts);
    ran.exits(1);
    let trial = &trials["mute"];
    assert_eq!(trial["error_class"], "first_token_timeout");
    assert_eq!(trial["attempts"], "1", "it would take as long again");
    assert_eq!(trial["cost_usd"], "", "an answer that never came may be billed: nobody knows");
    drop(release);
}
