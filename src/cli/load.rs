//! `load`.

use super::args::{LoadArgs, ReportFormat};
use super::console;
use super::failure::Outcome;
use super::terminal::Terminal;
use crate::app::{self, RunStatus};

/// Classes of failure of which the first is shown.
const SHOWN_FAILURES: usize = 4;

/// `weighbridge load`.
pub(super) fn load(args: LoadArgs) -> Outcome {
    let (is_sweep, format) = (args.sweep.is_some(), args.format);
    let terminal = Terminal::default();
    let outcome = app::load(args.options(terminal.signals()), &terminal)?;
    let json = outcome.to_json().filter(|_| format == ReportFormat::Json);
    console::data(&json.unwrap_or_else(|| outcome.screen()))?;
    for failure in outcome.failures.iter().take(SHOWN_FAILURES) {
        console::say(&format!("  first {failure}"));
    }
    if let Some(why) = &outcome.why {
        console::say_wrapped(&format!("weighbridge: incomplete: {why}"));
    }
    if outcome.status == RunStatus::Failed && !is_sweep {
        console::say("weighbridge: every request failed");
    }
    Ok(outcome.status.into())
}
