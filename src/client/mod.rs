//! One attempt, timed. Nothing is retried here.

pub mod transport;

pub use transport::{ChunkStream, Head, Outgoing, TimedChunk, Transport, TransportError};
