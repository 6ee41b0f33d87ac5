//! How wrong the client's stamps are, beside what the machine allows.
//!
//! The simulator serves a known schedule from a process of its own and logs when it read each
//! request and when each write returned, on the clock that this process stamps with. The error of a
//! TTFT is (client `first_token` − `dispatched`) − (ledger first write − ledger request read); that
//! of an e2e the same with the last token. In alternating rounds a minimal reader does the same:
//! plain blocking sockets, one thread each, a stamp per read, nothing parsed before the end.
//!
//! ```sh
//! cargo bench --bench timing               # four minutes
//! cargo bench --bench timing -- --library  # the same through the general HTTP client, to see what that costs
//! ```
//!
//! Also `-- --quick` (one round) and `-- --streams 64` (one level).
//!
//! Bars: p99 of both errors at 1 and 64 streams at most 1 ms or 1.5 × the reader's, at 512 at most
//! 1.5 × the reader's.
#![expect(clippy::print_stdout, reason = "benches speak to a person")]

mod client;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use client::{Run, Served, Server};
use weighbridge::client::runtime;
use weighbridge::units::Clock;

/// How long the start of all streams takes.
const RAMP: Duration = Duration::from_millis(400);

/// What one client saw of one request, nanoseconds.
struct Seen {
    key: String,
    dispatched: u64,
    first: u64,
    last: u64,
}

/// The errors of one round, milliseconds.
struct Errors {
    ttft: Vec<f64>,
    e2e: Vec<f64>,
    /// From `dispatched` until the server had read the request.
    out: Vec<f64>,
    /// From the server's first write until `first_token`.
    back: Vec<f64>,
}

/// A figure of the table and where its values are.
type Figure = (&'static str, fn(&Errors) -> &Vec<f64>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Client,
    Reader,
}

