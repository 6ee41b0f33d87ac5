//! The command line, as clap reads it.

use std::net::{SocketAddr, ToSocketAddrs};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::catalog::filter::Filter;
use crate::sim::{FaultKind, FaultRate, Schedule};
use crate::units::{CacheMode, Dialect, Usd};

/// Weighs every model in a catalog on your own tasks: price, speed, quality; and tunes routing
/// weights from the evidence.
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
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Say more on stderr: -v failed attempts, -vv every attempt, -vvv everything.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented weighbridge.toml from the keys in the environment and the suites here.
    Init(InitArgs),
    /// Weigh: plan, replay, grade, aggregate, report, tune. Alone: the demo on the simulated fleet.
    Run(RunArgs),
    /// Traffic: latency under load, open loop or closed loop. Alone: the simulated fleet.
    Load(Box<LoadArgs>),
    /// Everything but the first request: trials, tokens, dollars, minutes, what n can show.
    Plan(PlanArgs),
    /// Write the report of a finished run again.
    Report(ReportArgs),
    /// Grade a finished run's answers again; calls no model.
    Grade(RunFolder),
    /// Tune the weights of a finished run again; calls no model.
    Tune(TuneArgs),
    /// Check and list suites.
    #[command(subcommand)]
    Suite(SuiteCommand),
    /// List, sync, compare, check and ping catalogs, and pick from them.
    #[command(subcommand)]
    Catalog(CatalogCommand),
    /// Make one run of the shards of a plan; calls no model.
    Merge(MergeArgs),
    /// Serve the simulated fleet as an API in the dialects of OpenAI, Anthropic and Gemini.
    Sim(SimArgs),
    /// Measure this machine's own measuring error, in 20 s, against a server that logs its writes.
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

/// `init`.
#[derive(Debug, Args)]
#[command(
    after_help = "weighbridge init\nweighbridge init --from litellm config.yaml --alias gpt-4o"
)]
pub struct InitArgs {
    /// Read another tool's configuration: litellm, with its config.yaml.
    #[arg(long, num_args = 2, value_names = ["TOOL", "FILE"])]
    pub from: Vec<String>,
    /// With --from litellm: the alias whose deployment serves today; default: the first.
    #[arg(long, value_name = "NAME", requires = "from")]
    pub alias: Option<String>,
    /// Where prices come from, as in `catalog sync --from`; default: the snapshots in catalogs/, else
    /// the public lists.
    #[arg(long, value_name = "SOURCE")]
    pub prices: Option<String>,
    /// The configuration to write.
    #[arg(long, value_name = "FILE", default_value = "weighbridge.toml")]
    pub out: PathBuf,
    /// Write over a file that is there.
    #[arg(long)]
    pub force: bool,
}

