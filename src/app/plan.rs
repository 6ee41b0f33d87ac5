//! `plan`: everything but the first request.

use crate::app::inputs::{self, Fleet};
use crate::cli::args::{PlanArgs, PlanFormat};
use crate::cli::{Exit, Outcome, console};
use crate::plan::{estimate, show};

/// `weighbridge plan`.
pub fn plan(args: &PlanArgs) -> Outcome {
    let inputs = inputs::read(&args.what, &Fleet::unserved(), false)?;
    for note in &inputs.notes {
        console::say(&note.to_string());
    }
    let share = inputs.quota_share(args.what.rate_share).share.unwrap_or(1.0);
    let estimate = estimate(&inputs.plan, &inputs.at_once(args.what.concurrency), share);
    match args.format {
        PlanFormat::Table => {
            let mark =
                if inputs.simulated { "SIMULATED fleet: invented models and prices\n" } else { "" };
            console::table(&format!("{mark}{}", show(&estimate)))?;
        }
        PlanFormat::Json => {
            console::data(&format!("{}\n", serde_json::to_string_pretty(&estimate)?))?;
        }
    }
    Ok(Exit::Ok)
}
