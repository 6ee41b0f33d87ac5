//! Bodies that come compressed although identity was asked for. gzip is known by its first bytes,
//! whatever the headers say; deflate has none of its own and needs a header.

use std::io::{self, Write as _};

use bytes::{Buf as _, Bytes};
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::body_kind::{BodyKind, kind_of};

/// Compressed bytes that are unpacked at a time. At best they become a thousand times as many, and
/// the caller bounds what it holds after each piece.
const PIECE: usize = 2 << 10;

/// A body that is unpacked as it comes.
#[derive(Debug)]
pub(super) struct Unpack {
    /// Whether the headers say deflate.
    is_named_deflate: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    /// These first bytes do not tell yet.
    Start(Vec<u8>),
    /// It is not compressed, or in a way that is not read.
    Plain,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    Zlib(Box<ZlibDecoder<Vec<u8>>>),
    /// Deflate without the frame of zlib, as some servers send it.
    Raw(Box<DeflateDecoder<Vec<u8>>>),
}

impl Unpack {
    /// A body of which nothing has come; `coding` is its `content-encoding`.
    pub fn new(coding: Option<&str>) -> Self {
        let is_named_deflate = coding.is_some_and(|coding| coding.eq_ignore_ascii_case("deflate"));
        Self { is_named_deflate, state: State::Start(Vec::new()) }
    }

    /// Unpacks a piece from the front of these bytes, which keep the rest.
    ///
    /// # Errors
    /// What is wrong with the compressed bytes.
    pub fn next(&mut self, packed: &mut Bytes) -> io::Result<Bytes> {
        if let State::Start(start) = &mut self.state {
            start.extend_from_slice(packed);
            packed.clear();
            let Some(state) = settled(start, self.is_named_deflate) else {
                return Ok(Bytes::new());
            };
            *packed = Bytes::from(std::mem::take(start));
            self.state = state;
        }
        let n = packed.len().min(PIECE);
        let unpacked = match &mut self.state {
            State::Start(_) | State::Plain => return Ok(std::mem::take(packed)),
            State::Gzip(decoder) => {
                decoder.write_all(&packed[..n])?;
                decoder.flush()?;
                std::mem::take(decoder.get_mut())
            }
            State::Zlib(decoder) => {
                decoder.write_all(&packed[..n])?;
                decoder.flush()?;
                std::mem::take(decoder.get_mut())
            }
            State::Raw(decoder) => {
                decoder.write_all(&packed[..n])?;
                decoder.flush()?;
                std::mem::take(decoder.get_mut())
            }
        };
        packed.advance(n);
        Ok(unpacked.into())
    }

    /// What is left at the end of the body: first bytes that never told.
    pub fn rest(&mut self) -> Bytes {
        match &mut self.state {
            State::Start(start) => std::mem::take(start).into(),
            _ => Bytes::new(),
        }
    }
}

/// How a body that begins with these bytes is compressed; `None`: more of it must come.
fn settled(start: &[u8], is_named_deflate: bool) -> Option<State> {
    match start {
        [] | [0x1f] => return None,
        [0x1f, 0x8b, ..] => return Some(State::Gzip(Box::new(MultiGzDecoder::new(Vec::new())))),
        _ if !is_named_deflate => return Some(State::Plain),
        _ => {}
    }
    // A header may be wrong about a body that is plain.
    if kind_of(start)? != BodyKind::Unclear {
        return Some(State::Plain);
    }
    let [method, flags, ..] = start else { return None };
    // RFC 1950, section 2.2: the method, and a check of both bytes.
    let is_zlib = method & 0xf == 8 && u16::from_be_bytes([*method, *flags]).is_multiple_of(31);
    Some(if is_zlib {
        State::Zlib(Box::new(ZlibDecoder::new(Vec::new())))
    } else {
        State::Raw(Box::new(DeflateDecoder::new(Vec::new())))
    })
}
