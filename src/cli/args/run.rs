//! `run`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::select::WhatArgs;
use super::values::{ReportFormat, time, timeouts};
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
    /// How to print the result: one screen, or JSON by the schema in docs/schema/.
    #[arg(long, value_enum, default_value_t = ReportFormat::Screen)]
    pub format: ReportFormat,
    /// Simulated fleet in virtual time: seconds instead of hours, the same bytes each time.
    #[arg(long = "virtual", conflicts_with_all = ["catalog"])]
    pub virtual_time: bool,
    /// Never spend more than this many dollars: the worst case is reserved before each request.
    #[arg(long, value_name = "USD")]
    pub budget: Option<Usd>,
    /// Never spend more than this many dollars at each endpoint.
    #[arg(long, value_name = "USD")]
    pub budget_per_endpoint: Option<Usd>,
    /// Never spend more than this many dollars on each suite.
    #[arg(long, value_name = "USD")]
    pub budget_per_suite: Option<Usd>,
    /// Go on with the run in --out (else results/latest): what has an ending is not asked again.
    #[arg(long)]
    pub resume: bool,
    /// With --resume: the plan has changed or grown, so run what is new in it.
    #[arg(long, requires = "resume")]
    pub amend: bool,
    /// Take one part of the plan's tasks: `k/n`, or `env` for what Slurm or Kubernetes says.
    #[arg(long, value_name = "k/n|env", value_parser = shard)]
    pub shard: Option<Shard>,
    /// Pause an endpoint after so many failures in a row, then probe it; 0: never.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub breaker: u32,
    /// Give an endpoint up that goes on failing, or asks to wait, for longer; default 2m.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub patience: Option<Duration>,
    /// Simulated fleet without rate limits, drift and failures: parts merge to the same figures.
    #[arg(long)]
    pub steady: bool,
    /// Simulated endpoints of one's own, described as src/sim/fleet.toml does; with --virtual or
    /// --demo.
    #[arg(long, value_name = "FILE")]
    pub fleet: Option<PathBuf>,
    /// Spend what the plan expects without asking.
    #[arg(long)]
    pub yes: bool,
    /// Keep no prompt and no answer, in no file and no log: answers are graded as they come, and only
    /// the scores are kept. `grade` cannot judge such a run again.
    #[arg(long)]
    pub no_content: bool,
    /// The run folder; by default `results/<time>-<name>/`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Time-outs by phase; the defaults are `connect=10s,first_token=120s,stall=60s,total=10m`.
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
