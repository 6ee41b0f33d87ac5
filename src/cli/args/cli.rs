//! The commands.

use clap::{Parser, Subcommand};

use super::{
    CatalogCommand, InitArgs, LoadArgs, MergeArgs, PlanArgs, ReportArgs, RunArgs, RunFolder,
    SimArgs, SuiteCommand, TuneArgs,
};

/// Weighs every model in a catalog on your own tasks: price, speed, quality; and tunes routing
/// weights from the evidence.
#[derive(Debug, Parser)]
#[command(
    name = "weighbridge",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
#[command(
    after_help = "First try:  weighbridge run\nThen:       weighbridge run --suite prompts.csv --catalog catalog.toml"
)]
pub(in crate::cli) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Say more on stderr: -v failed attempts, -vv every attempt, -vvv everything.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// Write a commented weighbridge.toml from the keys in the environment and the suites here.
    Init(InitArgs),
    /// Weigh: plan, replay, grade, aggregate, report, tune. Alone: the demo on the simulated fleet.
    Run(RunArgs),
    /// Traffic: latency under load, open loop or closed loop. Alone: the simulated fleet.
    Load(Box<LoadArgs>),
    /// Everything but the first request: trials, tokens, dollars, minutes, what n can show.
    Plan(PlanArgs),
    /// Write the report of a finished run again.
    Report(ReportArgs),
    /// Grade a finished run's answers again; calls no model.
    Grade(RunFolder),
    /// Tune the weights of a finished run again; calls no model.
    Tune(TuneArgs),
    /// Check and list suites.
    #[command(subcommand)]
    Suite(SuiteCommand),
    /// List, sync, compare, check and ping catalogs, and pick from them.
    #[command(subcommand)]
    Catalog(CatalogCommand),
    /// Make one run of the shards of a plan; calls no model.
    Merge(MergeArgs),
    /// Serve the simulated fleet as an API in the dialects of OpenAI, Anthropic and Gemini.
    Sim(SimArgs),
    /// Measure this machine's own measuring error, in 20 s, against a server that logs its writes.
    Calibrate,
    /// Print a shell's completion script.
    #[command(hide = true)]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page.
    #[command(hide = true)]
    Man,
}
