//! How our nouns look in a column, and how a run database is opened and recognised.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::StoreError;
use crate::units::plain_file;
use crate::units::{ContentHash, TokensSource, TrialKey, Usd};
use crate::wire::{ErrorClass, FinishReason};

/// The name of the run database in a run's folder.
pub const FILE_NAME: &str = "run.sqlite";
/// `Wbrg` in ASCII: marks the file as ours, also to `file(1)`.
pub(super) const APPLICATION_ID: i32 = 0x5762_7267;
/// The format that this version writes, and the newest it reads.
pub(super) const FORMAT: i32 = 4;
/// What makes each format out of the one before it, from nothing to [`FORMAT`].
const STEPS: [&str; FORMAT as usize] = [
    include_str!("schema_v1.sql"),
    include_str!("schema_v2.sql"),
    include_str!("schema_v3.sql"),
    include_str!("schema_v4.sql"),
];
/// How long to wait for another process's lock: a commit of ours takes milliseconds.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Page cache in KiB (negative by SQLite's convention). The working set is the tail of three
/// tables and one index of hashes; more would only grow with the run.
const CACHE_KIB: i32 = -4096;
/// Prepared statements that are kept: all that a run uses.
const STATEMENTS: usize = 32;

/// The run database of a folder.
pub(super) fn path_in(dir: &Path) -> PathBuf {
    dir.join(FILE_NAME)
}

/// SQLite's error with the file it is about.
pub(super) fn at(path: &Path, source: rusqlite::Error) -> StoreError {
    StoreError::Sqlite { path: path.display().to_string(), source }
}

/// Opens a file and sets what every connection needs; does not look at what it holds.
pub(super) fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    // The mutex of SQLite's own is left out: a `Connection` is never shared between threads.
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    // The folder may be a link (`results/latest`), the file may not.
    let real = path.parent().and_then(|dir| dir.canonicalize().ok());
    let real = real.zip(path.file_name()).map(|(dir, name)| dir.join(name));
    let conn = Connection::open_with_flags(real.as_deref().unwrap_or(path), flags)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    // A plan may not depend on a parameter's value: else SQLite prepares the statement that reads a
    // trial's attempts anew for each trial, which took a fifth of a run's CPU.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.pragma_update(None, "cache_size", CACHE_KIB)?;
    // Sorts that do not fit the cache go to a file, never to memory that grows with the run.
    conn.pragma_update(None, "temp_store", "FILE")?;
    Ok(conn)
}

/// The format of a database; 0: it is empty.
pub(super) fn format(conn: &Connection) -> rusqlite::Result<i32> {
    conn.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings a database of any format to the newest. Inside the caller's transaction: it is whole
/// afterwards or as before.
pub(super) fn migrate(conn: &Connection) -> rusqlite::Result<()> {
    let made = usize::try_from(format(conn)?).unwrap_or(0);
    for step in STEPS.iter().skip(made) {
        conn.execute_batch(step)?;
    }
    conn.pragma_update(None, "user_version", FORMAT)
}

/// Opens an existing run database after checking that it is one, and of a format known here.
pub(super) fn open_existing(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let shown = || path.display().to_string();
    are_plain(path, flags.contains(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
    if !path.is_file() {
        return Err(StoreError::Missing { path: shown() });
    }
    let mark = |conn: &Connection| -> rusqlite::Result<i32> {
        conn.pragma_query_value(None, "application_id", |row| row.get(0))
    };
    let opened = connect(path, flags).and_then(|conn| Ok((mark(&conn)?, conn)));
    let conn = match opened {
        Ok((APPLICATION_ID, conn)) => conn,
        Err(e) if e.sqlite_error_code() != Some(ErrorCode::NotADatabase) => {
            return Err(torn(path, e));
        }
        Ok(_) | Err(_) => return Err(StoreError::NotOurs { path: shown() }),
    };
    let found = format(&conn).map_err(|e| at(path, e))?;
    if found > FORMAT {
        return Err(StoreError::TooNew { path: shown(), found, known: FORMAT });
    }
    Ok(conn)
}

/// Opens a run database for a reader. The connection may write, because only then does SQLite undo
/// what a killed process left half written; its statements may not.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    // A file with a second name, as backups make them, is not touched.
    let flags = match plain_file::check_to_write(path) {
        Ok(()) => OpenFlags::SQLITE_OPEN_READ_WRITE,
        Err(_) => OpenFlags::SQLITE_OPEN_READ_ONLY,
    };
    let conn = open_existing(path, flags)?;
    let prepare = || {
        // A log stays where the run left it.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        conn.pragma_update(None, "query_only", true)
    };
    prepare().map_err(|e| at(path, e))?;
    Ok(conn)
}

/// SQLite's error, or that what was half written cannot be undone here.
pub(super) fn torn(path: &Path, source: rusqlite::Error) -> StoreError {
    let code = source.sqlite_error_code();
    let is_stuck = matches!(code, Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen));
    let is_left = |file: PathBuf| file.exists();
    if is_stuck && with_side_files(path).skip(1).any(is_left) {
        return StoreError::Torn { path: path.display().to_string() };
    }
    at(path, source)
}

/// A database file and what SQLite keeps beside it.
pub(super) fn with_side_files(path: &Path) -> impl Iterator<Item = PathBuf> {
    ["", "-wal", "-shm", "-journal"].into_iter().map(|suffix| {
        let mut file = path.to_owned().into_os_string();
        file.push(suffix);
        file.into()
    })
}

/// Refuses a database of which a file is no plain file: SQLite would read or write something else.
pub(super) fn are_plain(path: &Path, to_write: bool) -> Result<(), StoreError> {
    for file in with_side_files(path) {
        let checked =
            if to_write { plain_file::check_to_write(&file) } else { plain_file::check(&file) };
        checked.map_err(|source| StoreError::Io { path: file.display().to_string(), source })?;
    }
    Ok(())
}

/// Whether a row was read but a cell of it holds what it cannot hold: the row is damaged, and not
/// the database.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::Error as E;
    matches!(
        error,
        E::FromSqlConversionFailure(..)
            | E::IntegralValueOutOfRange(..)
            | E::InvalidColumnType(..)
            | E::Utf8Error(..)
    )
}

