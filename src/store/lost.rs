//! Run folders whose database is gone: what was paid for must not be bought again by mistake.

use std::path::Path;

use super::StoreError;
use super::sql;

/// Files that are made from a run.
const MADE: [&str; 7] = [
    "trials.csv",
    "requests.csv",
    "summary.csv",
    "latency.csv",
    "weights.json",
    "report.html",
    "report.md",
];
/// What a run under way has written: once it is there, the database is not empty.
const LOG: &str = "run.sqlite-wal";

/// Refuses a folder that holds the files of a run without its database, or with an empty one.
///
/// # Errors
/// [`StoreError::Lost`].
pub fn check_not_lost(dir: &Path) -> Result<(), StoreError> {
    let length = std::fs::symlink_metadata(sql::path_in(dir)).map(|found| found.len());
    match length {
        Err(_) => refuse(dir, "missing", &[LOG]),
        Ok(0) => refuse(dir, "empty", &[LOG]),
        Ok(_) => Ok(()),
    }
}

/// Refuses a folder whose database holds no plan where there is a file that is made from a run.
pub(super) fn check_no_plan(dir: &Path) -> Result<(), StoreError> {
    refuse(dir, "empty", &[])
}

fn refuse(dir: &Path, state: &'static str, more: &[&str]) -> Result<(), StoreError> {
    let has = |name: &&&str| std::fs::symlink_metadata(dir.join(name)).is_ok_and(|f| f.len() > 0);
    match MADE.iter().chain(more).find(has) {
        Some(file) => Err(StoreError::Lost {
            dir: dir.display().to_string(),
            file: (*file).to_owned(),
            state,
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::FILE_NAME;

    #[test]
    fn what_a_run_left_is_not_begun_again() {
        let check = |files: &[(&str, &str)], expected: Option<&str>| {
            let dir = tempfile::tempdir().expect("a folder");
            for (name, text) in files {
                std::fs::write(dir.path().join(name), text).expect("written");
            }
            let found = check_not_lost(dir.path()).err().map(|error| error.to_string());
            let expected = expected.map(|what| format!("{} holds {what}", dir.path().display()));
            assert!(
                match (&found, &expected) {
                    (Some(found), Some(expected)) => found.starts_with(expected),
                    (found, expected) => found == expected,
                },
                "{files:?}: {found:?}"
            );
        };
        check(&[], None);
        check(&[("notes.txt", "mine")], None);
        check(&[(FILE_NAME, "")], None);
        check(&[(FILE_NAME, "rows"), ("report.md", "# Report")], None);
        let missing = "trials.csv of a run, and run.sqlite is missing";
        check(&[("report.md", "# Report"), ("trials.csv", "run")], Some(missing));
        let empty = "weights.json of a run, and run.sqlite is empty";
        check(&[(FILE_NAME, ""), ("weights.json", "{}")], Some(empty));
        let cut = "run.sqlite-wal of a run, and run.sqlite is missing";
        check(&[("run.sqlite-wal", "rows")], Some(cut));
    }
}
