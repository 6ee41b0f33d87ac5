//! HTTP/1.1 responses at byte level (RFC 9112): the head, and a body taken out of its framing in
//! place, so that one read of the socket stays one piece of the body.

use std::mem::MaybeUninit;

use http::{HeaderMap, HeaderName, HeaderValue};

/// The most bytes of a response head.
pub const MAX_HEAD: u32 = 256 << 10;
/// The most headers of a response.
pub const MAX_HEADERS: usize = 512;
/// The most bytes of chunk extensions and trailers, which nobody reads.
const MAX_IGNORED: usize = 16 << 10;

/// What came is not HTTP/1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an HTTP/1.1 response: {0}")]
pub struct ParseError(pub &'static str);

/// A response head.
#[derive(Debug)]
pub struct ResponseHead {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// How the body is framed.
    pub framing: Framing,
    /// Whether the connection can be used again after the body.
    pub keep_alive: bool,
    /// How many bytes it took.
    pub bytes: usize,
}

/// Reads a head from the start of what has come; `None`: it is not all there yet. Informational
/// responses (100, 103) are given like any other: whoever asks skips them.
///
/// # Errors
/// [`ParseError`] for what cannot become a head, however it goes on.
pub fn head(bytes: &[u8]) -> Result<Option<ResponseHead>, ParseError> {
    let mut space = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut parsed = httparse::Response::new(&mut []);
    // A proxy's odd header costs that header, not the answer.
    let mut config = httparse::ParserConfig::default();
    config
        .ignore_invalid_headers_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true);
    let n_bytes = match config.parse_response_with_uninit_headers(&mut parsed, bytes, &mut space) {
        Ok(httparse::Status::Complete(n_bytes)) => n_bytes,
        Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD as usize => return Ok(None),
        Ok(httparse::Status::Partial) => return Err(ParseError("its head is too long")),
        Err(_) => return Err(ParseError("its head does not read")),
    };
    let status = parsed.code.ok_or(ParseError("no status"))?;
    let mut headers = HeaderMap::with_capacity(parsed.headers.len());
    for header in &*parsed.headers {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        let value = HeaderValue::from_bytes(header.value);
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let is_1_1 = parsed.version == Some(1);
    let said = |word: &str| mentions(&headers, &http::header::CONNECTION, word);
    let keep_alive = if is_1_1 { !said("close") } else { said("keep-alive") };
    let framing = framing(status, &headers)?;
    let keep_alive = keep_alive && framing != Framing::UntilClose;
    Ok(Some(ResponseHead { status, headers, framing, keep_alive, bytes: n_bytes }))
}

fn mentions(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(word))
}

/// How long the body is: RFC 9112, section 6.3.
fn framing(status: u16, headers: &HeaderMap) -> Result<Framing, ParseError> {
    if matches!(status, 100..=199 | 204 | 304) {
        return Ok(Framing::Length(0));
    }
    if headers.contains_key(http::header::TRANSFER_ENCODING) {
        let chunked = mentions(headers, &http::header::TRANSFER_ENCODING, "chunked");
        return Ok(if chunked {
            Framing::Chunked(Chunked::default())
        } else {
            Framing::UntilClose
        });
    }
    let mut length = None;
    for value in headers.get_all(http::header::CONTENT_LENGTH) {
        const UNREADABLE: ParseError = ParseError("its content-length does not read");
        let text = value.to_str().map_err(|_| UNREADABLE)?;
        // Proxies join repeated ones.
        for part in text.split(',') {
            let said: u64 = part.trim().parse().map_err(|_| UNREADABLE)?;
            if length.is_some_and(|before| before != said) {
                return Err(ParseError("two different content-lengths"));
            }
            length = Some(said);
        }
    }
    Ok(length.map_or(Framing::UntilClose, Framing::Length))
}

/// How a body is framed, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framing {
    /// So many bytes are still to come.
    Length(u64),
    /// Chunks.
    Chunked(Chunked),
    /// Whatever comes until the connection is closed.
    UntilClose,
}

/// What was taken from a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consumed {
    /// Bytes of the body: they are now at the front.
    pub body: usize,
    /// Bytes that belong to this response, framing included.
    pub used: usize,
}

