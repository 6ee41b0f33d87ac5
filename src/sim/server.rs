//! The fleet as a server: plays scripts over sockets, and stamps what was written when.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::units::{Clock, Stamp};

use super::http1::{self, Framing, Request, RequestReader, Stop};
use super::script::Script;
use super::simulator::{Arrival, Simulator};

/// The most connections at once; further ones wait in the listener's queue.
const MOST_CONNECTIONS: usize = 8_192;
/// How long a client may leave a write waiting.
const SLOW_READER: Duration = Duration::from_secs(60);
/// How long to wait after the system refused to accept, for example for want of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// So many refusals one after the other are the end.
const MOST_REFUSALS: u32 = 500;

/// Serves the fleet until `shutdown` is cancelled; responses under way are then cut and entered in
/// the ledger as incomplete. An error is one of accepting, again and again.
pub async fn serve(
    listener: TcpListener,
    sim: Arc<Simulator>,
    shutdown: CancellationToken,
) -> io::Result<()> {
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
                let (sim, shutdown) = (sim.clone(), shutdown.clone());
                connections.spawn(async move { converse(socket, &sim, &shutdown).await });
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
async fn converse(socket: TcpStream, sim: &Simulator, shutdown: &CancellationToken) {
    if socket.set_nodelay(true).is_err() {
        return;
    }
    let (reading, writing) = socket.into_split();
    let mut reader = RequestReader::new(reading);
    let mut writer = Writer { socket: writing, shutdown, clock: sim.clock() };
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
                    () = reader.client_gone() => false,
                };
                sim.record(&script, request.at, &writes, complete);
                if !complete || !request.head.keep_alive {
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
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    reader.body(head, writer.clock).await
}

struct Writer<'a> {
    socket: OwnedWriteHalf,
    shutdown: &'a CancellationToken,
    clock: &'a Clock,
}

impl Writer<'_> {
    /// Plays a script. What is due goes out in one write; `writes` gets, for each token event, the
    /// time at which the write that carried it returned.
    async fn play(
        &mut self,
        script: &Script,
        request: &Request,
        writes: &mut Vec<Stamp>,
    ) -> io::Result<()> {
        let framing = match (script.streamed, request.head.chunked_reply) {
            (false, _) => Framing::Length(script.events.iter().map(|e| e.bytes.len()).sum()),
            (true, true) => Framing::Chunked,
            (true, false) => Framing::UntilClose,
        };
        let deadline = |after: Duration| request.at.after(after);
        let mut out = Vec::with_capacity(1024);
        self.pace(deadline(script.head_after)).await?;
        let date = http1::http_date(self.clock);
        let keep_alive = request.head.keep_alive && framing != Framing::UntilClose;
        http1::write_head(&mut out, script.status, &script.headers, framing, keep_alive, &date);

        let mut events = script.events.as_slice();
        while !events.is_empty() {
            let now = self.clock.now();
            let n_due = events.iter().take_while(|event| deadline(event.after) <= now).count();
            if n_due > 0 || !out.is_empty() {
                let (due, later) = events.split_at(n_due);
                let bytes: Vec<Bytes> = due.iter().map(|event| event.bytes.clone()).collect();
                http1::write_body(&mut out, framing, &bytes);
                if later.is_empty() {
                    http1::write_end(&mut out, framing);
                }
                self.write(&out).await?;
                let written = self.clock.now();
                out.clear();
                let n_tokens = due.iter().filter(|event| event.is_token).count();
                writes.extend(std::iter::repeat_n(written, n_tokens));
                events = later;
            }
            if let Some(next) = events.first() {
                self.pace(deadline(next.after)).await?;
            }
        }
        Ok(())
    }

    /// Tells a client why its request was not read, and that the connection ends.
    async fn refuse(&mut self, status: u16, message: &str) -> io::Result<()> {
        let script = Script::refused(status, message, None);
        let body = &script.events[0].bytes;
        let framing = Framing::Length(body.len());
        let mut out = Vec::new();
        let date = http1::http_date(self.clock);
        http1::write_head(&mut out, script.status, &script.headers, framing, false, &date);
        http1::write_body(&mut out, framing, std::slice::from_ref(body));
        self.write(&out).await?;
        self.socket.shutdown().await
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        timeout(SLOW_READER, self.socket.write_all(bytes))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Waits for a moment; a moment that has passed is not waited for. The one place where the
    /// server keeps time: its precision is that of tokio's timer, 1 ms, never early.
    async fn pace(&self, moment: Stamp) -> io::Result<()> {
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => Err(io::ErrorKind::Interrupted.into()),
            () = self.clock.sleep_until(moment) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::sim::{AnswerBook, Fleet, Ledger, Pace};
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
        let sim = Simulator::new(Fleet::embedded().clone(), AnswerBook::empty(), Seed(1), clock)
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
            Simulator::new(Fleet::embedded().clone(), AnswerBook::empty(), Seed(1), Clock::real())
                .with_scale("lengths=1".parse().expect("a scale"));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let mut client = TcpStream::connect(address).await.expect("it listens");
        let (socket, _) = listener.accept().await.expect("a client");
        // This model thinks for half a minute before it says anything.
        client.write_all(post(&chat("acme/thinker", true), "").as_bytes()).await.expect("it reads");
        drop(client);
        let shutdown = CancellationToken::new();
        let conversation = converse(socket, &sim, &shutdown);
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
