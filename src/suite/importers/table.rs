//! Suites that are tables: the columns of prompts, references, categories and ids, and a guessed
//! grader for each category.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::columns::{ColumnMap, Field};
use super::fields;
use super::raw::{RawTask, SuiteBuilder};
use crate::graders::{GraderSpec, guess_grader};
use crate::suite::error::SuiteError;
use crate::suite::source::Source;
use crate::suite::task::LoadedSuite;
use crate::units::Message;

/// Rows with named cells, in any file format.
pub(super) struct Table {
    /// In the file's order for a CSV, by name for a JSONL.
    pub columns: Vec<String>,
    pub rows: Vec<Row>,
}

pub(super) struct Row {
    pub line: usize,
    /// Blank cells are absent.
    pub cells: Map<String, Value>,
}

/// The column of each field that has one.
type Mapping<'a> = BTreeMap<&'static str, &'a str>;

impl Table {
    pub fn into_suite(
        self,
        name: &str,
        source: &Source,
        map: &ColumnMap,
    ) -> Result<LoadedSuite, SuiteError> {
        if self.rows.is_empty() {
            return Err(SuiteError::Empty { path: source.name.clone() });
        }
        let mapping = resolve(source, &self.columns, map)?;
        let guessed = guess_graders(&self, &mapping);
        let mut builder = SuiteBuilder::new(name.to_owned(), source.hash);
        for row in &self.rows {
            let at = source.at(row.line);
            let (grader, _) = &guessed[&category_of(row, &mapping)];
            builder.add(&at, row.line, read_task(&at, row, &mapping, grader)?)?;
        }
        builder.notes = notes(source, &self, &mapping, &guessed);
        builder.finish(&source.name)
    }
}

/// The guessed grader of each category, with the reason: one file may hold several kinds of work,
/// and a number is not judged as a label is.
type GraderGuesses = BTreeMap<String, (GraderSpec, String)>;

fn guess_graders(table: &Table, mapping: &Mapping<'_>) -> GraderGuesses {
    let column = mapping.get(Field::Reference.name()).copied();
    let mut references: BTreeMap<String, Vec<Option<Value>>> = BTreeMap::new();
    for row in &table.rows {
        let reference = column.and_then(|column| row.cells.get(column)).cloned();
        references.entry(category_of(row, mapping)).or_default().push(reference);
    }
    let guess = |(category, references): (String, Vec<Option<Value>>)| {
        (category, guess_grader(column, &references))
    };
    references.into_iter().map(guess).collect()
}

/// A row's category as written in the file; empty where it has none.
fn category_of(row: &Row, mapping: &Mapping<'_>) -> String {
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

/// A map with columns of the file.
fn example(columns: &[String]) -> String {
    let column = |idx: usize| columns.get(idx).filter(|c| !c.is_empty()).map(String::as_str);
    let prompt = column(0).unwrap_or("COLUMN");
    let reference = column(1).unwrap_or("COLUMN");
    format!("\"prompt={prompt},reference={reference}\"")
}

fn read_task(
    at: &str,
    row: &Row,
    mapping: &Mapping<'_>,
    grader: &GraderSpec,
) -> Result<RawTask, SuiteError> {
    let column = |field: Field| mapping.get(field.name()).copied();
    let cell = |field: Field| column(field).and_then(|column| row.cells.get(column));
    let bad = |field: Field, why: String| SuiteError::BadValue {
        at: at.to_owned(),
        key: column(field).unwrap_or(field.name()).to_owned(),
        why,
    };
    let name = |field: Field| {
        cell(field)
            .map(|value| fields::name(value).map_err(|why| bad(field, why.to_owned())))
            .transpose()
    };
    let messages = match cell(Field::Prompt) {
        Some(Value::String(text)) if !text.trim().is_empty() => {
            vec![Message { role: "user".to_owned(), content: text.clone() }]
        }
        None | Some(Value::String(_)) => {
            return Err(bad(Field::Prompt, "is empty; every task needs a prompt".to_owned()));
        }
        Some(list) => fields::messages(list).map_err(|why| bad(Field::Prompt, why))?,
    };
    Ok(RawTask {
        id: name(Field::Id)?,
        category: name(Field::Category)?,
        messages,
        reference: cell(Field::Reference).and_then(|cell| grader.read_cell(cell)),
        grader: Some(grader.clone()),
        ..RawTask::default()
    })
}

fn notes(
    source: &Source,
    table: &Table,
    mapping: &Mapping<'_>,
    guessed: &GraderGuesses,
) -> Vec<String> {
    let pairs: Vec<String> = Field::ALL
        .into_iter()
        .filter_map(|field| {
            mapping.get(field.name()).map(|column| format!("{} ← {column}", field.name()))
        })
        .collect();
    let graders: BTreeSet<&str> = guessed.values().map(|(grader, _)| grader.id()).collect();
    let graders_guessed: Vec<String> = match guessed.first_key_value() {
        Some((_, (grader, why))) if guessed.len() == 1 => {
            vec![format!("{} ({why})", grader.id())]
        }
        Some((_, (grader, _))) if graders.len() == 1 => {
            vec![format!("{} in every category", grader.id())]
        }
        _ => guessed
            .iter()
            .map(|(category, (grader, why))| format!("{} for {category} ({why})", grader.id()))
            .collect(),
    };
    let mut notes = vec![format!(
        "{}: {}; grader guessed: {}",
        source.name,
        pairs.join(", "),
        graders_guessed.join("; ")
    )];
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
