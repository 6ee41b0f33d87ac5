//! One request on the wire: what is recorded before it leaves, and when it has ended.
//!
//! Trials and loads keep their requests in tables of their own; the columns of both are those of
//! [`COLUMNS`], which writers and readers share.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, Null, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Row, Statement};

use super::gaps;
use super::sql::{self, Unsigned};
use crate::units::{MAX_TOKENS, TokensSource, Usage, Usd};
use crate::wire::{ErrorClass, FinishReason};

/// What a request was made for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum RequestSource {
    /// A trial.
    #[default]
    Run,
    /// The request that warms the provider's prompt cache before a trial. It is billed like any
    /// other, and no metric but the bill contains it.
    Prime,
    /// A load test.
    Load,
    /// A check that an endpoint answers.
    Ping,
    /// Made elsewhere, and imported: its cost is the one that the imported table states.
    Import,
}

impl RequestSource {
    const ALL: [Self; 5] = [Self::Run, Self::Prime, Self::Load, Self::Ping, Self::Import];

    /// The name in the run database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Prime => "prime",
            Self::Load => "load",
            Self::Ping => "ping",
            Self::Import => "import",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.name() == name)
    }
}

sql::by_name!(RequestSource, "source of a request", RequestSource::from_name);

/// Recorded before a request leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestIntent {
    /// What the request is made for.
    pub source: RequestSource,
    /// The most it can cost; `None`: its price is unknown.
    pub bound: Option<Usd>,
    /// When the intent was made, nanoseconds since the anchor.
    pub at_ns: u64,
}

/// One request, from its intent to its end. Times are nanoseconds since the run's clock anchor, by
/// the definitions of METRICS.md §1; `None` is not known, or did not happen.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "a row of the database: each is a column")]
pub struct RequestRecord {
    /// What it was made for.
    pub source: RequestSource,
    /// The most it can cost; `None`: its price is unknown.
    pub bound: Option<Usd>,
    /// When the intent was made; `None` for a load, whose intents cover ranges of requests.
    pub intended_ns: Option<u64>,
    /// When an open loop scheduled it.
    pub scheduled_ns: Option<u64>,
    /// Why it failed; `None`: it was answered, or was never sent.
    pub error: Option<ErrorClass>,
    /// The provider's message about the failure, at most 500 characters, without any key.
    pub error_detail: Option<String>,
    /// The HTTP status, if a response head came.
    pub http_status: Option<u16>,
    /// Whether the response bore the simulator's mark.
    pub simulated: bool,
    /// Whether the answer was streamed.
    pub streamed: bool,
    /// The request was picked up, its body serialised.
    pub dispatched_ns: Option<u64>,
    /// A new connection was ready; `None`: a kept connection was used.
    pub connected_ns: Option<u64>,
    /// The response head came.
    pub headers_ns: Option<u64>,
    /// The first body byte came.
    pub first_byte_ns: Option<u64>,
    /// The first token event.
    pub first_token_ns: Option<u64>,
    /// The first token event that is not reasoning.
    pub first_output_ns: Option<u64>,
    /// The last token event (not streamed: the last body byte).
    pub last_token_ns: Option<u64>,
    /// The stream was closed; `None`: the outcome is unknown, or the request was never sent.
    pub ended_ns: Option<u64>,
    /// Socket reads that held token events.
    pub token_reads: u32,
    /// Token events.
    pub token_events: u32,
    /// Whether a reasoning delta was seen.
    pub reasoning_seen: bool,
    /// The gaps between consecutive token events, microseconds.
    pub gaps_us: Vec<u32>,
    /// Usage in the normal form.
    pub usage: Usage,
    /// Usage as the provider sent it, JSON.
    pub usage_verbatim: Option<String>,
    /// Where the token counts come from.
    pub tokens_source: Option<TokensSource>,
    /// What it cost by the price snapshot.
    pub cost: Option<Usd>,
    /// The cost that the provider reported.
    pub cost_reported: Option<Usd>,
    /// Why the answer ended.
    pub finish_reason: Option<FinishReason>,
    /// The model that answered, by the provider's own name.
    pub response_model: Option<String>,
    /// The provider that answered, as a router reports it.
    pub served_by: Option<String>,
    /// Whether its row is damaged. What cannot be read is unknown; where that is how it ended, it has
    /// no ending.
    pub is_damaged: bool,
}

