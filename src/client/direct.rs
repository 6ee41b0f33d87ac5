//! HTTP/1.1 on our own connections, in the caller's own task.
//!
//! A general client decodes on a task of its own and hands chunks over a channel: the reader learns
//! of a read when that task and then its own have had their turn, and cannot tell which chunks
//! came together. Here the read, its stamp and the framing are one call, and one read of the socket
//! is one [`TimedChunk`].

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

use super::http1::{self, Framing, NotHttp, ResponseHead};
use super::socket::Socket;
use super::transport::{Head, Outgoing, Protocol, TimedChunk, TransportError};
use crate::units::{Clock, Stamp};
use crate::wire::ErrorClass;

/// The size of a read. A model's events are a few hundred bytes; a burst of them is a few thousand.
const READ: usize = 8 << 10;
/// The least space that a read is given.
const LEAST_READ: usize = 2 << 10;
/// Idle connections kept per origin; further ones are closed.
const MOST_IDLE: usize = 4096;
/// How long an idle connection is kept. Servers close theirs after 5 to 120 s.
const IDLE_FOR: Duration = Duration::from_secs(90);
/// A server that closes an idle connection just when a request comes does so at once: what breaks
/// later than this is the provider's own doing, and is told as such. Two round trips around the
/// world.
pub(super) const STALE_WITHIN: Duration = Duration::from_millis(500);
/// Informational responses that are skipped before the real one.
const MOST_INFORMATIONAL: usize = 16;

/// The connections of one provider.
#[derive(Clone, Debug)]
pub(super) struct Direct(Arc<Inner>);

struct Inner {
    clock: Clock,
    connector: HttpConnector,
    connect_timeout: Duration,
    tls: TlsConnector,
    idle: Mutex<BTreeMap<String, Vec<Idle>>>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Direct").finish_non_exhaustive()
    }
}

struct Idle {
    connection: Connection,
    since: Stamp,
}

/// A failure, and whether the same request may leave once more: nothing of a response had come.
struct Broken {
    error: TransportError,
    nothing_came: bool,
}

impl Direct {
    pub fn new(clock: Clock, connect_timeout: Duration, tls: TlsConnector) -> Self {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        let idle = Mutex::default();
        Self(Arc::new(Inner { clock, connector, connect_timeout, tls, idle }))
    }

    /// Opens connections that the next requests will use; gives how many are ready.
    pub async fn warm(&self, origin: &Uri, n: usize) -> usize {
        let mut opening = tokio::task::JoinSet::new();
        for _ in 0..n.min(MOST_IDLE) {
            let (this, origin) = (self.clone(), origin.clone());
            opening.spawn(async move { this.connect(&origin).await.ok() });
        }
        let mut ready = 0;
        while let Some(opened) = opening.join_next().await {
            if let Ok(Some((connection, _))) = opened {
                self.keep(origin_of(origin), connection);
                ready += 1;
            }
        }
        ready
    }

    /// Sends a request and reads the response's head.
    pub async fn open(
        &self,
        uri: &Uri,
        request: &Outgoing,
    ) -> Result<(Head, DirectBody), TransportError> {
        let origin = origin_of(uri);
        let bytes = serialise(uri, request);
        let mut resent = None;
        loop {
            let began = self.0.clock.now();
            let idle = if resent.is_some() { None } else { self.idle(&origin) };
            let is_reused = idle.is_some();
            let (mut connection, connected) = match idle {
                Some(connection) => (connection, None),
                None => self.connect(uri).await.map(|(c, at)| (c, Some(at)))?,
            };
            match connection.exchange(&bytes).await {
                Ok((head, at, rest)) => {
                    let body = DirectBody {
                        connection: Some(connection),
                        rest,
                        framing: head.framing,
                        keep_alive: head.keep_alive,
                        home: (self.clone(), origin),
                    };
                    let protocol = Some(Protocol::Http1);
                    let (status, headers) = (head.status, head.headers);
                    return Ok((Head { status, headers, connected, at, protocol, resent }, body));
                }
                // The server closed an idle connection while the request was on its way.
                Err(Broken { nothing_came: true, .. })
                    if is_reused && self.0.clock.now().since(began) <= STALE_WITHIN =>
                {
                    resent = Some(self.0.clock.now());
                }
                Err(Broken { error, .. }) => return Err(error),
            }
        }
    }

