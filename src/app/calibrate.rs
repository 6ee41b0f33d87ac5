//! `calibrate`: this machine's own measuring error, kept for later runs to be read by.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::app::error::{AppError, Context, internal};
use crate::app::events::Events;
use crate::app::file_limit::raise_file_limit;
use crate::app::fleet::Fleet;
use crate::client::{self, AttemptLimits, HttpTransport};
use crate::dispatch::{BreakerPolicy, Caller, EndpointClient, Keys};
use crate::run::calibrate::{Calibrator, Errors, Seen, Written, summary};
use crate::units::{CalibratedLag, CalibratedStreams, Calibration, Clock, Message};
use crate::wire::{self, Request};

/// What every answer of the server does: 20 ms, then 20 gaps of 5 ms.
pub(crate) const SCHEDULE: &str = "ttft=20ms,gap=5ms,tokens=21";
const TOKENS: usize = 21;
/// Streams at once, and how long each number of them is measured.
const STREAMS: [(u32, Duration); 3] =
    [(1, Duration::from_secs(5)), (64, Duration::from_secs(3)), (512, Duration::from_secs(4))];
/// Requests per second, and for how long.
const RATES: [(u32, Duration); 2] =
    [(100, Duration::from_secs(4)), (1_000, Duration::from_secs(2))];
/// What is asked: the first endpoint of the fleet.
const PROMPT: &str = "calibrate";

/// Measures this machine's own measuring error in 20 s, and keeps it for later runs where every
/// stream was counted exactly. Needs the command line's own program, which serves the simulator.
pub(crate) fn calibrate(events: &dyn Events) -> Result<(Calibration, PathBuf), AppError> {
    events.notice("calibrating for 20 s: other work on this machine will show in the figures");
    raise_file_limit();
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path())?;
    let clock = Clock::real();
    let runtime = client::runtime::build(|| {})?;
    let (seen, lag) = runtime.block_on(measure(&server, &clock))?;
    let written = server.ledger()?;
    let found = compare(&seen, &lag, &written, &clock);
    let path = kept_at(&found.host)
        .ok_or_else(|| internal("there is no home folder to keep the result in"))?;
    if found.tokens_exact {
        keep(&path, &found)?;
    }
    Ok((found, path))
}

/// This machine's calibration by this version, where there is one.
pub(crate) fn kept() -> Option<Calibration> {
    let text = std::fs::read_to_string(kept_at(&host())?).ok()?;
    // A file of another form is as good as none: `calibrate` writes it anew.
    serde_json::from_str(&text).ok()
}

fn host() -> String {
    #[cfg(unix)]
    {
        rustix::system::uname().nodename().to_string_lossy().into_owned()
    }
    #[cfg(not(unix))]
    {
        std::env::var("COMPUTERNAME").unwrap_or_else(|_| "this machine".to_owned())
    }
}

fn kept_at(host: &str) -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .or_else(|| set("LOCALAPPDATA"))?;
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    let host: String = host.chars().map(plain).collect();
    let version = env!("CARGO_PKG_VERSION");
    Some(cache.join("weighbridge").join(format!("calibration-{host}-{version}.json")))
}

fn keep(path: &Path, found: &Calibration) -> Result<(), AppError> {
    let write = || -> std::io::Result<()> {
        let dir = path.parent().ok_or(std::io::ErrorKind::NotFound)?;
        std::fs::create_dir_all(dir)?;
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        serde_json::to_writer_pretty(&mut file, found)?;
        file.persist(path)?;
        Ok(())
    };
    write().context(path.display())?;
    Ok(())
}

/// The simulator as a process of its own: what it logs is not the client's doing.
struct Server {
    child: Child,
    url: String,
    ledger: PathBuf,
    model: String,
}

impl Server {
    fn start(dir: &Path) -> Result<Self, AppError> {
        let ledger = dir.join("ledger.jsonl");
        let itself = std::env::current_exe().context("where this program is")?;
        let mut child = Command::new(itself)
            .args(["sim", "--schedule", SCHEDULE, "--ledger"])
            .arg(&ledger)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("the simulator does not start")?;
        let mut url = String::new();
        let out = child.stdout.take().ok_or_else(|| internal("the simulator has no output"))?;
        BufReader::new(out).read_line(&mut url)?;
        let model = Fleet::unserved()
            .catalog(false)
            .endpoints
            .first()
            .map(|endpoint| endpoint.upstream_model.clone())
            .ok_or_else(|| internal("the fleet is empty"))?;
        Ok(Self { child, url: url.trim().to_owned(), ledger, model })
    }

