//! HTTP/1.1 on the server's side: reading a request, framing a response.
//!
//! Written by hand because the ledger must know when each write to the socket returned.

use std::io::{self, Write};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use crate::units::{Clock, Stamp};

/// The longest head that is read.
const MOST_HEAD_BYTES: usize = 32 * 1024;
/// The most headers of a request.
const MOST_HEADERS: usize = 64;
/// The longest body that is read: several times the largest context window.
const MOST_BODY_BYTES: usize = 32 * 1024 * 1024;
/// The most bytes reserved for a body by its stated length.
const MOST_TRUSTED_BYTES: usize = 1024 * 1024;
/// How long a connection may be idle: longer than clients keep one.
const IDLE: Duration = Duration::from_secs(120);
/// How long an incomplete head or body may pause.
const STANDSTILL: Duration = Duration::from_secs(30);

/// The parts of a request's head that the simulator reads.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RequestHead {
    pub method: String,
    pub path: String,
    pub key: Option<String>,
    pub content_length: usize,
    pub expects_continue: bool,
    /// Whether the connection stays open afterwards.
    pub keep_alive: bool,
    /// Whether the client accepts chunked bodies (HTTP/1.1).
    pub chunked_reply: bool,
}

/// A whole request.
#[derive(Debug)]
pub(super) struct Request {
    pub head: RequestHead,
    pub body: Bytes,
    /// When its last byte was read.
    pub at: Stamp,
}

/// Why no further request is read from a connection.
#[derive(Debug)]
pub(super) enum Stop {
    /// The client disconnected or timed out.
    Gone,
    /// The request is invalid: a status and a message.
    Refused(u16, String),
}

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// What a request is read from: the socket's reading half with what was read of the next request.
pub(super) struct RequestReader<R> {
    socket: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> RequestReader<R> {
    pub fn new(socket: R) -> Self {
        Self { socket, buffer: BytesMut::with_capacity(16 * 1024) }
    }

    /// Reads a head.
    pub async fn head(&mut self) -> Result<RequestHead, Stop> {
        loop {
            if let Some((head, length)) = parse_head(&self.buffer)? {
                self.buffer.advance(length);
                return Ok(head);
            }
            if self.buffer.len() >= MOST_HEAD_BYTES {
                return Err(Stop::Refused(431, "the head is too long".to_owned()));
            }
            let patience = if self.buffer.is_empty() { IDLE } else { STANDSTILL };
            self.fill(patience).await?;
        }
    }

    /// Reads the body that belongs to a head.
    pub async fn body(&mut self, head: RequestHead, clock: &Clock) -> Result<Request, Stop> {
        let missing = head.content_length.saturating_sub(self.buffer.len());
        self.buffer.reserve(missing.min(MOST_TRUSTED_BYTES));
        while self.buffer.len() < head.content_length {
            self.fill(STANDSTILL).await?;
        }
        let at = clock.now();
        let body = self.buffer.split_to(head.content_length).freeze();
        Ok(Request { head, body, at })
    }

    /// Ends when the client closes its side, which in HTTP means that it has left. Bytes that it sends
    /// meanwhile belong to the next request and are kept.
    pub async fn client_gone(&mut self) {
        while self.buffer.len() < MOST_HEAD_BYTES {
            match self.socket.read_buf(&mut self.buffer).await {
                Ok(n) if n > 0 => {}
                _ => return,
            }
        }
        std::future::pending::<()>().await;
    }

    /// Ends when the next request begins, or when there will be none.
    pub async fn next_begun(&mut self) {
        if self.buffer.is_empty() {
            drop(self.fill(IDLE).await);
        }
    }

    /// Reads and forgets what a refused client still sends, up to a limit, so that it can read the
    /// refusal before the connection is reset.
    pub async fn discard(&mut self) {
        let mut left = MOST_BODY_BYTES;
        while left > 0 {
            self.buffer.clear();
            match timeout(STANDSTILL, self.socket.read_buf(&mut self.buffer)).await {
                Ok(Ok(n)) if n > 0 => left = left.saturating_sub(n),
                _ => return,
            }
        }
    }

    async fn fill(&mut self, patience: Duration) -> Result<(), Stop> {
        match timeout(patience, self.socket.read_buf(&mut self.buffer)).await {
            Ok(Ok(n)) if n > 0 => Ok(()),
            Ok(Ok(_) | Err(_)) | Err(_) => Err(Stop::Gone),
        }
    }
}

/// Reads a head and its length; `None`: more bytes are needed.
fn parse_head(bytes: &[u8]) -> Result<Option<(RequestHead, usize)>, Stop> {
    let refuse = |status, message: String| Err(Stop::Refused(status, message));
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let length = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return refuse(431, "too many headers".to_owned()),
        Err(error) => return refuse(400, format!("the head is not understood: {error}")),
    };
    let is_1_1 = parsed.version == Some(1);
    let mut head = RequestHead {
        method: parsed.method.unwrap_or_default().to_owned(),
        path: parsed.path.unwrap_or_default().to_owned(),
        key: None,
        content_length: 0,
        expects_continue: false,
        keep_alive: is_1_1,
        chunked_reply: is_1_1,
    };
    let mut stated_length: Option<usize> = None;
    for header in parsed.headers.iter() {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        let Ok(value) = std::str::from_utf8(header.value).map(str::trim) else { continue };
        if is("content-length") {
            let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
            let Some(length) = value.parse().ok().filter(|_| digits) else {
                return refuse(400, "content-length is not a number".to_owned());
            };
            if stated_length.is_some_and(|stated| stated != length) {
                return refuse(400, "two values of content-length".to_owned());
            }
            stated_length = Some(length);
        } else if is("transfer-encoding") {
            return refuse(411, "a request body needs a content-length here".to_owned());
        } else if is("expect") && value.eq_ignore_ascii_case("100-continue") {
            head.expects_continue = is_1_1;
        } else if is("connection") {
            let has = |word: &str| value.split(',').any(|w| w.trim().eq_ignore_ascii_case(word));
            head.keep_alive = is_1_1 && !has("close");
        } else if is("idempotency-key") {
            head.key = Some(value.to_owned());
        }
    }
    head.content_length = stated_length.unwrap_or(0);
    if head.content_length > MOST_BODY_BYTES {
        return refuse(413, format!("the body is longer than {MOST_BODY_BYTES} bytes"));
    }
    Ok(Some((head, length)))
}

