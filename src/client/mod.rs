//! One attempt, timed. Nothing is retried here, except what a closed idle connection swallowed.

pub mod attempt;
mod direct;
pub mod fetch;
pub mod http;
pub mod http1;
mod routed;
pub mod runtime;
mod socket;
pub mod transport;

pub use attempt::{Attempt, AttemptLimits, AttemptRecord, Outcome, Stamps};
pub use http::{HttpTransport, through_proxy};
pub use transport::{ChunkStream, Head, Outgoing, Protocol, TimedChunk, Transport, TransportError};

/// What requests say that they come from.
const USER_AGENT: &str = concat!("weighbridge/", env!("CARGO_PKG_VERSION"));