impl Framing {
    /// Whether the body is complete.
    #[must_use]
    pub fn is_over(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunked) => chunked.state == State::Over,
            Self::UntilClose => false,
        }
    }

    /// Takes one read: moves the bytes of the body to its front.
    ///
    /// # Errors
    /// [`ParseError`] where the framing is broken: nothing after it can be told apart.
    pub fn take(&mut self, bytes: &mut [u8]) -> Result<Consumed, ParseError> {
        match self {
            Self::Length(left) => {
                let n = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= n as u64;
                Ok(Consumed { body: n, used: n })
            }
            Self::Chunked(chunked) => chunked.take(bytes),
            Self::UntilClose => Ok(Consumed { body: bytes.len(), used: bytes.len() }),
        }
    }
}

/// A chunked body under way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunked {
    state: State,
    /// The size that is being read, or what is left of the chunk.
    left: u64,
    /// Bytes of extensions and trailers so far.
    ignored: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Before the first digit of a size.
    #[default]
    SizeStart,
    /// In a size.
    Size,
    /// After a size: an extension.
    Extension,
    /// After the CR of a size's line.
    SizeLf,
    /// In a chunk.
    Data,
    /// After a chunk.
    DataCr,
    /// After a chunk's CR.
    DataLf,
    /// At the start of a trailer's line.
    TrailerStart,
    /// In a trailer.
    Trailer,
    /// After the CR of the last, empty line.
    EndLf,
    /// The body is complete.
    Over,
}

