//! Scores answers as they come, for runs that keep no content.

use std::fmt;

use crate::store::ScoreRow;
use crate::units::AnswerContent;

/// Scores an answer. Graders are in a higher layer, which passes one in.
pub struct Judge(Box<Score>);

/// Takes a trial, its task and an answer to it.
type Score = dyn Fn(u32, u32, &AnswerContent) -> Option<ScoreRow> + Send + Sync;

impl Judge {
    /// A judge that scores an answer, given its trial and the position of its task in the plan.
    pub fn new(
        score: impl Fn(u32, u32, &AnswerContent) -> Option<ScoreRow> + Send + Sync + 'static,
    ) -> Self {
        Self(Box::new(score))
    }

    pub(super) fn score(&self, trial: u32, task: u32, answer: &AnswerContent) -> Option<ScoreRow> {
        (self.0)(trial, task, answer)
    }
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Judge")
    }
}
