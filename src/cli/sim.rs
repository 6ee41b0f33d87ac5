//! `sim`: the simulated fleet as a server of its own.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::args::SimArgs;
use super::failure::Outcome;
use super::interrupts::Interrupts;
use super::{Exit, console};
use crate::app::AppError;
use crate::app::error::{Context, refused};
use crate::app::fleet::{self, Behaviour, Fleet};
use crate::app::suites::bundled_suites;
use crate::sim::{Delivery, Faults, Pace, Scale};
use crate::suite::{Task, load_path};
use crate::units::Clock;

/// `weighbridge sim`.
#[expect(clippy::needless_pass_by_value, reason = "as every command")]
pub(super) fn sim(args: SimArgs) -> Outcome {
    if args.truth {
        let scale = Scale { lengths: args.scale };
        let fleet = Fleet::unserved().with_profiles(args.fleet.as_deref(), args.steady)?;
        let truth = fleet.profiles().truth(scale, args.chaos);
        console::data(&format!("{}\n", serde_json::to_string_pretty(&truth)?))?;
        return Ok(Exit::Ok);
    }
    let tasks = tasks(&args)?;
    let clock = Clock::real();
    let fleet = Fleet::bind(args.listen).map_err(refused)?;
    let fleet = fleet.with_profiles(args.fleet.as_deref(), args.steady)?;
    let behaviour = Behaviour {
        fleet: Arc::clone(fleet.profiles()),
        seed: args.seed,
        lengths: args.scale,
        pace: match (args.schedule, args.instant) {
            (Some(schedule), _) => Pace::Schedule(schedule),
            (None, Some(tokens)) => Pace::Instant { tokens },
            (None, None) => Pace::Profile,
        },
        faults: Faults::new(&args.fault).map_err(|e| refused(format!("--fault: {e}")))?,
        stall: args.stall,
        delivery: Delivery { coalesce: args.coalesce, split: args.split, drip: args.drip },
        ledger: args.ledger.as_deref(),
    };
    let n_tasks = tasks.len();
    let simulator = Arc::new(fleet::simulator(tasks.into(), &behaviour, &clock).map_err(refused)?);
    if let Some(path) = &args.write_catalog {
        std::fs::write(path, fleet.catalog_toml(args.chaos, &args.dialect))
            .context(path.display())
            .map_err(refused)?;
    }
    console::data(&format!("{}\n", fleet.base_url()))?;
    console::say(&format!(
        "SIMULATED fleet of {} endpoints that knows {} tasks; Ctrl-C stops it",
        fleet.profiles().listed(args.chaos).count(),
        n_tasks
    ));
    let serving = fleet.serve(Arc::clone(&simulator))?;
    stop_on_signal(serving.stop())?;
    serving.wait()?;
    if let Some(ledger) = simulator.ledger() {
        let lines = ledger.finish()?;
        console::say(&format!("{lines} requests in the ledger"));
    }
    Ok(Exit::Ok)
}

fn tasks(args: &SimArgs) -> Result<Vec<Task>, AppError> {
    let columns = args.map.clone().unwrap_or_default();
    let mut tasks: Vec<Task> =
        bundled_suites().into_iter().flat_map(|loaded| loaded.suite.tasks).collect();
    for path in &args.answers {
        let loaded = load_path(path, &columns).map_err(refused)?;
        for note in loaded.notes {
            console::say(&note);
        }
        tasks.extend(loaded.suite.tasks);
    }
    Ok(tasks)
}

fn stop_on_signal(stop: CancellationToken) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut interrupts = runtime.block_on(async { Interrupts::listen() })?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(interrupts.next());
        stop.cancel();
    })?;
    Ok(())
}
