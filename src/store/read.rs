//! Reading a run, finished or under way. Rows are streamed: what a reader holds does not grow with
//! the run.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use rusqlite::{CachedStatement, Connection, OptionalExtension, Row};
use serde::de::DeserializeOwned;

use super::error::corrupt;
use super::lock::RunLock;
use super::run_file::{ENDED, KEEP_CONTENT, MANIFEST};
use super::sql::{self, COST_AND_BOUND, Unsigned, at};
use super::{
    OVERALL, RequestRecord, RequestSource, StoreError, StoredEndpoint, StoredTask, TrialStatus,
    request,
};
use crate::graders::GraderSpec;
use crate::units::{AnswerContent, ContentHash, Manifest, Message, TrialKey, Usd};
use crate::wire::ErrorClass;

/// Page cache in KiB (negative by SQLite's convention), and with it the memory of a sort. A reader
/// goes through the run once, so that only the upper pages of its tables are met again.
const CACHE_KIB: i32 = -2048;

/// A reader of one run. All that it reads is the state of the moment it was opened, however long
/// it takes and whatever the run writes meanwhile.
#[derive(Debug)]
pub struct Reader {
    conn: Connection,
    path: PathBuf,
    format: i32,
    damaged: Cell<u64>,
}

/// The order of [`Reader::for_each_trial`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// That of the plan.
    Plan,
    /// By endpoint, category and trial key: cell by cell, and within a cell an order that does not
    /// depend on how the run was cut or interleaved.
    Cell,
}

/// What a task is called and sorted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskLabels {
    /// Its position in the run, from 0.
    pub idx: u32,
    /// The suite.
    pub suite: String,
    /// The id within the suite.
    pub task: String,
    /// The category.
    pub category: String,
    /// The cluster.
    pub cluster: Option<String>,
    /// Labels.
    pub tags: Vec<String>,
    /// See [`StoredTask::content_hash`].
    pub content_hash: Option<ContentHash>,
}

/// How the answers to a task are graded.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskRubric {
    /// The grader.
    pub grader: GraderSpec,
    /// The reference.
    pub reference: Option<serde_json::Value>,
    /// The schema.
    pub schema: Option<serde_json::Value>,
}

/// A trial with all that its attempts came to.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialRow {
    /// Its position in the plan.
    pub idx: u32,
    /// Its identity.
    pub key: TrialKey,
    /// Its task.
    pub task: u32,
    /// Its endpoint.
    pub endpoint: u32,
    /// Its repeat, from 0.
    pub repeat: u32,
    /// Its state.
    pub status: TrialStatus,
    /// Why the endpoint cannot take it.
    pub ineligible: Option<String>,
    /// The class of the last failure, where it failed.
    pub error: Option<ErrorClass>,
    /// Requests made.
    pub attempts: u32,
    /// Waited between attempts, nanoseconds.
    pub backoff_ns: u64,
    /// Waited for a slot or a rate limit, nanoseconds.
    pub pacing_ns: u64,
    /// First dispatch to the end of the last attempt, nanoseconds.
    pub e2e_with_retries_ns: Option<u64>,
    /// Whether the answer came on the channel for refusals; known without the content too.
    pub refused: bool,
    /// Whether an attempt has no ending: it was sent, and its outcome is unknown.
    pub unended: bool,
    /// Attempts that the endpoint did not answer. One that was refused for the account, the key or a
    /// parameter, and asked again once that was mended, is none.
    pub failed_attempts: u32,
    /// The attempt that answered, else the last one that ended; `None`: none did.
    pub attempt: Option<RequestRecord>,
    /// When the first request was dispatched (intended, if it never ended), nanoseconds since the
    /// anchor; `None`: nothing was sent.
    pub started_ns: Option<u64>,
    /// Σ of the known costs of all attempts.
    pub cost_known: Usd,
    /// Attempts whose cost is not known, those in doubt among them.
    pub cost_unknown: u32,
    /// `cost_known` plus the bounds of the attempts whose cost is not known; `None`: one of them
    /// has no bound.
    pub cost_upper: Option<Usd>,
    /// What is known of `cost_known` that went into warming a prompt cache; `None`: nothing was sent
    /// for that.
    pub cost_cache_warmup: Option<Usd>,
    /// Σ of what the provider says it charged; `None`: it did not say.
    pub cost_reported: Option<Usd>,
    /// Whether any attempt was simulated.
    pub simulated: bool,
    /// Its score of [`OVERALL`], by the latest grading; `None`: not graded; `Some(None)`: the
    /// grader could not judge.
    pub score: Option<Option<f64>>,
    /// What that grading cost; `None`: nothing.
    pub grading_cost: Option<Usd>,
}