impl RequestRecord {
    /// The most that it can have cost: its cost, else its bound. A server error may have been billed
    /// by a provider behind a proxy, unless what was charged or counted is stated.
    #[must_use]
    pub fn max_cost(&self) -> Option<Usd> {
        let may_be_billed = self.http_status.is_some_and(|status| status >= 500)
            && self.usage.is_unknown()
            && self.cost_reported.is_none();
        self.cost.filter(|_| !may_be_billed).or(self.bound)
    }
}

/// A column of a table of requests. Its name and SQL type are those of the schema.
#[derive(Debug)]
pub(super) struct Column {
    pub name: &'static str,
    #[cfg(test)]
    pub sql_type: &'static str,
    pub group: Group,
    /// Whether it may quote the prompt or the answer, and is left out where no content is kept.
    content: bool,
    bind: fn(&RequestRecord) -> rusqlite::Result<ToSqlOutput<'_>>,
    read: fn(&mut RequestRecord, ValueRef<'_>) -> FromSqlResult<()>,
}

/// Which tables have a column, and when a trial's request gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// Written with the intent; in every table.
    Intent,
    /// Written with the intent; only of trials.
    TrialIntent,
    /// Written at the end; in every table.
    Ending,
    /// Written at the end; only of trials.
    TrialEnding,
    /// Only of loads.
    Load,
}

/// Binds the values of these columns from parameter `from` on (the first is 1), and gives the
/// number of the parameter after them.
pub(super) fn bind(
    statement: &mut Statement<'_>,
    from: usize,
    columns: impl Iterator<Item = &'static Column>,
    record: &RequestRecord,
    keep_content: bool,
) -> rusqlite::Result<usize> {
    let mut next = from;
    for column in columns {
        if column.content && !keep_content {
            statement.raw_bind_parameter(next, Null)?;
        } else {
            statement.raw_bind_parameter(next, (column.bind)(record)?)?;
        }
        next += 1;
    }
    Ok(next)
}

macro_rules! columns {
    (@content) => { false };
    (@content content) => { true };
    ($($group:ident $name:literal $sql_type:ident $($field:ident).+ $(, $content:ident)?;)+) => {
        [$(Column {
            name: $name,
            #[cfg(test)]
            sql_type: stringify!($sql_type),
            group: Group::$group,
            content: columns!(@content $($content)?),
            bind: |record| record.$($field).+.bind(),
            read: |record, value| {
                record.$($field).+ = Cell::read(value)?;
                Ok(())
            },
        }),+]
    };
}

/// Every column of a request, in the order of the tables.
static COLUMNS: [Column; 33] = columns! {
    Intent "source" TEXT source;
    Intent "bound" TEXT bound;
    TrialIntent "intended_ns" INTEGER intended_ns;
    Load "scheduled_ns" INTEGER scheduled_ns;
    Ending "error" TEXT error;
    TrialEnding "error_detail" TEXT error_detail, content;
    Ending "http_status" INTEGER http_status;
    Ending "simulated" INTEGER simulated;
    TrialEnding "streamed" INTEGER streamed;
    Ending "dispatched_ns" INTEGER dispatched_ns;
    Ending "connected_ns" INTEGER connected_ns;
    Ending "headers_ns" INTEGER headers_ns;
    TrialEnding "first_byte_ns" INTEGER first_byte_ns;
    Ending "first_token_ns" INTEGER first_token_ns;
    Ending "first_output_ns" INTEGER first_output_ns;
    Ending "last_token_ns" INTEGER last_token_ns;
    Ending "ended_ns" INTEGER ended_ns;
    Ending "token_reads" INTEGER token_reads;
    Ending "token_events" INTEGER token_events;
    Ending "reasoning_seen" INTEGER reasoning_seen;
    TrialEnding "gaps_us" BLOB gaps_us;
    Ending "input_tokens" INTEGER usage.input;
    Ending "cached_input_tokens" INTEGER usage.cached_input;
    Ending "cache_write_tokens" INTEGER usage.cache_write;
    Ending "output_tokens" INTEGER usage.output;
    Ending "reasoning_tokens" INTEGER usage.reasoning;
    TrialEnding "usage" TEXT usage_verbatim, content;
    TrialEnding "tokens_source" TEXT tokens_source;
    Ending "cost_usd" TEXT cost;
    TrialEnding "cost_reported_usd" TEXT cost_reported;
    TrialEnding "finish_reason" TEXT finish_reason;
    TrialEnding "response_model" TEXT response_model;
    TrialEnding "served_by" TEXT served_by;
};

