//! Text files, read within limits, decoded, and cut into lines.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::error::SuiteError;
use crate::graders::exact_json;
use crate::units::ContentHash;

/// The largest suite file. All of it is held in memory, and the run database keeps its prompts.
const MAX_FILE_BYTES: usize = 512 * 1024 * 1024;

/// The longest line of a JSONL file: a prompt of four million tokens, beyond any context window.
const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

/// The most tasks in one suite: a run gives each of them an index and a row per endpoint.
const MAX_TASKS: usize = 1_000_000;

const NOT_AN_OBJECT: &str = "each line must be one JSON object";

/// A decoded file.
#[derive(Debug)]
pub(super) struct Source {
    /// The name in errors.
    pub name: String,
    /// Its text, without a byte-order mark.
    pub text: String,
    /// The hash of its bytes.
    pub hash: ContentHash,
}

impl Source {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, SuiteError> {
        let name = path.display().to_string();
        let unreadable =
            |e: std::io::Error| SuiteError::Unreadable { path: name.clone(), why: e.to_string() };
        let file = File::open(path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => SuiteError::Missing { path: name.clone() },
            _ => unreadable(e),
        })?;
        let mut bytes = Vec::new();
        // One byte more than allowed tells a file that is too long from one that just fits.
        file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        Self::decode(name, &bytes)
    }

    /// Decodes a file's bytes.
    pub fn decode(name: String, bytes: &[u8]) -> Result<Self, SuiteError> {
        if bytes.len() > MAX_FILE_BYTES {
            return Err(SuiteError::TooLarge {
                at: name,
                found: bytes.len(),
                unit: "bytes or more",
                limit: MAX_FILE_BYTES,
                remedy: "split it into several suites",
            });
        }
        let hash = ContentHash::of(bytes);
        if let Some(text) = decode_utf16(bytes) {
            let text = text.map_err(|()| SuiteError::NotUtf8 { at: name.clone() })?;
            return Ok(Self { name, text, hash });
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text).to_owned(),
            Err(e) => {
                let before = &bytes[..e.valid_up_to()];
                let line = before.split(|b| *b == b'\n').count();
                return Err(SuiteError::NotUtf8 { at: format!("{name}:{line}") });
            }
        };
        Ok(Self { name, text, hash })
    }

    /// `file:line`.
    pub fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.name)
    }

    /// The line of a byte offset, from 1.
    pub fn line_of(&self, offset: usize) -> usize {
        self.text.get(..offset).unwrap_or(&self.text).matches('\n').count() + 1
    }

    /// The objects of a JSONL file with their lines, blank lines skipped.
    pub fn objects(
        &self,
    ) -> impl Iterator<Item = Result<(usize, serde_json::Map<String, serde_json::Value>), SuiteError>>
    {
        self.text
            .lines()
            .enumerate()
            .map(|(idx, line)| (idx + 1, line.trim()))
            .filter(|(_, line)| !line.is_empty())
            .enumerate()
            .map(|(tasks, (line_no, line))| {
                if line.len() > MAX_LINE_BYTES {
                    return Err(SuiteError::TooLarge {
                        at: self.at(line_no),
                        found: line.len(),
                        unit: "bytes",
                        limit: MAX_LINE_BYTES,
                        remedy: "no model takes a prompt of that length",
                    });
                }
                check_task_count(&self.name, tasks + 1)?;
                let broken =
                    |why: String| SuiteError::Broken { at: self.at(line_no), format: "JSON", why };
                match exact_json::parse(line) {
                    Ok(serde_json::Value::Object(object)) => Ok((line_no, object)),
                    Ok(_) => Err(broken(NOT_AN_OBJECT.to_owned())),
                    Err(e) => Err(broken(describe_json_error(&e))),
                }
            })
    }
}

