//! `run`: the main job. Plan, replay, grade, aggregate, tune, report.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};

use super::args::{RunArgs, Timeouts};
use super::fleet::{self, Behaviour, Serving};
use super::inputs::{self, Fleet, Inputs};
use super::interrupts::Interrupts;
use super::report::{write_report, write_weights};
use super::watch::{Notice, Watcher};
use super::{Exit, Failure, Outcome, console, refused};
use crate::aggregate::{self, Figures};
use crate::catalog::{Endpoint, Price};
use crate::client::{AttemptLimits, HttpTransport, Transport};
use crate::dispatch::{Budget, Dispatcher, Keys, Lane, RetryPolicy};
use crate::grade::grade_run;
use crate::plan::estimate;
use crate::report;
use crate::run::{IoThreads, LaneEnd, Progress, Signals, Watch, dearest, judge, run_tasks};
use crate::sim::InProcess;
use crate::store::{
    Ended, Manifest, NewRun, PlannedTrial, Store, StoreMode, StoredEndpoint, StoredTask, Validity,
    ValidityMark,
};
use crate::units::{Clock, ContentHash, Histogram, Usd};
use crate::weights::{self, WeightsFile};

/// Expected dollars above which a run asks first.
const ASK_ABOVE: &str = "5";
/// Billed endpoints above which a run wants a selection.
const MOST_UNSELECTED: usize = 20;

/// `weighbridge run`.
pub fn run(args: &RunArgs) -> Outcome {
    let demo = inputs::is_demo(&args.what);
    if args.virtual_time && args.what.config.is_some() {
        return Err(refused(anyhow!(
            "--virtual weighs the simulated fleet, which no configuration describes; leave out \
             --config"
        )));
    }
    let fleet = if demo && !args.virtual_time {
        Fleet::bind(std::net::SocketAddr::from(([127, 0, 0, 1], 0)))?
    } else {
        Fleet::unserved()
    };
    let inputs = inputs::read(&args.what, &fleet, args.virtual_time)?;
    let keys = inputs::keys(&inputs.plan)?;
    // A key that no header can carry is refused before anything is written.
    lanes(&inputs, &keys)?;
    something_to_ask(&inputs)?;
    let cap = cap(args, &inputs)?;
    allowed(args, &inputs, cap)?;
    let now = Clock::real();
    let dir = folder(args, &inputs, &now)?;
    heading(&inputs, args.virtual_time);

    let execution = Execution { args, inputs: &inputs, keys: &keys, cap, dir: &dir };
    let end = if args.virtual_time {
        execution.in_virtual_time()?
    } else {
        let _serving = if inputs.simulated { Some(execution.serve(fleet)?) } else { None };
        execution.over_http()?
    };
    point_latest_to(&dir);
    Interrupts::end_the_process(&dir)?;
    // All that follows reads the run folder: what was planned need not be held twice.
    drop(inputs);
    let (figures, weights) = conclude(&dir)?;
    console::data(&report::answer(&figures, &weights, &dir))?;
    Ok(exit(&end, &figures))
}

/// Everything after the last request: grade, aggregate, tune, report.
fn conclude(dir: &Path) -> Result<(Figures, WeightsFile), anyhow::Error> {
    grade_run(dir)?;
    let figures = aggregate::figures(dir)?;
    let tuned = weights::tune(&figures);
    write_weights(dir, &figures, &tuned)?;
    write_report(dir, &figures, &tuned)?;
    Ok((figures, tuned))
}

fn exit(end: &LaneEnd, figures: &Figures) -> Exit {
    if let Some(why) = &end.why {
        console::say(&format!("weighbridge: incomplete: {why}"));
    }
    let ended = figures.manifest.ended.as_ref();
    if figures.counts.ok == 0 && figures.counts.failed > 0 {
        console::say("weighbridge: every request failed; trials.csv has the reasons");
        return Exit::Internal;
    }
    if !end.complete {
        return Exit::Incomplete;
    }
    if ended.is_some_and(|ended| ended.validity.mark == ValidityMark::Invalid) {
        return Exit::Invalid;
    }
    Exit::Ok
}

/// A run in which nothing can be asked is not a run.
fn something_to_ask(inputs: &Inputs) -> Result<(), Failure> {
    let plan = &inputs.plan;
    if plan.trials.iter().any(|trial| trial.ineligible.is_none()) {
        return Ok(());
    }
    let why = plan.trials.first().and_then(|trial| plan.why_ineligible(trial)).unwrap_or_default();
    Err(refused(anyhow!("no endpoint can take any of the tasks; the first: {why}")))
}

