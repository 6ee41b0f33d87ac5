//! `load`: what was asked is sent or counted as left out, on time, and time is told from the
//! schedule.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use weighbridge::store::{LoadOutcome, LoadRecord, LoadRow, Reader, StoreError};
use weighbridge::units::{Clock, Stamp, ValidityMark};

use crate::stub::{Asked, Stub, stream, whole};
use crate::support::{NOBODY, Sim, alone, csv, file, folder, run, summary, weighbridge};

/// A server whose every answer has the same schedule, and one endpoint of it.
const SCHEDULE: [&str; 2] = ["--schedule", "ttft=20ms,gap=5ms,tokens=5"];
const ONE: [&str; 4] = ["--catalog", "fleet.toml", "-m", "acme/flagship"];

/// How long a load may take to start, on a slow machine.
const BOUND: Duration = Duration::from_secs(90);

fn load(dir: &Path, out: &str, more: &[&str]) -> crate::support::Ran {
    run(dir, &[&["load", "--out", out], &ONE[..], more].concat())
}

fn rows(run: &Path) -> Vec<LoadRecord> {
    let mut rows = Vec::new();
    let take = |row: &LoadRow| {
        if let LoadRow::Known(record) = row {
            rows.push((**record).clone());
        } else {
            panic!("{row:?} is in doubt");
        }
        Ok::<(), StoreError>(())
    };
    Reader::open(run).expect("a run").for_each_load(take).expect("rows");
    rows
}

fn manifest(run: &Path) -> weighbridge::units::Manifest {
    Reader::open(run).expect("a run").manifest().expect("a manifest").clone()
}

/// Longest time between two stamps of a row, seconds.
fn longest(rows: &[LoadRecord], of: impl Fn(&LoadRecord) -> (Option<u64>, Option<u64>)) -> f64 {
    let gap = |row: &LoadRecord| of(row).0.zip(of(row).1).map(|(from, to)| to.saturating_sub(from));
    rows.iter().filter_map(gap).max().map_or(0.0, |ns| ns as f64 / 1e9)
}

#[test]
fn an_open_loop_sends_what_was_asked_and_a_closed_loop_keeps_its_concurrency() {
    alone(an_open_loop_sends_what_was_asked_and_a_closed_loop_keeps_its_concurrency_once);
}

fn an_open_loop_sends_what_was_asked_and_a_closed_loop_keeps_its_concurrency_once() {
    let dir = folder();
    let sim = Sim::start(dir.path(), &SCHEDULE);
    let flags = ["-q", "100", "-n", "150", "--warmup", "500ms", "--interval-log", "il.log"];
    let ran = load(dir.path(), "open", &flags).weighed();
    assert!(ran.stderr.contains("poisson 100/s"), "{}", ran.stderr);
    let open = rows(&dir.path().join("open"));
    assert_eq!(open.iter().filter(|row| !row.warmup).count(), 150);
    assert!(open.iter().any(|row| row.warmup), "half a second at 100/s");
    assert!(
        open.iter()
            .all(|row| row.outcome() == LoadOutcome::Ok && row.request.scheduled_ns.is_some())
    );
    let spec = manifest(&dir.path().join("open")).load.expect("a load run");
    assert_eq!(spec.asked, Some(open.len() as u64));

    load(dir.path(), "closed", &["-c", "4", "-n", "40"]).weighed();
    let closed = rows(&dir.path().join("closed"));
    assert_eq!(closed.len(), 40);
    assert!(
        closed
            .iter()
            .all(|row| row.outcome() == LoadOutcome::Ok && row.request.scheduled_ns.is_none())
    );
    let under_way_at = |moment: u64| {
        let spans = |row: &&LoadRecord| {
            row.request.dispatched_ns.is_some_and(|at| at <= moment)
                && row.request.ended_ns > Some(moment)
        };
        closed.iter().filter(spans).count()
    };
    let most = closed.iter().filter_map(|row| row.request.dispatched_ns).map(under_way_at).max();
    assert_eq!(most, Some(4));

    // Both runs' requests, each once; tokens are those that were written.
    let ledger = sim.ledger();
    assert_eq!(ledger.len(), open.len() + closed.len());
    assert!(
        open.iter().all(|row| row.request.token_events == 5 && row.request.usage.output == Some(5))
    );
    let log = std::fs::read_to_string(dir.path().join("il.log")).expect("a log");
    assert!(log.contains("Tag=ttft_sched:acme/flagship@"), "{log}");
}

