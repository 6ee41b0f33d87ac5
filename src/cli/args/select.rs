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
    /// The configuration; otherwise weighbridge.toml here or in a parent folder.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A catalog: providers, endpoints, prices.
    #[arg(long, value_name = "FILE")]
    pub catalog: Option<PathBuf>,
    /// A suite: a folder, a .jsonl or a .csv; repeatable.
    #[arg(long, value_name = "PATH")]
    pub suite: Vec<PathBuf>,
    /// Columns of a single-file suite: prompt=question,reference=expected,category=type.
    #[arg(long, value_name = "FIELD=COLUMN,…")]
    pub map: Option<ColumnMap>,
    /// Models to weigh, a glob over author/name, author/name@provider or the whole id; repeatable.
    /// Works without a file: the provider is that of the key found, at its published prices.
    #[arg(short, long, value_name = "GLOB")]
    pub model: Vec<String>,
    /// Endpoints to weigh, a glob over the whole id; repeatable.
    #[arg(long, value_name = "GLOB")]
    pub endpoint: Vec<String>,
    /// Categories to take tasks from, a glob; repeatable.
    #[arg(long, value_name = "GLOB")]
    pub category: Vec<String>,
    /// Tags that a task must bear one of, a glob; repeatable.
    #[arg(long, value_name = "GLOB")]
    pub tag: Vec<String>,
    /// At most N tasks: a seeded sample stratified by category, never the first N.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: Option<u32>,
    /// The seed of every choice: the same seed, the same sample, the same order.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// What prompt caches are to find: `as-is` (the default of run), `cold` (nothing: a nonce begins
    /// each request; the default of load), `warm` (all: each prompt is sent once before it counts).
    #[arg(long, value_name = "MODE", value_parser = cache_mode())]
    pub cache: Option<CacheMode>,
    /// Weigh on the embedded simulated fleet, whatever configuration is here.
    #[arg(long, conflicts_with_all = ["catalog", "config"])]
    pub demo: bool,
}

/// What is weighed: the flags that `run` and `plan` share.
#[derive(Debug, Args)]
pub(in crate::cli) struct WhatArgs {
    #[command(flatten)]
    pub pick: PickArgs,
    /// Ask each endpoint each task this many times.
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub repeats: u32,
    /// Requests under way at once, per endpoint; never more than the endpoint's own limit.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub concurrency: Option<u32>,
    /// Use at most this share of any rate limit that the catalog or a response states, and pause while
    /// less than the rest remains; default 0.5, or `[limits] rate_share`.
    #[arg(long, value_name = "SHARE", value_parser = rate_share, allow_negative_numbers = true)]
    pub rate_share: Option<f64>,
}

/// `plan`.
#[derive(Debug, Args)]
pub(in crate::cli) struct PlanArgs {
    #[command(flatten)]
    pub what: WhatArgs,
    /// How to print.
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