impl TrialRow {
    /// What the trial cost, failed attempts included; `None`: not known of every attempt, or
    /// nothing was sent.
    #[must_use]
    pub fn cost(&self) -> Option<Usd> {
        (self.cost_unknown == 0 && self.started_ns.is_some()).then_some(self.cost_known)
    }

    /// Adds its next attempt.
    fn add(&mut self, attempt: RequestRecord) {
        let cost = attempt.cost.unwrap_or_default();
        self.cost_known += cost;
        self.cost_unknown += u32::from(attempt.cost.is_none());
        self.cost_upper = self.cost_upper.zip(attempt.max_cost()).map(|(sum, most)| sum + most);
        if let Some(reported) = attempt.cost_reported {
            self.cost_reported = Some(self.cost_reported.unwrap_or_default() + reported);
        }
        self.simulated |= attempt.simulated;
        self.started_ns = self.started_ns.or(attempt.dispatched_ns).or(attempt.intended_ns);
        let has_ended = attempt.ended_ns.is_some();
        self.unended |= !has_ended;
        if attempt.source == RequestSource::Prime {
            self.cost_cache_warmup = Some(self.cost_cache_warmup.unwrap_or_default() + cost);
            return;
        }
        let has_failed = attempt.error.is_some_and(|class| !class.concerns_caller());
        self.failed_attempts += u32::from(has_ended && has_failed);
        let answered_before = self.attempt.as_ref().is_some_and(|a| a.error.is_none());
        if has_ended && !answered_before {
            self.attempt = Some(attempt);
        }
    }
}

/// Takes back what a killed process left half written in a run folder, and removes a journal that it
/// had only begun.
///
/// # Errors
/// As [`Reader::open`].
pub fn recover(lock: &RunLock) -> Result<(), StoreError> {
    drop(Reader::open(lock.dir())?);
    // A journal that says nothing undoes nothing, and SQLite leaves it where it is. Under the lock
    // nobody is about to write into it.
    let mut journal = sql::path_in(lock.dir()).into_os_string();
    journal.push("-journal");
    let journal = PathBuf::from(journal);
    let is_idle = |bytes: Vec<u8>| bytes.first().is_none_or(|first| *first == 0);
    if std::fs::read(&journal).is_ok_and(is_idle) {
        // What stays is in nobody's way.
        let _ = std::fs::remove_file(journal);
    }
    Ok(())
}

