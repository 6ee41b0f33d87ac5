//! The fleet as a server: plays scripts over sockets, and stamps what was written when.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::units::{Clock, Dialect, Stamp};

use super::delivery::Delivery;
use super::http1::{self, Framing, Request, RequestReader, Stop};
use super::pacer::Pacer;
use super::script::{Ending, Event, Script, flood_line};
use super::simulator::{Arrival, Simulator};

/// The most connections at once; further ones wait in the listener's queue.
const MOST_CONNECTIONS: usize = 8_192;
/// How long a write may block.
const SLOW_READER: Duration = Duration::from_secs(60);
/// The wait after a failed accept, for example without free file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// The number of consecutive failed accepts that ends the server.
const MOST_REFUSALS: u32 = 500;

/// Serves the fleet until `shutdown` is cancelled; responses in progress are then cut and entered in
/// the ledger as incomplete. Errors: repeated failures to accept.
pub async fn serve(
    listener: TcpListener,
    sim: Arc<Simulator>,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let pacer = Pacer::new(sim.clock())?;
    let mut driver = JoinSet::new();
    driver.spawn(pacer.clone().drive());
    let mut connections = JoinSet::new();
    let mut refusals = 0;
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            Some(ended) = connections.join_next(), if !connections.is_empty() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a simulated connection ended by a panic");
                }
                continue;
            }
            accepted = listener.accept(), if connections.len() < MOST_CONNECTIONS => accepted,
        };
        match accepted {
            Ok((socket, _)) => {
                refusals = 0;
                let (sim, pacer, shutdown) = (sim.clone(), pacer.clone(), shutdown.clone());
                connections.spawn(async move { converse(socket, &sim, &pacer, &shutdown).await });
            }
            Err(error) if refusals >= MOST_REFUSALS => return Err(error),
            Err(_) => {
                refusals += 1;
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    while connections.join_next().await.is_some() {}
    Ok(())
}

/// Answers the requests of one connection, one after the other.
async fn converse(socket: TcpStream, sim: &Simulator, pacer: &Pacer, shutdown: &CancellationToken) {
    if socket.set_nodelay(true).is_err() {
        return;
    }
    let (reading, writing) = socket.into_split();
    let mut reader = RequestReader::new(reading);
    let mut writer = Writer::new(writing, pacer, sim);
    loop {
        let request = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            request = next_request(&mut reader, &mut writer) => request,
        };
        match request {
            Ok(request) => {
                let arrival = Arrival {
                    method: &request.head.method,
                    path: &request.head.path,
                    key: request.head.key.as_deref(),
                    body: &request.body,
                    at: request.at,
                };
                let script = sim.respond(&arrival);
                let mut writes = Vec::with_capacity(script.token_events());
                let complete = tokio::select! {
                    biased;
                    played = writer.play(&script, &request, &mut writes) => played.is_ok(),
                    () = shutdown.cancelled() => false,
                    () = reader.client_gone() => false,
                };
                sim.record(&script, request.at, &writes, complete);
                if !complete || !keeps_alive(&script, &request) {
                    return;
                }
                if script.ending == Ending::Stale {
                    tokio::select! {
                        () = shutdown.cancelled() => {}
                        () = reader.next_begun() => {}
                    }
                    return;
                }
            }
            Err(Stop::Gone) => return,
            Err(Stop::Refused(status, message)) => {
                let told = writer.refuse(status, &message).await;
                if told.is_ok() {
                    tokio::select! {
                        () = shutdown.cancelled() => {}
                        () = reader.discard() => {}
                    }
                }
                return;
            }
        }
    }
}

