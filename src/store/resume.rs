//! Resuming a run that was interrupted, or that gets a larger plan.
//!
//! A trial is identified by its key, a hash of its content. A finished trial is never repeated; an
//! attempt without an ending is made once more; trials that only the plan has are added after those
//! of the database.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params};
use serde::{Deserialize, Serialize};

use super::lock::RunLock;
use super::lost;
use super::request::MAX_NS;
use super::run_file::{self, ENDED, MANIFEST, RunFile, set_meta};
use super::sql::{self, COST_AND_BOUND, Unsigned, at};
use super::{
    NewRun, PlannedTrial, Reader, Store, StoreError, StoreMode, StoredEndpoint, TaskLabels,
    TaskRubric, TrialStatus,
};
use crate::units::{Fact, Manifest, PacingSummary, TrialKey, UsageFaults, Usd, Validity};
use crate::wire::ErrorClass;

/// What earlier sessions of the run came to, in `meta`.
const EARLIER: &str = "earlier";

/// A run that an earlier process began. This process holds its lock.
#[derive(Debug)]
pub struct ExistingRun {
    lock: RunLock,
    path: PathBuf,
    /// What the run is and, where it was ended in good order, how.
    pub manifest: Manifest,
    /// Its tasks' labels, by position.
    pub labels: Vec<TaskLabels>,
    /// How its tasks are graded, by position.
    pub rubrics: Vec<TaskRubric>,
    /// Its endpoints, by position.
    pub endpoints: Vec<StoredEndpoint>,
    /// Its trials, sorted by key.
    pub trials: Vec<StoredTrial>,
    /// Whether prompts and answers are kept.
    pub keep_content: bool,
    /// What it has spent: known costs, and the bounds of attempts whose cost is not known.
    pub spent: Spend,
    /// The last moment that it knows of, nanoseconds since its anchor.
    pub last_ns: u64,
    sessions: PriorSessions,
}

/// A trial of an earlier session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredTrial {
    /// Its identity.
    pub key: TrialKey,
    /// Its position in the run.
    pub idx: u32,
    /// Its task: a position in the run.
    pub task: u32,
    /// Its endpoint: a position in the run.
    pub endpoint: u32,
    /// Its repeat, from 0.
    pub repeat: u32,
    /// Its state.
    pub status: TrialStatus,
    /// Requests that were intended for it.
    pub attempts: u32,
    /// Of those, the ones that ended.
    pub ended: u32,
    /// Of those that ended, the ones that warmed a prompt cache.
    pub primed: u32,
    /// Why it failed; `None`: it did not.
    pub error: Option<ErrorClass>,
    /// Whether it failed for what was to be mended before it is asked again: its account, its key,
    /// or the address of an endpoint that was given up for it. Its state is then `Skipped`.
    pub was_refused: bool,
}

impl StoredTrial {
    /// Whether it has ended and is never repeated.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        matches!(self.status, TrialStatus::Ok | TrialStatus::Failed | TrialStatus::Ineligible)
    }

    /// Attempts whose outcome is unknown.
    #[must_use]
    pub fn in_doubt(&self) -> u32 {
        self.attempts - self.ended
    }
}

/// Dollars by what they went to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spend {
    /// All.
    pub total: Usd,
    /// By endpoint id.
    pub by_endpoint: BTreeMap<String, Usd>,
    /// By suite.
    pub by_suite: BTreeMap<String, Usd>,
}

/// The state of a planned trial when a session begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrialProgress {
    /// Its position in the run database.
    pub stored: u32,
    /// Whether it is still to be run.
    pub open: bool,
    /// Requests that were intended for it by earlier sessions.
    pub attempts: u32,
    /// Of those, the ones that ended.
    pub ended: u32,
    /// Of those that ended, the ones that warmed a prompt cache.
    pub primed: u32,
    /// Of those that ended, the ones that count against no limit on attempts.
    pub uncounted: u32,
}

impl TrialProgress {
    /// A trial without requests so far.
    #[must_use]
    pub const fn fresh(stored: u32, open: bool) -> Self {
        Self { stored, open, attempts: 0, ended: 0, primed: 0, uncounted: 0 }
    }
}

