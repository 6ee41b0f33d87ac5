//! Grading a run: every stored answer to a score. Calls no model.

use crate::graders::Target;
use crate::store::{Reader, RunLock, ScoreRow, StoreError, Writer};

/// The number of answers graded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GradeCounts {
    /// Answers with a score.
    pub scored: u64,
    /// Answers that the grader could not judge.
    pub unscored: u64,
}

/// Grades every answer of the run in this folder, in place of the scores that are there.
///
/// # Errors
/// When the run database cannot be read or written; then the old scores stay.
pub fn grade_run(lock: &RunLock) -> Result<GradeCounts, StoreError> {
    let rubrics = Reader::open(lock.dir())?.rubrics()?;
    let mut writer = Writer::open(lock)?;
    let mut graded = GradeCounts::default();
    writer.regrade(|trial, task, answer| {
        let answer = answer?;
        let rubric = rubrics.get(task as usize)?;
        let target =
            Target { reference: rubric.reference.as_ref(), schema: rubric.schema.as_ref() };
        let score = rubric.grader.grade(&target, &answer);
        graded.scored += u64::from(score.value.is_some());
        graded.unscored += u64::from(score.value.is_none());
        Some(ScoreRow::overall(trial, &rubric.grader, score.value, score.detail))
    })?;
    Ok(graded)
}
