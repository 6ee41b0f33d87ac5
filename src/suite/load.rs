//! Loading suites: a folder, a single `.jsonl` or `.json`, a single `.csv` or `.tsv`. Errors in a suite are found here,
//! before any request is sent.

use std::path::Path;

use super::error::SuiteError;
use super::importers::{ColumnMap, csv, folder, json, jsonl};
use super::source::Source;
use super::task::LoadedSuite;

/// The files of a suite folder.
const HEADER: &str = "suite.toml";
const TASKS: &str = "tasks.jsonl";

/// Loads a suite from a folder with `suite.toml` and `tasks.jsonl`, or from a single table, whose columns are found by `map` and by their usual names.
pub fn load_path(path: &Path, map: &ColumnMap) -> Result<LoadedSuite, SuiteError> {
    let shown = path.display().to_string();
    let metadata = std::fs::metadata(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => SuiteError::Missing { path: shown.clone() },
        _ => SuiteError::Unreadable { path: shown.clone(), why: e.to_string() },
    })?;
    if metadata.is_dir() {
        let mut loaded = load_folder(path, &shown)?;
        if !map.is_empty() {
            loaded
                .notes
                .push(format!("{shown}: --map is ignored, since a folder names its own fields"));
        }
        return Ok(loaded);
    }
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    let read = match extension.to_ascii_lowercase().as_str() {
        "csv" | "tsv" | "tab" | "psv" => csv::read,
        "jsonl" | "ndjson" => jsonl::read,
        "json" => json::read,
        other => {
            let why = describe_extension(other).to_owned();
            return Err(SuiteError::NotASuite { path: shown, why });
        }
    };
    let source = Source::read(path)?;
    let is_list =
        extension.eq_ignore_ascii_case("jsonl") && source.text.trim_start().starts_with('[');
    let read = if is_list { json::read } else { read };
    let mut loaded = read(&last_name(path, true), &source, map)?;
    if path.file_name().is_some_and(|name| name == TASKS) && path.with_file_name(HEADER).exists() {
        loaded.notes.push(format!(
            "{shown}: it belongs to a suite folder; give the folder to --suite to use its graders"
        ));
    }
    Ok(loaded)
}

/// What to do with a file of another kind.
fn describe_extension(extension: &str) -> &'static str {
    match extension {
        "xlsx" | "xls" | "ods" | "numbers" => "it is a spreadsheet; save the sheet as .csv",
        "parquet" | "arrow" | "feather" => "it is a binary table; convert it to .jsonl or .csv",
        "yaml" | "yml" => {
            "it is YAML; give its tests as .json, .jsonl or .csv (promptfoo's tests may be a .csv with __expected)"
        }
        "gz" | "zip" | "zst" | "bz2" | "xz" => "it is compressed; unpack it first",
        _ => {
            "a suite is a folder with suite.toml and tasks.jsonl, a .jsonl, a .json, a .csv or a .tsv"
        }
    }
}

/// Loads a suite from the texts of its two files. `name_of_source` replaces the folder in errors,
/// and is the suite's name where `suite.toml` has none.
pub fn load_texts(
    name_of_source: &str,
    suite_toml: &str,
    tasks_jsonl: &str,
) -> Result<LoadedSuite, SuiteError> {
    let source = |file: &str, text: &str| {
        Source::decode(format!("{name_of_source}/{file}"), text.as_bytes())
    };
    let (header, tasks) = (source(HEADER, suite_toml)?, source(TASKS, tasks_jsonl)?);
    folder::read(&last_name(Path::new(name_of_source), false), &header, &tasks)
}

fn load_folder(path: &Path, shown: &str) -> Result<LoadedSuite, SuiteError> {
    let file = |name: &str| {
        Source::read(&path.join(name)).map_err(|e| match e {
            SuiteError::Missing { .. } => SuiteError::NotASuite {
                path: shown.to_owned(),
                why: format!("the folder has no {name}; it needs suite.toml and tasks.jsonl"),
            },
            other => other,
        })
    };
    folder::read(&last_name(path, false), &file(HEADER)?, &file(TASKS)?)
}

/// The last part of a path (`.` and `..` resolved), with or without its extension.
fn last_name(path: &Path, stem: bool) -> String {
    let part = |path: &Path| {
        let part = if stem { path.file_stem() } else { path.file_name() };
        part.map(|part| part.to_string_lossy().into_owned())
    };
    part(path)
        .or_else(|| path.canonicalize().ok().as_deref().and_then(part))
        .unwrap_or_else(|| "suite".to_owned())
}

#[cfg(test)]
mod tests;
