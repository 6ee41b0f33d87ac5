//! What a row says beyond prompt and reference, under the keys of a suite folder: its grader, schema,
//! tools, tags, cluster, longest answer, a wrong answer, and a system message.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::columns::is_name;
use super::fields::Fields;
use super::folder::{read_answer, read_grader, read_schema, read_tools};
use super::raw::RawTask;
use super::rows::Row;
use crate::graders::exact_json;
use crate::suite::error::SuiteError;
use crate::units::Message;

/// The keys and their other names.
const KEYS: [(&str, &[&str]); 8] = [
    ("grader", &["grader"]),
    ("schema", &["schema", "json_schema", "response_schema"]),
    ("tools", &["tools"]),
    ("tags", &["tags"]),
    ("cluster", &["cluster"]),
    ("max_tokens", &["max_tokens", "max_output_tokens"]),
    ("wrong", &["wrong"]),
    ("system", &["system", "system_prompt", "system_message"]),
];

/// The column of each key that has one.
pub(super) type LineColumns<'a> = BTreeMap<&'static str, &'a str>;

/// Finds the columns among those that are not mapped already.
pub(super) fn find_columns<'a>(columns: &'a [String], used: &[&str]) -> LineColumns<'a> {
    let free = |column: &&String| !used.contains(&column.as_str());
    let find = |names: &[&str]| {
        columns.iter().filter(free).find(|column| names.iter().any(|name| is_name(column, name)))
    };
    KEYS.iter().filter_map(|(key, names)| Some((*key, find(names)?.as_str()))).collect()
}

/// The task of a row with these fields, and nothing else yet.
pub(super) fn read_line(
    at: &str,
    row: &Row,
    columns: &LineColumns<'_>,
) -> Result<RawTask, SuiteError> {
    let cell = |(key, column): (&&'static str, &&str)| {
        Some(((*key).to_owned(), structured(key, row.cells.get(*column)?)))
    };
    let object: Map<String, Value> = columns.iter().filter_map(cell).collect();
    let place = |_: &str| at.to_owned();
    let fields = Fields { object: &object, at: &place };
    let system = fields.prose("system")?;
    let message = |content| Message { role: "system".to_owned(), content };
    Ok(RawTask {
        grader: read_grader(&fields)?,
        schema: read_schema(&fields)?,
        tools: read_tools(&fields)?,
        tags: fields.names("tags")?,
        cluster: fields.name("cluster")?,
        max_tokens: fields.count("max_tokens")?,
        wrong: read_answer(&fields, "wrong")?,
        messages: system.map(message).into_iter().collect(),
        ..RawTask::default()
    })
}

/// A cell of text as the key needs it: every cell of a CSV is text.
fn structured(key: &str, cell: &Value) -> Value {
    let Value::String(text) = cell else { return cell.clone() };
    let trimmed = text.trim();
    let parsed = || exact_json::parse(trimmed).ok();
    let is_structure = trimmed.starts_with(['{', '[']);
    match key {
        "grader" | "schema" | "tools" | "wrong" if is_structure => {
            parsed().unwrap_or_else(|| cell.clone())
        }
        "max_tokens" => parsed().unwrap_or_else(|| cell.clone()),
        "tags" if is_structure => parsed().unwrap_or_else(|| cell.clone()),
        "tags" => {
            let tags = trimmed.split([',', ';', '|']).map(str::trim).filter(|tag| !tag.is_empty());
            Value::Array(tags.map(Value::from).collect())
        }
        "grader" => Value::from(trimmed),
        _ => cell.clone(),
    }
}
