//! Rows of named cells, as every format of a table is read.

use serde_json::{Map, Value};

use super::columns::Field;
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

/// The keys under which tools keep the columns of a row: promptfoo, lm-eval, the Hugging Face rows API,
/// batches of requests.
const WRAPPERS: [&str; 4] = ["vars", "doc", "row", "body"];

/// The keys under which tracing tools keep an object of what went in, and of what should come out.
const INPUTS: [&str; 2] = ["inputs", "input"];
const OUTPUTS: [&str; 5] =
    ["outputs", "output", "expectedOutput", "expected_output", "reference_outputs"];

/// The cells of an object: nulls are absent, numbers keep their digits, and what stands in a wrapper
/// are cells too.
pub(super) fn into_cells(object: Map<String, Value>) -> Map<String, Value> {
    let mut cells = Map::new();
    for (key, value) in object {
        match value {
            Value::Null => {}
            Value::Object(inner) if WRAPPERS.contains(&key.as_str()) => {
                cells.extend(into_cells(inner));
            }
            Value::Object(inner) if INPUTS.contains(&key.as_str()) => {
                cells.extend(into_cells(inner));
            }
            Value::Object(inner) if OUTPUTS.contains(&key.as_str()) => {
                let value = only_text(&inner).unwrap_or(Value::Object(inner));
                cells.insert(key, value);
            }
            // Of SQuAD and its like: the accepted answers, with where they begin.
            Value::Object(mut inner) if key == "answers" && inner.contains_key("text") => {
                cells.insert(key, inner.remove("text").unwrap_or_default());
            }
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

/// The value of an object that holds nothing but an answer.
fn only_text(object: &Map<String, Value>) -> Option<Value> {
    let mut values = object.iter();
    let (Some((key, value)), None) = (values.next(), values.next()) else { return None };
    let is_answer = Field::Reference.usual_names().contains(&key.as_str()) || key == "text";
    (is_answer && value.is_string()).then(|| value.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cells_in_a_wrapper_are_cells() {
        let check = |object: Value, expected: Value| {
            let Value::Object(object) = object else { panic!("an object") };
            assert_eq!(Value::Object(into_cells(object)), expected);
        };
        let cells = json!({"question": "q", "answer": "a"});
        check(json!({"doc": {"question": "q", "answer": "a"}}), cells.clone());
        check(json!({"row": {"question": "q", "answer": "a", "x": null}}), cells);
        check(
            json!({"inputs": {"question": "q"}, "outputs": {"answer": "a"}}),
            json!({"question": "q", "outputs": "a"}),
        );
        check(
            json!({"input": {"question": "q"}, "expectedOutput": {"city": "a"}}),
            json!({"question": "q", "expectedOutput": {"city": "a"}}),
        );
        check(
            json!({"answers": {"text": ["a", "b"], "answer_start": [0, 3]}}),
            json!({"answers": ["a", "b"]}),
        );
        check(json!({"expected": {"answer": "a"}}), json!({"expected": {"answer": "a"}}));
    }
}
