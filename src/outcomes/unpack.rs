//! The bytes of a file, unpacked where it is packed.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::OutcomesError;

/// The largest table, unpacked: a small file that unpacks to a disk full of nothing is stopped.
pub(super) const MAX_BYTES: u64 = 2 * 1024 * 1024 * 1024;

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Reads a file whole, a gzipped one unpacked.
pub(super) fn read_file(path: &Path, shown: &str) -> Result<Vec<u8>, OutcomesError> {
    let failed = |error: &io::Error| OutcomesError::unreadable(shown, explain(error));
    let found = std::fs::metadata(path).map_err(|error| failed(&error))?;
    if found.is_dir() {
        let why = "it is a folder; name the files in it";
        return Err(OutcomesError::unreadable(shown, why));
    }
    let bytes = limited(File::open(path).map_err(|error| failed(&error))?)
        .map_err(|error| failed(&error))?;
    if !bytes.starts_with(&GZIP) {
        return Ok(bytes);
    }
    limited(MultiGzDecoder::new(bytes.as_slice())).map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::FileTooLarge => error.to_string(),
            io::ErrorKind::UnexpectedEof => {
                "the gzip file ends in the middle; copy or download it again".to_owned()
            }
            _ => format!("the gzip file is damaged ({error}); copy or download it again"),
        };
        OutcomesError::unreadable(shown, why)
    })
}

/// Reads to the end, up to the limit.
pub(super) fn limited(source: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        let why = format!("it has more than {} GB; import a part of it", MAX_BYTES >> 30);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(bytes)
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => error.to_string(),
    }
}

/// The text of a file, without a mark of its byte order.
pub(super) fn text<'a>(bytes: &'a [u8], shown: &str) -> Result<&'a str, OutcomesError> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        let why = "it is UTF-16, not UTF-8 text; save it as UTF-8";
        return Err(OutcomesError::unreadable(shown, why));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
        let why = "these bytes are not UTF-8 text; save the table as UTF-8";
        OutcomesError::unreadable(format!("{shown}:{line}"), why)
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}