impl Reader {
    /// Opens the run in this folder, for reading only. What a process left half written that was
    /// killed is taken back first.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = sql::path_in(dir);
        let conn = sql::open_to_read(&path)?;
        conn.pragma_update(None, "cache_size", CACHE_KIB).map_err(|e| at(&path, e))?;
        // The first read fixes the state that this connection sees.
        conn.execute_batch("BEGIN; SELECT count(*) FROM meta;").map_err(|e| sql::torn(&path, e))?;
        let format = sql::format(&conn).map_err(|e| at(&path, e))?;
        Ok(Self { conn, path, format, damaged: Cell::new(0) })
    }

    /// How many of the rows read so far are damaged. A trial whose place is lost is left out; of the
    /// others, what cannot be read is unknown.
    pub fn damaged_rows(&self) -> u64 {
        self.damaged.get()
    }

    pub(super) fn note_damage(&self, is_damaged: bool) {
        self.damaged.set(self.damaged.get() + u64::from(is_damaged));
    }

    /// Whether the format has the load lane's tables. A reader changes nothing, so it takes a
    /// database of an earlier format as it is.
    pub(super) fn knows_load(&self) -> bool {
        self.format >= 2
    }

    pub(super) const fn format(&self) -> i32 {
        self.format
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What the run is and, where it has ended, how.
    pub fn manifest(&self) -> Result<Manifest, StoreError> {
        let text = self.meta(MANIFEST)?.ok_or_else(|| self.corrupt(MANIFEST, "it is missing"))?;
        let mut manifest: Manifest = self.json(MANIFEST, &text)?;
        manifest.ended = match self.meta(ENDED)? {
            Some(text) => Some(self.json(ENDED, &text)?),
            None => None,
        };
        Ok(manifest)
    }

    /// Whether prompts and answers were kept.
    pub fn keeps_content(&self) -> Result<bool, StoreError> {
        Ok(self.meta(KEEP_CONTENT)?.as_deref() == Some("true"))
    }

    /// What was noted under this key.
    pub fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.sqlite(meta(&self.conn, key))
    }

    /// The tasks, by position.
    pub fn tasks(&self) -> Result<Vec<StoredTask>, StoreError> {
        let mut statement = self.prepare(&format!(
            "SELECT idx, suite, task, category, cluster, tags, grader, reference, schema, body, {}
                 FROM task LEFT JOIN content ON content.hash = task.prompt ORDER BY idx",
            self.content_hash()
        ))?;
        let mut rows = self.sqlite(statement.query([]))?;
        let mut tasks = Vec::new();
        while let Some(row) = self.sqlite(rows.next())? {
            tasks.push(self.task(row)?);
        }
        Ok(tasks)
    }

    /// The prompt of one task; empty where it was not kept, or is damaged.
    pub fn prompt_of(&self, task: u32) -> Result<Vec<Message>, StoreError> {
        let mut statement = self.prepare(
            "SELECT body FROM task JOIN content ON content.hash = task.prompt WHERE idx = ?",
        )?;
        let body: Option<String> =
            self.sqlite(statement.query_row([task], |row| row.get(0)).optional())?;
        Ok(body.map_or_else(Vec::new, |body| messages(&body)))
    }

    /// The answer of one trial; `None`: it has none, it was not kept, or it is damaged.
    pub fn answer_of(&self, trial: u32) -> Result<Option<AnswerContent>, StoreError> {
        let mut statement = self.prepare(
            "SELECT body FROM trial JOIN content ON content.hash = trial.answer WHERE idx = ?",
        )?;
        let body: Option<String> =
            self.sqlite(statement.query_row([trial], |row| row.get(0)).optional())?;
        Ok(body.and_then(|body| serde_json::from_str(&body).ok()))
    }

    fn task(&self, row: &Row<'_>) -> Result<StoredTask, StoreError> {
        let text = |column: usize| self.sqlite(row.get::<_, String>(column));
        let optional = |column: usize| self.sqlite(row.get::<_, Option<String>>(column));
        Ok(StoredTask {
            idx: self.sqlite(row.get(0))?,
            suite: text(1)?,
            task: text(2)?,
            category: text(3)?,
            cluster: optional(4)?,
            tags: self.json("the tags of a task", &text(5)?)?,
            grader: self.json("the grader of a task", &text(6)?)?,
            reference: self.optional_json("the reference of a task", row, 7)?,
            schema: self.optional_json("the schema of a task", row, 8)?,
            messages: optional(9)?.map_or_else(Vec::new, |body| messages(&body)),
            content_hash: self.sqlite(row.get(10))?,
        })
    }

    /// The column of [`StoredTask::content_hash`], in a database of any format.
    fn content_hash(&self) -> &'static str {
        if self.format >= 4 { "content_hash" } else { "NULL" }
    }

    /// The tasks' labels, by position: what aggregation needs, without prompts and references.
    pub fn task_labels(&self) -> Result<Vec<TaskLabels>, StoreError> {
        let mut statement = self.prepare(&format!(
            "SELECT idx, suite, task, category, cluster, tags, {} FROM task ORDER BY idx",
            self.content_hash()
        ))?;
        let mut rows = self.sqlite(statement.query([]))?;
        let mut labels = Vec::new();
        while let Some(row) = self.sqlite(rows.next())? {
            let tags: String = self.sqlite(row.get(5))?;
            labels.push(TaskLabels {
                idx: self.sqlite(row.get(0))?,
                suite: self.sqlite(row.get(1))?,
                task: self.sqlite(row.get(2))?,
                category: self.sqlite(row.get(3))?,
                cluster: self.sqlite(row.get(4))?,
                tags: self.json("the tags of a task", &tags)?,
                content_hash: self.sqlite(row.get(6))?,
            });
        }
        Ok(labels)
    }

    /// How each task is graded, by position: what grading needs, without the prompts, which are
    /// most of a suite.
    pub fn rubrics(&self) -> Result<Vec<TaskRubric>, StoreError> {
        let mut statement =
            self.prepare("SELECT grader, reference, schema FROM task ORDER BY idx")?;
        let mut rows = self.sqlite(statement.query([]))?;
        let mut rubrics = Vec::new();
        while let Some(row) = self.sqlite(rows.next())? {
            let grader: String = self.sqlite(row.get(0))?;
            rubrics.push(TaskRubric {
                grader: self.json("the grader of a task", &grader)?,
                reference: self.optional_json("the reference of a task", row, 1)?,
                schema: self.optional_json("the schema of a task", row, 2)?,
            });
        }
        Ok(rubrics)
    }

    /// The endpoints, by position.
    pub fn endpoints(&self) -> Result<Vec<StoredEndpoint>, StoreError> {
        let mut statement = self.prepare("SELECT idx, spec FROM endpoint ORDER BY idx")?;
        let mut rows = self.sqlite(statement.query([]))?;
        let mut endpoints = Vec::new();
        while let Some(row) = self.sqlite(rows.next())? {
            let spec: String = self.sqlite(row.get(1))?;
            endpoints.push(StoredEndpoint {
                idx: self.sqlite(row.get(0))?,
                endpoint: self.json("an endpoint", &spec)?,
            });
        }
        Ok(endpoints)
    }

    /// How many trials are in each state; states without any are left out. What became of a trial
    /// whose state is damaged is not known.
    pub fn status_counts(&self) -> Result<BTreeMap<TrialStatus, u64>, StoreError> {
        let mut statement = self.prepare("SELECT status, count(*) FROM trial GROUP BY status")?;
        let mut rows = self.sqlite(statement.query([]))?;
        let mut counts = BTreeMap::new();
        while let Some(row) = self.sqlite(rows.next())? {
            let status = self.sqlite(sql::cell(row, 0))?.unwrap_or(TrialStatus::InDoubt);
            *counts.entry(status).or_default() += self.sqlite(row.get::<_, Unsigned>(1))?.0;
        }
        Ok(counts)
    }

    /// Visits every trial.
    pub fn for_each_trial<E: From<StoreError>>(
        &self,
        order: Order,
        mut visit: impl FnMut(&TrialRow) -> Result<(), E>,
    ) -> Result<(), E> {
        // Only positions are sorted: wide rows would spill the sort to disk long before.
        let mut order = self.prepare(match order {
            Order::Plan => "SELECT idx FROM trial ORDER BY idx",
            Order::Cell => {
                "SELECT trial.idx FROM trial JOIN task ON task.idx = trial.task
                 ORDER BY trial.endpoint, task.category, trial.key"
            }
        })?;
        let mut trial = self.prepare(&trial_query(self.format))?;
        let mut attempts = self.prepare(&ATTEMPTS)?;
        let mut positions = self.sqlite(order.query([]))?;
        while let Some(position) = self.sqlite(positions.next())? {
            let Some(idx) = self.sqlite(sql::cell::<u32>(position, 0))? else {
                self.note_damage(true);
                continue;
            };
            let found = sql::undamaged(trial.query_row([idx], read_trial));
            let Some(mut row) = self.sqlite(found)?.filter(|row| row.idx == idx) else {
                self.note_damage(true);
                continue;
            };
            self.sqlite(self.add_attempts(&mut row, &mut attempts))?;
            visit(&row)?;
        }
        Ok(())
    }

    /// Visits every request of the trials with the position of its endpoint, in the order of the
    /// plan.
    pub fn for_each_attempt<E: From<StoreError>>(
        &self,
        mut visit: impl FnMut(u32, &RequestRecord) -> Result<(), E>,
    ) -> Result<(), E> {
        let columns = request::names(request::trial_columns());
        let mut statement = self.prepare(&format!(
            "SELECT (SELECT endpoint FROM trial WHERE idx = attempt.trial), {columns}
             FROM attempt ORDER BY trial, attempt"
        ))?;
        let mut rows = self.sqlite(statement.query([]))?;
        while let Some(row) = self.sqlite(rows.next())? {
            let record = self.sqlite(request::read(row, 1, request::trial_columns()))?;
            // An attempt of a trial that is lost is of no endpoint.
            let endpoint = self.sqlite(sql::cell(row, 0))?;
            self.note_damage(record.is_damaged || endpoint.is_none());
            if let Some(endpoint) = endpoint {
                visit(endpoint, &record)?;
            }
        }
        Ok(())
    }

    /// What was spent from a moment on, nanoseconds since the anchor: known costs, and the bounds of
    /// requests whose cost is not known.
    pub fn spent_from(&self, from_ns: u64) -> Result<Usd, StoreError> {
        let tables: &[(&str, &str)] = &[
            ("attempt", "intended_ns"),
            ("load_request", "dispatched_ns"),
            ("retired_attempt", "intended_ns"),
        ];
        let mut spent = Usd::ZERO;
        // Each format added one.
        for (table, at) in tables.iter().take(usize::try_from(self.format).unwrap_or(0)) {
            let mut statement =
                self.prepare(&format!("SELECT {COST_AND_BOUND} FROM {table} WHERE {at} >= ?"))?;
            let mut rows = self.sqlite(statement.query([Unsigned(from_ns)]))?;
            while let Some(row) = self.sqlite(rows.next())? {
                spent += self.sqlite(sql::max_cost(row, 0))?;
            }
        }
        Ok(spent)
    }

    /// The first trial at this position of the plan or after it: how a caller who cannot be
    /// visited walks the plan.
    pub fn trial_from(&self, idx: u32) -> Result<Option<TrialRow>, StoreError> {
        let mut trial = self.prepare(&trial_query(self.format))?;
        let mut after = self.prepare("SELECT min(idx) FROM trial WHERE idx > ?")?;
        let mut from = Some(idx);
        while let Some(idx) = from {
            match trial.query_row([idx], read_trial).optional() {
                Ok(Some(mut row)) => {
                    let mut attempts = self.prepare(&ATTEMPTS)?;
                    self.sqlite(self.add_attempts(&mut row, &mut attempts))?;
                    return Ok(Some(row));
                }
                Ok(None) => return Ok(None),
                Err(error) if sql::is_damage(&error) => {
                    self.note_damage(true);
                    // The damaged one stands at this position or is the first after it.
                    let mut exists = self.prepare("SELECT 1 FROM trial WHERE idx = ?")?;
                    let is_here = self.sqlite(exists.exists([idx]))?;
                    let next: Option<u32> =
                        self.sqlite(after.query_row([idx], |r| sql::cell(r, 0)))?;
                    from = if is_here { next } else { next.and_then(|n| n.checked_add(1)) };
                }
                Err(error) => return Err(at(&self.path, error)),
            }
        }
        Ok(None)
    }

    pub(super) fn prepare(&self, statement: &str) -> Result<CachedStatement<'_>, StoreError> {
        self.sqlite(self.conn.prepare_cached(statement))
    }

    pub(super) fn sqlite<T>(&self, result: rusqlite::Result<T>) -> Result<T, StoreError> {
        result.map_err(|e| at(&self.path, e))
    }

    fn json<T: DeserializeOwned>(&self, what: &str, text: &str) -> Result<T, StoreError> {
        serde_json::from_str(text).map_err(|e| self.corrupt(what, &e.to_string()))
    }

    fn optional_json(
        &self,
        what: &str,
        row: &Row<'_>,
        column: usize,
    ) -> Result<Option<serde_json::Value>, StoreError> {
        let text: Option<String> = self.sqlite(row.get(column))?;
        text.map(|text| self.json(what, &text)).transpose()
    }

    fn corrupt(&self, what: &str, why: &str) -> StoreError {
        corrupt(&self.path, what, why)
    }
}

