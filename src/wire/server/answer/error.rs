//! Errors in every dialect.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::units::Dialect;

/// Encodes an error as the body of a response. `kind` and `code` are those of OpenAI; the other
/// dialects derive theirs from the status.
#[must_use]
pub(crate) fn encode_error(
    dialect: Dialect,
    status: u16,
    message: &str,
    kind: &str,
    code: Option<&str>,
) -> Bytes {
    let body = match dialect {
        Dialect::OpenaiChat | Dialect::OpenaiResponses => {
            json!({"error": {"message": message, "type": kind, "code": code}})
        }
        Dialect::Anthropic => anthropic(status, message),
        Dialect::Gemini => gemini(status, message),
    };
    Bytes::from(body.to_string())
}

/// An error inside a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamError {
    /// The server behind the provider failed.
    BadGateway,
    RateLimit,
}

/// Encodes an error as an event of a stream, followed by the end of the stream.
#[must_use]
pub(crate) fn encode_stream_error(dialect: Dialect, error: StreamError) -> String {
    const MESSAGE: &str = "The provider failed.";
    let status = match error {
        StreamError::BadGateway => 502,
        StreamError::RateLimit => 429,
    };
    match dialect {
        Dialect::OpenaiChat => {
            // Providers send a number or a word.
            let code = match error {
                StreamError::BadGateway => json!(502),
                StreamError::RateLimit => json!("rate_limit_exceeded"),
            };
            let event = json!({"error": {"message": MESSAGE, "code": code}});
            format!("data: {event}\n\ndata: [DONE]\n\n")
        }
        Dialect::OpenaiResponses => {
            let code = match error {
                StreamError::BadGateway => "server_error",
                StreamError::RateLimit => "rate_limit_exceeded",
            };
            let event = json!({"type": "error", "code": code, "message": MESSAGE, "param": null});
            format!("event: error\ndata: {event}\n\n")
        }
        Dialect::Anthropic => format!("event: error\ndata: {}\n\n", anthropic(status, MESSAGE)),
        Dialect::Gemini => format!("data: {}\n\n", gemini(status, MESSAGE)),
    }
}

fn anthropic(status: u16, message: &str) -> Value {
    let kind = match status {
        400 | 405 => "invalid_request_error",
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        _ => "api_error",
    };
    json!({"type": "error", "error": {"type": kind, "message": message}})
}

fn gemini(status: u16, message: &str) -> Value {
    let word = match status {
        400 | 405 | 413 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 | 529 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    };
    json!({"error": {"code": status, "message": message, "status": word}})
}
