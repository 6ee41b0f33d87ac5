//! Records of a load: one small row per request, without content, and the distributions that are
//! kept in memory until the end.

use std::path::Path;
use std::sync::LazyLock;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::corrupt;
use super::sql::{Unsigned, at};
use super::{RequestRecord, StoreError, request};
use crate::units::{Histogram, TokensSource};
use crate::wire::ErrorClass;

/// How a request of a load ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadOutcome {
    /// It was answered.
    Ok,
    /// It was sent, and failed.
    Failed(ErrorClass),
    /// It was never sent: the client was too late for it, or one of its limits left it out.
    Dropped,
}

/// One request of a load.
///
/// A request that was sent has `dispatched_ns` and `ended_ns`, one that was dropped has neither.
/// One that was cut off when the run ended has no record: it is in doubt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadRecord {
    /// Its place in the order of arrivals, from 0.
    pub number: u64,
    /// Its endpoint: a position in the run.
    pub endpoint: u32,
    /// Its task: a position in the run.
    pub task: u32,
    /// Whether it belongs to ramp or warm-up, and is left out of the metrics.
    pub warmup: bool,
    /// Whether a kept connection that the server had closed lost it.
    pub retried_stale: bool,
    /// The request itself.
    pub request: RequestRecord,
}

impl LoadRecord {
    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> LoadOutcome {
        match (self.request.dispatched_ns, self.request.error) {
            (None, _) => LoadOutcome::Dropped,
            (Some(_), None) => LoadOutcome::Ok,
            (Some(_), Some(class)) => LoadOutcome::Failed(class),
        }
    }
}

/// A request as read back.
#[derive(Clone, Debug, PartialEq)]
pub enum LoadRow {
    /// It has a record.
    Known(Box<LoadRecord>),
    /// It was about to be sent, and its outcome is unknown.
    InDoubt {
        /// Its place in the order of arrivals.
        request: u64,
    },
}

impl LoadRow {
    /// Its place in the order of arrivals.
    #[must_use]
    pub fn request(&self) -> u64 {
        match self {
            Self::Known(record) => record.number,
            Self::InDoubt { request } => *request,
        }
    }
}

/// When the requests that count ran: those that are not of the warm-up. Nanoseconds since the
/// anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadSpan {
    /// The first was due (in closed loop: was dispatched).
    pub first_start_ns: u64,
    /// The last was due, or dispatched.
    pub last_start_ns: u64,
    /// The last to end ended; `None`: all were dropped.
    pub last_end_ns: Option<u64>,
}

/// A change to the tables of a load.
#[derive(Debug)]
pub enum LoadChange {
    /// Requests `first..past` may leave.
    Intend {
        /// The first.
        first: u64,
        /// The one after the last.
        past: u64,
    },
    /// Requests `first..past` were never sent.
    Unsent {
        /// The first.
        first: u64,
        /// The one after the last.
        past: u64,
    },
    /// Requests that have ended or were dropped.
    Rows(Vec<LoadRecord>),
    /// A distribution, added to what is there.
    Histogram {
        /// Whose.
        endpoint: u32,
        /// Of what.
        metric: String,
        /// The distribution.
        histogram: Box<Histogram>,
    },
}

/// Makes a change, inside the open transaction of a run under way.
pub(super) fn apply(conn: &Connection, path: &Path, change: &LoadChange) -> Result<(), StoreError> {
    let sqlite = |e| at(path, e);
    match change {
        LoadChange::Intend { first, past } => intend(conn, *first, *past).map_err(sqlite),
        LoadChange::Unsent { first, past } => cut(conn, *first, *past).map_err(sqlite),
        LoadChange::Rows(records) => records.iter().try_for_each(|record| {
            if let Some(why) = defect(conn, record).map_err(sqlite)? {
                return Err(corrupt(path, &format!("request {}", record.number), why));
            }
            insert(conn, record).map_err(sqlite)
        }),
        LoadChange::Histogram { endpoint, metric, histogram } => {
            let before = histogram_of(conn, *endpoint, metric).map_err(sqlite)?;
            let mut all = match before {
                Some(bytes) => decode(path, &bytes)?,
                None => Histogram::new(),
            };
            all.merge(histogram);
            conn.prepare_cached("INSERT OR REPLACE INTO load_histogram VALUES (?, ?, ?)")
                .and_then(|mut s| s.execute(params![endpoint, metric, all.encode()]))
                .map_err(sqlite)?;
            Ok(())
        }
    }
}

fn intend(conn: &Connection, first: u64, past: u64) -> rusqlite::Result<()> {
    conn.prepare_cached("INSERT INTO load_intent VALUES (?, ?)")?
        .execute(params![Unsigned(first), Unsigned(past)])?;
    Ok(())
}

