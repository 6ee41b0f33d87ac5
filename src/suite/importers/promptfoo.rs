//! promptfoo's tables: assertions in the columns `__expected`, `__expected1` and so on, `__prefix` and
//! `__suffix` around the prompt, and variables in `{{ … }}`.

use std::fmt::Write;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

use super::rows::{Row, Table};
use crate::graders::{ASSERTIONS, is_assertion, refused_assertion};
use crate::suite::error::SuiteError;
use crate::suite::source::Source;

/// The columns of assertions; empty where no cell of them is written as one, so that they are texts like
/// any other reference.
pub(super) fn assertion_columns(table: &Table) -> Vec<&str> {
    let is_numbered = |column: &&str| {
        column
            .strip_prefix("__expected")
            .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
    };
    let columns: Vec<&str> = table.columns.iter().map(String::as_str).filter(is_numbered).collect();
    let cells = |row: &Row| -> Vec<Value> {
        columns.iter().filter_map(|column| row.cells.get(*column).cloned()).collect()
    };
    let is_written = |row: &Row| {
        cells(row).iter().any(|cell| cell.is_array() || cell.as_str().is_some_and(is_assertion))
    };
    if columns.len() > 1 || table.rows.iter().any(is_written) { columns } else { Vec::new() }
}

/// The assertions of a row, with its variables filled in.
pub(super) fn read_assertions(row: &Row, columns: &[&str]) -> Vec<String> {
    let cells = columns.iter().filter_map(|column| row.cells.get(*column));
    let mut assertions = Vec::new();
    for cell in cells {
        match cell {
            Value::String(text) => assertions.push(text.trim().to_owned()),
            Value::Array(list) => assertions.extend(list.iter().map(written)),
            other => assertions.push(written(other)),
        }
    }
    assertions.iter().map(|text| fill(text, row)).collect()
}

/// An assertion as a text; objects are those of promptfoo's YAML and JSON.
fn written(assertion: &Value) -> String {
    let Some(kind) = assertion.get("type").and_then(Value::as_str) else {
        return assertion.as_str().map_or_else(|| assertion.to_string(), str::to_owned);
    };
    let texts = |list: &Vec<Value>| {
        let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
        list.iter().map(text).collect::<Vec<_>>().join(",")
    };
    match assertion.get("value") {
        None => kind.to_owned(),
        Some(Value::String(text)) => format!("{kind}: {text}"),
        Some(Value::Array(list)) => format!("{kind}: {}", texts(list)),
        Some(other) => format!("{kind}: {other}"),
    }
}

static VARIABLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\{\{\s*([A-Za-z_][\w .-]*?)\s*\}\}").expect("a constant pattern")
});

/// A text with the cells of its row in place of `{{ column }}`.
fn fill(text: &str, row: &Row) -> String {
    let filled =
        VARIABLE.replace_all(text, |found: &Captures<'_>| match row.cells.get(&found[1]) {
            Some(Value::String(cell)) => cell.clone(),
            Some(other) => other.to_string(),
            None => found[0].to_owned(),
        });
    filled.into_owned()
}

/// The most rows that an error lists for one type.
const MAX_LINES: usize = 5;

/// An error that names every type of assertion that is not judged here, and its lines.
pub(super) fn check_assertions(
    source: &Source,
    table: &Table,
    columns: &[&str],
) -> Result<(), SuiteError> {
    let mut refused: Vec<(String, String, Vec<usize>)> = Vec::new();
    for row in &table.rows {
        for assertion in read_assertions(row, columns) {
            let Some(found) = refused_assertion(&assertion) else { continue };
            match refused.iter_mut().find(|(kind, why, _)| (kind, why) == (&found.kind, &found.why))
            {
                Some((_, _, lines)) => lines.push(row.line),
                None => refused.push((found.kind, found.why, vec![row.line])),
            }
        }
    }
    let Some((_, _, lines)) = refused.first() else { return Ok(()) };
    let at = source.at(lines[0]);
    let mut why = "has assertions that are not judged here:".to_owned();
    for (idx, (kind, reason, lines)) in refused.iter().enumerate() {
        let shown: Vec<String> = lines.iter().take(MAX_LINES).map(usize::to_string).collect();
        let more = if lines.len() > MAX_LINES { ", …" } else { "" };
        let mark = if idx > 0 { ";" } else { "" };
        let word = if lines.len() > 1 { "lines" } else { "line" };
        let _ = write!(why, "{mark} `{kind}` ({word} {}{more}) {reason}", shown.join(", "));
    }
    let _ = write!(
        why,
        ". Understood are {}, each also with `not-`. Remove those rows, or grade by another column: --map reference=COLUMN",
        ASSERTIONS.join(", ")
    );
    Err(SuiteError::BadValue { at, key: columns[0].to_owned(), why })
}
