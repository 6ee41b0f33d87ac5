//! Suites in a folder: `suites/*`, and files of prompts beside them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::suite::{ColumnMap, Task, load_path};

/// A folder with more files than this is none of prompts.
const MOST_FILES: usize = 200;
/// A file larger than this is no suite that somebody wrote.
const MOST_BYTES: u64 = 64 << 20;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Suites {
    /// Paths from the folder, with `/`.
    pub paths: Vec<String>,
    /// All their tasks.
    pub tasks: Vec<Task>,
    /// What looked like one and is none, with the reason.
    pub left_out: Vec<(String, String)>,
}

impl Suites {
    /// The categories of the tasks, by name.
    pub fn categories(&self) -> Vec<String> {
        let names: BTreeSet<&str> = self.tasks.iter().map(|task| task.category.as_str()).collect();
        names.into_iter().map(str::to_owned).collect()
    }
}

/// Looks for suites in a folder.
pub(super) fn look(folder: &Path) -> Suites {
    let mut found = Suites::default();
    let mut names = BTreeSet::new();
    let within = entries(&folder.join("suites"));
    let here = entries(folder).into_iter().filter(|path| !path.is_dir() || is_suite(path));
    for path in within.into_iter().chain(here).filter(|path| is_suite(path)) {
        let shown = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        match load_path(&path, &ColumnMap::default()) {
            Ok(loaded) if !names.insert(loaded.suite.name.clone()) => {
                let why = format!("another suite is named {:?} too", loaded.suite.name);
                found.left_out.push((shown, why));
            }
            Ok(loaded) => {
                found.paths.push(shown);
                found.tasks.extend(loaded.suite.tasks);
            }
            Err(error) => found.left_out.push((shown, error.to_string())),
        }
    }
    found
}

/// What is in a folder, by name; nothing where it does not read.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(read) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> =
        read.take(MOST_FILES).filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

/// Whether it has the form of a suite.
fn is_suite(path: &Path) -> bool {
    if path.is_dir() {
        return path.join("suite.toml").is_file();
    }
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    let is_table =
        extension.is_some_and(|e| ["csv", "tsv", "jsonl", "ndjson"].contains(&e.as_str()));
    is_table && std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() <= MOST_BYTES)
}
