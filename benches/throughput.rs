//! How many streamed requests a second the client makes, and at what CPU, beside `oha`, which
//! parses nothing.
//!
//! Both drive the same simulator, which answers 50 tokens at once, on the same cores and in
//! alternating rounds; ours with the run database on. `oha` is found on the PATH or in
//! `WEIGHBRIDGE_OHA` (`cargo install oha`).
//!
//! `cargo bench --bench throughput [-- --quick] [--library]`
#![expect(clippy::print_stdout, reason = "benches speak to a person")]

mod harness;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use harness::{Run, Server};
use rustix::time::{ClockId, clock_gettime};
use weighbridge::client::runtime;
use weighbridge::units::Clock;

/// Below this `oha` shows that the server is the limit, and the comparison says nothing.
const LEAST_OHA: f64 = 1700.0;

#[derive(Clone, Copy, Debug)]
struct Round {
    per_s: f64,
    /// CPU seconds per 1,000 requests.
    cpu: f64,
}

fn main() {
    let quick = harness::flag("--quick");
    let (rounds, requests) = if quick { (1, 2000) } else { (5, 5000) };
    let oha = std::env::var("WEIGHBRIDGE_OHA").unwrap_or_else(|_| "oha".to_owned());
    let has_oha = Command::new(&oha).arg("--version").output().is_ok_and(|o| o.status.success());
    if !has_oha {
        harness::say(
            "NO OHA: put it on the PATH or in WEIGHBRIDGE_OHA (cargo install oha); only \
                      the client is measured, and no bar",
        );
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let server = Server::start(dir.path(), &["--instant", "50"]);
    let trials = u32::try_from((rounds + 1) * 2 * (requests + 256)).expect("some thousands");
    let run = Arc::new(Run::create(dir.path(), &server, trials, harness::flag("--library")));
    let threads = harness::value("--threads").and_then(|text| text.parse().ok());
    let io = match threads {
        Some(threads) => runtime::with_threads(threads, || {}),
        None => runtime::build(|| {}),
    };
    let io = io.expect("a runtime");
    println!("medians of {rounds} alternating rounds of {requests} streamed requests of 50 tokens");
    println!("connections   client/s   cpu s/1000     oha/s   cpu s/1000   rate ratio   cpu ratio");
    io.block_on(client(&run, &server, 32, requests / 4));
    for connections in [32, 256] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            for turn in 0..2 {
                if (round + turn) % 2 == 0 {
                    ours.push(io.block_on(client(&run, &server, connections, requests)));
                } else if has_oha {
                    theirs.push(with_oha(&oha, &server, connections, requests));
                }
            }
        }
        let rate =
            |rounds: &[Round]| harness::median(&rounds.iter().map(|r| r.per_s).collect::<Vec<_>>());
        let cpu =
            |rounds: &[Round]| harness::median(&rounds.iter().map(|r| r.cpu).collect::<Vec<_>>());
        let (our_rate, our_cpu) = (rate(&ours), cpu(&ours));
        print!("{connections:>11} {our_rate:>10.0} {our_cpu:>12.3}");
        if theirs.is_empty() {
            println!();
            continue;
        }
        let (their_rate, their_cpu) = (rate(&theirs), cpu(&theirs));
        let void = if connections == 32 && their_rate < LEAST_OHA {
            "  VOID: the server is the limit"
        } else {
            ""
        };
        println!(
            " {their_rate:>9.0} {their_cpu:>12.3} {:>12.2} {:>11.2}   {} {}{void}",
            our_rate / their_rate,
            our_cpu / their_cpu,
            if our_rate >= 0.8 * their_rate { "met (≥ 0.8)" } else { "MISSED (≥ 0.8)" },
            if our_cpu <= 1.5 * their_cpu { "met (≤ 1.5)" } else { "MISSED (≤ 1.5)" },
        );
    }
    if harness::flag("--threads-cpu") {
        for task in std::fs::read_dir("/proc/self/task").expect("Linux").flatten() {
            let read =
                |name: &str| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
            println!("{:>16} {}", read("comm").trim(), read("schedstat").trim());
        }
    }
    io.block_on(run.finish());
    server.stop();
}

async fn client(run: &Arc<Run>, server: &Server, connections: usize, requests: usize) -> Round {
    run.transport.warm(harness::PROVIDER, &server.base_url, connections).await;
    let clock = Clock::real();
    let (started, cpu) = (clock.now(), process_cpu());
    let left = Arc::new(AtomicUsize::new(requests));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let (run, left) = (Arc::clone(run), Arc::clone(&left));
        tasks.spawn(async move {
            let mut trial = run.intend().await;
            while left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
                .is_ok()
            {
                let (_, record, next) = run.ask(trial).await;
                trial = next;
                assert_eq!(record.token_events, 50, "every token is seen");
            }
        });
    }
    tasks.join_all().await;
    let seconds = clock.now().since(started).as_secs_f64();
    let cpu = process_cpu() - cpu;
    let thousands = requests as f64 / 1e3;
    Round { per_s: requests as f64 / seconds, cpu: cpu / thousands }
}

/// CPU seconds of this process so far.
fn process_cpu() -> f64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

fn with_oha(oha: &str, server: &Server, connections: usize, requests: usize) -> Round {
    let before = children_cpu();
    let output = Command::new(oha)
        .args(["--no-tui", "--output-format", "json", "-m", "POST", "-T", "application/json"])
        .args(["-n", &requests.to_string(), "-c", &connections.to_string()])
        .arg("-d")
        .arg(String::from_utf8_lossy(&harness::body()).as_ref())
        .arg(server.url())
        .output()
        .expect("oha runs");
    let cpu = children_cpu() - before;
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("oha prints JSON");
    let ok = said["statusCodeDistribution"]["200"].as_u64();
    assert_eq!(ok, u64::try_from(requests).ok(), "oha's requests succeed");
    let per_s = said["summary"]["requestsPerSec"].as_f64().expect("a rate");
    Round { per_s, cpu: cpu / (requests as f64 / 1e3) }
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
