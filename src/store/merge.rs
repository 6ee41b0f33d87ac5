//! Shards into one run: rows by key, in the order of the whole plan.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::read::Reader;
use super::run_file::RunFile;
use super::sql::{self, Unsigned, at};
use super::{NewRun, StoreError, StoreMode, StoredTask, request};
use crate::units::{Manifest, RunEnding};

/// One of the runs that are merged.
#[derive(Clone, Debug)]
pub struct MergePart {
    /// Its folder.
    pub dir: PathBuf,
    /// What it is.
    pub manifest: Manifest,
    /// How much later than the merged run's anchor its own is, nanoseconds.
    pub later_ns: u64,
}

/// Why runs do not merge.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// A run database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Two runs asked the same trial.
    #[error(
        "{first} and {second} asked the same trial of {task}, and both were billed for it: they are \
         not parts of one run; leave one of them out"
    )]
    AskedTwice {
        /// A run.
        first: String,
        /// Another.
        second: String,
        /// The task.
        task: String,
    },
}

/// Makes one run of several: `manifest` says what it is, `ended` how it ended. The parts must be of
/// one plan, with the same endpoints in the same order.
pub fn merge_runs(
    out: &Path,
    manifest: &Manifest,
    ended: &RunEnding,
    parts: &[MergePart],
) -> Result<(), MergeError> {
    let (tasks, places) = tasks_in_order(parts)?;
    let first = parts.first().expect("the caller has parts");
    let reader = Reader::open(&first.dir)?;
    let endpoints = reader.endpoints()?;
    let mut keep_content = true;
    for part in parts {
        keep_content &= Reader::open(&part.dir)?.keeps_content()?;
    }
    let new = NewRun { manifest, tasks: &tasks, endpoints: &endpoints, keep_content };
    // The merged run can be made again, so its commits need not wait for the disk; it is made
    // durable when it is finished.
    let file = RunFile::create(out, StoreMode::Inline, &new, std::iter::empty(), None)?;
    let copied = file.with(|conn, path| copy(conn, path, parts, &places));
    if let Err(error) = copied {
        drop(file);
        super::run_file::remove(&sql::path_in(out));
        return Err(error);
    }
    Ok(file.finish(ended)?)
}

/// The tasks of all parts in the order of the whole plan, and for each part where its own stand
/// among them.
fn tasks_in_order(parts: &[MergePart]) -> Result<(Vec<StoredTask>, Vec<Vec<u32>>), StoreError> {
    // By place in the whole plan; tasks added later come last, by name.
    let mut all: BTreeMap<(u32, String, String), StoredTask> = BTreeMap::new();
    let mut keys = Vec::with_capacity(parts.len());
    for part in parts {
        let known = part.manifest.shard.as_ref().map(|shard| shard.tasks.as_slice());
        let mut its = Vec::new();
        for task in Reader::open(&part.dir)?.tasks()? {
            let place = match known {
                Some(places) => places.get(task.idx as usize).copied().unwrap_or(u32::MAX),
                None => task.idx,
            };
            let key = (place, task.suite.clone(), task.task.clone());
            its.push(key.clone());
            all.entry(key).or_insert(task);
        }
        keys.push(its);
    }
    let order: BTreeMap<&(u32, String, String), u32> = all.keys().zip(0..).collect();
    let places = keys.iter().map(|its| its.iter().map(|key| order[key]).collect()).collect();
    let mut tasks: Vec<StoredTask> = all.into_values().collect();
    for (idx, task) in (0..).zip(&mut tasks) {
        task.idx = idx;
    }
    Ok((tasks, places))
}

fn copy(
    conn: &Connection,
    path: &Path,
    parts: &[MergePart],
    places: &[Vec<u32>],
) -> Result<(), MergeError> {
    let sqlite = |e| at(path, e);
    conn.execute_batch(
        "CREATE TEMP TABLE place (old INTEGER PRIMARY KEY, new INTEGER NOT NULL);
         CREATE TEMP TABLE part (trial INTEGER PRIMARY KEY, n INTEGER NOT NULL);",
    )
    .map_err(sqlite)?;
    for (n, (part, places)) in (0_u32..).zip(parts.iter().zip(places)) {
        let from = sql::path_in(&part.dir);
        // Through a reader's eyes first: it recognises what is no run of a known format.
        drop(Reader::open(&part.dir)?);
        conn.execute("ATTACH ? AS part_run", [from.display().to_string()]).map_err(sqlite)?;
        let copied = copy_part(conn, path, parts, n, places);
        conn.execute_batch("DELETE FROM place; DETACH part_run").map_err(sqlite)?;
        copied?;
    }
    conn.execute_batch("DROP TABLE place; DROP TABLE part").map_err(sqlite)?;
    Ok(())
}

fn copy_part(
    conn: &Connection,
    path: &Path,
    parts: &[MergePart],
    n: u32,
    places: &[u32],
) -> Result<(), MergeError> {
    let sqlite = |e| at(path, e);
    let part = &parts[n as usize];
    let begun = conn.unchecked_transaction().map_err(sqlite)?;
    for (old, new) in (0_u32..).zip(places) {
        conn.execute("INSERT INTO place VALUES (?, ?)", [old, *new]).map_err(sqlite)?;
    }
    if let Some((other, task)) = asked_twice(conn).map_err(sqlite)? {
        return Err(MergeError::AskedTwice {
            first: parts[other as usize].dir.display().to_string(),
            second: part.dir.display().to_string(),
            task,
        });
    }
    copy_rows(conn, n, part.later_ns).map_err(sqlite)?;
    begun.commit().map_err(sqlite)?;
    Ok(())
}