/// What is picked: the flags that `run`, `plan` and `load` share.
#[derive(Debug, Args)]
pub struct PickArgs {
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
    pub map: Option<String>,
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
pub struct WhatArgs {
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

/// `run`.
#[derive(Debug, Args)]
#[command(after_help = super::exit::TABLE)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct RunArgs {
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
    #[arg(long, value_name = "k/n|env")]
    pub shard: Option<String>,
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
    #[arg(long, value_name = "PHASE=TIME,…", value_parser = Timeouts::parse)]
    pub timeout: Option<Timeouts>,
}

/// `load`.
#[derive(Debug, Args)]
#[command(after_help = super::exit::TABLE)]
pub struct LoadArgs {
    #[command(flatten)]
    pub pick: PickArgs,
    /// How to print the result: one screen, or JSON by the schema in docs/schema/.
    #[arg(long, value_enum, default_value_t = ReportFormat::Screen, conflicts_with = "sweep")]
    pub format: ReportFormat,
    /// Open loop: so many requests a second, of all endpoints together, whatever the answers do.
    #[arg(short = 'q', long, value_name = "PER_S", allow_negative_numbers = true,
        conflicts_with_all = ["steps", "trace", "concurrency"])]
    pub rate: Option<f64>,
    /// How arrivals are spread: `poisson`, `constant` or `gamma:CV` (CV above 1 is burstier).
    #[arg(long, value_name = "SHAPE", default_value = "poisson",
        conflicts_with_all = ["steps", "trace", "concurrency"])]
    pub arrivals: String,
    /// Open loops, one after the other, up to the highest rate that meets --slo: doubling from LOW,
    /// then halving the ratio until it is known to a tenth.
    #[arg(long, value_name = "LOW..HIGH", num_args = 0..=1, default_missing_value = "10..1000",
        requires = "slo", value_parser = crate::app::load::Range::parse,
        conflicts_with_all = ["rate", "steps", "trace", "concurrency", "requests", "interval_log"])]
    pub sweep: Option<crate::app::load::Range>,
    /// The share of requests that must be good for a rate of the sweep to meet.
    #[arg(long, value_name = "SHARE", requires = "sweep", default_value_t = 0.95, value_parser = share)]
    pub good: f64,
    /// Open loop in steps of rate x time, Poisson within each: `10x30s,20x30s,0x5s`.
    #[arg(long, value_name = "RATExTIME,…", conflicts_with_all = ["trace", "concurrency", "duration"])]
    pub steps: Option<String>,
    /// Open loop: replay a trace's times and lengths (Azure 2023 CSV, Mooncake CSV or JSONL; .gz).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["concurrency", "suite"])]
    pub trace: Option<PathBuf>,
    /// Replay a trace so many times as fast as it was recorded.
    #[arg(long, value_name = "X", requires = "trace", value_parser = crate::plan::trace::parse_speed)]
    pub speed: Option<f64>,
    /// Closed loop: so many requests under way at each endpoint; an answer makes room for the next.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub concurrency: Option<u32>,
    /// Closed loop: reach the concurrency over this time, which is left out of the figures.
    #[arg(long, value_name = "TIME", requires = "concurrency", value_parser = time)]
    pub ramp: Option<Duration>,
    /// Leave the first requests out of the figures (after the ramp).
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub warmup: Option<Duration>,
    /// Send so many requests, warm-up not counted.
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub requests: Option<u64>,
    /// Send for so long, ramp and warm-up not counted; 20s where nothing else ends the load.
    #[arg(short = 'z', long, value_name = "TIME", value_parser = time)]
    pub duration: Option<Duration>,
    /// Never spend more than this many dollars; endpoints that bill are refused without it.
    #[arg(long, value_name = "USD")]
    pub budget: Option<Usd>,
    /// What a good request meets, for goodput: ttft, ttfo, itl, e2e.
    #[arg(long, value_name = "METRIC=TIME,…", value_parser = Slos::parse)]
    pub slo: Option<Slos>,
    /// Threads that read and write; by default as many as there are cores, at most 4. What is sent,
    /// and when, does not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub workers: Option<u8>,
    /// Write a histogram per second in HdrHistogram's log format, which its viewers open.
    #[arg(long, value_name = "FILE")]
    pub interval_log: Option<PathBuf>,
    /// The run folder; by default `results/<time>-<name>-load/`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Time-outs by phase; the defaults are `connect=10s,first_token=120s,stall=60s,total=10m`.
    #[arg(long, value_name = "PHASE=TIME,…", value_parser = Timeouts::parse)]
    pub timeout: Option<Timeouts>,
}

/// What a good request meets: pairs of a metric and its limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slos(pub Vec<(String, Duration)>);

impl Slos {
    fn parse(text: &str) -> Result<Self, String> {
        const METRICS: [&str; 4] = ["ttft", "ttfo", "itl", "e2e"];
        let mut slos = Vec::new();
        for part in text.split(',') {
            let (metric, limit) =
                part.split_once('=').ok_or_else(|| format!("{part:?} is not METRIC=TIME"))?;
            let metric = metric.trim();
            if !METRICS.contains(&metric) {
                return Err(format!("{metric:?} is no metric; there are {}", METRICS.join(", ")));
            }
            if slos.iter().any(|(known, _)| known == metric) {
                return Err(format!("{metric} is named twice"));
            }
            slos.push((metric.to_owned(), time(limit)?));
        }
        Ok(Self(slos))
    }
}

/// `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub what: WhatArgs,
    /// How to print.
    #[arg(long, value_enum, default_value_t = PlanFormat::Table)]
    pub format: PlanFormat,
}

/// How to print a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// For people, at most 80 columns.
    Table,
    /// JSON.
    Json,
}

/// A run folder.
#[derive(Debug, Args)]
pub struct RunFolder {
    /// The run folder.
    #[arg(value_name = "RUN", default_value = "results/latest")]
    pub run: PathBuf,
}

/// `merge`.
#[derive(Debug, Args)]
#[command(after_help = super::exit::TABLE)]
pub struct MergeArgs {
    /// The run folders of the shards.
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,
    /// The run folder to make.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// `tune`.
#[derive(Debug, Args)]
pub struct TuneArgs {
    #[command(flatten)]
    pub folder: RunFolder,
    /// Another goal than the run's.
    #[arg(long, value_enum)]
    pub goal: Option<GoalArg>,
    /// Another accepted loss of quality than the run's, 0 to 1.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub margin: Option<f64>,
}

/// A goal on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GoalArg {
    /// Least cost, quality not below today's by more than the margin.
    Cheaper,
    /// Most quality at today's cost.
    Better,
    /// Least P(TTFT > slo), quality and cost kept.
    Faster,
}

