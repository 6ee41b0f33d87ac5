//! The fleet in process: scripts played in virtual time, without a socket.

use std::sync::Arc;
use std::time::Duration;

use crate::client::{ChunkStream, Head, Outgoing, TimedChunk, Transport, TransportError};
use crate::units::{Clock, Stamp};
use crate::wire::ErrorClass;

use super::script::{Ending, Script, flood_line};
use super::simulator::{Arrival, Simulator};

/// Bytes due within this time are returned early, with their later stamp: a sleep for every token
/// would cost more than everything else. Time-outs are far longer.
const LOOK_AHEAD: Duration = Duration::from_millis(100);

/// A transport to the fleet in the same process. Stamps are those of the script, to the nanosecond,
/// not the times at which a timer fired, so that they are the same in every run.
#[derive(Clone, Debug)]
pub struct InProcess {
    sim: Arc<Simulator>,
}

impl InProcess {
    /// A transport to a fleet, in the time of the fleet's own clock.
    #[must_use]
    pub fn new(sim: Arc<Simulator>) -> Self {
        Self { sim }
    }
}

impl Transport for InProcess {
    type Body = InProcessBody;

    async fn open(&self, request: Outgoing) -> Result<(Head, Self::Body), TransportError> {
        let read_at = self.sim.clock().now();
        let key = request.headers.iter().find(|(name, _)| name == "idempotency-key");
        let script = self.sim.respond(&Arrival {
            method: "POST",
            path: path_of(&request.url),
            key: key.and_then(|(_, value)| value.to_str().ok()),
            body: &request.body,
            at: read_at,
        });
        let mut body = InProcessBody {
            sim: self.sim.clone(),
            script: as_received(script),
            read_at,
            next: 0,
            flooded: 0,
            writes: Vec::new(),
            is_recorded: false,
        };
        let at = read_at.after(body.script.head_after);
        wait_for(self.sim.clock(), at).await;
        if !body.script.has_head {
            return Err(body.broken().await);
        }
        let headers = std::mem::take(&mut body.script.headers);
        // There is no connection to establish.
        let status = body.script.status;
        let head = Head { status, headers, connected: None, at, protocol: None };
        Ok((head, body))
    }
}

/// A response that is being played.
#[derive(Debug)]
pub struct InProcessBody {
    sim: Arc<Simulator>,
    script: Script,
    read_at: Stamp,
    next: usize,
    flooded: u64,
    writes: Vec<Stamp>,
    is_recorded: bool,
}

impl ChunkStream for InProcessBody {
    async fn next(&mut self) -> Result<Option<TimedChunk>, TransportError> {
        let Some(event) = self.script.events.get(self.next) else {
            let end = self.read_at.after(self.script.ends_after());
            self.sim.clock().sleep_until(end).await;
            return match self.script.ending {
                Ending::Cut | Ending::Reset | Ending::Hang => Err(self.broken().await),
                Ending::Flood(n_bytes) if self.flooded < n_bytes => {
                    let bytes = flood_line();
                    self.flooded += bytes.len() as u64;
                    Ok(Some(TimedChunk { at: self.sim.clock().now(), bytes }))
                }
                Ending::Whole | Ending::Stale | Ending::Flood(_) => {
                    self.record(true);
                    Ok(None)
                }
            };
        };
        let at = self.read_at.after(event.after);
        wait_for(self.sim.clock(), at).await;
        self.next += 1;
        if event.is_token {
            self.writes.push(at);
        }
        Ok(Some(TimedChunk { at, bytes: event.bytes.clone() }))
    }
}

impl InProcessBody {
    /// The error of a broken connection; a hanging one never ends.
    async fn broken(&mut self) -> TransportError {
        self.record(false);
        if self.script.ending == Ending::Hang {
            std::future::pending::<()>().await;
        }
        let message = "the simulated connection broke".to_owned();
        TransportError { class: ErrorClass::Reset, message }
    }

    fn record(&mut self, complete: bool) {
        if !std::mem::replace(&mut self.is_recorded, true) {
            self.sim.record(&self.script, self.read_at, &self.writes, complete);
        }
    }
}

impl Drop for InProcessBody {
    /// A client may drop the body after its last byte without reading the end.
    fn drop(&mut self) {
        let is_whole = matches!(self.script.ending, Ending::Whole | Ending::Stale);
        self.record(is_whole && self.next == self.script.events.len());
    }
}

