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
        requires = "slo", value_parser = RateRange::parse,
        conflicts_with_all = ["rate", "steps", "trace", "concurrency", "requests", "interval_log"])]
    pub sweep: Option<RateRange>,
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
