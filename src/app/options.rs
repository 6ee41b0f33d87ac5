//! What a caller chooses. The defaults are those of the command line.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::client::AttemptLimits;
use crate::export::{Gateway, KeyVariable};
use crate::outcomes::OutcomeFormat;
use crate::plan::Shard;
use crate::run::Signals;
use crate::suite::ColumnMap;
use crate::units::{CacheMode, Goal, Usd};

/// Where run folders are read from when none is named.
const LATEST: &str = "results/latest";

/// Which endpoints answer which tasks. Without a configuration, a catalog, a suite or a model, the
/// demo runs on the simulated fleet.
#[derive(Clone, Debug)]
pub struct SelectOptions {
    /// The configuration; otherwise `weighbridge.toml` here or in a parent folder.
    pub config: Option<PathBuf>,
    /// A catalog file: providers, endpoints, prices.
    pub catalog: Option<PathBuf>,
    /// Suites: folders, `.jsonl` or `.csv` files.
    pub suites: Vec<PathBuf>,
    /// Which columns of a single-file suite hold which field.
    pub columns: Option<ColumnMap>,
    /// Globs over author/name, author/name@provider or the whole id.
    pub models: Vec<String>,
    /// Globs over the whole id of an endpoint.
    pub endpoints: Vec<String>,
    /// Globs over the categories of tasks.
    pub categories: Vec<String>,
    /// Globs of which a task must match one with one of its tags.
    pub tags: Vec<String>,
    /// At most so many tasks: a seeded sample, stratified by category.
    pub limit: Option<u32>,
    /// The seed of every choice.
    pub seed: u64,
    /// How prompt caches are treated; `None`: as the configuration says, else the command's default.
    pub cache: Option<CacheMode>,
    /// The simulated fleet, whatever configuration is here.
    pub demo: bool,
}

impl Default for SelectOptions {
    fn default() -> Self {
        Self {
            config: None,
            catalog: None,
            suites: Vec::new(),
            columns: None,
            models: Vec::new(),
            endpoints: Vec::new(),
            categories: Vec::new(),
            tags: Vec::new(),
            limit: None,
            seed: 1,
            cache: None,
            demo: false,
        }
    }
}

/// What is measured, and how many requests are in flight.
#[derive(Clone, Debug)]
pub struct PlanOptions {
    /// Endpoints and tasks.
    pub select: SelectOptions,
    /// How often each endpoint is asked each task.
    pub repeats: u32,
    /// Requests in flight per endpoint, never above the endpoint's own limit.
    pub concurrency: Option<u32>,
    /// The largest share of any rate limit to use, above 0 and at most 1.
    pub rate_share: Option<f64>,
}

impl Default for PlanOptions {
    fn default() -> Self {
        Self { select: SelectOptions::default(), repeats: 1, concurrency: None, rate_share: None }
    }
}

/// Time-outs by phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// DNS, TCP and TLS.
    pub connect: Duration,
    /// From dispatch to the first token.
    pub first_token: Duration,
    /// Between two reads after the first token.
    pub stall: Duration,
    /// The whole attempt.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let AttemptLimits { first_token, stall, total, .. } = AttemptLimits::default();
        Self { connect: Duration::from_secs(10), first_token, stall, total }
    }
}

impl From<Timeouts> for AttemptLimits {
    fn from(timeouts: Timeouts) -> Self {
        let Timeouts { first_token, stall, total, .. } = timeouts;
        Self { first_token, stall, total, ..Self::default() }
    }
}

