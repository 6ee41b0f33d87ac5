//! Files that the user names, read whole and within a limit: a device or a pipe may never end.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The most bytes of a configuration, a catalog or a price list.
pub const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// Reads a text of at most [`MOST_BYTES`].
///
/// # Errors
/// What the system says; a longer file; bytes that are not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    let bytes = read_bytes(path)?;
    let is_utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    String::from_utf8(bytes).map_err(|_| {
        let why = if is_utf16 {
            "it is UTF-16, not UTF-8 text; save it as UTF-8"
        } else {
            "it is not UTF-8 text"
        };
        io::Error::new(io::ErrorKind::InvalidData, why)
    })
}

/// Reads a file of at most [`MOST_BYTES`].
///
/// # Errors
/// What the system says; a longer file.
pub fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file that is too long from one that just fits.
    File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        let why = format!("it has more than {} MB, or does not end", MOST_BYTES >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> String {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.toml");
        std::fs::write(&path, bytes).expect("it is written");
        read_text(&path).expect_err("it does not read").to_string()
    }

    #[cfg(unix)]
    #[test]
    fn what_does_not_end_is_refused() {
        let error = read_text(Path::new("/dev/zero")).expect_err("endless");
        assert_eq!(error.to_string(), "it has more than 64 MB, or does not end");
    }

    #[test]
    fn other_encodings_are_named() {
        assert_eq!(refusal(b"\xff\xfea\0"), "it is UTF-16, not UTF-8 text; save it as UTF-8");
        assert_eq!(refusal(b"a\xffb"), "it is not UTF-8 text");
    }
}
