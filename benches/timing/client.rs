//! The client under the bench: the simulator as a process of its own, a run database, requests by
//! the product's own path.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use weighbridge::catalog::{Dialect, Endpoint, HttpVersion, Limits, Price, Provider};
use weighbridge::client::{
    Attempt, AttemptLimits, AttemptRecord, HttpTransport, Outcome, Outgoing, attempt,
};
use weighbridge::dispatch::request_record;
use weighbridge::store::{
    AttemptId, NewRun, PlannedTrial, RequestIntent, RequestSource, Store, StoreMode,
    StoredEndpoint, StoredTask, TrialEnding, TrialStatus,
};
use weighbridge::units::judging::{Goal, Judging};
use weighbridge::units::{
    AnswerContent, Clock, ContentHash, EndpointId, Manifest, RunEnding, Stamp, TrialKey, Validity,
    ValidityMark,
};

/// An endpoint of the simulated fleet; under a fixed schedule all are the same.
pub const MODEL: &str = "gale/small@fjord";
pub const PROVIDER: &str = "fjord";
/// The id of its endpoint.
pub const ENDPOINT: &str = "gale/small@fjord";

/// The request that every client sends.
pub fn body() -> Bytes {
    let body = serde_json::json!({
        "model": MODEL,
        "messages": [{"role": "user", "content": "Say fifty words."}],
        "stream": true,
        "stream_options": {"include_usage": true},
    });
    Bytes::from(body.to_string())
}

/// The simulator, in a process of its own.
pub struct Server {
    process: Child,
    pub base_url: String,
    pub ledger: PathBuf,
}

impl Server {
    pub fn start(dir: &Path, options: &[&str]) -> Self {
        let ledger = dir.join("ledger.jsonl");
        let mut process = Command::new(env!("CARGO_BIN_EXE_weighbridge"))
            .args(["sim", "--ledger"])
            .arg(&ledger)
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the simulator starts");
        let mut base_url = String::new();
        let out = process.stdout.take().expect("a pipe");
        BufReader::new(out).read_line(&mut base_url).expect("it prints its address");
        Self {
            process,
            base_url: format!("{}/v1", base_url.trim().trim_end_matches("/v1")),
            ledger,
        }
    }

    pub fn url(&self) -> String {
        format!("{}/chat/completions", self.base_url)
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        let rest = self.base_url.strip_prefix("http://").expect("plain HTTP");
        rest.split('/').next().expect("an authority")
    }

    /// Stops it, and reads its ledger.
    pub fn stop(mut self) -> BTreeMap<String, Served> {
        let id = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(id, rustix::process::Signal::INT).expect("it runs");
        self.process.wait().expect("it ends");
        let text = std::fs::read_to_string(&self.ledger).expect("a ledger");
        text.lines().filter_map(Served::read).collect()
    }
}

impl Drop for Server {
    /// A bench that panics leaves no server behind.
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the ledger says of one request.
#[derive(Clone, Copy, Debug)]
pub struct Served {
    pub read: u64,
    pub first: u64,
    pub last: u64,
}

impl Served {
    fn read(line: &str) -> Option<(String, Self)> {
        let entry: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let writes = entry["writes_ns"].as_array()?;
        let served = Self {
            read: entry["read_ns"].as_u64()?,
            first: writes.first()?.as_u64()?,
            last: writes.last()?.as_u64()?,
        };
        Some((entry["id"].as_str()?.to_owned(), served))
    }
}

/// A run database under a bench.
pub struct Run {
    pub store: Store,
    pub clock: Clock,
    pub transport: HttpTransport,
    url: Arc<str>,
    body: Bytes,
    next: AtomicU32,
}

impl Run {
    pub fn create(dir: &Path, server: &Server, trials: u32, via_reqwest: bool) -> Self {
        let clock = Clock::real();
        let provider = endpoint(server).provider;
        let transport = HttpTransport::new([&provider], Duration::from_secs(10), &clock)
            .expect("an HTTP client");
        let transport = if via_reqwest { transport.via_reqwest() } else { transport };
        let store = store(dir, server, trials);
        let next = AtomicU32::new(0);
        Self { store, clock, transport, url: server.url().into(), body: body(), next }
    }

    /// The next request's number, its intent durable.
    pub async fn intend(&self) -> u32 {
        let trial = self.next.fetch_add(1, Ordering::Relaxed);
        let at_ns = nanos(self.clock.now().since(self.clock.anchor()));
        let intent = RequestIntent { source: RequestSource::Run, bound: None, at_ns };
        self.store
            .intent(AttemptId { trial, attempt: 0 }, intent)
            .await
            .expect("the database takes it");
        trial
    }

    /// One request whose intent is durable, and its endings; meanwhile the intent of the next, so
    /// that, as in the load lane, no request waits for the disk together with others and leaves in
    /// one burst with them. The key is the one that the server's ledger knows the request by.
    pub async fn ask(&self, trial: u32) -> (String, AttemptRecord, u32) {
        let ((key, record), next) = tokio::join!(self.send(trial), self.intend());
        (key, record, next)
    }

