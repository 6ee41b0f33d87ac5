//! `run`, and how a run ends.

use super::args::{ReportFormat, RunArgs, ShownArgs};
use super::console;
use super::failure::Outcome;
use super::terminal::Terminal;
use crate::app::{self, RunOutcome, RunStatus};

/// `weighbridge run`.
pub(super) fn run(args: RunArgs) -> Outcome {
    let terminal = Terminal::default();
    let shown = args.shown;
    let outcome = app::run(args.options(terminal.signals()), &terminal)?;
    let exit = conclude(&outcome, shown)?;
    if outcome.status == RunStatus::Incomplete {
        console::say(&format!(
            "resume it with the same command and --resume --out {}",
            outcome.dir.display()
        ));
    }
    Ok(exit)
}

/// Prints the result of a run.
pub(super) fn conclude(outcome: &RunOutcome, shown: ShownArgs) -> Outcome {
    console::data(&match shown.format {
        ReportFormat::Screen => outcome.screen(shown.detail()),
        ReportFormat::Json => outcome.to_json(),
    })?;
    if let Some(why) = &outcome.why {
        console::say_wrapped(&format!("weighbridge: incomplete: {why}"));
    }
    say_no_data(&outcome.no_data());
    if outcome.status == RunStatus::Failed {
        console::say("weighbridge: every request failed; trials.csv has the reasons");
    }
    Ok(outcome.status.into())
}

/// Prints what was asked and answered nothing.
pub(super) fn say_no_data(sentences: &[String]) {
    for sentence in sentences {
        console::say_wrapped(&format!("weighbridge: no data: {sentence}"));
    }
}
