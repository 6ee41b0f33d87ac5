//! Latency, cost, quality and availability per cell: what the report and the weights read.
//!
//! A cell is endpoint × category; an endpoint's whole row has the same form under category `*`.

mod cached_share;
mod compare;
#[cfg(test)]
mod fixture;
mod latency;
mod load;
mod local;
mod metrics;
mod reprice;
mod run;
mod tally;
#[cfg(test)]
mod tests;
mod timing;
mod tokenizer;
mod trials;

use std::collections::BTreeMap;

use crate::stats::Estimate;
use crate::stats::paired::Paired;
use crate::units::{Category, EndpointId, Judging, Manifest, Usd};

#[cfg(test)]
pub(crate) use load::fixture as load_fixture;
pub use load::{
    LoadCell, LoadCounts, LoadEndpoint, LoadMetrics, LoadSeconds, LoadViews, RequestView,
    SecondSeries, compute_load_metrics, is_load,
};
pub use local::{LocalRatio, LocalTokens};
pub use metrics::compute_metrics;
pub use reprice::{PriceComparison, reprice};
pub use trials::{TrialView, TrialViews};

/// Why a run cannot be aggregated.
#[derive(Debug, thiserror::Error)]
pub enum AggregateError {
    /// The run database does not read.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// It is a load run: it has no trials.
    #[error(
        "{0} is a load run, which nothing is graded or tuned by: `weighbridge report` shows it"
    )]
    IsLoad(String),
    /// What it holds does not fit together.
    #[error("{0}")]
    Corrupt(String),
}

/// Everything that one run shows.
#[derive(Clone, Debug)]
pub struct RunMetrics {
    /// What the run is and how it ended.
    pub manifest: Manifest,
    /// Whether anything in it was simulated.
    pub simulated: bool,
    /// Trials by status, over the whole run.
    pub counts: Counts,
    /// What the run cost by the price snapshot, failed attempts included.
    pub cost: Usd,
    /// `cost` plus the reserved bounds of attempts whose cost is not known.
    pub cost_upper: Usd,
    /// The endpoint that stands for today.
    pub today: Today,
    /// The categories, in name order, with their share of traffic.
    pub categories: Vec<CategoryMetrics>,
    /// The endpoints, in catalog order.
    pub endpoints: Vec<EndpointMetrics>,
    /// Scores by task and endpoint, for paired comparisons.
    pub scores: ScoreTable,
}

impl RunMetrics {
    /// What the run is judged by.
    #[must_use]
    pub fn judging(&self) -> &Judging {
        &self.manifest.judging
    }

    /// The score of endpoint `a` minus that of `b` on the same tasks of a category; `None`: over
    /// the traffic, each category weighing its share, and nothing where a category with traffic
    /// has no task in common.
    #[must_use]
    pub fn difference(&self, category: Option<usize>, a: usize, b: usize) -> Option<Paired> {
        compare::between(&self.categories, &self.endpoints, &self.scores, category, (a, b))
    }

    /// Whether an endpoint without a known price was asked, so that what the run cost is not known
    /// either: the sums are then what it cost at least.
    #[must_use]
    pub fn cost_is_partial(&self) -> bool {
        let asked = |e: &EndpointMetrics| e.all.counts.trials() + e.all.counts.in_doubt > 0;
        self.endpoints.iter().any(|e| !e.priced && asked(e))
    }

    /// Whether some scored endpoint could not stand for today because its price is unknown.
    #[must_use]
    pub fn has_unpriced(&self) -> bool {
        self.endpoints.iter().any(|e| !e.priced && e.all.counts.scored > 0)
    }

    /// The figures of today's endpoint, where it was measured.
    #[must_use]
    pub fn today(&self) -> Option<&EndpointMetrics> {
        let id = self.today.endpoint.as_ref()?;
        self.endpoints.iter().find(|e| e.id == *id)
    }
}

/// What the team runs today.
#[derive(Clone, Debug, PartialEq)]
pub struct Today {
    /// The endpoint; `None`: nothing was scored, so nothing stands for today.
    pub endpoint: Option<EndpointId>,
    /// Whether `[today]` named it; otherwise it is the best single endpoint of the run.
    pub stated: bool,
}

/// A category and the traffic it has.
#[derive(Clone, Debug, PartialEq)]
pub struct CategoryMetrics {
    /// Its name.
    pub name: Category,
    /// Tasks of the run in it.
    pub tasks: u64,
    /// Its share of traffic, 0..1.
    pub share: f64,
    /// Whether `[traffic]` named the share; otherwise categories count equally.
    pub share_stated: bool,
}

/// An endpoint: its whole row and its cells.
#[derive(Clone, Debug)]
pub struct EndpointMetrics {
    /// Its id.
    pub id: EndpointId,
    /// Its model.
    pub model: String,
    /// Its provider.
    pub provider: String,
    /// Whether its price is known.
    pub priced: bool,
    /// Over all categories.
    pub all: Cell,
    /// By category: same order as [`RunMetrics::categories`].
    pub cells: Vec<Cell>,
    /// What was counted here; `None`: every provider of the run counted for itself, or nothing was
    /// kept to count.
    pub local: Option<LocalTokens>,
    /// Who gave its answers, where a router says so.
    pub served: RoutingCounts,
}

