//! The raw task that every importer yields, and the suite that is built from raw tasks.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::graders::{GraderSpec, GradingError, exact_json};
use crate::suite::error::SuiteError;
use crate::suite::task::{LoadedSuite, Suite, Task};
use crate::units::{ContentHash, Message};

/// A task as a file gives it, without the suite's defaults.
#[derive(Default)]
pub(super) struct RawTask {
    /// `None`: its position in the suite, from 1.
    pub id: Option<String>,
    /// `None`: the suite's.
    pub category: Option<String>,
    pub messages: Vec<Message>,
    /// `None`: the suite's.
    pub grader: Option<GraderSpec>,
    pub reference: Option<Value>,
    pub answer: Option<Value>,
    pub wrong: Option<Value>,
    pub tags: Vec<String>,
    pub cluster: Option<String>,
    pub tools: Option<Value>,
    pub schema: Option<Value>,
    /// `None`: the suite's.
    pub max_tokens: Option<u64>,
}

/// A suite to which tasks are added one by one, so that the first bad one is reported.
pub(super) struct SuiteBuilder {
    name: String,
    hash: ContentHash,
    /// The lines of the ids that are in use.
    ids: BTreeMap<String, usize>,
    tasks: Vec<Task>,
    /// `None`: the first twelve hexadecimal digits of the hash.
    pub version: Option<String>,
    pub license: Option<String>,
    pub description: Option<String>,
    /// `None`: the suite's name.
    pub category: Option<String>,
    pub grader: Option<GraderSpec>,
    pub max_tokens: Option<u64>,
    pub notes: Vec<String>,
}

impl SuiteBuilder {
    pub fn new(name: String, hash: ContentHash) -> Self {
        Self {
            name,
            hash,
            ids: BTreeMap::new(),
            tasks: Vec::new(),
            version: None,
            license: None,
            description: None,
            category: None,
            grader: None,
            max_tokens: None,
            notes: Vec::new(),
        }
    }

    /// Adds the task on a line of a file; `at` is both in one text.
    pub fn add(&mut self, at: &str, line: usize, raw: RawTask) -> Result<(), SuiteError> {
        let at = || at.to_owned();
        let id = raw.id.unwrap_or_else(|| (self.tasks.len() + 1).to_string());
        let Some(grader) = raw.grader.or_else(|| self.grader.clone()) else {
            return Err(SuiteError::NoGrader { at: at(), id });
        };
        let category =
            raw.category.or_else(|| self.category.clone()).unwrap_or_else(|| self.name.clone());
        // Graders of texts and numbers read digits as text; JSON is compared by its numbers.
        let plain = |value: Value| match grader.id() {
            "json" => value,
            _ => exact_json::plain_number(&value).into_owned(),
        };
        let task = Task {
            reference: raw.reference.map(plain),
            grader,
            answer: raw.answer,
            wrong: raw.wrong,
            tags: raw.tags,
            cluster: raw.cluster,
            tools: raw.tools,
            schema: raw.schema,
            max_tokens: raw.max_tokens.or(self.max_tokens),
            ..Task::new(&self.name, &id, &category, raw.messages)
        };
        if let Err(error) = task.grader.check(&task.target()) {
            let (at, id, grader) = (at(), task.id, task.grader.id());
            return Err(match error {
                GradingError::Missing(part) => SuiteError::NoReference { at, id, grader, part },
                GradingError::Reference(why) => SuiteError::BadReference { at, id, grader, why },
                other => SuiteError::BadReference { at, id, grader, why: other.to_string() },
            });
        }
        if let Some(first) = self.ids.insert(task.id.clone(), line) {
            return Err(SuiteError::DuplicateId { at: at(), id: task.id, first });
        }
        self.tasks.push(task);
        Ok(())
    }

    /// The suite; an error where it has no tasks. `path` is the file that they come from.
    pub fn finish(self, path: &str) -> Result<LoadedSuite, SuiteError> {
        if self.tasks.is_empty() {
            return Err(SuiteError::Empty { path: path.to_owned() });
        }
        let suite = Suite {
            name: self.name,
            version: self.version.unwrap_or_else(|| self.hash.hex()[..12].to_owned()),
            license: self.license,
            tasks: self.tasks,
            hash: self.hash,
        };
        Ok(LoadedSuite { suite, description: self.description, notes: self.notes })
    }
}
