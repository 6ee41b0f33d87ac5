//! Rate limits in virtual time: learnt from headers, kept to a share, waited for, recovered from;
//! and the waiting is pacing, in no latency.

use std::collections::BTreeMap;
use std::path::Path;

use crate::stub::{Stub, whole_with};
use crate::support::{Ran, Sim, assert_same, csv, file, folder, made, measured, run, statuses};

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;

/// A fleet of one endpoint that answers within half a second, with these limits.
fn fleet(dir: &Path, limits: &str) {
    let text = format!(
        "[lengths]\ndefault = \"chat\"\n\n[[endpoint]]\nmodel = \"oak/one\"\nprovider = \"pier\"\n\
         price = {{ input = \"1\", output = \"2\" }}\ncontext_window = 8192\nmax_output = 512\n\
         concurrency = 16\n{limits}\n[endpoint.latency]\nttft_p50_s = 0.3\nttft_p95_s = 0.5\n\
         body_sigma = 0.1\nlag1_autocorr = 0.0\ntok_per_s = 100.0\nitl_sigma = 0.1\n\
         [endpoint.skill]\ndefault = 0.8\n"
    );
    file(dir, "fleet.toml", &text);
}

/// Asks so many prompts of the fleet in virtual time.
fn ask(dir: &Path, n: usize, more: &[&str]) -> Ran {
    let rows: String = (0..n).map(|i| format!("what is {i}?,{i}\n")).collect();
    file(dir, "prompts.csv", &format!("prompt,reference\n{rows}"));
    let usual =
        ["run", "--virtual", "--fleet", "fleet.toml", "--suite", "prompts.csv", "--out", "run"];
    run(dir, &[&usual, more].concat())
}

/// When each request left, and its status, in the order of time.
fn requests(dir: &Path) -> Vec<(i64, i64)> {
    let database = rusqlite::Connection::open(dir.join("run/run.sqlite")).expect("a run database");
    let mut rows = database
        .prepare("SELECT dispatched_ns, http_status FROM attempt ORDER BY dispatched_ns")
        .expect("its columns");
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

/// The most that left within any minute.
fn busiest(times: &[i64]) -> usize {
    let within =
        |start: &i64| times.iter().filter(|t| (*start..start + MINUTE).contains(t)).count();
    times.iter().map(within).max().unwrap_or(0)
}

fn report(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("run/report.md")).expect("a report")
}

fn trials(dir: &Path) -> Vec<BTreeMap<String, String>> {
    csv(&dir.join("run/trials.csv"))
}

#[test]
fn half_of_a_limit_that_headers_state_is_used() {
    let dir = folder();
    fleet(dir.path(), "requests_per_min = 60\nunlisted = true");
    let ran = ask(dir.path(), 120, &[]).exits(0);
    let times: Vec<i64> = requests(dir.path()).iter().map(|(at, _)| *at).collect();
    assert_eq!(times.len(), 120, "none was refused");
    // What had left before the first answer counts too: sixteen at once, and then the rest.
    assert!(times[..16].iter().all(|at| *at < SECOND), "{:?}", &times[..16]);
    assert_eq!(busiest(&times), 30, "of 60 a minute");
    let said = "kept to 50 % of the 60 requests a minute that its headers state";
    assert!(report(dir.path()).contains(said), "{}", report(dir.path()));
    assert!(ran.stdout.contains("held back: one@pier (50 % of 60 requests/min)"), "{}", ran.stdout);
    for line in ran.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    // The same seed, the same bytes.
    let first = made(&dir.path().join("run"));
    std::fs::remove_dir_all(dir.path().join("run")).expect("it was there");
    ask(dir.path(), 120, &[]).exits(0);
    assert_same(&first, &made(&dir.path().join("run")));
}

#[test]
fn the_share_is_the_users_and_holds_for_the_catalog_too() {
    let check = |limits: &str, more: &[&str], most: usize, said: &str| {
        let dir = folder();
        fleet(dir.path(), limits);
        ask(dir.path(), 60, more).exits(0);
        let times: Vec<i64> = requests(dir.path()).iter().map(|(at, _)| *at).collect();
        assert_eq!(busiest(&times), most, "{limits} {more:?}");
        assert!(report(dir.path()).contains(said), "{}", report(dir.path()));
    };
    let stated = "kept to 50 % of the 60 requests a minute that the catalog states";
    check("requests_per_min = 60", &[], 30, stated);
    let quarter = "kept to 25 % of the 60 requests a minute";
    // Sixteen had left when the first answer said so; with a catalog that says so, fifteen go.
    check("requests_per_min = 60\nunlisted = true", &["--rate-share", "0.25"], 16, quarter);
    check("requests_per_min = 60", &["--rate-share", "0.25"], 15, quarter);
    check("requests_per_min = 30", &["--rate-share", "1"], 30, "kept to 100 % of the 30 requests");
}