/// Who gave an endpoint's answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoutingCounts {
    /// The provider that the router was pinned to.
    pub pin: Option<String>,
    /// Answers by the name that the router says.
    pub by: BTreeMap<String, u64>,
}

impl RoutingCounts {
    /// Answers of a pinned endpoint by those that it is not pinned to.
    #[must_use]
    pub fn strays(&self) -> BTreeMap<&str, u64> {
        let Some(pin) = &self.pin else { return BTreeMap::new() };
        // `google-vertex/us` is spoken of as "Google", and `amazon-bedrock` as "Amazon Bedrock".
        let plain = |name: &str| -> String {
            let letters = name.chars().filter(char::is_ascii_alphanumeric);
            letters.map(|c| c.to_ascii_lowercase()).collect()
        };
        let pin = plain(pin.split('/').next().unwrap_or(pin));
        let is_pin = |name: &str| {
            let name = plain(name);
            !name.is_empty() && (pin.starts_with(&name) || name.starts_with(&pin))
        };
        let by = self.by.iter().map(|(name, n)| (name.as_str(), *n));
        by.filter(|(name, _)| !is_pin(name)).collect()
    }
}

/// One cell's figures. Every denominator is that of METRICS.md.
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
    /// Of `ok`: a grader judged it.
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

/// What a difference says at 5 % after adjustment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Significance {
    /// Better.
    Better,
    /// Worse.
    Worse,
    /// The sample does not tell.
    Unclear,
}

/// A latency metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LatencyMetric {
    /// Time to the first token.
    Ttft,
    /// Time to the first output token.
    Ttfo,
    /// Mean time per output token after the first.
    Itl,
    /// Gap between token events.
    Icl,
    /// End to end, of the attempt that succeeded.
    E2e,
    /// From the first attempt, back-off included.
    E2eWithRetries,
    /// Connection set-up, of attempts that made one.
    Connect,
    /// The client's own lag behind the schedule, of every request that was sent.
    Queue,
    /// Time to the first token, from the schedule.
    TtftSched,
    /// End to end, from the schedule.
    E2eSched,
}

impl LatencyMetric {
    /// All, in the order of reports.
    pub const ALL: [Self; 10] = [
        Self::Ttft,
        Self::Ttfo,
        Self::Itl,
        Self::Icl,
        Self::E2e,
        Self::E2eWithRetries,
        Self::Connect,
        Self::Queue,
        Self::TtftSched,
        Self::E2eSched,
    ];

    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ttft => "ttft",
            Self::Ttfo => "ttfo",
            Self::Itl => "itl",
            Self::Icl => "icl",
            Self::E2e => "e2e",
            Self::E2eWithRetries => "e2e_with_retries",
            Self::Connect => "connect",
            Self::Queue => "queue",
            Self::TtftSched => "ttft_sched",
            Self::E2eSched => "e2e_sched",
        }
    }
}

/// A latency distribution.
#[derive(Clone, Debug, PartialEq)]
pub struct Latency {
    /// Observations.
    pub n: u64,
    /// Effective observations where they are serially correlated (lag-1 r > 0.1), else `n`.
    pub n_effective: u64,
    /// The percentiles 50, 90, 95, 99 and 99.9 whose sample floor is met, in seconds, each with
    /// its order-statistics interval. The key is in tenths of a percent: 500, 900, 950, 990, 999.
    pub percentiles: BTreeMap<u16, Estimate>,
    /// The whole distribution: upper end of a slot in microseconds, count; ascending.
    pub slots: Vec<(u64, u64)>,
    /// The mean, seconds.
    pub mean: f64,
    /// The longest, seconds.
    pub max: f64,
}

impl Latency {
    /// The highest percentile whose floor is met, as its key in [`Latency::percentiles`].
    #[must_use]
    pub fn highest(&self) -> Option<(u16, Estimate)> {
        self.percentiles.last_key_value().map(|(p, e)| (*p, *e))
    }
}

/// Scores by task and endpoint.
#[derive(Clone, Debug, Default)]
pub struct ScoreTable {
    /// The tasks, in run order.
    pub tasks: Vec<ScoredTask>,
    /// `scores[task][endpoint]`: the mean over repeats; NaN where nothing was scored. Endpoints
    /// in the order of [`RunMetrics::endpoints`].
    pub scores: Vec<Vec<f32>>,
}

/// A task as the score table knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScoredTask {
    /// Index into [`RunMetrics::categories`].
    pub category: usize,
    /// Tasks with the same number share a cluster; `None`: a cluster of its own.
    pub cluster: Option<u32>,
}

/// One task on which two endpoints were both scored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// The task's cluster.
    pub cluster: Option<u32>,
    /// The first endpoint's score.
    pub a: f64,
    /// The second endpoint's score.
    pub b: f64,
}

impl ScoreTable {
    /// The tasks of a category (`None`: all) on which both endpoints were scored.
    #[must_use]
    pub fn pairs(&self, category: Option<usize>, a: usize, b: usize) -> Vec<Pair> {
        self.tasks
            .iter()
            .zip(&self.scores)
            .filter(|(task, _)| category.is_none_or(|c| task.category == c))
            .filter(|(_, row)| !row[a].is_nan() && !row[b].is_nan())
            .map(|(task, row)| Pair {
                cluster: task.cluster,
                a: f64::from(row[a]),
                b: f64::from(row[b]),
            })
            .collect()
    }
}