    async fn connect(&self, uri: &Uri) -> Result<(Connection, Stamp), TransportError> {
        let inner = &self.0;
        let limit = inner.connect_timeout;
        let failed = |message: String| TransportError { class: ErrorClass::Connect, message };
        let connecting = async {
            let mut connector = inner.connector.clone();
            poll_fn(|context| connector.poll_ready(context))
                .await
                .map_err(|e| failed(causes(&e)))?;
            let stream = connector.call(uri.clone()).await.map_err(|e| failed(causes(&e)))?;
            let socket = Socket::new(stream.into_inner(), inner.clock.clone());
            if uri.scheme() != Some(&http::uri::Scheme::HTTPS) {
                return Ok(Connection::new(Io::Plain(socket)));
            }
            let host = uri.host().unwrap_or_default();
            let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
            let name = ServerName::try_from(host).map_err(|e| failed(e.to_string()))?;
            let stream = inner.tls.connect(name, socket).await.map_err(|e| failed(causes(&e)))?;
            Ok(Connection::new(Io::Tls(Box::new(stream))))
        };
        let connection = tokio::time::timeout(limit, connecting).await.map_err(|_| {
            let message = format!("no connection within {:.1} s", limit.as_secs_f64());
            TransportError { class: ErrorClass::ConnectTimeout, message }
        })??;
        Ok((connection, inner.clock.now()))
    }

    /// An idle connection that is still open as far as this side knows.
    fn idle(&self, origin: &str) -> Option<Connection> {
        let now = self.0.clock.now();
        loop {
            let idle = self.lock().get_mut(origin)?.pop()?;
            let mut connection = idle.connection;
            if now.since(idle.since) < IDLE_FOR && connection.is_open() {
                return Some(connection);
            }
        }
    }

