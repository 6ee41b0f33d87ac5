//! One run between its plan and its figures: the simulator or the network, the lane, the database.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use crate::app::fleet::{self, Behaviour, Serving};
use crate::app::inputs::{Fleet, Inputs};
use crate::app::spend::Caps;
use crate::catalog::{Endpoint, HttpVersion};
use crate::cli::args::{RunArgs, Timeouts};
use crate::cli::interrupts::Interrupts;
use crate::cli::watch::{Notice, Watcher};
use crate::cli::{Failure, console, refused};
use crate::client::{self, AttemptLimits, HttpTransport, Transport};
use crate::dispatch::{
    BreakerPolicy, Caller, EndpointClient, Gate, Judge, Keys, RetryPolicy, Trials, gates,
};
use crate::plan::{self, Plan};
use crate::run::{Asked, IoThreads, Progress, RunEnd, Signals, Watch, judge, run_tasks};
use crate::sim::{self, InProcess};
use crate::store::{
    ExistingRun, NewRun, PlannedTrial, PriorSessions, ResumedRun, ScoreRow, Spend, Store,
    StoreMode, StoredEndpoint, StoredTask, TrialProgress,
};
use crate::units::Fact;
use crate::units::clock::nanos;
use crate::units::{
    Clock, ContentHash, Histogram, Manifest, PacingSummary, RunEnding, Validity, ValidityMark,
};

/// One run's execution.
pub struct Execution<'a> {
    /// How it behaves.
    pub args: &'a RunArgs,
    /// What is weighed.
    pub inputs: &'a Inputs,
    /// The providers' keys.
    pub keys: &'a Keys,
    /// The money that may be spent.
    pub caps: Caps,
    /// The simulated endpoints, where they are asked.
    pub fleet: Arc<sim::Fleet>,
    /// The run folder, made.
    pub dir: &'a Path,
    /// Whether prompts and answers are kept: as the run in the folder does, if there is one.
    pub keep_content: bool,
    /// The run in it, to go on with; `None`: the folder is empty.
    pub earlier: Cell<Option<ExistingRun>>,
}

/// A session of a run, under way.
struct Session<T> {
    trials: Arc<Trials<T>>,
    /// Where each trial of the plan stood at its beginning.
    standing: Vec<TrialProgress>,
    /// What the sessions before came to.
    before: PriorSessions,
}

/// An open run database, and what it held.
struct Begun {
    store: Store,
    run: String,
    standing: Vec<TrialProgress>,
    before: PriorSessions,
    spent: Spend,
    since_start: Duration,
}

