//! `load`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::select::PickArgs;
use super::values::{ReportFormat, share, time, timeouts};
use crate::app::{LoadOptions, SweepOptions, Timeouts};
use crate::cli::exit;
use crate::run::Signals;
use crate::units::Usd;

/// `load`.
#[derive(Debug, Args)]
#[command(after_help = exit::TABLE)]
pub(in crate::cli) struct LoadArgs {
    #[command(flatten)]
    pub pick: PickArgs,
    /// Output format: one screen, or JSON by the schema in docs/schema/.
    #[arg(long, value_enum, default_value_t = ReportFormat::Screen, conflicts_with = "sweep")]
    pub format: ReportFormat,
    /// Open loop: requests per second over all endpoints, independent of the answers.
    #[arg(short = 'q', long, value_name = "PER_S", allow_negative_numbers = true,
        conflicts_with_all = ["steps", "trace", "concurrency"])]
    pub rate: Option<f64>,
    /// The arrival process: `poisson`, `constant` or `gamma:CV` (CV above 1 is burstier).
    #[arg(long, value_name = "SHAPE", default_value = "poisson",
        conflicts_with_all = ["steps", "trace", "concurrency"])]
    pub arrivals: String,
    /// Find the highest rate that meets --slo with a series of open loops: double the rate from LOW,
    /// then bisect until the rate is known to 10 %.
    #[arg(long, value_name = "LOW..HIGH", num_args = 0..=1, default_missing_value = "10..1000",
        requires = "slo", value_parser = RateRange::parse,
        conflicts_with_all = ["rate", "steps", "trace", "concurrency", "requests", "interval_log"])]
    pub sweep: Option<RateRange>,
    /// The share of requests that must meet --slo at a rate of the sweep.
    #[arg(long, value_name = "SHARE", requires = "sweep", default_value_t = 0.95, value_parser = share)]
    pub good: f64,
    /// Open loop in steps of rate x time, Poisson within each: `10x30s,20x30s,0x5s`.
    #[arg(long, value_name = "RATExTIME,…", conflicts_with_all = ["trace", "concurrency", "duration"])]
    pub steps: Option<String>,
    /// Open loop: replay the times and lengths of a trace (Azure 2023 CSV, Mooncake CSV or JSONL; .gz).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["concurrency", "suite"])]
    pub trace: Option<PathBuf>,
    /// Replay the trace at this multiple of the recorded speed.
    #[arg(long, value_name = "X", requires = "trace", value_parser = crate::plan::trace::parse_speed)]
    pub speed: Option<f64>,
    /// Closed loop: concurrent requests per endpoint; each answer starts the next request.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub concurrency: Option<u32>,
    /// Closed loop: ramp up to the concurrency over this time; excluded from the metrics.
    #[arg(long, value_name = "TIME", requires = "concurrency", value_parser = time)]
    pub ramp: Option<Duration>,
    /// Exclude the requests of this time (after the ramp) from the metrics.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub warmup: Option<Duration>,
    /// Send this many requests, not counting the warm-up.
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub requests: Option<u64>,
    /// Send requests for this time, not counting ramp and warm-up; default without another limit: 20s.
    #[arg(short = 'z', long, value_name = "TIME", value_parser = time)]
    pub duration: Option<Duration>,
    /// Cap the total cost in dollars; required for endpoints that bill.
    #[arg(long, value_name = "USD")]
    pub budget: Option<Usd>,
    /// Count the runs that cannot be read as so many dollars together in the month's cap.
    #[arg(long, value_name = "USD")]
    pub unread_spend: Option<Usd>,
    /// The limits that a good request meets, for goodput: ttft, ttfo, itl, e2e.
    #[arg(long, value_name = "METRIC=TIME,…", value_parser = Slos::parse)]
    pub slo: Option<Slos>,
    /// The number of I/O threads; default: the number of cores, at most 4. The requests and their
    /// send times do not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub workers: Option<u8>,
    /// Write one histogram per second in HdrHistogram's log format.
    #[arg(long, value_name = "FILE")]
    pub interval_log: Option<PathBuf>,
    /// The run folder; default: `results/<time>-<name>-load/`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Timeouts by phase; default: `connect=10s,first_token=120s,stall=60s,total=10m`.
    #[arg(long, value_name = "PHASE=TIME,…", value_parser = timeouts)]
    pub timeout: Option<Timeouts>,
}

impl LoadArgs {
    pub(in crate::cli) fn options(self, signals: Signals) -> LoadOptions {
        let good = self.good;
        LoadOptions {
            select: self.pick.into(),
            rate: self.rate,
            arrivals: self.arrivals,
            sweep: self.sweep.map(|RateRange { low, high }| SweepOptions { low, high, good }),
            steps: self.steps,
            trace: self.trace,
            speed: self.speed,
            concurrency: self.concurrency,
            ramp: self.ramp,
            warmup: self.warmup,
            requests: self.requests,
            duration: self.duration,
            budget: self.budget,
            unread_spend: self.unread_spend,
            slos: self.slo.map(|slos| slos.0).unwrap_or_default(),
            workers: self.workers,
            interval_log: self.interval_log,
            out: self.out,
            timeouts: self.timeout.unwrap_or_default(),
            signals,
        }
    }
}

/// What a good request meets: pairs of a metric and its limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Slos(Vec<(String, Duration)>);

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

/// The rates of a sweep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::cli) struct RateRange {
    low: f64,
    high: f64,
}

impl RateRange {
    /// Reads `LOW..HIGH`, requests per second.
    fn parse(text: &str) -> Result<Self, String> {
        let rate = |text: &str| {
            let rate = text.trim().parse::<f64>().ok().filter(|rate| *rate >= 0.01 && *rate <= 1e5);
            rate.ok_or_else(|| format!("{text:?} is no rate from 0.01 to 100000 a second"))
        };
        let (low, high) =
            text.split_once("..").ok_or_else(|| format!("{text:?} is not LOW..HIGH"))?;
        let range = Self { low: rate(low)?, high: rate(high)? };
        if range.low >= range.high {
            return Err(format!("{text:?}: the first rate must be below the second"));
        }
        Ok(range)
    }
}