    fn keep(&self, origin: String, connection: Connection) {
        let since = self.0.clock.now();
        let mut idle = self.lock();
        let idle = idle.entry(origin).or_default();
        if idle.len() < MOST_IDLE {
            idle.push(Idle { connection, since });
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Vec<Idle>>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The scheme and the authority: which connections a request may use.
fn origin_of(uri: &Uri) -> String {
    let authority = uri.authority().map_or("", |a| a.as_str());
    format!("{}://{authority}", uri.scheme_str().unwrap_or("http"))
}

/// The whole request, so that it leaves in one write.
fn serialise(uri: &Uri, request: &Outgoing) -> Vec<u8> {
    let path = uri.path_and_query().map_or("/", |p| p.as_str());
    let host = uri.authority().map_or("", |a| a.as_str());
    let mut out = Vec::with_capacity(512 + request.body.len());
    let mut line = |parts: &[&[u8]]| parts.iter().for_each(|part| out.extend_from_slice(part));
    line(&[b"POST ", path.as_bytes(), b" HTTP/1.1\r\nhost: ", host.as_bytes()]);
    line(&[b"\r\nuser-agent: ", super::USER_AGENT.as_bytes(), b"\r\naccept: */*\r\n"]);
    for (name, value) in &request.headers {
        line(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"]);
    }
    let length = request.body.len().to_string();
    line(&[b"content-length: ", length.as_bytes(), b"\r\n\r\n", &request.body]);
    out
}

/// An error with its causes, outermost first.
pub(super) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !message.contains(&said) {
            message.push_str(": ");
            message.push_str(&said);
        }
        source = cause.source();
    }
    message
}

/// What bytes travel over.
enum Io {
    Plain(Socket),
    Tls(Box<TlsStream<Socket>>),
}

struct Connection {
    io: Io,
    /// Zeroed space for reads; what was read is split off its front.
    space: BytesMut,
}

impl Connection {
    fn new(io: Io) -> Self {
        Self { io, space: BytesMut::new() }
    }

    /// When the bytes of the last read came.
    fn last_read(&self) -> Stamp {
        match &self.io {
            Io::Plain(socket) => socket.last_read(),
            Io::Tls(stream) => stream.get_ref().0.last_read(),
        }
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

    /// Whether the other side has neither closed an idle connection nor said anything on it.
    fn is_open(&mut self) -> bool {
        let mut context = Context::from_waker(std::task::Waker::noop());
        let mut byte = [0; 1];
        self.poll_read(&mut context, &mut ReadBuf::new(&mut byte)).is_pending()
    }

    /// One read of the socket; empty at its end.
    async fn read(&mut self) -> io::Result<BytesMut> {
        if self.space.len() < LEAST_READ {
            // Reclaims the allocation when all that was split off it is gone.
            self.space.clear();
            self.space.reserve(READ);
            self.space.resize(READ, 0);
        }
        let n = match &mut self.io {
            Io::Plain(socket) => socket.read(&mut self.space[..]).await?,
            Io::Tls(stream) => match stream.read(&mut self.space[..]).await {
                // Many servers close without TLS's own goodbye; the framing knows whether more was
                // to come.
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

    /// Sends a request and reads until a response's head is there: the head, its stamp, and what
    /// came of the body in the same read.
    async fn exchange(
        &mut self,
        request: &[u8],
    ) -> Result<(ResponseHead, Stamp, BytesMut), Broken> {
        let reset = |error: &io::Error, nothing_came| Broken {
            error: TransportError { class: ErrorClass::Reset, message: causes(error) },
            nothing_came,
        };
        // A server may refuse a request before it has read all of it, so that the write fails and
        // yet there is an answer.
        let written = self.write(request).await;
        let mut received = BytesMut::new();
        let mut informational = 0;
        loop {
            let bytes = match self.read().await {
                Ok(bytes) => bytes,
                Err(error) => {
                    let error = written.as_ref().err().unwrap_or(&error);
                    return Err(reset(error, received.is_empty()));
                }
            };
            if bytes.is_empty() {
                let closed = io::Error::other("the connection was closed before a response came");
                let error = written.as_ref().err().unwrap_or(&closed);
                return Err(reset(error, received.is_empty()));
            }
            if received.is_empty() {
                received = bytes;
            } else {
                received.extend_from_slice(&bytes);
            }
            while let Some(head) = http1::head(&received).map_err(protocol)? {
                let _ = received.split_to(head.bytes);
                match head.status {
                    101 => return Err(protocol(NotHttp("it switches protocols"))),
                    100..=199 if informational < MOST_INFORMATIONAL => informational += 1,
                    100..=199 => return Err(protocol(NotHttp("informational without end"))),
                    _ => return Ok((head, self.last_read(), received)),
                }
            }
        }
    }
}

fn protocol(error: NotHttp) -> Broken {
    Broken { error: not_http(error), nothing_came: false }
}

fn not_http(error: NotHttp) -> TransportError {
    TransportError { class: ErrorClass::Protocol, message: error.to_string() }
}

/// A response body that is being read.
pub(super) struct DirectBody {
    /// `None` once the body is complete and the connection has gone back.
    connection: Option<Connection>,
    /// What came in the same read as the head.
    rest: BytesMut,
    framing: Framing,
    keep_alive: bool,
    home: (Direct, String),
}

impl std::fmt::Debug for DirectBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DirectBody").field("framing", &self.framing).finish_non_exhaustive()
    }
}

impl DirectBody {
    pub async fn next(&mut self) -> Result<Option<TimedChunk>, TransportError> {
        loop {
            let Some(connection) = &mut self.connection else { return Ok(None) };
            let mut bytes = std::mem::take(&mut self.rest);
            if bytes.is_empty() && !self.framing.is_over() {
                bytes = connection.read().await.map_err(|e| TransportError {
                    class: ErrorClass::Reset,
                    message: causes(&e),
                })?;
                if bytes.is_empty() {
                    self.connection = None;
                    return if self.framing == Framing::UntilClose {
                        Ok(None)
                    } else {
                        let message = "the connection was closed in the middle of the body";
                        Err(TransportError { class: ErrorClass::Reset, message: message.into() })
                    };
                }
            }
            let at = connection.last_read();
            let taken = self.framing.take(&mut bytes).map_err(not_http)?;
            if self.framing.is_over() {
                // What follows a body was not asked for: such a connection is not used again.
                let is_clean = taken.used == bytes.len();
                let connection = self.connection.take().filter(|_| is_clean && self.keep_alive);
                if let Some(connection) = connection {
                    self.home.0.keep(std::mem::take(&mut self.home.1), connection);
                }
            }
            if taken.body > 0 {
                bytes.truncate(taken.body);
                return Ok(Some(TimedChunk { at, bytes: bytes.freeze() }));
            }
        }
    }
}
