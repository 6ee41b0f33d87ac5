//! Reading a load, finished or under way.

use std::collections::BTreeMap;

use super::StoreError;
use super::error::corrupt;
use super::load::{self, COLUMNS, LoadRecord, LoadRow, LoadSpan, read};
use super::read::{Reader, unsigned};
use super::request::MAX_NS;
use super::sql::{self, Unsigned};
use crate::units::Histogram;

/// Request numbers that are read at a time.
const WINDOW: u64 = 1024;
/// Requests that one intent stands for at most: far more than are ever intended at a time, and few
/// enough that a damaged number is not walked for hours.
const MOST_INTENDED: u64 = 1 << 20;

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
             FROM load_request WHERE warmup = 0
               AND coalesce(scheduled_ns, dispatched_ns, 0) BETWEEN 0 AND ?1
               AND ifnull(ended_ns, 0) BETWEEN 0 AND ?1",
        )?;
        let span = statement.query_row([Unsigned(MAX_NS)], |row| {
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
        let mut known: Vec<LoadRow> = Vec::new();
        let mut found = self.sqlite(statement.query(window()))?;
        while let Some(row) = self.sqlite(found.next())? {
            known.push(self.sqlite(self.row(row))?);
        }
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
                while let Some(row) = known.next_if(|row| row.request() < request) {
                    rows.push(row);
                }
                let row = known.next_if(|row| row.request() == request);
                rows.push(row.unwrap_or(LoadRow::InDoubt { request }));
            }
            next = next.max(past);
        }
        rows.extend(known);
        Ok(rows)
    }

    /// A request; in doubt where its row is too damaged to tell how it ended.
    fn row(&self, row: &rusqlite::Row<'_>) -> rusqlite::Result<LoadRow> {
        let request = row.get::<_, Unsigned>(0)?.0;
        let record = sql::undamaged(read(row))?;
        self.note_damage(record.as_ref().is_none_or(|record| record.request.is_damaged));
        Ok(match record {
            Some(record) => LoadRow::Known(Box::new(record)),
            None => LoadRow::InDoubt { request },
        })
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
            let record = sql::undamaged(one.query_row([request], read));
            if let Some(record) = self.sqlite(record)? {
                visit(&record)?;
            }
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
            let histogram = load::decode(self.path(), &slots).ok();
            self.note_damage(histogram.is_none());
            if let Some(histogram) = histogram {
                found.insert(self.sqlite(key)?, histogram);
            }
        }
        Ok(found)
    }
}
