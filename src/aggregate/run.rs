//! A run's plan as aggregation sees it: who, what, and which tasks hang together.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{AggregateError, ScoredTask, TaskKey};
use crate::store::{Reader, StoredEndpoint, TaskLabels, TrialRow, TrialStatus};
use crate::units::{Category, Manifest};

/// The plan of a run.
#[derive(Debug)]
pub(super) struct Run {
    pub manifest: Manifest,
    pub tasks: Vec<TaskLabels>,
    pub endpoints: Vec<StoredEndpoint>,
    /// In name order.
    pub categories: Vec<Category>,
    /// Index into `categories`, by task.
    pub category_of: Vec<usize>,
    /// The number of its cluster, by task; `None`: a cluster of its own.
    pub cluster_of: Vec<Option<u32>>,
}

impl Run {
    pub(super) fn read(reader: &Reader) -> Result<Self, AggregateError> {
        let (manifest, tasks) = (reader.manifest()?, reader.task_labels()?);
        let endpoints = reader.endpoints()?;
        let in_order = tasks.iter().map(|t| t.idx).eq(0..u32_len(tasks.len()))
            && endpoints.iter().map(|e| e.idx).eq(0..u32_len(endpoints.len()));
        if !in_order {
            let why = "the run's tasks or endpoints are not numbered from 0 without a gap";
            return Err(AggregateError::Corrupt(why.to_owned()));
        }
        let names: BTreeSet<&str> = tasks.iter().map(|task| task.category.as_str()).collect();
        let position: BTreeMap<&str, usize> =
            names.iter().enumerate().map(|(idx, name)| (*name, idx)).collect();
        // Two suites may use one word for two contexts.
        let mut numbers: BTreeMap<(&str, &str), u32> = BTreeMap::new();
        let cluster_of = tasks
            .iter()
            .map(|task| {
                let next = u32_len(numbers.len());
                let name = task.cluster.as_deref()?;
                Some(*numbers.entry((&task.suite, name)).or_insert(next))
            })
            .collect();
        let category_of = tasks.iter().map(|task| position[task.category.as_str()]).collect();
        let categories = names.into_iter().map(Category::new).collect();
        Ok(Self { manifest, tasks, endpoints, categories, category_of, cluster_of })
    }

    /// The wall-clock time of the run's anchor.
    pub(super) fn started(&self) -> Result<Timestamp, AggregateError> {
        self.manifest
            .started_at
            .parse()
            .map_err(|e| AggregateError::Corrupt(format!("the run's start is not a time: {e}")))
    }

    /// Whether a trial is of a task and an endpoint of the run. In a damaged database it may not be.
    pub(super) fn has(&self, row: &TrialRow) -> bool {
        (row.task as usize) < self.tasks.len() && (row.endpoint as usize) < self.endpoints.len()
    }

    /// The tasks as a score table knows them.
    pub(super) fn scored_tasks(&self) -> Vec<ScoredTask> {
        let labels = self.tasks.iter().zip(&self.category_of).zip(&self.cluster_of);
        let scored = labels.map(|((labels, &category), &cluster)| {
            let TaskLabels { suite, task, content_hash, .. } = labels;
            let (suite, task) = (suite.clone(), task.clone());
            ScoredTask { key: TaskKey { suite, task, content: *content_hash }, category, cluster }
        });
        scored.collect()
    }

    /// The independent unit that each task belongs to: its cluster, else itself. Repeats of a task
    /// share one.
    pub(super) fn units(&self) -> Vec<Unit> {
        let mut tasks_in: BTreeMap<u32, usize> = BTreeMap::new();
        for cluster in self.cluster_of.iter().flatten() {
            *tasks_in.entry(*cluster).or_default() += 1;
        }
        let clusters = u32_len(tasks_in.len());
        let unit = |(task, cluster): (usize, &Option<u32>)| match cluster {
            Some(id) => Unit { id: *id, several_tasks: tasks_in[id] > 1 },
            None => Unit { id: clusters + u32_len(task), several_tasks: false },
        };
        self.cluster_of.iter().enumerate().map(unit).collect()
    }
}

/// What is independent of the rest: a task with its repeats, or a cluster of tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    /// The same for all that hang together.
    pub id: u32,
    /// Whether it is more than one task.
    pub several_tasks: bool,
}

/// Positions are stored as `u32`, so there are never more.
fn u32_len(len: usize) -> u32 {
    u32::try_from(len).expect("positions in a run are 32 bits wide")
}

/// A trial's state as shown. In a run that never ended (a crash, or it is still under way), what
/// was sent and has no ending is in doubt, and what was not is skipped.
pub(super) fn settled(row: &TrialRow) -> TrialStatus {
    match row.status {
        TrialStatus::Planned if row.unended => TrialStatus::InDoubt,
        TrialStatus::Planned => TrialStatus::Skipped,
        status => status,
    }
}
