//! The weights file as text: written so that equal files are equal bytes, read with every check
//! that its schema cannot express.

use std::collections::BTreeSet;

use super::{CategoryWeights, FORMAT_VERSION, PARTS, WeightsFile};

/// The published JSON Schema of the file (2020-12).
pub const SCHEMA: &str = include_str!("schema.json");

/// Why a weights file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeightsError {
    /// Not JSON, or not of this form.
    #[error("{path}: not a weights file: {why}")]
    Form {
        /// The file.
        path: String,
        /// What was found, with line and column.
        why: String,
    },
    /// Written by a version that this one does not know.
    #[error("{path}: format_version is {found}; this version reads {FORMAT_VERSION}")]
    Version {
        /// The file.
        path: String,
        /// Its version.
        found: u64,
    },
    /// A value that cannot be served by.
    #[error("{path}: {field}: {why}")]
    Value {
        /// The file.
        path: String,
        /// The field, by its path in the file, such as `categories.classify.weights`.
        field: String,
        /// What is wrong with it.
        why: String,
    },
}

impl WeightsFile {
    /// The file's text: indented, maps in name order, a newline at the end.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text =
            serde_json::to_string_pretty(self).expect("numbers, strings and maps of them only");
        text.push('\n');
        text
    }

    /// Reads a file's text; `path` is for the error.
    pub fn from_json(text: &str, path: &str) -> Result<Self, WeightsError> {
        let form = |error: serde_json::Error| WeightsError::Form {
            path: path.to_owned(),
            why: error.to_string(),
        };
        // The version is read first: a newer file has keys that are not known here, and "unknown
        // key" would be the wrong thing to say of it.
        let any: serde_json::Value = serde_json::from_str(text).map_err(form)?;
        if let Some(found) = any.get("format_version").and_then(serde_json::Value::as_u64)
            && found != u64::from(FORMAT_VERSION)
        {
            return Err(WeightsError::Version { path: path.to_owned(), found });
        }
        let file: Self = serde_json::from_str(text).map_err(form)?;
        match file.fault() {
            None => Ok(file),
            Some((field, why)) => Err(WeightsError::Value { path: path.to_owned(), field, why }),
        }
    }

    /// The first field that cannot be served by, and why.
    fn fault(&self) -> Option<(String, String)> {
        let named = |field: &str, why: &str| Some((field.to_owned(), why.to_owned()));
        if self.categories.is_empty() {
            return named("categories", "is empty: a weights file has at least one category");
        }
        if !(0.0..=1.0).contains(&self.objective.margin) {
            return named("objective.margin", "is not between 0 and 1");
        }
        if let Some((name, _)) =
            self.objective.shares.iter().find(|(_, share)| !(0.0..=1.0).contains(*share))
        {
            return named(&format!("objective.shares.{name}"), "is not between 0 and 1");
        }
        let served = self.objective.today.is_some();
        let categories = self.categories.iter().map(|(name, c)| (format!("categories.{name}"), c));
        categories
            .chain([("default".to_owned(), &self.default)])
            .find_map(|(at, category)| fault_of(category, served).map(|(f, why)| (at + f, why)))
    }
}

