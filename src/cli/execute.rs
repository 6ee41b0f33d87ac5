//! One run between its plan and its figures: the simulator or the network, the lane, the database.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use super::args::{RunArgs, Timeouts};
use super::fleet::{self, Behaviour, Serving};
use super::inputs::{Fleet, Inputs};
use super::interrupts::Interrupts;
use super::run::SHORT;
use super::watch::{Notice, Watcher};
use super::{Failure, refused};
use crate::catalog::Endpoint;
use crate::client::{self, AttemptLimits, HttpTransport, Transport};
use crate::dispatch::{Budget, Dispatcher, Judge, Keys, Lane, RetryPolicy};
use crate::grade::{GradeTask, grade};
use crate::plan::Plan;
use crate::run::{IoThreads, LaneEnd, Progress, Signals, Watch, judge, run_tasks};
use crate::sim::InProcess;
use crate::store::{
    Ended, Manifest, NewRun, PlannedTrial, Store, StoreMode, StoredEndpoint, StoredTask, Validity,
    ValidityMark,
};
use crate::units::{Clock, ContentHash, Histogram, Usd};

/// One run's execution.
pub struct Execution<'a> {
    /// How it behaves.
    pub args: &'a RunArgs,
    /// What is weighed.
    pub inputs: &'a Inputs,
    /// The providers' keys.
    pub keys: &'a Keys,
    /// The money that may be spent.
    pub cap: Option<Usd>,
    /// The run folder, made and empty.
    pub dir: &'a Path,
}

impl Execution<'_> {
    /// Serves the simulated fleet that the run is weighed on.
    pub fn serve(&self, fleet: Fleet) -> Result<Serving, anyhow::Error> {
        let behaviour = Behaviour { seed: self.args.what.pick.seed, ..Behaviour::default() };
        let tasks = Arc::clone(&self.inputs.plan.tasks);
        let simulator = fleet::simulator(tasks, &behaviour, &Clock::real())?;
        fleet.serve(Arc::new(simulator))
    }

    /// Asks every trial of the fleet in process, on a paused clock.
    pub fn in_virtual_time(&self) -> Result<LaneEnd, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()?;
        runtime.block_on(async {
            let clock = Clock::virtual_time();
            let behaviour = Behaviour { seed: self.args.what.pick.seed, ..Behaviour::default() };
            let tasks = Arc::clone(&self.inputs.plan.tasks);
            let simulator = fleet::simulator(tasks, &behaviour, &clock)?;
            let transport = InProcess::new(Arc::new(simulator));
            let dispatcher = self.dispatcher(transport, &clock, StoreMode::Inline)?;
            let progress = self.progress();
            let signals = Signals::default();
            let end = self.lane(&dispatcher, &progress, &signals).await?;
            let validity = Validity {
                mark: ValidityMark::Virtual,
                reasons: Vec::new(),
                lag_p99_us: None,
                io_cpu_peak: None,
            };
            self.close(dispatcher, &end, validity, &clock).await?;
            Ok(end)
        })
    }

    /// Asks every trial over HTTP.
    pub fn over_http(&self) -> Result<LaneEnd, Failure> {
        let threads = IoThreads::default();
        let on_start = threads.clone();
        let runtime = client::runtime::build(move || on_start.register())?;
        runtime.block_on(async {
            let clock = Clock::real();
            let timeouts = self.args.timeout.unwrap_or_default();
            let providers = self.inputs.plan.endpoints.iter().map(|e| &e.provider);
            let transport = HttpTransport::new(providers, timeouts.connect, &clock)?;
            let dispatcher = self.dispatcher(transport, &clock, StoreMode::Threaded)?;
            let progress = Arc::new(self.progress());
            let names = self.inputs.plan.endpoints.iter().map(|e| e.id.to_string()).collect();
            let notice = Notice::default();
            let watcher =
                Watcher::start(names, Arc::clone(&progress), notice.clone(), clock.clone());
            let signals =
                Signals { drain: dispatcher.drain.clone(), abort: dispatcher.abort.clone() };
            let stop = tokio_util::sync::CancellationToken::new();
            let mut beside = tokio::task::JoinSet::new();
            let (listened, mut interrupts) = (signals.clone(), Interrupts::listen()?);
            beside.spawn(async move {
                listen(&listened, &mut interrupts, &notice).await;
                None
            });
            let watched = (stop.clone(), clock.clone(), threads);
            beside.spawn(async move { Some(Watch::until(watched.0, watched.1, watched.2).await) });
            let end = self.lane(&dispatcher, &progress, &signals).await?;
            drop(watcher);
            stop.cancel();
            let watch = watch_of(&mut beside).await;
            let validity = judge(&watch, median_ttft(&progress));
            self.close(dispatcher, &end, validity, &clock).await?;
            Ok(end)
        })
    }

    fn progress(&self) -> Progress {
        let plan = &self.inputs.plan;
        let mut totals = vec![0; plan.endpoints.len()];
        for trial in plan.trials.iter().filter(|t| t.ineligible.is_none()) {
            totals[trial.endpoint as usize] += 1;
        }
        Progress::new(&totals)
    }

    async fn lane<T: Transport>(
        &self,
        dispatcher: &Arc<Dispatcher<T>>,
        progress: &Progress,
        signals: &Signals,
    ) -> Result<LaneEnd, Failure> {
        let at_once = self.inputs.at_once(self.args.what.concurrency);
        let lane = run_tasks(&self.inputs.plan, dispatcher, &at_once, progress, signals).await;
        Ok(lane.with_context(|| {
            format!("the run stopped; what was recorded is in {}", self.dir.display())
        })?)
    }

    fn dispatcher<T: Transport>(
        &self,
        transport: T,
        clock: &Clock,
        mode: StoreMode,
    ) -> Result<Arc<Dispatcher<T>>, Failure> {
        let plan = &self.inputs.plan;
        let Timeouts { first_token, stall, total, .. } = self.args.timeout.unwrap_or_default();
        Ok(Arc::new(Dispatcher {
            transport,
            clock: clock.clone(),
            store: self.store(clock, mode)?,
            judge: self.args.no_content.then(|| judge_of(plan)),
            seed: plan.seed,
            lanes: lanes(self.inputs, self.keys)?,
            budget: Budget::new(self.cap),
            retry: RetryPolicy::default(),
            run: run_id(self.inputs, clock),
            held: tokio::sync::Notify::new(),
            limits: AttemptLimits { first_token, stall, total, ..AttemptLimits::default() },
            drain: tokio_util::sync::CancellationToken::new(),
            abort: tokio_util::sync::CancellationToken::new(),
        }))
    }

    fn store(&self, clock: &Clock, mode: StoreMode) -> Result<Store, Failure> {
        let plan = &self.inputs.plan;
        let manifest = manifest(self.inputs, clock);
        let tasks: Vec<StoredTask> = (0..).zip(plan.tasks.iter()).map(stored_task).collect();
        let endpoints: Vec<StoredEndpoint> = (0..)
            .zip(&plan.endpoints)
            .map(|(idx, endpoint)| StoredEndpoint { idx, endpoint: endpoint.clone() })
            .collect();
        let new = NewRun {
            manifest: &manifest,
            tasks: &tasks,
            endpoints: &endpoints,
            keep_content: !self.args.no_content,
        };
        let trials = plan.trials.iter().map(|trial| PlannedTrial {
            idx: trial.idx,
            key: trial.key,
            task: trial.task,
            endpoint: trial.endpoint,
            repeat: trial.repeat,
            ineligible: plan.why_ineligible(trial),
        });
        Ok(Store::create(self.dir, mode, new, trials)?)
    }

    async fn close<T: Transport>(
        &self,
        dispatcher: Arc<Dispatcher<T>>,
        end: &LaneEnd,
        validity: Validity,
        clock: &Clock,
    ) -> Result<(), Failure> {
        let duration = clock.now().since(clock.anchor());
        let dispatcher = Arc::into_inner(dispatcher).context("a trial outlived its lane")?;
        let ended = Ended {
            complete: end.complete,
            why: end.why.clone(),
            validity,
            duration_ns: u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX),
        };
        Ok(dispatcher.store.finish(ended).await?)
    }
}

