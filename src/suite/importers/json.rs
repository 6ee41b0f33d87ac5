//! A suite that is one JSON document: a list of objects, alone or under one key.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::columns::{ColumnMap, Field, is_name};
use super::jsonl;
use super::rows::{Row, into_cells};
use crate::graders::exact_json;
use crate::suite::error::SuiteError;
use crate::suite::source::{Source, check_task_count, describe_json_error};
use crate::suite::task::LoadedSuite;

/// The keys under which documents keep their list.
const LISTS: [&str; 15] = [
    "tests",
    "test_cases",
    "testcases",
    "data",
    "dataset",
    "examples",
    "samples",
    "instances",
    "items",
    "records",
    "rows",
    "tasks",
    "questions",
    "prompts",
    "cases",
];

/// Reads the suite; `name` is its name. A file with one object a line is read as JSONL.
pub(in crate::suite) fn read(
    name: &str,
    source: &Source,
    map: &ColumnMap,
) -> Result<LoadedSuite, SuiteError> {
    match read_rows(source)? {
        Some(rows) => jsonl::table(rows).into_suite(name, source, map),
        None => jsonl::read(name, source, map),
    }
}

/// The rows of a list; `None` where the file is no single document.
fn read_rows(source: &Source) -> Result<Option<Vec<Row>>, SuiteError> {
    let text = source.text.trim();
    if text.is_empty() {
        return Err(SuiteError::Empty { path: source.name.clone() });
    }
    let list = match serde_json::from_str::<&RawValue>(text) {
        Ok(document) => document,
        Err(_) if !text.starts_with('[') && is_object(first_line(text)) => return Ok(None),
        Err(e) => {
            let offset = source.text.find(text).unwrap_or(0);
            let line = source.line_of(offset) + e.line().max(1) - 1;
            let (at, why) = (source.at(line), describe_json_error(&e));
            return Err(SuiteError::Broken { at, format: "JSON", why });
        }
    };
    let items = match items_of(list.get()) {
        Some(items) => items,
        None if first_line(text) == text => return Ok(None),
        None => {
            return Err(SuiteError::NotASuite {
                path: source.name.clone(),
                why: "the document holds no list of objects; a suite is [{\"prompt\": …, \"reference\": …}, …]"
                    .to_owned(),
            });
        }
    };
    let mut rows = Vec::with_capacity(items.len());
    for item in items {
        check_task_count(&source.name, rows.len() + 1)?;
        let offset = item.get().as_ptr() as usize - source.text.as_ptr() as usize;
        let line = source.line_of(offset);
        if let Ok(Value::Object(object)) = exact_json::parse(item.get()) {
            rows.push(Row { line, cells: into_cells(object) });
        } else {
            let why = "each item of the list must be an object".to_owned();
            return Err(SuiteError::Broken { at: source.at(line), format: "JSON", why });
        }
    }
    Ok(Some(rows))
}

fn first_line(text: &str) -> &str {
    text.split('\n').next().unwrap_or_default()
}

fn is_object(line: &str) -> bool {
    exact_json::parse(line).is_ok_and(|value| value.is_object())
}

/// The items of a list, or of the one list of objects in an object, under a usual key
/// (`{"tests": […]}`), or the values of an object of tasks.
fn items_of(document: &str) -> Option<Vec<&RawValue>> {
    if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(document) {
        return Some(items);
    }
    let object: BTreeMap<String, &RawValue> = serde_json::from_str(document).ok()?;
    let named = object.iter().filter(|(key, _)| LISTS.contains(&key.to_lowercase().as_str()));
    let lists = named.filter_map(|(_, value)| {
        let items = serde_json::from_str::<Vec<&RawValue>>(value.get()).ok()?;
        items.first().is_some_and(|item| item.get().starts_with('{')).then_some(items)
    });
    let mut lists: Vec<Vec<&RawValue>> = lists.collect();
    if lists.len() == 1 { lists.pop() } else { tasks_by_name(&object) }
}

/// The values of an object that has a task under each key.
fn tasks_by_name<'a>(object: &BTreeMap<String, &'a RawValue>) -> Option<Vec<&'a RawValue>> {
    let has_prompt = |value: &&RawValue| {
        let fields: Result<BTreeMap<String, &RawValue>, _> = serde_json::from_str(value.get());
        let is_prompt =
            |key: &String| Field::Prompt.usual_names().iter().any(|name| is_name(key, name));
        fields.is_ok_and(|fields| fields.keys().any(is_prompt))
    };
    (!object.is_empty() && object.values().all(has_prompt))
        .then(|| object.values().copied().collect())
}