/// The options of [`run`](super::run()).
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct RunOptions {
    /// What is measured.
    pub plan: PlanOptions,
    /// The simulated fleet in virtual time: seconds instead of hours, the same bytes each time.
    pub virtual_time: bool,
    /// The most that the run may cost. The worst case of each request is reserved first.
    pub budget: Option<Usd>,
    /// What runs that cannot be read count in the month's cap; `None`: they are refused.
    pub unread_spend: Option<Usd>,
    /// The most that each endpoint may cost.
    pub budget_per_endpoint: Option<Usd>,
    /// The most that each suite may cost.
    pub budget_per_suite: Option<Usd>,
    /// Resume the run in `out`, else in `results/latest`; finished trials are not repeated.
    pub resume: bool,
    /// When resuming: accept a plan that has changed, and run what is new in it.
    pub amend: bool,
    /// Run one part of the plan's tasks.
    pub shard: Option<Shard>,
    /// Pause an endpoint after so many failures in a row, then probe it; 0: never.
    pub breaker: u32,
    /// Give an endpoint up when it fails, or asks to wait, for longer.
    pub patience: Option<Duration>,
    /// The simulated fleet without rate limits, drift and failures.
    pub steady: bool,
    /// A file that describes simulated endpoints.
    pub fleet: Option<PathBuf>,
    /// Skip the cost confirmation.
    pub cost_confirmed: bool,
    /// Keep prompts and answers in the run folder. Without them the run cannot be graded again.
    pub keep_content: bool,
    /// The run folder; by default `results/<time>-<name>/`.
    pub out: Option<PathBuf>,
    /// Time-outs of each request.
    pub timeouts: Timeouts,
    /// Cancel `drain` to finish the requests in flight and stop; `abort` to cut them too.
    pub signals: Signals,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            plan: PlanOptions::default(),
            virtual_time: false,
            budget: None,
            unread_spend: None,
            budget_per_endpoint: None,
            budget_per_suite: None,
            resume: false,
            amend: false,
            shard: None,
            breaker: 20,
            patience: None,
            steady: false,
            fleet: None,
            cost_confirmed: false,
            keep_content: true,
            out: None,
            timeouts: Timeouts::default(),
            signals: Signals::default(),
        }
    }
}

/// How a load is generated: open loop by rate, steps or trace, closed loop by concurrency.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Endpoints and tasks.
    pub select: SelectOptions,
    /// Open loop: requests per second, over all endpoints.
    pub rate: Option<f64>,
    /// Arrivals of the open loop: `poisson`, `constant` or `gamma:CV`.
    pub arrivals: String,
    /// Search for the highest rate that meets `slos`.
    pub sweep: Option<SweepOptions>,
    /// Open loop in steps of rate × time: `10x30s,20x30s`.
    pub steps: Option<String>,
    /// Open loop: a trace file to replay.
    pub trace: Option<PathBuf>,
    /// Replay the trace so many times as fast as it was recorded.
    pub speed: Option<f64>,
    /// Closed loop: requests in flight at each endpoint.
    pub concurrency: Option<u32>,
    /// Closed loop: the time to reach that concurrency, excluded from the metrics.
    pub ramp: Option<Duration>,
    /// Requests of this first time are excluded from the metrics.
    pub warmup: Option<Duration>,
    /// Requests to send, without the warm-up.
    pub requests: Option<u64>,
    /// How long to send, without ramp and warm-up.
    pub duration: Option<Duration>,
    /// The most that the load may cost; required for endpoints that bill.
    pub budget: Option<Usd>,
    /// What runs that cannot be read count in the month's cap; `None`: they are refused.
    pub unread_spend: Option<Usd>,
    /// What a good request meets: a metric (ttft, ttfo, itl, e2e) and its limit.
    pub slos: Vec<(String, Duration)>,
    /// Threads that read and write; by default the number of cores, at most 4.
    pub workers: Option<u8>,
    /// A file for a histogram per second, in HdrHistogram's log format.
    pub interval_log: Option<PathBuf>,
    /// The run folder; by default `results/<time>-<name>-load/`.
    pub out: Option<PathBuf>,
    /// Time-outs of each request.
    pub timeouts: Timeouts,
    /// Cancel `drain` to finish the requests in flight and stop; `abort` to cut them too.
    pub signals: Signals,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            select: SelectOptions::default(),
            rate: None,
            arrivals: "poisson".to_owned(),
            sweep: None,
            steps: None,
            trace: None,
            speed: None,
            concurrency: None,
            ramp: None,
            warmup: None,
            requests: None,
            duration: None,
            budget: None,
            unread_spend: None,
            slos: Vec::new(),
            workers: None,
            interval_log: None,
            out: None,
            timeouts: Timeouts::default(),
            signals: Signals::default(),
        }
    }
}

/// The rates that a sweep searches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SweepOptions {
    /// The first rate, requests per second.
    pub low: f64,
    /// The highest rate, above `low`.
    pub high: f64,
    /// The share of requests that must meet the objectives, 0 to 1.
    pub good: f64,
}

/// The options of [`report`](super::report()).
#[derive(Clone, Debug)]
pub struct ReportOptions {
    /// The run folder.
    pub run: PathBuf,
    /// Put prompts and answers into `report.html`.
    pub with_content: bool,
}

impl Default for ReportOptions {
    fn default() -> Self {
        Self { run: LATEST.into(), with_content: false }
    }
}

/// The options of [`grade`](super::grade()).
#[derive(Clone, Debug)]
pub struct GradeOptions {
    /// The run folder.
    pub run: PathBuf,
}

