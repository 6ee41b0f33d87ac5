//! A suite that is one file: a CSV with a heading, or JSON objects one a line.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::columns::{ColumnMap, Field};
use super::error::SuiteError;
use super::fields;
use super::load::{Ids, LoadedSuite, short_hash, task_flaw};
use super::source::{Source, within_task_limit};
use super::{GraderSpec, Suite, Task, guess};
use crate::units::{Category, Message};

/// Rows with named cells, whatever the file format.
struct Table {
    /// In the file's order for a CSV, by name for a JSONL.
    columns: Vec<String>,
    rows: Vec<Row>,
}

struct Row {
    line: usize,
    /// Blank cells are absent.
    cells: Map<String, Value>,
}

/// The column of each field that has one.
type Mapping<'a> = BTreeMap<&'static str, &'a str>;

/// Reads a CSV.
pub(super) fn read_csv(
    name: &str,
    source: &Source,
    map: &ColumnMap,
) -> Result<LoadedSuite, SuiteError> {
    suite_of(name, source, &csv_table(source)?, map)
}

/// Reads a JSONL.
pub(super) fn read_jsonl(
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
    suite_of(name, source, &Table { columns, rows }, map)
}

fn csv_table(source: &Source) -> Result<Table, SuiteError> {
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
        let record = record.map_err(|e| csv_complaint(source, &e))?;
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        within_task_limit(&source.name, rows.len() + 1)?;
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

/// What separates the cells: a comma, unless the heading has none but semicolons or tabs, as the
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

fn csv_complaint(source: &Source, error: &csv::Error) -> SuiteError {
    let line = error.position().map_or(1, |at| line_after_blanks(source, at));
    let why = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => format!(
            "this row has {len} cells, the heading has {expected_len}; put \"…\" around cells that hold commas or quotes"
        ),
        _ => error.to_string(),
    };
    SuiteError::Broken { at: source.at(line), format: "CSV", why }
}

fn suite_of(
    name: &str,
    source: &Source,
    table: &Table,
    map: &ColumnMap,
) -> Result<LoadedSuite, SuiteError> {
    if table.rows.is_empty() {
        return Err(SuiteError::Empty { path: source.name.clone() });
    }
    let mapping = resolve(source, &table.columns, map)?;
    let reference_column = mapping.get(Field::Reference.name()).copied();
    let references: Vec<Option<Value>> = table
        .rows
        .iter()
        .map(|row| reference_column.and_then(|column| row.cells.get(column)).cloned())
        .collect();
    let guessed = guessed(table, &mapping, reference_column, &references);
    let mut ids = Ids::default();
    let mut tasks = Vec::with_capacity(table.rows.len());
    for ((idx, row), reference) in table.rows.iter().enumerate().zip(references) {
        let at = source.at(row.line);
        let (grader, _) = &guessed[&kind(row, &mapping)];
        let task = task(name, idx, &at, row, reference, &mapping, grader)?;
        ids.add(&at, row.line, &task.id)?;
        tasks.push(task);
    }
    let notes = notes(source, table, &mapping, &guessed);
    let suite = Suite {
        name: name.to_owned(),
        version: short_hash(&source.hash),
        license: None,
        tasks,
        hash: source.hash,
    };
    Ok(LoadedSuite { suite, description: None, notes })
}

/// The grader of each category, and why: one file may hold several kinds of work, and a number is
/// not judged as a label is.
type Guessed = BTreeMap<String, (GraderSpec, String)>;

fn guessed(
    table: &Table,
    mapping: &Mapping<'_>,
    reference_column: Option<&str>,
    references: &[Option<Value>],
) -> Guessed {
    let mut by_kind: BTreeMap<String, Vec<Option<Value>>> = BTreeMap::new();
    for (row, reference) in table.rows.iter().zip(references) {
        by_kind.entry(kind(row, mapping)).or_default().push(reference.clone());
    }
    let guess = |(kind, references): (String, Vec<Option<Value>>)| {
        (kind, guess::guess(reference_column, &references))
    };
    by_kind.into_iter().map(guess).collect()
}

/// A row's category as it stands in the file; empty where it has none.
fn kind(row: &Row, mapping: &Mapping<'_>) -> String {
    let cell = mapping.get(Field::Category.name()).and_then(|column| row.cells.get(*column));
    cell.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        .unwrap_or_default()
}

