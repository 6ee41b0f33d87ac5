//! `run`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::finished::ShownArgs;
use super::select::WhatArgs;
use super::values::{time, timeouts};
use crate::app::{RunOptions, Timeouts};
use crate::cli::exit;
use crate::cli::shard::shard;
use crate::plan::Shard;
use crate::run::Signals;
use crate::units::Usd;

/// `run`.
#[derive(Debug, Args)]
#[command(after_help = exit::TABLE)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(in crate::cli) struct RunArgs {
    #[command(flatten)]
    pub what: WhatArgs,
    #[command(flatten)]
    pub shown: ShownArgs,
    /// Run on the simulated fleet in virtual time: takes seconds, and the output is reproducible.
    #[arg(long = "virtual", conflicts_with_all = ["catalog"])]
    pub virtual_time: bool,
    /// Cap the total cost in dollars; each request reserves its maximum cost first.
    #[arg(long, value_name = "USD")]
    pub budget: Option<Usd>,
    /// Cap the cost in dollars per endpoint.
    #[arg(long, value_name = "USD")]
    pub budget_per_endpoint: Option<Usd>,
    /// Cap the cost in dollars per suite.
    #[arg(long, value_name = "USD")]
    pub budget_per_suite: Option<Usd>,
    /// Count the runs that cannot be read as so many dollars together in the month's cap.
    #[arg(long, value_name = "USD")]
    pub unread_spend: Option<Usd>,
    /// Resume the run in --out (default results/latest); finished trials are not repeated.
    #[arg(long)]
    pub resume: bool,
    /// With --resume: accept a changed plan and run its new trials.
    #[arg(long, requires = "resume")]
    pub amend: bool,
    /// Run one shard of the plan's tasks: `k/n`, or `env` to read Slurm's or Kubernetes' variables.
    #[arg(long, value_name = "k/n|env", value_parser = shard)]
    pub shard: Option<Shard>,
    /// Pause an endpoint after this many consecutive failures, then probe it; 0: never.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub breaker: u32,
    /// Give up on an endpoint that fails or asks to wait for longer than this; default: 2m.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub patience: Option<Duration>,
    /// Simulate no rate limits, drift or failures, so that merged shards equal an unsharded run.
    #[arg(long)]
    pub steady: bool,
    /// Read the simulated endpoints from a file like src/sim/fleet.toml; with --virtual or --demo.
    #[arg(long, value_name = "FILE")]
    pub fleet: Option<PathBuf>,
    /// Skip the cost confirmation.
    #[arg(long)]
    pub yes: bool,
    /// Store no prompts and no answers, in files or logs: answers are graded on arrival, and only the
    /// scores are kept. `grade` cannot regrade such a run.
    #[arg(long)]
    pub no_content: bool,
    /// The run folder; default: `results/<time>-<name>/`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Timeouts by phase; default: `connect=10s,first_token=120s,stall=60s,total=10m`.
    #[arg(long, value_name = "PHASE=TIME,…", value_parser = timeouts)]
    pub timeout: Option<Timeouts>,
}

impl RunArgs {
    pub(in crate::cli) fn options(self, signals: Signals) -> RunOptions {
        RunOptions {
            plan: self.what.into(),
            virtual_time: self.virtual_time,
            budget: self.budget,
            budget_per_endpoint: self.budget_per_endpoint,
            budget_per_suite: self.budget_per_suite,
            unread_spend: self.unread_spend,
            resume: self.resume,
            amend: self.amend,
            shard: self.shard,
            breaker: self.breaker,
            patience: self.patience,
            steady: self.steady,
            fleet: self.fleet,
            cost_confirmed: self.yes,
            keep_content: !self.no_content,
            out: self.out,
            timeouts: self.timeout.unwrap_or_default(),
            signals,
        }
    }
}
