//! The sweep: one open loop after the other, up to the highest rate that meets its objectives.

use std::path::Path;
use std::sync::atomic::Ordering;

use anyhow::anyhow;

use super::job::Job;
use super::{conclude, mode};
use crate::aggregate::LoadMetrics;
use crate::cli::interrupts::Interrupts;
use crate::cli::{Exit, Failure, Outcome, console, refused};
use crate::report::LoadReport;
use crate::report::load::{SweepStep, sweep_answer, write_sweep};
use crate::run::load::{LoadEnd, Search};
use crate::units::{Usd, ValidityMark};

/// Runs the sweep. `job.dir` is the folder of the sweep; each step is a run folder in it.
pub fn sweep(job: &Job<'_>) -> Outcome {
    let args = job.args;
    let (Some(range), Some(_)) = (args.sweep, &args.slo) else {
        return Err(refused(anyhow!("--sweep looks for the highest rate that meets --slo")));
    };
    if job.inputs.plan.endpoints.len() != 1 {
        return Err(refused(anyhow!(
            "--sweep finds the limit of one endpoint, and {} are selected: choose one with -m or \
             --endpoint",
            job.inputs.plan.endpoints.len()
        )));
    }
    let interrupted = Interrupts::flag()?;
    let mut search = Search::new(range.least, range.most);
    let mut steps: Vec<SweepStep> = Vec::new();
    let (mut left, mut exit) = (job.cap, Exit::Ok);
    while let Some(per_s) = search.next() {
        let dir = job.dir.join(format!("{:02}-at-{per_s}", steps.len() + 1));
        let end = step(job, &dir, per_s, left)?;
        let metrics = conclude(&dir)?;
        left = left.map(|left| left - metrics.cost_upper);
        let step = SweepStep::new(per_s, args.good, &LoadReport::new(&metrics));
        console::say(&format!("  {}", step.line()));
        let stopped = stopped(&end, &step, &metrics);
        steps.push(step);
        if let Some((why, code)) = stopped {
            console::say(&format!("weighbridge: the sweep ends at {per_s}/s: {why}"));
            exit = code;
            break;
        }
        search.note(per_s, steps.last().is_some_and(|step| step.met));
        if interrupted.load(Ordering::Acquire) && search.next().is_some() {
            console::say("weighbridge: the sweep ends here: interrupted");
            exit = Exit::Incomplete;
            break;
        }
    }
    write_sweep(job.dir, &steps)?;
    console::data(&sweep_answer(&steps, &found(&search, exit), job.dir))?;
    Ok(exit)
}

fn step(job: &Job<'_>, dir: &Path, per_s: f64, cap: Option<Usd>) -> Result<LoadEnd, Failure> {
    let mode = mode::at_rate(job.args, per_s)?;
    let prompts = mode::prompts(&mode, job.inputs, job.args.warmup.unwrap_or_default())?;
    std::fs::create_dir_all(dir)?;
    Job { cap, dir, ..*job }.execute(mode, prompts)
}

/// Why a rate says nothing of the endpoint, and no further one can be tried.
fn stopped(end: &LoadEnd, step: &SweepStep, metrics: &LoadMetrics) -> Option<(String, Exit)> {
    let counts = &metrics.all.counts;
    if counts.ok == 0 && counts.failed > 0 {
        let first = end.failures.first_key_value();
        let first = first.map(|(class, detail)| format!("{}: {detail}", class.name()));
        return Some((
            format!("every request failed; {}", first.unwrap_or_default()),
            Exit::Internal,
        ));
    }
    if let Some(why) = &end.why {
        return Some((why.clone(), Exit::Incomplete));
    }
    (step.mark == ValidityMark::Invalid)
        .then(|| ("the client could not keep up".to_owned(), Exit::Invalid))
}

/// What was found, in words.
fn found(search: &Search, exit: Exit) -> String {
    let cut = if exit == Exit::Ok { "" } else { " (cut short)" };
    match (search.met(), search.missed()) {
        (Some(met), Some(missed)) => {
            format!("highest rate that met: {met}/s; {missed}/s did not{cut}")
        }
        (Some(met), None) => format!("every rate that was tried met, up to {met}/s{cut}"),
        (None, Some(missed)) => format!("already {missed}/s did not meet{cut}"),
        (None, None) => format!("no rate was tried to its end{cut}"),
    }
}

/// The rates that a sweep tries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The first, requests per second.
    pub least: f64,
    /// None is above it.
    pub most: f64,
}

impl Range {
    /// Reads `LOW..HIGH`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let rate = |text: &str| {
            let rate = text.trim().parse::<f64>().ok().filter(|rate| *rate >= 0.01 && *rate <= 1e5);
            rate.ok_or_else(|| format!("{text:?} is no rate from 0.01 to 100000 a second"))
        };
        let (least, most) =
            text.split_once("..").ok_or_else(|| format!("{text:?} is not LOW..HIGH"))?;
        let range = Self { least: rate(least)?, most: rate(most)? };
        if range.least >= range.most {
            return Err(format!("{text:?}: the first rate must be below the second"));
        }
        Ok(range)
    }
}