/// The earlier sessions of a run together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PriorSessions {
    /// How many there were.
    pub n: u32,
    /// How long they took in sum, nanoseconds.
    pub duration_ns: u64,
    /// The worst mark of those that were ended in good order; `None`: none was.
    pub validity: Option<Validity>,
    /// Where they were held back for a provider's limits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paced: Vec<PacingSummary>,
    /// Events of streams whose kind the dialect does not know, by endpoint.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown_events: BTreeMap<String, u64>,
    /// What was wrong with the usage that providers stated, by endpoint.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub usage_faults: UsageFaults,
    /// What they came to know of the endpoints.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Fact>,
    /// When the session that runs now began, nanoseconds since the anchor.
    from_ns: u64,
}

/// A run that was resumed.
#[derive(Debug)]
pub struct ResumedRun {
    /// The open run database.
    pub store: Store,
    /// The state of each planned trial, in the order in which they were given.
    pub progress: Vec<TrialProgress>,
    /// What the sessions before came to.
    pub sessions: PriorSessions,
    /// Trials that the plan has in another form now: kept aside with what they cost.
    pub retired: u64,
}

impl ExistingRun {
    /// Takes the lock of a folder and reads the run in it; `None` where there is none. The
    /// beginnings of a run whose plan was never committed, and that therefore never sent anything,
    /// are removed.
    pub fn open(dir: &Path) -> Result<Option<Self>, StoreError> {
        let path = sql::path_in(dir);
        sql::are_plain(&path, true)?;
        lost::check_not_lost(dir)?;
        if !path.exists() {
            return Ok(None);
        }
        let lock = RunLock::take(dir)?;
        if has_no_plan(&path)? {
            lost::check_no_plan(dir)?;
            run_file::remove(&path);
            return Ok(None);
        }
        let reader = Reader::open(dir)?;
        let manifest = reader.manifest()?;
        let (labels, rubrics) = (reader.task_labels()?, reader.rubrics()?);
        let (endpoints, keep_content) = (reader.endpoints()?, reader.keeps_content()?);
        let earlier: Option<PriorSessions> = match reader.meta(EARLIER)? {
            None => None,
            Some(text) => Some(serde_json::from_str(&text).map_err(|e| {
                super::error::corrupt(&path, "what earlier sessions came to", &e.to_string())
            })?),
        };
        drop(reader);
        let conn = sql::open_existing(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let sqlite = |e| at(&path, e);
        let mut trials = read_trials(&conn).map_err(sqlite)?;
        let given_up = given_up(&manifest, &endpoints);
        for trial in &mut trials {
            reopen(trial, &given_up);
        }
        let last_ns = last_moment(&conn).map_err(sqlite)?;
        let spent = read_spent(&conn, &labels, &endpoints).map_err(sqlite)?;
        drop(conn);
        let sessions = prior_sessions(earlier, &manifest, last_ns);
        Ok(Some(Self {
            lock,
            path,
            manifest,
            labels,
            rubrics,
            endpoints,
            trials,
            keep_content,
            spent,
            last_ns,
            sessions,
        }))
    }

    /// The trial with this key.
    #[must_use]
    pub fn find(&self, key: &TrialKey) -> Option<&StoredTrial> {
        let found = self.trials.binary_search_by_key(key, |trial| trial.key).ok()?;
        Some(&self.trials[found])
    }

    /// Opens the run for another session that begins at `from_ns` since the run's anchor, and
    /// makes the database hold this plan: what it has stays, what is new is added, what is asked
    /// in another form now is kept aside. All of it in one transaction.
    ///
    /// `trials` are the plan's, with positions of tasks and endpoints in `new`.
    pub fn resume(
        mut self,
        mode: StoreMode,
        new: NewRun<'_>,
        trials: &[PlannedTrial],
        from_ns: u64,
    ) -> Result<ResumedRun, StoreError> {
        let path = self.path.clone();
        let sqlite = |e| at(&path, e);
        let mut conn = sql::open_existing(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let change = conn.transaction_with_behavior(TransactionBehavior::Immediate);
        let change = change.map_err(sqlite)?;
        let sessions = PriorSessions { from_ns, ..self.sessions.clone() };
        let changed = self.apply_plan(&change, &new, trials, &sessions).map_err(sqlite)?;
        change.commit().map_err(sqlite)?;
        let file = RunFile::reopen(conn, path, mode, self.keep_content, self.lock)?;
        let (progress, retired) = changed;
        Ok(ResumedRun { store: Store::on(file, mode)?, progress, sessions, retired })
    }

    fn apply_plan(
        &mut self,
        conn: &Connection,
        new: &NewRun<'_>,
        trials: &[PlannedTrial],
        sessions: &PriorSessions,
    ) -> rusqlite::Result<(Vec<TrialProgress>, u64)> {
        if sql::format(conn)? < sql::FORMAT {
            sql::migrate(conn)?;
        }
        let places = Places {
            tasks: self.place_tasks(conn, new)?,
            endpoints: self.place_endpoints(conn, new)?,
        };
        let (progress, matched) = self.place_trials(conn, &places, trials)?;
        let retired = self.retire(conn, &places, trials, &matched)?;
        // What a session left out or cut is open again, whatever it was called when it ended.
        conn.execute(
            "UPDATE trial SET status = 'planned' WHERE status IN ('skipped', 'in_doubt')",
            [],
        )?;
        set_meta(conn, MANIFEST, &run_file::json(new.manifest))?;
        set_meta(conn, EARLIER, &run_file::json(sessions))?;
        conn.execute("DELETE FROM meta WHERE key = ?", [ENDED])?;
        Ok((progress, retired))
    }

    /// Where the plan's tasks stand in the run; new ones are added, known ones take the form that
    /// they have now.
    fn place_tasks(&self, conn: &Connection, new: &NewRun<'_>) -> rusqlite::Result<Vec<u32>> {
        let known: BTreeMap<(&str, &str), u32> =
            self.labels.iter().map(|t| ((t.suite.as_str(), t.task.as_str()), t.idx)).collect();
        let mut next = next_after(self.labels.iter().map(|task| task.idx));
        let mut places = Vec::with_capacity(new.tasks.len());
        for task in new.tasks {
            let place = known.get(&(task.suite.as_str(), task.task.as_str())).copied();
            let mut task = task.clone();
            task.idx = place.unwrap_or(next);
            next += u32::from(place.is_none());
            run_file::put_task(conn, &task, self.keep_content)?;
            places.push(task.idx);
        }
        Ok(places)
    }

    fn place_endpoints(&self, conn: &Connection, new: &NewRun<'_>) -> rusqlite::Result<Vec<u32>> {
        let known: BTreeMap<&str, u32> =
            self.endpoints.iter().map(|e| (e.endpoint.id.as_str(), e.idx)).collect();
        let mut next = next_after(self.endpoints.iter().map(|endpoint| endpoint.idx));
        let mut places = Vec::with_capacity(new.endpoints.len());
        for endpoint in new.endpoints {
            let place = known.get(endpoint.endpoint.id.as_str()).copied();
            let mut endpoint = endpoint.clone();
            endpoint.idx = place.unwrap_or(next);
            next += u32::from(place.is_none());
            run_file::put_endpoint(conn, &endpoint, self.keep_content)?;
            places.push(endpoint.idx);
        }
        Ok(places)
    }

    /// Where the plan's trials stand, and the keys of those that were there.
    fn place_trials(
        &self,
        conn: &Connection,
        places: &Places,
        trials: &[PlannedTrial],
    ) -> rusqlite::Result<(Vec<TrialProgress>, BTreeSet<TrialKey>)> {
        let aside: Option<u32> =
            conn.query_row("SELECT max(idx) FROM retired_trial", [], |row| row.get(0))?;
        let mut next = next_after(self.trials.iter().map(|trial| trial.idx).chain(aside));
        let mut matched = BTreeSet::new();
        let mut progress = Vec::with_capacity(trials.len());
        #[expect(clippy::explicit_counter_loop, reason = "only new trials take a position")]
        for planned in trials {
            let mut placed = planned.clone();
            placed.task = places.tasks[planned.task as usize];
            placed.endpoint = places.endpoints[planned.endpoint as usize];
            let known = match self.find(&planned.key) {
                Some(known) => Some(*known),
                None => bring_back(conn, &planned.key)?,
            };
            let Some(known) = known else {
                placed.idx = next;
                next += 1;
                run_file::insert_trial(conn, &placed)?;
                progress.push(TrialProgress::fresh(placed.idx, placed.ineligible.is_none()));
                continue;
            };
            matched.insert(known.key);
            progress.push(settle(conn, &known, &placed)?);
        }
        Ok((progress, matched))
    }

    /// Takes the trials out that the plan asks in another form now: their task, endpoint and repeat
    /// are in it, their key is not.
    fn retire(
        &self,
        conn: &Connection,
        places: &Places,
        trials: &[PlannedTrial],
        matched: &BTreeSet<TrialKey>,
    ) -> rusqlite::Result<u64> {
        let tasks: BTreeSet<u32> = places.tasks.iter().copied().collect();
        let endpoints: BTreeSet<u32> = places.endpoints.iter().copied().collect();
        let repeats = next_after(trials.iter().map(|trial| trial.repeat));
        let mut retired = 0;
        for trial in &self.trials {
            let in_plan = tasks.contains(&trial.task)
                && endpoints.contains(&trial.endpoint)
                && trial.repeat < repeats;
            if !in_plan || matched.contains(&trial.key) {
                continue;
            }
            for statement in [
                "INSERT INTO retired_trial SELECT * FROM trial WHERE idx = ?",
                "INSERT INTO retired_attempt SELECT * FROM attempt WHERE trial = ?",
                "INSERT INTO retired_score SELECT * FROM score WHERE trial = ?",
                "DELETE FROM score WHERE trial = ?",
                "DELETE FROM attempt WHERE trial = ?",
                "DELETE FROM trial WHERE idx = ?",
            ] {
                conn.prepare_cached(statement)?.execute([trial.idx])?;
            }
            retired += 1;
        }
        Ok(retired)
    }
}

/// Where the plan's tasks and endpoints stand in the run.
struct Places {
    tasks: Vec<u32>,
    endpoints: Vec<u32>,
}

/// Puts a trial back that an earlier plan had taken out.
fn bring_back(conn: &Connection, key: &TrialKey) -> rusqlite::Result<Option<StoredTrial>> {
    let idx: Option<u32> = conn
        .prepare_cached("SELECT idx FROM retired_trial WHERE key = ?")?
        .query_row([key], |row| row.get(0))
        .optional()?;
    let Some(idx) = idx else { return Ok(None) };
    for statement in [
        "INSERT INTO trial SELECT * FROM retired_trial WHERE idx = ?",
        "INSERT INTO attempt SELECT * FROM retired_attempt WHERE trial = ?",
        "INSERT INTO score SELECT * FROM retired_score WHERE trial = ?",
        "DELETE FROM retired_score WHERE trial = ?",
        "DELETE FROM retired_attempt WHERE trial = ?",
        "DELETE FROM retired_trial WHERE idx = ?",
    ] {
        conn.prepare_cached(statement)?.execute([idx])?;
    }
    conn.query_row(&format!("{TRIALS} WHERE idx = ?"), [idx], read_trial).optional()
}

/// Makes a known trial agree with the plan, and says where it stands.
fn settle(
    conn: &Connection,
    known: &StoredTrial,
    planned: &PlannedTrial,
) -> rusqlite::Result<TrialProgress> {
    let place = [planned.task, planned.endpoint, planned.repeat];
    if [known.task, known.endpoint, known.repeat] != place {
        conn.prepare_cached("UPDATE trial SET task = ?, endpoint = ?, repeat = ? WHERE idx = ?")?
            .execute([planned.task, planned.endpoint, planned.repeat, known.idx])?;
    }
    if known.was_refused {
        conn.prepare_cached("UPDATE trial SET status = 'planned', error = NULL WHERE idx = ?")?
            .execute([known.idx])?;
    }
    // Whether an endpoint can take a task depends on its limits too, which are not in the key.
    let was_ineligible = known.status == TrialStatus::Ineligible;
    let asked = matches!(known.status, TrialStatus::Ok | TrialStatus::Failed);
    if was_ineligible != planned.ineligible.is_some() && !asked {
        let status = match planned.ineligible {
            Some(_) => TrialStatus::Ineligible,
            None => TrialStatus::Planned,
        };
        conn.prepare_cached("UPDATE trial SET status = ?, ineligible = ? WHERE idx = ?")?
            .execute(params![status, planned.ineligible, known.idx])?;
    }
    Ok(TrialProgress {
        stored: known.idx,
        open: !asked && planned.ineligible.is_none(),
        attempts: known.attempts,
        ended: known.ended,
        primed: known.primed,
        uncounted: if known.was_refused { known.ended - known.primed } else { 0 },
    })
}

/// The classes of failures for which endpoints were given up, by the endpoint's position.
fn given_up(manifest: &Manifest, endpoints: &[StoredEndpoint]) -> BTreeSet<(u32, ErrorClass)> {
    let notes = manifest.ended.iter().flat_map(|ended| &ended.notes);
    let of = |fact: &Fact| {
        let Fact::EndpointGivenUp { endpoint, class, .. } = fact else { return None };
        let stored = endpoints.iter().find(|stored| stored.endpoint.id.as_str() == endpoint)?;
        Some((stored.idx, ErrorClass::from_name(class.as_ref()?)?))
    };
    notes.filter_map(of).collect()
}

/// Opens a trial again that failed for what a user can mend.
fn reopen(trial: &mut StoredTrial, given_up: &BTreeSet<(u32, ErrorClass)>) {
    let Some(error) = trial.error.filter(|_| trial.status == TrialStatus::Failed) else { return };
    let is_unreached = matches!(
        error,
        ErrorClass::Connect
            | ErrorClass::ConnectTimeout
            | ErrorClass::NotFound
            | ErrorClass::Redirect
    );
    let is_given_up = given_up.contains(&(trial.endpoint, error));
    if error.concerns_account() || is_unreached && is_given_up {
        trial.status = TrialStatus::Skipped;
        trial.was_refused = true;
    }
}

/// Whether nothing was ever committed to a file: its maker was cut off before the plan was in it.
fn has_no_plan(path: &Path) -> Result<bool, StoreError> {
    // What is no database is for the reader to refuse in its own words.
    let Ok(conn) = sql::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE) else { return Ok(false) };
    let mark = |pragma| conn.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    let marks = mark("application_id").and_then(|id| Ok((id, mark("user_version")?)));
    match marks {
        Ok((0, 0)) => {
            let tables: rusqlite::Result<u32> =
                conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0));
            Ok(tables.map_err(|e| at(path, e))? == 0)
        }
        _ => Ok(false),
    }
}

