//! `outcomes`.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};

use super::finished::ShownArgs;
use super::values::{goal, share};
use crate::app::{ImportOptions, OutcomeFormat};
use crate::units::Goal;

/// `outcomes`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum OutcomesCommand {
    /// Import outcomes that were measured elsewhere as a run: report, tune, show, weights and export
    /// read it. Calls no model.
    Import(OutcomesImportArgs),
}

/// `outcomes import`.
#[derive(Debug, Args)]
pub(in crate::cli) struct OutcomesImportArgs {
    /// The tables; several become one run.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// The format; default: what each file shows itself to be.
    #[arg(long, value_name = "FORMAT", value_parser = format())]
    pub from: Option<OutcomeFormat>,
    /// The run folder; default: `results/<time>-<name>-imported/`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// The configuration: today, shares, objective; default: weighbridge.toml here or in a parent
    /// folder.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The model that serves today.
    #[arg(long, value_name = "MODEL")]
    pub today: Option<String>,
    /// The share of traffic of a category; repeatable, and together 1. Default: equal shares.
    #[arg(long = "share", value_name = "CATEGORY=SHARE", value_parser = category_share)]
    pub shares: Vec<(String, f64)>,
    /// The goal; default: cheaper where a model serves today, else better.
    #[arg(long, value_parser = goal())]
    pub goal: Option<Goal>,
    /// The accepted loss of quality, 0 to 1.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub margin: Option<f64>,
    /// What is the category of a query; default: the table's category, else its source.
    #[arg(long, value_name = "COLUMN", value_parser = ["category", "source"], default_value = "category", hide_default_value = true)]
    pub category_from: String,
    /// Import the queries of sources that match a glob; repeatable.
    #[arg(long = "source", value_name = "GLOB")]
    pub sources: Vec<String>,
    /// The score of a perfect answer: scores are divided by it.
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = max_score)]
    pub max_score: f64,
    /// The scorer of Inspect, or the named score of promptfoo, that counts; default: the first scorer,
    /// the score of all assertions.
    #[arg(long, value_name = "NAME")]
    pub scorer: Option<String>,
    /// When the outcomes were measured (RFC 3339); default: what the file says, else now.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub measured: Option<jiff::Timestamp>,
    /// Store no prompts, no answers and no reasons.
    #[arg(long)]
    pub no_content: bool,
    #[command(flatten)]
    pub shown: ShownArgs,
}

impl OutcomesImportArgs {
    pub(in crate::cli) fn options(self) -> ImportOptions {
        ImportOptions {
            files: self.files,
            format: self.from,
            out: self.out,
            config: self.config,
            today: self.today,
            shares: self.shares.into_iter().collect(),
            goal: self.goal,
            margin: self.margin,
            category_from_source: self.category_from == "source",
            sources: self.sources,
            max_score: self.max_score,
            scorer: self.scorer,
            measured_at: self.measured,
            keep_content: !self.no_content,
        }
    }
}

fn format() -> impl TypedValueParser<Value = OutcomeFormat> {
    let values = OutcomeFormat::ALL.map(|of| PossibleValue::new(of.name()).help(of.about()));
    PossibleValuesParser::new(values).map(|name| {
        OutcomeFormat::ALL.into_iter().find(|of| of.name() == name).expect("one of the values")
    })
}

fn category_share(text: &str) -> Result<(String, f64), String> {
    match text.rsplit_once('=') {
        Some((category, value)) if !category.is_empty() => Ok((category.to_owned(), share(value)?)),
        _ => Err("a category and its share, such as math=0.3".to_owned()),
    }
}

fn max_score(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value.is_finite() => Ok(value),
        _ => Err("a number above 0, such as 100".to_owned()),
    }
}

fn time(text: &str) -> Result<jiff::Timestamp, String> {
    text.parse().or_else(|_| {
        let date: Result<jiff::civil::Date, _> = text.parse();
        date.and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC))
            .map(|at| at.timestamp())
            .map_err(|_| {
                "a time such as 2026-06-30T12:00:00Z, or a day such as 2026-06-30".to_owned()
            })
    })
}