async fn next_request(
    reader: &mut RequestReader<OwnedReadHalf>,
    writer: &mut Writer<'_>,
) -> Result<Request, Stop> {
    let head = reader.head().await?;
    if head.expects_continue {
        writer.send(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    reader.body(head, writer.clock).await
}

/// How the body of a script is framed.
fn framing(script: &Script, request: &Request) -> Framing {
    if let Some(stated) = script.stated_length {
        return Framing::Length(stated);
    }
    // A body without a known length is sent in chunks.
    let is_open = script.streamed || matches!(script.ending, Ending::Flood(_));
    match (is_open, request.head.chunked_reply) {
        (false, _) => Framing::Length(script.events.iter().map(|e| e.bytes.len()).sum()),
        (true, true) => Framing::Chunked,
        (true, false) => Framing::UntilClose,
    }
}

/// Whether the connection stays open after a response. After a wrong length it does not: the rest of
/// the body would be read as the next response.
fn keeps_alive(script: &Script, request: &Request) -> bool {
    request.head.keep_alive
        && script.stated_length.is_none()
        && framing(script, request) != Framing::UntilClose
}

struct Writer<'a> {
    socket: OwnedWriteHalf,
    pacer: &'a Pacer,
    clock: &'a Clock,
    delivery: Delivery,
    /// The bytes of the next write; reused for its capacity.
    out: Vec<u8>,
    /// The `date` header, and the second that it is of.
    date: (i64, String),
}

impl<'a> Writer<'a> {
    fn new(socket: OwnedWriteHalf, pacer: &'a Pacer, sim: &'a Simulator) -> Self {
        Self {
            socket,
            pacer,
            clock: sim.clock(),
            delivery: sim.delivery(),
            out: Vec::with_capacity(1024),
            date: (i64::MIN, String::new()),
        }
    }

    /// Plays a script: one write per event (or per several events, or per part of one), framed before
    /// the wait for its time. `writes` gets, for each token event, the time at
    /// which the write that carried its last byte returned. An error also means that the script
    /// breaks the connection.
    async fn play(
        &mut self,
        script: &Script,
        request: &Request,
        writes: &mut Vec<Stamp>,
    ) -> io::Result<()> {
        let framing = framing(script, request);
        let is_whole = matches!(script.ending, Ending::Whole | Ending::Stale);
        let deadline = |after: Duration| request.at.after(after);
        self.out.clear();
        if script.has_head {
            let keep_alive = keeps_alive(script, request);
            self.head(script, framing, keep_alive, request.at);
        }
        if script.events.is_empty() && is_whole {
            http1::write_end(&mut self.out, framing);
        }
        let per_write = self.delivery.events();
        // The head is sent before the first events, unless they are due at the same time.
        let first_at = script.events.chunks(per_write).next().and_then(<[Event]>::last);
        if first_at.is_none_or(|first| script.head_after < first.after) {
            self.pacer.sleep_until(deadline(script.head_after)).await;
            self.flush().await?;
        }
        let mut left = script.events.len();
        for events in script.events.chunks(per_write) {
            left -= events.len();
            http1::write_body(&mut self.out, framing, events.iter().map(|event| &event.bytes));
            if left == 0 && is_whole {
                http1::write_end(&mut self.out, framing);
            }
            let due = events.last().map_or(Duration::ZERO, |event| event.after);
            self.pacer.sleep_until(deadline(due)).await;
            self.flush().await?;
            let n_tokens = events.iter().filter(|event| event.is_token).count();
            if n_tokens > 0 {
                writes.extend(std::iter::repeat_n(self.clock.now(), n_tokens));
            }
        }
        match script.ending {
            Ending::Whole | Ending::Stale => Ok(()),
            Ending::Cut => Err(io::ErrorKind::ConnectionAborted.into()),
            Ending::Reset => {
                self.socket.as_ref().set_zero_linger()?;
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Ending::Hang => std::future::pending().await,
            Ending::Flood(n_bytes) => self.flood(n_bytes, framing).await,
        }
    }

    /// Sends this many bytes of comment lines.
    async fn flood(&mut self, n_bytes: u64, framing: Framing) -> io::Result<()> {
        let line = flood_line();
        let mut chunk = Vec::new();
        http1::write_body(&mut chunk, framing, std::iter::once(&line));
        for _ in 0..n_bytes / line.len() as u64 {
            self.send(&chunk).await?;
        }
        http1::write_end(&mut self.out, framing);
        self.flush().await
    }

    /// Refuses a request that was not read, and announces the end of the connection.
    async fn refuse(&mut self, status: u16, message: &str) -> io::Result<()> {
        let script = Script::refused(Dialect::OpenaiChat, status, message, None);
        let body = &script.events[0].bytes;
        let framing = Framing::Length(body.len());
        self.head(&script, framing, false, self.clock.now());
        http1::write_body(&mut self.out, framing, std::iter::once(body));
        self.flush().await?;
        self.socket.shutdown().await
    }

    /// Begins what is to be sent with a head.
    fn head(&mut self, script: &Script, framing: Framing, keep_alive: bool, at: Stamp) {
        let wall = self.clock.wall(at);
        if self.date.0 != wall.as_second() {
            self.date = (wall.as_second(), http1::http_date(wall));
        }
        let (status, headers) = (script.status, &script.headers);
        self.out.clear();
        http1::write_head(&mut self.out, status, headers, framing, keep_alive, &self.date.1);
    }

    /// Sends the framed bytes, split by the delivery.
    async fn flush(&mut self) -> io::Result<()> {
        match self.delivery.piece_bytes() {
            None => self.send(&self.out).await?,
            Some(n) => {
                for (i, piece) in self.out.chunks(n.get()).enumerate() {
                    if let Some(pause) = self.delivery.drip.filter(|_| i > 0) {
                        self.pacer.sleep_until(self.clock.now().after(pause)).await;
                    }
                    self.send(piece).await?;
                }
            }
        }
        self.out.clear();
        Ok(())
    }

    async fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.socket.try_write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => rest = &rest[n..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    timeout(SLOW_READER, self.socket.writable())
                        .await
                        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::sim::{AnswerKey, Fleet, Ledger, Pace};
    use crate::units::Seed;

    /// Sends raw bytes to a fleet that answers at once, and gives back everything that came until
    /// the connection closed, and the ledger.
    async fn exchange(sent: &str) -> (String, Vec<Value>) {
        let pace = Pace::Instant { tokens: Some(3) };
        serving(pace, async |mut socket| {
            socket.write_all(sent.as_bytes()).await.expect("it reads");
            let mut received = Vec::new();
            socket.read_to_end(&mut received).await.expect("it answers");
            String::from_utf8(received).expect("UTF-8")
        })
        .await
    }

    /// Serves a fleet to one connection, and reads the ledger afterwards.
    async fn serving<T>(pace: Pace, client: impl AsyncFnOnce(TcpStream) -> T) -> (T, Vec<Value>) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("ledger.jsonl");
        let clock = Clock::real();
        let ledger = Ledger::create(&path, clock.clone()).expect("a new file");
        let sim = Simulator::new(Fleet::embedded().clone(), AnswerKey::empty(), Seed(1), clock)
            .with_pace(pace)
            .with_ledger(ledger);
        let sim = Arc::new(sim);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let shutdown = CancellationToken::new();
        let mut server = JoinSet::new();
        server.spawn(serve(listener, sim.clone(), shutdown.clone()));
        let socket = TcpStream::connect(address).await.expect("it listens");
        let answer = client(socket).await;
        shutdown.cancel();
        server.join_next().await.expect("a server").expect("no panic").expect("no error");
        sim.ledger().expect("a ledger").finish().expect("written");
        let lines = std::fs::read_to_string(&path).expect("readable");
        let lines = lines.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        (answer, lines)
    }

    fn post(body: &str, headers: &str) -> String {
        let length = body.len();
        let path = "/v1/chat/completions";
        format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        )
    }

    fn chat(model: &str, stream: bool) -> String {
        json!({
            "model": model, "messages": [{"role": "user", "content": "hello"}],
            "stream": stream, "stream_options": {"include_usage": true},
        })
        .to_string()
    }

    const CLOSE: &str = "Connection: close\r\n";

    #[tokio::test]
    async fn one_connection_carries_plain_and_streamed_answers() {
        let key = format!("{}-0-0", "ab".repeat(16));
        let plain = post(&chat("gale/small", false), &format!("Idempotency-Key: {key}\r\n"));
        let streamed = post(&chat("gale/small@fjord", true), CLOSE);
        let (text, ledger) = exchange(&format!("{plain}{streamed}")).await;
        let (first, second) = text.split_at(text.rfind("HTTP/1.1 200 OK").expect("two answers"));

        let (head, body) = first.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\ndate: "), "{head}");
        assert!(head.contains("x-weighbridge-simulated: 1"), "{head}");
        assert!(head.contains(&format!("x-request-id: {key}")), "{head}");
        let body: Value = serde_json::from_str(body).expect("the length is right");
        assert_eq!(body["choices"][0]["message"]["content"], "word word word");
        assert_eq!(body["usage"]["completion_tokens"], 3);

        assert!(
            second.contains("transfer-encoding: chunked\r\nconnection: close\r\n\r\n"),
            "{second}"
        );
        assert!(second.contains("\"content\":\" word\"}"), "{second}");
        assert!(second.contains("\"choices\":[],\"usage\":{\"prompt_tokens\":6,"), "{second}");
        assert!(second.ends_with("data: [DONE]\n\n\r\n0\r\n\r\n"), "{second}");

        assert_eq!(ledger.len(), 2);
        assert_eq!((&ledger[0]["id"], &ledger[0]["task"]), (&json!(key), &Value::Null));
        assert_eq!(ledger[1]["endpoint"], "gale/small@fjord");
        assert_eq!(ledger[1]["output_tokens"], 3);
        assert_eq!(ledger[1]["billed_usd"], "0.00000054");
        assert_eq!(ledger[1]["complete"], true);
        let writes = ledger[1]["writes_ns"].as_array().expect("a list");
        assert_eq!(writes.len(), 3);
        assert!(writes[0].as_u64() > ledger[1]["read_ns"].as_u64());
    }

    #[tokio::test]
    async fn a_schedule_is_kept_and_each_token_is_a_write_of_its_own() {
        let pace = Pace::Schedule("ttft=4ms,gap=700us,tokens=5".parse().expect("a schedule"));
        let (text, ledger) = serving(pace, async |mut socket| {
            let sent = post(&chat("gale/small", true), CLOSE);
            socket.write_all(sent.as_bytes()).await.expect("it reads");
            let mut text = String::new();
            socket.read_to_string(&mut text).await.expect("it answers");
            text
        })
        .await;
        assert_eq!(text.matches("\r\ndata: ").count(), 7, "a role, five tokens, an end: {text}");
        let ns = |value: &Value| value.as_u64().expect("nanoseconds");
        let writes = ledger[0]["writes_ns"].as_array().expect("a list");
        assert_eq!(writes.len(), 5);
        for (i, write) in (0..).zip(writes) {
            let due = ns(&ledger[0]["read_ns"]) + 4_000_000 + i * 700_000;
            assert!(ns(write) >= due, "token {i} came early");
        }
    }

    #[tokio::test]
    async fn what_is_at_fault_is_refused_in_json() {
        let check = async |sent: String, expected: &str, needle: &str| {
            let (text, _) = exchange(&sent).await;
            assert!(text.starts_with(expected), "{text}");
            assert!(text.contains("x-weighbridge-simulated: 1"), "{text}");
            let body = text.split("\r\n\r\n").last().expect("a body");
            let body: Value = serde_json::from_str(body).expect(body);
            let message = body["error"]["message"].as_str().expect("a message");
            assert!(message.contains(needle), "{message}");
        };
        check(post("{\"model\"", CLOSE), "HTTP/1.1 400 ", "not understood").await;
        check(post(&chat("no/such", true), CLOSE), "HTTP/1.1 404 ", "no/such").await;
        check("PUT /v1/models HTTP/1.0\r\n\r\n".into(), "HTTP/1.1 405 ", "PUT").await;
        check("GET /x HTTP/1.0\r\n\r\n".into(), "HTTP/1.1 404 ", "/x").await;
        check("rubbish\r\n\r\n".into(), "HTTP/1.1 400 ", "head").await;
        let large = "POST / HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n";
        check(large.into(), "HTTP/1.1 413 ", "longer than").await;
    }

    #[tokio::test]
    async fn a_client_may_ask_before_it_sends_the_body() {
        let sent =
            post(&chat("gale/small", false), "Expect: 100-continue\r\nConnection: close\r\n");
        let (text, _) = exchange(&sent).await;
        assert!(text.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), "{text}");
    }

    #[tokio::test]
    async fn a_client_that_leaves_early_pays_and_is_marked() {
        let (first, ledger) = serving(Pace::Profile, async |mut socket| {
            let sent = post(&chat("gale/small", true), "");
            socket.write_all(sent.as_bytes()).await.expect("it reads");
            let mut first = [0; 15];
            socket.read_exact(&mut first).await.expect("a head");
            first
        })
        .await;
        assert_eq!(&first, b"HTTP/1.1 200 OK");
        assert_eq!(ledger.len(), 1);
        assert_eq!((&ledger[0]["complete"], &ledger[0]["status"]), (&json!(false), &json!(200)));
        assert_ne!(ledger[0]["billed_usd"], "0");
    }

    #[tokio::test]
    async fn nobody_waits_for_a_client_that_has_gone() {
        let sim =
            Simulator::new(Fleet::embedded().clone(), AnswerKey::empty(), Seed(1), Clock::real())
                .with_scale("lengths=1".parse().expect("a scale"));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let mut client = TcpStream::connect(address).await.expect("it listens");
        let (socket, _) = listener.accept().await.expect("a client");
        // This model thinks for half a minute before it says anything.
        client.write_all(post(&chat("acme/thinker", true), "").as_bytes()).await.expect("it reads");
        drop(client);
        let shutdown = CancellationToken::new();
        let pacer = Pacer::new(sim.clock()).expect("a timer");
        let conversation = converse(socket, &sim, &pacer, &shutdown);
        timeout(Duration::from_secs(5), conversation).await.expect("it notices at once");
    }

    #[tokio::test]
    async fn an_old_client_reads_until_the_connection_closes() {
        let sent = post(&chat("gale/small", true), "").replace("HTTP/1.1", "HTTP/1.0");
        let (text, _) = exchange(&sent).await;
        assert!(!text.contains("transfer-encoding"), "{text}");
        assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    }
}
