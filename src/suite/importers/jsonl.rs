//! A suite that is one file of JSON objects, one a line.

use std::collections::BTreeSet;

use super::columns::ColumnMap;
use super::rows::{Row, Table, into_cells};
use crate::suite::error::SuiteError;
use crate::suite::source::Source;
use crate::suite::task::LoadedSuite;

/// Reads the suite; `name` is its name.
pub(in crate::suite) fn read(
    name: &str,
    source: &Source,
    map: &ColumnMap,
) -> Result<LoadedSuite, SuiteError> {
    let mut rows = Vec::new();
    for object in source.objects() {
        let (line, object) = object?;
        rows.push(Row { line, cells: into_cells(object) });
    }
    table(rows).into_suite(name, source, map)
}

/// A table of rows that name their own columns.
pub(super) fn table(rows: Vec<Row>) -> Table {
    let columns: BTreeSet<&String> = rows.iter().flat_map(|row| row.cells.keys()).collect();
    let columns = columns.into_iter().cloned().collect();
    Table { columns, rows }
}