impl Chunked {
    fn take(&mut self, bytes: &mut [u8]) -> Result<Consumed, ParseError> {
        let (mut from, mut to) = (0, 0);
        while from < bytes.len() && self.state != State::Over {
            if self.state == State::Data {
                let n = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len() - from);
                bytes.copy_within(from..from + n, to);
                from += n;
                to += n;
                self.left -= n as u64;
                if self.left == 0 {
                    self.state = State::DataCr;
                }
            } else {
                self.state = self.step(bytes[from])?;
                from += 1;
            }
        }
        Ok(Consumed { body: to, used: from })
    }

    /// One byte of the framing.
    fn step(&mut self, byte: u8) -> Result<State, ParseError> {
        const BAD_SIZE: ParseError = ParseError("a chunk's size does not read");
        if matches!(self.state, State::Extension | State::Trailer) {
            self.ignored += 1;
            if self.ignored > MAX_IGNORED {
                return Err(ParseError("chunk extensions or trailers without end"));
            }
        }
        Ok(match (self.state, byte) {
            (State::SizeStart | State::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = (byte as char).to_digit(16).expect("a hexadecimal digit");
                self.left = self
                    .left
                    .checked_mul(16)
                    .and_then(|left| left.checked_add(u64::from(digit)))
                    .ok_or(BAD_SIZE)?;
                State::Size
            }
            (State::Size | State::Extension | State::SizeLf, b'\n') => {
                if self.left == 0 {
                    State::TrailerStart
                } else {
                    State::Data
                }
            }
            (State::Size | State::Extension, b'\r') => State::SizeLf,
            (State::Size, b';' | b' ' | b'\t') | (State::Extension, _) => State::Extension,
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataCr | State::DataLf, b'\n') => State::SizeStart,
            (State::TrailerStart, b'\r') => State::EndLf,
            (State::TrailerStart | State::EndLf, b'\n') => State::Over,
            (State::Trailer, b'\n') => State::TrailerStart,
            (State::TrailerStart | State::Trailer, _) => State::Trailer,
            (State::DataCr | State::DataLf, _) => {
                return Err(ParseError("a chunk is longer than its size"));
            }
            _ => return Err(BAD_SIZE),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn body(framing: &Framing, parts: &[&[u8]]) -> Result<(Vec<u8>, bool), ParseError> {
        let (mut framing, mut out) = (framing.clone(), Vec::new());
        for part in parts {
            let mut bytes = part.to_vec();
            let taken = framing.take(&mut bytes)?;
            out.extend_from_slice(&bytes[..taken.body]);
        }
        Ok((out, framing.is_over()))
    }

    fn chunked(text: &str) -> Result<(String, bool), ParseError> {
        let framing = Framing::Chunked(Chunked::default());
        let (bytes, over) = body(&framing, &[text.as_bytes()])?;
        Ok((String::from_utf8(bytes).expect("UTF-8"), over))
    }

    #[test]
    fn chunks_lose_their_framing() {
        let check = |text: &str, expected: &str, over: bool| {
            assert_eq!(chunked(text), Ok((expected.to_owned(), over)), "{text:?}");
        };
        check("3\r\nabc\r\n0\r\n\r\n", "abc", true);
        check("3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n", "abc0123456789", true);
        check("3\nabc\n0\n\n", "abc", true);
        check("3\r\nab", "ab", false);
        check("", "", false);
        assert!(chunked("x\r\n").is_err());
        assert!(chunked("\r\n").is_err());
        assert!(chunked("1\r\nabc").is_err());
        assert!(chunked("fffffffffffffffff\r\n").is_err());
        let endless = format!("1;{}", "x".repeat(MAX_IGNORED + 2));
        assert!(chunked(&endless).is_err());
    }

    #[test]
    fn what_follows_the_body_is_not_taken() {
        let mut bytes = *b"2\r\nhi\r\n0\r\n\r\nHTTP";
        let mut framing = Framing::Chunked(Chunked::default());
        assert_eq!(framing.take(&mut bytes), Ok(Consumed { body: 2, used: 12 }));
        let mut framing = Framing::Length(3);
        assert_eq!(framing.take(&mut bytes), Ok(Consumed { body: 3, used: 3 }));
        assert!(framing.is_over());
    }

    #[test]
    fn heads_say_how_the_body_is_framed() {
        let check = |text: &str, framing: Framing, keep_alive: bool| {
            let head = head(text.as_bytes()).expect(text).expect("complete");
            assert_eq!((head.framing, head.keep_alive), (framing, keep_alive), "{text:?}");
            assert_eq!(head.bytes, text.len());
        };
        let chunks = || Framing::Chunked(Chunked::default());
        check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunks(), true);
        check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Framing::Length(5), true);
        check(
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n",
            Framing::Length(5),
            false,
        );
        check("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", Framing::Length(5), false);
        check("HTTP/1.1 200 OK\r\n\r\n", Framing::UntilClose, false);
        check("HTTP/1.1 204 No\r\n\r\n", Framing::Length(0), true);
        let both = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n";
        check(both, chunks(), true);
        assert!(
            head(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n").is_err()
        );
        check("HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n", Framing::Length(5), true);
        let many = (0..500).map(|n| format!("x-{n}: {n}\r\n")).collect::<Vec<_>>().concat();
        check(
            &format!("HTTP/1.1 200 OK\r\n{many}Content-Length: 5\r\n\r\n"),
            Framing::Length(5),
            true,
        );
        let long = "a".repeat(200 << 10);
        check(
            &format!("HTTP/1.1 200 OK\r\nset-cookie: {long}\r\nContent-Length: 5\r\n\r\n"),
            Framing::Length(5),
            true,
        );
        check(
            "HTTP/1.1 200 OK\r\nbad name: x\r\nb : y\r\nContent-Length: 5\r\n\r\n",
            Framing::Length(5),
            true,
        );
        assert!(head(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n").is_err());
        assert!(head(b"SSH-2.0-x\r\n\r\n").is_err());
        assert!(head(b"HTTP/1.1 200 OK\r\nA: b").expect("so far").is_none());
        assert!(head(&[b'H'; 4]).is_err());
    }

    proptest! {
        #[test]
        fn a_body_is_the_same_under_every_split(
            pieces in proptest::collection::vec("[a-z]{1,40}", 0..6),
            cuts in proptest::collection::vec(0usize..300, 0..8),
        ) {
            let chunk = |piece: &String| [&format!("{:x}", piece.len()), piece, ""].join("\r\n");
            let mut text: String = pieces.iter().map(chunk).collect();
            text += "0\r\nTrailer: x\r\n\r\n";
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let parts: Vec<&[u8]> = cuts.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
            let framing = Framing::Chunked(Chunked::default());
            let (got, over) = body(&framing, &parts).expect("well formed");
            prop_assert_eq!(String::from_utf8(got).expect("UTF-8"), pieces.concat());
            prop_assert!(over);
        }
    }
}
