//! Usage as providers state it, brought into one normal form.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::units::{Usage, Usd};

/// The usage object of OpenAI chat completions and of those who imitate it.
#[derive(Debug, Deserialize)]
struct ChatUsage<'a> {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
    #[serde(borrow)]
    cost: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct PromptDetails {
    cached_tokens: Option<u64>,
    cache_write_tokens: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct CompletionDetails {
    reasoning_tokens: Option<u64>,
}

/// Reads the usage object of a chat completion: the normal form, and what the provider says it
/// charged (OpenRouter's `cost`, in dollars). What does not read is unknown.
///
/// The prompt count includes cached tokens, the completion count includes reasoning.
#[must_use]
pub fn of_chat(usage: &str) -> (Usage, Option<Usd>) {
    let Ok(chat) = serde_json::from_str::<ChatUsage<'_>>(usage) else {
        return (Usage::default(), None);
    };
    let prompt = chat.prompt_tokens_details.as_ref();
    let normal = Usage {
        input: chat.prompt_tokens,
        cached_input: prompt.and_then(|d| d.cached_tokens),
        cache_write: prompt.and_then(|d| d.cache_write_tokens),
        output: chat.completion_tokens,
        reasoning: chat.completion_tokens_details.and_then(|d| d.reasoning_tokens),
        ..Usage::UNKNOWN
    };
    (normal, chat.cost.and_then(|cost| dollars_of_number(cost.get())))
}

/// Reads a JSON number (or a string that holds one) as dollars, from its own digits and never
/// through a float. `None`: not a number, or more digits than money holds.
#[must_use]
pub fn dollars_of_number(text: &str) -> Option<Usd> {
    let text = text.trim().trim_matches('"');
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
        None => (text, 0),
    };
    if exponent == 0 {
        return mantissa.parse().ok();
    }
    if exponent.abs() > 40 {
        return None;
    }
    let (sign, digits) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    let point = i32::try_from(whole.len()).ok()? + exponent;
    let shifted = if point <= 0 {
        format!("0.{}{all}", "0".repeat(usize::try_from(-point).ok()?))
    } else {
        let point = usize::try_from(point).ok()?;
        let padded = format!("{all:0<point$}");
        format!("{}.{}", &padded[..point], &padded[point..])
    };
    format!("{sign}{shifted}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_every_digit() {
        let check = |text: &str, shown: &str| {
            assert_eq!(dollars_of_number(text).expect(text).to_string(), shown);
        };
        check("0.000123", "0.000123");
        check("1.23e-05", "0.0000123");
        check("12E2", "1200");
        check("1.5e0", "1.5");
        check("\"0.25\"", "0.25");
        check("-2.5e-1", "-0.25");
        assert_eq!(dollars_of_number("null"), None);
        assert_eq!(dollars_of_number("1e-99"), None);
    }

    #[test]
    fn what_is_not_said_is_unknown() {
        let (usage, cost) = of_chat(r#"{"prompt_tokens":9,"completion_tokens":4}"#);
        assert_eq!((usage.input, usage.output), (Some(9), Some(4)));
        assert_eq!((usage.cached_input, usage.reasoning, cost), (None, None, None));
        assert!(of_chat("[]").0.is_unknown());
    }
}
