//! `run`: plan, send, grade, aggregate, tune, report.

use std::cell::Cell;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use crate::app::error::{AppError, refused};
use crate::app::events::{Events, Progress};
use crate::app::execution::Execution;
use crate::app::fleet::Fleet;
use crate::app::inputs::{self, Inputs};
use crate::app::keys;
use crate::app::lanes::{breaker, lanes};
use crate::app::options::RunOptions;
use crate::app::outcome::{RunOutcome, RunStatus};
use crate::app::spend::{Caps, ExpectedCost};
use crate::app::{finish, resume as earlier, run_folder, served};
use crate::plan::{PlanEstimate, estimate};
use crate::units::Fact;
use crate::units::prose::pluralize;
use crate::units::{Clock, Usd};

/// Expected dollars above which a run needs a confirmation.
const CONFIRM_ABOVE: &str = "5";
/// Billed endpoints above which a run needs a selection.
const MOST_UNSELECTED: usize = 20;
/// What the simulated fleet's default scale means for the reader.
const SHORTENED: &str = "  prices, skills and TTFT ratios are the profiles'; lengths are not: answers\n  of at most \
     60 tokens, thinking of at most 2 s, stalls of at most 8 s (the profiles'\n  own: sim --scale \
     lengths=1)";

/// Plans, sends, grades, aggregates, tunes and reports. The outcome's folder holds all of it.
///
/// # Errors
/// [`AppError::Refused`] before any request is sent; [`AppError::Internal`] when the run database,
/// a file or the network stack fails. Requests that fail are part of the outcome.
pub fn run(options: RunOptions, events: &dyn Events) -> Result<RunOutcome, AppError> {
    let fleet = fleet(&options)?;
    let mut inputs = inputs::read(&options.plan, &fleet, options.virtual_time, events)?;
    needs_simulation(&options, &inputs)?;
    has_work(&inputs)?;
    if let Some(shard) = options.shard {
        inputs.take(shard);
    }
    let keys = keys::of_plan(&inputs.plan)?;
    // A key that no header can carry is refused before anything is written.
    lanes(&inputs, &keys, breaker(&options))?;
    let mut caps = Caps::new(&options, &inputs)?;
    let share = inputs.quota_share(options.plan.rate_share).share.unwrap_or(1.0);
    let estimate = estimate(&inputs.plan, &inputs.at_once(options.plan.concurrency), share);
    let now = Clock::real();
    // Before a folder is made: nothing stays of a run that is refused.
    let beside = options.out.as_deref().unwrap_or(Path::new("results/latest"));
    caps.look_up_month(beside, &now, options.unread_spend, events)?;
    let (dir, earlier) = if let Some((dir, earlier)) = earlier::earlier(&options)? {
        if options.amend {
            is_allowed(&options, &inputs, &estimate, &caps)?;
        }
        earlier::check(&options, &inputs, &dir, &earlier, events)?;
        (dir, Some(earlier))
    } else {
        is_allowed(&options, &inputs, &estimate, &caps)?;
        let kind = if options.virtual_time { "-virtual" } else { "" };
        (run_folder::create(options.out.as_deref(), &inputs.name, kind, &now)?, None)
    };
    if let Some(file) = inputs.served.as_ref().filter(|_| earlier.is_none()) {
        served::keep(&dir, file)?;
    }
    let keep_content = earlier.as_ref().map_or(options.keep_content, |run| run.keep_content);
    if !keep_content {
        inputs.notes.push(Fact::NoContent);
    }
    heading(&inputs, options.virtual_time, events);
    let virtual_time = options.virtual_time;
    let execution = Execution {
        options,
        inputs: &inputs,
        keys: &keys,
        caps,
        cost_expected: ExpectedCost::of(&estimate).filter(|_| !inputs.simulated),
        fleet: Arc::clone(fleet.profiles()),
        dir: &dir,
        keep_content,
        earlier: Cell::new(earlier),
        events,
    };
    let end = if virtual_time {
        execution.in_virtual_time()?
    } else {
        let _serving = if inputs.simulated { Some(execution.serve(fleet)?) } else { None };
        execution.over_http()?
    };
    run_folder::point_latest_to(&dir);
    if inputs.plan.trials.is_empty() {
        events.notice("this shard holds none of the tasks; it merges as it is");
        let status = RunStatus::Complete;
        return Ok(RunOutcome { dir, status, why: None, weights: None, report: None });
    }
    events.progress(Progress::Recorded(dir.clone()));
    // What follows reads the run folder: the plan need not be held twice.
    drop(execution);
    drop(inputs);
    finish::finish(&dir, end, events)
}

