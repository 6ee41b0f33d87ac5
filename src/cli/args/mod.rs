//! The command line, as clap reads it.

mod catalog;
mod cli;
mod export;
mod finished;
mod init;
mod load;
mod outcomes;
mod run;
mod select;
mod show;
mod sim;
mod suite;
mod values;
mod weights;

pub(super) use catalog::{
    CatalogCheckArgs, CatalogCommand, CatalogDiffArgs, CatalogListArgs, CatalogPickArgs,
    CatalogPingArgs, CatalogSyncArgs,
};
pub(super) use cli::{Cli, Command};
pub(super) use export::ExportArgs;
pub(super) use finished::{MergeArgs, ReportArgs, RunFolder, ShownArgs, TuneArgs};
pub(super) use init::InitArgs;
pub(super) use load::LoadArgs;
pub(super) use outcomes::OutcomesCommand;
pub(super) use run::RunArgs;
pub(super) use select::{PlanArgs, PlanFormat};
pub(super) use show::{ShowArgs, ShowFormat};
pub(super) use sim::SimArgs;
pub(super) use suite::SuiteCommand;
pub(super) use values::{Format, ReportFormat};
pub(super) use weights::{
    WeightsCommand, WeightsDiffArgs, WeightsEvaluateArgs, WeightsLintArgs, WeightsWhyArgs,
};
