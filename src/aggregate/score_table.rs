//! Scores by task and endpoint.

use std::collections::BTreeMap;

use crate::units::ContentHash;

/// What a task is known by in every run. Scores of two runs can be compared where it is equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskKey {
    /// The suite.
    pub suite: String,
    /// The id within the suite.
    pub task: String,
    /// The hash of what it asks and what counts as right; `None`: the run was written by a version
    /// that did not keep it.
    pub content: Option<ContentHash>,
}

impl TaskKey {
    /// Whether this task chooses what stands for today, where nothing is stated: a third of all tasks
    /// do, in every run the same.
    #[must_use]
    pub fn is_for_choice(&self) -> bool {
        self.hash().as_bytes()[0].is_multiple_of(3)
    }

    /// The hash of the suite and the id.
    #[must_use]
    pub fn hash(&self) -> ContentHash {
        ContentHash::of_parts([self.suite.as_bytes(), self.task.as_bytes()])
    }
}

/// A task as the score table knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScoredTask {
    /// Its identity.
    pub key: TaskKey,
    /// Index into [`super::RunMetrics::categories`].
    pub category: usize,
    /// Tasks with the same number share a cluster; `None`: a cluster of its own.
    pub cluster: Option<u32>,
}

/// Scores and costs by task and endpoint.
#[derive(Clone, Debug, Default)]
pub struct ScoreTable {
    tasks: Vec<ScoredTask>,
    n_endpoints: usize,
    /// Task by task. Single precision: a run may have millions, and none is known to 7 digits.
    scores: Vec<Option<f32>>,
    /// Dollars, likewise.
    costs: Vec<Option<f32>>,
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
    /// A table of these tasks, in run order, without scores.
    #[must_use]
    pub fn new(tasks: Vec<ScoredTask>, n_endpoints: usize) -> Self {
        let cells = vec![None; tasks.len() * n_endpoints];
        Self { tasks, n_endpoints, scores: cells.clone(), costs: cells }
    }

    /// The table without the scores of the tasks that choose what stands for today: the best of many on
    /// some tasks is not as good on others, so it is compared on those.
    #[must_use]
    pub(super) fn without_choice(&self) -> Self {
        let mut others = self.clone();
        for (task, row) in self.tasks.iter().zip(others.scores.chunks_mut(self.n_endpoints.max(1)))
        {
            if task.key.is_for_choice() {
                row.fill(None);
            }
        }
        others
    }

    /// Which tasks are held out from tuning, to hold a new file against the one that is served by: a
    /// third, clusters whole. A task that is held out is so in every run of its suite, whatever tasks
    /// are added, so none that chose a file ever tests one.
    #[must_use]
    pub fn held_out(&self) -> Vec<bool> {
        let mut first: BTreeMap<u32, &TaskKey> = BTreeMap::new();
        for task in &self.tasks {
            if let Some(cluster) = task.cluster {
                let key = first.entry(cluster).or_insert(&task.key);
                *key = (*key).min(&task.key);
            }
        }
        let key = |task: &ScoredTask| task.cluster.and_then(|c| first.get(&c).copied()).cloned();
        let is_out = |key: TaskKey| key.hash().as_bytes()[1].is_multiple_of(3);
        self.tasks
            .iter()
            .map(|task| is_out(key(task).unwrap_or_else(|| task.key.clone())))
            .collect()
    }

    /// The table without the scores of the tasks that are held out.
    #[must_use]
    pub fn without_held_out(&self) -> Self {
        let mut others = self.clone();
        let rows = others.scores.chunks_mut(self.n_endpoints.max(1));
        rows.zip(self.held_out()).filter(|(_, out)| *out).for_each(|(row, _)| row.fill(None));
        others
    }

    /// The tasks, in run order.
    #[must_use]
    pub fn tasks(&self) -> &[ScoredTask] {
        &self.tasks
    }

    /// The mean score of an endpoint over the repeats of a task, 0..1; `None`: it has none. Tasks
    /// and endpoints are positions in run order.
    #[must_use]
    pub fn get(&self, task: usize, endpoint: usize) -> Option<f64> {
        self.scores[task * self.n_endpoints + endpoint].map(f64::from)
    }

