//! Records of the load lane: one small row per request, without content, and the distributions
//! that are kept in memory until the end.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::LazyLock;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::live::Store;
use super::read::{Reader, corrupt, unsigned};
use super::sql::{Unsigned, at};
use super::{Record, RequestRecord, StoreError, request};
use crate::units::{Histogram, TokensSource};
use crate::wire::ErrorClass;

/// Rows in one command of the writer's queue: with a full queue, 50 MB wait for the disk.
const BATCH: usize = 64;
/// Request numbers that are read at a time.
const WINDOW: u64 = 4096;
/// Requests that one intent stands for at most: far more than are ever intended at a time, and few
/// enough that a damaged number is not walked for hours.
const MOST_INTENDED: u64 = 1 << 20;

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
    /// It was about to leave, and nobody knows what came of it.
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

/// A change of the load lane's tables.
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

impl Store {
    /// Records that requests `from..to` may leave. When this returns on the real clock, that is on
    /// the disk; only then may the first of them be sent.
    pub async fn intend_load(&self, from: u64, to: u64) -> Result<(), StoreError> {
        self.durable(Record::Load(LoadChange::Intend { first: from, past: to })).await
    }

    /// Records that none of these requests was sent or will be: at the end of a run, what was
    /// intended and not needed is no longer in doubt. Queued.
    pub async fn unsent_load(&self, unsent: Range<u64>) -> Result<(), StoreError> {
        let Range { start: first, end: past } = unsent;
        self.record(Record::Load(LoadChange::Unsent { first, past })).await
    }

    /// Records requests that have ended or were dropped, in any order. Queued: a failure shows in
    /// a later call.
    pub async fn load(&self, mut records: Vec<LoadRecord>) -> Result<(), StoreError> {
        while records.len() > BATCH {
            let rest = records.split_off(BATCH);
            let batch = std::mem::replace(&mut records, rest);
            self.record(Record::Load(LoadChange::Rows(batch))).await?;
        }
        self.record(Record::Load(LoadChange::Rows(records))).await
    }

