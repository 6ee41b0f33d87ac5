//! Finished runs: `report`, `grade`, `tune`, `merge`.

use std::path::PathBuf;

use clap::Args;

use super::values::{ReportFormat, goal, share};
use crate::app::Detail;
use crate::cli::exit;
use crate::units::Goal;

/// A run folder.
#[derive(Debug, Args)]
pub(in crate::cli) struct RunFolder {
    /// The run folder.
    #[arg(value_name = "RUN", default_value = "results/latest")]
    pub run: PathBuf,
}

/// `merge`.
#[derive(Debug, Args)]
#[command(after_help = exit::TABLE)]
pub(in crate::cli) struct MergeArgs {
    /// The run folders of the shards.
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,
    /// The run folder to create.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// `tune`.
#[derive(Debug, Args)]
pub(in crate::cli) struct TuneArgs {
    #[command(flatten)]
    pub folder: RunFolder,
    /// The goal; default: the run's.
    #[arg(long, value_parser = goal())]
    pub goal: Option<Goal>,
    /// The accepted loss of quality, 0 to 1; default: the run's.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub margin: Option<f64>,
    /// Exit with 14 where today's weights file is kept, since the new one is not shown within the margin.
    #[arg(long)]
    pub require_proven: bool,
    /// Print the table of all endpoints below the verdicts.
    #[arg(long)]
    pub endpoints: bool,
}

/// How the result of a run is printed.
#[derive(Clone, Copy, Debug, Args)]
pub(in crate::cli) struct ShownArgs {
    /// Output format: one screen, or JSON by the schema in docs/schema/.
    #[arg(long, value_enum, default_value_t = ReportFormat::Screen)]
    pub format: ReportFormat,
    /// Print the table of all endpoints below the verdicts.
    #[arg(long)]
    pub endpoints: bool,
}

impl ShownArgs {
    /// One screen.
    pub const SCREEN: Self = Self { format: ReportFormat::Screen, endpoints: false };

    /// How much a screen shows.
    pub fn detail(self) -> Detail {
        if self.endpoints { Detail::Endpoints } else { Detail::Screen }
    }
}

/// `report`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ReportArgs {
    #[command(flatten)]
    pub folder: RunFolder,
    #[command(flatten)]
    pub shown: ShownArgs,
    /// Put prompts and answers into report.html, where they can be searched.
    #[arg(long, conflicts_with = "prices")]
    pub with_content: bool,
    /// Reprice the run's tokens with a snapshot or another catalog, and print the change.
    #[arg(long, value_name = "SNAPSHOT", conflicts_with_all = ["format", "endpoints"])]
    pub prices: Option<PathBuf>,
}
