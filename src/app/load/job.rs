//! One load run: from a plan to a run database with an ending.

use std::path::Path;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::conclude::facts;
use super::mode::Mode;
use crate::app::error::{AppError, Context, refused};
use crate::app::events::{Events, LiveLoad, Progress};
use crate::app::file_limit::raise_file_limit;
use crate::app::fleet::{self, Behaviour, Fleet, Serving};
use crate::app::inputs::Inputs;
use crate::app::lanes::{lanes, tell, usage_faults};
use crate::app::manifest::{manifest, stored_task};
use crate::app::options::LoadOptions;
use crate::catalog::{Endpoint, Price};
use crate::client::{self, HttpTransport};
use crate::dispatch::{BreakerPolicy, Budget, Caller, Keys};
use crate::run::load::{
    Closed, LoadEnd, LoadProgress, LoadSetup, LoadTest, Prompts, Recorded, Recorder, RecorderSetup,
    run_closed, run_open,
};
use crate::run::{IoThreads, LoadChecks, Watch, judge_load};
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
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub options: &'a LoadOptions,
    pub inputs: &'a Inputs,
    pub keys: &'a Keys,
    /// The most that it may cost.
    pub cap: Option<Usd>,
    /// The run folder.
    pub dir: &'a Path,
    pub events: &'a dyn Events,
}

impl Job<'_> {
    /// Serves the simulated fleet that is loaded.
    pub(super) fn serve(&self, fleet: Fleet) -> Result<Serving, AppError> {
        let behaviour = Behaviour { seed: self.options.select.seed, ..Behaviour::default() };
        let tasks = Arc::clone(&self.inputs.plan.tasks);
        let simulator = fleet::simulator(tasks, &behaviour, &Clock::real())?;
        fleet.serve(Arc::new(simulator))
    }

    /// Sends everything and records it.
    pub(super) fn execute(&self, mode: Mode, prompts: Prompts) -> Result<LoadEnd, AppError> {
        // Before the first connection, and before the database opens its files.
        let files = raise_file_limit();
        self.fits(&mode, files)?;
        let threads = IoThreads::default();
        let on_start = threads.clone();
        let register = move || on_start.register();
        let runtime = match self.options.workers {
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
            let lane = LoadTest::new(
                LoadSetup {
                    caller: Caller {
                        transport,
                        clock: clock.clone(),
                        limits: self.options.timeouts.into(),
                        abort: self.options.signals.abort.clone(),
                    },
                    endpoints: lanes(self.inputs, self.keys, BreakerPolicy::default())?,
                    budget: Budget::new(self.cap),
                    prompts,
                    run,
                    signals: self.options.signals.clone(),
                    progress: Arc::clone(&progress),
                    max_in_flight: most_under_way(files),
                },
                sink,
            );
            let planned = match &mode {
                Mode::Open { arrivals, .. } => Some(arrivals.len() as u64),
                Mode::Closed(closed) => closed.requests,
            };
            let live = LiveLoad { planned, state: progress, clock: clock.clone() };
            self.events.progress(Progress::LoadStarted(live));
            let stop = CancellationToken::new();
            let mut watch = JoinSet::new();
            watch.spawn(Watch::until(stop.clone(), clock.clone(), threads));
            let warmup = self.options.warmup.unwrap_or_default();
            let end = match mode {
                Mode::Open { arrivals, .. } => run_open(&lane, arrivals, warmup).await,
                Mode::Closed(closed) => run_closed(&lane, closed).await,
            };
            self.events.progress(Progress::RequestsEnded);
            stop.cancel();
            let watch = watch.join_next().await.and_then(Result::ok).unwrap_or_default();
            let usage_faults = usage_faults(lane.endpoints());
            // The recorder ends when no sender is left.
            drop(lane);
            let recorded = recorder.finish();
            let stopped =
                format!("the load stopped; what was recorded is in {}", self.dir.display());
            let end = end.context(&stopped)?;
            let recorded = recorded.context(&stopped)?;
            tell(&end.notes, self.events);
            let mut ended = ending(&end, &recorded, &watch, &clock);
            ended.usage_faults = usage_faults;
            ended.notes.extend(facts(&end, &self.inputs.plan));
            store.unsent_load(end.unsent.clone()).await?;
            store.finish(ended).await?;
            Ok(end)
        })
    }

    /// Refuses more users than there are sockets: what the system refuses is not the provider's
    /// failure.
    fn fits(&self, mode: &Mode, files: u64) -> Result<(), AppError> {
        let Mode::Closed(closed) = mode else { return Ok(()) };
        let users = u64::from(closed.concurrency) * self.inputs.plan.endpoints.len() as u64;
        if users <= sockets(files) {
            return Ok(());
        }
        Err(refused(format!(
            "{users} concurrent requests need more sockets than the limit of {files} open files \
             allows: raise the limit (ulimit -n), or lower -c"
        )))
    }

    fn transport(&self, clock: &Clock) -> Result<HttpTransport, AppError> {
        let endpoints = &self.inputs.plan.endpoints;
        let providers = endpoints.iter().map(|e| &e.provider);
        HttpTransport::new(providers, self.options.timeouts.connect, clock).map_err(refused)
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
    ) -> Result<(Store, ContentHash), AppError> {
        let plan = &self.inputs.plan;
        let mut manifest = manifest(self.inputs, clock);
        manifest.load =
            Some(LoadSpec { max_cost: prompts.max_cost(mode.lengths()), ..self.spec(mode) });
        let run = ContentHash::of(manifest.run.as_bytes());
        let by_length = matches!(mode, Mode::Open { arrivals, .. } if arrivals.lengths.is_some());
        let tasks: Vec<StoredTask> = if by_length {
            manifest.suites.clear();
            vec![stored_task((0, &trace_task()))]
        } else {
            (0..).zip(plan.tasks.iter()).map(stored_task).collect()
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
        let slos = &self.options.slos;
        LoadSpec {
            mode: lane,
            asked,
            window_ns: window.map(nanos),
            warmup_ns: nanos(self.options.warmup.unwrap_or_default()),
            ramp_ns: nanos(self.options.ramp.unwrap_or_default()),
            slos: slos
                .iter()
                .map(|(metric, limit)| LoadSlo { metric: metric.clone(), limit_ns: nanos(*limit) })
                .collect(),
            per_hour: self.inputs.plan.endpoints.iter().filter_map(per_hour).collect(),
            shape,
            speed,
            max_cost: None,
            requests,
            budget: self.cap,
        }
    }
}

/// How a load ended.
fn ending(end: &LoadEnd, recorded: &Recorded, watch: &Watch, clock: &Clock) -> RunEnding {
    let checks = LoadChecks {
        asked: recorded.asked,
        dropped: recorded.dropped,
        queue: LoadChecks::queue(&recorded.queue),
    };
    let duration = clock.now().since(clock.anchor());
    let validity = judge_load(watch, recorded.ttft.quantile(0.5), checks);
    RunEnding {
        complete: end.why.is_none(),
        why: end.why.clone(),
        validity,
        duration_ns: nanos(duration),
        waited_ns: nanos(end.waited),
        // A load is never held back: what the provider refuses is what is measured.
        paced: Vec::new(),
        unknown_events: std::collections::BTreeMap::new(),
        usage_faults: std::collections::BTreeMap::new(),
        notes: end.notes.clone(),
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
