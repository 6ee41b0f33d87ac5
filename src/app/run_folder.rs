//! Run folders: their names, and the link to the latest.

use std::path::{Path, PathBuf};

use crate::app::error::{AppError, Context, refused};
use crate::report;
use crate::store::{FILE_NAME, RunLock, StoreError, check_not_lost, recover};
use crate::units::Clock;

/// Makes the run folder; refused where it holds a run. `kind` ends a name that is made here.
pub(crate) fn create(
    out: Option<&Path>,
    name: &str,
    kind: &str,
    now: &Clock,
) -> Result<PathBuf, AppError> {
    let dir = match out {
        Some(out) => out.to_owned(),
        None => unused(name, kind, now),
    };
    is_free(&dir)?;
    std::fs::create_dir_all(&dir)
        .context(format!("cannot make the run folder {}", dir.display()))
        .map_err(refused)?;
    Ok(dir)
}

/// Refuses a folder that holds a run.
pub(crate) fn is_free(dir: &Path) -> Result<(), AppError> {
    if dir.join(FILE_NAME).exists() {
        return Err(refused(format!(
            "{} already holds a run; choose another --out, or remove it",
            dir.display()
        )));
    }
    check_not_lost(dir).map_err(refused)
}

/// Takes the lock of a run folder, for a command that writes in it, and clears away what a killed
/// one left unfinished.
pub(crate) fn hold(dir: &Path) -> Result<RunLock, AppError> {
    let database = dir.join(FILE_NAME);
    if std::fs::symlink_metadata(&database).is_err() {
        return Err(refused(StoreError::Missing { path: database.display().to_string() }));
    }
    let lock = RunLock::take(dir).map_err(refused)?;
    recover(&lock).map_err(refused)?;
    report::remove_unfinished(dir);
    Ok(lock)
}

/// `results/<time>-<name><kind>`, numbered where two runs start within one second.
fn unused(name: &str, kind: &str, now: &Clock) -> PathBuf {
    let time = now.wall_anchor().strftime("%Y%m%d-%H%M%S").to_string();
    let slug: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(40)
        .collect();
    let slug = slug.trim_matches('-');
    let first = format!("results/{time}-{slug}{kind}");
    let numbered = (2..100).map(|n| PathBuf::from(format!("{first}-{n}")));
    let first = PathBuf::from(&first);
    let mut all = std::iter::once(first.clone()).chain(numbered);
    all.find(|dir| !dir.join(FILE_NAME).exists()).unwrap_or(first)
}

/// Points `latest`, beside the run folder, to it. A file system without links goes without.
pub(crate) fn point_latest_to(dir: &Path) {
    #[cfg(unix)]
    if let (Some(parent), Some(name)) = (dir.parent(), dir.file_name())
        && parent.file_name().is_some_and(|p| p == "results")
    {
        let fresh = parent.join(".latest-new");
        let _ = std::fs::remove_file(&fresh);
        if std::os::unix::fs::symlink(name, &fresh).is_ok() {
            let _ = std::fs::rename(&fresh, parent.join("latest"));
        }
    }
}