impl Execution<'_> {
    /// Serves the simulated fleet that the run is weighed on.
    pub fn serve(&self, fleet: Fleet) -> Result<Serving, anyhow::Error> {
        let tasks = Arc::clone(&self.inputs.simulated_tasks);
        let simulator = fleet::simulator(tasks, &self.behaviour(), &Clock::real())?;
        fleet.serve(Arc::new(simulator))
    }

    /// Asks every trial of the fleet in process, on a paused clock.
    pub fn in_virtual_time(&self) -> Result<RunEnd, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()?;
        runtime.block_on(async {
            let clock = Clock::virtual_time();
            let tasks = Arc::clone(&self.inputs.simulated_tasks);
            let simulator = fleet::simulator(tasks, &self.behaviour(), &clock)?;
            let transport = InProcess::new(Arc::new(simulator));
            let session = self.session(transport, &clock, StoreMode::Inline)?;
            let progress = self.progress(&session.standing);
            let signals = Signals::default();
            let end = self.lane(&session, &progress, &signals).await?;
            let validity = Validity {
                mark: ValidityMark::Virtual,
                reasons: Vec::new(),
                lag_p99_us: None,
                io_cpu_peak: None,
            };
            self.close(session, &end, validity, &clock).await?;
            Ok(end)
        })
    }

    /// Asks every trial over HTTP.
    pub fn over_http(&self) -> Result<RunEnd, Failure> {
        let threads = IoThreads::default();
        let on_start = threads.clone();
        let runtime = client::runtime::build(move || on_start.register())?;
        runtime.block_on(async {
            let clock = Clock::real();
            let timeouts = self.args.timeout.unwrap_or_default();
            let providers = self.inputs.plan.endpoints.iter().map(|e| &e.provider);
            let transport =
                HttpTransport::new(providers, timeouts.connect, &clock).map_err(refused)?;
            let session = self.session(transport, &clock, StoreMode::Threaded)?;
            let trials = &session.trials;
            let progress = Arc::new(self.progress(&session.standing));
            let names = self.inputs.plan.endpoints.iter().map(|e| e.id.to_string()).collect();
            let notice = Notice::default();
            let watcher =
                Watcher::start(names, Arc::clone(&progress), notice.clone(), clock.clone());
            let signals =
                Signals { drain: trials.drain.clone(), abort: trials.caller.abort.clone() };
            let stop = tokio_util::sync::CancellationToken::new();
            let mut beside = tokio::task::JoinSet::new();
            let (listened, mut interrupts) = (signals.clone(), Interrupts::listen()?);
            beside.spawn(async move {
                listen(&listened, &mut interrupts, &notice).await;
                None
            });
            let watched = (stop.clone(), clock.clone(), threads);
            beside.spawn(async move { Some(Watch::until(watched.0, watched.1, watched.2).await) });
            let end = self.lane(&session, &progress, &signals).await?;
            drop(watcher);
            stop.cancel();
            let watch = watch_of(&mut beside).await;
            let validity = judge(&watch, median_ttft(&progress));
            self.close(session, &end, validity, &clock).await?;
            Ok(end)
        })
    }

    fn behaviour(&self) -> Behaviour<'static> {
        let seed = self.args.what.pick.seed;
        Behaviour { seed, fleet: self.fleet.clone(), ..Behaviour::default() }
    }

    fn progress(&self, standing: &[TrialProgress]) -> Progress {
        let plan = &self.inputs.plan;
        let mut totals = vec![0; plan.endpoints.len()];
        for trial in (Asked { plan, standing }).open() {
            totals[trial.endpoint as usize] += 1;
        }
        Progress::new(&totals)
    }

    async fn lane<T: Transport>(
        &self,
        session: &Session<T>,
        progress: &Progress,
        signals: &Signals,
    ) -> Result<RunEnd, Failure> {
        let at_once = self.inputs.at_once(self.args.what.concurrency);
        let asked = Asked { plan: &self.inputs.plan, standing: &session.standing };
        let lane = run_tasks(asked, &session.trials, &at_once, progress, signals).await;
        Ok(lane.with_context(|| {
            format!("the run stopped; what was recorded is in {}", self.dir.display())
        })?)
    }

    fn session<T: Transport>(
        &self,
        transport: T,
        clock: &Clock,
        mode: StoreMode,
    ) -> Result<Session<T>, Failure> {
        let Timeouts { first_token, stall, total, .. } = self.args.timeout.unwrap_or_default();
        let begun = self.begin(clock, mode)?;
        let lanes = lanes(self.inputs, self.keys, breaker(self.args))?;
        let what = &self.args.what;
        let at_once = self.inputs.at_once(what.concurrency);
        let quota_share = self.inputs.quota_share(what.rate_share);
        let gates = gates(&self.inputs.plan.endpoints, &at_once, quota_share);
        let mut retry = RetryPolicy::default();
        retry.patience = self.args.patience.unwrap_or(retry.patience);
        let trials = Arc::new(Trials {
            caller: Caller {
                transport,
                clock: clock.clone(),
                limits: AttemptLimits { first_token, stall, total, ..AttemptLimits::default() },
                abort: tokio_util::sync::CancellationToken::new(),
            },
            store: begun.store,
            judge: (!self.keep_content).then(|| judge_of(&self.inputs.plan)),
            seed: self.inputs.plan.seed,
            endpoints: lanes.into_iter().zip(gates).map(|(lane, gate)| lane.behind(gate)).collect(),
            budgets: self.caps.budgets(self.inputs, &begun.spent),
            retry,
            since_start: begun.since_start,
            run: begun.run,
            held: tokio::sync::Notify::new(),
            drain: tokio_util::sync::CancellationToken::new(),
        });
        Ok(Session { trials, standing: begun.standing, before: begun.before })
    }

    /// Makes the run database, or opens the one that is there.
    fn begin(&self, clock: &Clock, mode: StoreMode) -> Result<Begun, Failure> {
        let plan = &self.inputs.plan;
        let mut manifest = manifest(self.inputs, clock);
        let tasks: Vec<StoredTask> = (0..).zip(plan.tasks.iter()).map(stored_task).collect();
        let endpoints: Vec<StoredEndpoint> = (0..)
            .zip(&plan.endpoints)
            .map(|(idx, endpoint)| StoredEndpoint { idx, endpoint: endpoint.clone() })
            .collect();
        let places = &self.inputs.places;
        let trials = plan.trials.iter().map(|trial| PlannedTrial {
            idx: places.get(trial.idx as usize).copied().unwrap_or(trial.idx),
            key: trial.key,
            task: trial.task,
            endpoint: trial.endpoint,
            repeat: trial.repeat,
            ineligible: plan.why_ineligible(trial),
        });
        if let Some(earlier) = self.earlier.take() {
            let trials: Vec<PlannedTrial> = trials.collect();
            let since_start = since_start(&earlier, clock);
            carry_over(&mut manifest, &earlier);
            let (run, spent) = (manifest.run.clone(), earlier.spent.clone());
            let new = NewRun {
                manifest: &manifest,
                tasks: &tasks,
                endpoints: &endpoints,
                keep_content: self.keep_content,
            };
            let from_ns = nanos(since_start);
            let ResumedRun { store, standing, sessions, retired } =
                earlier.resume(mode, new, &trials, from_ns)?;
            if retired > 0 {
                console::say(&format!(
                    "  {retired} trials are asked in another form now: the old ones are kept aside"
                ));
            }
            return Ok(Begun { store, run, standing, before: sessions, spent, since_start });
        }
        let fresh =
            |trial: PlannedTrial| TrialProgress::fresh(trial.idx, trial.ineligible.is_none());
        let standing = trials.clone().map(fresh).collect();
        let new = NewRun {
            manifest: &manifest,
            tasks: &tasks,
            endpoints: &endpoints,
            keep_content: self.keep_content,
        };
        Ok(Begun {
            store: Store::create(self.dir, mode, new, trials)?,
            run: manifest.run.clone(),
            standing,
            before: PriorSessions::default(),
            spent: Spend::default(),
            since_start: Duration::ZERO,
        })
    }

    async fn close<T: Transport>(
        &self,
        session: Session<T>,
        end: &RunEnd,
        validity: Validity,
        clock: &Clock,
    ) -> Result<(), Failure> {
        let duration = clock.now().since(clock.anchor());
        let trials = Arc::into_inner(session.trials).context("a trial outlived its lane")?;
        let mut paced = paced(&trials.endpoints);
        paced.extend(session.before.paced);
        let ended = RunEnding {
            complete: end.complete,
            why: end.why.clone(),
            validity: worse(session.before.validity, validity),
            duration_ns: session.before.duration_ns + nanos(duration),
            waited_ns: 0,
            paced: PacingSummary::combine(&paced),
            unknown_events: RunEnding::sum_unknown_events([
                &session.before.unknown_events,
                &unknown_events(&trials.endpoints),
            ]),
        };
        Ok(trials.store.finish(ended).await?)
    }
}

