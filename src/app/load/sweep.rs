//! A sweep: one open loop after the other, up to the highest rate that meets the objectives.

use std::path::Path;

use super::conclude::{conclude, failures};
use super::job::Job;
use super::mode;
use crate::aggregate::LoadMetrics;
use crate::app::error::{AppError, refused};
use crate::app::options::LoadOptions;
use crate::app::outcome::{LoadOutcome, LoadResult, RunStatus};
use crate::app::run_folder;
use crate::catalog::Endpoint;
use crate::report::load::{SweepStep, sweep_answer, write_sweep};
use crate::run::load::{LoadEnd, Search};
use crate::units::{Usd, ValidityMark};

/// How often a rate that cannot be told is measured again, each time twice as long.
const MOST_EXTENSIONS: u32 = 2;

/// Runs the sweep. `job.dir` is the folder of the sweep; each step is a run folder in it.
pub(super) fn sweep(job: &Job<'_>) -> Result<LoadOutcome, AppError> {
    let options = job.options;
    let Some(range) = options.sweep.filter(|_| !options.slos.is_empty()) else {
        return Err(refused("--sweep finds the highest rate that meets --slo"));
    };
    if job.inputs.plan.endpoints.len() != 1 {
        return Err(refused(format!(
            "--sweep finds the limit of one endpoint, and {} are selected: choose one with -m or \
             --endpoint",
            job.inputs.plan.endpoints.len()
        )));
    }
    let mut search = Search::new(range.low, range.high);
    let mut steps: Vec<SweepStep> = Vec::new();
    let (mut left, mut status) = (job.cap, RunStatus::Complete);
    let (mut extensions, mut measured, mut counted) = (0, 0, 0);
    while let Some(per_s) = search.next() {
        measured += 1;
        let dir = job.dir.join(format!("{measured:02}-at-{per_s}"));
        let end = step(job, &dir, per_s, 1 << extensions, left)?;
        let lock = run_folder::hold(&dir)?;
        let (metrics, report) = conclude(&dir)?;
        drop(lock);
        left = left.map(|left| left - metrics.cost_upper);
        let step = SweepStep::new(per_s, range.good, &report);
        job.events.notice(format!("  {}", step.line()));
        let stopped = stopped(&end, &step, &metrics, &job.inputs.plan.endpoints);
        // The next one costs twice as much.
        let affordable = left.is_none_or(|left| metrics.cost_upper.times(2) <= left);
        let again = !step.is_told()
            && extensions < MOST_EXTENSIONS
            && affordable
            && !options.signals.drain.is_cancelled();
        // A client that was late for a while leaves the shorter measurement as it is.
        let is_late = matches!(stopped, Some((_, RunStatus::Invalid)));
        let (stopped, again) =
            if extensions > 0 && is_late { (None, false) } else { (stopped, again) };
        // The longer measurement of a rate counts, if it came to its end.
        match steps.last_mut().filter(|_| extensions > 0) {
            Some(before) if stopped.is_none() && !is_late => *before = step,
            Some(_) => {}
            None => steps.push(step),
        }
        if let Some((why, stopped)) = stopped {
            job.events.notice(format!("weighbridge: the sweep ends at {per_s}/s: {why}"));
            status = stopped;
            break;
        }
        if again {
            extensions += 1;
            job.events.notice(format!(
                "  {per_s}/s cannot be told yet: measured again, {} times as long",
                1 << extensions
            ));
            continue;
        }
        extensions = 0;
        counted = steps.len();
        search.note(per_s, steps.last().is_some_and(|step| step.met));
        if options.signals.drain.is_cancelled() && search.next().is_some() {
            job.events.notice("weighbridge: the sweep ends here: interrupted");
            status = RunStatus::Incomplete;
            break;
        }
    }
    write_sweep(job.dir, &steps)?;
    let screen = sweep_answer(&steps, &result(&steps[..counted], status), job.dir);
    let dir = job.dir.to_owned();
    let result = LoadResult::Sweep(screen);
    Ok(LoadOutcome { dir, status, why: None, failures: Vec::new(), result })
}

/// Measures a rate, `times` as long as asked for.
fn step(
    job: &Job<'_>,
    dir: &Path,
    per_s: f64,
    times: u32,
    cap: Option<Usd>,
) -> Result<LoadEnd, AppError> {
    let mode = mode::at_rate(&extended(job.options, times), per_s)?;
    let prompts = mode::prompts(&mode, job.inputs, job.options.warmup.unwrap_or_default())?;
    std::fs::create_dir_all(dir)?;
    Job { cap, dir, ..*job }.execute(mode, prompts)
}

/// The options with a window, or a number of requests, so many times as large.
fn extended(options: &LoadOptions, times: u32) -> LoadOptions {
    let mut options = options.clone();
    let window = options.duration.or(options.requests.is_none().then_some(mode::DEFAULT_WINDOW));
    options.duration = window.map(|window| window.saturating_mul(times));
    options.requests = options.requests.map(|n| n.saturating_mul(u64::from(times)));
    options
}

/// Why the sweep ends at a rate whose measurement does not count.
fn stopped(
    end: &LoadEnd,
    step: &SweepStep,
    metrics: &LoadMetrics,
    endpoints: &[Endpoint],
) -> Option<(String, RunStatus)> {
    let counts = &metrics.all.counts;
    if counts.ok == 0 && counts.failed > 0 {
        let first = failures(end, endpoints).into_iter().next();
        return Some((
            format!("every request failed; {}", first.unwrap_or_default()),
            RunStatus::Failed,
        ));
    }
    if let Some(why) = &end.why {
        return Some((why.clone(), RunStatus::Incomplete));
    }
    (step.mark == ValidityMark::Invalid)
        .then(|| ("the client could not keep up".to_owned(), RunStatus::Invalid))
}

/// The result of the sweep as a sentence: what met, what did not, and what cannot be told.
fn result(steps: &[SweepStep], status: RunStatus) -> String {
    let cut = if status == RunStatus::Complete { "" } else { " (cut short)" };
    let rates = |is: &dyn Fn(&SweepStep) -> bool| -> Vec<f64> {
        let mut rates: Vec<f64> = steps.iter().filter(|s| is(s)).map(|s| s.per_s).collect();
        rates.sort_by(f64::total_cmp);
        rates
    };
    let met = rates(&|step| step.is_told() && step.met);
    let missed = rates(&|step| step.is_told() && !step.met);
    let untold = rates(&|step| !step.is_told());
    // What lies below the highest rate that met is settled by it.
    let met = met.last().copied();
    let untold = untold.into_iter().find(|rate| met.is_none_or(|met| *rate > met));
    let said = match (met, untold, missed.first()) {
        (Some(met), None, None) => format!("every rate that was tried met, up to {met}/s"),
        (None, None, Some(missed)) => format!("already {missed}/s did not meet"),
        (None, None, None) => "no rate was tried to its end".to_owned(),
        (met, untold, missed) => {
            let met = met.map(|rate| format!("highest rate that met: {rate}/s"));
            let untold = untold.map(|rate| format!("cannot tell at {rate}/s"));
            let missed = missed.map(|rate| format!("{rate}/s did not"));
            met.into_iter().chain(untold).chain(missed).collect::<Vec<_>>().join("; ")
        }
    };
    said + cut
}