#[test]
fn the_same_seed_is_the_same_list_of_arrivals() {
    alone(the_same_seed_is_the_same_list_of_arrivals_once);
}

fn the_same_seed_is_the_same_list_of_arrivals_once() {
    let dir = folder();
    let _sim = Sim::start(dir.path(), &SCHEDULE);
    let list = |out: &str, seed: &str| -> Vec<(u64, u32)> {
        load(dir.path(), out, &["-q", "200", "-n", "60", "--arrivals", "gamma:2", "--seed", seed])
            .weighed();
        let rows = rows(&dir.path().join(out));
        let at = |row: &LoadRecord| row.request.scheduled_ns.expect("open loop");
        let first = rows.iter().map(at).min().expect("rows");
        let mut list: Vec<(u64, u64, u32)> =
            rows.iter().map(|row| (row.number, at(row) - first, row.task)).collect();
        list.sort_unstable();
        list.into_iter().map(|(_, at, task)| (at, task)).collect()
    };
    let first = list("a", "7");
    assert_eq!(first, list("b", "7"));
    assert_ne!(first, list("c", "8"));
}

/// Stops a process for 1.4 s, half a second after the load in the folder `r` has begun.
fn stall(id: u32, dir: &Path) -> JoinHandle<()> {
    let (database, clock) = (dir.join("r/run.sqlite"), Clock::real());
    let pid = Pid::from_raw(id.cast_signed()).expect("a process");
    std::thread::spawn(move || {
        let began = clock.now();
        while !database.exists() {
            assert!(clock.now().since(began) < BOUND, "it starts");
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_millis(500));
        kill_process(pid, Signal::STOP).expect("it runs");
        std::thread::sleep(Duration::from_millis(1_400));
        kill_process(pid, Signal::CONT).expect("it runs");
    })
}

#[test]
fn a_stalled_server_shows_from_the_schedule_on() {
    alone(a_stalled_server_shows_from_the_schedule_on_once);
}

fn a_stalled_server_shows_from_the_schedule_on_once() {
    let dir = folder();
    let sim = Sim::start(dir.path(), &SCHEDULE);
    let stalling = stall(sim.id(), dir.path());
    load(dir.path(), "r", &["-q", "100", "-z", "3s"]);
    stalling.join().expect("it ends");
    let rows = rows(&dir.path().join("r"));
    let from_schedule =
        longest(&rows, |row| (row.request.scheduled_ns, row.request.first_token_ns));
    assert!(from_schedule >= 1.0, "a request that came while it stood waited: {from_schedule}");
    let asked_while_it_stood = rows
        .iter()
        .filter(|row| {
            row.request
                .first_token_ns
                .zip(row.request.scheduled_ns)
                .is_some_and(|(t, s)| t - s > 500_000_000)
        })
        .count();
    assert!(asked_while_it_stood > 30, "arrivals went on: {asked_while_it_stood}");
}

