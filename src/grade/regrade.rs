//! Grading a run: every stored answer to a score. Calls no model.

use super::timed::TimedGrader;
use crate::graders::{GRADING_ENDED, MAX_GRADING};
use crate::store::{Reader, RunLock, ScoreRow, StoreError, Writer};

/// The number of answers graded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GradeCounts {
    /// Answers with a score.
    pub scored: u64,
    /// Answers that the grader could not judge.
    pub unscored: u64,
    /// Of those, the ones that it did not end with in time.
    pub ended: u64,
}

/// Grades every answer of the run in this folder, in place of the scores that are there.
///
/// # Errors
/// When the run database cannot be read or written; then the old scores stay.
pub fn grade_run(lock: &RunLock) -> Result<GradeCounts, StoreError> {
    let rubrics = Reader::open(lock.dir())?.rubrics()?;
    let mut timed = TimedGrader::new(rubrics, MAX_GRADING);
    let mut writer = Writer::open(lock)?;
    let mut graded = GradeCounts::default();
    writer.regrade(|trial, task, answer| {
        let answer = answer?;
        let grader = timed.rubric(task)?.grader.clone();
        let score = timed.score(task, answer);
        graded.ended += u64::from(score.is_none());
        let (value, detail) = score
            .map_or_else(|| (None, GRADING_ENDED.to_owned()), |score| (score.value, score.detail));
        graded.scored += u64::from(value.is_some());
        graded.unscored += u64::from(value.is_none());
        Some(ScoreRow::overall(trial, &grader, value, detail))
    })?;
    Ok(graded)
}