#[test]
fn production_on_the_same_key_is_waited_for() {
    let dir = folder();
    let others = "others = { requests = 40, for_s = 300 }";
    fleet(dir.path(), &format!("requests_per_min = 60\nunlisted = true\n{others}"));
    ask(dir.path(), 60, &[]).exits(0);
    let times: Vec<i64> = requests(dir.path()).iter().map(|(at, _)| *at).collect();
    assert_eq!((times.len(), statuses(&trials(dir.path()))["ok"]), (60, 60));
    // Twenty of sixty remain, which is less than half: nothing more until the bucket is stated to
    // be full, and then a look.
    let first = times.iter().take_while(|at| **at < 5 * SECOND).count();
    assert_eq!(first, 16, "all that left before the first answer");
    assert!(times[16] >= 40 * SECOND, "the stated reset is waited for: {:?}", &times[..20]);
    let meanwhile = times.iter().filter(|at| (5 * SECOND..300 * SECOND).contains(at)).count();
    assert!((5..=12).contains(&meanwhile), "a look every 40 s or so: {meanwhile}");
    let afterwards: Vec<i64> = times.into_iter().filter(|at| *at >= 300 * SECOND).collect();
    assert!((25..=30).contains(&busiest(&afterwards)), "then half: {}", busiest(&afterwards));
    let said = "because less remained than is left to others";
    assert!(report(dir.path()).contains(said), "{}", report(dir.path()));
}

#[test]
fn refusals_make_it_narrower_and_answers_wide_again() {
    let dir = folder();
    fleet(dir.path(), "at_once = 4\nunlisted = true");
    ask(dir.path(), 200, &[]).exits(0);
    let all = trials(dir.path());
    assert_eq!(statuses(&all)["ok"], 200, "every trial ends well");
    let sent = requests(dir.path());
    let refused: Vec<i64> = sent.iter().filter(|(_, s)| *s == 429).map(|(at, _)| *at).collect();
    assert!(refused.len() >= 12, "sixteen at once where four are taken: {}", refused.len());
    assert!(refused.len() < 80, "and soon no more than it takes: {}", refused.len());
    // It grows again until it is refused again: refusals come to the end, but few.
    let late = refused.iter().filter(|at| **at > 10 * SECOND).count();
    assert!(late > 0 && late < 40, "{late} of {}", refused.len());
    let said = format!("429 ×{}, so that concurrency went down to 2 of 16", refused.len());
    assert!(report(dir.path()).contains(&said), "{said} is not in\n{}", report(dir.path()));
}

#[test]
fn waiting_is_pacing_and_in_no_latency() {
    let dir = folder();
    fleet(dir.path(), "requests_per_min = 60\nunlisted = true");
    ask(dir.path(), 60, &[]).exits(0);
    let number = |trial: &BTreeMap<String, String>, column: &str| -> u64 {
        trial[column].parse().unwrap_or_else(|_| panic!("{column}: {trial:?}"))
    };
    let all = trials(dir.path());
    let paced: u64 = all.iter().map(|trial| number(trial, "pacing_us")).sum();
    assert!(paced > 600_000_000, "sixteen wait two seconds for each that goes: {paced} µs");
    for trial in &all {
        assert_eq!(trial["queue_us"], "", "a closed loop has no queue");
        assert!(number(trial, "ttft_us") < 1_000_000, "{trial:?}");
        assert!(number(trial, "e2e_with_retries_us") < 5_000_000, "{trial:?}");
    }
}

#[test]
fn the_demo_goes_at_its_full_pace() {
    let dir = folder();
    let args = ["run", "--virtual", "--limit", "45", "-m", "delta/dense", "--out"];
    run(dir.path(), &[&args[..], &["alone"]].concat()).exits(0);
    let said = std::fs::read_to_string(dir.path().join("alone/report.md")).expect("a report");
    assert!(!said.contains("429"), "nobody else asks the fleet in the binary: {said}");
}

#[test]
fn a_served_fleet_states_its_limits_and_the_client_learns_them() {
    measured(a_served_fleet_states_its_limits_and_the_client_learns_them_once);
}

