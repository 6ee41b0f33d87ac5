//! Answers and errors as a server writes them.

mod anthropic;
mod encoder;
mod error;
mod form;
mod gemini;
mod openai_chat;
mod openai_responses;
mod pieces;
#[cfg(test)]
mod tests;

pub(crate) use encoder::{StreamEncoder, encode_answer};
pub(crate) use error::{StreamError, encode_error, encode_stream_error};
pub(crate) use form::{Closing, Envelope, Piece};
pub(crate) use pieces::split_pieces;
