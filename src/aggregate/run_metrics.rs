//! The metrics of one run.

use super::answers::is_other;
use super::{
    CategoryMetrics, Counts, EndpointMetrics, Failure, ScoreTable, Today, Unpassed, compare,
};
use crate::stats::paired::Paired;
use crate::units::{Judging, Manifest, Usd};

/// The metrics of a whole run.
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
    /// What the providers said of the trials that failed, endpoint by endpoint.
    pub failures: Vec<Failure>,
    /// Categories whose grader may be wrong, in name order.
    pub unpassed: Vec<Unpassed>,
    /// What of the run database could not be read.
    pub damage: Damage,
}

/// What of a run database could not be read. The rest is as good as before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Rows with something that cannot be read, which is unknown.
    pub rows: u64,
    /// Trials that are left out: which they are cannot be read.
    pub trials: u64,
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

    /// The number of tasks on which the scores of two endpoints differ, or only one is scored:
    /// what [`AnswerViews`](super::AnswerViews) shows of the pair.
    #[must_use]
    pub fn differing(&self, a: usize, b: usize) -> u64 {
        let tasks = 0..self.scores.tasks().len();
        let differ = |&task: &usize| is_other(self.scores.get(task, a), self.scores.get(task, b));
        tasks.filter(differ).count() as u64
    }

    /// The figures of today's endpoint, where it was measured.
    #[must_use]
    pub fn today(&self) -> Option<&EndpointMetrics> {
        let id = self.today.endpoint.as_ref()?;
        self.endpoints.iter().find(|e| e.id == *id)
    }
}