fn resolve<'a>(
    source: &Source,
    columns: &'a [String],
    map: &ColumnMap,
) -> Result<Mapping<'a>, SuiteError> {
    let quoted = |column: &String| format!("`{column}`");
    let unmapped = |why: String| SuiteError::Unmapped {
        path: source.name.clone(),
        why,
        columns: columns.iter().map(quoted).collect::<Vec<_>>().join(", "),
        example: example(columns),
    };
    let mut mapping = Mapping::new();
    for field in Field::ALL {
        match map.resolve(field, columns) {
            Ok(Some(column)) => {
                mapping.insert(field.name(), column);
            }
            Ok(None) => {}
            Err(named) => {
                return Err(unmapped(format!(
                    "there is no column `{named}` for the {}",
                    field.name()
                )));
            }
        }
    }
    if !mapping.contains_key(Field::Prompt.name()) {
        return Err(unmapped("no column is known to hold the prompt".to_owned()));
    }
    Ok(mapping)
}

/// A map in the words of the file at hand.
fn example(columns: &[String]) -> String {
    let column = |idx: usize| columns.get(idx).filter(|c| !c.is_empty()).map(String::as_str);
    let prompt = column(0).unwrap_or("COLUMN");
    let reference = column(1).unwrap_or("COLUMN");
    format!("\"prompt={prompt},reference={reference}\"")
}

fn task(
    suite: &str,
    idx: usize,
    at: &str,
    row: &Row,
    reference: Option<Value>,
    mapping: &Mapping<'_>,
    grader: &GraderSpec,
) -> Result<Task, SuiteError> {
    let column = |field: Field| mapping.get(field.name()).copied();
    let cell = |field: Field| column(field).and_then(|column| row.cells.get(column));
    let bad = |field: Field, why: String| SuiteError::BadValue {
        at: at.to_owned(),
        key: column(field).unwrap_or(field.name()).to_owned(),
        why,
    };
    let name = |field: Field| {
        cell(field).map(|value| fields::name(value).map_err(|why| bad(field, why.to_owned())))
    };
    let messages = match cell(Field::Prompt) {
        None => return Err(bad(Field::Prompt, "is empty; every task needs a prompt".to_owned())),
        Some(Value::String(text)) if text.trim().is_empty() => {
            return Err(bad(Field::Prompt, "is empty; every task needs a prompt".to_owned()));
        }
        Some(Value::String(text)) => {
            vec![Message { role: "user".to_owned(), content: text.clone() }]
        }
        Some(list) => fields::messages(list).map_err(|why| bad(Field::Prompt, why))?,
    };
    let reference = match grader {
        // A file's JSON may stand in a text, as every cell of a CSV does.
        GraderSpec::Json {} => reference.as_ref().and_then(guess::structure),
        GraderSpec::None {} => None,
        _ => reference,
    };
    let task = Task {
        suite: suite.to_owned(),
        id: name(Field::Id).transpose()?.unwrap_or_else(|| (idx + 1).to_string()),
        category: Category::new(
            name(Field::Category).transpose()?.unwrap_or_else(|| suite.to_owned()),
        ),
        messages,
        grader: grader.clone(),
        reference,
        answer: None,
        wrong: None,
        tags: Vec::new(),
        cluster: None,
        tools: None,
        schema: None,
        max_tokens: None,
    };
    task_flaw(at, &task).map_or(Ok(task), Err)
}

fn notes(source: &Source, table: &Table, mapping: &Mapping<'_>, guessed: &Guessed) -> Vec<String> {
    let pairs: Vec<String> = Field::ALL
        .into_iter()
        .filter_map(|field| {
            mapping.get(field.name()).map(|column| format!("{} ← {column}", field.name()))
        })
        .collect();
    let graders: BTreeSet<&str> = guessed.values().map(|(grader, _)| grader.name()).collect();
    let said: Vec<String> = match guessed.first_key_value() {
        Some((_, (grader, why))) if guessed.len() == 1 => {
            vec![format!("{} ({why})", grader.name())]
        }
        Some((_, (grader, _))) if graders.len() == 1 => {
            vec![format!("{} in every category", grader.name())]
        }
        _ => guessed
            .iter()
            .map(|(kind, (grader, why))| format!("{} for {kind} ({why})", grader.name()))
            .collect(),
    };
    let mut notes =
        vec![format!("{}: {}; grader guessed: {}", source.name, pairs.join(", "), said.join("; "))];
    let used: BTreeSet<&str> = mapping.values().copied().collect();
    let unused: Vec<&str> = table
        .columns
        .iter()
        .map(String::as_str)
        .filter(|column| !column.is_empty() && !used.contains(column))
        .collect();
    if !unused.is_empty() {
        notes.push(format!("{}: columns not used: {}", source.name, unused.join(", ")));
    }
    notes
}
