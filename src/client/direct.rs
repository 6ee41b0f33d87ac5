//! HTTP/1.1 on connections of our own, in the caller's task.
//!
//! A general client decodes on a task of its own and hands chunks over a channel: the reader learns
//! of a read when that task and then its own have run, and cannot tell which chunks came together.
//! Here the read, its stamp and the framing are one call, and one read of the socket is one
//! [`TimedChunk`].

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::connection::{Connection, Io};
use super::http1::Framing;
use super::socket::Socket;
use super::transport::{
    Head, Outgoing, Protocol, TimedChunk, TransportError, USER_AGENT, error_chain,
};
use crate::units::{Clock, Stamp};
use crate::wire::ErrorClass;

/// Idle connections kept per endpoint; further ones are closed.
const MAX_IDLE: usize = 4096;
/// How long an idle connection is kept. Servers close theirs after 5 to 120 s.
const IDLE_FOR: Duration = Duration::from_secs(90);
/// A server that closes an idle connection as a request arrives does so at once. A connection that
/// breaks later than this broke for another reason. Two round trips around the world.
pub(super) const STALE_WITHIN: Duration = Duration::from_millis(500);

/// Connections to one provider.
#[derive(Clone, Debug)]
pub(super) struct Direct(Arc<Inner>);

struct Inner {
    clock: Clock,
    connector: HttpConnector,
    connect_timeout: Duration,
    tls: TlsConnector,
    /// By endpoint and origin. Endpoints share no connection: HTTP/1.1 has no request ids, so an
    /// answer that comes late would be read as the answer to the next request.
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

impl Direct {
    pub fn new(clock: Clock, connect_timeout: Duration, tls: TlsConnector) -> Self {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        let idle = Mutex::default();
        Self(Arc::new(Inner { clock, connector, connect_timeout, tls, idle }))
    }

    /// Opens connections for an endpoint's next requests and returns how many are ready.
    pub async fn warm(&self, endpoint: &str, origin: &Uri, n: usize) -> usize {
        let mut opening = tokio::task::JoinSet::new();
        for _ in 0..n.min(MAX_IDLE) {
            let (this, origin) = (self.clone(), origin.clone());
            opening.spawn(async move { this.connect(&origin).await.ok() });
        }
        let mut ready = 0;
        while let Some(opened) = opening.join_next().await {
            if let Ok(Some((connection, _))) = opened {
                self.keep(pool_of(endpoint, origin), connection);
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
        let pool = pool_of(&request.endpoint, uri);
        let bytes = serialize(uri, request);
        let mut may_reuse = !request.fresh;
        loop {
            let began = self.0.clock.now();
            let idle = if may_reuse { self.idle(&pool) } else { None };
            let is_reused = idle.is_some();
            let (mut connection, connected) = match idle {
                Some(connection) => (connection, None),
                None => self.connect(uri).await.map(|(c, at)| (c, Some(at)))?,
            };
            let failed = match connection.exchange(&bytes).await {
                Ok((head, at, rest)) => {
                    let body = DirectBody {
                        connection: Some(connection),
                        rest,
                        framing: head.framing,
                        keep_alive: head.keep_alive,
                        home: (self.clone(), pool),
                    };
                    let protocol = Some(Protocol::Http1);
                    let (status, headers) = (head.status, head.headers);
                    return Ok((Head { status, headers, connected, at, protocol }, body));
                }
                Err(failed) => failed,
            };
            if is_reused && !failed.is_sent {
                // The server cannot have seen it.
                may_reuse = false;
                continue;
            }
            let is_prompt = self.0.clock.now().since(began) <= STALE_WITHIN;
            let mut error = failed.error;
            if is_reused && is_prompt && !failed.has_response && error.class == ErrorClass::Reset {
                error.class = ErrorClass::StaleConnection;
            }
            return Err(error);
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
                .map_err(|e| failed(error_chain(&e)))?;
            let stream = connector.call(uri.clone()).await.map_err(|e| failed(error_chain(&e)))?;
            let socket = Socket::new(stream.into_inner(), inner.clock.clone());
            if uri.scheme() != Some(&http::uri::Scheme::HTTPS) {
                return Ok::<_, TransportError>(Connection::new(Io::Plain(socket)));
            }
            let host = uri.host().unwrap_or_default();
            let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
            let name = ServerName::try_from(host).map_err(|e| failed(e.to_string()))?;
            let stream =
                inner.tls.connect(name, socket).await.map_err(|e| failed(error_chain(&e)))?;
            Ok(Connection::new(Io::Tls(Box::new(stream))))
        };
        let connection = tokio::time::timeout(limit, connecting).await.map_err(|_| {
            let message = format!("no connection within {:.1} s", limit.as_secs_f64());
            TransportError { class: ErrorClass::ConnectTimeout, message }
        })??;
        Ok((connection, inner.clock.now()))
    }

    /// An idle connection that this side believes to be open.
    fn idle(&self, pool: &str) -> Option<Connection> {
        let now = self.0.clock.now();
        loop {
            let idle = self.lock().get_mut(pool)?.pop()?;
            let mut connection = idle.connection;
            if now.since(idle.since) < IDLE_FOR && connection.is_open() {
                return Some(connection);
            }
        }
    }

    fn keep(&self, pool: String, connection: Connection) {
        let since = self.0.clock.now();
        let mut idle = self.lock();
        let idle = idle.entry(pool).or_default();
        if idle.len() < MAX_IDLE {
            idle.push(Idle { connection, since });
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Vec<Idle>>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key of the connections that a request may use.
fn pool_of(endpoint: &str, uri: &Uri) -> String {
    let authority = uri.authority().map_or("", |a| a.as_str());
    format!("{endpoint} {}://{authority}", uri.scheme_str().unwrap_or("http"))
}

/// The whole request in one buffer, so that it is sent in one write.
fn serialize(uri: &Uri, request: &Outgoing) -> Vec<u8> {
    let path = uri.path_and_query().map_or("/", |p| p.as_str());
    let host = uri.authority().map_or("", |a| a.as_str());
    let mut out = Vec::with_capacity(512 + request.body.len());
    let mut line = |parts: &[&[u8]]| parts.iter().for_each(|part| out.extend_from_slice(part));
    line(&[b"POST ", path.as_bytes(), b" HTTP/1.1\r\nhost: ", host.as_bytes()]);
    line(&[b"\r\nuser-agent: ", USER_AGENT.as_bytes(), b"\r\naccept: */*\r\n"]);
    for (name, value) in &request.headers {
        line(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"]);
    }
    let length = request.body.len().to_string();
    line(&[b"content-length: ", length.as_bytes(), b"\r\n\r\n", &request.body]);
    out
}

/// A response body that is being read.
pub(super) struct DirectBody {
    /// `None` once the body is complete and the connection is back in its pool.
    connection: Option<Connection>,
    /// Bytes of the body that came in the same read as the head.
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
                    message: error_chain(&e),
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
            let taken = self.framing.take(&mut bytes)?;
            if self.framing.is_over() {
                // Bytes after the body answer no request: such a connection is not used again.
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
