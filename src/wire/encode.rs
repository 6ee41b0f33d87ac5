//! The body and the path of a request, in every dialect.

use serde_json::Value;

use super::request::Request;
use super::{anthropic, gemini, openai_chat, openai_responses};
use crate::units::Dialect;

/// The body of a request.
#[must_use]
pub fn encode(dialect: Dialect, request: &Request<'_>) -> Vec<u8> {
    let body = match dialect {
        Dialect::OpenaiChat => openai_chat::encode(request),
        Dialect::OpenaiResponses => openai_responses::encode(request),
        Dialect::Anthropic => anthropic::encode(request),
        Dialect::Gemini => gemini::encode(request),
    };
    serde_json::to_vec(&Value::Object(body)).expect("plain JSON values")
}

/// The path of a request below a provider's base URL.
#[must_use]
pub fn path(dialect: Dialect, model: &str, stream: bool) -> String {
    match dialect {
        Dialect::OpenaiChat => openai_chat::PATH.to_owned(),
        Dialect::OpenaiResponses => openai_responses::PATH.to_owned(),
        Dialect::Anthropic => anthropic::PATH.to_owned(),
        Dialect::Gemini => gemini::path(model, stream),
    }
}
