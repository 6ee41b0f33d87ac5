//! The suites of a run.

use std::collections::BTreeSet;
use std::path::Path;

use crate::app::error::{AppError, refused};
use crate::app::options::SelectOptions;
use crate::plan::{Config, SuiteEntry};
use crate::suite::{ColumnMap, LoadedSuite, Suite, bundled, load_path};
use crate::units::{Fact, SuiteStamp};

/// The suites that the options or the configuration name, else the bundled ones.
pub(crate) fn load(
    select: &SelectOptions,
    config: &Config,
    simulated: bool,
    notes: &mut Vec<Fact>,
) -> Result<Vec<Suite>, AppError> {
    let columns = select.columns.clone().unwrap_or_default();
    let mut loaded = Vec::new();
    let mut take = |path: &Path, map: &ColumnMap| -> Result<(), AppError> {
        let suite = load_path(path, map).map_err(refused)?;
        notes.extend(suite.notes.into_iter().map(Fact::from));
        loaded.push(suite.suite);
        Ok(())
    };
    if !select.suites.is_empty() {
        for path in &select.suites {
            match (&select.columns, configured_map(path, config)?) {
                (None, Some(map)) => take(path, &map)?,
                _ => take(path, &columns)?,
            }
        }
    } else if select.columns.is_some() {
        return Err(refused("--map requires --suite FILE"));
    } else {
        for entry in &config.suites {
            take(&entry.path, &map_of(entry)?.unwrap_or_default())?;
        }
    }
    if loaded.is_empty() {
        if !simulated {
            notes.push(Fact::BundledSuites);
        }
        return Ok(bundled_suites().into_iter().map(|loaded| loaded.suite).collect());
    }
    let mut names = BTreeSet::new();
    if let Some(twice) = loaded.iter().find(|suite| !names.insert(suite.name.clone())) {
        return Err(refused(format!("two suites are named {:?}; rename one", twice.name)));
    }
    Ok(loaded)
}

fn map_of(entry: &SuiteEntry) -> Result<Option<ColumnMap>, AppError> {
    let map = entry.map.as_ref();
    map.map(|map| ColumnMap::from_pairs(map.iter().map(|(f, c)| (f.as_str(), c.as_str()))))
        .transpose()
        .map_err(refused)
}

/// The map that the configuration has for a file.
pub(crate) fn configured_map(path: &Path, config: &Config) -> Result<Option<ColumnMap>, AppError> {
    let is_same = |entry: &&SuiteEntry| {
        let (a, b) = (std::fs::canonicalize(&entry.path), std::fs::canonicalize(path));
        a.is_ok_and(|a| b.is_ok_and(|b| a == b))
    };
    config.suites.iter().find(is_same).map_or(Ok(None), map_of)
}

pub(crate) fn stamp(suite: &Suite) -> SuiteStamp {
    SuiteStamp { name: suite.name.clone(), version: suite.version.clone(), hash: suite.hash.hex() }
}

/// The name of a run of these suites.
pub(crate) fn name_of(suites: &[SuiteStamp]) -> String {
    match suites {
        [only] => only.name.clone(),
        [first, rest @ ..] => format!("{} and {} more", first.name, rest.len()),
        [] => String::new(),
    }
}

/// The bundled suites.
pub(crate) fn bundled_suites() -> Vec<LoadedSuite> {
    let load = |bundled: &bundled::Bundled| {
        crate::suite::load_texts(bundled.name, bundled.suite_toml, bundled.tasks_jsonl)
            .expect("a test loads every bundled suite")
    };
    bundled::BUNDLED.iter().map(load).collect()
}
