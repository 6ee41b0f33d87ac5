//! Every fault on the wire, through the real binary: its class, its attempts, its bill; and no
//! failure among the latencies. And what is no fault: the same stream cut in other places.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use crate::support::{NOBODY, Ran, Sim, csv, file, folder, run};

const ENDPOINT: &str = "gale/small@fjord";
const MAP: &str = "prompt=question,reference=expected";
const TASKS: [(&str, &str); 3] = [
    ("Say hi", "hi"),
    ("Dis « été » en japonais", "夏の日本語 🌻 été"),
    ("What is 2 + 2?", "four"),
];
/// What a summary says of latencies begins with one of these: first those of whole answers, then
/// those of the gaps within.
const LATENCIES: [&str; 5] = ["ttft_", "ttfo_", "e2e_", "itl_", "icl_"];
/// Far longer than any fault but those that hang.
const PATIENT: &str = "first_token=60s,stall=60s";

type Row = BTreeMap<String, String>;

/// A run of a small suite against a simulator of its own.
struct Weighed {
    ran: Ran,
    trials: Vec<Row>,
    summary: Vec<Row>,
    ledger: Vec<serde_json::Value>,
    /// What is kept of prompts and answers.
    content: BTreeSet<String>,
}

fn weigh(tasks: &[(String, String)], sim_args: &[&str], timeout: &str) -> Weighed {
    let dir = folder();
    let dir = dir.path();
    let mut rows = "id,question,expected\n".to_owned();
    for (i, (asked, right)) in tasks.iter().enumerate() {
        writeln!(rows, "{i},{asked},{right}").expect("text grows");
    }
    file(dir, "tiny.csv", &rows);
    let known = ["--answers", "tiny.csv", "--map", MAP];
    let sim = Sim::start(dir, &[&known, sim_args].concat());
    let ran = run(dir, &run_args(timeout));
    let read = |name: &str| csv(&dir.join("run").join(name));
    Weighed {
        trials: read("trials.csv"),
        summary: read("summary.csv"),
        content: content(&dir.join("run/run.sqlite")),
        ran,
        ledger: sim.ledger(),
    }
}

fn run_args(timeout: &str) -> [&str; 13] {
    let suite = ["run", "--suite", "tiny.csv", "--map", MAP, "--catalog", "fleet.toml"];
    let rest = ["--endpoint", ENDPOINT, "--out", "run", "--timeout", timeout];
    let mut args = [""; 13];
    args[..7].copy_from_slice(&suite);
    args[7..].copy_from_slice(&rest);
    args
}

fn content(database: &Path) -> BTreeSet<String> {
    let database = rusqlite::Connection::open(database).expect("a run database");
    let mut bodies = database.prepare("SELECT body FROM content").expect("a table");
    let bodies = bodies.query_map([], |row| row.get(0)).expect("rows");
    bodies.map(|body| body.expect("text")).collect()
}

fn three() -> Vec<(String, String)> {
    TASKS.map(|(asked, right)| (asked.to_owned(), right.to_owned())).to_vec()
}

fn faulty(fault: &str, timeout: &str) -> Weighed {
    weigh(&three(), &["--instant", "--fault", fault], timeout)
}

impl Weighed {
    /// What the summary says of these latencies.
    fn latencies(&self, names: &[&str]) -> Vec<&Row> {
        let is_one = |row: &&Row| names.iter().any(|name| row["metric"].starts_with(name));
        self.summary.iter().filter(is_one).collect()
    }

    /// How many answers were timed. Quantiles state how many independent ones that is worth, which
    /// may be fewer; mean and maximum state the plain number.
    fn timed(&self) -> BTreeSet<&str> {
        let rows = self.latencies(&LATENCIES[..3]);
        rows.iter().filter(|row| row["method"] == "exact").map(|row| row["n"].as_str()).collect()
    }

    fn count(&self, metric: &str) -> &str {
        let all = |row: &&Row| row["metric"] == metric && row["category"] == "*";
        &self.summary.iter().find(all).expect(metric)["value"]
    }