/// A row, or `None` where it is damaged.
pub(super) fn undamaged<T>(read: rusqlite::Result<T>) -> rusqlite::Result<Option<T>> {
    match read {
        Ok(row) => Ok(Some(row)),
        Err(error) if is_damage(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A cell, or `None` where it is NULL or damaged.
pub(super) fn cell<T: FromSql>(
    row: &rusqlite::Row<'_>,
    column: usize,
) -> rusqlite::Result<Option<T>> {
    Ok(undamaged(row.get::<_, Option<T>>(column))?.flatten())
}

/// The most that an attempt of a table can have cost: [`RequestRecord::max_cost`](super::RequestRecord)
/// in SQL, as a cost and a bound.
pub(super) const COST_AND_BOUND: &str = "
    CASE WHEN http_status >= 500 AND input_tokens IS NULL AND output_tokens IS NULL
         THEN NULL ELSE cost_usd END, bound";

/// The amount of [`COST_AND_BOUND`] from this column on; zero where neither can be read.
pub(super) fn max_cost(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Usd> {
    let amount =
        |column| Ok::<_, rusqlite::Error>(cell::<Usd>(row, column)?.and_then(Usd::of_request));
    Ok(amount(column)?.or(amount(column + 1)?).unwrap_or_default())
}

/// A count or a time: SQLite's integers are signed, ours are not.
#[derive(Clone, Copy)]
pub(super) struct Unsigned(pub u64);

/// A count or a time in a column.
pub(super) fn signed(value: u64) -> rusqlite::Result<ToSqlOutput<'static>> {
    let signed =
        i64::try_from(value).map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
    Ok(signed.into())
}

impl ToSql for Unsigned {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        signed(self.0)
    }
}

impl FromSql for Unsigned {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let signed = value.as_i64()?;
        u64::try_from(signed).map(Self).map_err(|_| FromSqlError::OutOfRange(signed))
    }
}

impl ToSql for Usd {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.to_string().into())
    }
}

impl FromSql for Usd {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map_err(FromSqlError::other)
    }
}

impl ToSql for ContentHash {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_bytes().as_slice().into())
    }
}

impl FromSql for ContentHash {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = value.as_blob()?;
        Self::from_slice(bytes)
            .ok_or(FromSqlError::InvalidBlobSize { expected_size: 32, blob_size: bytes.len() })
    }
}

impl ToSql for TrialKey {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_bytes().as_slice().into())
    }
}

impl FromSql for TrialKey {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = value.as_blob()?;
        Self::from_slice(bytes)
            .ok_or(FromSqlError::InvalidBlobSize { expected_size: 16, blob_size: bytes.len() })
    }
}

/// A word of a closed set that is not in it.
#[derive(Debug, thiserror::Error)]
#[error("{word:?} is not a {what}")]
pub(super) struct UnknownWord {
    pub word: String,
    pub what: &'static str,
}

/// Closed sets are stored by the names that files show.
macro_rules! by_name {
    ($type:ty, $what:literal, $read:expr) => {
        impl rusqlite::types::ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
                Ok(self.name().into())
            }
        }

        impl rusqlite::types::FromSql for $type {
            fn column_result(
                value: rusqlite::types::ValueRef<'_>,
            ) -> rusqlite::types::FromSqlResult<Self> {
                let word = value.as_str()?;
                let unknown =
                    || $crate::store::sql::UnknownWord { word: word.to_owned(), what: $what };
                $read(word).ok_or_else(|| rusqlite::types::FromSqlError::other(unknown()))
            }
        }
    };
}

pub(super) use by_name;

by_name!(ErrorClass, "class of error", ErrorClass::from_name);
by_name!(TokensSource, "source of token counts", TokensSource::from_name);
by_name!(FinishReason, "finish reason", |word| Some(FinishReason::from_name(word)));
