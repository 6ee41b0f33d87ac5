//! The commands.

use clap::{Parser, Subcommand};

use super::{
    CatalogCommand, ExportArgs, InitArgs, LoadArgs, MergeArgs, OutcomesCommand, PlanArgs,
    ReportArgs, RunArgs, RunFolder, ShowArgs, SimArgs, SuiteCommand, TuneArgs, WeightsCommand,
};

/// Benchmarks every model in a catalog on your own tasks (price, speed, quality) and tunes routing
/// weights from the results.
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
    /// The command.
    #[command(subcommand)]
    pub command: Command,
    /// Log to stderr: -v failed attempts, -vv every attempt, -vvv everything.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// Write a commented weighbridge.toml from the keys in the environment and the suites here.
    Init(InitArgs),
    /// Benchmark: plan, replay, grade, aggregate, report, tune. Without arguments: the demo.
    Run(RunArgs),
    /// Load test: latency in an open or closed loop. Without arguments: the simulated fleet.
    Load(Box<LoadArgs>),
    /// Print the plan of a run: trials, tokens, cost, duration, detectable differences.
    Plan(PlanArgs),
    /// Show prompts, answers and the grader's reasons of a run; compare two endpoints.
    Show(ShowArgs),
    /// Rewrite the report of a finished run.
    Report(ReportArgs),
    /// Regrade the answers of a finished run; calls no model.
    Grade(RunFolder),
    /// Retune the weights of a finished run; calls no model.
    Tune(TuneArgs),
    /// Evaluate, explain, compare and check weights files; calls no model.
    #[command(subcommand)]
    Weights(WeightsCommand),
    /// Import outcomes that were measured elsewhere (CSV, promptfoo, Inspect) as a run.
    #[command(subcommand)]
    Outcomes(OutcomesCommand),
    /// Write weights as a gateway's configuration; what it cannot express is said.
    Export(ExportArgs),
    /// Check and list suites.
    #[command(subcommand)]
    Suite(SuiteCommand),
    /// List, sync, compare, check and ping catalogs; pick endpoints.
    #[command(subcommand)]
    Catalog(CatalogCommand),
    /// Merge the shards of a plan into one run; calls no model.
    Merge(MergeArgs),
    /// Serve the simulated fleet as an API in the dialects of OpenAI, Anthropic and Gemini.
    Sim(SimArgs),
    /// Measure this machine's timing error in 20 s, against a server that logs its writes.
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