fn cut(conn: &Connection, first: u64, past: u64) -> rusqlite::Result<()> {
    let unsent = [Unsigned(first), Unsigned(past.min(i64::MAX.unsigned_abs()))];
    conn.execute("DELETE FROM load_intent WHERE first >= ?1 AND first < ?2", unsent)?;
    // No intent reaches from within the range beyond it.
    let before = "UPDATE load_intent SET past = ?1 WHERE first < ?1 AND past > ?1";
    conn.execute(before, [Unsigned(first)])?;
    Ok(())
}

/// What is wrong with a record; `None`: nothing.
fn defect(conn: &Connection, record: &LoadRecord) -> rusqlite::Result<Option<&'static str>> {
    let request = &record.request;
    let is_sent = request.dispatched_ns.is_some();
    if is_sent != request.ended_ns.is_some() || (!is_sent && request.error.is_some()) {
        return Ok(Some("it was sent without its stamps, or has stamps and was not"));
    }
    if !is_sent {
        return Ok(None);
    }
    let past = conn
        .prepare_cached(
            "SELECT past FROM load_intent WHERE first <= ? ORDER BY first DESC LIMIT 1",
        )?
        .query_row([Unsigned(record.number)], |row| row.get::<_, Unsigned>(0))
        .optional()?;
    let intended = past.is_some_and(|past| record.number < past.0);
    Ok((!intended).then_some("it was sent without an intent"))
}

/// The columns of `load_request` that are not those of every request.
const OWN_COLUMNS: &str = "request, endpoint, task, warmup, status, retried_stale";
const N_OWN_COLUMNS: usize = 6;

/// All columns of `load_request`, as [`insert`] binds them and [`read`] reads them.
pub(super) static COLUMNS: LazyLock<String> =
    LazyLock::new(|| format!("{OWN_COLUMNS}, {}", request::names(request::load_columns())));

fn insert(conn: &Connection, record: &LoadRecord) -> rusqlite::Result<()> {
    static INSERT: LazyLock<String> = LazyLock::new(|| {
        let values = vec!["?"; N_OWN_COLUMNS + request::load_columns().count()].join(", ");
        format!("INSERT INTO load_request ({}) VALUES ({values})", *COLUMNS)
    });
    let status = match record.outcome() {
        LoadOutcome::Ok => OK,
        LoadOutcome::Failed(_) => FAILED,
        LoadOutcome::Dropped => DROPPED,
    };
    let mut statement = conn.prepare_cached(&INSERT)?;
    statement.raw_bind_parameter(1, Unsigned(record.number))?;
    statement.raw_bind_parameter(2, record.endpoint)?;
    statement.raw_bind_parameter(3, record.task)?;
    statement.raw_bind_parameter(4, record.warmup)?;
    statement.raw_bind_parameter(5, status)?;
    statement.raw_bind_parameter(6, record.retried_stale)?;
    let columns = request::load_columns();
    request::bind(&mut statement, N_OWN_COLUMNS + 1, columns, &record.request, true)?;
    statement.raw_execute()?;
    Ok(())
}

const OK: &str = "ok";
const FAILED: &str = "failed";
const DROPPED: &str = "dropped";

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<LoadRecord> {
    let mut request = request::read(row, N_OWN_COLUMNS, request::load_columns())?;
    // A load keeps neither: a first token shows a stream, and only a provider's counts are kept.
    request.streamed = request.first_token_ns.is_some();
    request.tokens_source = (!request.usage.is_unknown()).then_some(TokensSource::Usage);
    let record = LoadRecord {
        number: row.get::<_, Unsigned>(0)?.0,
        endpoint: row.get(1)?,
        task: row.get(2)?,
        warmup: row.get(3)?,
        retried_stale: row.get(5)?,
        request,
    };
    let status: String = row.get(4)?;
    let agrees = match record.outcome() {
        LoadOutcome::Ok => status == OK,
        LoadOutcome::Failed(_) => status == FAILED,
        LoadOutcome::Dropped => status == DROPPED && record.request.error.is_none(),
    };
    if agrees {
        return Ok(record);
    }
    let why = format!("status {status:?} contradicts the rest of the row").into();
    Err(rusqlite::Error::FromSqlConversionFailure(4, rusqlite::types::Type::Text, why))
}

fn histogram_of(
    conn: &Connection,
    endpoint: u32,
    metric: &str,
) -> rusqlite::Result<Option<Vec<u8>>> {
    conn.prepare_cached("SELECT slots FROM load_histogram WHERE endpoint = ? AND metric = ?")?
        .query_row(params![endpoint, metric], |row| row.get(0))
        .optional()
}

pub(super) fn decode(path: &Path, bytes: &[u8]) -> Result<Histogram, StoreError> {
    Histogram::decode(bytes).ok_or_else(|| corrupt(path, "a histogram", "not a V2 encoding"))
}