const TRIALS: &str = "
    SELECT key, idx, task, endpoint, repeat, status,
           (SELECT count(*) FROM attempt WHERE attempt.trial = trial.idx),
           (SELECT count(ended_ns) FROM attempt WHERE attempt.trial = trial.idx),
           (SELECT count(ended_ns) FROM attempt
            WHERE attempt.trial = trial.idx AND source = 'prime'),
           error
    FROM trial";

fn read_trial(row: &rusqlite::Row<'_>) -> rusqlite::Result<StoredTrial> {
    Ok(StoredTrial {
        key: row.get(0)?,
        idx: row.get(1)?,
        // What is damaged and the key still tells is set right from the plan.
        task: sql::cell(row, 2)?.unwrap_or(u32::MAX),
        endpoint: sql::cell(row, 3)?.unwrap_or(u32::MAX),
        repeat: sql::cell(row, 4)?.unwrap_or(u32::MAX),
        status: sql::cell(row, 5)?.unwrap_or(TrialStatus::Planned),
        attempts: row.get(6)?,
        ended: row.get(7)?,
        primed: row.get(8)?,
        error: row.get(9)?,
        was_refused: false,
    })
}

/// The trials in the order of their keys; damaged ones are left out.
fn read_trials(conn: &Connection) -> rusqlite::Result<Vec<StoredTrial>> {
    let mut statement = conn.prepare(&format!("{TRIALS} ORDER BY key"))?;
    let rows = statement.query_map([], read_trial)?;
    rows.filter_map(|row| sql::undamaged(row).transpose()).collect()
}

