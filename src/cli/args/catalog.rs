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
    /// Write a price list to a dated snapshot, a catalog for --catalog.
    Sync(CatalogSyncArgs),
    /// Compare two catalogs: price increases, price cuts, removed and added endpoints.
    Diff(CatalogDiffArgs),
    /// Report conflicting sources, missing prices, expired endpoints, aliases, odd context windows.
    Check(CatalogCheckArgs),
    /// Choose a few endpoints that are worth benchmarking; sends no request.
    Pick(CatalogPickArgs),
    /// Send one tiny request to each endpoint; print its status, latency and cost.
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
    /// The catalog; default: the configuration's, else the simulated fleet's.
    #[arg(long, value_name = "FILE")]
    pub catalog: Option<PathBuf>,
    /// The configuration; default: weighbridge.toml here or in a parent folder.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Select models by a glob; repeatable. Without a catalog, the models of the providers whose keys
    /// are in the environment.
    #[arg(short, long, value_name = "GLOB")]
    pub model: Vec<String>,
    /// Only endpoints that meet a condition: 'price.output < 2 and context >= 128000 and tools'.
    #[arg(long = "where", value_name = "CONDITION")]
    pub filter: Option<Filter>,
    /// Output format.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// `catalog sync`.
#[derive(Debug, Args)]
pub(in crate::cli) struct CatalogSyncArgs {
    /// The source: openrouter, litellm, models-dev, a file, a folder of models.dev, or a URL.
    #[arg(long, value_name = "SOURCE")]
    pub from: String,
    /// The snapshot to write; default: `catalogs/<source>-<day>.toml`.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Accept price changes above 3× for matching endpoints or models; repeatable.
    #[arg(long, value_name = "GLOB")]
    pub accept: Vec<String>,
}

/// `catalog diff`.
#[derive(Debug, Args)]
pub(in crate::cli) struct CatalogDiffArgs {
    /// The earlier catalog.
    #[arg(value_name = "A")]
    pub before: PathBuf,
    /// The later catalog.
    #[arg(value_name = "B")]
    pub after: PathBuf,
    /// Output format.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// `catalog check`.
#[derive(Debug, Args)]
pub(in crate::cli) struct CatalogCheckArgs {
    /// Catalogs and snapshots; default: the configuration's catalog.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Output format.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// `catalog pick`.
#[derive(Debug, Args)]
pub(in crate::cli) struct CatalogPickArgs {
    /// The number of endpoints.
    #[arg(value_name = "N", value_parser = clap::value_parser!(u16).range(1..=100))]
    pub n: u16,
    /// The suite for the benchmark: a folder, a .jsonl or a .csv.
    #[arg(long = "for", value_name = "SUITE")]
    pub suite: PathBuf,
    /// Columns of a single-file suite: prompt=question,reference=expected,category=type.
    #[arg(long, value_name = "FIELD=COLUMN,…")]
    pub map: Option<ColumnMap>,
    /// The catalog to choose from; default: the configuration's.
    #[arg(long, value_name = "FILE")]
    pub catalog: Option<PathBuf>,
    /// The configuration; default: weighbridge.toml here or in a parent folder.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Choose only from endpoints that meet a condition, as in `catalog list`.
    #[arg(long = "where", value_name = "CONDITION")]
    pub filter: Option<Filter>,
    /// Write the choice to `models` in weighbridge.toml; the rest of the file is unchanged.
    #[arg(long)]
    pub write: bool,
}

/// `catalog ping`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 at least one endpoint answered, 1 none answered, 2 refused before the first request"
)]
pub(in crate::cli) struct CatalogPingArgs {
    /// The catalog; default: the configuration's, else the simulated fleet's.
    #[arg(long, value_name = "FILE")]
    pub catalog: Option<PathBuf>,
    /// The configuration; default: weighbridge.toml here or in a parent folder.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Select models by a glob; repeatable. Without a catalog, the models of the providers whose keys
    /// are in the environment.
    #[arg(short, long, value_name = "GLOB")]
    pub model: Vec<String>,
    /// Select endpoints by a glob over the full id; repeatable.
    #[arg(long, value_name = "GLOB")]
    pub endpoint: Vec<String>,
    /// Send no request if the maximum total cost exceeds this; default: 0.25.
    #[arg(long, value_name = "USD")]
    pub budget: Option<Usd>,
    /// Skip the default cost limit, and include endpoints without a known maximum cost.
    #[arg(long)]
    pub yes: bool,
    /// Give up on an endpoint after this time; default: 60s.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub timeout: Option<Duration>,
    /// Output format.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}
