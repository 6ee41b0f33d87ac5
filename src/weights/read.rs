//! The weights file as text: written so that equal files are equal bytes, read with every check
//! that its schema cannot express.

use std::collections::BTreeSet;

use super::file::{CategoryWeights, FORMAT_VERSION, PARTS, VerdictWord, WeightsFile};

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
            self.objective.margins.iter().find(|(_, margin)| !(0.0..=1.0).contains(*margin))
        {
            return named(&format!("objective.margins.{name}"), "is not between 0 and 1");
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
    let has_data = category.verdict.word != VerdictWord::NoData;
    if weights.is_empty() {
        return has_data
            .then(|| (".weights", "is empty: no endpoint would serve this category".to_owned()));
    }
    if !has_data {
        return Some((".weights", "must be empty: the verdict is NO DATA".to_owned()));
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
