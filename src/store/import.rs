//! A run that was measured elsewhere, written with all its endings at once.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, params};

use super::run_file::{RunFile, insert_content, json};
use super::sql::Unsigned;
use super::{
    Grading, NewRun, OVERALL, PlannedTrial, RequestRecord, StoreError, StoreMode, TrialStatus,
    request,
};
use crate::units::{AnswerContent, ContentHash, RunEnding};

/// Page cache in KiB (negative by SQLite's convention): the keys of trials come in no order.
const CACHE_KIB: i32 = -65_536;

/// A trial with its one request.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedTrial {
    /// What was asked of whom.
    pub planned: PlannedTrial,
    /// The request; with an error the trial failed.
    pub request: RequestRecord,
    /// The answer, where it is known.
    pub answer: Option<AnswerContent>,
    /// The score of a trial that was answered, and why; `None`: the trial has no score.
    pub score: Option<(Grading, Option<f64>, String)>,
}

/// Creates a run that has ended: all of it is there, or nothing.
///
/// # Errors
/// [`StoreError::Exists`] where there is a run; what the disk says.
pub fn import_run(
    dir: &Path,
    new: &NewRun<'_>,
    ended: &RunEnding,
    trials: impl Iterator<Item = ImportedTrial>,
) -> Result<(), StoreError> {
    // It can be imported again, so nothing waits for the disk before the end.
    let file = RunFile::create_with(dir, StoreMode::Inline, new, None, |conn| {
        conn.pragma_update(None, "cache_size", CACHE_KIB)?;
        let mut gradings = BTreeMap::new();
        for trial in trials {
            insert(conn, &trial, new.keep_content, &mut gradings)?;
        }
        Ok(())
    })?;
    file.finish(ended)
}

fn insert(
    conn: &Connection,
    trial: &ImportedTrial,
    keep_content: bool,
    gradings: &mut BTreeMap<Grading, i64>,
) -> rusqlite::Result<()> {
    let ImportedTrial { planned, request, answer, score } = trial;
    let answer = match answer.as_ref().filter(|_| keep_content) {
        Some(answer) => {
            let body = json(answer);
            let hash = ContentHash::of(body.as_bytes());
            insert_content(conn, &hash, &body)?;
            Some(hash)
        }
        None => None,
    };
    let status = if request.error.is_some() { TrialStatus::Failed } else { TrialStatus::Ok };
    conn.prepare_cached(
        "INSERT INTO trial (idx, key, task, endpoint, repeat, status, error, attempts,
                            e2e_with_retries_ns, answer)
         VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?)",
    )?
    .execute(params![
        planned.idx,
        planned.key,
        planned.task,
        planned.endpoint,
        planned.repeat,
        status,
        request.error,
        request.last_token_ns.map(Unsigned),
        answer,
    ])?;
    insert_request(conn, planned.idx, request, keep_content)?;
    if let Some((grading, value, detail)) = score {
        let grading = grading_id(conn, grading, gradings)?;
        let detail = if keep_content { detail.as_str() } else { "" };
        conn.prepare_cached(
            "INSERT INTO score (grading, trial, criterion, value, detail) VALUES (?, ?, ?, ?, ?)",
        )?
        .execute(params![grading, planned.idx, OVERALL, value, detail])?;
    }
    Ok(())
}

fn insert_request(
    conn: &Connection,
    trial: u32,
    record: &RequestRecord,
    keep_content: bool,
) -> rusqlite::Result<()> {
    static INSERT: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        let values = request::trial_columns().map(|_| ", ?").collect::<String>();
        let names = request::names(request::trial_columns());
        format!("INSERT INTO attempt (trial, attempt, {names}) VALUES (?, 0{values})")
    });
    let mut statement = conn.prepare_cached(&INSERT)?;
    statement.raw_bind_parameter(1, trial)?;
    request::bind(&mut statement, 2, request::trial_columns(), record, keep_content)?;
    statement.raw_execute()?;
    Ok(())
}

/// The number of a grading in the database, which is made when it is new.
fn grading_id(
    conn: &Connection,
    grading: &Grading,
    known: &mut BTreeMap<Grading, i64>,
) -> rusqlite::Result<i64> {
    if let Some(id) = known.get(grading) {
        return Ok(*id);
    }
    conn.execute(
        "INSERT INTO grading (grader, version) VALUES (?, ?)",
        params![grading.grader, grading.version],
    )?;
    let id = conn.last_insert_rowid();
    known.insert(grading.clone(), id);
    Ok(id)
}