/// A fact about the run.
pub(super) fn meta(conn: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    conn.query_row("SELECT value FROM meta WHERE key = ?", [key], |row| row.get(0)).optional()
}

/// Trial, task and answer of everything that can be graded.
pub(super) const ANSWERS: &str = "
    SELECT idx, task, body FROM trial LEFT JOIN content ON content.hash = trial.answer
    WHERE status = 'ok' ORDER BY idx";

/// The messages of a stored prompt. No score depends on them: a damaged prompt is as good as none.
fn messages(body: &str) -> Vec<Message> {
    serde_json::from_str(body).unwrap_or_default()
}

/// The answer of a row of [`ANSWERS`].
pub(super) fn decode_answer(
    row: &Row<'_>,
    path: &Path,
) -> Result<Option<AnswerContent>, StoreError> {
    let body: Option<String> = row.get(2).map_err(|e| at(path, e))?;
    body.map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|e| corrupt(path, "an answer", &e.to_string()))
}

/// The condition under which a row of `score` is what the metrics take, in a database of this
/// format.
pub(super) fn latest_score(format: i32) -> String {
    if format < 4 {
        return "true".to_owned();
    }
    format!(
        "score.criterion = '{OVERALL}' AND score.grading = (SELECT max(grading) FROM score latest
             WHERE latest.trial = trial.idx AND latest.criterion = score.criterion)"
    )
}

