//! `outcomes`.

use super::args::OutcomesCommand;
use super::failure::Outcome;
use super::run::conclude;
use super::terminal::Terminal;
use crate::app;

/// `weighbridge outcomes …`.
pub(super) fn outcomes(command: OutcomesCommand) -> Outcome {
    match command {
        OutcomesCommand::Import(args) => {
            let shown = args.shown;
            let outcome = app::import(&args.options(), &Terminal::default())?;
            conclude(&outcome, shown)
        }
    }
}
