//! What was asked, what was answered and what the grader said of it, task by task.

use std::path::Path;

use serde_json::Value;

use super::AggregateError;
use super::run::{Run, settled};
use crate::store::{Reader, TaskRubric, TrialPlace, TrialStatus};
use crate::units::{AnswerContent, EndpointId, Manifest, Message};
use crate::wire::ErrorClass;

/// A task and answers to it. Nothing is escaped.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskAnswers {
    /// The suite.
    pub suite: String,
    /// The id within the suite.
    pub task: String,
    /// The category.
    pub category: String,
    /// The grader.
    pub grader: String,
    /// The prompt; empty: it was not kept.
    pub prompt: Vec<Message>,
    /// The reference; `None`: it has none, or it was not kept.
    pub reference: Option<Value>,
    /// By endpoint, then by repeat.
    pub answers: Vec<AnswerView>,
}

/// One trial of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct AnswerView {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// The repeat, from 0.
    pub repeat: u32,
    /// `ok`, `failed`, `ineligible` or `in_doubt`.
    pub status: &'static str,
    /// The class of the last failure, or why the endpoint cannot take the task.
    pub error: Option<String>,
    /// The provider's words about it; `None`: nothing, or not kept.
    pub words: Option<String>,
    /// 0..1; `None`: not graded, or the grader could not judge.
    pub score: Option<f64>,
    /// The grader's reason; `None`: none, or not kept.
    pub reason: Option<String>,
    /// The answer; `None`: there is none, or it was not kept.
    pub answer: Option<AnswerContent>,
}

impl AnswerView {
    /// Whether there is no answer, or one without the full score.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.status == TrialStatus::Failed.name() || self.score.is_some_and(|score| score < 1.0)
    }
}

/// Which answers to show.
#[derive(Clone, Debug, Default)]
pub struct AnswerFilter {
    /// Only what failed, or has not the full score.
    pub failed: bool,
    /// By the position of the endpoint; `None`: every endpoint.
    pub endpoints: Option<Vec<bool>>,
    /// By the position of the task; `None`: every task.
    pub tasks: Option<Vec<bool>>,
    /// The positions of two endpoints: only the tasks on which they differ.
    pub pair: Option<(usize, usize)>,
}

/// The answers of a run, finished or not, task by task: memory does not grow with them.
#[derive(Debug)]
pub struct AnswerViews {
    reader: Reader,
    run: Run,
    rubrics: Vec<TaskRubric>,
    places: Vec<TrialPlace>,
    keeps_content: bool,
    filter: AnswerFilter,
    /// The place to go on from.
    next: usize,
}

impl AnswerViews {
    /// Those of the run in this folder, all of them.
    pub fn open(dir: &Path) -> Result<Self, AggregateError> {
        let reader = Reader::open(dir)?;
        let run = Run::read(&reader)?;
        if run.manifest.load.is_some() {
            return Err(AggregateError::IsLoad(dir.display().to_string()));
        }
        let (rubrics, places) = (reader.rubrics()?, reader.places()?);
        let keeps_content = reader.keeps_content()?;
        let filter = AnswerFilter::default();
        Ok(Self { reader, run, rubrics, places, keeps_content, filter, next: 0 })
    }

    /// Only those that this filter chooses.
    #[must_use]
    pub fn filtered(self, filter: AnswerFilter) -> Self {
        Self { filter, ..self }
    }

    /// Whether the run keeps prompts and answers.
    #[must_use]
    pub fn keeps_content(&self) -> bool {
        self.keeps_content
    }

