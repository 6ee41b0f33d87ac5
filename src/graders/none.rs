//! The `none` grader: cost and speed only.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::grader::Grader;
use super::score::Score;
use super::target::{GradingError, Target};
use crate::units::AnswerContent;

/// No score.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoGrader {}

impl Grader for NoGrader {
    fn version(&self) -> u32 {
        1
    }

    fn missing(&self, _target: &Target<'_>) -> Option<&'static str> {
        None
    }

    fn check_reference(&self, _reference: &Value) -> Result<(), GradingError> {
        Ok(())
    }

    fn read_cell(&self, _cell: &Value) -> Option<Value> {
        None
    }

    fn right_answer(&self, _reference: &Value) -> Option<AnswerContent> {
        None
    }

    fn needs_text(&self) -> bool {
        false
    }

    fn score(&self, _target: &Target<'_>, _answer: &AnswerContent) -> Result<Score, GradingError> {
        Ok(Score::unscored("not graded"))
    }
}
