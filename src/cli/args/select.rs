//! What is measured: the arguments that `run`, `plan` and `load` share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::values::{cache_mode, rate_share};
use crate::app::{PlanOptions, SelectOptions};
use crate::suite::ColumnMap;
use crate::units::CacheMode;

/// What is picked: the flags that `run`, `plan` and `load` share.
#[derive(Debug, Args)]
pub(in crate::cli) struct PickArgs {
    /// The configuration; default: weighbridge.toml here or in a parent folder.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The catalog of providers, endpoints and prices.
    #[arg(long, value_name = "FILE")]
    pub catalog: Option<PathBuf>,
    /// A suite: a folder, a .jsonl or a .csv; repeatable.
    #[arg(long, value_name = "PATH")]
    pub suite: Vec<PathBuf>,
    /// Columns of a single-file suite: prompt=question,reference=expected,category=type.
    #[arg(long, value_name = "FIELD=COLUMN,…")]
    pub map: Option<ColumnMap>,
    /// Select models by a glob over author/name, author/name@provider or the full id; repeatable.
    /// Without a catalog, the API key in the environment chooses the provider, at its published prices.
    #[arg(short, long, value_name = "GLOB")]
    pub model: Vec<String>,
    /// Select endpoints by a glob over the full id; repeatable.
    #[arg(long, value_name = "GLOB")]
    pub endpoint: Vec<String>,
    /// Select tasks by a glob over their category; repeatable.
    #[arg(long, value_name = "GLOB")]
    pub category: Vec<String>,
    /// Select tasks with at least one tag that matches this glob; repeatable.
    #[arg(long, value_name = "GLOB")]
    pub tag: Vec<String>,
    /// Use at most N tasks: a seeded sample, stratified by category.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: Option<u32>,
    /// The seed of the sample and the order of requests.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// The state of prompt caches: `as-is` (default of run), `cold` (each request begins with a nonce;
    /// default of load), `warm` (each prompt is sent once before its measured request).
    #[arg(long, value_name = "MODE", value_parser = cache_mode())]
    pub cache: Option<CacheMode>,
    /// Use the embedded simulated fleet and ignore any configuration.
    #[arg(long, conflicts_with_all = ["catalog", "config"])]
    pub demo: bool,
}

/// What is weighed: the flags that `run` and `plan` share.
#[derive(Debug, Args)]
pub(in crate::cli) struct WhatArgs {
    #[command(flatten)]
    pub pick: PickArgs,
    /// Send each task to each endpoint this many times.
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub repeats: u32,
    /// Concurrent requests per endpoint, at most the endpoint's own limit.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub concurrency: Option<u32>,
    /// Use at most this share of the rate limits in the catalog and in responses; pause while the
    /// remaining quota is below the reserved share. Default: `[limits] rate_share`, else 0.5.
    #[arg(long, value_name = "SHARE", value_parser = rate_share, allow_negative_numbers = true)]
    pub rate_share: Option<f64>,
}

/// `plan`.
#[derive(Debug, Args)]
pub(in crate::cli) struct PlanArgs {
    #[command(flatten)]
    pub what: WhatArgs,
    /// Output format.
    #[arg(long, value_enum, default_value_t = PlanFormat::Table)]
    pub format: PlanFormat,
}

/// How to print a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum PlanFormat {
    /// For people, at most 80 columns.
    Table,
    /// JSON.
    Json,
}

impl From<PickArgs> for SelectOptions {
    fn from(args: PickArgs) -> Self {
        Self {
            config: args.config,
            catalog: args.catalog,
            suites: args.suite,
            columns: args.map,
            models: args.model,
            endpoints: args.endpoint,
            categories: args.category,
            tags: args.tag,
            limit: args.limit,
            seed: args.seed,
            cache: args.cache,
            demo: args.demo,
        }
    }
}

impl From<WhatArgs> for PlanOptions {
    fn from(args: WhatArgs) -> Self {
        Self {
            select: args.pick.into(),
            repeats: args.repeats,
            concurrency: args.concurrency,
            rate_share: args.rate_share,
        }
    }
}
