//! The worked vectors that prove this folder: inputs, expected outputs, tolerance, source.
//!
//! They lie outside the repository. Where they are absent the tests that read them say so and
//! pass; every file also holds published values inline.

use std::path::PathBuf;

use serde_json::Value;

/// The cases of one group; `None`, said aloud, where the file is absent.
pub fn cases(id: &str) -> Option<Value> {
    let data = std::env::var_os("WEIGHBRIDGE_SHARED_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        PathBuf::from,
    );
    let path = data.join("oracles/stat-vectors.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("SKIPPED: {id}: no worked vectors at {}", path.display());
        return None;
    };
    let file: Value = serde_json::from_str(&text).expect("the vectors are JSON");
    let groups = file["vectors"].as_array().expect("a list of groups");
    let group = groups.iter().find(|group| group["id"] == id).expect("the group is in the file");
    Some(group["cases"].clone())
}

/// The items of a list that must not be empty.
pub fn list(value: &Value) -> &[Value] {
    let items = value.as_array().expect("a list");
    assert!(!items.is_empty(), "an empty list proves nothing");
    items
}

/// A number.
pub fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

/// A list of numbers.
pub fn numbers(value: &Value) -> Vec<f64> {
    list(value).iter().map(number).collect()
}

/// Asserts that two numbers agree within an absolute tolerance.
pub fn close(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((found - expected).abs() <= tolerance, "{what}: found {found}, expected {expected}");
}
