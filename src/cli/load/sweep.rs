//! The sweep: one open loop after the other, up to the highest rate that meets its objectives.

use std::path::Path;

use anyhow::anyhow;

use super::job::{Job, Went};
use super::{conclude, mode};
use crate::cli::{Exit, Failure, Outcome, console, refused};
use crate::report::load::{SweepStep, sweep_answer, write_sweep};
use crate::run::load::Search;
use crate::store::ValidityMark;
use crate::units::Usd;

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
    let mut search = Search::new(range.least, range.most);
    let mut steps: Vec<SweepStep> = Vec::new();
    let mut left = job.cap;
    let mut exit = Exit::Ok;
    while let Some(per_s) = search.next() {
        let dir = job.dir.join(format!("{:02}-at-{per_s}", steps.len() + 1));
        let went = step(job, &dir, per_s, left)?;
        let figures = conclude(&dir)?;
        left = left.map(|left| left - figures.cost_upper);
        let step = SweepStep::of(per_s, args.good, &figures);
        search.note(per_s, step.met);
        console::say(&format!("  {}", step.line()));
        steps.push(step);
        if let Some(why) = stopped(&went, steps.last()) {
            console::say(&format!("weighbridge: the sweep ends here: {why}"));
            exit = why_exit(&went);
            break;
        }
    }
    write_sweep(job.dir, &steps)?;
    console::data(&sweep_answer(&steps, &search_words(&search), job.dir))?;
    Ok(exit)
}

fn step(job: &Job<'_>, dir: &Path, per_s: f64, cap: Option<Usd>) -> Result<Went, Failure> {
    let mode = mode::at_rate(job.args, per_s)?;
    let prompts = mode::prompts(&mode, job.inputs)?;
    std::fs::create_dir_all(dir)?;
    Job { cap, dir, ..*job }.execute(mode, prompts)
}

/// Why no further rate can be tried.
fn stopped(went: &Went, step: Option<&SweepStep>) -> Option<String> {
    if let Some(why) = &went.end.why {
        return Some(why.clone());
    }
    step.filter(|step| step.mark == ValidityMark::Invalid).map(|step| {
        format!("the client could not keep up at {}/s, so no rate above it can be told", step.per_s)
    })
}

fn why_exit(went: &Went) -> Exit {
    if went.end.why.is_some() { Exit::Incomplete } else { Exit::Invalid }
}

/// What was found, in words.
fn search_words(search: &Search) -> String {
    match (search.met(), search.missed()) {
        (Some(met), Some(missed)) => format!("highest rate that met: {met}/s; {missed}/s did not"),
        (Some(met), None) => format!("every rate that was tried met, up to {met}/s"),
        (None, Some(missed)) => format!("already {missed}/s did not meet"),
        (None, None) => "no rate was tried to its end".to_owned(),
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