fn main() -> ExitCode {
    if cfg!(debug_assertions) {
        println!("SKIPPED: not an optimised build; run it with cargo bench");
        return ExitCode::SUCCESS;
    }
    let rounds = if client::flag("--quick") { 1 } else { 5 };
    let only: Option<usize> = client::value("--streams").and_then(|text| text.parse().ok());
    let levels: Vec<(usize, usize)> = [(1, 8), (64, 3), (512, 3)]
        .into_iter()
        .filter(|(streams, _)| only.is_none_or(|only| only == *streams))
        .collect();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let server = Server::start(dir.path(), &["--schedule", "ttft=200ms,gap=10ms,tokens=50"]);
    let trials: usize = levels.iter().map(|(streams, each)| rounds * streams * (each + 1)).sum();
    let trials = u32::try_from(trials).expect("a few thousand");
    let run = Arc::new(Run::create(dir.path(), &server, trials, client::flag("--library")));
    let threads = client::value("--threads").and_then(|text| text.parse().ok());
    let io = match threads {
        Some(threads) => runtime::with_threads(threads, || {}),
        None => runtime::build(|| {}),
    };
    let io = io.expect("a runtime");

    let mut all: Vec<(usize, Who, Vec<Seen>)> = Vec::new();
    for round in 0..rounds {
        for &(streams, each) in &levels {
            for turn in 0..2 {
                let who = if (round + turn) % 2 == 0 { Who::Client } else { Who::Reader };
                let seen = match who {
                    Who::Client => io.block_on(ours(&run, &server, streams, each)),
                    Who::Reader => reader(&server, round, streams, each),
                };
                all.push((streams, who, seen));
            }
        }
    }
    io.block_on(run.finish());
    let ledger = server.stop();
    let mut rounds_of: BTreeMap<(usize, Who), Vec<Errors>> = BTreeMap::new();
    for (streams, who, seen) in all {
        rounds_of.entry((streams, who)).or_default().push(errors(&seen, &ledger));
    }
    println!(
        "medians of {rounds} alternating rounds, milliseconds; ttft 200 ms, 50 tokens, 10 ms apart"
    );
    let mut missed = 0;
    println!("streams figure   client p50      p99   reader p50      p99   p99 ratio   bar");
    for (streams, _) in levels {
        let metrics: [Figure; 4] = [
            ("ttft", |e| &e.ttft),
            ("e2e", |e| &e.e2e),
            ("  out", |e| &e.out),
            ("  back", |e| &e.back),
        ];
        for (figure, pick) in metrics {
            let at = |who, q| {
                let rounds = &rounds_of[&(streams, who)];
                let each: Vec<f64> =
                    rounds.iter().map(|e| client::quantile(&mut pick(e).clone(), q)).collect();
                client::median(&each)
            };
            let (client, reader) = (at(Who::Client, 0.99), at(Who::Reader, 0.99));
            let bar = if streams == 512 { 1.5 * reader } else { (1.5 * reader).max(1.0) };
            print!(
                "{streams:>7} {figure:<6} {:>12.3} {client:>8.3} {:>12.3} {reader:>8.3}",
                at(Who::Client, 0.5),
                at(Who::Reader, 0.5),
            );
            if figure.starts_with(' ') {
                println!();
                continue;
            }
            missed += usize::from(client > bar);
            let met = if client <= bar { "PASS" } else { "MISS" };
            println!(" {:>11.2}   {met} (≤ {bar:.2} ms)", client / reader);
        }
    }
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn errors(seen: &[Seen], ledger: &BTreeMap<String, Served>) -> Errors {
    let mut errors =
        Errors { ttft: Vec::new(), e2e: Vec::new(), out: Vec::new(), back: Vec::new() };
    for seen in seen {
        let served = &ledger[&seen.key];
        let error = |here: u64, there: u64| {
            let took = here - seen.dispatched;
            (took as f64 - (there - served.read) as f64).abs() / 1e6
        };
        errors.ttft.push(error(seen.first, served.first));
        errors.e2e.push(error(seen.last, served.last));
        errors.out.push((served.read as f64 - seen.dispatched as f64) / 1e6);
        errors.back.push((seen.first as f64 - served.first as f64) / 1e6);
    }
    errors
}

async fn ours(run: &Arc<Run>, server: &Server, streams: usize, each: usize) -> Vec<Seen> {
    let ready =
        run.transport.warm(client::PROVIDER, client::ENDPOINT, &server.base_url, streams).await;
    assert_eq!(ready, streams, "connections are ready");
    let mut tasks = tokio::task::JoinSet::new();
    for stream in 0..streams {
        let run = Arc::clone(run);
        tasks.spawn(async move {
            let mut seen = Vec::with_capacity(each);
            let mut trial = run.intend().await;
            tokio::time::sleep(ramp(stream, streams)).await;
            for _ in 0..each {
                let (key, record, next) = run.ask(trial).await;
                trial = next;
                assert_eq!(record.token_events, 50, "every token is seen");
                let stamps = record.stamps;
                seen.push(Seen {
                    key,
                    dispatched: stamps.dispatched.as_nanos(),
                    first: stamps.first_token.expect("tokens came").as_nanos(),
                    last: stamps.last_token.expect("tokens came").as_nanos(),
                });
            }
            seen
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

/// When a stream starts: both clients begin one stream after the other, as a load test with a ramp
/// does, and do not ask the server for everything in one burst.
fn ramp(stream: usize, streams: usize) -> Duration {
    RAMP.mul_f64(stream as f64 / streams as f64)
}

/// The minimal reader.
fn reader(server: &Server, round: usize, streams: usize, each: usize) -> Vec<Seen> {
    let sockets: Vec<TcpStream> = (0..streams)
        .map(|_| {
            let socket = TcpStream::connect(server.address()).expect("it listens");
            socket.set_nodelay(true).expect("a socket");
            socket
        })
        .collect();
    let clock = Clock::real();
    let threads: Vec<_> = sockets
        .into_iter()
        .enumerate()
        .map(|(stream, socket)| {
            let clock = clock.clone();
            let keys: Vec<String> = (0..each)
                .map(|request| format!("reader-{round}-{streams}-{stream}-{request}"))
                .collect();
            thread::Builder::new()
                .stack_size(256 << 10)
                .spawn(move || {
                    let mut socket = socket;
                    thread::sleep(ramp(stream, streams));
                    keys.into_iter().map(|key| one(&mut socket, &clock, key)).collect::<Vec<_>>()
                })
                .expect("a thread")
        })
        .collect();
    threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
}

fn one(socket: &mut TcpStream, clock: &Clock, key: String) -> Seen {
    let body = client::body();
    let mut request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         idempotency-key: {key}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(&body);
    let mut bytes = Vec::with_capacity(64 << 10);
    let mut reads = Vec::with_capacity(64);
    let mut space = vec![0; 16 << 10];
    let dispatched = clock.now().as_nanos();
    socket.write_all(&request).expect("it reads");
    loop {
        let n = socket.read(&mut space).expect("it answers");
        let at = clock.now().as_nanos();
        assert!(n > 0, "it keeps the connection");
        bytes.extend_from_slice(&space[..n]);
        reads.push((bytes.len(), at));
        if bytes.ends_with(b"\r\n0\r\n\r\n") {
            break;
        }
    }
    // Only now is anything looked at: which read held the first token, and which the last.
    let text = String::from_utf8_lossy(&bytes);
    let tokens: Vec<usize> = text
        .match_indices("\"content\":\"")
        .map(|(at, found)| at + found.len())
        .filter(|at| bytes[*at] != b'"')
        .collect();
    let read_of = |token: usize| reads.iter().find(|(end, _)| *end > token).expect("it was read").1;
    let first = read_of(*tokens.first().expect("tokens came"));
    let last = read_of(*tokens.last().expect("tokens came"));
    Seen { key, dispatched, first, last }
}
