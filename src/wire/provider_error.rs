//! Errors of providers, as a response or inside a stream.
//!
//! The four dialects name an error in four ways: OpenAI by `code` and `type`, Anthropic by `type`,
//! Gemini by a numeric `code` and a `status`. One reader takes them all.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::error::ErrorClass;
use super::error_words;

/// An error response, or a response that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireError {
    /// What retries and breakers branch on.
    pub class: ErrorClass,
    /// The provider's message, at most [`MAX_DETAIL`] characters.
    pub detail: String,
}

/// The most characters of a provider's error message that are kept.
pub const MAX_DETAIL: usize = 300;

/// The most bytes shown of a body that is not an error object.
const SHOWN_BYTES: usize = 1200;

/// The class and the message of a response whose status is not a success, in any dialect.
#[must_use]
pub fn decode_error(status: u16, body: &[u8]) -> WireError {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        error: Option<&'a RawValue>,
    }
    // Gemini sends a list for a stream without server-sent events.
    let error = match serde_json::from_slice::<Vec<Body<'_>>>(body) {
        Ok(list) => list.into_iter().next(),
        Err(_) => serde_json::from_slice::<Body<'_>>(body).ok(),
    }
    .and_then(|body| body.error);
    let said = error.map_or_else(
        || String::from_utf8_lossy(&body[..body.len().min(SHOWN_BYTES)]).into_owned(),
        |error| message_of(error.get()),
    );
    // Out of credit also comes as 429 or 400, and a wrong key as 400; the error's code or its words
    // tell them apart.
    let class = error
        .and_then(|error| coded(error.get()))
        .filter(|class| matches!(class, ErrorClass::Payment | ErrorClass::Auth))
        .or_else(|| error_words::class_of(status, &said))
        .unwrap_or_else(|| ErrorClass::of_status(status));
    WireError { class, detail: cut(&format!("HTTP {status}: {}", said.trim())) }
}

/// An error object in a response that began as a success.
pub(super) fn in_band(error: &str) -> WireError {
    let said = message_of(error);
    let by_code = coded(error).unwrap_or(ErrorClass::Server);
    let by_words = match by_code {
        ErrorClass::Server | ErrorClass::RateLimited | ErrorClass::BadRequest => {
            error_words::class_of(400, &said)
        }
        _ => None,
    };
    let class = by_words.unwrap_or(by_code);
    WireError { class, detail: cut(&format!("error in the stream: {said}")) }
}

/// A response that violates the dialect.
pub(super) fn malformed(what: &str, data: &[u8], error: &serde_json::Error) -> WireError {
    let shown = String::from_utf8_lossy(&data[..data.len().min(80)]).into_owned();
    WireError {
        class: ErrorClass::Protocol,
        detail: cut(&format!("not {what} ({error}): {shown}")),
    }
}

/// The class of an error's code, else of its status, else of its type.
fn coded(error: &str) -> Option<ErrorClass> {
    #[derive(Deserialize)]
    struct Coded {
        code: Option<Value>,
        status: Option<Value>,
        #[serde(rename = "type")]
        kind: Option<Value>,
        details: Option<Value>,
    }
    let coded: Coded = serde_json::from_str(error).ok()?;
    let wrong_key =
        coded.details.as_ref().and_then(Value::as_array).is_some_and(|details| {
            details.iter().any(|detail| detail["reason"] == "API_KEY_INVALID")
        });
    if wrong_key {
        return Some(ErrorClass::Auth);
    }
    let status = [coded.code, coded.status, coded.kind].into_iter().flatten().find_map(|word| {
        match word {
            Value::Number(n) => n.as_u64().and_then(|n| u16::try_from(n).ok()),
            Value::String(text) => text.parse().ok().or_else(|| status_of_word(&text)),
            _ => None,
        }
        .filter(|status| (400..=599).contains(status))
    });
    status.map(ErrorClass::of_status)
}

