//! `run`: the main job. Plan, replay, grade, aggregate, tune, report.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};

use crate::aggregate::{self, RunMetrics};
use crate::app::execution::{Execution, breaker, lanes};
use crate::app::inputs::{self, Fleet, Inputs};
use crate::app::report::{print_run, write_report, write_weights};
use crate::app::resume;
use crate::app::shard::shard;
use crate::app::spend::Caps;
use crate::cli::args::RunArgs;
use crate::cli::interrupts::Interrupts;
use crate::cli::{Exit, Failure, Outcome, console, refused};
use crate::grade::grade_run;
use crate::plan::estimate;
use crate::report::RunReport;
use crate::run::RunEnd;
use crate::store::StoreError;
use crate::tune;
use crate::units::Fact;
use crate::units::{Clock, Usd, ValidityMark};

/// Expected dollars above which a run asks first.
const ASK_ABOVE: &str = "5";
/// Billed endpoints above which a run wants a selection.
const MOST_UNSELECTED: usize = 20;

/// `weighbridge run`.
pub fn run(args: &RunArgs) -> Outcome {
    let demo = inputs::is_demo(&args.what.pick);
    if args.virtual_time && args.what.pick.config.is_some() {
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
    let fleet = fleet.with_profiles(args.fleet.as_deref(), args.steady)?;
    let mut inputs = inputs::read(&args.what, &fleet, args.virtual_time)?;
    if args.steady && !inputs.simulated {
        return Err(refused(anyhow!("--steady is of the simulated fleet; `sim` has it too")));
    }
    if args.fleet.is_some() && !inputs.simulated {
        return Err(refused(anyhow!("--fleet is simulated: add --virtual or --demo")));
    }
    let shard = shard(args.shard.as_deref())?;
    something_to_ask(&inputs)?;
    if let Some(shard) = shard {
        inputs.take(shard);
    }
    let keys = inputs::keys(&inputs.plan)?;
    // A key that no header can carry is refused before anything is written.
    lanes(&inputs, &keys, breaker(args))?;
    let mut caps = Caps::of(args, &inputs)?;
    let now = Clock::real();
    let kind = if args.virtual_time { "-virtual" } else { "" };
    let (dir, earlier) = if let Some((dir, earlier)) = resume::earlier(args)? {
        if args.amend {
            allowed(args, &inputs, &caps)?;
        }
        resume::may_go_on(args, &inputs, &dir, &earlier)?;
        (dir, Some(earlier))
    } else {
        allowed(args, &inputs, &caps)?;
        (folder(args.out.as_deref(), &inputs.name, kind, &now)?, None)
    };
    let keep_content = earlier.as_ref().map_or(!args.no_content, |earlier| earlier.keep_content);
    if !keep_content {
        inputs.notes.push(Fact::NoContent);
    }
    caps.look_up_month(&dir, &now)?;
    heading(&inputs, args.virtual_time);

    let earlier = Cell::new(earlier);
    let execution = Execution {
        args,
        inputs: &inputs,
        keys: &keys,
        caps,
        fleet: Arc::clone(fleet.profiles()),
        dir: &dir,
        keep_content,
        earlier,
    };
    let end = if args.virtual_time {
        execution.in_virtual_time()?
    } else {
        let _serving = if inputs.simulated { Some(execution.serve(fleet)?) } else { None };
        execution.over_http()?
    };
    point_latest_to(&dir);
    if inputs.plan.trials.is_empty() {
        console::say("this shard holds none of the tasks; it merges as it is");
        return Ok(Exit::Ok);
    }
    Interrupts::end_the_process(&dir)?;
    // All that follows reads the run folder: what was planned need not be held twice.
    drop(inputs);
    let (metrics, report) = conclude(&dir)?;
    print_run(&report, args.format, &dir)?;
    let exit = exit(&end, &metrics);
    if exit == Exit::Incomplete {
        console::say(&format!(
            "go on with it: the same command with --resume --out {}",
            dir.display()
        ));
    }
    Ok(exit)
}

/// Everything after the last request: grade, aggregate, tune, report.
pub(super) fn conclude(dir: &Path) -> Result<(RunMetrics, RunReport), anyhow::Error> {
    match grade_run(dir) {
        // What keeps no answers was graded as they came.
        Ok(_) | Err(StoreError::NoContent { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let metrics = aggregate::compute_metrics(dir)?;
    let tuned = tune::tune(&metrics);
    write_weights(dir, &metrics, &tuned)?;
    let report = write_report(dir, &metrics, &tuned)?;
    Ok((metrics, report))
}

pub(super) fn exit(end: &RunEnd, metrics: &RunMetrics) -> Exit {
    if let Some(why) = &end.why {
        console::say(&format!("weighbridge: incomplete: {why}"));
    }
    let ended = metrics.manifest.ended.as_ref();
    if metrics.counts.ok == 0 && metrics.counts.failed > 0 {
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

/// Whether the run may start without asking.
fn allowed(args: &RunArgs, inputs: &Inputs, caps: &Caps) -> Result<(), Failure> {
    if inputs.simulated {
        return Ok(());
    }
    let share = inputs.quota_share(args.what.rate_share).share.unwrap_or(1.0);
    let estimate = estimate(&inputs.plan, &inputs.at_once(args.what.concurrency), share);
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
    if much && !caps.caps_run() && !args.yes {
        return Err(refused(anyhow!(
            "the run would cost {dollars} (`weighbridge plan` shows it by endpoint). Cap it with \
             --budget USD, or go ahead with --yes"
        )));
    }
    Ok(())
}

/// The run folder, made; refused where it holds a run. `kind` ends its name.
pub(super) fn folder(
    out: Option<&Path>,
    name: &str,
    kind: &str,
    now: &Clock,
) -> Result<PathBuf, Failure> {
    let dir = out.map_or_else(
        || {
            let time = now.wall_anchor().strftime("%Y%m%d-%H%M%S").to_string();
            let slug: String = name
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
                .take(40)
                .collect();
            let slug = slug.trim_matches('-');
            Path::new("results").join(format!("{time}-{slug}{kind}"))
        },
        Path::to_path_buf,
    );
    // Two runs may start within one second.
    let taken = |dir: &Path| dir.join("run.sqlite").exists();
    let named = dir.display().to_string();
    let numbered = (2..100).map(|n| PathBuf::from(format!("{named}-{n}")));
    let dir = match out {
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
pub(super) fn point_latest_to(dir: &Path) {
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