/// How long after the run's anchor this session begins: by the wall clock, and never before
/// something that the run has seen.
fn since_start(earlier: &ExistingRun, clock: &Clock) -> Duration {
    let started = earlier.manifest.started_at.parse::<jiff::Timestamp>();
    let by_wall = started.map_or(0, |s| clock.wall_anchor().duration_since(s).as_nanos());
    let by_wall = u64::try_from(by_wall.max(0)).unwrap_or(0);
    Duration::from_nanos(by_wall.max(earlier.last_ns))
}

/// Makes the manifest one of the run that goes on.
fn carry_over(manifest: &mut Manifest, earlier: &ExistingRun) {
    let had = &earlier.manifest;
    manifest.run.clone_from(&had.run);
    manifest.started_at.clone_from(&had.started_at);
    let before = had.notes.iter().find_map(|note| match note {
        Fact::Resumed { times } => Some(*times),
        _ => None,
    });
    manifest.notes.push(Fact::Resumed { times: before.unwrap_or(0) + 1 });
    // What is no longer in the plan stays in the run, and so does where it came from.
    for suite in &had.suites {
        if !manifest.suites.iter().any(|known| known.name == suite.name) {
            manifest.suites.push(suite.clone());
        }
    }
}

/// The worse of two sessions' marks, with what was found in both.
fn worse(before: Option<Validity>, now: Validity) -> Validity {
    let Some(before) = before else { return now };
    let mut reasons = before.reasons;
    reasons.extend(now.reasons.into_iter().filter(|_| now.mark != ValidityMark::Virtual));
    Validity {
        mark: before.mark.max(now.mark),
        reasons,
        lag_p99_us: before.lag_p99_us.max(now.lag_p99_us),
        io_cpu_peak: match (before.io_cpu_peak, now.io_cpu_peak) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        },
    }
}

/// When endpoints are paused and given up.
pub fn breaker(args: &RunArgs) -> BreakerPolicy {
    let usual = BreakerPolicy::default();
    let patience = args.patience.unwrap_or(usual.patience);
    BreakerPolicy { failures: args.breaker, patience, ..usual }
}

/// Judges the answers of a run that keeps none.
fn judge_of(plan: &Plan) -> Judge {
    let tasks = Arc::clone(&plan.tasks);
    Judge::new(move |trial, task, answer| {
        let task = tasks.get(task as usize)?;
        Some(ScoreRow::overall(trial, &task.grader, task.grade(answer).value, String::new()))
    })
}