/// The HTTP status that a provider's error code stands for: those of OpenAI, of Anthropic's published
/// error types, and of Google's `google.rpc.Code`.
fn status_of_word(word: &str) -> Option<u16> {
    Some(match word {
        "invalid_request_error"
        | "invalid_prompt"
        | "context_length_exceeded"
        | "INVALID_ARGUMENT"
        | "FAILED_PRECONDITION"
        | "OUT_OF_RANGE" => 400,
        "authentication_error" | "invalid_api_key" | "UNAUTHENTICATED" => 401,
        "insufficient_quota" | "billing_error" => 402,
        "permission_error" | "PERMISSION_DENIED" => 403,
        "not_found_error" | "model_not_found" | "NOT_FOUND" => 404,
        "request_too_large" => 413,
        "rate_limit_exceeded" | "rate_limited" | "rate_limit_error" | "RESOURCE_EXHAUSTED" => 429,
        "api_error" | "server_error" | "INTERNAL" | "UNKNOWN" => 500,
        "UNAVAILABLE" => 503,
        "timeout_error" | "DEADLINE_EXCEEDED" => 504,
        "overloaded" | "overloaded_error" => 529,
        _ => return None,
    })
}

fn message_of(error: &str) -> String {
    #[derive(Deserialize)]
    struct ErrorBody {
        message: Option<String>,
    }
    match serde_json::from_str::<ErrorBody>(error) {
        Ok(ErrorBody { message: Some(message) }) => message,
        _ => error.trim_matches('"').to_owned(),
    }
}

/// Cuts to [`MAX_DETAIL`] characters and drops control characters.
fn cut(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_DETAIL).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dialect_says_its_errors_in_its_own_way() {
        let check = |status: u16, body: &str, class: ErrorClass, detail: &str| {
            let error = decode_error(status, body.as_bytes());
            assert_eq!((error.class, error.detail.as_str()), (class, detail), "{body}");
        };
        check(
            429,
            r#"{"error":{"code":"insufficient_quota","message":"pay"}}"#,
            ErrorClass::Payment,
            "HTTP 429: pay",
        );
        check(
            400,
            r#"{"error":{"message":"Your credit balance is too low to ask this model."}}"#,
            ErrorClass::Payment,
            "HTTP 400: Your credit balance is too low to ask this model.",
        );
        check(429, r#"{"error":{"message":"later"}}"#, ErrorClass::RateLimited, "HTTP 429: later");
        check(
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            ErrorClass::Overloaded,
            "HTTP 529: Overloaded",
        );
        check(
            400,
            r#"[{"error":{"code":400,"message":"bad key","status":"INVALID_ARGUMENT",
                "details":[{"reason":"API_KEY_INVALID"}]}}]"#,
            ErrorClass::Auth,
            "HTTP 400: bad key",
        );
        check(
            429,
            r#"{"error":{"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED"}}"#,
            ErrorClass::RateLimited,
            "HTTP 429: quota",
        );
        check(502, "<html>\nbad", ErrorClass::Server, "HTTP 502: <html> bad");
        // The status of the response is above the error's own words, but for those two.
        check(
            404,
            r#"{"error":{"type":"invalid_request_error","message":"none"}}"#,
            ErrorClass::NotFound,
            "HTTP 404: none",
        );
    }

    #[test]
    fn words_have_a_class_in_a_stream() {
        let check = |error: &str, class: ErrorClass| {
            assert_eq!(in_band(error).class, class, "{error}");
        };
        check(r#"{"message":"slow down","code":429}"#, ErrorClass::RateLimited);
        check(r#"{"message":"x","code":"502"}"#, ErrorClass::Server);
        check(r#"{"type":"overloaded_error","message":"x"}"#, ErrorClass::Overloaded);
        check(r#"{"type":"error","code":"rate_limit_exceeded"}"#, ErrorClass::RateLimited);
        check(r#"{"code":503,"status":"UNAVAILABLE"}"#, ErrorClass::Overloaded);
        check(r#""out of cheese""#, ErrorClass::Server);
        check(r#"{"code":7}"#, ErrorClass::Server);
    }
}