/// How the end of a body is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Its length stands in the head.
    Length(usize),
    /// In chunks, each with its length.
    Chunked,
    /// The connection closes.
    UntilClose,
}

/// Appends a response head.
pub(super) fn write_head(
    out: &mut Vec<u8>,
    status: u16,
    headers: &HeaderMap,
    framing: Framing,
    keep_alive: bool,
    date: &str,
) {
    let reason = StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason());
    let reason = reason.unwrap_or("Unknown");
    write!(out, "HTTP/1.1 {status} {reason}\r\ndate: {date}\r\n")
        .expect("a vector takes every byte");
    for (name, value) in headers {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    match framing {
        Framing::Length(n) => {
            write!(out, "content-length: {n}\r\n").expect("a vector takes every byte");
        }
        Framing::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Framing::UntilClose => {}
    }
    if !keep_alive {
        out.extend_from_slice(b"connection: close\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends body bytes in their framing, as one chunk.
pub(super) fn write_body<'a>(
    out: &mut Vec<u8>,
    framing: Framing,
    parts: impl Iterator<Item = &'a Bytes> + Clone,
) {
    let length: usize = parts.clone().map(Bytes::len).sum();
    if length == 0 {
        return; // An empty chunk would be the end of the body.
    }
    if framing == Framing::Chunked {
        write!(out, "{length:x}\r\n").expect("a vector takes every byte");
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    if framing == Framing::Chunked {
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends the end of a body.
pub(super) fn write_end(out: &mut Vec<u8>, framing: Framing) {
    if framing == Framing::Chunked {
        out.extend_from_slice(b"0\r\n\r\n");
    }
}

/// The value of a `date` header.
pub(super) fn http_date(at: jiff::Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(head: &str, expected: Result<Option<(&str, usize, bool)>, u16>) {
        let got = match parse_head(head.as_bytes()) {
            Ok(found) => Ok(found.map(|(h, _)| (h.path, h.content_length, h.keep_alive))),
            Err(Stop::Refused(status, _)) => Err(status),
            Err(Stop::Gone) => panic!("parsing reads no socket"),
        };
        assert_eq!(got, expected.map(|o| o.map(|(p, n, k)| (p.to_owned(), n, k))), "{head}");
    }

    #[test]
    fn heads() {
        check("GET /a HTTP/1.1\r\n\r\n", Ok(Some(("/a", 0, true))));
        check("POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", Ok(Some(("/a", 5, true))));
        check("GET /a HTTP/1.1\r\nConnection: x, Close\r\n\r\n", Ok(Some(("/a", 0, false))));
        check("GET /a HTTP/1.0\r\n\r\n", Ok(Some(("/a", 0, false))));
        check("GET /a HTTP/1.1\r\nHost:", Ok(None));
        check("nonsense\r\n\r\n", Err(400));
        check("GET /a HTTP/1.1\r\nContent-Length: -1\r\n\r\n", Err(400));
        check("GET /a HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", Err(400));
        check("GET /a HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", Err(413));
        check("GET /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", Err(411));
        check(&format!("GET /a HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(65)), Err(431));
    }

    #[test]
    fn chunks() {
        let mut out = Vec::new();
        let parts = [Bytes::from("0123456789"), Bytes::from("abcdef")];
        write_body(&mut out, Framing::Chunked, parts.iter());
        write_body(&mut out, Framing::Chunked, [Bytes::new()].iter());
        write_end(&mut out, Framing::Chunked);
        assert_eq!(out, b"10\r\n0123456789abcdef\r\n0\r\n\r\n");
    }
}
