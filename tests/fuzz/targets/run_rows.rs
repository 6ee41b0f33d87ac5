//! Run databases that another program, another version or a broken disk has changed: cells of any
//! table get any value, or bytes of the file are overwritten. Readers of a run return an error
//! or metrics; they never panic.
#![no_main]

use std::path::Path;
use std::sync::OnceLock;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use rusqlite::Connection;
use rusqlite::types::Value;
use weighbridge::{aggregate, grade, report, store, tune};

/// Two small runs of the simulated fleet, as SQL: `run --virtual` and `load --demo`.
const RUNS: [&str; 2] = [include_str!("../fixture/run.sql"), include_str!("../fixture/load.sql")];

/// The damage to a run.
#[derive(Arbitrary, Debug)]
struct Damage {
    load: bool,
    cells: Vec<Cell>,
    bytes: Vec<(u32, u8)>,
}

/// A cell and its new value.
#[derive(Arbitrary, Debug)]
struct Cell {
    table: u8,
    column: u8,
    row: u8,
    to: To,
}

#[derive(Arbitrary, Debug)]
enum To {
    Null,
    Int(i64),
    Small(i8),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
    /// The text that is there, with one character replaced: JSON stays nearly JSON.
    Nearly(u16, char),
    /// The row is deleted.
    Gone,
}

/// The bytes of the two databases.
fn databases() -> &'static [Vec<u8>; 2] {
    static MADE: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    MADE.get_or_init(|| {
        RUNS.map(|sql| {
            let dir = tempfile::tempdir().expect("a folder");
            let path = dir.path().join("run.sqlite");
            // The dump is in the order of names, not of references.
            let sql = format!("PRAGMA foreign_keys = OFF;\n{sql}");
            Connection::open(&path).and_then(|c| c.execute_batch(&sql)).expect("the fixture reads");
            std::fs::read(path).expect("written")
        })
    })
}

fn names(db: &Connection, query: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = db.prepare(query)?;
    let rows = statement.query_map([], |row| row.get(0))?;
    rows.collect()
}

/// Changes one cell; a value that the column's type does not take changes nothing.
fn change(db: &Connection, cell: &Cell) -> rusqlite::Result<()> {
    let tables = names(db, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")?;
    let table = &tables[usize::from(cell.table) % tables.len()];
    let columns = names(db, &format!("SELECT name FROM pragma_table_info('{table}')"))?;
    let column = &columns[usize::from(cell.column) % columns.len()];
    let first = &columns[0];
    let row = format!("{first} = (SELECT {first} FROM {table} LIMIT 1 OFFSET {})", cell.row % 24);
    let to = match &cell.to {
        To::Null => Value::Null,
        To::Int(n) => Value::Integer(*n),
        To::Small(n) => Value::Integer(i64::from(*n)),
        To::Real(x) => Value::Real(*x),
        To::Text(text) => Value::Text(text.clone()),
        To::Blob(bytes) => Value::Blob(bytes.clone()),
        To::Nearly(at, c) => {
            let query = format!("SELECT {column} FROM {table} WHERE {row}");
            let text: String = db.query_row(&query, [], |row| row.get(0))?;
            let at = usize::from(*at) % text.chars().count().max(1);
            let changed = text.chars().enumerate().map(|(i, old)| if i == at { *c } else { old });
            Value::Text(changed.collect())
        }
        To::Gone => {
            db.execute(&format!("DELETE FROM {table} WHERE {row}"), [])?;
            return Ok(());
        }
    };
    db.execute(&format!("UPDATE {table} SET {column} = ? WHERE {row}"), [to])?;
    Ok(())
}

/// All readers of a run.
fn read(dir: &Path) {
    if aggregate::is_load(dir).unwrap_or(false) {
        if let Ok(metrics) = aggregate::compute_load_metrics(dir) {
            let _screen = report::load::answer(&report::LoadReport::new(&metrics), dir);
        }
        return;
    }
    let Ok(metrics) = aggregate::compute_metrics(dir) else { return };
    let tuned = tune::tune(&metrics);
    let report = report::RunReport::new(&metrics, &tuned);
    let _screen = report::answer(&report, dir, report::Detail::Endpoints);
    let _json = report.to_json();
    if let Ok(trials) = aggregate::TrialViews::open(dir) {
        let answers = aggregate::AnswerViews::open(dir).ok();
        let _written = report::write_all(dir, &report, trials, answers);
    }
    let lock = store::RunLock::take(dir).expect("free");
    let _graded = grade::grade_run(&lock);
}

fuzz_target!(|damage: Damage| {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("run.sqlite");
    let mut file = databases()[usize::from(damage.load)].clone();
    let length = file.len();
    for (at, byte) in damage.bytes.iter().take(8) {
        file[*at as usize % length] = *byte;
    }
    std::fs::write(&path, file).expect("written");
    if let Ok(db) = Connection::open(&path) {
        let free = "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; \
                    PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY;";
        let _ = db.execute_batch(free);
        for cell in damage.cells.iter().take(8) {
            let _ = change(&db, cell);
        }
    }
    read(dir.path());
});
