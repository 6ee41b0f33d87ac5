//! `catalog`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::values::{Format, time};
use crate::catalog::filter::Filter;
use crate::suite::ColumnMap;
use crate::units::Usd;

/// `catalog`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum CatalogCommand {
    /// List endpoints with prices and limits.
    List(CatalogListArgs),
    /// Write a price list to a dated snapshot, which is a catalog for --catalog.
    Sync(CatalogSyncArgs),
    /// Compare two catalogs: what got dearer, cheaper, vanished, appeared.
    Diff(CatalogDiffArgs),
    /// Look for what is odd: two sources that disagree, no price, expired, aliases, context windows.
    Check(CatalogCheckArgs),
    /// Choose a few endpoints worth weighing out of many; calls nobody.
    Pick(CatalogPickArgs),
    /// Send one tiny request to each endpoint: does it answer, how soon, for how much.
    Ping(CatalogPingArgs),
}

/// `catalog list`.
#[derive(Debug, Args)]
#[command(
    after_help = "Fields in --where: price.input, price.output, price.cached_input … (dollars per \
    million tokens), context, max_output, tools, json_schema, reasoning, temperature, free, priced, \
    alias, endpoint, model, author, provider, created, expires (as '2026-06-16')\n\
    Operators: < <= > >= == != and or not in, model is glob('acme/*'); 128_000 is a number. A \
    condition that reads an unknown value does not hold."
)]
pub(in crate::cli) struct CatalogListArgs {
    /// A catalog; otherwise the configuration's, otherwise the simulated fleet's.
    #[arg(long, value_name = "FILE")]
    pub catalog: Option<PathBuf>,
    /// The configuration; otherwise weighbridge.toml here or in a parent folder.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Only these models, a glob; repeatable. Without a file: of the providers whose keys are in the
    /// environment.
    #[arg(short, long, value_name = "GLOB")]
    pub model: Vec<String>,
    /// Only endpoints that meet a condition: 'price.output < 2 and context >= 128_000 and tools'.
    #[arg(long = "where", value_name = "CONDITION")]
    pub filter: Option<Filter>,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// `catalog sync`.
#[derive(Debug, Args)]
pub(in crate::cli) struct CatalogSyncArgs {
    /// Where from: openrouter, litellm, models-dev, a file, a folder of models.dev, or a URL.
    #[arg(long, value_name = "SOURCE")]
    pub from: String,
    /// The snapshot; by default `catalogs/<source>-<day>.toml`.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Accept prices that moved by more than 3×, of endpoints or models that match; repeatable.
    #[arg(long, value_name = "GLOB")]
    pub accept: Vec<String>,
}

/// `catalog diff`.
#[derive(Debug, Args)]
pub(in crate::cli) struct CatalogDiffArgs {
    /// The earlier catalog.
    #[arg(value_name = "A")]
    pub before: PathBuf,
    /// The later one.
    #[arg(value_name = "B")]
    pub after: PathBuf,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// `catalog check`.
#[derive(Debug, Args)]
pub(in crate::cli) struct CatalogCheckArgs {
    /// Catalogs and snapshots; none: that of the configuration.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// `catalog pick`.
#[derive(Debug, Args)]
pub(in crate::cli) struct CatalogPickArgs {
    /// How many.
    #[arg(value_name = "N", value_parser = clap::value_parser!(u16).range(1..=100))]
    pub n: u16,
    /// The suite that they shall be weighed on: a folder, a .jsonl or a .csv.
    #[arg(long = "for", value_name = "SUITE")]
    pub suite: PathBuf,
    /// Columns of a single-file suite: prompt=question,reference=expected,category=type.
    #[arg(long, value_name = "FIELD=COLUMN,…")]
    pub map: Option<ColumnMap>,
    /// The catalog to choose from; otherwise the configuration's.
    #[arg(long, value_name = "FILE")]
    pub catalog: Option<PathBuf>,
    /// The configuration; otherwise weighbridge.toml here or in a parent folder.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Choose only from endpoints that meet a condition, as in `catalog list`.
    #[arg(long = "where", value_name = "CONDITION")]
    pub filter: Option<Filter>,
    /// Write the choice as `models` into weighbridge.toml; all else in it stays as it is.
    #[arg(long)]
    pub write: bool,
}

/// `catalog ping`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 some answered, 1 none did, 2 refused before anything was sent"
)]
pub(in crate::cli) struct CatalogPingArgs {
    /// A catalog; otherwise the configuration's, otherwise the simulated fleet's.
    #[arg(long, value_name = "FILE")]
    pub catalog: Option<PathBuf>,
    /// The configuration; otherwise weighbridge.toml here or in a parent folder.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Only these models, a glob; repeatable. Without a file: of the providers whose keys are in the
    /// environment.
    #[arg(short, long, value_name = "GLOB")]
    pub model: Vec<String>,
    /// Only these endpoints, a glob over the whole id; repeatable.
    #[arg(long, value_name = "GLOB")]
    pub endpoint: Vec<String>,
    /// Send nothing if all of it might cost more than this; 0.25 where it is not said.
    #[arg(long, value_name = "USD")]
    pub budget: Option<Usd>,
    /// Ask endpoints too whose cost has no known bound, and whatever the sum.
    #[arg(long)]
    pub yes: bool,
    /// Give an endpoint up after this time; default 60s.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub timeout: Option<Duration>,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}
