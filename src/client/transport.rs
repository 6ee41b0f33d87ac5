//! The seam between what knows about models and what knows about sockets.
//!
//! A transport takes a request and yields *timed* chunks of bytes. Two live implementations: HTTP
//! ([`crate::client`]) and the simulator in process ([`crate::sim`]).

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::units::Stamp;
use crate::wire::ErrorClass;

/// The `user-agent` of every request.
pub(super) const USER_AGENT: &str = concat!("weighbridge/", env!("CARGO_PKG_VERSION"));

/// A serialised request.
#[derive(Clone, Debug, Default)]
pub struct Outgoing {
    /// The provider's name.
    pub provider: Arc<str>,
    /// The endpoint's id. A connection serves the requests of one endpoint only.
    pub endpoint: Arc<str>,
    /// The whole URL.
    pub url: Arc<str>,
    /// Headers; the one that holds a key is marked sensitive.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Bytes,
    /// Whether it needs a new connection: set after [`ErrorClass::StaleConnection`], so that the
    /// next try cannot fail in the same way.
    pub fresh: bool,
}

/// The version of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1: one response at a time on a connection.
    #[default]
    Http1,
    /// HTTP/2: many on one.
    Http2,
}

/// A response head.
#[derive(Debug)]
pub struct Head {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// When a new connection was ready; `None`: a connection was reused.
    pub connected: Option<Stamp>,
    /// When the head was received.
    pub at: Stamp,
    /// The version of HTTP that carried the response; `None`: it came over no network.
    pub protocol: Option<Protocol>,
}

/// Bytes of a body, stamped when they were read and before anything was decoded.
#[derive(Clone, Debug)]
pub struct TimedChunk {
    /// When they were read.
    pub at: Stamp,
    /// What was read.
    pub bytes: Bytes,
}

/// Why a transport failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TransportError {
    /// Its class: [`ErrorClass::Connect`], [`ErrorClass::ConnectTimeout`], [`ErrorClass::Reset`],
    /// [`ErrorClass::StaleConnection`] or [`ErrorClass::Protocol`].
    pub class: ErrorClass,
    /// What happened, without any key.
    pub message: String,
}

/// A body that is being read.
pub trait ChunkStream: Send {
    /// The next bytes; `None` at the end of the body.
    fn next(&mut self) -> impl Future<Output = Result<Option<TimedChunk>, TransportError>> + Send;
}

/// A way to send requests.
pub trait Transport: Send + Sync + 'static {
    /// A response body.
    type Body: ChunkStream;

    /// Sends a request and waits for the response head. A request of which a byte was written is
    /// never sent again.
    fn open(
        &self,
        request: Outgoing,
    ) -> impl Future<Output = Result<(Head, Self::Body), TransportError>> + Send;
}

/// An error's message with those of its causes, outermost first.
pub(super) fn error_chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !message.contains(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        source = cause.source();
    }
    message
}