    fn backoff_us(&self) -> u64 {
        self.trials.iter().map(|trial| number(&trial["backoff_us"])).sum()
    }

    /// What may not depend on how a stream is cut or where its usage stands.
    fn answers(&self) -> BTreeMap<&str, Vec<&str>> {
        let columns = [
            "status",
            "score",
            "finish_reason",
            "input_tokens",
            "output_tokens",
            "cost_usd",
            "attempts",
        ];
        self.trials
            .iter()
            .map(|row| {
                (row["task"].as_str(), columns.iter().map(|&column| row[column].as_str()).collect())
            })
            .collect()
    }
}

fn number(cell: &str) -> u64 {
    cell.parse().expect(cell)
}

/// The fault, the class that the trial ends with, and its attempts; no class: it is answered.
const EXPECTED: [(&str, &str, u64); 30] = [
    ("429", "rate_limited", 4),
    ("429-seconds", "rate_limited", 4),
    ("429-date", "rate_limited", 4),
    ("500", "server", 4),
    ("502", "server", 4),
    ("503", "overloaded", 4),
    ("529", "overloaded", 4),
    ("reset-before-head", "reset", 4),
    ("reset-after-head", "reset", 4),
    ("cut", "reset", 4),
    ("hang-before-head", "first_token_timeout", 1),
    ("hang-before-token", "first_token_timeout", 1),
    ("hang-between-tokens", "stall_timeout", 1),
    ("malformed-json", "protocol", 2),
    ("error-integer", "server", 4),
    ("error-string", "rate_limited", 4),
    ("empty-stream", "empty", 2),
    ("no-done", "", 1),
    ("no-end", "truncated", 4),
    ("usage-missing", "", 1),
    ("usage-twice", "", 1),
    ("usage-on-last", "", 1),
    ("long-line", "", 1),
    ("huge-body", "too_large", 1),
    ("invalid-utf8", "", 1),
    ("length-over", "", 1),
    ("length-under", "truncated", 4),
    ("gzip", "", 1),
    ("redirect", "redirect", 1),
    ("stale", "", 1),
];

#[test]
fn each_fault_has_its_exact_class_and_count_and_no_latency() {
    let plain = weigh(&three(), &["--instant"], PATIENT);
    assert!(matches!(plain.ran.code, 0 | 13), "{}", plain.ran.stderr);
    // They mostly wait, so all may at once; only what is expected to hang has little time.
    let weighed: Vec<Weighed> = std::thread::scope(|scope| {
        let running = EXPECTED.map(|(fault, _, _)| {
            let timeout = match fault {
                "hang-before-head" | "hang-before-token" => "first_token=800ms",
                "hang-between-tokens" => "first_token=60s,stall=800ms",
                _ => PATIENT,
            };
            scope.spawn(move || faulty(fault, timeout))
        });
        running.into_iter().map(|thread| thread.join().expect("a run")).collect()
    });
    for ((fault, class, attempts), weighed) in EXPECTED.iter().zip(&weighed) {
        check(fault, class, *attempts, weighed, &plain);
    }

    // What a provider asks to wait comes on top of our own jitter, which the seed fixes.
    let backoff = |fault: &str| {
        let at = EXPECTED.iter().position(|(name, _, _)| *name == fault).expect(fault);
        weighed[at].backoff_us()
    };
    let ours = backoff("429");
    let asked = 3 * 3 * 1_000_000;
    assert_eq!(backoff("429-seconds") - ours, asked, "1 s before each of three retries");
    let date = backoff("429-date") - ours;
    assert!((asked / 2..=asked * 2).contains(&date), "{date} µs for dates 1 to 2 s ahead");
}

