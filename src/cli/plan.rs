//! `plan`.

use super::args::{PlanArgs, PlanFormat};
use super::failure::Outcome;
use super::terminal::Terminal;
use super::{Exit, console};
use crate::app;
use crate::plan::show;

/// `weighbridge plan`.
pub(super) fn plan(args: PlanArgs) -> Outcome {
    let outcome = app::plan(args.what.into(), &Terminal::default())?;
    match args.format {
        PlanFormat::Table => {
            let mark = if outcome.simulated {
                "SIMULATED fleet: invented models and prices\n"
            } else {
                ""
            };
            console::table(&format!("{mark}{}", show(&outcome.estimate)))?;
        }
        PlanFormat::Json => {
            console::data(&format!("{}\n", serde_json::to_string_pretty(&outcome.estimate)?))?;
        }
    }
    Ok(Exit::Ok)
}