/// Resumes the run in [`RunOptions::out`], else in `results/latest`: finished trials are not
/// repeated.
///
/// # Errors
/// As [`run`], and [`AppError::Refused`] when the plan has changed without [`RunOptions::amend`].
pub fn resume(options: RunOptions, events: &dyn Events) -> Result<RunOutcome, AppError> {
    run(RunOptions { resume: true, ..options }, events)
}

fn fleet(options: &RunOptions) -> Result<Fleet, AppError> {
    let select = &options.plan.select;
    let fleet = if inputs::is_demo(select) && !options.virtual_time {
        Fleet::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?
    } else {
        Fleet::unserved()
    };
    fleet.with_profiles(options.fleet.as_deref(), options.steady)
}

fn needs_simulation(options: &RunOptions, inputs: &Inputs) -> Result<(), AppError> {
    if inputs.simulated {
        return Ok(());
    }
    if options.steady {
        return Err(refused("--steady requires the simulated fleet; `sim` has the option too"));
    }
    if options.fleet.is_some() {
        return Err(refused("--fleet requires the simulated fleet: add --virtual or --demo"));
    }
    Ok(())
}

/// Refuses a plan without a request.
fn has_work(inputs: &Inputs) -> Result<(), AppError> {
    let plan = &inputs.plan;
    if plan.trials.iter().any(|trial| trial.ineligible.is_none()) {
        return Ok(());
    }
    let why = plan.trials.first().and_then(|trial| plan.why_ineligible(trial)).unwrap_or_default();
    Err(refused(format!("no endpoint can take any of the tasks; the first: {why}")))
}

/// Refuses a run that costs much without a cap, a selection or a confirmation.
fn is_allowed(
    options: &RunOptions,
    inputs: &Inputs,
    estimate: &PlanEstimate,
    caps: &Caps,
) -> Result<(), AppError> {
    if inputs.simulated {
        return Ok(());
    }
    let dollars = dollars(estimate);
    if !inputs.selected && estimate.billed_endpoints > MOST_UNSELECTED {
        return Err(refused(format!(
            "the catalog holds {} billed endpoints and nothing is selected; a run of all of them \
             would cost {dollars}. Choose with -m GLOB, or with models in weighbridge.toml",
            estimate.billed_endpoints
        )));
    }
    let limit: Usd = CONFIRM_ABOVE.parse().expect("a decimal");
    let is_expensive =
        estimate.billed_endpoints > 0 && estimate.billed_up_to.is_none_or(|usd| usd > limit);
    if is_expensive && !caps.caps_run() && !options.cost_confirmed {
        return Err(refused(format!(
            "the run would cost {dollars} (`weighbridge plan` shows it by endpoint). Cap it with \
             --budget USD, or confirm with --yes"
        )));
    }
    Ok(())
}

/// What a run would cost, in words.
fn dollars(estimate: &PlanEstimate) -> String {
    let Some((expected, up_to)) = estimate.billed_expected.zip(estimate.billed_up_to) else {
        return "an unknown sum".to_owned();
    };
    let about = format!("about ${}", expected.to_fixed(2));
    if up_to == expected {
        return about;
    }
    let may: Vec<&str> = estimate
        .endpoints
        .iter()
        .filter(|e| e.billed && e.may_reason)
        .map(|e| e.endpoint.as_str())
        .collect();
    let who = may.first().copied().unwrap_or_default();
    let more = if may.len() > 1 { format!(" and {} more", may.len() - 1) } else { String::new() };
    format!(
        "{about}, up to ${} if {who}{more} reasons, which the catalog does not say (supports)",
        up_to.to_fixed(2)
    )
}

fn heading(inputs: &Inputs, virtual_time: bool, events: &dyn Events) {
    let plan = &inputs.plan;
    let mark = if inputs.simulated { "SIMULATED · " } else { "" };
    let kind = if virtual_time { " · virtual time" } else { "" };
    let eligible = plan.trials.iter().filter(|trial| trial.ineligible.is_none()).count();
    events.notice(format!(
        "{mark}{} · {} × {} · {}{kind}",
        inputs.name,
        pluralize(plan.tasks.len() as u64, "task"),
        pluralize(plan.endpoints.len() as u64, "endpoint"),
        pluralize(eligible as u64, "trial"),
    ));
    for note in &inputs.notes {
        events.notice(format!("  {note}"));
    }
    if inputs.simulated {
        events.notice(SHORTENED);
    }
}
