//! The fleet in operation: from a request to the script of its response.

use std::time::Duration;

use http::header::{ALLOW, HeaderName, HeaderValue};

use crate::units::{Clock, Dialect, Seed, Stamp};
use crate::wire::server::answer::Closing;
use crate::wire::server::{CompletionPath, Resource, parse_path};

use super::answer_key::{AnswerKey, KnownTask};
use super::attempt_key::AttemptKey;
use super::behaviour::{Case, Scale, TIME_SLOT};
use super::delivery::Delivery;
use super::fault::{FaultKind, Faults};
use super::fault_injection::inject;
use super::ledger::{Entry, Ledger};
use super::limits::{KeyLimits, Meter, TooMany};
use super::memory::Memory;
use super::pace::Pace;
use super::profile::Fleet;
use super::prompt::Prompt;
use super::script::{self, Fault, Scene, Script};

/// The header that names the response, as the ledger does.
const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The longest key of a client that is kept.
const MOST_KEY_BYTES: usize = 128;

/// A fleet that answers. Answers depend on the seed and the request alone. Its only state is that of a
/// real provider: the recent number of requests and, for clients without a key, how often a prompt was
/// sent.
#[derive(Debug)]
pub struct Simulator {
    fleet: Fleet,
    answer_key: AnswerKey,
    seed: Seed,
    clock: Clock,
    scale: Scale,
    pace: Pace,
    faults: Faults,
    stall: Option<Duration>,
    delivery: Delivery,
    ledger: Option<Ledger>,
    memory: Memory,
}

/// A request as received.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The path, with or without a query.
    pub path: &'a str,
    /// The header `idempotency-key`.
    pub key: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
    /// When it was fully read.
    pub at: Stamp,
}

impl Simulator {
    /// A fleet that answers from an answer key, at the default scale and pace, without a ledger.
    #[must_use]
    pub fn new(fleet: Fleet, answer_key: AnswerKey, seed: Seed, clock: Clock) -> Self {
        let memory = Memory::of_endpoints(fleet.profiles.len());
        Self {
            fleet,
            answer_key,
            seed,
            clock,
            scale: Scale::default(),
            pace: Pace::default(),
            faults: Faults::default(),
            stall: None,
            delivery: Delivery::default(),
            ledger: None,
            memory,
        }
    }

    /// With another scale.
    #[must_use]
    pub fn with_scale(self, scale: Scale) -> Self {
        Self { scale, ..self }
    }

    /// With another pace.
    #[must_use]
    pub fn with_pace(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// With faults.
    #[must_use]
    pub fn with_faults(self, faults: Faults) -> Self {
        Self { faults, ..self }
    }

    /// With a stall in the middle of every stream.
    #[must_use]
    pub fn with_stall(self, stall: Option<Duration>) -> Self {
        Self { stall, ..self }
    }

    /// With another split into writes.
    #[must_use]
    pub fn with_delivery(self, delivery: Delivery) -> Self {
        Self { delivery, ..self }
    }

    /// With a ledger.
    #[must_use]
    pub fn with_ledger(self, ledger: Ledger) -> Self {
        Self { ledger: Some(ledger), ..self }
    }

    /// The endpoints.
    #[must_use]
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// The clock of the requests' stamps.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The split into writes.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        self.delivery
    }

    /// The ledger, to finish it at the end.
    #[must_use]
    pub fn ledger(&self) -> Option<&Ledger> {
        self.ledger.as_ref()
    }

    /// Writes the response to a request.
    #[must_use]
    pub fn respond(&self, arrival: &Arrival<'_>) -> Script {
        let (path, query) = arrival.path.split_once('?').unwrap_or((arrival.path, ""));
        let Some((provider, resource)) = parse_path(path, query) else {
            let message = format!("There is nothing at {path}.");
            return Script::refused(Dialect::OpenaiChat, 404, &message, None);
        };
        let dialect = resource.dialect();
        if provider.is_some_and(|name| self.fleet.profiles.iter().all(|p| p.provider != name)) {
            let message = format!("There is no provider at {path}.");
            return Script::refused(dialect, 404, &message, None);
        }
        match (resource, arrival.method) {
            (Resource::Models(dialect), "GET") => {
                Script::json(dialect, 200, self.fleet.models(dialect, provider))
            }
            (Resource::Endpoints(model), "GET") => {
                let missing = || {
                    let message = format!("The model `{model}` does not exist.");
                    Script::refused(dialect, 404, &message, None)
                };
                let listed = self.fleet.endpoints_of(&model);
                listed.map_or_else(missing, |list| Script::json(dialect, 200, list))
            }
            (Resource::Completion(path), "POST") => self.ledgered(provider, &path, arrival),
            (resource, method) => {
                let allowed =
                    if matches!(resource, Resource::Completion(_)) { "POST" } else { "GET" };
                let message = format!("{method} is not allowed here; {allowed} is.");
                let mut script = Script::refused(dialect, 405, &message, None);
                script.headers.insert(ALLOW, HeaderValue::from_static(allowed));
                script
            }
        }
    }

