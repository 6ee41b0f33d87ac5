//! One run between its plan and its figures: the simulator or the network, the lane, the database.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::app::error::{AppError, Context, internal, refused};
use crate::app::events::{Answer, Events, LiveRun, Progress, Question};
use crate::app::fleet::{self, Behaviour, Fleet, Serving};
use crate::app::inputs::Inputs;
use crate::app::lanes::{breaker, lanes, notes, pacing, unknown_events, usage_faults};
use crate::app::manifest::{manifest, stored_task};
use crate::app::options::RunOptions;
use crate::app::spend::{Caps, ExpectedCost};
use crate::client::{self, HttpTransport, Transport};
use crate::dispatch::{Caller, Keys, RetryPolicy, Trials, gates, provider_slots};
use crate::run::{
    IoThreads, PlanProgress, Progress as RunState, RunEnd, Signals, SpendWatch, Watch, judge,
    run_trials,
};
use crate::sim::{self, InProcess};
use crate::store::{
    ExistingRun, NewRun, PlannedTrial, PriorSessions, ResumedRun, Spend, Store, StoreMode,
    StoredEndpoint, StoredTask, TrialProgress,
};
use crate::units::clock::nanos;
use crate::units::{
    Clock, Fact, Histogram, Manifest, PacingSummary, RunEnding, Usd, Validity, ValidityMark,
};

/// One run's execution.
pub(crate) struct Execution<'a> {
    pub options: RunOptions,
    pub inputs: &'a Inputs,
    pub keys: &'a Keys,
    pub caps: Caps,
    /// What the run is expected to cost; `None`: it is not known, or nothing is billed.
    pub cost_expected: Option<ExpectedCost>,
    /// The simulated endpoints, where the plan asks them.
    pub fleet: Arc<sim::Fleet>,
    /// The run folder, which exists.
    pub dir: &'a Path,
    /// Whether prompts and answers are kept; a resumed run decides it for itself.
    pub keep_content: bool,
    /// The run to resume; `None`: the folder is empty.
    pub earlier: Cell<Option<ExistingRun>>,
    pub events: &'a dyn Events,
}

/// A session in progress.
struct Session<T> {
    trials: Arc<Trials<T>>,
    /// The progress of each trial of the plan when the session began.
    trial_progress: Vec<TrialProgress>,
    before: PriorSessions,
    /// What earlier sessions spent.
    spent: Spend,
}

/// An open run database with the state of earlier sessions.
struct OpenedRun {
    store: Store,
    run: String,
    trial_progress: Vec<TrialProgress>,
    before: PriorSessions,
    spent: Spend,
    since_start: Duration,
}

