//! What the simulator knows: for each prompt a right answer and a plausible wrong one.

use std::collections::HashMap;

use serde_json::Value;

use crate::units::{Category, ContentHash};

/// What a model says.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// Text.
    Text(String),
    /// Calls of tools: names and arguments.
    ToolCalls(Vec<(String, Value)>),
}

/// A task that the simulator can answer.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownTask {
    /// `suite/id`, as the ledger names it.
    pub path: String,
    /// The kind of work: it decides the skill.
    pub category: Category,
    /// What is said when the answer is to be right.
    pub right: Said,
    /// What is said when it is to be wrong.
    pub wrong: Said,
}

/// The tasks that the simulator can answer, by the hash of their prompt
/// ([`crate::suite::prompt_hash`]).
#[derive(Clone, Debug, Default)]
pub struct AnswerBook(HashMap<ContentHash, KnownTask>);

impl AnswerBook {
    /// An empty book: every prompt gets a generic answer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a task. Gives back the one that had the same prompt, which is forgotten.
    pub fn insert(&mut self, prompt_hash: ContentHash, task: KnownTask) -> Option<KnownTask> {
        self.0.insert(prompt_hash, task)
    }

    /// The task of a prompt.
    #[must_use]
    pub fn get(&self, prompt_hash: &ContentHash) -> Option<&KnownTask> {
        self.0.get(prompt_hash)
    }

    /// How many tasks it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
