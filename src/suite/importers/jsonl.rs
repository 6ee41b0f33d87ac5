//! A suite that is one file of JSON objects, one a line.

use std::collections::BTreeSet;

use super::columns::ColumnMap;
use super::table::{Row, Table};
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
        let (line, mut cells) = object?;
        cells.retain(|_, value| !value.is_null());
        rows.push(Row { line, cells });
    }
    let columns: BTreeSet<&String> = rows.iter().flat_map(|row| row.cells.keys()).collect();
    let columns = columns.into_iter().cloned().collect();
    Table { columns, rows }.into_suite(name, source, map)
}
