//! What each attempt of a run was billed for: enough to price it anew.

use super::Reader;
use super::read::unsigned;
use super::{StoreError, sql};
use crate::units::{Usage, Usd};
use crate::wire::ErrorClass;

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Billed {
    /// The endpoint's position in the run.
    pub endpoint: u32,
    /// When it was dispatched, nanoseconds since the anchor; `None`: nobody knows.
    pub dispatched_ns: Option<u64>,
    /// Whether it came to an end; otherwise nobody knows what came of it.
    pub ended: bool,
    /// The class of its failure.
    pub error: Option<ErrorClass>,
    /// The status of the answer.
    pub http_status: Option<u16>,
    /// What it was billed for, in the normal form.
    pub usage: Usage,
    /// The same, as the provider stated it.
    pub usage_verbatim: Option<String>,
    /// What it cost at the run's prices.
    pub cost: Option<Usd>,
}

impl Reader {
    /// Visits every attempt of the task lane, in the order of the plan.
    pub fn for_each_billed<E: From<StoreError>>(
        &self,
        mut visit: impl FnMut(&Billed) -> Result<(), E>,
    ) -> Result<(), E> {
        let failed = |error| sql::at(self.path(), error);
        let mut statement = self.prepare(
            "SELECT trial.endpoint, dispatched_ns, ended_ns, attempt.error, http_status,
                    input_tokens, cached_input_tokens, cache_write_tokens, output_tokens,
                    reasoning_tokens, usage, cost_usd
             FROM attempt JOIN trial ON trial.idx = attempt.trial
             ORDER BY attempt.trial, attempt.attempt",
        )?;
        let mut rows = statement.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            visit(&billed(row).map_err(failed)?)?;
        }
        Ok(())
    }
}

fn billed(row: &rusqlite::Row<'_>) -> rusqlite::Result<Billed> {
    Ok(Billed {
        endpoint: row.get(0)?,
        dispatched_ns: unsigned(row, 1)?,
        ended: unsigned(row, 2)?.is_some(),
        error: row.get(3)?,
        http_status: row.get(4)?,
        usage: Usage {
            input: unsigned(row, 5)?,
            cached_input: unsigned(row, 6)?,
            cache_write: unsigned(row, 7)?,
            output: unsigned(row, 8)?,
            reasoning: unsigned(row, 9)?,
            ..Usage::UNKNOWN
        },
        usage_verbatim: row.get(10)?,
        cost: row.get(11)?,
    })
}
