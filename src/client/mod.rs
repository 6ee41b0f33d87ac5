//! One attempt, timed. Nothing is retried here.

pub mod attempt;
pub mod http;
pub mod transport;

pub use attempt::{Attempt, AttemptLimits, AttemptRecord, Outcome, Stamps};
pub use http::HttpTransport;
pub use transport::{ChunkStream, Head, Outgoing, TimedChunk, Transport, TransportError};
