//! The seam between what knows about models and what knows about sockets.
//!
//! A transport takes a request and yields *timed* chunks of bytes. Two live implementations: HTTP
//! ([`crate::client`]) and the simulator in process ([`crate::sim`]).

use std::future::Future;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::units::Stamp;
use crate::wire::ErrorClass;

/// A request, ready to leave: everything is serialised.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The provider's name: which connection pool serves it.
    pub provider: String,
    /// The whole URL.
    pub url: String,
    /// Headers; the one that holds a key is marked sensitive.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Bytes,
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
    /// A reused connection turned out to be closed just as the request came, before any byte of a
    /// response: when the request was then sent once more on a fresh one. Not the provider's
    /// failure.
    pub resent: Option<Stamp>,
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
    /// Its class: [`ErrorClass::Connect`], [`ErrorClass::ConnectTimeout`], [`ErrorClass::Reset`]
    /// or [`ErrorClass::Protocol`].
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

    /// Sends a request and waits for the response head.
    fn open(
        &self,
        request: Outgoing,
    ) -> impl Future<Output = Result<(Head, Self::Body), TransportError>> + Send;
}