/// The tables that hold attempts, in a database of any format.
fn attempt_tables(conn: &Connection) -> rusqlite::Result<&'static [(&'static str, &'static str)]> {
    const NOW: &[(&str, &str)] = &[("trial", "attempt"), ("retired_trial", "retired_attempt")];
    Ok(if sql::format(conn)? >= 3 { NOW } else { &NOW[..1] })
}

fn last_moment(conn: &Connection) -> rusqlite::Result<u64> {
    let mut last = 0;
    for (_, attempts) in attempt_tables(conn)? {
        let query = format!(
            "SELECT max(max(intended_ns, ifnull(ended_ns, 0))) FROM {attempts}
             WHERE max(intended_ns, ifnull(ended_ns, 0)) BETWEEN 0 AND {MAX_NS}"
        );
        let found: Option<Unsigned> = conn.query_row(&query, [], |row| row.get(0))?;
        last = last.max(found.map_or(0, |found| found.0));
    }
    Ok(last)
}

fn read_spent(
    conn: &Connection,
    labels: &[TaskLabels],
    endpoints: &[StoredEndpoint],
) -> rusqlite::Result<Spend> {
    let suites: BTreeMap<u32, &str> = labels.iter().map(|t| (t.idx, t.suite.as_str())).collect();
    let ids: BTreeMap<u32, &str> =
        endpoints.iter().map(|e| (e.idx, e.endpoint.id.as_str())).collect();
    let mut spent = Spend::default();
    for (trials, attempts) in attempt_tables(conn)? {
        let mut statement = conn.prepare(&format!(
            "SELECT t.task, t.endpoint, {COST_AND_BOUND}
             FROM {attempts} a JOIN {trials} t ON t.idx = a.trial"
        ))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (task, endpoint) = (sql::cell::<u32>(row, 0)?, sql::cell::<u32>(row, 1)?);
            let usd = sql::max_cost(row, 2)?;
            spent.total += usd;
            if let Some(id) = endpoint.and_then(|endpoint| ids.get(&endpoint)) {
                *spent.by_endpoint.entry((*id).to_owned()).or_default() += usd;
            }
            if let Some(suite) = task.and_then(|task| suites.get(&task)) {
                *spent.by_suite.entry((*suite).to_owned()).or_default() += usd;
            }
        }
    }
    Ok(spent)
}

/// What the sessions so far came to. One that was cut off lasted until the last thing it wrote, and
/// what it saw of its client went with it.
fn prior_sessions(
    earlier: Option<PriorSessions>,
    manifest: &Manifest,
    last_ns: u64,
) -> PriorSessions {
    let before = earlier.unwrap_or_default();
    let n = before.n + 1;
    match &manifest.ended {
        Some(ended) => PriorSessions {
            n,
            duration_ns: ended.duration_ns,
            validity: Some(ended.validity.clone()),
            paced: ended.paced.clone(),
            unknown_events: ended.unknown_events.clone(),
            usage_faults: ended.usage_faults.clone(),
            notes: ended.notes.clone(),
            from_ns: 0,
        },
        None => PriorSessions {
            n,
            duration_ns: before.duration_ns + last_ns.saturating_sub(before.from_ns),
            validity: before.validity,
            paced: before.paced,
            unknown_events: before.unknown_events,
            usage_faults: before.usage_faults,
            notes: before.notes,
            from_ns: 0,
        },
    }
}

fn next_after(positions: impl Iterator<Item = u32>) -> u32 {
    positions.max().map_or(0, |last| last + 1)
}
