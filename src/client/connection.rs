//! One HTTP/1.1 connection: a request written, a response head read, body bytes read.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio_rustls::client::TlsStream;

use super::http1::{self, ParseError, ResponseHead};
use super::socket::Socket;
use super::transport::{TransportError, error_chain};
use crate::units::Stamp;
use crate::wire::ErrorClass;

/// The size of a read. A model's events are a few hundred bytes; a burst of them is a few thousand.
const READ: usize = 8 << 10;
/// The least space that a read is given.
const LEAST_READ: usize = 2 << 10;
/// Informational responses that are skipped before the final one.
const MAX_INFORMATIONAL: usize = 16;

/// Why an exchange failed, and how far it had come.
pub(super) struct ExchangeError {
    pub error: TransportError,
    /// Whether any byte of the request was written.
    pub is_sent: bool,
    /// Whether any byte of a response was read.
    pub has_response: bool,
}

/// The byte stream: plain or TLS.
pub(super) enum Io {
    Plain(Socket),
    Tls(Box<TlsStream<Socket>>),
}

pub(super) struct Connection {
    io: Io,
    /// Zeroed space for reads; the bytes of a read are split off its front.
    space: BytesMut,
}

impl Connection {
    pub fn new(io: Io) -> Self {
        Self { io, space: BytesMut::new() }
    }

    fn socket(&self) -> &Socket {
        match &self.io {
            Io::Plain(socket) => socket,
            Io::Tls(stream) => stream.get_ref().0,
        }
    }

    /// The stamp of the last read's bytes.
    pub fn last_read(&self) -> Stamp {
        self.socket().last_read()
    }

    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(socket) => Pin::new(socket).poll_read(context, into),
            Io::Tls(stream) => Pin::new(stream).poll_read(context, into),
        }
    }

    /// Whether an idle connection can take a request: the server has neither closed it nor sent
    /// anything on it.
    pub fn is_open(&mut self) -> bool {
        let mut context = Context::from_waker(std::task::Waker::noop());
        let mut byte = [0; 1];
        self.poll_read(&mut context, &mut ReadBuf::new(&mut byte)).is_pending()
    }

    /// One read of the socket; empty at the end of the stream.
    pub async fn read(&mut self) -> io::Result<BytesMut> {
        if self.space.len() < LEAST_READ {
            // Reclaims the allocation once every part that was split off is dropped.
            self.space.clear();
            self.space.reserve(READ);
            self.space.resize(READ, 0);
        }
        let n = match &mut self.io {
            Io::Plain(socket) => socket.read(&mut self.space[..]).await?,
            Io::Tls(stream) => match stream.read(&mut self.space[..]).await {
                // Many servers close without a TLS close_notify; the framing tells whether the body
                // is complete.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
                read => read?,
            },
        };
        Ok(self.space.split_to(n))
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.io {
            Io::Plain(socket) => socket.write_all(bytes).await,
            Io::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }

    /// Sends a request and reads a response head: the head, its stamp, and the bytes of the body that
    /// came in the same read.
    pub async fn exchange(
        &mut self,
        request: &[u8],
    ) -> Result<(ResponseHead, Stamp, BytesMut), ExchangeError> {
        let written_before = self.socket().written();
        let written = self.write(request).await;
        let is_sent = self.socket().written() > written_before;
        let failed = |error, has_response| ExchangeError { error, is_sent, has_response };
        let reset = |error: &io::Error, has_response| {
            let message = error_chain(written.as_ref().err().unwrap_or(error));
            failed(TransportError { class: ErrorClass::Reset, message }, has_response)
        };
        if let Err(error) = written.as_ref()
            && !is_sent
        {
            return Err(reset(error, false));
        }
        // A server may refuse a request before it has read all of it: then the write fails, and yet
        // there is a response to read.
        let mut received = BytesMut::new();
        let mut has_response = false;
        let mut informational = 0;
        loop {
            let bytes = self.read().await.map_err(|error| reset(&error, has_response))?;
            if bytes.is_empty() {
                let closed = io::Error::other("the connection was closed before a response came");
                return Err(reset(&closed, has_response));
            }
            has_response = true;
            if received.is_empty() {
                received = bytes;
            } else {
                received.extend_from_slice(&bytes);
            }
            let invalid = |error: ParseError| failed(error.into(), true);
            while let Some(head) = http1::head(&received).map_err(invalid)? {
                let _ = received.split_to(head.bytes);
                match head.status {
                    101 => return Err(invalid(ParseError("it switches protocols"))),
                    100..=199 if informational < MAX_INFORMATIONAL => informational += 1,
                    100..=199 => return Err(invalid(ParseError("informational without end"))),
                    _ => return Ok((head, self.last_read(), received)),
                }
            }
        }
    }
}

impl From<ParseError> for TransportError {
    fn from(error: ParseError) -> Self {
        Self { class: ErrorClass::Protocol, message: error.to_string() }
    }
}
