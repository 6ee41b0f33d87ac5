//! A suite that is a table of text with a heading: cells between commas, semicolons, tabs or bars.

use std::collections::BTreeSet;

use serde_json::Value;

use super::columns::{ColumnMap, Field, is_name};
use super::rows::{Row, Table};
use crate::suite::error::SuiteError;
use crate::suite::source::{Source, check_task_count};
use crate::suite::task::LoadedSuite;

/// Reads the suite; `name` is its name.
pub(in crate::suite) fn read(
    name: &str,
    source: &Source,
    map: &ColumnMap,
) -> Result<LoadedSuite, SuiteError> {
    parse(source, map)?.into_suite(name, source, map)
}

fn parse(source: &Source, map: &ColumnMap) -> Result<Table, SuiteError> {
    let broken = |at: String, why: String| SuiteError::Broken { at, format: "CSV", why };
    let Body { text, delimiter } = body(&source.text, map);
    let skipped = source.text.len() - text.len();
    let place = Place { source, skipped, delimiter };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(text.as_bytes());
    let headings =
        reader.headers().map_err(|e| broken(source.at(place.first_line()), e.to_string()))?;
    let columns: Vec<String> = headings.iter().map(|h| h.trim().to_owned()).collect();
    let mut seen = BTreeSet::new();
    if let Some(twice) = columns.iter().find(|c| !c.is_empty() && !seen.insert(c.as_str())) {
        let at = source.at(place.first_line());
        return Err(broken(at, format!("two columns are called `{twice}`; rename one")));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| place.broken_row(&e))?;
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        check_task_count(&source.name, rows.len() + 1)?;
        let line = record.position().map_or(0, |at| place.line(at));
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

/// Where the records of a table stand in their file.
struct Place<'a> {
    source: &'a Source,
    /// The bytes before the heading.
    skipped: usize,
    delimiter: u8,
}

impl Place<'_> {
    /// The line of the heading.
    fn first_line(&self) -> usize {
        self.source.line_of(self.skipped)
    }

    /// The line on which a record begins: the reader's position is where the one before it ended, so
    /// blank lines in between are still to be skipped.
    fn line(&self, at: &csv::Position) -> usize {
        let start = usize::try_from(at.byte()).unwrap_or(usize::MAX).saturating_add(self.skipped);
        let rest = &self.source.text.as_bytes()[start.min(self.source.text.len())..];
        let blank = rest.iter().take_while(|b| matches!(b, b'\r' | b'\n')).filter(|b| **b == b'\n');
        let line = usize::try_from(at.line()).unwrap_or(usize::MAX);
        line.saturating_add(blank.count()).saturating_add(self.first_line() - 1)
    }

    fn broken_row(&self, error: &csv::Error) -> SuiteError {
        let line = error.position().map_or(1, |at| self.line(at));
        let mark = match self.delimiter {
            b';' => "semicolons",
            b'\t' => "tabs",
            b'|' => "bars",
            _ => "commas",
        };
        let why = match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => format!(
                "this row has {len} cells, the heading has {expected_len}; put \"…\" around cells that hold {mark} or quotes"
            ),
            _ => error.to_string(),
        };
        SuiteError::Broken { at: self.source.at(line), format: "CSV", why }
    }
}

/// A table without the line that names its delimiter.
struct Body<'a> {
    text: &'a str,
    delimiter: u8,
}

/// What stands between cells, likelier ones first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The rows by which a delimiter is judged.
const MAX_JUDGED: usize = 50;

/// The table and its delimiter: the one that a first line `sep=;` names, as spreadsheets write it, else
/// the one by which the heading has the most known names, and all rows as many cells as the heading.
fn body<'a>(text: &'a str, map: &ColumnMap) -> Body<'a> {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let first = first.trim_end_matches('\r').trim_matches('"');
    if let Some(named) = first.to_ascii_lowercase().strip_prefix("sep=")
        && let [delimiter] = named.replace("\\t", "\t").as_bytes()
    {
        return Body { text: rest, delimiter: *delimiter };
    }
    let best = DELIMITERS.into_iter().rev().max_by_key(|delimiter| fitness(text, *delimiter, map));
    Body { text, delimiter: best.unwrap_or(b',') }
}

/// How well a delimiter cuts a table: known names in its heading, rows of one length, columns.
fn fitness(text: &str, delimiter: u8, map: &ColumnMap) -> (usize, bool, usize) {
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text.as_bytes());
    let Ok(heading) = reader.headers().cloned() else { return (0, false, 0) };
    let known = |column: &&str| {
        Field::ALL.into_iter().any(|field| {
            map.get(field) == Some(column.trim())
                || field.usual_names().iter().any(|name| is_name(column, name))
        })
    };
    let n_known = heading.iter().filter(known).count();
    let mut rows = reader.records().take(MAX_JUDGED);
    let even = rows.all(|row| row.is_ok_and(|row| row.len() == heading.len()));
    (n_known, even && heading.len() > 1, heading.len())
}
