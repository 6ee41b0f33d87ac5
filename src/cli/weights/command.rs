//! `weights …`: one command or another.

use super::{diff, evaluate, lint, why};
use crate::cli::args::WeightsCommand;
use crate::cli::failure::Outcome;

/// `weighbridge weights …`.
pub(in crate::cli) fn weights(command: WeightsCommand) -> Outcome {
    match command {
        WeightsCommand::Evaluate(args) => evaluate::evaluate(&args),
        WeightsCommand::Why(args) => why::why(&args),
        WeightsCommand::Diff(args) => diff::diff(&args),
        WeightsCommand::Lint(args) => lint::lint(&args),
    }
}