    /// Stops it in good order, so that its log is whole, and reads the log.
    fn ledger(mut self) -> Result<BTreeMap<String, Written>, AppError> {
        #[derive(Deserialize)]
        struct Line {
            id: String,
            read_ns: u64,
            writes_ns: Vec<u64>,
        }
        #[cfg(unix)]
        {
            let id = rustix::process::Pid::from_child(&self.child);
            rustix::process::kill_process(id, rustix::process::Signal::TERM)
                .map_err(std::io::Error::from)?;
        }
        #[cfg(not(unix))]
        self.child.kill()?;
        self.child.wait()?;
        let file = std::fs::File::open(&self.ledger).context("the simulator's log")?;
        let mut written = BTreeMap::new();
        for line in BufReader::new(file).lines() {
            let line: Line = serde_json::from_str(&line?).context("the simulator's log")?;
            written.insert(line.id, Written { read: line.read_ns, writes: line.writes_ns });
        }
        Ok(written)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What was seen of each number of streams, and how late requests left at each rate.
type Measured = (Vec<(u32, Seen)>, Vec<(u32, crate::units::Histogram)>);

async fn measure(server: &Server, clock: &Clock) -> Result<Measured, AppError> {
    let text = format!(
        "[[provider]]\nname = \"sim\"\nbase_url = \"{}/v1\"\n\
         [[endpoint]]\nmodel = \"{}\"\nprovider = \"sim\"\nprice = \"free\"\n",
        server.url, server.model
    );
    let catalog = crate::catalog::load_text(&text, "the simulator")?;
    let endpoint = catalog.endpoints.into_iter().next().ok_or_else(|| internal("no endpoint"))?;
    let messages = [Message { role: "user".to_owned(), content: PROMPT.to_owned() }];
    let body = wire::encode(
        endpoint.provider.dialect,
        &Request {
            model: &endpoint.upstream_model,
            system: None,
            messages: &messages,
            tools: None,
            schema: None,
            max_tokens: Some(TOKENS as u64),
            limit_counts_reasoning: false,
            stream: true,
            params: &endpoint.params,
        },
    );
    let connect = Duration::from_secs(10);
    let transport = HttpTransport::new([&endpoint.provider], connect, clock)?;
    let endpoint = EndpointClient::new(endpoint, &Keys::new(), BreakerPolicy::default())?;
    let caller = Caller {
        transport,
        clock: clock.clone(),
        limits: AttemptLimits::default(),
        abort: CancellationToken::new(),
    };
    let calibrator = Arc::new(Calibrator { caller, endpoint, body: Bytes::from(body) });
    let (mut seen, mut lag) = (Vec::new(), Vec::new());
    let mut part = 0;
    for (streams, time) in STREAMS {
        // Connections are set up apart: what is calibrated is the stamping of streams.
        let id = calibrator.endpoint.endpoint().id.as_str();
        calibrator.caller.transport.warm("sim", id, &server.url, streams as usize).await;
        part += 1;
        seen.push((streams, calibrator.streams(part, streams, time).await));
    }
    for (per_s, time) in RATES {
        part += 1;
        lag.push((per_s, calibrator.lag(part, per_s, time).await?));
    }
    Ok((seen, lag))
}

fn compare(
    seen: &[(u32, Seen)],
    lag: &[(u32, crate::units::Histogram)],
    written: &BTreeMap<String, Written>,
    clock: &Clock,
) -> Calibration {
    let mut wrong = 0;
    let streams = seen
        .iter()
        .map(|(streams, seen)| {
            let errors = Errors::new(seen, written, TOKENS);
            wrong += errors.wrong;
            CalibratedStreams {
                streams: *streams,
                requests: seen.len() as u64,
                ttft: summary(&errors.ttft),
                icl: summary(&errors.icl),
                e2e: summary(&errors.e2e),
            }
        })
        .collect();
    let lag = lag
        .iter()
        .map(|(per_s, lag)| CalibratedLag { per_s: *per_s, requests: lag.len(), lag: summary(lag) })
        .collect();
    Calibration {
        host: host(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        measured_at: clock.wall_anchor().to_string(),
        streams,
        lag,
        tokens_exact: wrong == 0,
    }
}
