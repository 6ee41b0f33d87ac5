//! `load`: traffic for latency under load.

mod job;
mod mode;
mod sweep;

use std::path::Path;
use std::time::Duration;

use anyhow::anyhow;

use crate::aggregate::{self, LoadMetrics};
use crate::app::inputs::{self, Fleet, Inputs};
use crate::app::report::print_load;
use crate::app::{execution, run, spend};
use crate::catalog::{Endpoint, Price};
use crate::cli::args::LoadArgs;
use crate::cli::interrupts::Interrupts;
use crate::cli::{Exit, Failure, Outcome, console, refused};
use crate::client::HttpTransport;
use crate::dispatch::BreakerPolicy;
use crate::report::{self, LoadReport};
use crate::units::{Clock, Usd, ValidityMark};

use crate::run::load::LoadEnd;
use job::Job;
pub use job::raise_file_limit;
use mode::Mode;
pub use sweep::Range;

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
    execution::lanes(&inputs, &keys, BreakerPolicy::default())?;
    let cap = cap(args, &inputs)?;
    writable(args.interval_log.as_deref())?;
    if args.sweep.is_some() {
        let dir = run::folder(args.out.as_deref(), &inputs.name, "-sweep", &Clock::real())?;
        let cap = spend::within_month(cap, &inputs, &dir, &Clock::real())?;
        let job = Job { args, inputs: &inputs, keys: &keys, cap, dir: &dir };
        let _serving = if inputs.simulated { Some(job.serve(fleet)?) } else { None };
        let exit = sweep::sweep(&job);
        run::point_latest_to(&dir);
        return exit;
    }
    let mode = mode::mode(args, demo)?;
    let prompts = mode::prompts(&mode, &inputs, args.warmup.unwrap_or_default())?;
    let dir = run::folder(args.out.as_deref(), &inputs.name, "-load", &Clock::real())?;
    heading(&inputs, &mode);
    let cap = spend::within_month(cap, &inputs, &dir, &Clock::real())?;
    let job = Job { args, inputs: &inputs, keys: &keys, cap, dir: &dir };
    let end = {
        let _serving = if inputs.simulated { Some(job.serve(fleet)?) } else { None };
        job.execute(mode, prompts)?
    };
    run::point_latest_to(&dir);
    Interrupts::end_the_process(&dir)?;
    // The report reads the run folder.
    drop(inputs);
    let metrics = conclude(&dir)?;
    if let Some(path) = &args.interval_log {
        report::load::interval_log(&dir, path)?;
    }
    print_load(&LoadReport::new(&metrics), args.format, &dir)?;
    Ok(exit(&end, &metrics))
}

/// Everything after the last request.
pub fn conclude(dir: &Path) -> Result<LoadMetrics, anyhow::Error> {
    let metrics = aggregate::compute_load_metrics(dir)?;
    report::load::write(dir, &LoadReport::new(&metrics))?;
    Ok(metrics)
}

fn exit(end: &LoadEnd, metrics: &LoadMetrics) -> Exit {
    for (class, detail) in end.failures.iter().take(FAILURES) {
        console::say(&format!("  first {}: {detail}", class.name()));
    }
    if let Some(why) = &end.why {
        console::say(&format!("weighbridge: incomplete: {why}"));
    }
    let counts = &metrics.all.counts;
    if counts.ok == 0 && counts.failed > 0 {
        console::say("weighbridge: every request failed");
        return Exit::Internal;
    }
    if end.why.is_some() {
        return Exit::Incomplete;
    }
    let mark = metrics.validity.as_ref().map_or(ValidityMark::Valid, |validity| validity.mark);
    if mark == ValidityMark::Invalid { Exit::Invalid } else { Exit::Ok }
}

/// Classes of failure whose first words are told.
const FAILURES: usize = 4;

/// Refuses a file that could not be written after the load was paid for.
fn writable(path: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if path.is_dir() || !folder.is_dir() {
        return Err(refused(anyhow!(
            "--interval-log {}: name a file in a folder that exists",
            path.display()
        )));
    }
    Ok(())
}

/// The money that may be spent. Load is quick to spend, so what bills needs a cap, asked or not. An
/// address on this machine may be a gateway to those that do: only the simulator is free there.
fn cap(args: &LoadArgs, inputs: &Inputs) -> Result<Option<Usd>, Failure> {
    if args.budget.is_some_and(|cap| cap <= Usd::ZERO) {
        return Err(refused(anyhow!("--budget must be above zero")));
    }
    let endpoints = &inputs.plan.endpoints;
    if args.budget.is_none() && !inputs.simulated {
        let bills = |e: &&Endpoint| e.price.is_billed() && !(e.is_loopback() && is_simulated(e));
        if let Some(billed) = endpoints.iter().find(bills) {
            return Err(refused(anyhow!(
                "{} bills each request, and load sends many: say how much it may cost with \
                 --budget USD",
                billed.id
            )));
        }
    }
    if args.budget.is_some()
        && let Some(unknown) = endpoints.iter().find(|e| e.price == Price::Unknown)
    {
        return Err(refused(anyhow!(
            "{} has no known price, so a budget cannot hold for it: write its price in the \
             catalog, or leave it out",
            unknown.id
        )));
    }
    Ok(args.budget)
}

/// Whether what answers at an endpoint's address says that it is the simulator.
fn is_simulated(endpoint: &Endpoint) -> bool {
    /// It is on this machine.
    const LIMIT: Duration = Duration::from_secs(2);
    let asked = || -> Result<bool, anyhow::Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let provider = &endpoint.provider;
        runtime.block_on(async {
            let transport = HttpTransport::new([provider], LIMIT, &Clock::real())?;
            Ok(transport.is_simulated(&provider.name, &provider.base_url).await)
        })
    };
    asked().unwrap_or(false)
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
