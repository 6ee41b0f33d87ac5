//! How many streamed requests a second `weighbridge load` makes, and at what CPU, beside `oha`,
//! which parses nothing.
//!
//! ```sh
//! cargo install oha
//! cargo bench --bench throughput
//! ```
//!
//! Both drive the same simulator (a process of its own on the same cores), which answers with 50
//! tokens at once, in alternating rounds. Ours is the whole command: every stream is decoded, every
//! request is in the run database, and the CPU is that of the process from its start to its last
//! chart. `oha` is found on the PATH or in the environment variable `WEIGHBRIDGE_OHA`; without it
//! the bench says so and holds no bar.
//!
//! Bars, at 32 and 256 connections, medians of 5 rounds: at least 0.8 × oha's rate, at most 1.5 ×
//! its CPU per 1,000 requests. Void where oha itself stays below 1,700/s at 32: then the server is
//! the limit.

mod support;

use std::path::Path;
use std::process::{Command, ExitCode};

use support::{Bars, Sim, csv, finished, folder, say, weighbridge};

const ROUNDS: usize = 5;
const REQUESTS: usize = 20_000;
/// Below this `oha` shows that the server is the limit, and the comparison says nothing.
const LEAST_OHA: f64 = 1_700.0;
const PROMPT: &str = r#"{"model":"gale/small@fjord","stream":true,"messages":[{"role":"user","content":"Say fifty words."}],"stream_options":{"include_usage":true}}"#;

/// One client's round.
#[derive(Clone, Copy, Debug)]
struct Round {
    per_s: f64,
    /// CPU seconds per 1,000 requests.
    cpu: f64,
}

fn main() -> ExitCode {
    let Some(mut bars) = Bars::start("streamed requests a second, beside oha") else {
        return ExitCode::SUCCESS;
    };
    let oha = std::env::var("WEIGHBRIDGE_OHA").unwrap_or_else(|_| "oha".to_owned());
    let has_oha = Command::new(&oha).arg("--version").output().is_ok_and(|o| o.status.success());
    if !has_oha {
        say("   NO OHA on the PATH or in WEIGHBRIDGE_OHA (cargo install oha): no bar is held");
    }
    let dir = folder();
    std::fs::write(dir.path().join("fifty.jsonl"), r#"{"id":"0","prompt":"Say fifty words."}"#)
        .expect("a file");
    let sim = Sim::start(dir.path(), &["--instant", "50"]);
    let catalog = std::fs::read_to_string(dir.path().join(Sim::CATALOG)).expect("a catalog");
    let base_url = catalog.split("base_url = \"").nth(1).and_then(|rest| rest.split('"').next());
    // Scheme and authority: the whole fleet answers there, by its ids.
    let origin: Vec<&str> = base_url.expect("a provider").split('/').take(3).collect();
    let url = format!("{}/v1/chat/completions", origin.join("/"));
    // Connections, caches and the server's pages are warm before anything counts.
    ours(dir.path(), "warm", 32);
    for connections in [32, 256] {
        let (mut mine, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            for turn in 0..2 {
                if (round + turn) % 2 == 0 {
                    mine.push(ours(dir.path(), &format!("{connections}-{round}"), connections));
                } else if has_oha {
                    theirs.push(with_oha(&oha, &url, connections));
                }
            }
        }
        let (rate, cpu) = medians(&mine);
        bars.figure(&format!("{connections} connections, load"), &told(rate, cpu));
        if theirs.is_empty() {
            continue;
        }
        let (their_rate, their_cpu) = medians(&theirs);
        bars.figure(&format!("{connections} connections, oha"), &told(their_rate, their_cpu));
        if connections == 32 && their_rate < LEAST_OHA {
            say("   VOID: the server is the limit");
            return ExitCode::SUCCESS;
        }
        let (faster, dearer) = (rate / their_rate, cpu / their_cpu);
        bars.bar("  rate ÷ oha's", &format!("{faster:.2}"), "≥ 0.8", faster >= 0.8);
        bars.bar("  CPU ÷ oha's", &format!("{dearer:.2}"), "≤ 1.5", dearer <= 1.5);
    }
    drop(sim);
    bars.end()
}

fn told(per_s: f64, cpu: f64) -> String {
    format!("{per_s:.0}/s, {cpu:.3} CPU s per 1,000")
}

fn medians(rounds: &[Round]) -> (f64, f64) {
    let median = |of: fn(&Round) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    (median(|r| r.per_s), median(|r| r.cpu))
}

fn ours(dir: &Path, name: &str, connections: usize) -> Round {
    let (connections, requests) = (connections.to_string(), REQUESTS.to_string());
    let mut load = weighbridge(dir);
    load.args(["load", "--catalog", Sim::CATALOG, "-m", "gale/small", "--suite", "fifty.jsonl"]);
    load.args(["-c", &connections, "-n", &requests, "--out", name]);
    let before = children_cpu();
    // 13: a client that two cores cannot serve says so, and its rate is its rate.
    finished(&mut load, &[0, 13]);
    let cpu = children_cpu() - before;
    let summary = dir.join(name).join("summary.csv");
    let cell = |row: &support::Row, metric: &str| row["endpoint"] == "*" && row["metric"] == metric;
    let (mut per_s, mut tokens) = (None, None);
    for row in csv(&summary) {
        if cell(&row, "requests_per_s") {
            per_s = row["value"].parse().ok();
        } else if cell(&row, "output_tokens") {
            tokens = row["value"].parse().ok();
        }
    }
    assert_eq!(tokens, Some(50 * REQUESTS), "every token is counted");
    Round { per_s: per_s.expect("a rate"), cpu: cpu / (REQUESTS as f64 / 1e3) }
}

fn with_oha(oha: &str, url: &str, connections: usize) -> Round {
    let before = children_cpu();
    let output = Command::new(oha)
        .args(["--no-tui", "--output-format", "json", "-m", "POST", "-T", "application/json"])
        .args(["-n", &REQUESTS.to_string(), "-c", &connections.to_string()])
        .args(["-d", PROMPT, url])
        .output()
        .expect("oha runs");
    let cpu = children_cpu() - before;
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("oha prints JSON");
    let ok = said["statusCodeDistribution"]["200"].as_u64();
    assert_eq!(ok, u64::try_from(REQUESTS).ok(), "oha's requests succeed");
    let per_s = said["summary"]["requestsPerSec"].as_f64().expect("a rate");
    Round { per_s, cpu: cpu / (REQUESTS as f64 / 1e3) }
}

/// CPU seconds of the children that have ended, in steps of 10 ms (`proc_pid_stat`, fields 16 and
/// 17).
fn children_cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<f64> =
        after_name.split_ascii_whitespace().filter_map(|field| field.parse().ok()).collect();
    // The state, which is a letter, is left out: field 4 comes first.
    fields.get(12..14).map_or(0.0, |times| times.iter().sum::<f64>() / 100.0)
}