/// A load of one endpoint in the folder `r`, started.
fn started(dir: &Path, flags: &[&str]) -> Child {
    weighbridge(dir)
        .args([&["load", "--out", "r"], &ONE[..], flags].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts")
}

/// A load whose client stands still for 1.4 s: such a run is invalid, whatever the loop.
fn stalled(dir: &Path, flags: &[&str]) {
    let client = started(dir, flags);
    let stalling = stall(client.id(), dir);
    let ended = client.wait_with_output().expect("it ends");
    stalling.join().expect("it ends");
    assert_eq!(ended.status.code(), Some(13), "{flags:?}");
}

#[test]
fn a_stalled_client_shows_in_its_queue_and_its_mark() {
    alone(a_stalled_client_shows_in_its_queue_and_its_mark_once);
}

fn a_stalled_client_shows_in_its_queue_and_its_mark_once() {
    let dir = folder();
    let _sim = Sim::start(dir.path(), &SCHEDULE);
    stalled(dir.path(), &["-q", "100", "-z", "3s"]);
    let rows = rows(&dir.path().join("r"));
    let queue = longest(&rows, |row| (row.request.scheduled_ns, row.request.dispatched_ns));
    assert!(queue >= 1.0, "what was due while it stood left late: {queue}");
    assert!(rows.iter().all(|row| row.outcome() == LoadOutcome::Ok), "late, but none dropped");
    let ended = manifest(&dir.path().join("r")).ended.expect("it ended");
    assert_eq!(ended.validity.mark, ValidityMark::Invalid);
}

#[test]
fn a_stalled_client_is_found_out_in_a_closed_loop_too() {
    alone(a_stalled_client_is_found_out_in_a_closed_loop_too_once);
}

fn a_stalled_client_is_found_out_in_a_closed_loop_too_once() {
    let dir = folder();
    let _sim = Sim::start(dir.path(), &SCHEDULE);
    stalled(dir.path(), &["-c", "4", "-z", "3s"]);
}

/// A provider that takes 40 requests in any 200 ms and refuses the rest.
fn refusing() -> Stub {
    let clock = Clock::real();
    let taken = Mutex::new(Vec::<Stamp>::new());
    Stub::start(move |_| {
        let (mut taken, now) = (taken.lock().expect("no panic"), clock.now());
        taken.retain(|at| now.since(*at) < Duration::from_millis(200));
        if taken.len() >= 40 {
            return whole("429 Too Many Requests", "application/json", "{}");
        }
        taken.push(now);
        stream(&["ok"])
    })
}

#[test]
fn a_sweep_finds_the_rate_that_is_too_much() {
    alone(a_sweep_finds_the_rate_that_is_too_much_once);
}

fn a_sweep_finds_the_rate_that_is_too_much_once() {
    let dir = folder();
    let stub = refusing();
    let catalog = file(dir.path(), "catalog.toml", &stub.catalog(""));
    let flags = ["load", "--catalog", &catalog, "--out", "s", "--sweep", "50..800", "-z", "1s"];
    run(dir.path(), &flags).exits(2).says(&["--slo"]);
    let flags = [&flags[..], &["--slo", "e2e=30s"]].concat();
    // It says nowhere that it is the simulator: its price is a price.
    run(dir.path(), &flags).exits(2).says(&["bills each request", "--budget USD"]);
    let flags = [&flags[..], &["--budget", "50"]].concat();
    let ran = run(dir.path(), &flags).weighed();
    // Refusals near the limit are few and come in bursts: there it may say that it cannot tell.
    let is_told = !ran.stdout.contains("cannot tell at ");
    assert!(!is_told || ran.stdout.contains("highest rate that met: "), "{}", ran.stdout);
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80), "{}", ran.stdout);
    let steps = csv(&dir.path().join("s/sweep.csv"));
    let rate = |step: &BTreeMap<String, String>| step["rate_per_s"].parse::<f64>().expect("a rate");
    let met: Vec<f64> = steps.iter().filter(|s| s["met"] == "true").map(rate).collect();
    let missed: Vec<f64> = steps.iter().filter(|s| s["met"] == "false").map(rate).collect();
    assert!(met.contains(&100.0) && missed.iter().all(|rate| *rate > 100.0), "{steps:?}");
    let (most, least) = (met.last().expect("some"), missed.first().expect("some"));
    let near = if is_told { 1.2 } else { 1.5 };
    assert!(most < least && *least <= near * most, "by rate, and near each other: {steps:?}");
    assert!(dir.path().join("s/01-at-50/report.html").exists());
}

#[test]
fn a_sweep_is_of_one_endpoint() {
    let dir = folder();
    let flags = ["load", "--demo", "-m", "acme/*", "--sweep", "--slo", "ttft=1s"];
    run(dir.path(), &flags).exits(2).says(&["choose one with -m"]);
}

#[test]
fn failures_are_counted_by_class_and_enter_no_latency() {
    alone(failures_are_counted_by_class_and_enter_no_latency_once);
}

fn failures_are_counted_by_class_and_enter_no_latency_once() {
    let dir = folder();
    let _sim = Sim::start(dir.path(), &[&SCHEDULE[..], &["--fault", "500=0.3"]].concat());
    load(dir.path(), "r", &["-q", "200", "-n", "300"]).weighed();
    let of = |metric| summary(&dir.path().join("r"), "*", "*", metric);
    let number = |metric| of(metric).parse::<u64>().expect("a count");
    assert_eq!(number("ok") + number("failed"), 300);
    assert!(number("failed") > 50, "{}", of("failed"));
    assert_eq!(of("failed_server"), of("failed"));
    let timed = csv(&dir.path().join("r/latency.csv"));
    let timed: u64 = timed
        .iter()
        .filter(|row| row["endpoint"] == "*" && row["metric"] == "ttft_sched")
        .map(|row| row["count"].parse::<u64>().expect("a count"))
        .sum();
    assert_eq!(timed, number("ok"), "of answers alone");
}