    /// Enters a finished response in the ledger: when each token event was written, and whether all
    /// were.
    pub fn record(&self, script: &Script, read_at: Stamp, writes: &[Stamp], complete: bool) {
        let (Some(ledger), Some(id)) = (&self.ledger, &script.ledger_id) else { return };
        ledger.enter(Entry {
            id: id.clone(),
            endpoint: script.endpoint.clone(),
            task: script.task.clone(),
            read_ns: read_at.as_nanos(),
            writes_ns: writes.iter().map(|stamp| stamp.as_nanos()).collect(),
            status: script.status,
            intended_pass: script.intended_pass,
            fault: script.fault.map(Fault::name),
            input_tokens: script.usage.input.unwrap_or(0),
            cached_tokens: script.usage.cached_input.unwrap_or(0),
            output_tokens: script.usage.output.unwrap_or(0),
            reasoning_tokens: script.usage.reasoning.unwrap_or(0),
            billed_usd: script.cost,
            complete,
        });
    }

    fn ledgered(
        &self,
        provider: Option<&str>,
        path: &CompletionPath,
        arrival: &Arrival<'_>,
    ) -> Script {
        let id = match arrival.key.filter(|key| key.len() <= MOST_KEY_BYTES) {
            Some(key) => key.to_owned(),
            None => self.memory.name(),
        };
        let mut script = self.complete(provider, path, arrival);
        if let Ok(value) = HeaderValue::from_str(&id) {
            script.headers.insert(REQUEST_ID_HEADER, value);
        }
        script.ledger_id = Some(id);
        script
    }

    fn complete(
        &self,
        provider: Option<&str>,
        path: &CompletionPath,
        arrival: &Arrival<'_>,
    ) -> Script {
        let dialect = path.dialect;
        let refused = |status, message: &str, code| Script::refused(dialect, status, message, code);
        let prompt = match Prompt::parse(path, arrival.body) {
            Ok(prompt) => prompt,
            Err(message) => return refused(400, &message, None),
        };
        let request = &prompt.request;
        // A path without a provider addresses the fleet as a router of its providers.
        let pinned = request.only.first().map(|only| only.split('/').next().unwrap_or(only));
        let Some(index) = self.fleet.find(provider.or(pinned), &request.model) else {
            let message = format!("The model `{}` does not exist.", request.model);
            return refused(404, &message, Some("model_not_found"));
        };
        let profile = &self.fleet.profiles[index];
        let hash = prompt.hash();
        let known = self.answer_key.get(&hash);
        let mut script = if request.has_tools() && !profile.tools {
            refused(400, "tools: this model does not take them.", None)
        } else if prompt.input_tokens() > profile.context_window {
            let window = profile.context_window;
            let message = format!("This model's maximum context length is {window} tokens.");
            refused(400, &message, Some("context_length_exceeded"))
        } else if let Err(why) = self.admit(index, arrival.at) {
            let wait_s = match why {
                TooMany::InAMinute(wait_s) => Some(wait_s),
                TooMany::AtOnce => None,
            };
            Script::limited(dialect, Fault::RequestLimit, wait_s)
        } else {
            let key = arrival.key.and_then(AttemptKey::parse);
            let (repeat, attempt, primes) = match key {
                Some(key) => (key.repeat, key.attempt, key.primes),
                None => (self.memory.times_asked(index, hash), 0, false),
            };
            let was_sent = repeat > 0 || attempt > 0 || self.memory.is_warm(index, hash, repeat);
            if primes {
                self.memory.warm(index, hash, repeat);
            }
            let attempt = format!("{}{attempt}", if primes { "p" } else { "" });
            let case = Case {
                seed: self.seed,
                profile,
                task: &hash.hex(),
                repeat: &repeat.to_string(),
                attempt: &attempt,
            };
            let fault = self.faults.of(&case);
            let scene = Scene {
                prompt: &prompt,
                known,
                scale: self.scale,
                pace: self.pace,
                slot: self.slot(arrival.at),
                created: self.clock.wall(arrival.at).as_second(),
                seen_before: was_sent && prompt.nonce_bytes == 0,
                is_routed: provider.is_none() && !request.only.is_empty(),
                closing: fault.map_or(Closing::Whole, FaultKind::closing),
            };
            let mut script = script::write(&case, &scene);
            if let Some(by) = self.stall {
                script.stall(by);
            }
            if let Some(kind) = fault {
                script = inject(kind, script, self.clock.wall(arrival.at));
            }
            if let Some((meter, limits)) = self.meter(index) {
                meter.under_way(limits, arrival.at.after(script.ends_after()));
            }
            script
        };
        if let Some((meter, limits)) = self.meter(index)
            && let Some(left) = meter.left(limits, arrival.at, self.clock.anchor())
        {
            left.write(dialect, self.clock.wall(arrival.at), &mut script.headers);
        }
        script.endpoint = Some(profile.id.clone());
        script.task = known.map(KnownTask::path);
        script
    }

