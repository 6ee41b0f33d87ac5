//! Archives as Inspect writes them: the central directory, and entries that are stored, deflated or
//! packed with Zstandard.

use std::borrow::Cow;

use flate2::read::DeflateDecoder;
use ruzstd::decoding::StreamingDecoder;

use super::OutcomesError;
use super::unpack::limited;

/// What an archive begins with.
pub(super) const MAGIC: &[u8] = b"PK\x03\x04";

const END: [u8; 4] = *b"PK\x05\x06";
const END_64: [u8; 4] = *b"PK\x06\x06";
const END_64_PLACE: [u8; 4] = *b"PK\x06\x07";
const ENTRY: [u8; 4] = *b"PK\x01\x02";
const LOCAL: [u8; 4] = *b"PK\x03\x04";
/// The end of an archive may have a comment of so many bytes after it.
const MAX_COMMENT: usize = 65_535;
const ENCRYPTED: u64 = 1;
const CUT: &str = "the archive ends in the middle or is damaged; copy or download it again";

/// An archive in memory.
#[derive(Debug)]
pub(super) struct Archive<'a> {
    bytes: &'a [u8],
    shown: &'a str,
    /// In the order of the archive; of entries with one name the last counts.
    entries: Vec<Entry<'a>>,
}

/// One file of an archive.
#[derive(Clone, Debug)]
pub(super) struct Entry<'a> {
    pub name: Cow<'a, str>,
    flags: u64,
    method: u64,
    crc: u64,
    packed: u64,
    at: u64,
}

/// A little-endian number of so many bytes at a place.
fn number(bytes: &[u8], at: usize, len: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(len)?)?;
    Some(field.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
}

fn slice(bytes: &[u8], at: u64, len: u64) -> Option<&[u8]> {
    let at = usize::try_from(at).ok()?;
    bytes.get(at..at.checked_add(usize::try_from(len).ok()?)?)
}

impl<'a> Archive<'a> {
    /// Reads the directory of an archive.
    pub fn open(bytes: &'a [u8], shown: &'a str) -> Result<Self, OutcomesError> {
        let entries = directory(bytes).ok_or_else(|| OutcomesError::unreadable(shown, CUT))?;
        Ok(Self { bytes, shown, entries })
    }

    /// The entries; of those with one name the last.
    pub fn entries(&self) -> impl Iterator<Item = &Entry<'a>> {
        let last = |(i, entry): (usize, &&Entry<'a>)| {
            !self.entries[i + 1..].iter().any(|later| later.name == entry.name)
        };
        // Names repeat only in archives that were added to, which are small.
        let repeats = self.repeats();
        self.entries
            .iter()
            .enumerate()
            .filter(move |(i, e)| !repeats || last((*i, e)))
            .map(|(_, e)| e)
    }

    fn repeats(&self) -> bool {
        let mut names: Vec<&str> = self.entries.iter().map(|entry| entry.name.as_ref()).collect();
        names.sort_unstable();
        names.windows(2).any(|pair| pair[0] == pair[1])
    }

    /// The entry of this name.
    pub fn entry(&self, name: &str) -> Option<&Entry<'a>> {
        self.entries.iter().rev().find(|entry| entry.name == name)
    }

    /// The content of an entry.
    pub fn read(&self, entry: &Entry<'_>) -> Result<Vec<u8>, OutcomesError> {
        let at = format!("{}: {}", self.shown, entry.name);
        let refuse = |why: &str| OutcomesError::unreadable(&at, why);
        if entry.flags & ENCRYPTED != 0 {
            return Err(refuse(
                "it is encrypted; unpack the archive and pack it without a password",
            ));
        }
        let packed = self.packed(entry).ok_or_else(|| refuse(CUT))?;
        let unpacked = match entry.method {
            0 => Ok(packed.to_vec()),
            8 => limited(DeflateDecoder::new(packed)),
            93 => StreamingDecoder::new(packed).map_err(std::io::Error::other).and_then(limited),
            method => {
                let why = format!(
                    "it is packed by method {method}, which is not read; rewrite the log: inspect \
                     log convert --to json"
                );
                return Err(refuse(&why));
            }
        };
        let unpacked = unpacked.map_err(|error| refuse(&format!("{CUT} ({error})")))?;
        let mut crc = flate2::Crc::new();
        crc.update(&unpacked);
        if u64::from(crc.sum()) != entry.crc {
            return Err(refuse(CUT));
        }
        Ok(unpacked)
    }

    fn packed(&self, entry: &Entry<'_>) -> Option<&'a [u8]> {
        let local = slice(self.bytes, entry.at, 30)?;
        if !local.starts_with(&LOCAL) {
            return None;
        }
        let skip = number(local, 26, 2)? + number(local, 28, 2)?;
        slice(self.bytes, entry.at.checked_add(30 + skip)?, entry.packed)
    }
}

/// The entries of the central directory; `None`: it is not whole.
fn directory(bytes: &[u8]) -> Option<Vec<Entry<'_>>> {
    let from = bytes.len().saturating_sub(MAX_COMMENT + 22);
    let end = from + bytes[from..].windows(4).rposition(|window| window == END)?;
    let (mut count, mut at) = (number(bytes, end + 10, 2)?, number(bytes, end + 16, 4)?);
    if count == 0xffff || at == 0xffff_ffff {
        // A larger archive has its numbers in a record of its own.
        let place = end.checked_sub(20)?;
        if !bytes[place..].starts_with(&END_64_PLACE) {
            return None;
        }
        let record = usize::try_from(number(bytes, place + 8, 8)?).ok()?;
        if !bytes.get(record..)?.starts_with(&END_64) {
            return None;
        }
        (count, at) = (number(bytes, record + 32, 8)?, number(bytes, record + 48, 8)?);
    }
    let mut entries = Vec::new();
    let mut at = usize::try_from(at).ok()?;
    for _ in 0..count {
        let header = bytes.get(at..)?;
        if !header.starts_with(&ENTRY) {
            return None;
        }
        let lens = [28, 30, 32].map(|field| number(header, field, 2));
        let [name, extra, comment] = [lens[0]?, lens[1]?, lens[2]?];
        let name_bytes = slice(header, 46, name)?;
        let mut entry = Entry {
            name: String::from_utf8_lossy(name_bytes),
            flags: number(header, 8, 2)?,
            method: number(header, 10, 2)?,
            crc: number(header, 16, 4)?,
            packed: number(header, 20, 4)?,
            at: number(header, 42, 4)?,
        };
        let unpacked = number(header, 24, 4)?;
        enlarge(&mut entry, unpacked, slice(header, 46 + name, extra)?);
        entries.push(entry);
        at = at.checked_add(46 + usize::try_from(name + extra + comment).ok()?)?;
    }
    Some(entries)
}

/// Takes the sizes and the place of an entry beyond 4 GB from its extra fields.
fn enlarge(entry: &mut Entry<'_>, unpacked: u64, mut extra: &[u8]) {
    const LARGE: u64 = 0xffff_ffff;
    while let (Some(id), Some(len)) = (number(extra, 0, 2), number(extra, 2, 2)) {
        let Some(field) = slice(extra, 4, len) else { return };
        if id == 1 {
            let mut at = if unpacked == LARGE { 8 } else { 0 };
            for value in [&mut entry.packed, &mut entry.at] {
                if *value == LARGE {
                    *value = number(field, at, 8).unwrap_or(*value);
                    at += 8;
                }
            }
        }
        extra = extra.get(4 + field.len()..).unwrap_or_default();
    }
}

/// Whether the bytes are an archive.
pub(super) fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}
