//! `load`: from options to an outcome.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::conclude::{conclude, failures, status};
use super::job::Job;
use super::mode::{self, Mode};
use super::sweep::sweep;
use crate::app::error::{AppError, refused};
use crate::app::events::{Events, Progress};
use crate::app::fleet::Fleet;
use crate::app::inputs::{self, Inputs};
use crate::app::lanes::lanes;
use crate::app::options::LoadOptions;
use crate::app::outcome::{LoadOutcome, LoadResult};
use crate::app::{keys, run_folder, spend};
use crate::catalog::{Endpoint, Price};
use crate::client::HttpTransport;
use crate::dispatch::BreakerPolicy;
use crate::report::load::interval_log as write_interval_log;
use crate::units::{Clock, Usd};

/// Sends traffic and measures latency under load: open loop or closed loop, or a sweep of open
/// loops.
///
/// # Errors
/// [`AppError::Refused`] before any request is sent; [`AppError::Internal`] when the run database,
/// a file or the network stack fails. Requests that fail are part of the outcome.
#[expect(clippy::needless_pass_by_value, reason = "the options of every command are handed over")]
pub fn load(options: LoadOptions, events: &dyn Events) -> Result<LoadOutcome, AppError> {
    let demo = inputs::is_demo(&options.select);
    let fleet =
        if demo { Fleet::bind(SocketAddr::from(([127, 0, 0, 1], 0)))? } else { Fleet::unserved() };
    let inputs = inputs::read_for_load(&options.select, &fleet, events)?;
    let keys = keys::of_plan(&inputs.plan)?;
    lanes(&inputs, &keys, BreakerPolicy::default())?;
    let cap = cap(&options, &inputs)?;
    is_writable(options.interval_log.as_deref())?;
    let now = Clock::real();
    let out = options.out.as_deref();
    // Before a folder is made: nothing stays of a load that is refused.
    let beside = out.unwrap_or(Path::new("results/latest"));
    let cap = spend::within_month(cap, &inputs, beside, &now, options.unread_spend, events)?;
    if options.sweep.is_some() {
        let dir = run_folder::create(out, &inputs.name, "-sweep", &now)?;
        let job = Job { options: &options, inputs: &inputs, keys: &keys, cap, dir: &dir, events };
        let _serving = if inputs.simulated { Some(job.serve(fleet)?) } else { None };
        let outcome = sweep(&job);
        run_folder::point_latest_to(&dir);
        return outcome;
    }
    let mode = mode::mode(&options, demo)?;
    let prompts = mode::prompts(&mode, &inputs, options.warmup.unwrap_or_default())?;
    let dir = run_folder::create(out, &inputs.name, "-load", &now)?;
    heading(&inputs, &mode, events);
    let job = Job { options: &options, inputs: &inputs, keys: &keys, cap, dir: &dir, events };
    let end = {
        let _serving = if inputs.simulated { Some(job.serve(fleet)?) } else { None };
        job.execute(mode, prompts)?
    };
    run_folder::point_latest_to(&dir);
    events.progress(Progress::Recorded(dir.clone()));
    let failures = failures(&end, &inputs.plan.endpoints);
    // The report reads the run folder.
    drop(inputs);
    let lock = run_folder::hold(&dir)?;
    let (metrics, report) = conclude(&dir)?;
    drop(lock);
    if let Some(path) = &options.interval_log {
        write_interval_log(&dir, path)?;
    }
    Ok(LoadOutcome {
        status: status(&end, &metrics),
        failures,
        why: end.why,
        result: LoadResult::Load(Box::new(report)),
        dir,
    })
}

/// Refuses a file that could not be written, before the load is paid for.
fn is_writable(path: Option<&Path>) -> Result<(), AppError> {
    let Some(path) = path else { return Ok(()) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if path.is_dir() || !folder.is_dir() {
        return Err(refused(format!(
            "--interval-log {}: name a file in a folder that exists",
            path.display()
        )));
    }
    Ok(())
}

/// The cap on the cost of a load. Endpoints that bill need one. An address on this machine may be a
/// gateway to them: only the simulator is free there.
fn cap(options: &LoadOptions, inputs: &Inputs) -> Result<Option<Usd>, AppError> {
    if options.budget.is_some_and(|cap| cap <= Usd::ZERO) {
        return Err(refused("--budget must be above zero"));
    }
    let endpoints = &inputs.plan.endpoints;
    if options.budget.is_none() && !inputs.simulated {
        let bills = |e: &&Endpoint| e.price.is_billed() && !(e.is_loopback() && is_simulated(e));
        if let Some(billed) = endpoints.iter().find(bills) {
            return Err(refused(format!(
                "{} bills each request and a load sends many: cap the cost with --budget USD",
                billed.id
            )));
        }
    }
    if options.budget.is_some()
        && let Some(unknown) = endpoints.iter().find(|e| e.price == Price::Unknown)
    {
        return Err(refused(format!(
            "{} has no known price, so a budget cannot hold for it: write its price in the \
             catalog, or leave it out",
            unknown.id
        )));
    }
    Ok(options.budget)
}

/// Whether the simulator answers at an endpoint's address.
fn is_simulated(endpoint: &Endpoint) -> bool {
    /// It is on this machine.
    const LIMIT: Duration = Duration::from_secs(2);
    let asked = || -> Result<bool, Box<dyn std::error::Error>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let provider = &endpoint.provider;
        runtime.block_on(async {
            let transport = HttpTransport::new([provider], LIMIT, &Clock::real())?;
            Ok(transport.is_simulated(&provider.name, &provider.base_url).await)
        })
    };
    asked().unwrap_or(false)
}

fn heading(inputs: &Inputs, mode: &Mode, events: &dyn Events) {
    let mark = if inputs.simulated { "SIMULATED · " } else { "" };
    let n = inputs.plan.endpoints.len();
    let endpoints = match inputs.plan.endpoints.as_slice() {
        [only] => only.id.to_string(),
        _ => format!("{n} endpoints"),
    };
    events.notice(format!("{mark}load · {} · {endpoints}", mode::describe(mode)));
    for note in &inputs.notes {
        events.notice(format!("  {note}"));
    }
}
