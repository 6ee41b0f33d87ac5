//! One process at a time writes in a run folder.
//!
//! The lock is a file of its own, not the database: SQLite locks that one byte by byte, and on
//! Unix closing any other handle of it would drop SQLite's locks. The system lets go of the lock
//! when its process ends, however it ends, so a crash leaves nothing that has to be cleared away.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::StoreError;
use super::sql;
use crate::units::plain_file;

/// The lock file's name in a run folder; it is there while a process writes.
const NAME: &str = "run.lock";

/// The right to write in a run folder; given back when dropped.
#[derive(Debug)]
pub struct RunLock {
    /// Holds the lock for as long as it is open.
    _file: File,
    dir: PathBuf,
    path: PathBuf,
}

impl RunLock {
    /// Takes the lock of a folder, which must exist, or fails at once with
    /// [`StoreError::InUse`].
    ///
    /// # Errors
    /// Also [`StoreError::ReadOnly`] where nothing can be written.
    pub fn take(dir: &Path) -> Result<Self, StoreError> {
        sql::are_plain(&sql::path_in(dir), false)?;
        let path = dir.join(NAME);
        let io = |source: std::io::Error| match source.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                StoreError::ReadOnly { dir: dir.display().to_string(), source }
            }
            _ => StoreError::Io { path: path.display().to_string(), source },
        };
        loop {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = plain_file::open(&path, &mut options).map_err(io)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::InUse {
                        dir: dir.display().to_string(),
                        by: holder(&path),
                    });
                }
                Err(TryLockError::Error(e)) => return Err(io(e)),
            }
            // Whoever had it before removes the file when done: what was locked here may be a file
            // that no other process can find any more.
            if !is_at(&file, &path) {
                continue;
            }
            // For the message of the next process only.
            let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
            return Ok(Self { _file: file, dir: dir.to_owned(), path });
        }
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // A file that stays behind is harmless: the lock is that of the open handle.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Who holds the lock, as far as it has said.
fn holder(path: &Path) -> String {
    let text = plain_file::read_to_string(path).unwrap_or_default();
    match text.trim().parse::<u32>() {
        Ok(id) => format!("process {id}"),
        Err(_) => "another process".to_owned(),
    }
}

/// Whether an open file is the one that stands at a path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |meta: &std::fs::Metadata| (meta.dev(), meta.ino());
    match (file.metadata(), std::fs::symlink_metadata(path)) {
        (Ok(open), Ok(there)) => id(&open) == id(&there),
        _ => false,
    }
}

/// Where an open file cannot be removed, the one at its path is the same.
#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_the_first_is() {
        let dir = tempfile::tempdir().expect("a folder");
        let first = RunLock::take(dir.path()).expect("free");
        let second = RunLock::take(dir.path()).expect_err("taken").to_string();
        assert!(second.contains(&format!("process {}", std::process::id())), "{second}");
        drop(first);
        assert_eq!(std::fs::read_dir(dir.path()).expect("a folder").count(), 0, "nothing stays");
        drop(RunLock::take(dir.path()).expect("free again"));
    }

    #[test]
    fn what_a_killed_process_left_locks_nobody_out() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join(NAME), "1").expect("written");
        RunLock::take(dir.path()).expect("no one holds it");
    }
}
