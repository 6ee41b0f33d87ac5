//! One load run: from a plan to a run database with an ending.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use tokio_util::sync::CancellationToken;

use super::mode::Mode;
use crate::app::execution;
use crate::app::fleet::{self, Behaviour, Serving};
use crate::app::inputs::{Fleet, Inputs};
use crate::catalog::{Endpoint, Price};
use crate::cli::args::{LoadArgs, Timeouts};
use crate::cli::interrupts::Interrupts;
use crate::cli::watch::{Notice, Watcher};
use crate::cli::{Failure, refused};
use crate::client::{self, AttemptLimits, HttpTransport};
use crate::dispatch::{BreakerPolicy, Budget, Caller, Keys};
use crate::run::load::{
    Closed, LoadEnd, LoadProgress, LoadSetup, LoadTest, Prompts, Recorded, Recorder, RecorderSetup,
    run_closed, run_open,
};
use crate::run::{IoThreads, LoadChecks, Signals, Watch, judge_load};
use crate::store::{NewRun, Store, StoreMode, StoredEndpoint, StoredTask};
use crate::suite::Task;
use crate::units::clock::nanos;
use crate::units::{Clock, ContentHash, LoadMode, LoadSlo, LoadSpec, RunEnding, Usd};

/// Requests under way at most, where the system gives as many sockets. Beyond it, what an open
/// loop measures is its own queue.
const MOST_UNDER_WAY: u64 = 8_192;
/// Files that are kept for everything but requests.
const OTHER_FILES: u64 = 128;
/// Connections that are made ready for an open loop before it starts, at most.
const MOST_WARMED: usize = 64;

/// One load run.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The flags.
    pub args: &'a LoadArgs,
    /// What is loaded.
    pub inputs: &'a Inputs,
    /// The providers' keys.
    pub keys: &'a Keys,
    /// The most that it may cost.
    pub cap: Option<Usd>,
    /// The run folder.
    pub dir: &'a Path,
}