/// A trial and its score, in a database of this format.
fn trial_query(format: i32) -> String {
    let score = latest_score(format);
    let (value, cost) = if format >= 4 { ("value", "cost") } else { ("score.score", "NULL") };
    format!(
        "SELECT idx, key, task, endpoint, repeat, status, ineligible, error, attempts, backoff_ns,
                pacing_ns, e2e_with_retries_ns, refused, score.trial IS NOT NULL, {value}, {cost}
         FROM trial LEFT JOIN score ON score.trial = trial.idx AND {score}
         WHERE idx >= ? ORDER BY idx LIMIT 1"
    )
}

fn read_trial(row: &Row<'_>) -> rusqlite::Result<TrialRow> {
    let judged: bool = row.get(13)?;
    let score: Option<f64> = sql::cell(row, 14)?;
    Ok(TrialRow {
        idx: row.get(0)?,
        key: row.get(1)?,
        task: row.get(2)?,
        endpoint: row.get(3)?,
        repeat: row.get(4)?,
        status: row.get(5)?,
        ineligible: sql::cell(row, 6)?,
        error: sql::cell(row, 7)?,
        attempts: sql::cell(row, 8)?.unwrap_or_default(),
        backoff_ns: sql::cell::<Unsigned>(row, 9)?.map_or(0, |waited| waited.0),
        pacing_ns: sql::cell::<Unsigned>(row, 10)?.map_or(0, |waited| waited.0),
        e2e_with_retries_ns: sql::cell::<Unsigned>(row, 11)?.map(|took| took.0),
        refused: sql::cell(row, 12)?.unwrap_or_default(),
        unended: false,
        failed_attempts: 0,
        attempt: None,
        started_ns: None,
        cost_known: Usd::ZERO,
        cost_unknown: 0,
        cost_upper: Some(Usd::ZERO),
        cost_cache_warmup: None,
        cost_reported: None,
        simulated: false,
        score: judged.then_some(score.filter(|score| (0.0..=1.0).contains(score))),
        grading_cost: sql::cell::<Usd>(row, 15)?.and_then(Usd::of_request),
    })
}

/// Every attempt of a trial: [`request::trial_columns`].
static ATTEMPTS: LazyLock<String> = LazyLock::new(|| {
    let columns = request::names(request::trial_columns());
    format!("SELECT {columns} FROM attempt WHERE trial = ? ORDER BY attempt")
});

impl Reader {
    /// Adds to a trial what its attempts came to.
    fn add_attempts(
        &self,
        trial: &mut TrialRow,
        attempts: &mut CachedStatement<'_>,
    ) -> rusqlite::Result<()> {
        let mut rows = attempts.query([trial.idx])?;
        let mut made = 0;
        while let Some(row) = rows.next()? {
            made += 1;
            let attempt = request::read(row, 0, request::trial_columns())?;
            self.note_damage(attempt.is_damaged);
            trial.add(attempt);
        }
        // A trial without an ending, of a run that was cut off, was not counted yet.
        if trial.status == TrialStatus::Planned {
            trial.attempts = made;
        }
        Ok(())
    }
}

pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    Ok(row.get::<_, Option<Unsigned>>(column)?.map(|value| value.0))
}