fn check(fault: &str, class: &str, attempts: u64, weighed: &Weighed, plain: &Weighed) {
    let Weighed { ran, trials, ledger, .. } = weighed;
    let stderr = &ran.stderr;
    assert_eq!(trials.len(), TASKS.len(), "{fault}");
    // The endpoint is given up after a few responses that do not read, whosever they are.
    let is_given_up = matches!(class, "protocol" | "empty");
    let mut sent = 0;
    for trial in trials {
        let found = number(&trial["attempts"]);
        sent += found;
        if is_given_up && trial["status"] == "skipped" {
            continue;
        }
        assert_eq!(trial["error_class"], class, "{fault}: {stderr}");
        let least = if is_given_up { 1 } else { attempts };
        // A busy client may write before it sees that the server has closed: that is an attempt too.
        let lost = u64::from(fault == "stale");
        assert!((least..=attempts + lost).contains(&found), "{fault}: {found}: {stderr}");
    }
    if is_given_up {
        assert_eq!(ledger.len() as u64, sent, "{fault}");
    } else {
        assert_eq!(ledger.len() as u64, attempts * TASKS.len() as u64, "{fault}");
    }
    for line in ledger {
        assert_eq!(line["fault"], fault);
    }
    if class.is_empty() {
        assert!(matches!(ran.code, 0 | 13), "{fault}: {stderr}");
        assert_eq!(weighed.count("ok"), "3", "{fault}");
        assert_eq!(weighed.timed(), BTreeSet::from(["3"]), "{fault}");
        assert_eq!(weighed.content, plain.content, "{fault}: text");
        if fault == "usage-missing" {
            let ours = |trial: &Row| {
                let source = if cfg!(feature = "tokenizer") { "local tokenizer" } else { "" };
                trial["tokens_source"] == source && trial["cost_usd"].is_empty()
            };
            assert!(
                trials.iter().all(ours),
                "{fault}: counted by nobody else, and what it cost is not known"
            );
        } else if fault == "stale" {
            same_answers_or_one_lost(weighed, plain);
        } else {
            assert_eq!(weighed.answers(), plain.answers(), "{fault}");
        }
    } else {
        assert_eq!(ran.code, 1, "{fault}: {stderr}");
        if !is_given_up {
            assert_eq!(weighed.count("failed"), "3", "{fault}");
        }
        assert!(weighed.latencies(&LATENCIES).is_empty(), "{fault}: no latency of a failure");
    }
}

/// A request that was written to a connection that the server had closed may have been billed: its
/// trial has one attempt more and an unknown cost. All else is as it was.
fn same_answers_or_one_lost(weighed: &Weighed, plain: &Weighed) {
    let (found, right) = (weighed.answers(), plain.answers());
    assert_eq!(found.len(), right.len());
    for (task, right) in &right {
        let found = &found[task];
        if found.last() == Some(&"2") {
            let told = right.len() - 2;
            assert_eq!(found[..told], right[..told], "stale: {task}");
            assert_eq!(found[told], "", "stale: {task}: what the lost request cost is not known");
        } else {
            assert_eq!(found, right, "stale: {task}");
        }
    }
}

#[test]
fn rates_are_pure_draws_and_the_books_agree() {
    let tasks: Vec<_> = (0..60).map(|i| (format!("Count to {i}"), format!("number {i}"))).collect();
    let faults = ["--instant", "--fault", "500=0.3", "--fault", "cut=0.2"];
    let first = weigh(&tasks, &faults, PATIENT);
    let attempts: u64 = first.trials.iter().map(|trial| number(&trial["attempts"])).sum();
    let ok = first.trials.iter().filter(|trial| trial["status"] == "ok").count();
    let met = |weighed: &Weighed, kind: &str| {
        weighed.ledger.iter().filter(|line| line["fault"] == kind).count()
    };
    assert_eq!(first.ledger.len() as u64, attempts, "every attempt is in the ledger once");
    assert_eq!(first.ledger.iter().filter(|line| line["fault"].is_null()).count(), ok);
    let share = |kind: &str| met(&first, kind) as f64 / attempts as f64;
    assert!((0.2..0.4).contains(&share("500")), "{}", share("500"));
    assert!((0.1..0.3).contains(&share("cut")), "{}", share("cut"));
    let n = ok.to_string();
    assert_eq!(first.timed(), BTreeSet::from([n.as_str()]), "only answers are timed");

    let again = weigh(&tasks, &faults, PATIENT);
    let drawn = |weighed: &Weighed| -> BTreeSet<String> {
        let line = |line: &serde_json::Value| {
            // Trial, repeat and attempt; what else a key may hold tells one run from another.
            let id = line["id"].as_str().expect("a key").splitn(4, '-').take(3);
            format!("{:?} {}", id.collect::<Vec<_>>(), line["fault"])
        };
        weighed.ledger.iter().map(line).collect()
    };
    assert!(drawn(&first) == drawn(&again), "the same requests meet the same faults");
}

