//! `plan`: everything but the first request.

use super::args::{Format, PlanArgs};
use super::inputs::{self, Fleet};
use super::{Exit, Outcome, console, refused};
use crate::plan::{estimate, show};

/// `weighbridge plan`.
pub fn plan(args: &PlanArgs) -> Outcome {
    let inputs = inputs::read(&args.what, &Fleet::unserved())?;
    for note in &inputs.notes {
        console::say(note);
    }
    let estimate = estimate(&inputs.plan, &inputs.at_once(args.what.concurrency));
    match args.format {
        Format::Table => console::data(&show(&estimate))?,
        Format::Json => console::data(&format!("{}\n", serde_json::to_string_pretty(&estimate)?))?,
        Format::Csv => return Err(refused(anyhow::anyhow!("plan prints a table or JSON"))),
    }
    Ok(Exit::Ok)
}
