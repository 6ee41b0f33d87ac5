//! The interface of a grader.

use serde_json::Value;

use super::sample::{Peers, SampleTask};
use super::score::Score;
use super::target::{GradingError, Target};
use crate::units::AnswerContent;

/// A grader with its settings.
pub(super) trait Grader {
    /// Goes up with every change of a score that some answer would get.
    fn version(&self) -> u32;

    /// The names of its settings.
    fn settings(&self) -> &'static [&'static str] {
        &[]
    }

    /// Takes the value of one of [`Grader::settings`]; the error completes "`grader` …".
    fn set(&mut self, _key: &str, _value: &Value) -> Result<(), &'static str> {
        Ok(())
    }

    /// The part of a task that the grader needs and the task lacks.
    fn missing(&self, target: &Target<'_>) -> Option<&'static str> {
        target.reference.is_none().then_some("reference")
    }

    /// Whether the grader can use a reference.
    fn check_reference(&self, reference: &Value) -> Result<(), GradingError>;

    /// A contradiction between the reference and the rest of the task.
    fn find_contradiction(&self, _task: &SampleTask<'_>) -> Option<String> {
        None
    }

    /// The reference in a cell of a table; `None` where the grader uses none.
    fn read_cell(&self, cell: &Value) -> Option<Value> {
        Some(cell.clone())
    }

    /// A right answer, where the reference determines one.
    fn right_answer(&self, reference: &Value) -> Option<AnswerContent>;

    /// A slip of the kind that models make, chosen by `pick`; `None` where the reference suggests
    /// none.
    fn wrong_answer(
        &self,
        _task: &SampleTask<'_>,
        _peers: &Peers<'_>,
        _pick: u64,
    ) -> Option<AnswerContent> {
        None
    }

    /// Whether an answer without text is wrong.
    fn needs_text(&self) -> bool {
        true
    }

    /// The score of an answer to a task of which no part is missing.
    fn score(&self, target: &Target<'_>, answer: &AnswerContent) -> Result<Score, GradingError>;
}
