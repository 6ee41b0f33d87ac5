//! The material of sample answers. The simulator answers with samples, and `suite check` proves with
//! them that a grader tells right from wrong.

use serde_json::Value;

use super::target::Target;
use crate::units::{AnswerContent, Category};

/// A task, as far as its sample answers depend on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SampleTask<'a> {
    /// The id of its grader.
    pub grader: &'static str,
    /// Its reference and schema.
    pub target: Target<'a>,
    /// Its category.
    pub category: &'a Category,
    /// Its tool definitions (a list).
    pub tools: Option<&'a Value>,
}

impl<'a> SampleTask<'a> {
    /// The names of its tools.
    pub(super) fn tool_names(&self) -> Vec<&'a str> {
        let tools = self.tools.and_then(Value::as_array).into_iter().flatten();
        tools.filter_map(|tool| tool.pointer("/function/name")?.as_str()).collect()
    }
}

/// The tasks of a suite, whose references lend plausible wrong answers.
#[derive(Clone, Copy)]
pub(crate) struct Peers<'a> {
    /// How many there are.
    pub n_tasks: usize,
    /// The task at a position.
    pub task: &'a dyn Fn(usize) -> SampleTask<'a>,
}

impl<'a> Peers<'a> {
    /// All tasks from a position on, then those before it.
    pub(super) fn iter_from(self, start: usize) -> impl Iterator<Item = SampleTask<'a>> {
        (start..self.n_tasks).chain(0..start.min(self.n_tasks)).map(self.task)
    }
}

/// A position among `n`, chosen by `pick`; 0 where there are none.
pub(super) fn index(pick: u64, n: usize) -> usize {
    usize::try_from(pick % n.max(1) as u64).expect("below a usize")
}

pub(super) fn text_answer(text: impl Into<String>) -> AnswerContent {
    AnswerContent { text: text.into(), ..AnswerContent::default() }
}
