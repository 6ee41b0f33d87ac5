//! Files at places where others may have put something else: nothing is read or written through a
//! link, and no pipe is waited for.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

/// Refuses what is no plain file; that nothing is there is all right.
///
/// # Errors
/// What stands there, and what to do.
pub fn check(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(found) => is_plain(&found),
        Err(error) if is_absent(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Refuses a file that has a second name too: who writes to it writes to a file elsewhere.
///
/// # Errors
/// As [`check`].
pub fn check_to_write(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(found) => is_plain(&found).and_then(|()| has_one_name(&found)),
        Err(error) if is_absent(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Refuses a folder that is a link or no folder; that nothing is there is all right.
///
/// # Errors
/// As [`check`].
pub fn check_folder(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.is_dir() => Err(refusal(kind(&found))),
        Err(error) if !is_absent(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Opens a plain file, through no link.
///
/// # Errors
/// The system's, or what stands there instead.
pub fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    check_to_write(path)?;
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        // A pipe that came in between is not waited for.
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
        std::os::unix::fs::OpenOptionsExt::custom_flags(options, flags.cast_signed());
    }
    let file = options.open(path)?;
    let found = file.metadata()?;
    is_plain(&found).and_then(|()| has_one_name(&found))?;
    Ok(file)
}

/// The text of a plain file.
///
/// # Errors
/// As [`open`].
pub fn read_to_string(path: &Path) -> io::Result<String> {
    check(path)?;
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.cast_signed());
    }
    let mut file = options.open(path)?;
    is_plain(&file.metadata()?)?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text)
}

/// Whether nothing is there, perhaps because what was taken for a folder is a file.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn is_plain(found: &Metadata) -> io::Result<()> {
    if found.is_file() { Ok(()) } else { Err(refusal(kind(found))) }
}

#[cfg(unix)]
fn has_one_name(found: &Metadata) -> io::Result<()> {
    let names = std::os::unix::fs::MetadataExt::nlink(found);
    if names > 1 { Err(refusal("a file with a second name elsewhere")) } else { Ok(()) }
}

#[cfg(not(unix))]
fn has_one_name(_: &Metadata) -> io::Result<()> {
    Ok(())
}

fn refusal(what: &str) -> io::Error {
    io::Error::other(format!(
        "this is {what}, and nothing is read or written through it: move it away, or put the thing \
         itself in its place"
    ))
}

fn kind(found: &Metadata) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        let kind = found.file_type();
        if kind.is_fifo() {
            return "a pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
        if kind.is_block_device() || kind.is_char_device() {
            return "a device";
        }
    }
    if found.is_symlink() {
        "a symbolic link"
    } else if found.is_dir() {
        "a folder"
    } else {
        "no plain file"
    }
}
