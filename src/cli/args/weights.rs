//! `weights`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::values::ReportFormat;

/// `weights`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum WeightsCommand {
    /// Evaluate a weights file on the tasks of a run: quality, cost, latency, outages, beside simpler
    /// policies.
    Evaluate(WeightsEvaluateArgs),
    /// Explain why a category is routed as it is, and what would let another endpoint in.
    Why(WeightsWhyArgs),
    /// Show what changes from one weights file to another: traffic, quality, cost.
    Diff(WeightsDiffArgs),
    /// Find everything in a weights file that a gateway should not serve by.
    Lint(WeightsLintArgs),
}

/// `weights evaluate`.
#[derive(Debug, Args)]
pub(in crate::cli) struct WeightsEvaluateArgs {
    /// The weights file, or its run folder.
    pub file: PathBuf,
    /// The run on whose tasks it is evaluated; best one with tasks that the file was not tuned on.
    #[arg(long, value_name = "RUN")]
    pub on: PathBuf,
    /// Output format.
    #[arg(long, value_enum, default_value_t = ReportFormat::Screen)]
    pub format: ReportFormat,
}

/// `weights why`.
#[derive(Debug, Args)]
pub(in crate::cli) struct WeightsWhyArgs {
    /// The category.
    pub category: String,
    /// The run.
    #[arg(long, value_name = "RUN", default_value = "results/latest")]
    pub on: PathBuf,
    /// Output format.
    #[arg(long, value_enum, default_value_t = ReportFormat::Screen)]
    pub format: ReportFormat,
}

/// `weights diff`.
#[derive(Debug, Args)]
pub(in crate::cli) struct WeightsDiffArgs {
    /// The old weights file, or its run folder.
    pub old: PathBuf,
    /// The new weights file, or its run folder.
    pub new: PathBuf,
    /// Output format.
    #[arg(long, value_enum, default_value_t = ReportFormat::Screen)]
    pub format: ReportFormat,
}

/// `weights lint`.
#[derive(Debug, Args)]
pub(in crate::cli) struct WeightsLintArgs {
    /// The weights file, or its run folder.
    pub file: PathBuf,
    /// The run that it should rest on; default: the one in the file's folder.
    #[arg(long, value_name = "RUN")]
    pub on: Option<PathBuf>,
    /// Output format: a line for each finding, or JSON.
    #[arg(long, value_enum, default_value_t = ReportFormat::Screen)]
    pub format: ReportFormat,
}