#[test]
fn after_a_crash_only_what_may_have_left_is_in_doubt() {
    let dir = folder();
    let sim = Sim::start(dir.path(), &["--schedule", "ttft=30s,gap=5ms,tokens=2"]);
    let mut client = started(dir.path(), &["-c", "5", "-n", "200", "--budget", "1"]);
    // Intents are on the disk before the first request leaves.
    let database = dir.path().join("r/run.sqlite");
    let intended = || {
        let open = Reader::open(&dir.path().join("r")).ok();
        let mut n = 0;
        let count = |_: &LoadRow| {
            n += 1;
            Ok::<(), StoreError>(())
        };
        open.is_some_and(|reader| reader.for_each_load(count).is_ok()) && n > 0
    };
    let clock = Clock::real();
    let began = clock.now();
    while !(database.exists() && intended()) {
        assert!(clock.now().since(began) < BOUND, "it starts to ask");
        std::thread::yield_now();
    }
    client.kill().expect("it runs");
    client.wait().expect("it ends");
    run(dir.path(), &["report", "r"]).exits(0);
    let doubt: u64 = summary(&dir.path().join("r"), "*", "*", "in_doubt").parse().expect("a count");
    assert!((1..=10).contains(&doubt), "five at a time, and the next five: {doubt}");
    drop(sim);
}

#[test]
fn a_load_that_cannot_be_recorded_stops() {
    let dir = folder();
    let sim = Sim::start(dir.path(), &["--instant", "2"]);
    let client = weighbridge(dir.path())
        .args([&["load", "--out", "r", "-q", "200", "-n", "2000"], &ONE[..]].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // Another writer takes the database and keeps it: nothing more can be committed.
    let path = dir.path().join("r/run.sqlite");
    let clock = Clock::real();
    let began = clock.now();
    let taken = loop {
        assert!(clock.now().since(began) < BOUND, "it starts");
        let held = rusqlite::Connection::open(&path)
            .ok()
            .filter(|held| path.exists() && held.execute_batch("BEGIN EXCLUSIVE").is_ok());
        if let Some(held) = held {
            break held;
        }
        std::thread::yield_now();
    };
    let ended = client.wait_with_output().expect("it ends");
    drop(taken);
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("run.sqlite"), "{said}");
    assert!(sim.ledger().len() < 2_000, "what could not be recorded was not sent");
}

#[test]
fn nothing_but_failures_is_a_failure() {
    let dir = folder();
    let url = format!("http://{NOBODY}/v1");
    let catalog = file(dir.path(), "gone.toml", &catalog_at(&url, "\"free\""));
    for load in [["-q", "50"], ["-c", "2"]] {
        let out = format!("r{}", load[0]);
        let flags = ["load", "--catalog", &catalog, "-n", "10", "--out", &out, load[0], load[1]];
        run(dir.path(), &flags).exits(1).says(&["every request failed", "no connection to http"]);
        let rows = rows(&dir.path().join(&out));
        assert!((3..=10).contains(&rows.len()), "it stops: {}", rows.len());
        assert!(rows.iter().all(|row| matches!(row.outcome(), LoadOutcome::Failed(_))));
    }
}

fn catalog_at(url: &str, price: &str) -> String {
    format!(
        "[[provider]]\nname = \"p\"\nbase_url = \"{url}\"\n\
         [[endpoint]]\nmodel = \"a/m\"\nprovider = \"p\"\nprice = {price}\n"
    )
}

#[test]
fn what_bills_needs_a_budget_and_what_to_send_must_be_said() {
    let dir = folder();
    let price = "{ input = \"1\", output = \"2\" }";
    let billed = file(dir.path(), "b.toml", &catalog_at("https://api.example.com/v1", price));
    run(dir.path(), &["load", "--catalog", &billed, "-q", "5"])
        .exits(2)
        .says(&["a/m@p bills each request", "--budget USD"]);
    let free = file(dir.path(), "f.toml", &catalog_at("https://api.example.com/v1", "\"free\""));
    run(dir.path(), &["load", "--catalog", &free]).exits(2).says(&["no load is given: add -q"]);
    run(dir.path(), &["load", "--catalog", &free, "-q", "5", "--budget", "0"])
        .exits(2)
        .says(&["--budget must be above zero"]);
    assert!(!dir.path().join("results").exists(), "nothing was begun");
}