/// The text of a file in UTF-16, as Excel and PowerShell write it: by its byte-order mark, or by zeros
/// in every second of its first bytes. `None` for any other file.
fn decode_utf16(bytes: &[u8]) -> Option<Result<String, ()>> {
    let is_little = match bytes {
        [0xff, 0xfe, ..] => true,
        [0xfe, 0xff, ..] => false,
        [first, 0, second, 0, ..] if *first != 0 && *second != 0 => true,
        [0, first, 0, second, ..] if *first != 0 && *second != 0 => false,
        _ => return None,
    };
    let unit = |pair: &[u8]| {
        let pair = [pair[0], pair[1]];
        if is_little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) }
    };
    if bytes.len() % 2 == 1 {
        return Some(Err(()));
    }
    let units = bytes.chunks_exact(2).map(unit);
    let text: Result<String, _> = char::decode_utf16(units).collect();
    Some(text.map(|text| text.trim_start_matches('\u{feff}').to_owned()).map_err(drop))
}

/// An error beyond [`MAX_TASKS`].
pub(super) fn check_task_count(name: &str, tasks: usize) -> Result<(), SuiteError> {
    if tasks <= MAX_TASKS {
        return Ok(());
    }
    Err(SuiteError::TooLarge {
        at: name.to_owned(),
        found: tasks,
        unit: "tasks or more",
        limit: MAX_TASKS,
        remedy: "split it into several suites",
    })
}

/// The error of `serde_json` in one line of a file, without its own line number.
pub(super) fn describe_json_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((what, _)) => format!("{what}, at column {}", error.column()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(bytes: &[u8]) -> Result<Source, SuiteError> {
        Source::decode("t.jsonl".to_owned(), bytes)
    }

    #[test]
    fn decodes_marks_and_names_bad_lines() {
        assert_eq!(source(b"\xef\xbb\xbf{}\n").unwrap().text, "{}\n");
        assert_eq!(
            source(b"{}\r\n{}\n\xff").unwrap_err().to_string(),
            "t.jsonl:3 is not valid UTF-8; save the file as UTF-8"
        );
    }

    #[test]
    fn utf_16_is_read() {
        let text = "prompt,answer\nwo?,Zürich\n";
        let bytes = |mark: &[u8], is_little: bool| -> Vec<u8> {
            let pair = |unit: u16| if is_little { unit.to_le_bytes() } else { unit.to_be_bytes() };
            mark.iter().copied().chain(text.encode_utf16().flat_map(pair)).collect()
        };
        for file in [bytes(b"\xff\xfe", true), bytes(b"\xfe\xff", false), bytes(b"", true)] {
            assert_eq!(source(&file).unwrap().text, text);
        }
        assert_eq!(
            source(b"\xff\xfea").unwrap_err().to_string(),
            "t.jsonl is not valid UTF-8; save the file as UTF-8"
        );
    }

    #[test]
    fn limits_are_enforced() {
        let long = format!("{{}}\n\"{}\"\n", "x".repeat(MAX_LINE_BYTES));
        let source = source(long.as_bytes()).unwrap();
        let error = source.objects().find_map(Result::err).unwrap().to_string();
        assert!(
            error.starts_with("t.jsonl:2 has 16777218 bytes, more than the limit of 16777216"),
            "{error}"
        );
        assert!(check_task_count("t", MAX_TASKS).is_ok());
        assert!(check_task_count("t", MAX_TASKS + 1).is_err());
    }

    #[test]
    fn broken_lines_are_named() {
        let message = |text: &str| {
            let source = source(text.as_bytes()).unwrap();
            let first = source.objects().find_map(Result::err);
            first.map(|e| e.to_string()).unwrap_or_default()
        };
        assert_eq!(
            message("{}\n\n{\"a\":1 \"b\":2}\n"),
            "t.jsonl:3: broken JSON: expected `,` or `}`, at column 8"
        );
        assert_eq!(message("[1]\n"), "t.jsonl:1: broken JSON: each line must be one JSON object");
        assert_eq!(message("{}\r\n{}"), "");
    }
}
