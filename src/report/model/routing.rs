//! How a category is to be routed, and why.

use serde::{Serialize, Serializer};

use super::Estimate;
use super::estimate::known;
use crate::units::Usd;
use crate::weights::{self, CategoryWeights, PARTS, TaskForecast, VerdictWord};

/// The routing of one category, or of traffic without a label.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Routing {
    /// Endpoints with their share, the largest first.
    #[serde(serialize_with = "mix_entries")]
    pub mix: Vec<(String, f64)>,
    /// Where to go when the drawn endpoint fails, in order.
    pub fallbacks: Vec<String>,
    pub verdict: Verdict,
    pub expected: Expected,
}

/// What to do in a category.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Verdict {
    pub word: VerdictWord,
    /// The endpoint that the verdict is about.
    pub candidate: Option<String>,
    /// The candidate's quality minus that of today's endpoint.
    pub difference: Option<Estimate>,
    /// The difference is above it with a probability of 95 %.
    pub at_worst: Option<f64>,
    /// The difference is below it with a probability of 95 %.
    pub at_best: Option<f64>,
    /// The true difference, which only a simulated fleet knows.
    pub truth: Option<f64>,
    pub saves_per_1000_usd: Option<Usd>,
    /// The probability that the candidate is within the margin.
    pub within_margin: Option<f64>,
    /// How many more tasks would decide.
    pub tasks_needed: Option<TaskForecast>,
    pub why: String,
}

/// What a mix is expected to give, beside today's endpoint on the same tasks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Expected {
    /// Quality minus today's.
    pub difference: Option<Estimate>,
    /// The share of today's cost that is saved.
    pub saving: Option<Estimate>,
    pub slo_miss: Option<Estimate>,
    pub today_quality: Option<Estimate>,
    #[serde(rename = "today_cost_per_task_usd")]
    pub today_cost_per_task: Option<Estimate>,
    pub today_slo_miss: Option<Estimate>,
}

#[derive(Serialize)]
struct MixEntry<'a> {
    endpoint: &'a str,
    share: f64,
}

fn mix_entries<S: Serializer>(mix: &[(String, f64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(mix.iter().map(|(endpoint, share)| MixEntry { endpoint, share: *share }))
}

impl Routing {
    /// `truth` gives the true difference of an endpoint from today's, where it is known.
    pub(super) fn new(found: &CategoryWeights, truth: impl Fn(&str) -> Option<f64>) -> Self {
        let mut mix: Vec<(String, f64)> = found
            .weights
            .iter()
            .filter(|(_, parts)| **parts > 0)
            .map(|(id, parts)| (id.clone(), f64::from(*parts) / f64::from(PARTS)))
            .collect();
        mix.sort_by(|a, b| b.1.total_cmp(&a.1));
        let verdict = &found.verdict;
        Self {
            mix,
            fallbacks: found.fallbacks.clone(),
            verdict: Verdict {
                word: verdict.word,
                candidate: verdict.candidate.clone(),
                difference: known(verdict.difference),
                at_worst: verdict.at_worst,
                at_best: verdict.at_best,
                truth: verdict.candidate.as_deref().and_then(truth),
                saves_per_1000_usd: verdict.saves_per_1000_usd,
                within_margin: verdict.within_margin,
                tasks_needed: verdict.tasks_needed,
                why: verdict.why.clone(),
            },
            expected: (&found.expected).into(),
        }
    }
}

impl From<&weights::Expected> for Expected {
    fn from(expected: &weights::Expected) -> Self {
        Self {
            difference: known(expected.difference),
            saving: known(expected.saving),
            slo_miss: known(expected.slo_miss),
            today_quality: known(expected.today_quality),
            today_cost_per_task: known(expected.today_cost_per_task_usd),
            today_slo_miss: known(expected.today_slo_miss),
        }
    }
}
