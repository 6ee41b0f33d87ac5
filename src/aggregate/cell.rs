//! The metrics of one cell: an endpoint on a category, or on all of them.

use std::collections::BTreeMap;

use super::{Latency, LatencyMetric, TrafficRequest};
use crate::stats::Estimate;
use crate::units::Usd;

/// The metrics of one cell. Every denominator is that of METRICS.md.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// Trials by status.
    pub counts: Counts,
    /// Failed trials by the class of their last failure.
    pub failures: BTreeMap<&'static str, u64>,
    /// Mean score of scored trials, 0..1.
    pub quality: Option<Estimate>,
    /// Trials answered on the first attempt ÷ (ok + failed).
    pub availability: Option<Estimate>,
    /// Trials answered at last ÷ (ok + failed).
    pub availability_retried: Option<Estimate>,
    /// What it cost, failed attempts included.
    pub cost: Usd,
    /// Attempts whose cost is not known.
    pub cost_unknown: u64,
    /// The reserved bounds of those attempts, plus `cost`.
    pub cost_upper: Usd,
    /// Answers whose cost is not known: `cost_per_task` is that of the others.
    pub uncosted: u64,
    /// Σ of what the providers say they charged; `None`: none said.
    pub cost_reported: Option<Usd>,
    /// Of `cost`, what went into warming prompt caches, in no other figure; `None`: nothing was sent
    /// for that.
    pub cost_cache_warmup: Option<Usd>,
    /// Dollars per task; `None` with an unknown price, and where nothing was ever answered or
    /// billed: what a task costs there is not known, and not nothing.
    pub cost_per_task: Option<Estimate>,
    /// Dollars of its trials at the share of cached input that `[traffic]` states, and per task;
    /// `None`: no share is stated, or the price is unknown.
    pub at_cached_share: Option<CachedShareCost>,
    /// A request of production; `None`: `[traffic]` says nothing of it, or its tokens or its price are
    /// not known.
    pub at_traffic: Option<TrafficRequest>,
    /// Dollars per pass.
    pub cost_per_pass: Option<Estimate>,
    /// The quality difference from today's endpoint on the same tasks, in score units (−1..1).
    pub vs_today: Option<Difference>,
    /// Latency by metric name (`ttft`, `ttfo`, `itl`, `icl`, `e2e`, `e2e_with_retries`); a metric
    /// without a sample is absent.
    pub latency: BTreeMap<LatencyMetric, Latency>,
    /// Share of answers whose TTFT is above the SLO's limit, where there is an SLO.
    pub slo_miss: Option<Estimate>,
    /// Mean output tokens of an answer.
    pub output_tokens: Option<f64>,
    /// Mean input tokens of a request.
    pub input_tokens: Option<f64>,
    /// Σ of input, cached input, output and reasoning tokens that are known.
    pub tokens: TokenSums,
}

/// The share of answers whose cost may be unknown. The others do not stand for more of them: who
/// states no usage where it is dear would look cheap.
const UNKNOWN_COSTS: f64 = 0.05;

impl Cell {
    /// Whether the cost of so many answers is unknown that what is known says nothing of a task.
    #[must_use]
    pub fn hides_costs(&self) -> bool {
        self.uncosted as f64 > UNKNOWN_COSTS * self.counts.ok as f64
    }
}

/// What trials would cost at another share of cached input than they happened to have.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CachedShareCost {
    /// Of all trials whose tokens are known, exact.
    pub cost: Usd,
    /// How many trials those are.
    pub trials: u64,
    /// Per task.
    pub per_task: Option<Estimate>,
}

/// Sums of tokens by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenSums {
    /// Prompt tokens.
    pub input: u64,
    /// Cached prompt tokens.
    pub cached_input: u64,
    /// Output tokens.
    pub output: u64,
    /// Reasoning tokens.
    pub reasoning: u64,
}

/// Trials by status. `planned = ok + failed + ineligible + skipped + in_doubt` once a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All.
    pub planned: u64,
    /// Answered.
    pub ok: u64,
    /// Every attempt failed.
    pub failed: u64,
    /// The endpoint cannot take the task.
    pub ineligible: u64,
    /// Left out.
    pub skipped: u64,
    /// Sent, ending unknown.
    pub in_doubt: u64,
    /// Of `ok`: a grader scored it.
    pub scored: u64,
    /// Of `ok`: the grader could not judge.
    pub unscored: u64,
    /// Of `ok`: cut by the output limit.
    pub truncated: u64,
    /// Of `ok`: refused, or cut by a content filter.
    pub refused: u64,
}

impl Counts {
    /// These and others.
    #[must_use]
    pub const fn and(&self, other: &Self) -> Self {
        Self {
            planned: self.planned + other.planned,
            ok: self.ok + other.ok,
            failed: self.failed + other.failed,
            ineligible: self.ineligible + other.ineligible,
            skipped: self.skipped + other.skipped,
            in_doubt: self.in_doubt + other.in_doubt,
            scored: self.scored + other.scored,
            unscored: self.unscored + other.unscored,
            truncated: self.truncated + other.truncated,
            refused: self.refused + other.refused,
        }
    }

    /// Trials that count: ok + failed.
    #[must_use]
    pub const fn trials(&self) -> u64 {
        self.ok + self.failed
    }
}

/// A paired difference on the same tasks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// This endpoint minus the other, in score units, two-sided 95 % interval.
    pub estimate: Estimate,
    /// Two-sided p: McNemar mid-p for pass/fail, else paired t.
    pub p: f64,
    /// `p` after Benjamini–Hochberg over the grid that is shown together.
    pub p_adjusted: f64,
    /// What may be said.
    pub significance: Significance,
    /// The standard error of the difference.
    pub se: f64,
    /// The smallest difference that this sample would show with 80 % power (two-sided 5 %).
    pub detectable: f64,
}

/// Whether a difference is significant at 5 % after adjustment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Significance {
    /// Better.
    Better,
    /// Worse.
    Worse,
    /// The sample does not show a difference.
    Unclear,
}