impl Default for GradeOptions {
    fn default() -> Self {
        Self { run: LATEST.into() }
    }
}

/// The options of [`tune`](super::tune()).
#[derive(Clone, Debug)]
pub struct TuneOptions {
    /// The run folder.
    pub run: PathBuf,
    /// Another goal than the run's.
    pub goal: Option<Goal>,
    /// Another accepted loss of quality than the run's, 0 to 1.
    pub margin: Option<f64>,
}

impl Default for TuneOptions {
    fn default() -> Self {
        Self { run: LATEST.into(), goal: None, margin: None }
    }
}

/// The options of [`export`](super::export()).
#[derive(Clone, Debug)]
pub struct ExportOptions {
    /// A weights file or a run folder.
    pub source: PathBuf,
    /// The gateway.
    pub to: Gateway,
    /// The share of the new weights, above 0 and at most 1; `None`: all.
    pub ramp: Option<f64>,
    /// The weights before, or their run folder; `None`: today's endpoint served everything.
    pub from: Option<PathBuf>,
    /// What was before the weights.
    pub undo: bool,
    /// Where to write; `None`: into the outcome.
    pub out: Option<PathBuf>,
    /// A catalog with endpoints that the run does not hold.
    pub catalog: Option<PathBuf>,
    /// Variables of keys, in place of the catalog's.
    pub keys: Vec<KeyVariable>,
    /// Whether simulated weights may be exported.
    pub allow_simulated: bool,
}

/// The options of [`import`](super::import()).
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// The tables, which become one run.
    pub files: Vec<PathBuf>,
    /// Their format; `None`: each shows its own.
    pub format: Option<OutcomeFormat>,
    /// The run folder; `None`: one is made in `results/`.
    pub out: Option<PathBuf>,
    /// The configuration; otherwise `weighbridge.toml` here or in a parent folder.
    pub config: Option<PathBuf>,
    /// The model that serves today, in place of the configuration's.
    pub today: Option<String>,
    /// Shares of traffic by category, which sum to 1; empty: the configuration's, else equal ones.
    pub shares: BTreeMap<String, f64>,
    /// Another goal than the configuration's.
    pub goal: Option<Goal>,
    /// Another accepted loss of quality than the configuration's, 0 to 1.
    pub margin: Option<f64>,
    /// Whether the source of a query is its category, whatever its category is.
    pub category_from_source: bool,
    /// Globs over the sources of queries; empty: all.
    pub sources: Vec<String>,
    /// The score of a perfect answer, above 0.
    pub max_score: f64,
    /// The scorer of Inspect, or the named score of promptfoo, that counts.
    pub scorer: Option<String>,
    /// When the outcomes were measured; `None`: what the files say, else now.
    pub measured_at: Option<jiff::Timestamp>,
    /// Whether prompts, answers and the graders' reasons are kept.
    pub keep_content: bool,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self {
            files: Vec::new(),
            format: None,
            out: None,
            config: None,
            today: None,
            shares: BTreeMap::new(),
            goal: None,
            margin: None,
            category_from_source: false,
            sources: Vec::new(),
            max_score: 1.0,
            scorer: None,
            measured_at: None,
            keep_content: true,
        }
    }
}

/// The options of [`show`](super::show()). Empty lists of globs ask nothing.
#[derive(Clone, Debug)]
pub struct ShowOptions {
    /// The run folder.
    pub run: PathBuf,
    /// Only what failed, or has not the full score.
    pub failed: bool,
    /// Globs over the categories of tasks.
    pub categories: Vec<String>,
    /// Globs over whole ids of endpoints, their short names (`name@provider`), or `today`.
    pub endpoints: Vec<String>,
    /// Globs over the ids of tasks, with their suite (`suite/task`) or without it.
    pub tasks: Vec<String>,
    /// Two endpoints, each by its id, its short name or `today`: only the tasks on which they
    /// differ.
    pub diff: Option<(String, String)>,
}

impl Default for ShowOptions {
    fn default() -> Self {
        Self {
            run: LATEST.into(),
            failed: false,
            categories: Vec::new(),
            endpoints: Vec::new(),
            tasks: Vec::new(),
            diff: None,
        }
    }
}

/// The options of [`merge`](super::merge()).
#[derive(Clone, Debug, Default)]
pub struct MergeOptions {
    /// The run folders of the shards.
    pub runs: Vec<PathBuf>,
    /// The run folder to make.
    pub out: PathBuf,
}