/// Judges the answers of a run that keeps none.
fn judge_of(plan: &Plan) -> Judge {
    let tasks = Arc::clone(&plan.tasks);
    Judge::new(move |task, answer| {
        let task = tasks.get(task as usize)?;
        grade(&GradeTask::from(task), answer).score
    })
}

/// The run's id. In virtual time the same plan and seed are the same run; otherwise each start
/// is its own.
fn run_id(inputs: &Inputs, clock: &Clock) -> String {
    let process = if clock.is_virtual() { 0 } else { std::process::id() };
    let run = ContentHash::of_parts([
        inputs.plan.hash().hex().as_bytes(),
        clock.wall_anchor().to_string().as_bytes(),
        &process.to_le_bytes(),
    ]);
    run.hex()[..16].to_owned()
}

/// What a run is, when it starts.
pub fn manifest(inputs: &Inputs, clock: &Clock) -> Manifest {
    let plan_hash = inputs.plan.hash().hex();
    let started_at = clock.wall_anchor().to_string();
    let mut notes = inputs.notes.clone();
    if inputs.simulated {
        notes.push(SHORT.split_whitespace().collect::<Vec<_>>().join(" "));
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
        // Virtual time measures nothing.
        calibration: if clock.is_virtual() { None } else { super::calibrate::kept() },
        ended: None,
    }
}

/// The endpoints as they are driven.
pub fn lanes(inputs: &Inputs, keys: &Keys) -> Result<Vec<Lane>, Failure> {
    let lane = |endpoint: &Endpoint| Lane::new(endpoint.clone(), keys);
    inputs.plan.endpoints.iter().map(lane).collect::<Result<_, _>>().map_err(refused)
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
