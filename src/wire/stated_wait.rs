//! How long an error's body asks to wait: `google.rpc.RetryInfo`, fields such as `retry_after`, and
//! sentences such as `Please try again in 1m20s`.

use std::time::Duration;

use serde_json::Value;

/// Fields of an error that hold a wait, without case and punctuation, and the length of their unit.
const FIELDS: [(&str, f64); 6] = [
    ("retrydelay", 1.0),
    ("retryafter", 1.0),
    ("retryafterseconds", 1.0),
    ("retryafterms", 1e-3),
    ("retryaftermilliseconds", 1e-3),
    ("retryinseconds", 1.0),
];

/// What stands before a wait in a sentence.
const PHRASES: [&str; 8] = [
    "try again in ",
    "try again after ",
    "retry in ",
    "retry after ",
    "retrying in ",
    "again after ",
    "please wait ",
    "wait for ",
];

/// How deep a body is searched.
const MAX_DEPTH: u32 = 8;
/// The longest sentence that is searched.
const MAX_SENTENCE: usize = 2_000;
/// The longest wait that is read: whoever keeps to it sets a limit of its own.
const LONGEST: Duration = Duration::from_secs(32 * 86_400);

/// The wait that an error's body states; `None`: it states none.
#[must_use]
pub fn in_body(body: &[u8]) -> Option<Duration> {
    match serde_json::from_slice::<Value>(body) {
        Ok(body) => in_fields(&body, 0).or_else(|| in_texts(&body, 0)),
        Err(_) => in_sentence(std::str::from_utf8(body).ok()?),
    }
}

/// The wait that an error's message states; `None`: it states none.
#[must_use]
pub fn in_sentence(text: &str) -> Option<Duration> {
    if text.len() > MAX_SENTENCE {
        return None;
    }
    let text = text.to_ascii_lowercase();
    let after = |phrase: &str| {
        let mut rest = text.match_indices(phrase).map(|(at, _)| &text[at + phrase.len()..]);
        rest.find_map(duration)
    };
    PHRASES.iter().find_map(|phrase| after(phrase))
}

fn in_fields(value: &Value, depth: u32) -> Option<Duration> {
    let below = |value| if depth < MAX_DEPTH { in_fields(value, depth + 1) } else { None };
    match value {
        Value::Array(list) => list.iter().find_map(below),
        Value::Object(map) => map
            .iter()
            .find_map(|(name, value)| {
                let plain: String =
                    name.chars().filter(char::is_ascii_alphabetic).collect::<String>();
                let plain = plain.to_ascii_lowercase();
                let (_, unit) = FIELDS.iter().find(|(field, _)| *field == plain)?;
                field(value, *unit)
            })
            .or_else(|| map.values().find_map(below)),
        _ => None,
    }
}

fn in_texts(value: &Value, depth: u32) -> Option<Duration> {
    let below = |value| if depth < MAX_DEPTH { in_texts(value, depth + 1) } else { None };
    match value {
        Value::String(text) => in_sentence(text),
        Value::Array(list) => list.iter().find_map(below),
        Value::Object(map) => map.values().find_map(below),
        _ => None,
    }
}

/// A field's wait: a number or its text, a duration as text, or an object of seconds and nanoseconds.
fn field(value: &Value, unit: f64) -> Option<Duration> {
    match value {
        Value::Number(number) => seconds(number.as_f64()? * unit),
        Value::String(text) => match text.trim().parse::<f64>() {
            Ok(number) => seconds(number * unit),
            Err(_) => duration(&text.trim().to_ascii_lowercase()),
        },
        Value::Object(map) => {
            let part = |name: &str| match map.get(name) {
                Some(Value::String(text)) => text.parse::<f64>().ok(),
                other => other?.as_f64(),
            };
            let (whole, nanos) = (part("seconds"), part("nanos"));
            whole.or(nanos)?;
            seconds(whole.unwrap_or(0.0) + nanos.unwrap_or(0.0) * 1e-9)
        }
        _ => None,
    }
}

