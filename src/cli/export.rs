//! `export`.

use super::args::ExportArgs;
use super::failure::Outcome;
use super::{Exit, console};
use crate::app;

/// `weighbridge export`: the configuration on stdout or in a file, and what it lacks on stderr.
pub(super) fn export(args: ExportArgs) -> Outcome {
    let to = args.to.name();
    let outcome = app::export(&args.options())?;
    if let Some(text) = &outcome.text {
        console::data(text)?;
    }
    for note in &outcome.notes {
        console::say(note);
    }
    for loss in &outcome.losses {
        console::say(&format!("not in {to}: {loss}"));
    }
    Ok(Exit::Ok)
}