/// `suite`.
#[derive(Debug, Subcommand)]
pub enum SuiteCommand {
    /// Check suites: the format, and that each grader takes the right answer and not the wrong.
    Check {
        /// Suites: folders, .jsonl or .csv; none: the bundled ones.
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// Columns of a single-file suite: prompt=question,reference=expected,category=type.
        #[arg(long, value_name = "FIELD=COLUMN,…")]
        map: Option<String>,
    },
    /// List the bundled suites, or those named.
    List {
        /// Suites: folders, .jsonl or .csv.
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// How to print.
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
}

/// `catalog`.
#[derive(Debug, Subcommand)]
pub enum CatalogCommand {
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
    after_help = "names in --where: price.input, price.output, price.cached_input … (dollars per \
    million tokens), context, max_output, tools, json_schema, reasoning, temperature, free, priced, \
    alias, endpoint, model, author, provider, created, expires"
)]
pub struct CatalogListArgs {
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
    /// Only those for which this holds: 'price.output < 2 && context >= 128000 && tools'.
    #[arg(long = "where", value_name = "CONDITION")]
    pub filter: Option<Filter>,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// `catalog sync`.
#[derive(Debug, Args)]
pub struct CatalogSyncArgs {
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
pub struct CatalogDiffArgs {
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
pub struct CatalogCheckArgs {
    /// Catalogs and snapshots; none: that of the configuration.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// `catalog pick`.
#[derive(Debug, Args)]
pub struct CatalogPickArgs {
    /// How many.
    #[arg(value_name = "N", value_parser = clap::value_parser!(u16).range(1..=100))]
    pub n: u16,
    /// The suite that they shall be weighed on: a folder, a .jsonl or a .csv.
    #[arg(long = "for", value_name = "SUITE")]
    pub suite: PathBuf,
    /// Columns of a single-file suite: prompt=question,reference=expected,category=type.
    #[arg(long, value_name = "FIELD=COLUMN,…")]
    pub map: Option<String>,
    /// The catalog to choose from; otherwise the configuration's.
    #[arg(long, value_name = "FILE")]
    pub catalog: Option<PathBuf>,
    /// The configuration; otherwise weighbridge.toml here or in a parent folder.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Only from those for which this holds, as in `catalog list`.
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
pub struct CatalogPingArgs {
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

/// `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    #[command(flatten)]
    pub folder: RunFolder,
    /// How to print the result: one screen, or JSON by the schema in docs/schema/.
    #[arg(long, value_enum, default_value_t = ReportFormat::Screen, conflicts_with = "prices")]
    pub format: ReportFormat,
    /// Price the run's tokens anew by a snapshot or another catalog, and print the change.
    #[arg(long, value_name = "SNAPSHOT")]
    pub prices: Option<PathBuf>,
}

/// `sim`.
#[derive(Debug, Args)]
#[command(after_help = FaultKind::list())]
pub struct SimArgs {
    /// Where to listen; port 0 takes a free one. The address is printed on stdout.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0", value_parser = address)]
    pub listen: SocketAddr,
    /// A suite whose answers the fleet knows, beside the bundled ones; repeatable.
    #[arg(long, value_name = "SUITE")]
    pub answers: Vec<PathBuf>,
    /// Columns of a single-file suite: prompt=question,reference=expected,category=type.
    #[arg(long, value_name = "FIELD=COLUMN,…")]
    pub map: Option<String>,
    /// The seed of the fleet's behaviour.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// `lengths=1` restores the profiles' lengths, thinking times and stalls; `lengths=0.1` a tenth.
    #[arg(long, value_name = "lengths=F", value_parser = scale)]
    pub scale: Option<f64>,
    /// Serve the endpoints of this file instead, described as src/sim/fleet.toml does.
    #[arg(long, value_name = "FILE")]
    pub fleet: Option<PathBuf>,
    /// Serve the chaos profiles too.
    #[arg(long)]
    pub chaos: bool,
    /// No rate limits, no drift over time, no failures: what a request meets is its own draw alone.
    #[arg(long)]
    pub steady: bool,
    /// Answer at once, without delay or fault; with a number: answers of so many tokens.
    #[arg(long, value_name = "TOKENS", num_args = 0..=1)]
    #[expect(clippy::option_option, reason = "absent, without a number, with one")]
    pub instant: Option<Option<usize>>,
    /// Give every answer the same known schedule: `ttft=200ms,gap=10ms,tokens=50`; `head=0ms` moves
    /// the head, which otherwise comes at half the ttft.
    #[arg(long, value_name = "KEY=VALUE,…", conflicts_with = "instant")]
    pub schedule: Option<Schedule>,
    /// Break answers: one of the faults listed below, with the share of the requests that meet it;
    /// repeatable. Which ones do is a pure draw of the seed.
    #[arg(long, value_name = "KIND[=RATE]")]
    pub fault: Vec<FaultRate>,
    /// Stall every stream in its middle for so long.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub stall: Option<Duration>,
    /// Write N events at once, when the last of them is due.
    #[arg(long, value_name = "N")]
    pub coalesce: Option<NonZeroUsize>,
    /// Cut every write at N bytes, inside characters too.
    #[arg(long, value_name = "N")]
    pub split: Option<NonZeroUsize>,
    /// Write byte by byte (with --split: N by N), this far apart.
    #[arg(long, value_name = "TIME", value_parser = time, num_args = 0..=1,
        default_missing_value = "100us")]
    pub drip: Option<Duration>,
    /// Print the truth (skill per category, latency medians, prices) and exit.
    #[arg(long)]
    pub truth: bool,
    /// Record each request: when read, when each chunk was written, what was meant and billed.
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
    /// Write a catalog of the fleet at this address, to pass to `run --catalog`.
    #[arg(long, value_name = "FILE")]
    pub write_catalog: Option<PathBuf>,
    /// What the providers of that catalog speak; with several, each provider stands in it once for
    /// each. The fleet answers in all of them, whatever its catalog says.
    #[arg(long, value_name = "DIALECT", value_delimiter = ',', default_value = "openai-chat",
        value_parser = PossibleValuesParser::new(Dialect::ALL.map(Dialect::name)).map(dialect))]
    pub dialect: Vec<Dialect>,
}

#[expect(clippy::needless_pass_by_value, reason = "what a value parser gives")]
fn dialect(name: String) -> Dialect {
    Dialect::from_name(&name).unwrap_or_default()
}

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people, at most 80 columns.
    Table,
    /// JSON.
    Json,
    /// CSV.
    Csv,
}