    /// Adds a distribution to that of an endpoint and a metric. Queued.
    pub async fn load_histogram(
        &self,
        endpoint: u32,
        metric: &str,
        histogram: &Histogram,
    ) -> Result<(), StoreError> {
        let histogram = Box::new(histogram.clone());
        let metric = metric.to_owned();
        self.record(Record::Load(LoadChange::Histogram { endpoint, metric, histogram })).await
    }
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
static COLUMNS: LazyLock<String> =
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

fn read(row: &Row<'_>) -> rusqlite::Result<LoadRecord> {
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

fn decode(path: &Path, bytes: &[u8]) -> Result<Histogram, StoreError> {
    Histogram::decode(bytes).ok_or_else(|| corrupt(path, "a histogram", "not a V2 encoding"))
}

impl Reader {
    /// How many requests have a record.
    pub fn load_records(&self) -> Result<u64, StoreError> {
        if !self.knows_load() {
            return Ok(0);
        }
        let mut statement = self.prepare("SELECT count(*) FROM load_request")?;
        self.sqlite(statement.query_row([], |row| row.get::<_, Unsigned>(0))).map(|n| n.0)
    }

    /// When the requests that count ran; `None`: there are none.
    pub fn load_span(&self) -> Result<Option<LoadSpan>, StoreError> {
        if !self.knows_load() {
            return Ok(None);
        }
        let mut statement = self.prepare(
            "SELECT min(coalesce(scheduled_ns, dispatched_ns)),
                    max(coalesce(scheduled_ns, dispatched_ns)), max(ended_ns)
             FROM load_request WHERE warmup = 0",
        )?;
        let span = statement.query_row([], |row| {
            let (first, last) = (unsigned(row, 0)?, unsigned(row, 1)?);
            let last_end_ns = unsigned(row, 2)?;
            Ok(first.zip(last).map(|(first_start_ns, last_start_ns)| LoadSpan {
                first_start_ns,
                last_start_ns,
                last_end_ns,
            }))
        });
        self.sqlite(span)
    }

    /// Visits every request in the order of arrivals, those in doubt among them.
    pub fn for_each_load<E: From<StoreError>>(
        &self,
        mut visit: impl FnMut(&LoadRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut from = 0;
        while let Some(rows) = self.load_from(from)? {
            for row in &rows {
                visit(row)?;
                from = row.request() + 1;
            }
        }
        Ok(())
    }

    /// The next few requests from this one on, in the order of arrivals: how a caller who cannot
    /// be visited walks them. `None`: there are no more.
    pub fn load_from(&self, from: u64) -> Result<Option<Vec<LoadRow>>, StoreError> {
        let mut from = from;
        // A window may hold nothing but requests that were given up; then the next is tried.
        while let Some(start) = self.next_load(from)? {
            let rows = self.load_window(start, start.saturating_add(WINDOW))?;
            if !rows.is_empty() {
                return Ok(Some(rows));
            }
            from = start.saturating_add(WINDOW);
        }
        Ok(None)
    }

    /// The first request from this one on that has a record or was intended.
    fn next_load(&self, from: u64) -> Result<Option<u64>, StoreError> {
        if !self.knows_load() || i64::try_from(from).is_err() {
            return Ok(None);
        }
        let mut statement = self.prepare(
            "SELECT (SELECT min(request) FROM load_request WHERE request >= ?1),
                    (SELECT min(max(first, ?1)) FROM load_intent WHERE past > ?1)",
        )?;
        let found =
            statement.query_row([Unsigned(from)], |row| Ok([unsigned(row, 0)?, unsigned(row, 1)?]));
        Ok(self.sqlite(found)?.into_iter().flatten().min())
    }

    fn load_window(&self, from: u64, to: u64) -> Result<Vec<LoadRow>, StoreError> {
        let to = to.min(i64::MAX.unsigned_abs());
        let window = || [Unsigned(from), Unsigned(to)];
        let mut statement = self.prepare(&format!(
            "SELECT {} FROM load_request WHERE request >= ? AND request < ? ORDER BY request",
            *COLUMNS
        ))?;
        let known = statement.query_map(window(), read).and_then(Iterator::collect);
        let known: Vec<LoadRecord> = self.sqlite(known)?;
        let mut statement = self.prepare(
            "SELECT first, past FROM load_intent
             WHERE past > ?1 AND first < ?2 ORDER BY first",
        )?;
        let intended = statement
            .query_map(window(), |row| {
                Ok((row.get::<_, Unsigned>(0)?.0, row.get::<_, Unsigned>(1)?.0))
            })
            .and_then(Iterator::collect);
        let intended: Vec<(u64, u64)> = self.sqlite(intended)?;
        let mut rows = Vec::with_capacity(known.len());
        let mut known = known.into_iter().peekable();
        let mut next = from;
        for (first, past) in intended {
            if past.saturating_sub(first) > MOST_INTENDED {
                let what = format!("the intent of request {first}");
                return Err(corrupt(self.path(), &what, "it stands for more than were ever sent"));
            }
            let past = past.min(to);
            for request in first.max(next)..past {
                while let Some(record) = known.next_if(|record| record.number < request) {
                    rows.push(LoadRow::Known(Box::new(record)));
                }
                rows.push(match known.next_if(|record| record.number == request) {
                    Some(record) => LoadRow::Known(Box::new(record)),
                    None => LoadRow::InDoubt { request },
                });
            }
            next = next.max(past);
        }
        rows.extend(known.map(|record| LoadRow::Known(Box::new(record))));
        Ok(rows)
    }

    /// Visits the requests that were sent and have ended, the earliest end first.
    pub fn for_each_load_by_end<E: From<StoreError>>(
        &self,
        mut visit: impl FnMut(&LoadRecord) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.knows_load() {
            return Ok(());
        }
        // Only positions are sorted: whole rows would spill the sort to disk long before.
        let mut order = self.prepare(
            "SELECT request FROM load_request WHERE ended_ns IS NOT NULL
             ORDER BY ended_ns, request",
        )?;
        let mut one =
            self.prepare(&format!("SELECT {} FROM load_request WHERE request = ?", *COLUMNS))?;
        let mut positions = self.sqlite(order.query([]))?;
        while let Some(position) = self.sqlite(positions.next())? {
            let request: Unsigned = self.sqlite(position.get(0))?;
            visit(&self.sqlite(one.query_row([request], read))?)?;
        }
        Ok(())
    }

    /// The distributions that were kept whole, by endpoint and metric.
    pub fn load_histograms(&self) -> Result<BTreeMap<(u32, String), Histogram>, StoreError> {
        let mut found = BTreeMap::new();
        if !self.knows_load() {
            return Ok(found);
        }
        let mut statement = self.prepare("SELECT endpoint, metric, slots FROM load_histogram")?;
        let mut rows = self.sqlite(statement.query([]))?;
        while let Some(row) = self.sqlite(rows.next())? {
            let key = row.get(0).and_then(|endpoint| Ok((endpoint, row.get(1)?)));
            let slots: Vec<u8> = self.sqlite(row.get(2))?;
            found.insert(self.sqlite(key)?, decode(self.path(), &slots)?);
        }
        Ok(found)
    }
}
