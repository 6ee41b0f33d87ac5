//! Codecs without `async` and without a clock. The client's half: requests to bytes, bytes to events
//! and answers. The server's half is in `server`.

mod answer;
pub mod anthropic;
mod decode;
mod encode;
pub mod error;
mod error_words;
mod event_content;
#[cfg(test)]
mod gateway_tests;
mod gemini;
mod headers;
mod json_repair;
mod lenient;
mod openai_chat;
mod openai_responses;
mod params;
mod provider_error;
mod provider_words;
pub mod rate_limit;
pub mod refused_parameter;
mod request;
pub(crate) mod server;
pub mod sse;
pub mod stated_wait;
#[cfg(test)]
mod tests;
mod text;
mod think;
mod tool_calls;
pub mod usage;

pub use answer::{Answer, FinishReason};
pub use decode::{StreamDecoder, decode_body};
pub use encode::{encode, path};
pub use error::ErrorClass;
pub use event_content::EventContent;
pub use headers::SIMULATED_HEADER;
pub use provider_error::{IN_STREAM, MAX_DETAIL, WireError, decode_error, decode_failure};
pub use rate_limit::RateLimits;
pub use request::Request;