/// How to print the result of a run or a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people, at most 80 columns and 24 lines.
    Screen,
    /// JSON.
    Json,
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
        let limits = crate::client::AttemptLimits::default();
        Self {
            connect: Duration::from_secs(10),
            first_token: limits.first_token,
            stall: limits.stall,
            total: limits.total,
        }
    }
}

impl Timeouts {
    fn parse(text: &str) -> Result<Self, String> {
        let mut timeouts = Self::default();
        for part in text.split(',') {
            let (phase, time) =
                part.split_once('=').ok_or_else(|| format!("{part:?} is not PHASE=TIME"))?;
            let time = self::time(time).map_err(|e| format!("{part:?}: {e}"))?;
            match phase {
                "connect" => timeouts.connect = time,
                "first_token" => timeouts.first_token = time,
                "stall" => timeouts.stall = time,
                "total" => timeouts.total = time,
                _ => {
                    return Err(format!(
                        "{phase:?} is no phase; there are connect, first_token, stall, total"
                    ));
                }
            }
        }
        Ok(timeouts)
    }
}

/// Reads a time above zero.
fn time(text: &str) -> Result<Duration, String> {
    let time: jiff::SignedDuration =
        text.parse().map_err(|_| format!("{text:?} is not a time such as 30s or 2m"))?;
    Duration::try_from(time)
        .ok()
        .filter(|t| !t.is_zero())
        .ok_or_else(|| "the time must be above zero".to_owned())
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let mut found = text
        .to_socket_addrs()
        .map_err(|e| format!("{e}; it takes an address and a port, such as 127.0.0.1:8100"))?;
    found.next().ok_or_else(|| format!("{text} names no address"))
}

fn rate_share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value <= 1.0 => Ok(value),
        _ => Err("a share above 0 and at most 1, such as 0.5".to_owned()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("a share between 0 and 1, such as 0.02".to_owned()),
    }
}

fn scale(text: &str) -> Result<f64, String> {
    let value = text.strip_prefix("lengths=").and_then(|v| v.parse::<f64>().ok());
    value
        .filter(|v| *v > 0.0 && *v <= 10.0)
        .ok_or_else(|| "lengths=F with F above 0 and at most 10, such as lengths=1".to_owned())
}

/// Reads a cache mode.
fn cache_mode() -> impl TypedValueParser<Value = CacheMode> {
    PossibleValuesParser::new(CacheMode::ALL.map(CacheMode::name))
        .map(|name| CacheMode::from_name(&name).expect("one of the names"))
}
