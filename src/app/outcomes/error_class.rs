//! The class of an error that a table tells in words.

use crate::wire::ErrorClass;

/// Words of errors, and their class; the first that is found counts.
const WORDS: [(&[&str], ErrorClass); 10] = [
    (&["rate limit", "rate_limit", "ratelimit", "too many requests"], ErrorClass::RateLimited),
    (&["overloaded", "unavailable", "capacity"], ErrorClass::Overloaded),
    (&["timeout", "timed out", "time limit", "deadline"], ErrorClass::TotalTimeout),
    (&["unauthorized", "forbidden", "api key", "api_key", "permission"], ErrorClass::Auth),
    (&["quota", "billing", "credit", "payment"], ErrorClass::Payment),
    (&["not found", "no such model", "does not exist"], ErrorClass::NotFound),
    (&["econnrefused", "enotfound", "connect", "dns", "tls"], ErrorClass::Connect),
    (&["econnreset", "reset", "closed", "broken pipe"], ErrorClass::Reset),
    (&["empty response", "no output", "no response"], ErrorClass::Empty),
    (&["invalid request", "bad request", "context length", "too long"], ErrorClass::BadRequest),
];

/// The class that these words are of. Where they name none, the provider failed.
pub(super) fn class_of(words: &str) -> ErrorClass {
    if let Some(class) = ErrorClass::from_name(words) {
        return class;
    }
    // A status stands near the beginning: later numbers are counts and ids.
    let numbers = words.split(|c: char| !c.is_ascii_alphanumeric()).take(12);
    let status = numbers.filter(|word| word.len() == 3).find_map(|word| word.parse::<u16>().ok());
    if let Some(status) = status.filter(|status| (400..=599).contains(status)) {
        return ErrorClass::of_status(status);
    }
    let words = words.to_ascii_lowercase();
    let found = WORDS.iter().find(|(any, _)| any.iter().any(|word| words.contains(word)));
    found.map_or(ErrorClass::Server, |(_, class)| *class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_a_class() {
        for (words, class) in [
            ("rate_limited", ErrorClass::RateLimited),
            ("API error: 429 Too Many Requests", ErrorClass::RateLimited),
            ("HTTP 503", ErrorClass::Overloaded),
            ("Request timed out after 300000 ms", ErrorClass::TotalTimeout),
            ("connect ECONNREFUSED 127.0.0.1:443", ErrorClass::Connect),
            ("maximum context length is 8192 tokens", ErrorClass::BadRequest),
            ("", ErrorClass::Server),
        ] {
            assert_eq!(class_of(words), class, "{words}");
        }
    }
}