/// The columns of a trial's request: table `attempt`.
pub(super) fn trial_columns() -> impl Iterator<Item = &'static Column> + Clone {
    COLUMNS.iter().filter(|column| column.group != Group::Load)
}

/// The columns that a trial's request gets when it has ended.
pub(super) fn ending_columns() -> impl Iterator<Item = &'static Column> + Clone {
    COLUMNS.iter().filter(|column| matches!(column.group, Group::Ending | Group::TrialEnding))
}

/// The columns of a load's request: table `load_request`.
pub(super) fn load_columns() -> impl Iterator<Item = &'static Column> + Clone {
    let of_load = |group| matches!(group, Group::Intent | Group::Ending | Group::Load);
    COLUMNS.iter().filter(move |column| of_load(column.group))
}

/// The names of columns, separated by commas.
pub(super) fn names(columns: impl Iterator<Item = &'static Column>) -> String {
    columns.map(|column| column.name).collect::<Vec<_>>().join(", ")
}

/// Columns without which nobody knows whether a request was answered.
const NEEDED: [&str; 5] = ["source", "intended_ns", "error", "dispatched_ns", "ended_ns"];

/// Reads these columns of a row, which begin at `from`. What cannot be read, or what no request can
/// have, is unknown: one bad cell takes no other row with it.
pub(super) fn read(
    row: &Row<'_>,
    from: usize,
    columns: impl Iterator<Item = &'static Column>,
) -> rusqlite::Result<RequestRecord> {
    let mut record = RequestRecord::default();
    let (mut is_cut, mut is_uncounted) = (false, false);
    for (idx, column) in (from..).zip(columns) {
        let value = row.get_ref(idx)?;
        if (column.read)(&mut record, value).is_err() {
            record.is_damaged = true;
            is_cut |= NEEDED.contains(&column.name);
            is_uncounted |= column.name.ends_with("_tokens");
        }
    }
    record.doubt(is_uncounted);
    if is_cut {
        let RequestRecord { source, bound, intended_ns, .. } = record;
        let is_damaged = true;
        return Ok(RequestRecord { source, bound, intended_ns, is_damaged, ..Default::default() });
    }
    Ok(record)
}

impl RequestRecord {
    /// Takes back counts and amounts that no request can have, which an earlier version or another
    /// program has written: with a count, the cost that rests on it. `is_uncounted`: a count could
    /// not be read.
    fn doubt(&mut self, is_uncounted: bool) {
        // Earlier versions believed whoever states no tokens at all; but no prompt is empty.
        let is_zero = self.usage.input == Some(0);
        let usage = &mut self.usage;
        let counts = [
            &mut usage.input,
            &mut usage.cached_input,
            &mut usage.cache_write,
            &mut usage.output,
            &mut usage.reasoning,
        ];
        let mut is_absurd = is_uncounted;
        for count in counts {
            if count.is_some_and(|count| count > MAX_TOKENS) {
                *count = None;
                is_absurd = true;
            }
        }
        if is_zero {
            usage.input = usage.input.filter(|input| *input > 0);
            usage.output = usage.output.filter(|output| *output > 0);
        }
        let is_free = self.bound == Some(Usd::ZERO);
        if (is_absurd || is_zero) && !is_free {
            self.cost = None;
        }
        let stamps = [&mut self.scheduled_ns, &mut self.connected_ns, &mut self.headers_ns];
        let tokens = [&mut self.first_byte_ns, &mut self.first_token_ns, &mut self.first_output_ns];
        for stamp in stamps.into_iter().chain(tokens).chain([&mut self.last_token_ns]) {
            *stamp = stamp.filter(|at| *at <= MAX_NS);
        }
        for amount in [&mut self.bound, &mut self.cost, &mut self.cost_reported] {
            *amount = amount.and_then(Usd::of_request);
        }
        self.is_damaged |= is_absurd;
    }
}