#[test]
fn a_refused_connection_is_one() {
    let dir = folder();
    let dir = dir.path();
    file(dir, "tiny.csv", "id,question,expected\n1,Say hi,hi\n");
    let sim = Sim::start(dir, &[]);
    let catalog = std::fs::read_to_string(dir.join("fleet.toml")).expect("a catalog");
    let (_, served) = catalog.split_once("http://").expect("a base URL");
    let served = served.split(['/', '"']).next().expect("an address");
    file(dir, "fleet.toml", &catalog.replace(served, NOBODY));
    let ran = run(dir, &run_args(PATIENT)).exits(1);
    let trials = csv(&dir.join("run/trials.csv"));
    // The run ends once nobody could be reached three times.
    assert_eq!(trials[0]["error_class"], "connect");
    assert!(["3", "4"].contains(&&*trials[0]["attempts"]), "{}", trials[0]["attempts"]);
    assert_eq!(trials[0]["cost_usd"], "0", "what never left is not billed: {}", ran.stderr);
    assert!(sim.ledger().is_empty());
}

#[test]
fn every_cut_of_a_stream_gives_the_same_answers() {
    let plain = weigh(&three(), &["--instant"], PATIENT);
    assert_eq!(plain.count("ok"), "3", "{}", plain.ran.stderr);
    let cuts: [&[&str]; 7] = [
        &["--instant", "--coalesce", "3"],
        &["--instant", "--coalesce", "1000"],
        &["--instant", "--split", "1"],
        &["--instant", "--split", "7"],
        &["--instant", "--drip", "20us"],
        &["--instant", "--split", "61", "--drip", "200us", "--coalesce", "2"],
        &["--schedule", "ttft=20ms,gap=2ms", "--stall", "400ms"],
    ];
    let weighed: Vec<Weighed> = std::thread::scope(|scope| {
        let running = cuts.map(|cut| scope.spawn(move || weigh(&three(), cut, PATIENT)));
        running.into_iter().map(|thread| thread.join().expect("a run")).collect()
    });
    for (cut, weighed) in cuts.iter().zip(&weighed) {
        assert_eq!(weighed.answers(), plain.answers(), "{cut:?}");
        assert_eq!(weighed.content, plain.content, "{cut:?}");
        assert_eq!(weighed.timed(), BTreeSet::from(["3"]), "{cut:?}");
        for line in &weighed.ledger {
            let writes = line["writes_ns"].as_array().expect("a list");
            assert_eq!(writes.len() as u64, line["output_tokens"].as_u64().expect("a count"));
        }
    }
    // The stall is on record where it was: between two writes, the first of which may be late.
    let stalled = &weighed[6].ledger;
    let longest = |line: &serde_json::Value| {
        let writes: Vec<u64> = serde_json::from_value(line["writes_ns"].clone()).expect("times");
        writes.windows(2).map(|pair| pair[1] - pair[0]).max()
    };
    let gaps: Vec<u64> = stalled.iter().filter_map(longest).collect();
    assert!(!gaps.is_empty() && gaps.iter().all(|gap| *gap > 200_000_000), "{gaps:?}");
}
