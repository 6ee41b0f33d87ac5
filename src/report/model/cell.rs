//! The figures of one endpoint in one category.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::Estimate;
use super::estimate::known;
use crate::aggregate::{self, LatencyMetric, Significance};
use crate::units::Usd;

/// Latency by metric; a metric without a sample is absent.
pub(crate) type Latencies = BTreeMap<LatencyMetric, Latency>;

/// Trials by status: planned = ok + failed + ineligible + skipped + `in_doubt`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub planned: u64,
    /// ok + failed.
    pub trials: u64,
    pub ok: u64,
    pub failed: u64,
    pub ineligible: u64,
    pub skipped: u64,
    pub in_doubt: u64,
    /// Of `ok`: a grader judged it; could not judge it; cut by the output limit; refused.
    pub scored: u64,
    pub unscored: u64,
    pub truncated: u64,
    pub refused: u64,
}

/// The figures of a cell. Denominators are those of METRICS.md.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Cell {
    /// The category; `*`: all together.
    pub category: String,
    pub counts: Counts,
    /// Failed trials by the class of their last failure.
    pub failures: BTreeMap<&'static str, u64>,
    pub quality: Option<Estimate>,
    pub availability: Option<Estimate>,
    pub availability_retried: Option<Estimate>,
    /// What its attempts cost; `None`: its price is not known.
    #[serde(rename = "cost_usd")]
    pub cost: Option<Usd>,
    #[serde(rename = "cost_upper_usd")]
    pub cost_upper: Option<Usd>,
    #[serde(rename = "cost_reported_usd")]
    pub cost_reported: Option<Usd>,
    #[serde(rename = "cost_cache_warmup_usd")]
    pub cost_cache_warmup: Option<Usd>,
    /// Attempts whose cost is not known.
    pub cost_unknown: u64,
    #[serde(rename = "cost_per_task_usd")]
    pub cost_per_task: Option<Estimate>,
    #[serde(rename = "cost_per_pass_usd")]
    pub cost_per_pass: Option<Estimate>,
    pub at_cached_share: Option<CachedShareCost>,
    /// Quality minus that of today's endpoint on the same tasks.
    pub vs_today: Option<Difference>,
    pub latency: Latencies,
    pub slo_miss: Option<Estimate>,
    #[serde(rename = "input_tokens_mean")]
    pub input_tokens: Option<f64>,
    #[serde(rename = "output_tokens_mean")]
    pub output_tokens: Option<f64>,
    pub tokens: TokenSums,
}

/// What trials would cost at the share of cached input that `[traffic]` states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct CachedShareCost {
    #[serde(rename = "cost_usd")]
    pub cost: Usd,
    /// Trials whose tokens are known.
    pub trials: u64,
    #[serde(rename = "cost_per_task_usd")]
    pub per_task: Option<Estimate>,
}

/// Sums of tokens by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct TokenSums {
    pub input: u64,
    pub cached_input: u64,
    pub output: u64,
    pub reasoning: u64,
}

/// A paired difference of quality.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Difference {
    pub estimate: Estimate,
    /// Two-sided; adjusted by Benjamini–Hochberg over the grid that is shown together.
    pub p: f64,
    pub p_adjusted: f64,
    #[serde(serialize_with = "write_significance")]
    pub significance: Significance,
    /// The smallest difference that this sample would show with 80 % power.
    pub detectable: f64,
}

/// A latency distribution.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Latency {
    pub n: u64,
    /// Effective observations where they are serially correlated.
    pub n_effective: u64,
    /// Seconds, by percentile in tenths of a percent; one whose sample floor is not met is absent.
    #[serde(rename = "percentiles_s", serialize_with = "by_percentile")]
    pub percentiles: BTreeMap<u16, Estimate>,
    #[serde(rename = "mean_s")]
    pub mean: f64,
    #[serde(rename = "max_s")]
    pub max: f64,
    /// The whole distribution: upper end of a slot in microseconds, count; ascending. `latency.csv`
    /// has it.
    #[serde(skip)]
    pub slots: Vec<(u64, u64)>,
}

/// Tokens counted by a local tokenizer, for answers whose provider did not count them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct LocalTokens {
    pub vocabulary: &'static str,
    /// Answers whose provider did not count their tokens.
    pub answers: u64,
    pub input: u64,
    pub output: u64,
    #[serde(rename = "cost_usd")]
    pub cost: Option<Usd>,
    pub ratio: Option<LocalRatio>,
}