/// The run's id. In virtual time the same plan and seed are the same run; otherwise each start
/// is its own.
fn run_id(inputs: &Inputs, clock: &Clock) -> String {
    let process = if clock.is_virtual() { 0 } else { std::process::id() };
    run_name(&inputs.plan.hash().hex(), &clock.wall_anchor().to_string(), process)
}

/// The id of the run of a plan that this process began at that time.
pub fn run_name(plan_hash: &str, started_at: &str, process: u32) -> String {
    let parts = [plan_hash.as_bytes(), started_at.as_bytes(), &process.to_le_bytes()];
    ContentHash::of_parts(parts).hex()[..16].to_owned()
}

/// What a run is, when it starts.
pub fn manifest(inputs: &Inputs, clock: &Clock) -> Manifest {
    let plan_hash = inputs.plan.hash().hex();
    let started_at = clock.wall_anchor().to_string();
    let mut notes = inputs.notes.clone();
    if inputs.simulated {
        notes.push(Fact::AnswersShortened);
    }
    Manifest {
        run: run_id(inputs, clock),
        name: inputs.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: inputs.plan.seed.0,
        virtual_time: clock.is_virtual(),
        demo: inputs.demo,
        started_at,
        repeats: inputs.plan.repeats,
        suites: inputs.suites.clone(),
        plan_hash,
        prices_hash: inputs.plan.prices_hash().hex(),
        judging: inputs.judging.clone(),
        notes,
        load: None,
        calibration: super::calibrate::kept().filter(|_| is_calibrated(inputs, clock)),
        embedded: inputs.simulated,
        cache: inputs.plan.cache,
        shard: inputs.shard.clone(),
        ended: None,
    }
}

/// Whether what `calibrate` measures is how every endpoint is asked: in real time, over HTTP/1.1,
/// with nothing between.
fn is_calibrated(inputs: &Inputs, clock: &Clock) -> bool {
    let direct = |e: &Endpoint| {
        let proxied = !inputs.simulated && client::through_proxy(&e.provider);
        e.provider.http == HttpVersion::Http1 && !proxied
    };
    !clock.is_virtual() && inputs.plan.endpoints.iter().all(direct)
}

/// The endpoints as they are driven.
pub fn lanes(
    inputs: &Inputs,
    keys: &Keys,
    breaker: BreakerPolicy,
) -> Result<Vec<EndpointClient>, Failure> {
    let lane = |endpoint: &Endpoint| EndpointClient::new(endpoint.clone(), keys, breaker);
    inputs.plan.endpoints.iter().map(lane).collect::<Result<_, _>>().map_err(refused)
}

/// What the endpoints' streams held that nobody knows.
fn unknown_events(lanes: &[EndpointClient]) -> BTreeMap<String, u64> {
    let of = |lane: &EndpointClient| (lane.endpoint().id.to_string(), lane.unknown_events());
    lanes.iter().map(of).filter(|(_, n)| *n > 0).collect()
}

/// What happened at the gates of these lanes, each once.
fn paced(lanes: &[EndpointClient]) -> Vec<PacingSummary> {
    let mut gates: Vec<&Arc<Gate>> = Vec::new();
    for gate in lanes.iter().map(EndpointClient::gate) {
        if !gates.iter().any(|known| Arc::ptr_eq(known, gate)) {
            gates.push(gate);
        }
    }
    gates.into_iter().filter_map(|gate| gate.paced()).collect()
}

/// A task as it is kept.
pub fn stored_task((idx, task): (u32, &crate::suite::Task)) -> StoredTask {
    StoredTask {
        idx,
        suite: task.suite.clone(),
        task: task.id.clone(),
        category: task.category.as_str().to_owned(),
        cluster: task.cluster.clone(),
        tags: task.tags.clone(),
        grader: task.grader.clone(),
        reference: task.reference.clone(),
        schema: task.schema.clone(),
        messages: task.messages.clone(),
        content_hash: Some(plan::key::task_hash(task)),
    }
}

/// The first Ctrl-C (or SIGTERM) drains, the second cuts.
pub async fn listen(signals: &Signals, interrupts: &mut Interrupts, notice: &Notice) {
    interrupts.next().await;
    notice.say("interrupted: waiting for what is under way; once more cuts it");
    signals.drain.cancel();
    interrupts.next().await;
    signals.abort.cancel();
}

/// What was seen of the client, once it is told to stop.
pub async fn watch_of(beside: &mut tokio::task::JoinSet<Option<Watch>>) -> Watch {
    while let Some(ended) = beside.join_next().await {
        if let Ok(Some(watch)) = ended {
            return watch;
        }
    }
    Watch::default()
}

fn median_ttft(progress: &Progress) -> Option<std::time::Duration> {
    let mut all = Histogram::new();
    progress.with(|endpoints| endpoints.iter().for_each(|e| all.merge(&e.ttft)));
    all.quantile(0.5)
}