/// The money that may be spent: the flag, else the configuration.
fn cap(args: &RunArgs, inputs: &Inputs) -> Result<Option<Usd>, Failure> {
    let cap = args.budget.or(inputs.per_run);
    if cap.is_some_and(|cap| cap <= Usd::ZERO) {
        return Err(refused(anyhow!("--budget must be above zero")));
    }
    if cap.is_some()
        && let Some(unknown) = inputs.plan.endpoints.iter().find(|e| e.price == Price::Unknown)
    {
        return Err(refused(anyhow!(
            "{} has no known price, so a budget cannot hold for it: write its price in the \
             catalog, or leave it out",
            unknown.id
        )));
    }
    if let Some(cap) = cap {
        one_trial_fits(inputs, cap)?;
    }
    Ok(cap)
}

/// A cap that does not hold the worst case of a single trial would end the run before that trial.
fn one_trial_fits(inputs: &Inputs, cap: Usd) -> Result<(), Failure> {
    let plan = &inputs.plan;
    let of = |trial: u32| plan.endpoint(&plan.trials[trial as usize]).id.clone();
    match dearest(plan) {
        Ok(Some((trial, most))) if most > cap => Err(refused(anyhow!(
            "one trial at {} may cost ${} at most, which --budget ${cap} does not hold: raise it, \
             give the task a max_tokens, or leave the endpoint out",
            of(trial),
            most.to_fixed(4),
        ))),
        Ok(_) => Ok(()),
        Err(trial) => Err(refused(anyhow!(
            "nothing bounds an answer of {}, so a budget cannot hold: give the endpoint max_output",
            of(trial)
        ))),
    }
}

/// Whether the run may start without asking.
fn allowed(args: &RunArgs, inputs: &Inputs, cap: Option<Usd>) -> Result<(), Failure> {
    if inputs.simulated {
        return Ok(());
    }
    let estimate = estimate(&inputs.plan, &inputs.at_once(args.what.concurrency));
    let dollars = estimate
        .billed_expected
        .map_or("an unknown sum".to_owned(), |usd| format!("about ${}", usd.to_fixed(2)));
    if !inputs.selected && estimate.billed_endpoints > MOST_UNSELECTED {
        return Err(refused(anyhow!(
            "the catalog holds {} billed endpoints and nothing is selected; weighing them all \
             would cost {dollars}. Choose with -m GLOB, or with models in weighbridge.toml",
            estimate.billed_endpoints
        )));
    }
    let limit: Usd = ASK_ABOVE.parse().expect("a decimal");
    let much =
        estimate.billed_endpoints > 0 && estimate.billed_expected.is_none_or(|usd| usd > limit);
    if much && cap.is_none() && !args.yes {
        return Err(refused(anyhow!(
            "the run would cost {dollars} (`weighbridge plan` shows it by endpoint). Cap it with \
             --budget USD, or go ahead with --yes"
        )));
    }
    Ok(())
}

/// The run folder, made; refused where it holds a run.
fn folder(args: &RunArgs, inputs: &Inputs, now: &Clock) -> Result<PathBuf, Failure> {
    let dir = args.out.clone().unwrap_or_else(|| {
        let time = now.wall_anchor().strftime("%Y%m%d-%H%M%S").to_string();
        let slug: String = inputs
            .name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
            .take(40)
            .collect();
        let slug = slug.trim_matches('-');
        let kind = if args.virtual_time { "-virtual" } else { "" };
        Path::new("results").join(format!("{time}-{slug}{kind}"))
    });
    // Two runs may start within one second.
    let taken = |dir: &Path| dir.join("run.sqlite").exists();
    let named = dir.display().to_string();
    let numbered = (2..100).map(|n| PathBuf::from(format!("{named}-{n}")));
    let dir = match args.out {
        Some(_) => dir,
        None => std::iter::once(dir.clone()).chain(numbered).find(|d| !taken(d)).unwrap_or(dir),
    };
    if taken(&dir) {
        return Err(refused(anyhow!(
            "{} already holds a run; choose another --out, or remove it",
            dir.display()
        )));
    }
    std::fs::create_dir_all(&dir)
        .with_context(|| format!("cannot make the run folder {}", dir.display()))
        .map_err(refused)?;
    Ok(dir)
}

/// Points `latest`, beside the run folder, to it. A file system without links goes without.
fn point_latest_to(dir: &Path) {
    #[cfg(unix)]
    if let (Some(parent), Some(name)) = (dir.parent(), dir.file_name())
        && parent.file_name().is_some_and(|p| p == "results")
    {
        let fresh = parent.join(".latest-new");
        let _ = std::fs::remove_file(&fresh);
        if std::os::unix::fs::symlink(name, &fresh).is_ok() {
            let _ = std::fs::rename(&fresh, parent.join("latest"));
        }
    }
}

fn heading(inputs: &Inputs, virtual_time: bool) {
    let plan = &inputs.plan;
    let mark = if inputs.simulated { "SIMULATED · " } else { "" };
    let kind = if virtual_time { " · virtual time" } else { "" };
    let eligible = plan.trials.iter().filter(|trial| trial.ineligible.is_none()).count();
    let things =
        |n: usize, one: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") };
    console::say(&format!(
        "{mark}{} · {} × {} · {}{kind}",
        inputs.name,
        things(plan.tasks.len(), "task"),
        things(plan.endpoints.len(), "endpoint"),
        things(eligible, "trial"),
    ));
    for note in &inputs.notes {
        console::say(&format!("  {note}"));
    }
    if inputs.simulated {
        console::say(SHORT);
    }
}

