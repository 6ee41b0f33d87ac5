//! Where a run database is, and whether it still is there: an open file outlives its folder, and
//! what is written to it then is lost.

use std::path::{Path, PathBuf};

use super::StoreError;

/// A file by its path and, where the system tells files apart, by what it is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    path: PathBuf,
    id: Option<(u64, u64)>,
}

impl Place {
    /// Of a file that exists.
    pub fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), id: id(path) }
    }

    /// # Errors
    /// [`StoreError::Vanished`] where the file, or another one, is no longer at its path.
    pub fn check(&self) -> Result<(), StoreError> {
        if self.id.is_none() || id(&self.path) == self.id {
            return Ok(());
        }
        Err(StoreError::Vanished { path: self.path.display().to_string() })
    }
}

/// The device and the number of a file; `None`: it is not there, or the system has none.
#[cfg(unix)]
fn id(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::symlink_metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn id(_: &Path) -> Option<(u64, u64)> {
    None
}