impl Execution<'_> {
    /// Serves the simulated fleet that the run is weighed on.
    pub(crate) fn serve(&self, fleet: Fleet) -> Result<Serving, AppError> {
        let tasks = Arc::clone(&self.inputs.simulated_tasks);
        let simulator = fleet::simulator(tasks, &self.behaviour(), &Clock::real())?;
        fleet.serve(Arc::new(simulator))
    }

    /// Asks every trial of the fleet in process, on a paused clock.
    pub(crate) fn in_virtual_time(&self) -> Result<RunEnd, AppError> {
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
            let progress = self.progress(&session.trial_progress);
            let end = self.lane(&session, &progress, &self.options.signals).await?;
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
    pub(crate) fn over_http(&self) -> Result<RunEnd, AppError> {
        let threads = IoThreads::default();
        let on_start = threads.clone();
        let runtime = client::runtime::build(move || on_start.register())?;
        runtime.block_on(async {
            let clock = Clock::real();
            let providers = self.inputs.plan.endpoints.iter().map(|e| &e.provider);
            let connect = self.options.timeouts.connect;
            let transport = HttpTransport::new(providers, connect, &clock).map_err(refused)?;
            let session = self.session(transport, &clock, StoreMode::Threaded)?;
            let progress = Arc::new(self.progress(&session.trial_progress));
            self.events.progress(Progress::RunStarted(LiveRun {
                endpoints: self.inputs.plan.endpoints.iter().map(|e| e.id.to_string()).collect(),
                state: Arc::clone(&progress),
                clock: clock.clone(),
            }));
            let stop = CancellationToken::new();
            let mut watch = JoinSet::new();
            watch.spawn(Watch::until(stop.clone(), clock.clone(), threads));
            let end = self.lane(&session, &progress, &self.options.signals).await;
            self.events.progress(Progress::RequestsEnded);
            let end = end?;
            stop.cancel();
            let watch = watch.join_next().await.and_then(Result::ok).unwrap_or_default();
            let validity = judge(&watch, median_ttft(&progress));
            self.close(session, &end, validity, &clock).await?;
            Ok(end)
        })
    }

    /// Whether the user said what the run may cost, or that it may cost what it will.
    fn is_cost_covered(&self) -> bool {
        self.options.cost_confirmed || self.caps.caps_run()
    }

    /// The run costs more than was expected: says so or asks. Whether it goes on.
    fn costs_more(&self, spent: Usd) -> bool {
        let expected = self.cost_expected.as_ref().map(|cost| cost.expected).unwrap_or_default();
        if self.is_cost_covered() {
            self.events.notice(format!(
                "the run has cost up to ${} so far, more than twice the ${} that was expected",
                spent.to_fixed(4),
                expected.to_fixed(4)
            ));
            return true;
        }
        self.events.ask(&Question::CostsMore { spent, expected }) == Answer::Yes
    }

    fn behaviour(&self) -> Behaviour<'static> {
        let seed = self.options.plan.select.seed;
        Behaviour { seed, fleet: self.fleet.clone(), ..Behaviour::default() }
    }

    fn progress(&self, trial_progress: &[TrialProgress]) -> RunState {
        let plan = &self.inputs.plan;
        let mut totals = vec![0; plan.endpoints.len()];
        for trial in (PlanProgress { plan, progress: trial_progress }).open() {
            totals[trial.endpoint as usize] += 1;
        }
        RunState::new(&totals)
    }

    async fn lane<T: Transport>(
        &self,
        session: &Session<T>,
        progress: &RunState,
        signals: &Signals,
    ) -> Result<RunEnd, AppError> {
        let at_once = self.inputs.at_once(self.options.plan.concurrency);
        let asked = PlanProgress { plan: &self.inputs.plan, progress: &session.trial_progress };
        let goes_on = |spent| self.costs_more(spent);
        let watch = self.cost_expected.as_ref().map(|cost| SpendWatch {
            expected: cost.expected,
            before: cost.counted(&session.spent),
            counts: cost.counts.iter().map(|(_, counts)| *counts).collect(),
            stops: !self.is_cost_covered(),
            goes_on: &goes_on,
        });
        let lane = run_trials(asked, &session.trials, &at_once, progress, signals, watch).await;
        Ok(lane
            .context(format!("the run stopped; what was recorded is in {}", self.dir.display()))?)
    }

    fn session<T: Transport>(
        &self,
        transport: T,
        clock: &Clock,
        mode: StoreMode,
    ) -> Result<Session<T>, AppError> {
        let opened = self.begin(clock, mode)?;
        let lanes = lanes(self.inputs, self.keys, breaker(&self.options))?;
        for lane in &lanes {
            lane.recall(&opened.before.notes);
        }
        let at_once = self.inputs.at_once(self.options.plan.concurrency);
        let share = self.inputs.quota_share(self.options.plan.rate_share);
        let gates = gates(&self.inputs.plan.endpoints, &at_once, share);
        let slots = provider_slots(&self.inputs.plan.endpoints, self.inputs.among());
        let mut retry = RetryPolicy::default();
        retry.patience = self.options.patience.unwrap_or(retry.patience);
        let trials = Arc::new(Trials {
            caller: Caller {
                transport,
                clock: clock.clone(),
                limits: self.options.timeouts.into(),
                abort: self.options.signals.abort.clone(),
            },
            store: opened.store,
            tasks_to_grade: (!self.keep_content).then(|| Arc::clone(&self.inputs.plan.tasks)),
            seed: self.inputs.plan.seed,
            endpoints: lanes
                .into_iter()
                .zip(gates.into_iter().zip(slots))
                .map(|(lane, (gate, slots))| lane.behind(gate).within(slots))
                .collect(),
            budgets: self.caps.budgets(self.inputs, &opened.spent),
            retry,
            since_start: opened.since_start,
            run: opened.run,
            held: tokio::sync::Notify::new(),
            drain: self.options.signals.drain.clone(),
        });
        Ok(Session {
            trials,
            trial_progress: opened.trial_progress,
            before: opened.before,
            spent: opened.spent,
        })
    }

    /// Creates the run database, or opens an existing one.
    fn begin(&self, clock: &Clock, mode: StoreMode) -> Result<OpenedRun, AppError> {
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
            let ResumedRun { store, progress: trial_progress, sessions, retired } =
                earlier.resume(mode, new, &trials, from_ns)?;
            if retired > 0 {
                self.events.notice(format!(
                    "  {retired} trials changed their request; the earlier results are kept aside"
                ));
            }
            return Ok(OpenedRun {
                store,
                run,
                trial_progress,
                before: sessions,
                spent,
                since_start,
            });
        }
        let fresh =
            |trial: PlannedTrial| TrialProgress::fresh(trial.idx, trial.ineligible.is_none());
        let trial_progress = trials.clone().map(fresh).collect();
        let new = NewRun {
            manifest: &manifest,
            tasks: &tasks,
            endpoints: &endpoints,
            keep_content: self.keep_content,
        };
        Ok(OpenedRun {
            store: Store::create(self.dir, mode, new, trials)?,
            run: manifest.run.clone(),
            trial_progress,
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
    ) -> Result<(), AppError> {
        let duration = clock.now().since(clock.anchor());
        let trials = Arc::into_inner(session.trials)
            .ok_or_else(|| internal("a trial is still running after the run ended"))?;
        let mut paced = pacing(&trials.endpoints);
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
            notes: notes(&trials.endpoints, self.events),
            usage_faults: RunEnding::sum_usage_faults([
                &session.before.usage_faults,
                &usage_faults(&trials.endpoints),
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

fn median_ttft(progress: &RunState) -> Option<std::time::Duration> {
    let mut all = Histogram::new();
    progress.with(|endpoints| endpoints.iter().for_each(|e| all.merge(&e.ttft)));
    all.quantile(0.5)
}