#[test]
fn a_budget_that_is_used_up_ends_the_load_in_good_order() {
    alone(a_budget_that_is_used_up_ends_the_load_in_good_order_once);
}

fn a_budget_that_is_used_up_ends_the_load_in_good_order_once() {
    let dir = folder();
    let sim = Sim::start(dir.path(), &SCHEDULE);
    for (out, load) in [("open", ["-q", "200"]), ("closed", ["-c", "2"])] {
        let flags =
            [&["load", "--out", out, "-n", "400", "--budget", "0.05"], &ONE[..], &load].concat();
        run(dir.path(), &flags).exits(12).says(&["the budget allows no further request"]);
        let rows = rows(&dir.path().join(out));
        let sent = rows.iter().filter(|row| row.outcome() != LoadOutcome::Dropped).count();
        assert!(sent > 0 && sent < 400, "{sent}");
    }
    drop(sim);
}

#[test]
fn a_trace_is_replayed_in_its_times_and_lengths() {
    alone(a_trace_is_replayed_in_its_times_and_lengths_once);
}

fn a_trace_is_replayed_in_its_times_and_lengths_once() {
    let dir = folder();
    let sim = Sim::start(dir.path(), &SCHEDULE);
    let trace = file(
        dir.path(),
        "made-up.csv",
        "TIMESTAMP,ContextTokens,GeneratedTokens\n\
         2023-11-16 18:17:03.0000000,40,5\n\
         2023-11-16 18:17:03.2000000,400,3\n\
         2023-11-16 18:17:04.0000000,80,4\n",
    );
    load(dir.path(), "r", &["--trace", &trace, "--speed", "2"]).weighed();
    let mut rows = rows(&dir.path().join("r"));
    rows.sort_by_key(|row| row.number);
    let at: Vec<u64> =
        rows.iter().map(|row| row.request.scheduled_ns.expect("open loop")).collect();
    assert_eq!(at.iter().map(|ns| ns - at[0]).collect::<Vec<_>>(), [0, 100_000_000, 500_000_000]);
    let input: Vec<u64> = rows.iter().filter_map(|row| row.request.usage.input).collect();
    assert!(input[1] > 4 * input[0] && input[2] < input[1], "prompts as long as said: {input:?}");
    let output: Vec<u64> = rows.iter().filter_map(|row| row.request.usage.output).collect();
    assert_eq!(output, [5, 3, 4], "answers as long as asked for");
    drop(sim);
}

/// The reports hold what the provider said, with the remedy; not where it quotes a prompt.
#[test]
fn a_load_says_what_its_provider_said() {
    let dir = folder();
    let report = |name: &str, reply: fn(&Asked) -> String| {
        let server = Stub::start(reply);
        let catalog = file(dir.path(), "said.toml", &catalog_at(&server.url, "\"free\""));
        let flags = ["load", "--catalog", &catalog, "-n", "3", "-c", "1", "--out", name];
        run(dir.path(), &flags).exits(1);
        let read = |file: &str| {
            std::fs::read_to_string(dir.path().join(name).join(file)).expect("a report")
        };
        (read("report.md"), read("report.html"))
    };
    let (markdown, html) = report("said", |_| {
        whole(
            "404 Not Found",
            "application/json",
            r#"{"error":{"message":"there is no such route"}}"#,
        )
    });
    for text in [&markdown, &html] {
        assert_eq!(text.matches("there is no such route").count(), 1, "{text}");
        assert!(text.contains("not_found") || text.contains("not\\_found"), "{text}");
    }
    let (markdown, html) = report("quoted", |asked| {
        let words = serde_json::json!({"error": {"message": format!("cannot: {}", asked.prompt)}});
        whole("400 Bad Request", "application/json", &words.to_string())
    });
    for text in [&markdown, &html] {
        assert!(!text.contains("cannot: ") && text.contains("bad"), "{text}");
    }
}