fn a_served_fleet_states_its_limits_and_the_client_learns_them_once() {
    let dir = folder();
    fleet(dir.path(), "requests_per_min = 600\nunlisted = true");
    let sim = Sim::start(dir.path(), &["--fleet", "fleet.toml", "--dialect", "anthropic"]);
    let rows: String = (0..40).map(|i| format!("what is {i}?,{i}\n")).collect();
    file(dir.path(), "prompts.csv", &format!("prompt,reference\n{rows}"));
    let catalog = sim.catalog();
    let args = ["run", "--catalog", &catalog, "--suite", "prompts.csv", "--out", "run"];
    run(dir.path(), &args).weighed();
    let said = "kept to 50 % of the 600 requests a minute that its headers state";
    assert!(report(dir.path()).contains(said), "{}", report(dir.path()));
}

/// Half of a day's requests are gone: nobody waits for tomorrow, and the rest is left to others.
#[test]
fn a_days_limit_that_is_half_gone_ends_the_endpoint() {
    measured(a_days_limit_that_is_half_gone_ends_the_endpoint_once);
}

fn a_days_limit_that_is_half_gone_ends_the_endpoint_once() {
    let weigh = |remaining: &'static str, code: i32| {
        let dir = folder();
        let stub = Stub::start(move |_| {
            let headers = format!(
                "x-ratelimit-limit-requests: 200\r\n\
                 x-ratelimit-remaining-requests: {remaining}\r\nx-ratelimit-reset-requests: 12h6m0s"
            );
            let body = "{\"choices\":[{\"message\":{\"content\":\"1\"},\
                        \"finish_reason\":\"stop\"}]}";
            whole_with("200 OK", &headers, body)
        });
        let rows: String = (0..6).map(|i| format!("what is {i}?,{i}\n")).collect();
        file(dir.path(), "prompts.csv", &format!("prompt,reference\n{rows}"));
        file(dir.path(), "catalog.toml", &stub.catalog(""));
        let args = ["run", "--suite", "prompts.csv", "--catalog", "catalog.toml", "-c", "1"];
        let ran = run(dir.path(), &[&args[..], &["--out", "run"]].concat());
        let ran = if code == 0 { ran.weighed() } else { ran.exits(code) };
        (ran, stub.asked().len())
    };
    let (_, asked) = weigh("150", 0);
    assert_eq!(asked, 6, "a day's limit is no reason to go slow");
    let (ran, asked) = weigh("99", 12);
    assert_eq!(asked, 1, "the first answer said so");
    ran.says(&[
        "remaining quota (requests/day, limit 200) is below the reserved share; resets in 12 h",
    ]);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let dir = folder();
    fleet(dir.path(), "requests_per_min = 60");
    for share in ["0", "1.5", "-1", "half"] {
        ask(dir.path(), 1, &["--rate-share", share]).exits(2).says(&["a share above 0"]);
    }
    fleet(dir.path(), "requests_per_min = 60\nothers = { requests = 61, for_s = 1 }");
    ask(dir.path(), 1, &[]).exits(2).says(&["fleet.toml", "others.requests = 61"]);
    file(dir.path(), "fleet.toml", "[lengths]\ndefault = \"chat\"\nendpoint = []\n");
    ask(dir.path(), 1, &[]).exits(2).says(&["fleet.toml"]);
    let own = ["run", "--fleet", "fleet.toml", "--suite", "prompts.csv"];
    run(dir.path(), &own).exits(2);
}

#[test]
fn what_warms_a_cache_waits_for_itself() {
    let dir = folder();
    fleet(dir.path(), "requests_per_min = 60");
    ask(dir.path(), 40, &["--cache", "warm", "--concurrency", "1"]).exits(0);
    let database = rusqlite::Connection::open(dir.path().join("run/run.sqlite")).expect("a run");
    let mut rows = database
        .prepare(
            "SELECT t.pacing_ns, a.intended_ns - p.ended_ns FROM trial t
             JOIN attempt p ON p.trial = t.idx AND p.source = 'prime'
             JOIN attempt a ON a.trial = t.idx AND a.source = 'run' WHERE t.attempts = 2",
        )
        .expect("its columns");
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    let rows: Vec<(i64, i64)> = rows.map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), 40, "none was refused");
    assert!(rows.iter().map(|(paced, _)| paced).sum::<i64>() > MINUTE / 2, "{rows:?}");
    // A trial waited for its limits no longer than from the end of the request ahead.
    assert!(rows.iter().all(|(paced, between)| paced <= between), "{rows:?}");
}
