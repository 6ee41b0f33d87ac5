//! Grading a run: every stored answer to a score. Calls no model.

use std::path::Path;

use super::grade;
use crate::store::{Reader, ScoreRow, StoreError, Writer};

/// How many answers were graded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Graded {
    /// The grader judged them.
    pub scored: u64,
    /// The grader could not.
    pub unscored: u64,
}

/// Grades every answer of the run in this folder, in place of the scores that are there.
///
/// # Errors
/// When the run database cannot be read or written; then the old scores stay.
pub fn grade_run(dir: &Path) -> Result<Graded, StoreError> {
    let rubrics = Reader::open(dir)?.rubrics()?;
    let mut writer = Writer::open(dir)?;
    let mut graded = Graded::default();
    writer.regrade(|trial, task, answer| {
        let answer = answer?;
        let rubric = &rubrics[task as usize];
        let score = grade(&rubric.into(), &answer);
        graded.scored += u64::from(score.score.is_some());
        graded.unscored += u64::from(score.score.is_none());
        Some(ScoreRow { trial, score: score.score, detail: score.detail })
    })?;
    Ok(graded)
}