/// Reads a duration at the beginning of a lower-case text: `3.2s`, `1m20s`, `1 h 3 min`,
/// `12 seconds`. A number without a unit is in seconds where the sentence ends with it.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim_start_matches([' ', '~']);
    rest = rest.strip_prefix("about ").unwrap_or(rest);
    let mut sum = None;
    loop {
        let begin = rest.trim_start_matches(' ');
        let digits = begin.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(begin.len());
        let Ok(number) = begin[..digits].trim_end_matches('.').parse::<f64>() else { break };
        let after = begin[digits..].trim_start_matches(' ');
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let Some(unit) = unit(&after[..letters]) else {
            let ends = after.is_empty() || after.starts_with(['.', ',', ';', ')', '"', '\'']);
            return match sum {
                None if ends => seconds(number),
                sum => seconds(sum?),
            };
        };
        sum = Some(sum.unwrap_or(0.0) + number * unit);
        rest = &after[letters..];
    }
    seconds(sum?)
}

/// The length of a unit, seconds.
fn unit(word: &str) -> Option<f64> {
    Some(match word {
        "ns" => 1e-9,
        "us" => 1e-6,
        "ms" | "msec" | "millis" | "millisecond" | "milliseconds" => 1e-3,
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600.0,
        "d" | "day" | "days" => 86_400.0,
        _ => return None,
    })
}

fn seconds(number: f64) -> Option<Duration> {
    let is_stated = number.is_finite() && number >= 0.0;
    is_stated.then(|| Duration::from_secs_f64(number.min(LONGEST.as_secs_f64())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected_ms: Option<u64>) {
        assert_eq!(in_body(body.as_bytes()), expected_ms.map(Duration::from_millis), "{body}");
    }

    #[test]
    fn fields_state_waits() {
        let info = r#"{"error":{"code":429,"message":"Quota. Please retry in 9s.","details":[
            {"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[]},
            {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"3.2s"}]}}"#;
        check(info, Some(3_200));
        check(
            r#"[{"error":{"details":[{"retryDelay":{"seconds":"4","nanos":500000000}}]}}]"#,
            Some(4_500),
        );
        check(r#"{"error":{"details":[{"retryDelay":{"seconds":4}}]}}"#, Some(4_000));
        check(r#"{"message":"You are being rate limited.","retry_after":64.57}"#, Some(64_570));
        check(r#"{"error":{"retry_after_ms":250}}"#, Some(250));
        check(r#"{"error":{"metadata":{"headers":{"Retry-After":"7"}}}}"#, Some(7_000));
        check(r#"{"error":{"details":[{"retryDelay":"-3s"}]}}"#, None);
        check(r#"{"error":{"retry_after":1e300}}"#, Some(32 * 86_400_000));
    }

    #[test]
    fn sentences_state_waits() {
        let said = |text: &str| serde_json::json!({"error": {"message": text}}).to_string();
        check(&said("Rate limit reached. Limit 30000. Please try again in 3.2s."), Some(3_200));
        check(&said("Please try again in 1m20.5s. Visit https://x"), Some(80_500));
        check(&said("try again in 20ms"), Some(20));
        check(&said("Please try again in 2h3m4s."), Some(7_384_000));
        check(&said("Please retry after 6 seconds."), Some(6_000));
        check(&said("Please wait 42 seconds before retrying."), Some(42_000));
        check(&said("Please retry in 4.5s."), Some(4_500));
        check(&said("Retry after 30."), Some(30_000));
        check(&said("Try again in 5 minutes"), Some(300_000));
        check("slow down, try again in 2 s", Some(2_000));
        check(&said("Please try again later."), None);
        check(&said("try again in 3 different ways"), None);
        check(&said("Please wait for a while"), None);
        check("", None);
    }
}
