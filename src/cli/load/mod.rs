//! `load`: traffic for latency under load.

mod job;
mod mode;

use std::path::Path;

use anyhow::anyhow;

use super::args::LoadArgs;
use super::inputs::{self, Fleet, Inputs};
use super::interrupts::Interrupts;
use super::{Exit, Failure, Outcome, console, execute, refused, run, spend};
use crate::aggregate::{self, LoadFigures};
use crate::catalog::{Endpoint, Price};
use crate::dispatch::BreakerPolicy;
use crate::report;
use crate::store::ValidityMark;
use crate::units::{Clock, Usd};

pub use job::raise_file_limit;
use job::{Job, Went};
use mode::Mode;

/// `weighbridge load`.
pub fn load(args: &LoadArgs) -> Outcome {
    let demo = inputs::is_demo(&args.pick);
    let fleet = if demo {
        Fleet::bind(std::net::SocketAddr::from(([127, 0, 0, 1], 0)))?
    } else {
        Fleet::unserved()
    };
    let inputs = inputs::read_for_load(&args.pick, &fleet)?;
    let keys = inputs::keys(&inputs.plan)?;
    execute::lanes(&inputs, &keys, BreakerPolicy::default())?;
    let cap = cap(args, &inputs)?;
    let mode = mode::mode(args, demo)?;
    let prompts = mode::prompts(&mode, &inputs)?;
    let dir = run::folder(args.out.as_deref(), &inputs.name, "-load", &Clock::real())?;
    heading(&inputs, &mode);
    let cap = spend::within_month(cap, &inputs, &dir, &Clock::real())?;
    let job = Job { args, inputs: &inputs, keys: &keys, cap, dir: &dir };
    let went = {
        let _serving = if inputs.simulated { Some(job.serve(fleet)?) } else { None };
        job.execute(mode, prompts)?
    };
    run::point_latest_to(&dir);
    Interrupts::end_the_process(&dir)?;
    // The report reads the run folder.
    drop(inputs);
    let figures = conclude(&dir)?;
    if let Some(path) = &args.interval_log {
        report::load::interval_log(&dir, path)?;
    }
    console::data(&report::load::answer(&figures, &dir))?;
    Ok(exit(&went, &figures))
}

/// Everything after the last request.
pub fn conclude(dir: &Path) -> Result<LoadFigures, anyhow::Error> {
    let figures = aggregate::load_figures(dir)?;
    report::load::write(dir, &figures)?;
    Ok(figures)
}

fn exit(went: &Went, figures: &LoadFigures) -> Exit {
    if let Some(why) = &went.end.why {
        console::say(&format!("weighbridge: incomplete: {why}"));
    }
    if went.ok == 0 && went.failed > 0 {
        console::say("weighbridge: every request failed; requests.csv has the reasons");
        return Exit::Internal;
    }
    if went.end.why.is_some() {
        return Exit::Incomplete;
    }
    let mark = figures.validity.as_ref().map_or(ValidityMark::Valid, |validity| validity.mark);
    if mark == ValidityMark::Invalid { Exit::Invalid } else { Exit::Ok }
}

/// The money that may be spent. Load is quick to spend, so what bills needs a cap, asked or not.
fn cap(args: &LoadArgs, inputs: &Inputs) -> Result<Option<Usd>, Failure> {
    if args.budget.is_some_and(|cap| cap <= Usd::ZERO) {
        return Err(refused(anyhow!("--budget must be above zero")));
    }
    let bills = |e: &&Endpoint| e.price.is_billed() && !e.is_loopback();
    if args.budget.is_none()
        && let Some(billed) = inputs.plan.endpoints.iter().find(bills)
    {
        return Err(refused(anyhow!(
            "{} bills each request, and load sends many: say how much it may cost with --budget USD",
            billed.id
        )));
    }
    if args.budget.is_some()
        && let Some(unknown) = inputs.plan.endpoints.iter().find(|e| e.price == Price::Unknown)
    {
        return Err(refused(anyhow!(
            "{} has no known price, so a budget cannot hold for it: write its price in the \
             catalog, or leave it out",
            unknown.id
        )));
    }
    Ok(args.budget)
}

fn heading(inputs: &Inputs, mode: &Mode) {
    let mark = if inputs.simulated { "SIMULATED · " } else { "" };
    let n = inputs.plan.endpoints.len();
    let endpoints = match inputs.plan.endpoints.as_slice() {
        [only] => only.id.to_string(),
        _ => format!("{n} endpoints"),
    };
    console::say(&format!("{mark}load · {} · {endpoints}", mode::describe(mode)));
    for note in &inputs.notes {
        console::say(&format!("  {note}"));
    }
}
