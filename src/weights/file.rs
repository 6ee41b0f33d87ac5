//! The types of the weights file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::gate::GateTest;
use crate::stats::Estimate;
use crate::units::fact::{self, Fact};
use crate::units::{Goal, Slo, SuiteStamp, Usd};

/// The version of the file's format.
pub const FORMAT_VERSION: u32 = 2;

/// The parts that a category's weights sum to.
pub const PARTS: u32 = 1_000_000;

/// The weights file, as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightsFile {
    /// `2`.
    pub format_version: u32,
    /// Whether any of the evidence was simulated.
    pub simulated: bool,
    /// The run that it rests on.
    pub run: String,
    /// The suites it rests on: name, version, hash.
    pub suites: Vec<SuiteStamp>,
    /// The hash of the price snapshot: the endpoints' ids and prices.
    pub prices: String,
    /// When it was made: the run's start (RFC 3339).
    pub made_at: String,
    /// Until when it should be served by; then measure again (RFC 3339).
    pub valid_until: String,
    /// What was asked for.
    pub objective: Objective,
    /// Weights, fallbacks and verdict per category.
    pub categories: BTreeMap<String, CategoryWeights>,
    /// The mix for traffic without a label.
    pub default: CategoryWeights,
    /// The whole mixture under the traffic's shares: expected figures, beside today's.
    pub expected: Expected,
    /// The estimates used: category (`*`: all together under the shares, for the default mix),
    /// then endpoint.
    pub estimates: BTreeMap<String, BTreeMap<String, CellEstimates>>,
    /// What was left out of the weights, and why: endpoint → reason.
    pub left_out: BTreeMap<String, String>,
    /// What the reader must know; one sentence each in the file.
    #[serde(with = "fact::as_sentences")]
    pub notes: Vec<Fact>,
    /// The test against the file that was served by before; `None`: there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateTest>,
}

/// What the weights were tuned for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// The goal.
    pub goal: Goal,
    /// The accepted loss of quality, 0..1.
    pub margin: f64,
    /// The same by category, where it is another one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub margins: BTreeMap<String, f64>,
    /// The least saving in dollars a month that was worth a move.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worth_per_month_usd: Option<Usd>,
    /// The latency objective.
    pub slo: Option<Slo>,
    /// The largest share of one provider.
    pub max_share_provider: Option<f64>,
    /// Today's endpoint, stated or standing in.
    pub today: Option<String>,
    /// Whether `[today]` named it.
    pub today_stated: bool,
    /// The shares of traffic that were used.
    pub shares: BTreeMap<String, f64>,
    /// Whether `[traffic]` named them.
    pub shares_stated: bool,
}

impl Objective {
    /// The accepted loss of quality in a category, 0..1.
    #[must_use]
    pub fn margin_in(&self, category: &str) -> f64 {
        self.margins.get(category).copied().unwrap_or(self.margin)
    }
}

/// How one category is routed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CategoryWeights {
    /// Parts per million by endpoint; they sum to 1,000,000. Zero weights are left out. Empty where
    /// the verdict is NO DATA.
    pub weights: BTreeMap<String, u32>,
    /// Where to go when the drawn endpoint fails, in order.
    pub fallbacks: Vec<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// Expected figures of this mix, beside today's.
    pub expected: Expected,
}

/// What to do in a category.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// MOVE, TRY, STAY, NOT YET or NO DATA.
    pub word: VerdictWord,
    /// The candidate that the verdict speaks of: what gets most of the moved weight, or what might
    /// pay; STAY: of what would pay, all of which is shown worse, what is nearest to the margin.
    pub candidate: Option<String>,
    /// The candidate's quality minus today's, score units, two-sided 95 %, under the model of the whole
    /// run.
    pub difference: Option<Estimate>,
    /// The bound that decides: the difference is above it with a probability of 95 %, score units.
    pub at_worst: Option<f64>,
    /// The difference is below it with a probability of 95 %.
    pub at_best: Option<f64>,
    /// The difference as counted on these tasks alone, and the pairs.
    pub counted: Option<CountedDifference>,
    /// The probability that the candidate is within the margin of today's.
    pub within_margin: Option<f64>,
    /// What the mix saves per 1,000 tasks against today's endpoint (negative: costs more); TRY and NOT
    /// YET: what moving to the candidate would save.
    pub saves_per_1000_usd: Option<Usd>,
    /// NOT YET: how many more tasks would tell.
    pub tasks_needed: Option<TaskForecast>,
    /// Why, in one sentence.
    pub why: String,
}

/// A difference on the tasks of one category.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountedDifference {
    /// The candidate's mean score minus today's, score units.
    pub value: f64,
    /// Tasks scored for both.
    pub n: u64,
    /// Tasks on which the candidate scored higher.
    pub better: u64,
    /// Tasks on which today's endpoint did.
    pub worse: u64,
}

/// How many more tasks would decide.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskForecast {
    /// The fewest that are likely needed.
    pub low: u64,
    /// The most.
    pub high: u64,
    /// The probability that `high` more tasks end in a MOVE.
    pub chance: f64,
}

/// A verdict's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VerdictWord {
    /// Not worse beyond the margin, and it pays.
    #[serde(rename = "MOVE")]
    Move,
    /// Likely not worse beyond the margin, and it pays.
    #[serde(rename = "TRY")]
    Try,
    /// Nothing pays.
    #[serde(rename = "STAY")]
    Stay,
    /// Something might pay; the sample does not tell yet.
    #[serde(rename = "NOT YET")]
    NotYet,
    /// What serves today was not measured, so nothing can be compared: no weights.
    #[serde(rename = "NO DATA")]
    NoData,
}

impl VerdictWord {
    /// The word as shown.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Move => "MOVE",
            Self::Try => "TRY",
            Self::Stay => "STAY",
            Self::NotYet => "NOT YET",
            Self::NoData => "NO DATA",
        }
    }
}

/// What a mix is expected to give.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Its quality minus today's, score units, under the model of the whole run.
    pub difference: Option<Estimate>,
    /// The share of today's cost that it saves (negative: it costs more), likewise.
    pub saving: Option<Estimate>,
    /// P(TTFT > the SLO's limit).
    pub slo_miss: Option<Estimate>,
    /// Today's mean score on the tasks, 0..1.
    pub today_quality: Option<Estimate>,
    /// Today's dollars per task.
    pub today_cost_per_task_usd: Option<Estimate>,
    /// Today's P(TTFT > the SLO's limit).
    pub today_slo_miss: Option<Estimate>,
}

impl Expected {
    /// Dollars per task: today's, less the saving.
    #[must_use]
    pub fn cost_per_task_usd(&self) -> Option<f64> {
        Some(self.today_cost_per_task_usd?.value * (1.0 - self.saving?.value))
    }
}

/// The estimates of one cell that the linear program used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellEstimates {
    /// Scored trials.
    pub n: u64,
    /// Mean score.
    pub quality: Option<Estimate>,
    /// Dollars per task.
    pub cost_per_task_usd: Option<Estimate>,
    /// P(TTFT > the SLO's limit).
    pub slo_miss: Option<Estimate>,
    /// Answered at last ÷ (ok + failed).
    pub availability: Option<Estimate>,
    /// Whether the linear program was allowed to use it, and if not, why.
    pub excluded: Option<String>,
}