    fn admit(&self, index: usize, at: Stamp) -> Result<(), TooMany> {
        let Some((meter, limits)) = self.meter(index) else { return Ok(()) };
        meter.admit(limits, at, self.clock.anchor())
    }

    /// An endpoint's limits and their use, at the pace that has limits.
    fn meter(&self, index: usize) -> Option<(&Meter, &KeyLimits)> {
        let limits = &self.fleet.profiles[index].limits;
        (self.pace == Pace::Profile).then(|| (self.memory.meter(index), limits))
    }

    #[expect(clippy::cast_possible_truncation, reason = "slots of seconds stay far below 2^64")]
    fn slot(&self, at: Stamp) -> u64 {
        (at.since(self.clock.anchor()).as_nanos() / TIME_SLOT.as_nanos()) as u64
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::{Value, json};

    use super::*;
    use crate::suite::{Task, load_texts};
    use crate::wire::SIMULATED_HEADER;

    /// Tasks of one category, each with what is said to it, right and wrong.
    fn suite(category: &str, lines: &[Value]) -> Vec<Task> {
        let header = format!(
            "version = \"1\"\nlicense = \"MIT\"\ncategory = \"{category}\"\ngrader = \"exact\""
        );
        let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
        load_texts("quiz", &header, &lines.join("\n")).expect("a suite").suite.tasks
    }

    fn simulator(seed: u64) -> Simulator {
        let line = |i: u32| {
            json!({"id": i.to_string(), "prompt": format!("question {i}"),
                "reference": format!("The answer is {i}."), "wrong": "I do not know."})
        };
        let tasks = suite("math", &(0..300).map(line).collect::<Vec<_>>());
        let answer_key = AnswerKey::new(tasks.into());
        Simulator::new(Fleet::embedded().clone(), answer_key, Seed(seed), Clock::real())
    }

    fn body(model: &str, content: &str, more: &Value) -> Vec<u8> {
        let mut body = json!({"model": model, "messages": [{"role": "user", "content": content}]});
        for (key, value) in more.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        body.to_string().into_bytes()
    }

    fn post(sim: &Simulator, path: &str, body: &[u8], key: Option<&str>) -> Script {
        let at = sim.clock().anchor();
        sim.respond(&Arrival { method: "POST", path, key, body, at })
    }

    fn key(repeat: u64, attempt: u64) -> String {
        format!("{}-{repeat}-{attempt}", "0f".repeat(16))
    }

    fn text_of(script: &Script) -> String {
        let body: Value = serde_json::from_slice(&script.events[0].bytes).expect("JSON");
        let content = &body["choices"][0]["message"]["content"];
        content.as_str().expect("an answer").to_owned()
    }

    #[test]
    fn the_same_request_gives_the_same_script() {
        let body = body("elm/moe", "question 7", &json!({"stream": true}));
        let ask = |seed, key: &str| {
            let sim = simulator(seed);
            let mut script = post(&sim, "/fjord/v1/chat/completions", &body, Some(key));
            // The one thing in a script that is not chance: the wall clock's second.
            script.events.iter_mut().for_each(|event| event.bytes = Bytes::new());
            script
        };
        assert_eq!(ask(1, &key(0, 0)), ask(1, &key(0, 0)));
        assert_ne!(ask(1, &key(0, 0)).events, ask(1, &key(0, 1)).events);
        assert_ne!(ask(1, &key(0, 0)).events, ask(2, &key(0, 0)).events);
    }

    #[test]
    fn what_is_said_is_what_was_intended_and_billed() {
        let sim = simulator(5);
        let (mut passed, mut tokens) = (0, 0);
        for i in 0..300 {
            let body = body("elm/moe", &format!("question {i}"), &Value::Null);
            let script = post(&sim, "/v1/chat/completions", &body, Some(&key(0, 0)));
            let right = text_of(&script) == format!("The answer is {i}.");
            assert_eq!(script.intended_pass, Some(right));
            assert_eq!(script.task.as_deref(), Some(format!("quiz/{i}").as_str()));
            let usage = script.usage;
            assert_eq!(usage.reasoning, Some(0));
            let (input, output) = (usage.input.expect("known"), usage.output.expect("known"));
            let cents = (u128::from(input) * 9 + u128::from(output) * 60) * 10_000_000_000_000_000;
            assert_eq!(script.cost.raw().unsigned_abs(), cents);
            passed += i32::from(right);
            tokens += output;
        }
        assert!((190..265).contains(&passed), "{passed} of 300 at a skill of 0.764");
        assert!((900..1_800).contains(&tokens), "{tokens}");
    }

    #[test]
    fn tools_are_called_as_the_book_says() {
        let tools = json!([{"type": "function", "function": {"name": "look"}}]);
        let call = |city: &str| json!([{"name": "look", "arguments": {"city": city}}]);
        let task = json!({"id": "1", "prompt": "where?", "grader": "tool_call", "tools": tools,
            "reference": call("Oslo"), "wrong": call("Rome")});
        let answer_key = AnswerKey::new(suite("tools", &[task]).into());
        let sim = Simulator::new(Fleet::embedded().clone(), answer_key, Seed(1), Clock::real());
        let ask = |more: &Value| {
            let body = body("fir/agent", "where?", more);
            post(&sim, "/v1/chat/completions", &body, Some(&key(0, 0)))
        };
        let plain = ask(&json!({"tools": tools}));
        let city = if plain.intended_pass == Some(true) { "Oslo" } else { "Rome" };
        let body: Value = serde_json::from_slice(&plain.events[0].bytes).expect("JSON");
        let called = &body["choices"][0]["message"]["tool_calls"][0]["function"];
        assert_eq!(called["arguments"], format!("{{\"city\":\"{city}\"}}"));
        assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");
        let streamed = ask(&json!({"tools": tools, "stream": true}));
        assert_eq!(streamed.usage, plain.usage);
        assert_eq!(streamed.token_events(), 4, "a start and three pieces of {called}");
        let unknown = ask(&Value::Null);
        assert_eq!((unknown.task, unknown.intended_pass), (None, None));
    }

    #[test]
    fn thinking_is_billed_hidden_and_within_what_is_allowed() {
        let sim = simulator(5);
        let ask = |max_tokens: u64, stream: bool| {
            let more = json!({"max_tokens": max_tokens, "stream": stream});
            let body = body("acme/thinker", "question 3", &more);
            post(&sim, "/apex/v1/chat/completions", &body, Some(&key(0, 0)))
        };
        let free = ask(30_000, true);
        let reasoning = free.usage.reasoning.expect("known");
        assert!(reasoning > 100, "{reasoning}");
        assert_eq!(free.usage.output, Some(reasoning + free.token_events() as u64));
        assert!(free.token_events() <= 60);
        let tight = ask(90, true);
        assert_eq!(tight.usage.output, Some(90));
        assert_eq!(tight.intended_pass, free.intended_pass);
        assert_eq!(tight.token_events(), free.token_events());
        let cut = ask(2, false);
        assert_eq!((cut.usage.output, cut.intended_pass), (Some(2), None));
        let body: Value = serde_json::from_slice(&cut.events[0].bytes).expect("JSON");
        assert_eq!(body["choices"][0]["finish_reason"], "length");
    }

    #[test]
    fn full_lengths_are_padded_with_reasoning() {
        let sim = simulator(5).with_scale(Scale { lengths: Some(1.0) });
        let body = body("delta/dense", "question 3", &json!({"stream": true}));
        let script = post(&sim, "/v1/chat/completions", &body, Some(&key(0, 0)));
        let reasoning = script.usage.reasoning.expect("known");
        assert!(reasoning > 200, "{reasoning}");
        assert_eq!(script.token_events() as u64, script.usage.output.expect("known"));
        let first = std::str::from_utf8(&script.events[1].bytes).expect("UTF-8");
        assert!(first.contains("reasoning_content"), "{first}");
        assert!(script.ends_after() > Duration::from_secs(5));
    }

    #[test]
    fn a_repeated_long_prompt_is_cached() {
        let sim = simulator(5);
        let body = body("acme/flagship", &"long ".repeat(2_000), &Value::Null);
        let ask = |repeat| post(&sim, "/v1/chat/completions", &body, Some(&key(repeat, 0)));
        let (first, second) = (ask(0), ask(1));
        assert_eq!(first.usage.cached_input, Some(0));
        assert_eq!(second.usage.cached_input, Some(2_432));
        assert_eq!(second.usage.input, Some(2_504));
        assert!(second.cost < first.cost);
    }

    #[test]
    fn what_is_sent_ahead_warms_the_cache_for_its_repeat() {
        let sim = simulator(5);
        let body = body("acme/flagship", &"long ".repeat(2_000), &Value::Null);
        let cached = |number: &str| {
            let key = format!("{}-0-{number}", "0f".repeat(16));
            post(&sim, "/v1/chat/completions", &body, Some(&key)).usage.cached_input
        };
        assert_eq!(["0", "p0", "0", "p1"].map(cached), [0, 0, 2_432, 2_432].map(Some));
    }

    #[test]
    fn without_a_key_repeats_are_counted() {
        let sim = simulator(5);
        let body = body("elm/moe", "question 4", &json!({"stream": true}));
        let path = "/v1/chat/completions";
        let (named, again) = (post(&sim, path, &body, Some(&key(0, 0))), key(1, 0));
        let (first, second) = (post(&sim, path, &body, None), post(&sim, path, &body, None));
        assert_eq!(first.events, named.events);
        assert_eq!(second.events, post(&sim, path, &body, Some(&again)).events);
        assert_ne!(first.ledger_id, second.ledger_id);
    }

    #[test]
    fn requests_at_fault_are_refused() {
        let sim = simulator(5);
        let check = |method: &str, path: &str, body: &[u8], status: u16, needle: &str| {
            let at = sim.clock().anchor();
            let script = sim.respond(&Arrival { method, path, key: None, body, at });
            let text = String::from_utf8_lossy(&script.events[0].bytes).into_owned();
            assert_eq!(script.status, status, "{text}");
            assert!(text.contains(needle), "{text}");
            assert_eq!(script.headers[SIMULATED_HEADER], "1");
        };
        let chat = "/v1/chat/completions";
        let tools = json!({"tools": [{"type": "function", "function": {"name": "f"}}]});
        check("GET", "/v1/models?x=1", b"", 200, "acme/flagship");
        check("GET", "/fjord/v1/models", b"", 200, "gale/small");
        check("POST", "/v1/models", b"", 405, "GET is");
        check("GET", chat, b"", 405, "POST is");
        check("GET", "/", b"", 404, "nothing at");
        check("GET", "/nobody/v1/models", b"", 404, "no provider");
        check("POST", chat, b"{", 400, "not understood");
        check("POST", chat, &body("no/such", "q", &Value::Null), 404, "model_not_found");
        check("POST", chat, &body("acme/flagship", "q", &tools), 400, "tools");
        let long = body("holm/cold", &"x".repeat(20_000), &Value::Null);
        check("POST", chat, &long, 400, "context_length_exceeded");
    }

    #[test]
    fn a_request_limit_asks_to_wait() {
        let sim = simulator(5);
        let body = body("holm/limited", "question 1", &Value::Null);
        let start = sim.clock().anchor();
        let limited = |at: Stamp| {
            let path = "/v1/chat/completions";
            let script = sim.respond(&Arrival { method: "POST", path, key: None, body: &body, at });
            assert_eq!(script.headers["x-ratelimit-limit-requests"], "600");
            (script.fault == Some(Fault::RequestLimit))
                .then(|| script.headers["retry-after"].clone())
        };
        let let_through = (0..900).take_while(|_| limited(start).is_none()).count();
        assert_eq!(let_through, 600, "a minute's worth");
        assert_eq!(limited(start).as_ref().map(HeaderValue::as_bytes), Some(b"1".as_slice()));
        assert_eq!(limited(start.after(Duration::from_secs(1))), None);
    }
}
