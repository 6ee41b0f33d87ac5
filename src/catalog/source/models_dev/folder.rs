//! The folder of models.dev.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::toml_file::{io, read_model, read_provider};
use crate::catalog::Facts;
use crate::catalog::source::error::SourceError;
use crate::catalog::source::reading::Reading;

/// Reads the folder: `models/` and `providers/` under it.
pub fn read_folder(folder: &Path) -> Result<Reading, SourceError> {
    let base_folder = folder.join("models");
    let mut bases = BTreeMap::new();
    let mut reading = Reading::default();
    for path in toml_files(&base_folder)? {
        reading.entries += 1;
        match read_model(&path) {
            Ok(model) => drop(bases.insert(name_of(&path, &base_folder), model)),
            Err(error) => reading.leave_out(&path.display().to_string(), &error.to_string()),
        }
    }
    let mut inherited = BTreeSet::new();
    for folder in sub_folders(&folder.join("providers"))? {
        reading.entries += 1;
        let provider = match read_provider(&folder) {
            Ok(provider) => provider,
            Err(error) => {
                reading.leave_out(&folder.display().to_string(), &error.to_string());
                continue;
            }
        };
        let models = folder.join("models");
        for path in toml_files(&models)? {
            reading.entries += 1;
            let id = name_of(&path, &models);
            let shown = path.display().to_string();
            let model = match read_model(&path) {
                Ok(model) => model,
                Err(error) => {
                    reading.leave_out(&shown, &error.to_string());
                    continue;
                }
            };
            for key in &model.unread {
                reading.count_unread(key);
            }
            let model = match model.base.clone() {
                None => model,
                Some(base) => {
                    let Some(found) = bases.get(&base) else {
                        reading.leave_out(&shown, &format!("its base_model {base} is not there"));
                        continue;
                    };
                    inherited.insert(base);
                    model.over(found)
                }
            };
            let facts = Facts {
                created: model.released,
                alias_of: id.ends_with("-latest").then(|| "the newest of its kind".to_owned()),
                ..Facts::default()
            };
            reading.attempt(&shown, |reading| {
                reading.take(&shown, model.endpoint(&provider, &id)?, facts);
                Ok(())
            });
        }
    }
    for name in bases.keys().filter(|name| !inherited.contains(*name)) {
        let why = "is a base that no provider's model names, and no endpoint itself";
        reading.leave_out(&format!("models/{name}.toml"), why);
    }
    if reading.catalog.endpoints.is_empty() {
        return Err(SourceError::no_entries(&folder.display().to_string(), &reading.left_out));
    }
    Ok(reading)
}

/// `anthropic/claude-opus-4.1` of a file below a folder.
fn name_of(path: &Path, folder: &Path) -> String {
    let relative = path.strip_prefix(folder).unwrap_or(path).with_extension("");
    let parts: Vec<String> =
        relative.components().map(|c| c.as_os_str().to_string_lossy().into_owned()).collect();
    // A name like `gpt-4.1` has a dot of its own, which `with_extension` keeps: only `.toml` went.
    parts.join("/")
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let listed = match std::fs::read_dir(folder) {
        Ok(listed) => listed,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io(folder, &error)),
    };
    let paths: Result<Vec<PathBuf>, _> = listed.map(|entry| Ok(entry?.path())).collect();
    let mut paths = paths.map_err(|error: std::io::Error| io(folder, &error))?;
    paths.sort();
    Ok(paths)
}

fn sub_folders(folder: &Path) -> Result<Vec<PathBuf>, SourceError> {
    Ok(entries(folder)?.into_iter().filter(|path| path.is_dir()).collect())
}

/// Every `.toml` below a folder, in name order. Links are not followed into folders.
fn toml_files(folder: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let mut files = Vec::new();
    for path in entries(folder)? {
        let is_link = path.symlink_metadata().is_ok_and(|m| m.file_type().is_symlink());
        if path.is_dir() && !is_link {
            files.extend(toml_files(&path)?);
        } else if path.extension().is_some_and(|e| e == "toml") {
            files.push(path);
        }
    }
    Ok(files)
}