    /// What the run is and, where it has ended, how.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.run.manifest
    }

    /// The endpoints, by position.
    #[must_use]
    pub fn endpoints(&self) -> Vec<&EndpointId> {
        self.run.endpoints.iter().map(|stored| &stored.endpoint.id).collect()
    }

    /// Suite, task and category of every task, by position.
    #[must_use]
    pub fn tasks(&self) -> Vec<(&str, &str, &str)> {
        let labels = self.run.tasks.iter();
        labels.map(|t| (t.suite.as_str(), t.task.as_str(), t.category.as_str())).collect()
    }

    /// The next task with an answer that the filter chooses.
    fn read(&mut self) -> Result<Option<TaskAnswers>, AggregateError> {
        while let Some(first) = self.places.get(self.next) {
            let task = first.task;
            let from = self.next;
            let many = self.places[from..].iter().take_while(|place| place.task == task).count();
            self.next = from + many;
            let is_wanted = |wanted: &Option<Vec<bool>>, idx: u32| {
                wanted.as_ref().is_none_or(|w| w.get(idx as usize).copied().unwrap_or(false))
            };
            if !is_wanted(&self.filter.tasks, task) {
                continue;
            }
            let mut answers = Vec::new();
            for place in &self.places[from..self.next] {
                let of_pair = self
                    .filter
                    .pair
                    .is_none_or(|(a, b)| [a, b].contains(&(place.endpoint as usize)));
                if of_pair && is_wanted(&self.filter.endpoints, place.endpoint) {
                    answers.extend(self.answer(place.idx)?);
                }
            }
            if let Some(answers) = self.chosen(answers) {
                return self.task(task, from, answers).map(Some);
            }
        }
        Ok(None)
    }

    /// The answers that the filter leaves; `None`: nothing of the task is shown.
    fn chosen(&self, mut answers: Vec<AnswerView>) -> Option<Vec<AnswerView>> {
        if let Some((a, b)) = self.filter.pair {
            let id = |at: usize| &self.run.endpoints[at].endpoint.id;
            let of = |id: &EndpointId| answers.iter().filter(|v| v.endpoint == *id).collect();
            let (left, right): (Vec<_>, Vec<_>) = (of(id(a)), of(id(b)));
            let failed = !self.filter.failed || answers.iter().any(AnswerView::has_failed);
            return (failed && differ(&left, &right)).then_some(answers);
        }
        if self.filter.failed {
            answers.retain(AnswerView::has_failed);
        }
        (!answers.is_empty()).then_some(answers)
    }

    /// One trial; `None`: it was never asked.
    fn answer(&self, idx: u32) -> Result<Option<AnswerView>, AggregateError> {
        let Some(row) = self.reader.trial_from(idx)?.filter(|row| row.idx == idx) else {
            return Ok(None);
        };
        let status = settled(&row);
        let Some(stored) = self.run.endpoints.get(row.endpoint as usize) else {
            let why = format!("trial {idx} is of no endpoint of the run");
            return Err(AggregateError::Corrupt(why));
        };
        if status == TrialStatus::Skipped {
            return Ok(None);
        }
        let failed = row.attempt.as_ref().filter(|_| status != TrialStatus::Ok);
        Ok(Some(AnswerView {
            endpoint: stored.endpoint.id.clone(),
            repeat: row.repeat,
            status: status.name(),
            error: row.error.map(ErrorClass::name).map(str::to_owned).or(row.ineligible),
            words: failed.and_then(|attempt| attempt.error_detail.clone()),
            score: row.score.flatten(),
            reason: self.reader.detail_of(idx)?,
            answer: if self.keeps_content { self.reader.answer_of(idx)? } else { None },
        }))
    }

    /// A task, whose trials begin at the place `from`.
    fn task(
        &self,
        idx: u32,
        from: usize,
        answers: Vec<AnswerView>,
    ) -> Result<TaskAnswers, AggregateError> {
        let found = (self.run.tasks.get(idx as usize), self.rubrics.get(idx as usize));
        let (Some(labels), Some(rubric)) = found else {
            let why = format!("task {idx} of a trial is not in the run");
            return Err(AggregateError::Corrupt(why));
        };
        Ok(TaskAnswers {
            suite: labels.suite.clone(),
            task: labels.task.clone(),
            category: labels.category.clone(),
            grader: match &self.run.manifest.imported {
                None => rubric.grader.id().to_owned(),
                Some(stamp) => self.grader(idx, from)?.unwrap_or_else(|| stamp.graders.join(", ")),
            },
            prompt: self.reader.prompt_of(idx)?,
            reference: rubric.reference.clone(),
            answers,
        })
    }
}

impl AnswerViews {
    /// The grader that scored the first scored answer to a task.
    fn grader(&self, task: u32, from: usize) -> Result<Option<String>, AggregateError> {
        for place in self.places[from..].iter().take_while(|place| place.task == task) {
            if let Some(grader) = self.reader.grader_of(place.idx)? {
                return Ok(Some(grader));
            }
        }
        Ok(None)
    }
}

impl Iterator for AnswerViews {
    type Item = Result<TaskAnswers, AggregateError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read();
        if read.is_err() {
            self.next = self.places.len();
        }
        read.transpose()
    }
}

/// Whether the answers of two endpoints to one task differ: by their mean scores; where neither is
/// scored, by their texts.
fn differ(left: &[&AnswerView], right: &[&AnswerView]) -> bool {
    let mean = |views: &[&AnswerView]| {
        let scores: Vec<f64> = views.iter().filter_map(|view| view.score).collect();
        (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
    };
    match (mean(left), mean(right)) {
        (None, None) => {
            let content = |views: &[&AnswerView]| -> Vec<_> {
                views.iter().map(|view| (view.status, view.answer.clone())).collect()
            };
            content(left) != content(right)
        }
        (left, right) => is_other(left, right),
    }
}

/// Whether two mean scores of one task are not the same.
pub(super) fn is_other(left: Option<f64>, right: Option<f64>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => (left - right).abs() > 1e-9,
        (left, right) => left.is_some() != right.is_some(),
    }
}
