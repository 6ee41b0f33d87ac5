//! A suite that is a CSV with a heading.

use std::collections::BTreeSet;

use serde_json::Value;

use super::columns::ColumnMap;
use super::table::{Row, Table};
use crate::suite::error::SuiteError;
use crate::suite::source::{Source, check_task_count};
use crate::suite::task::LoadedSuite;

/// Reads the suite; `name` is its name.
pub(in crate::suite) fn read(
    name: &str,
    source: &Source,
    map: &ColumnMap,
) -> Result<LoadedSuite, SuiteError> {
    parse(source)?.into_suite(name, source, map)
}

fn parse(source: &Source) -> Result<Table, SuiteError> {
    let broken = |at: String, why: String| SuiteError::Broken { at, format: "CSV", why };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(&source.text))
        .from_reader(source.text.as_bytes());
    let headings = reader.headers().map_err(|e| broken(source.at(1), e.to_string()))?;
    let columns: Vec<String> = headings.iter().map(|h| h.trim().to_owned()).collect();
    let mut seen = BTreeSet::new();
    if let Some(twice) = columns.iter().find(|c| !c.is_empty() && !seen.insert(c.as_str())) {
        return Err(broken(source.at(1), format!("two columns are called `{twice}`; rename one")));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| broken_row(source, &e))?;
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        check_task_count(&source.name, rows.len() + 1)?;
        let line = record.position().map_or(0, |at| line_after_blanks(source, at));
        let cells = columns
            .iter()
            .zip(&record)
            .filter(|(_, cell)| !cell.trim().is_empty())
            .map(|(column, cell)| (column.clone(), Value::String(cell.to_owned())))
            .collect();
        rows.push(Row { line, cells });
    }
    Ok(Table { columns, rows })
}

/// The line on which a record begins: the reader's position is where the one before it ended, so
/// blank lines in between are still to be skipped.
fn line_after_blanks(source: &Source, at: &csv::Position) -> usize {
    let start = usize::try_from(at.byte()).unwrap_or(usize::MAX).min(source.text.len());
    let rest = &source.text.as_bytes()[start..];
    let blank = rest.iter().take_while(|b| matches!(b, b'\r' | b'\n')).filter(|b| **b == b'\n');
    usize::try_from(at.line()).unwrap_or(usize::MAX).saturating_add(blank.count())
}

/// The separator of cells: a comma, unless the heading has none but semicolons or tabs, as the
/// exports of spreadsheets have in much of the world.
fn delimiter(text: &str) -> u8 {
    let heading = text.trim_start_matches(['\r', '\n']).lines().next().unwrap_or_default();
    let mut quoted = false;
    let bare: Vec<u8> = heading
        .bytes()
        .filter(|b| {
            quoted ^= *b == b'"';
            !quoted
        })
        .collect();
    let other = [b';', b'\t'].into_iter().find(|d| bare.contains(d));
    if bare.contains(&b',') { b',' } else { other.unwrap_or(b',') }
}

fn broken_row(source: &Source, error: &csv::Error) -> SuiteError {
    let line = error.position().map_or(1, |at| line_after_blanks(source, at));
    let why = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => format!(
            "this row has {len} cells, the heading has {expected_len}; put \"…\" around cells that hold commas or quotes"
        ),
        _ => error.to_string(),
    };
    SuiteError::Broken { at: source.at(line), format: "CSV", why }
}