/// Local counts ÷ the provider's, on answers that have both.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct LocalRatio {
    pub n: u64,
    pub input: f64,
    pub output: f64,
}

impl Serialize for LatencyMetric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn write_significance<S: Serializer>(
    found: &Significance,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(significance_name(*found))
}

fn by_percentile<S: Serializer>(
    percentiles: &BTreeMap<u16, Estimate>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(percentiles.iter().map(|(key, found)| (percentile(*key), found)))
}

impl Counts {
    pub(super) fn new(counts: &aggregate::Counts) -> Self {
        Self {
            planned: counts.planned,
            trials: counts.trials(),
            ok: counts.ok,
            failed: counts.failed,
            ineligible: counts.ineligible,
            skipped: counts.skipped,
            in_doubt: counts.in_doubt,
            scored: counts.scored,
            unscored: counts.unscored,
            truncated: counts.truncated,
            refused: counts.refused,
        }
    }
}

impl Cell {
    /// The cell of a category (`*`: all) of an endpoint. Without a known price its sums are not
    /// known either.
    pub(super) fn new(cell: &aggregate::Cell, category: &str, priced: bool) -> Self {
        let nothing_is_known =
            cell.uncosted > 0 && cell.uncosted == cell.counts.ok && cell.cost == Usd::ZERO;
        Self {
            category: category.to_owned(),
            counts: Counts::new(&cell.counts),
            failures: cell.failures.clone(),
            quality: known(cell.quality),
            availability: known(cell.availability),
            availability_retried: known(cell.availability_retried),
            cost: (priced && !nothing_is_known).then_some(cell.cost),
            cost_upper: priced.then_some(cell.cost_upper),
            cost_reported: cell.cost_reported,
            cost_cache_warmup: cell.cost_cache_warmup.filter(|_| priced),
            cost_unknown: cell.cost_unknown,
            cost_per_task: known(cell.cost_per_task),
            cost_per_pass: known(cell.cost_per_pass),
            at_cached_share: cell.at_cached_share.map(|at_share| CachedShareCost {
                cost: at_share.cost,
                trials: at_share.trials,
                per_task: known(at_share.per_task),
            }),
            vs_today: cell.vs_today.map(|found| Difference {
                estimate: found.estimate.into(),
                p: found.p,
                p_adjusted: found.p_adjusted,
                significance: found.significance,
                detectable: found.detectable,
            }),
            latency: latencies(&cell.latency),
            slo_miss: known(cell.slo_miss),
            input_tokens: cell.input_tokens,
            output_tokens: cell.output_tokens,
            tokens: (&cell.tokens).into(),
        }
    }
}

pub(super) fn latencies(of: &BTreeMap<LatencyMetric, aggregate::Latency>) -> Latencies {
    of.iter().map(|(metric, latency)| (*metric, Latency::from(latency))).collect()
}

impl From<&aggregate::Latency> for Latency {
    fn from(latency: &aggregate::Latency) -> Self {
        let percentiles = latency.percentiles.iter();
        Self {
            n: latency.n,
            n_effective: latency.n_effective,
            percentiles: percentiles.map(|(key, found)| (*key, (*found).into())).collect(),
            mean: latency.mean,
            max: latency.max,
            slots: latency.slots.clone(),
        }
    }
}

impl From<&aggregate::TokenSums> for TokenSums {
    fn from(sums: &aggregate::TokenSums) -> Self {
        let aggregate::TokenSums { input, cached_input, output, reasoning } = *sums;
        Self { input, cached_input, output, reasoning }
    }
}

impl From<&aggregate::LocalTokens> for LocalTokens {
    fn from(local: &aggregate::LocalTokens) -> Self {
        Self {
            vocabulary: local.vocabulary,
            answers: local.answers,
            input: local.input,
            output: local.output,
            cost: local.cost,
            ratio: local.ratio.map(|ratio| LocalRatio {
                n: ratio.n,
                input: ratio.input,
                output: ratio.output,
            }),
        }
    }
}

/// The name of a percentile by its key in tenths of a percent: `p50`, `p99.9`.
pub(crate) fn percentile(key: u16) -> String {
    if key.is_multiple_of(10) {
        format!("p{}", key / 10)
    } else {
        format!("p{}.{}", key / 10, key % 10)
    }
}

/// What may be said of a difference.
pub(crate) const fn significance_name(significance: Significance) -> &'static str {
    match significance {
        Significance::Better => "better",
        Significance::Worse => "worse",
        Significance::Unclear => "unclear",
    }
}