/// The longest time since a run's anchor: ten years.
pub(super) const MAX_NS: u64 = 10 * 366 * 86_400 * 1_000_000_000;

/// A field of a record in a column.
trait Cell: Sized {
    fn bind(&self) -> rusqlite::Result<ToSqlOutput<'_>>;
    fn read(value: ValueRef<'_>) -> FromSqlResult<Self>;
}

impl Cell for Option<u64> {
    fn bind(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.map_or(Ok(ToSqlOutput::Borrowed(ValueRef::Null)), sql::signed)
    }

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(Option::<Unsigned>::column_result(value)?.map(|value| value.0))
    }
}

macro_rules! cells {
    ($($type:ty),+) => {$(
        impl Cell for $type {
            fn bind(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                self.to_sql()
            }

            /// A request that has not ended has NULL.
            fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
                Ok(Option::<Self>::column_result(value)?.unwrap_or_default())
            }
        }
    )+};
}

cells!(u32, bool);

macro_rules! optional_cells {
    ($($type:ty),+) => {$(
        impl Cell for Option<$type> {
            fn bind(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                self.to_sql()
            }

            fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
                Self::column_result(value)
            }
        }
    )+};
}

optional_cells!(u16, String, Usd, ErrorClass, TokensSource, FinishReason);

impl Cell for RequestSource {
    fn bind(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.to_sql()
    }

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::column_result(value)
    }
}

/// Gaps between token events.
impl Cell for Vec<u32> {
    fn bind(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(gaps::encode(self).into())
    }

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let Some(bytes) = value.as_blob_or_null()? else { return Ok(Vec::new()) };
        gaps::decode(bytes).ok_or_else(|| FromSqlError::other(CutGaps))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the list of gaps is truncated")]
struct CutGaps;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rusqlite::Connection;

    use super::*;

    /// The columns of a table with their types, in a database of the newest format.
    fn columns_of(table: &str) -> BTreeMap<String, String> {
        let conn = Connection::open_in_memory().expect("memory");
        sql::migrate(&conn).expect("the schema");
        let mut statement =
            conn.prepare("SELECT name, type FROM pragma_table_info(?)").expect("SQL");
        let columns = statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)));
        columns.expect("rows").collect::<Result<_, _>>().expect("texts")
    }

    fn check(table: &str, own: &[(&str, &str)], columns: impl Iterator<Item = &'static Column>) {
        let listed = columns.map(|column| (column.name, column.sql_type));
        let expected = own.iter().copied().chain(listed);
        let expected: BTreeMap<String, String> =
            expected.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect();
        assert_eq!(columns_of(table), expected, "{table}");
    }

    #[test]
    fn tables_have_exactly_the_listed_columns() {
        let ids = [("trial", "INTEGER"), ("attempt", "INTEGER")];
        check("attempt", &ids, trial_columns());
        let own = [
            ("request", "INTEGER"),
            ("endpoint", "INTEGER"),
            ("task", "INTEGER"),
            ("warmup", "INTEGER"),
            ("status", "TEXT"),
            ("retried_stale", "INTEGER"),
        ];
        check("load_request", &own, load_columns());
    }
}