/// The first fault of one mix: the field below it, and why.
fn fault_of(category: &CategoryWeights, served: bool) -> Option<(&'static str, String)> {
    let CategoryWeights { weights, fallbacks, .. } = category;
    if !served {
        return (!weights.is_empty())
            .then(|| (".weights", "must be empty: nothing stands for today".to_owned()));
    }
    if weights.is_empty() {
        return Some((".weights", "is empty: no endpoint would serve this category".to_owned()));
    }
    if let Some((endpoint, _)) = weights.iter().find(|(_, part)| **part == 0) {
        return Some((".weights", format!("{endpoint} has 0 parts: leave it out")));
    }
    let sum: u64 = weights.values().map(|part| u64::from(*part)).sum();
    if sum != u64::from(PARTS) {
        return Some((".weights", format!("sum to {sum}, not to {PARTS} parts per million")));
    }
    let mut seen = BTreeSet::new();
    for fallback in fallbacks {
        if weights.contains_key(fallback) {
            return Some((".fallbacks", format!("{fallback} already has weight")));
        }
        if !seen.insert(fallback) {
            return Some((".fallbacks", format!("{fallback} is there twice")));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::aggregate::Figures;
    use crate::weights::fixture::{endpoint, figures, with_cap, with_goal, with_slo};
    use crate::weights::tune;

    fn some_figures() -> Figures {
        let today = endpoint("acme/large@azure", 0.01).wrong(&[(0, 8), (0, 10)]).miss(0.02);
        let mini = endpoint("acme/mini@birch", 0.002).wrong(&[(0, 8), (5, 16)]).miss(0.10);
        figures(&[("classify", 400, 0.6), ("extract", 200, 0.4)], vec![today, mini])
    }

    fn faults_by_schema(file: &Value) -> Vec<String> {
        let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
        let validator = jsonschema::draft202012::new(&schema).expect("the schema is a schema");
        validator.iter_errors(file).map(|e| format!("{}: {e}", e.instance_path())).collect()
    }

    #[test]
    fn files_are_valid_and_read_back() {
        use crate::units::Goal;
        let mut nothing = some_figures();
        nothing.today.endpoint = None;
        let all = [
            some_figures(),
            with_slo(some_figures(), 0.05),
            with_cap(some_figures(), 0.5),
            with_goal(some_figures(), Goal::Better),
            with_slo(with_goal(some_figures(), Goal::Faster), 0.05),
            nothing,
        ];
        for figures in all {
            let file = tune(&figures);
            let text = file.to_json();
            let value: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(faults_by_schema(&value), Vec::<String>::new(), "{text}");
            assert_eq!(WeightsFile::from_json(&text, "w.json"), Ok(file));
            assert!(text.ends_with("}\n"));
        }
    }

    /// Checks that a file with one value replaced is refused by the reader, in these words, and by
    /// the schema where that can express it.
    fn check(pointer: &str, to: Value, by_schema: bool, said: &str) {
        let text = tune(&some_figures()).to_json();
        let mut value: Value = serde_json::from_str(&text).expect("JSON");
        *value.pointer_mut(pointer).expect(pointer) = to;
        assert_eq!(!faults_by_schema(&value).is_empty(), by_schema, "{pointer}");
        let error = WeightsFile::from_json(&value.to_string(), "w.json").expect_err(pointer);
        assert!(error.to_string().contains(said), "{error}");
    }

    #[test]
    fn broken_files_are_refused_with_the_field() {
        let weights = "/categories/classify/weights";
        let at = "w.json: categories.classify.weights: ";
        check(weights, json!({}), true, &format!("{at}is empty"));
        check(weights, json!({"a/b@c": 0, "d/e@f": 1_000_000}), true, &format!("{at}a/b@c has 0"));
        check(weights, json!({"a/b@c": 999_999}), false, &format!("{at}sum to 999999, not to"));
        check(weights, json!({"a/b@c": -1}), true, "not a weights file: invalid value");
        check("/default/fallbacks", json!(["x", "x"]), true, "default.fallbacks: x is there twice");
        check(
            "/categories/classify/fallbacks",
            json!(["acme/mini@birch"]),
            false,
            "categories.classify.fallbacks: acme/mini@birch already has weight",
        );
        check("/categories", json!({}), true, "w.json: categories: is empty");
        check("/objective/margin", json!(1.5), true, "objective.margin: is not between 0 and 1");
        check("/objective/shares/extract", json!(-1), true, "objective.shares.extract: is not");
        check("/objective/today", json!(null), true, "must be empty: nothing stands for today");
        check("/format_version", json!(2), true, "format_version is 2; this version reads 1");
        check("/notes", json!({"typo": 1}), true, "not a weights file: invalid type");
    }

    #[test]
    fn unknown_keys_are_named() {
        let text = tune(&some_figures()).to_json().replacen("\"run\"", "\"runn\"", 1);
        let error = WeightsFile::from_json(&text, "w.json").expect_err("unknown key").to_string();
        assert!(error.contains("unknown field `runn`") && error.contains("line"), "{error}");
        assert!(!faults_by_schema(&serde_json::from_str(&text).expect("JSON")).is_empty());
    }
}