/// What the simulated fleet's default scale means for the reader.
const SHORT: &str = "  prices, skills and TTFT ratios are the profiles'; lengths are not: answers\n  of at most \
     60 tokens, thinking of at most 2 s, stalls of at most 8 s (the profiles'\n  own: sim --scale \
     lengths=1)";

/// One run's execution.
struct Execution<'a> {
    args: &'a RunArgs,
    inputs: &'a Inputs,
    keys: &'a Keys,
    cap: Option<Usd>,
    dir: &'a Path,
}

impl Execution<'_> {
    fn serve(&self, fleet: Fleet) -> Result<Serving, anyhow::Error> {
        let behaviour = Behaviour { seed: self.args.what.seed, ..Behaviour::default() };
        let tasks = Arc::clone(&self.inputs.plan.tasks);
        let simulator = fleet::simulator(tasks, &behaviour, &Clock::real())?;
        fleet.serve(Arc::new(simulator))
    }

    fn in_virtual_time(&self) -> Result<LaneEnd, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()?;
        runtime.block_on(async {
            let clock = Clock::virtual_time();
            let behaviour = Behaviour { seed: self.args.what.seed, ..Behaviour::default() };
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

    fn over_http(&self) -> Result<LaneEnd, Failure> {
        let threads = IoThreads::default();
        let on_start = threads.clone();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(cores.clamp(1, 4))
            .thread_name("client-io")
            .on_thread_start(move || on_start.register())
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let clock = Clock::real();
            let timeouts = self.args.timeout.unwrap_or_default();
            let providers = self
                .inputs
                .plan
                .endpoints
                .iter()
                .map(|e| (e.provider.name.as_str(), e.is_loopback()));
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
            seed: plan.seed,
            lanes: lanes(self.inputs, self.keys)?,
            budget: Budget::new(self.cap),
            retry: RetryPolicy::default(),
            run: self.run_id(clock),
            held: tokio::sync::Notify::new(),
            limits: AttemptLimits { first_token, stall, total, ..AttemptLimits::default() },
            drain: tokio_util::sync::CancellationToken::new(),
            abort: tokio_util::sync::CancellationToken::new(),
        }))
    }

    fn store(&self, clock: &Clock, mode: StoreMode) -> Result<Store, Failure> {
        let plan = &self.inputs.plan;
        let manifest = self.manifest(clock);
        let tasks: Vec<StoredTask> = (0..).zip(plan.tasks.iter()).map(stored_task).collect();
        let endpoints: Vec<StoredEndpoint> = (0..)
            .zip(&plan.endpoints)
            .map(|(idx, endpoint)| StoredEndpoint { idx, endpoint: endpoint.clone() })
            .collect();
        let new = NewRun {
            manifest: &manifest,
            tasks: &tasks,
            endpoints: &endpoints,
            keep_content: true,
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

    /// The run's id. In virtual time the same plan and seed are the same run; otherwise each start
    /// is its own.
    fn run_id(&self, clock: &Clock) -> String {
        let process = if clock.is_virtual() { 0 } else { std::process::id() };
        let run = ContentHash::of_parts([
            self.inputs.plan.hash().hex().as_bytes(),
            clock.wall_anchor().to_string().as_bytes(),
            &process.to_le_bytes(),
        ]);
        run.hex()[..16].to_owned()
    }

    fn manifest(&self, clock: &Clock) -> Manifest {
        let inputs = self.inputs;
        let plan_hash = inputs.plan.hash().hex();
        let started_at = clock.wall_anchor().to_string();
        let mut notes = inputs.notes.clone();
        if inputs.simulated {
            notes.push(SHORT.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        Manifest {
            run: self.run_id(clock),
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
            ended: None,
        }
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

fn lanes(inputs: &Inputs, keys: &Keys) -> Result<Vec<Lane>, Failure> {
    let lane = |endpoint: &Endpoint| Lane::new(endpoint.clone(), keys);
    inputs.plan.endpoints.iter().map(lane).collect::<Result<_, _>>().map_err(refused)
}

fn stored_task((idx, task): (u32, &crate::suite::Task)) -> StoredTask {
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
async fn listen(signals: &Signals, interrupts: &mut Interrupts, notice: &Notice) {
    interrupts.next().await;
    notice.say("interrupted: waiting for what is under way; once more cuts it");
    signals.drain.cancel();
    interrupts.next().await;
    signals.abort.cancel();
}

async fn watch_of(beside: &mut tokio::task::JoinSet<Option<Watch>>) -> Watch {
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