impl Job<'_> {
    /// Serves the simulated fleet that is loaded.
    pub fn serve(&self, fleet: Fleet) -> Result<Serving, anyhow::Error> {
        let behaviour = Behaviour { seed: self.args.pick.seed, ..Behaviour::default() };
        let tasks = Arc::clone(&self.inputs.plan.tasks);
        let simulator = fleet::simulator(tasks, &behaviour, &Clock::real())?;
        fleet.serve(Arc::new(simulator))
    }

    /// Sends everything and records it.
    pub fn execute(&self, mode: Mode, prompts: Prompts) -> Result<LoadEnd, Failure> {
        // Before the first connection, and before the database opens its files.
        let files = raise_file_limit();
        self.fits(&mode, files)?;
        let threads = IoThreads::default();
        let on_start = threads.clone();
        let register = move || on_start.register();
        let runtime = match self.args.workers {
            Some(n) => client::runtime::with_threads(n.into(), register)?,
            None => client::runtime::build(register)?,
        };
        runtime.block_on(async {
            let clock = Clock::real();
            let transport = self.transport(&clock)?;
            self.warm(&transport, &mode).await;
            let (store, run) = self.store(&clock, &mode, &prompts)?;
            let progress = Arc::new(LoadProgress::default());
            let (recorder, sink) = Recorder::start(RecorderSetup {
                store: store.clone(),
                progress: Arc::clone(&progress),
                n_endpoints: self.inputs.plan.endpoints.len(),
            })?;
            let signals = Signals::default();
            let Timeouts { first_token, stall, total, .. } = self.args.timeout.unwrap_or_default();
            let lane = LoadTest::new(
                LoadSetup {
                    caller: Caller {
                        transport,
                        clock: clock.clone(),
                        limits: AttemptLimits {
                            first_token,
                            stall,
                            total,
                            ..AttemptLimits::default()
                        },
                        abort: signals.abort.clone(),
                    },
                    endpoints: execution::lanes(self.inputs, self.keys, BreakerPolicy::default())?,
                    budget: Budget::new(self.cap),
                    prompts,
                    run,
                    signals: signals.clone(),
                    progress: Arc::clone(&progress),
                    max_in_flight: most_under_way(files),
                },
                sink,
            );
            let notice = Notice::default();
            let planned = match &mode {
                Mode::Open { arrivals, .. } => Some(arrivals.len() as u64),
                Mode::Closed(closed) => closed.requests,
            };
            let watcher = Watcher::of_load(planned, progress, notice.clone(), clock.clone());
            let stop = CancellationToken::new();
            let mut beside = tokio::task::JoinSet::new();
            let mut interrupts = Interrupts::listen()?;
            beside.spawn(async move {
                execution::listen(&signals, &mut interrupts, &notice).await;
                None
            });
            let watched = (stop.clone(), clock.clone(), threads);
            beside.spawn(async move { Some(Watch::until(watched.0, watched.1, watched.2).await) });
            let warmup = self.args.warmup.unwrap_or_default();
            let end = match mode {
                Mode::Open { arrivals, .. } => run_open(&lane, arrivals, warmup).await,
                Mode::Closed(closed) => run_closed(&lane, closed).await,
            };
            drop(watcher);
            stop.cancel();
            let watch = execution::watch_of(&mut beside).await;
            // What is not taken by the recorder ends with the lane.
            drop(lane);
            let recorded = recorder.finish();
            let stopped =
                || format!("the load stopped; what was recorded is in {}", self.dir.display());
            let end = end.with_context(stopped)?;
            let recorded = recorded.with_context(stopped)?;
            self.close(store, &end, &recorded, &watch, &clock).await?;
            Ok(end)
        })
    }

    /// Refuses more users than there are sockets: what the system refuses is not the provider's
    /// failure.
    fn fits(&self, mode: &Mode, files: u64) -> Result<(), Failure> {
        let Mode::Closed(closed) = mode else { return Ok(()) };
        let users = u64::from(closed.concurrency) * self.inputs.plan.endpoints.len() as u64;
        if users <= sockets(files) {
            return Ok(());
        }
        Err(refused(anyhow!(
            "{users} requests at a time need more sockets than the {files} open files that the \
             system allows: raise the limit (ulimit -n), or lower -c"
        )))
    }

    fn transport(&self, clock: &Clock) -> Result<HttpTransport, Failure> {
        let timeouts = self.args.timeout.unwrap_or_default();
        let endpoints = &self.inputs.plan.endpoints;
        let providers = endpoints.iter().map(|e| &e.provider);
        HttpTransport::new(providers, timeouts.connect, clock).map_err(refused)
    }

    /// Opens connections before anything is timed.
    async fn warm(&self, transport: &HttpTransport, mode: &Mode) {
        let endpoints = &self.inputs.plan.endpoints;
        for endpoint in endpoints {
            let n = match mode {
                Mode::Closed(closed) => closed.concurrency as usize,
                Mode::Open { arrivals, .. } => {
                    MOST_WARMED.min(arrivals.len()).div_ceil(endpoints.len())
                }
            };
            let (provider, id) = (&endpoint.provider, endpoint.id.as_str());
            // A provider that cannot be reached shows in the requests themselves.
            let _ = transport.warm(&provider.name, id, &provider.base_url, n).await;
        }
    }

    fn store(
        &self,
        clock: &Clock,
        mode: &Mode,
        prompts: &Prompts,
    ) -> Result<(Store, ContentHash), Failure> {
        let plan = &self.inputs.plan;
        let mut manifest = execution::manifest(self.inputs, clock);
        manifest.load =
            Some(LoadSpec { dearest: prompts.dearest(mode.lengths()), ..self.spec(mode) });
        let run = ContentHash::of(manifest.run.as_bytes());
        let by_length = matches!(mode, Mode::Open { arrivals, .. } if arrivals.lengths.is_some());
        let tasks: Vec<StoredTask> = if by_length {
            manifest.suites.clear();
            vec![execution::stored_task((0, &trace_task()))]
        } else {
            (0..).zip(plan.tasks.iter()).map(execution::stored_task).collect()
        };
        let endpoints: Vec<StoredEndpoint> = (0..)
            .zip(&plan.endpoints)
            .map(|(idx, endpoint)| StoredEndpoint { idx, endpoint: endpoint.clone() })
            .collect();
        let new = NewRun {
            manifest: &manifest,
            tasks: &tasks,
            endpoints: &endpoints,
            keep_content: false,
        };
        Ok((Store::create(self.dir, StoreMode::Threaded, new, std::iter::empty())?, run))
    }

    fn spec(&self, mode: &Mode) -> LoadSpec {
        let (lane, asked, window, shape, speed, requests) = match mode {
            Mode::Open { arrivals, shape, speed, window } => {
                (LoadMode::Open, Some(arrivals.len() as u64), *window, shape.clone(), *speed, None)
            }
            Mode::Closed(closed) => {
                let Closed { concurrency, ramp, warmup, window, requests } = *closed;
                let window = window.map(|window| window + ramp + warmup);
                let shape = format!("{concurrency} at a time");
                // With a warm-up nobody knows how many come before what counts.
                let asked = requests.filter(|_| (ramp + warmup).is_zero());
                (LoadMode::Closed { concurrency }, asked, window, shape, 1.0, requests)
            }
        };
        let per_hour = |e: &Endpoint| match e.price {
            Price::PerHour(usd) => Some((e.id.to_string(), usd)),
            _ => None,
        };
        let slos = self.args.slo.as_ref().map_or(&[][..], |slos| &slos.0);
        LoadSpec {
            mode: lane,
            asked,
            window_ns: window.map(nanos),
            warmup_ns: nanos(self.args.warmup.unwrap_or_default()),
            ramp_ns: nanos(self.args.ramp.unwrap_or_default()),
            slos: slos
                .iter()
                .map(|(metric, limit)| LoadSlo { metric: metric.clone(), limit_ns: nanos(*limit) })
                .collect(),
            per_hour: self.inputs.plan.endpoints.iter().filter_map(per_hour).collect(),
            shape,
            speed,
            dearest: None,
            requests,
            budget: self.cap,
        }
    }

    async fn close(
        &self,
        store: Store,
        end: &LoadEnd,
        recorded: &Recorded,
        watch: &Watch,
        clock: &Clock,
    ) -> Result<(), Failure> {
        let checks = LoadChecks {
            asked: recorded.asked,
            dropped: recorded.dropped,
            queue: LoadChecks::queue(&recorded.queue),
        };
        let duration = clock.now().since(clock.anchor());
        store.unsent_load(end.unsent.clone()).await?;
        let validity = judge_load(watch, recorded.ttft.quantile(0.5), checks);
        let ended = RunEnding {
            complete: end.why.is_none(),
            why: end.why.clone(),
            validity,
            duration_ns: nanos(duration),
            waited_ns: nanos(end.waited),
            // A load is never held back: what the provider refuses is what is measured.
            paced: Vec::new(),
            unknown_events: std::collections::BTreeMap::new(),
        };
        Ok(store.finish(ended).await?)
    }
}

/// What the requests of a trace stand under.
fn trace_task() -> Task {
    Task::new("trace", "lengths", "trace", Vec::new())
}

/// How many requests may be under way: as many as the system gives sockets, for the simulated
/// fleet's side as well.
fn most_under_way(files: u64) -> u64 {
    MOST_UNDER_WAY.min(sockets(files)).max(1)
}

fn sockets(files: u64) -> u64 {
    files.saturating_sub(OTHER_FILES) / 2
}

/// Raises the number of files that this process may open to what the system allows anyone (the
/// soft limit is a default of old), and gives it.
pub fn raise_file_limit() -> u64 {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        let files = match setrlimit(Resource::Nofile, raised) {
            Ok(()) => limit.maximum,
            Err(_) => limit.current,
        };
        files.unwrap_or(u64::MAX)
    }
    #[cfg(not(unix))]
    u64::MAX
}
