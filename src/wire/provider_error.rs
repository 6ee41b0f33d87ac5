//! Errors of providers, as a response or inside a stream.

use serde_json::Value;
use serde_json::value::RawValue;

use super::answer::{Answer, FinishReason};
use super::error::ErrorClass;
use super::error_words;
use super::event_content::EventContent;
use super::provider_words::{
    bare_error, class_of_codes, class_of_words, error_in, is_filtered, is_nothing, message_of,
    text_of,
};

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

/// What stands before the message of an error in a response that began as a success.
pub const IN_STREAM: &str = "error in the stream: ";

/// The most bytes shown of a body that is not an error object.
const SHOWN_BYTES: usize = 1200;

/// A response whose status is not a success. A content filter's refusal is an answer, whichever way
/// a provider says it.
#[must_use]
pub fn decode_failure(status: u16, body: &[u8]) -> (Answer, Option<WireError>) {
    let may_be_filter = (400..500).contains(&status) && !matches!(status, 401 | 402 | 404 | 429);
    if may_be_filter && error_in(body).as_ref().is_some_and(is_filtered) {
        let finish_reason = Some(FinishReason::ContentFilter);
        return (Answer { finish_reason, ..Answer::default() }, None);
    }
    (Answer::default(), Some(decode_error(status, body)))
}

/// The class and the message of a response whose status is not a success, in any dialect.
#[must_use]
pub fn decode_error(status: u16, body: &[u8]) -> WireError {
    let error = error_in(body);
    let said = error.as_ref().map_or_else(|| text_of(body, SHOWN_BYTES), message_of);
    // Out of credit also comes as 429 or 400, and a wrong key as 400; the error's code or its words
    // tell them apart.
    let is_told = |class: &ErrorClass| matches!(class, ErrorClass::Payment | ErrorClass::Auth);
    let by_code = error.as_ref().and_then(class_of_codes).filter(is_told);
    // What a key may not ask is often what its owner has not paid: the words say so.
    let by_words = error_words::class_of(status, &said);
    let class = by_words
        .filter(|class| *class == ErrorClass::Payment)
        .or(by_code)
        .or(by_words)
        .unwrap_or_else(|| ErrorClass::of_status(status));
    WireError { class, detail: cut(&format!("HTTP {status}: {}", said.trim())) }
}

/// An error in an answer; one that says nothing is none.
pub(super) fn said(error: Option<&RawValue>) -> Option<Value> {
    let error: Value = serde_json::from_str(error?.get()).ok()?;
    (!is_nothing(&error)).then_some(error)
}

/// Takes an error in a response that began as a success.
pub(super) fn in_band(answer: &mut Answer, error: &Value) -> Result<EventContent, WireError> {
    if is_filtered(error) {
        answer.finish_reason = Some(FinishReason::ContentFilter);
        return Ok(EventContent { done: true, ..EventContent::default() });
    }
    let message = message_of(error);
    let by_code = class_of_codes(error).or_else(|| class_of_words(&message));
    let by_code = by_code.unwrap_or(ErrorClass::Server);
    let by_words = match by_code {
        ErrorClass::Server | ErrorClass::RateLimited | ErrorClass::BadRequest => {
            error_words::class_of(400, &message)
        }
        _ => None,
    };
    let class = by_words.unwrap_or(by_code);
    Err(WireError { class, detail: cut(&format!("{IN_STREAM}{message}")) })
}

/// Takes an object that has nothing of an answer: an error, or what nobody knows.
pub(super) fn in_place_of_answer(
    answer: &mut Answer,
    data: &[u8],
) -> Result<EventContent, WireError> {
    if let Some(error) = bare_error(data) {
        return in_band(answer, &error);
    }
    answer.unknown_events += 1;
    Ok(EventContent::default())
}

/// Takes a finish reason that a provider gives where it broke off.
pub(super) fn broken_off(reason: &str) -> Result<(), WireError> {
    let class = match &*reason.to_ascii_lowercase() {
        "insufficient_system_resource"
        | "engine_overloaded"
        | "engine_overloaded_error"
        | "overloaded"
        | "overloaded_error"
        | "service_unavailable"
        | "capacity_exceeded" => ErrorClass::Overloaded,
        "rate_limit" | "rate_limited" | "rate_limit_exceeded" | "rate_limit_error" => {
            ErrorClass::RateLimited
        }
        "error"
        | "network_error"
        | "server_error"
        | "upstream_error"
        | "provider_error"
        | "connection_error"
        | "api_error"
        | "unknown_error"
        | "internal_error"
        | "internal_server_error"
        | "failed"
        | "timeout"
        | "abort"
        | "aborted"
        | "cancelled"
        | "canceled" => ErrorClass::Server,
        _ => return Ok(()),
    };
    let detail = format!("the provider broke the answer off: its finish reason is {reason}");
    Err(WireError { class, detail: cut(&detail) })
}

/// A response that violates the dialect.
pub(super) fn malformed(what: &str, data: &[u8], error: &serde_json::Error) -> WireError {
    let shown = String::from_utf8_lossy(&data[..data.len().min(80)]).into_owned();
    let but = if data.starts_with(b"<") { "a web page and " } else { "" };
    WireError {
        class: ErrorClass::Protocol,
        detail: cut(&format!("{but}not {what} ({error}): {shown}")),
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
            let error: Value = serde_json::from_str(error).expect("JSON");
            let read = in_band(&mut Answer::default(), &error).expect_err("an error");
            assert_eq!(read.class, class, "{error}");
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
