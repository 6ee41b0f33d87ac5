//! Judging answers as they come, for runs that keep none.

use std::fmt;

use crate::units::AnswerContent;

/// Gives a score to an answer. Graders stand above this folder, so whoever makes the trials
/// brings one.
pub struct Judge(Box<Score>);

/// A task's position and an answer to it in, a score out.
type Score = dyn Fn(u32, &AnswerContent) -> Option<f64> + Send + Sync;

impl Judge {
    /// A judge that scores the answers to a task, by its position in the plan: 0..1, or `None` where
    /// nothing can be judged.
    pub fn new(score: impl Fn(u32, &AnswerContent) -> Option<f64> + Send + Sync + 'static) -> Self {
        Self(Box::new(score))
    }

    pub(super) fn score(&self, task: u32, answer: &AnswerContent) -> Option<f64> {
        (self.0)(task, answer)
    }
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Judge")
    }
}
