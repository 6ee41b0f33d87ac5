//! One timed attempt: a request is sent at most once.

pub mod answer_memory;
pub mod attempt;
mod body_kind;
mod connection;
mod deadline;
mod direct;
pub mod fetch;
pub mod http;
pub mod http1;
mod routed;
pub mod runtime;
mod socket;
pub mod transport;
mod unpack;
mod via_reqwest;

pub use attempt::{Attempt, AttemptLimits, AttemptRecord, Outcome, Stamps};
pub use http::{HttpTransport, through_proxy};
pub use transport::{ChunkStream, Head, Outgoing, Protocol, TimedChunk, Transport, TransportError};
