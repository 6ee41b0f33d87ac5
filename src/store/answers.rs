//! Reading what a run's answers and their gradings say.

use rusqlite::OptionalExtension as _;

use super::read::latest_score;
use super::{Reader, StoreError, sql};

/// Where a trial stands in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrialPlace {
    /// Its position.
    pub idx: u32,
    /// Its task.
    pub task: u32,
    /// Its endpoint.
    pub endpoint: u32,
}

impl Reader {
    /// Every trial's place: task by task, then by endpoint and repeat.
    pub fn places(&self) -> Result<Vec<TrialPlace>, StoreError> {
        let mut statement = self.prepare(
            "SELECT idx, task, endpoint FROM trial ORDER BY task, endpoint, repeat, idx",
        )?;
        let places = statement.query_map([], |row| {
            Ok(TrialPlace { idx: row.get(0)?, task: row.get(1)?, endpoint: row.get(2)? })
        });
        // A damaged trial has no place.
        let readable = |places: rusqlite::Result<_>| sql::undamaged(places).transpose();
        self.sqlite(places.and_then(|places| places.filter_map(readable).collect()))
    }

    /// What the latest grading of one trial said of it; `None`: it is not graded, or nothing is kept.
    pub fn detail_of(&self, trial: u32) -> Result<Option<String>, StoreError> {
        let mut statement = self.prepare(&format!(
            "SELECT score.detail FROM trial JOIN score ON score.trial = trial.idx AND {}
             WHERE trial.idx = ?",
            latest_score(self.format())
        ))?;
        let detail: Option<String> =
            self.sqlite(statement.query_row([trial], |row| row.get(0)).optional())?;
        Ok(detail.filter(|detail| !detail.is_empty()))
    }

    /// The grader that gave a trial the score that counts; `None`: it has none. A database before
    /// format 4 does not know.
    pub fn grader_of(&self, trial: u32) -> Result<Option<String>, StoreError> {
        if self.format() < 4 {
            return Ok(None);
        }
        let mut statement = self.prepare(&format!(
            "SELECT grading.grader FROM trial JOIN score ON score.trial = trial.idx AND {}
             JOIN grading ON grading.id = score.grading WHERE trial.idx = ?",
            latest_score(self.format())
        ))?;
        self.sqlite(statement.query_row([trial], |row| row.get(0)).optional())
    }

    /// Visits every answer of score 0: its endpoint, its task, and what the grading said of it. In
    /// the order of [`Order::Cell`].
    pub fn for_each_zero(&self, mut visit: impl FnMut(u32, u32, &str)) -> Result<(), StoreError> {
        let value = if self.format() >= 4 { "score.value" } else { "score.score" };
        let mut statement = self.prepare(&format!(
            "SELECT trial.endpoint, trial.task, score.detail FROM trial
             JOIN task ON task.idx = trial.task
             JOIN score ON score.trial = trial.idx AND {}
             WHERE trial.status = 'ok' AND {value} = 0
             ORDER BY trial.endpoint, task.category, trial.key",
            latest_score(self.format())
        ))?;
        let mut rows = self.sqlite(statement.query([]))?;
        while let Some(row) = self.sqlite(rows.next())? {
            let detail: String = self.sqlite(row.get(2))?;
            let (endpoint, task) = (sql::cell(row, 0), sql::cell(row, 1));
            // A damaged trial is of no endpoint.
            if let Some((endpoint, task)) = self.sqlite(endpoint)?.zip(self.sqlite(task)?) {
                visit(endpoint, task, &detail);
            }
        }
        Ok(())
    }
}
