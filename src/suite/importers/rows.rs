//! Rows of named cells, as every format of a table is read.

use serde_json::{Map, Value};

use crate::graders::exact_json;

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

/// The cells of an object: nulls are absent, numbers keep their digits, and promptfoo's `vars` are cells.
pub(super) fn into_cells(object: Map<String, Value>) -> Map<String, Value> {
    let mut cells = Map::new();
    for (key, value) in object {
        match value {
            Value::Null => {}
            Value::Object(vars) if key == "vars" => cells.extend(into_cells(vars)),
            Value::Array(list) if key == "assert" => {
                cells.insert("__expected".to_owned(), Value::Array(list));
            }
            value => {
                cells.insert(key, exact_json::plain_number(&value).into_owned());
            }
        }
    }
    cells
}