/// The script as a client receives it: bytes beyond a stated length are not part of the body.
fn as_received(mut script: Script) -> Script {
    if let Some(mut left) = script.stated_length {
        for event in &mut script.events {
            event.bytes.truncate(left);
            left -= event.bytes.len();
        }
        script.events.retain(|event| !event.bytes.is_empty());
    }
    script
}

/// Sleeps until a stamp, unless it is near.
async fn wait_for(clock: &Clock, moment: Stamp) {
    if moment.since(clock.now()) > LOOK_AHEAD {
        clock.sleep_until(moment).await;
    }
}

/// The path of a URL: what follows the authority.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("/", |slash| &rest[slash..])
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderName, HeaderValue};
    use serde_json::json;

    use super::*;
    use crate::client::attempt::{Attempt, AttemptLimits, AttemptRecord, Outcome, make};
    use crate::sim::{AnswerKey, FaultKind, FaultRate, Faults, Fleet};
    use crate::units::{Dialect, Message, Seed};
    use crate::wire::{self, Request};

    fn on_paused_time<F: Future>(f: impl FnOnce() -> F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(async { f().await })
    }

    fn transport(seed: u64) -> InProcess {
        let clock = Clock::virtual_time();
        let fleet = Fleet::embedded().clone();
        InProcess::new(Arc::new(Simulator::new(fleet, AnswerKey::empty(), Seed(seed), clock)))
    }

    fn ask(model: &str, provider: &str, content: &str) -> Outgoing {
        let body = json!({"model": model, "stream": true,
            "messages": [{"role": "user", "content": content}]});
        Outgoing {
            url: format!("http://sim.invalid/{provider}/v1/chat/completions").into(),
            body: Bytes::from(body.to_string()),
            ..Outgoing::default()
        }
    }

    /// All stamps of some conversations, one after the other, and the time at the end.
    async fn stamps(transport: InProcess) -> Vec<u64> {
        let mut all = Vec::new();
        for i in 0..20 {
            let (model, provider) =
                [("elm/moe", "ember"), ("fir/agent", "harbor"), ("birch/pro", "bluff")][i % 3];
            let request = ask(model, provider, &format!("question {i}"));
            let (head, mut body) = transport.open(request).await.expect("it answers");
            all.push(head.at.as_nanos());
            while let Some(chunk) = body.next().await.expect("it never fails") {
                all.push(chunk.at.as_nanos());
                let now = transport.sim.clock().now();
                assert!(chunk.at.since(now) <= LOOK_AHEAD, "handed out too early");
            }
            assert!(all.last() <= Some(&transport.sim.clock().now().as_nanos()));
        }
        all
    }

    #[test]
    fn virtual_runs_agree_to_the_nanosecond() {
        let run = |seed| on_paused_time(|| async move { stamps(transport(seed)).await });
        let first = run(1);
        assert!(first.len() > 200, "{}", first.len());
        assert!(first.is_sorted());
        assert_eq!(first, run(1));
        assert_ne!(first, run(2));
    }

    #[test]
    fn stamps_are_those_of_the_script_and_not_those_of_a_timer() {
        on_paused_time(|| async {
            let transport = transport(1);
            let request = ask("fir/agent", "harbor", "q");
            let script = transport.sim.respond(&Arrival {
                method: "POST",
                path: path_of(&request.url),
                key: None,
                body: &request.body,
                at: transport.sim.clock().now(),
            });
            // Without a key, the simulator would count this as another repeat.
            let request = Outgoing { headers: vec![repeat_0()], ..request };
            let (head, mut body) = transport.open(request).await.expect("it answers");
            assert_eq!(head.at.since(Stamp::from_nanos(0)), script.head_after);
            for event in &script.events {
                let chunk = body.next().await.expect("it never fails").expect("as many chunks");
                assert_eq!(chunk.at.since(Stamp::from_nanos(0)), event.after);
            }
        });
    }

    fn repeat_0() -> (HeaderName, HeaderValue) {
        let key = HeaderValue::from_static("00000000000000000000000000000000-0-0");
        (HeaderName::from_static("idempotency-key"), key)
    }

    #[test]
    fn errors_are_answers_too() {
        on_paused_time(|| async {
            let transport = transport(1);
            let (head, mut body) =
                transport.open(ask("no/such", "ember", "q")).await.expect("an answer");
            assert_eq!(head.status, 404);
            assert_eq!(head.headers["x-weighbridge-simulated"], "1");
            let chunk = body.next().await.expect("a body").expect("not empty");
            assert!(chunk.bytes.starts_with(b"{\"error\""));
            assert!(body.next().await.expect("an end").is_none());
        });
    }

    fn ask_in(dialect: Dialect, model: &str, content: &str) -> Outgoing {
        let messages = [Message { role: "user".to_owned(), content: content.to_owned() }];
        let params = serde_json::Map::new();
        let body = wire::encode(
            dialect,
            &Request {
                model,
                system: None,
                messages: &messages,
                tools: None,
                schema: None,
                max_tokens: None,
                limit_counts_reasoning: false,
                stream: true,
                params: &params,
            },
        );
        let path = wire::path(dialect, model, true);
        Outgoing {
            url: format!("http://sim.invalid/fjord/v1{path}").into(),
            body: Bytes::from(body),
            ..Outgoing::default()
        }
    }

    /// What an attempt at a faulty fleet comes to.
    async fn attempt(dialect: Dialect, kind: FaultKind) -> AttemptRecord {
        let clock = Clock::virtual_time();
        let faults = Faults::new(&[FaultRate { kind, rate: 1.0 }]).expect("one fault");
        let sim = Simulator::new(Fleet::embedded().clone(), AnswerKey::empty(), Seed(1), clock);
        let transport = InProcess::new(Arc::new(sim.with_faults(faults)));
        let outgoing = ask_in(dialect, "gale/small", "q");
        let limits = AttemptLimits { body_bytes: 1 << 20, ..AttemptLimits::default() };
        let attempt = Attempt { outgoing, dialect, stream: true, limits, max_output: None };
        make(&transport, transport.sim.clock(), attempt).await
    }

    #[test]
    fn faults_are_played_in_virtual_time_as_over_the_network() {
        for (dialect, kind) in Dialect::ALL.into_iter().flat_map(|d| FaultKind::ALL.map(|k| (d, k)))
        {
            let record = on_paused_time(|| attempt(dialect, kind));
            let class = match record.outcome {
                Outcome::Answered(_) => None,
                Outcome::Failed { class, .. } => Some(class),
            };
            let expected = match kind {
                FaultKind::TooMany
                | FaultKind::TooManySeconds
                | FaultKind::TooManyDate
                | FaultKind::ErrorString => Some(ErrorClass::RateLimited),
                FaultKind::Status500 | FaultKind::Status502 | FaultKind::ErrorInteger => {
                    Some(ErrorClass::Server)
                }
                FaultKind::Status503 | FaultKind::Status529 => Some(ErrorClass::Overloaded),
                FaultKind::ResetBeforeHead | FaultKind::ResetAfterHead | FaultKind::Cut => {
                    Some(ErrorClass::Reset)
                }
                FaultKind::HangBeforeHead | FaultKind::HangBeforeToken => {
                    Some(ErrorClass::FirstTokenTimeout)
                }
                FaultKind::HangBetweenTokens => Some(ErrorClass::StallTimeout),
                FaultKind::MalformedJson => Some(ErrorClass::Protocol),
                FaultKind::EmptyStream => Some(ErrorClass::Empty),
                FaultKind::NoEnd | FaultKind::LengthUnder => Some(ErrorClass::Truncated),
                FaultKind::HugeBody => Some(ErrorClass::TooLarge),
                FaultKind::Redirect => Some(ErrorClass::Redirect),
                FaultKind::NoDone
                | FaultKind::UsageMissing
                | FaultKind::UsageTwice
                | FaultKind::UsageOnLast
                | FaultKind::LongLine
                | FaultKind::InvalidUtf8
                | FaultKind::LengthOver
                | FaultKind::Gzip
                | FaultKind::Stale => None,
            };
            assert_eq!(class, expected, "{kind} in {dialect:?}");
            assert_eq!(record.simulated, record.status.is_some(), "{kind} in {dialect:?}");
        }
    }

    #[test]
    fn paths() {
        assert_eq!(path_of("http://h:1/a/v1/x"), "/a/v1/x");
        assert_eq!(path_of("http://h"), "/");
    }
}