    /// Sets a mean score; `None` removes it.
    #[expect(clippy::cast_possible_truncation, reason = "0..1, and the precision is documented")]
    pub fn set(&mut self, task: usize, endpoint: usize, score: Option<f64>) {
        self.scores[task * self.n_endpoints + endpoint] = score.map(|score| score as f32);
    }

    /// The mean dollars of an endpoint's trials of a task, failed ones included; `None`: it has none
    /// of known cost.
    #[must_use]
    pub fn cost(&self, task: usize, endpoint: usize) -> Option<f64> {
        self.costs[task * self.n_endpoints + endpoint].map(f64::from)
    }

    /// Sets the mean dollars; `None` removes them.
    #[expect(clippy::cast_possible_truncation, reason = "for intervals only, never for a bill")]
    pub fn set_cost(&mut self, task: usize, endpoint: usize, dollars: Option<f64>) {
        self.costs[task * self.n_endpoints + endpoint] = dollars.map(|dollars| dollars as f32);
    }

    /// The tasks of a category (`None`: all) on which both endpoints were scored.
    #[must_use]
    pub fn pairs(&self, category: Option<usize>, a: usize, b: usize) -> Vec<Pair> {
        let in_category = |task: &ScoredTask| category.is_none_or(|c| task.category == c);
        let tasks = self.tasks.iter().enumerate().filter(|(_, task)| in_category(task));
        tasks
            .filter_map(|(i, task)| {
                Some(Pair { cluster: task.cluster, a: self.get(i, a)?, b: self.get(i, b)? })
            })
            .collect()
    }

    /// The tasks of a category of this run (`None`: all) that another run has with the same
    /// content, where `a` was scored here and `b` there. Clusters are those of this run.
    #[must_use]
    pub fn pairs_with(
        &self,
        other: &Self,
        category: Option<usize>,
        a: usize,
        b: usize,
    ) -> Vec<Pair> {
        let known = |task: &ScoredTask| task.key.content.is_some();
        let theirs: BTreeMap<&TaskKey, usize> = (other.tasks.iter().enumerate())
            .filter(|(_, task)| known(task))
            .map(|(i, task)| (&task.key, i))
            .collect();
        let in_category = |task: &ScoredTask| category.is_none_or(|c| task.category == c);
        let tasks = self.tasks.iter().enumerate().filter(|(_, task)| in_category(task));
        tasks
            .filter_map(|(i, task)| {
                let their = *theirs.get(&task.key)?;
                Some(Pair { cluster: task.cluster, a: self.get(i, a)?, b: other.get(their, b)? })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(name: &str, content: Option<&str>) -> ScoredTask {
        let content = content.map(|content| ContentHash::of(content.as_bytes()));
        let key = TaskKey { suite: "s".into(), task: name.into(), content };
        ScoredTask { key, category: usize::from(name == "d"), cluster: None }
    }

    fn table(tasks: Vec<ScoredTask>, scores: &[f64]) -> ScoreTable {
        let mut table = ScoreTable::new(tasks, 2);
        for (task, score) in scores.iter().enumerate() {
            table.set(task, 1, Some(*score));
        }
        table
    }

    #[test]
    fn runs_are_paired_by_content_and_never_by_position() {
        let before = table(
            vec![
                task("a", Some("1")),
                task("b", Some("2")),
                task("c", None),
                task("d", Some("4")),
                task("e", Some("5")),
            ],
            &[0.25, 0.5, 0.75, 1.0, 0.125],
        );
        let mut after = table(
            vec![
                task("d", Some("4")),
                task("c", None),
                task("b", Some("other")),
                task("a", Some("1")),
                task("e", Some("5")),
            ],
            &[0.0, 1.0, 1.0, 0.5, 1.0],
        );
        after.set(4, 1, None);
        let pairs = |category| -> Vec<(f64, f64)> {
            let pairs = before.pairs_with(&after, category, 1, 1);
            pairs.iter().map(|pair| (pair.a, pair.b)).collect()
        };
        assert_eq!(pairs(None), [(0.25, 0.5), (1.0, 0.0)]);
        assert_eq!(pairs(Some(1)), [(1.0, 0.0)]);
        assert_eq!(before.pairs_with(&after, None, 0, 1), [], "nothing scored here");
    }
}