/// A trial that this part asked and another before it: the other, and the task.
fn asked_twice(conn: &Connection) -> rusqlite::Result<Option<(u32, String)>> {
    use rusqlite::OptionalExtension;
    conn.query_row(
        "SELECT part.n, task.suite || '/' || task.task
         FROM part_run.trial new JOIN main.trial old ON old.key = new.key
         JOIN part ON part.trial = old.idx JOIN main.task ON task.idx = old.task
         WHERE EXISTS (SELECT 1 FROM part_run.attempt a WHERE a.trial = new.idx)
           AND EXISTS (SELECT 1 FROM main.attempt a WHERE a.trial = old.idx) LIMIT 1",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
    .optional()
}

fn copy_rows(conn: &Connection, n: u32, later_ns: u64) -> rusqlite::Result<()> {
    conn.execute_batch(
        "INSERT INTO main.content SELECT * FROM part_run.content WHERE true ON CONFLICT DO NOTHING",
    )?;
    // A trial that another part has and did not ask gives way to one that was.
    conn.execute_batch(
        "DELETE FROM main.trial WHERE key IN (
             SELECT new.key FROM part_run.trial new
             WHERE EXISTS (SELECT 1 FROM part_run.attempt a WHERE a.trial = new.idx))",
    )?;
    // Parts bear the places of the whole plan; what two of them added to it later may collide.
    conn.execute_batch(
        "CREATE TEMP TABLE moved AS
         SELECT new.idx AS old, CASE WHEN old.idx IS NULL THEN new.idx
             ELSE max((SELECT max(idx) FROM main.trial), (SELECT max(idx) FROM part_run.trial))
                  + row_number() OVER (PARTITION BY old.idx IS NULL ORDER BY new.key) END AS new
         FROM part_run.trial new LEFT JOIN main.trial old ON old.idx = new.idx
         WHERE new.key NOT IN (SELECT key FROM main.trial)
           -- What is damaged beyond use belongs to no cell.
           AND new.task IN (SELECT old FROM place)
           AND new.endpoint IN (SELECT idx FROM main.endpoint);
         CREATE UNIQUE INDEX temp.moved_old ON moved (old);",
    )?;
    conn.execute_batch(
        "INSERT INTO main.trial
         SELECT moved.new, key, place.new, endpoint, repeat, status, ineligible, error, attempts,
                backoff_ns, pacing_ns, e2e_with_retries_ns, refused,
                CASE WHEN answer IN (SELECT hash FROM main.content) THEN answer END
         FROM part_run.trial t JOIN moved ON moved.old = t.idx JOIN place ON place.old = t.task",
    )?;
    conn.execute("INSERT OR REPLACE INTO part SELECT new, ? FROM moved", [n])?;
    let columns = request::names(request::trial_columns());
    let moved = request::trial_columns().map(|column| {
        // A moment moves with the part's anchor.
        let shift = if column.name.ends_with("_ns") { " + ?1" } else { "" };
        format!("a.{}{shift}", column.name)
    });
    let moved = moved.collect::<Vec<_>>().join(", ");
    conn.execute(
        &format!(
            "INSERT INTO main.attempt (trial, attempt, {columns})
             SELECT moved.new, a.attempt, {moved}
             FROM part_run.attempt a JOIN moved ON moved.old = a.trial WHERE ?1 >= 0"
        ),
        params![Unsigned(later_ns)],
    )?;
    copy_scores(conn)?;
    conn.execute_batch("DROP TABLE moved")
}

/// Copies the scores of moved trials, each with its grading. Before format 4 a score was of the
/// first version of its task's grader.
fn copy_scores(conn: &Connection) -> rusqlite::Result<()> {
    let format: i32 = conn.query_row("PRAGMA part_run.user_version", [], |row| row.get(0))?;
    conn.execute_batch(if format >= 4 {
        "INSERT INTO main.grading (grader, version)
         SELECT grader, version FROM part_run.grading WHERE true ORDER BY id
         ON CONFLICT DO NOTHING;
         INSERT INTO main.score
         SELECT moved.new, ours.id, s.criterion, s.value, s.detail, s.cost
         FROM part_run.score s JOIN moved ON moved.old = s.trial
         JOIN part_run.grading theirs ON theirs.id = s.grading
         JOIN main.grading ours ON (ours.grader, ours.version) = (theirs.grader, theirs.version);"
    } else {
        "INSERT INTO main.grading (grader, version)
         SELECT DISTINCT json_extract(grader, '$.kind'), 1 FROM part_run.task WHERE true ORDER BY 1
         ON CONFLICT DO NOTHING;
         INSERT INTO main.score
         SELECT moved.new, ours.id, 'overall', s.score, s.detail, NULL
         FROM part_run.score s JOIN moved ON moved.old = s.trial
         JOIN part_run.trial t ON t.idx = s.trial JOIN part_run.task k ON k.idx = t.task
         JOIN main.grading ours
             ON ours.version = 1 AND ours.grader = json_extract(k.grader, '$.kind');"
    })
}