    async fn send(&self, trial: u32) -> (String, AttemptRecord) {
        let key = format!("client-{trial}");
        let since = |stamp: Stamp| nanos(stamp.since(self.clock.anchor()));
        let outgoing = Outgoing {
            provider: PROVIDER.into(),
            endpoint: ENDPOINT.into(),
            url: Arc::clone(&self.url),
            headers: vec![
                (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
                (header::ACCEPT_ENCODING, HeaderValue::from_static("identity")),
                (
                    HeaderName::from_static("idempotency-key"),
                    HeaderValue::try_from(&key).expect("letters and digits"),
                ),
            ],
            body: self.body.clone(),
            fresh: false,
        };
        let limits = AttemptLimits::default();
        let dialect = Dialect::OpenaiChat;
        let attempt = Attempt { outgoing, dialect, stream: true, limits, max_output: None };
        let record = attempt::make(&self.transport, &self.clock, attempt).await;
        let Outcome::Answered(answer) = &record.outcome else {
            panic!("the simulator answers: {:?}", record.outcome)
        };
        let intent = RequestIntent { source: RequestSource::Run, bound: None, at_ns: 0 };
        let request = request_record(intent, &record, None, since);
        let ended = TrialEnding {
            trial,
            status: TrialStatus::Ok,
            error: None,
            attempts: 1,
            backoff_ns: 0,
            pacing_ns: 0,
            e2e_with_retries_ns: None,
            answer: Some(AnswerContent { text: answer.text.clone(), ..AnswerContent::default() }),
        };
        self.store
            .attempt(AttemptId { trial, attempt: 0 }, request)
            .await
            .expect("the database takes it");
        self.store.trial(ended).await.expect("the database takes it");
        (key, record)
    }

    pub async fn finish(&self) {
        let validity = Validity {
            mark: ValidityMark::Valid,
            reasons: vec![],
            lag_p99_us: None,
            io_cpu_peak: None,
        };
        let ended = RunEnding {
            complete: true,
            why: None,
            validity,
            duration_ns: 0,
            waited_ns: 0,
            paced: Vec::new(),
            unknown_events: BTreeMap::new(),
            notes: Vec::new(),
            usage_faults: std::collections::BTreeMap::new(),
        };
        self.store.clone().finish(ended).await.expect("the database closes");
    }
}

fn store(dir: &Path, server: &Server, trials: u32) -> Store {
    let manifest = Manifest {
        run: "bench".into(),
        name: "bench".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        seed: 1,
        virtual_time: false,
        demo: false,
        started_at: "2026-01-01T00:00:00Z".into(),
        repeats: 1,
        suites: vec![],
        plan_hash: String::new(),
        prices_hash: String::new(),
        judging: Judging {
            today: None,
            shares: BTreeMap::new(),
            requests_per_month: None,
            cached_input: None,
            goal: Goal::Cheaper,
            margin: 0.02,
            margins: BTreeMap::new(),
            worth: None,
            traffic: BTreeMap::new(),
            invoice: None,
            slo: None,
            max_share_provider: None,
        },
        notes: vec![],
        load: None,
        calibration: None,
        embedded: false,
        skills: std::collections::BTreeMap::new(),
        cache: weighbridge::units::CacheMode::AsIs,
        shard: None,
        imported: None,
        ended: None,
    };
    let task = StoredTask {
        idx: 0,
        suite: "bench".into(),
        task: "words".into(),
        category: "bench".into(),
        cluster: None,
        tags: vec![],
        grader: weighbridge::graders::GraderSpec::from_id("number").expect("a grader"),
        reference: None,
        schema: None,
        messages: vec![],
        content_hash: None,
    };
    let new = NewRun {
        manifest: &manifest,
        tasks: &[task],
        endpoints: &[StoredEndpoint { idx: 0, endpoint: endpoint(server) }],
        keep_content: true,
    };
    let planned = (0..trials).map(|idx| PlannedTrial {
        idx,
        key: TrialKey::from_hash(&ContentHash::of(&idx.to_le_bytes())),
        task: 0,
        endpoint: 0,
        repeat: idx,
        ineligible: None,
    });
    Store::create(dir, StoreMode::Threaded, new, planned).expect("a run database")
}

fn endpoint(server: &Server) -> Endpoint {
    Endpoint {
        id: EndpointId::new("gale/small", PROVIDER, None),
        model: "gale/small".into(),
        provider: Provider {
            name: PROVIDER.into(),
            dialect: Dialect::OpenaiChat,
            base_url: server.base_url.clone(),
            api_key_env: None,
            api_key_cmd: None,
            http: HttpVersion::Http1,
            headers: BTreeMap::new(),
            ca_file: None,
            router: None,
            data_policy: weighbridge::catalog::DataPolicy::default(),
            concurrency: None,
        },
        upstream_model: MODEL.into(),
        price: Price::Free,
        context_window: None,
        max_output: None,
        limits: Limits::default(),
        supports: None,
        variant: None,
        params: serde_json::Map::new(),
        system: None,
        stream: true,
        request_form: weighbridge::catalog::RequestForm::default(),
    }
}

pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The value of this rank by nearest rank.
pub fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small rank")]
    let rank = (q * n as f64).ceil() as usize;
    values[rank.clamp(1, n) - 1]
}

pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let n = values.len();
    if n % 2 == 1 { values[n / 2] } else { f64::midpoint(values[n / 2 - 1], values[n / 2]) }
}

pub fn flag(name: &str) -> bool {
    std::env::args().any(|argument| argument == name)
}

/// The value after a flag.
pub fn value(name: &str) -> Option<String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1)
}
