//! Usage as providers state it, brought into one normal form.
//!
//! | dialect | prompt | output |
//! |---|---|---|
//! | OpenAI chat, responses | includes cached tokens | includes reasoning; xAI states it beside |
//! | Anthropic | excludes cache reads and writes: the three are added | includes thinking |
//! | Gemini | includes cached; what tools added stands beside | thoughts stand beside |

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::Deserializer;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::units::{Dialect, Usage, UsagePart, Usd};

/// Reads a usage object: the normal form, and what the provider says it charged, in dollars. What
/// does not read is unknown.
#[must_use]
pub fn normal(dialect: Dialect, usage: &str) -> (Usage, Option<Usd>) {
    let read = match dialect {
        Dialect::OpenaiChat => serde_json::from_str(usage).map(|u: ChatUsage<'_>| u.normal()),
        Dialect::OpenaiResponses => {
            serde_json::from_str(usage).map(|u: ResponsesUsage<'_>| u.normal())
        }
        Dialect::Anthropic => serde_json::from_str(usage).map(|u: AnthropicUsage| (u.normal(), None)),
        Dialect::Gemini => serde_json::from_str(usage).map(|u: GeminiUsage| (u.normal(), None)),
    };
    read.unwrap_or_default()
}

/// What a usage object says beyond the normal form, where it says more than nothing. It is read
/// again from the verbatim text, so that nothing else carries it.
#[must_use]
pub fn parts(dialect: Dialect, usage: &str) -> BTreeMap<UsagePart, u64> {
    let Ok(usage) = serde_json::from_str::<Value>(usage) else { return BTreeMap::new() };
    let found: Vec<(UsagePart, Option<u64>)> = match dialect {
        Dialect::OpenaiChat => PARTS_CHAT.map(|(part, path)| (part, at(&usage, path))).to_vec(),
        Dialect::OpenaiResponses => {
            PARTS_RESPONSES.map(|(part, path)| (part, at(&usage, path))).to_vec()
        }
        Dialect::Anthropic => PARTS_ANTHROPIC.map(|(part, path)| (part, at(&usage, path))).to_vec(),
        Dialect::Gemini => {
            let tool = (UsagePart::InputTool, at(&usage, &["toolUsePromptTokenCount"]));
            let by_kind = PARTS_GEMINI.map(|(part, list, kind)| (part, modality(&usage, list, kind)));
            by_kind.into_iter().chain([tool]).collect()
        }
    };
    found.into_iter().filter_map(|(part, n)| Some((part, n.filter(|n| *n > 0)?))).collect()
}

type PartAt = (UsagePart, &'static [&'static str]);

const PARTS_CHAT: [PartAt; 6] = [
    (UsagePart::InputAudio, &["prompt_tokens_details", "audio_tokens"]),
    (UsagePart::InputImage, &["prompt_tokens_details", "image_tokens"]),
    (UsagePart::InputVideo, &["prompt_tokens_details", "video_tokens"]),
    (UsagePart::OutputAudio, &["completion_tokens_details", "audio_tokens"]),
    (UsagePart::OutputImage, &["completion_tokens_details", "image_tokens"]),
    (UsagePart::WebSearches, &["server_tool_use", "web_search_requests"]),
];

const PARTS_RESPONSES: [PartAt; 6] = [
    (
        UsagePart::CacheWrite30m,
        &["input_tokens_details", "cache_write_tokens_details", "ttl_30m_tokens"],
    ),
    (
        UsagePart::CacheWrite12h,
        &["input_tokens_details", "cache_write_tokens_details", "ttl_12h_tokens"],
    ),
    (UsagePart::InputAudio, &["input_tokens_details", "audio_tokens"]),
    (UsagePart::InputImage, &["input_tokens_details", "image_tokens"]),
    (UsagePart::OutputAudio, &["output_tokens_details", "audio_tokens"]),
    (UsagePart::OutputImage, &["output_tokens_details", "image_tokens"]),
];

const PARTS_ANTHROPIC: [PartAt; 4] = [
    (UsagePart::CacheWrite5m, &["cache_creation", "ephemeral_5m_input_tokens"]),
    (UsagePart::CacheWrite1h, &["cache_creation", "ephemeral_1h_input_tokens"]),
    (UsagePart::WebSearches, &["server_tool_use", "web_search_requests"]),
    (UsagePart::WebFetches, &["server_tool_use", "web_fetch_requests"]),
];

const PARTS_GEMINI: [(UsagePart, &str, &str); 8] = [
    (UsagePart::InputAudio, "promptTokensDetails", "AUDIO"),
    (UsagePart::InputImage, "promptTokensDetails", "IMAGE"),
    (UsagePart::InputVideo, "promptTokensDetails", "VIDEO"),
    (UsagePart::CachedAudio, "cacheTokensDetails", "AUDIO"),
    (UsagePart::CachedImage, "cacheTokensDetails", "IMAGE"),
    (UsagePart::CachedVideo, "cacheTokensDetails", "VIDEO"),
    (UsagePart::OutputAudio, "candidatesTokensDetails", "AUDIO"),
    (UsagePart::OutputImage, "candidatesTokensDetails", "IMAGE"),
];

fn at(usage: &Value, path: &[&str]) -> Option<u64> {
    path.iter().try_fold(usage, |value, key| value.get(key))?.as_u64()
}

fn modality(usage: &Value, list: &str, kind: &str) -> Option<u64> {
    let entries = usage.get(list)?.as_array()?.iter().filter(|entry| entry["modality"] == kind);
    Some(entries.filter_map(|entry| entry["tokenCount"].as_u64()).sum())
}

/// A count. Some imitators write it as a fraction or not at all; what is no whole number is not
/// known, and spoils nothing else.
#[derive(Clone, Copy, Debug, Default)]
struct Count(Option<u64>);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let whole = |n: f64| n >= 0.0 && n.fract() == 0.0 && n < 9e15;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
        let of_fraction = || value.as_f64().filter(|n| whole(*n)).map(|n| n as u64);
        Ok(Self(value.as_u64().or_else(of_fraction)))
    }
}

/// The usage object of OpenAI chat completions and of those who imitate it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ChatUsage<'a> {
    prompt_tokens: Count,
    completion_tokens: Count,
    total_tokens: Count,
    prompt_tokens_details: Option<InputDetails>,
    completion_tokens_details: Option<OutputDetails>,
    /// Moonshot's name of the cached tokens, where no details say them.
    cached_tokens: Count,
    /// DeepSeek's.
    prompt_cache_hit_tokens: Count,
    #[serde(borrow)]
    cost: Option<&'a RawValue>,
    is_byok: Option<bool>,
    #[serde(borrow)]
    cost_details: Option<CostDetails<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InputDetails {
    cached_tokens: Count,
    cache_write_tokens: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    reasoning_tokens: Count,
    thinking_tokens: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CostDetails<'a> {
    #[serde(borrow)]
    upstream_inference_cost: Option<&'a RawValue>,
}

impl ChatUsage<'_> {
    fn normal(&self) -> (Usage, Option<Usd>) {
        let input = self.prompt_tokens.0;
        let details = self.prompt_tokens_details.as_ref();
        let cached = [self.cached_tokens, self.prompt_cache_hit_tokens];
        let cached = details
            .and_then(|d| d.cached_tokens.0)
            .or_else(|| cached.into_iter().find_map(|count| count.0));
        let reasoning = self.completion_tokens_details.as_ref().and_then(|d| d.reasoning_tokens.0);
        let normal = Usage {
            input,
            cached_input: cached,
            cache_write: details.and_then(|d| d.cache_write_tokens.0),
            output: self.output(reasoning),
            reasoning,
        };
        (normal, charged(self.cost, self.is_byok, self.cost_details.as_ref()))
    }

    /// All billed output. xAI counts reasoning beside the completion; the total gives it away.
    fn output(&self, reasoning: Option<u64>) -> Option<u64> {
        let output = self.completion_tokens.0?;
        let (Some(input), Some(total), Some(reasoning)) =
            (self.prompt_tokens.0, self.total_tokens.0, reasoning)
        else {
            return Some(output);
        };
        let apart = output.saturating_add(reasoning);
        Some(if reasoning > 0 && total == input.saturating_add(apart) { apart } else { output })
    }
}

/// What a router says it charged. Where the key of the provider behind it is the user's own, that
/// provider charges its price beside.
fn charged(
    cost: Option<&RawValue>,
    is_byok: Option<bool>,
    details: Option<&CostDetails<'_>>,
) -> Option<Usd> {
    #[derive(Deserialize)]
    struct Parts<'a> {
        #[serde(borrow)]
        total_cost: Option<&'a RawValue>,
    }
    let cost = cost?.get();
    // Perplexity gives the parts of the cost and their sum.
    let own = dollars_of_number(cost).or_else(|| {
        let parts: Parts<'_> = serde_json::from_str(cost).ok()?;
        dollars_of_number(parts.total_cost?.get())
    })?;
    let upstream = details.and_then(|d| dollars_of_number(d.upstream_inference_cost?.get()));
    Some(own + upstream.filter(|_| is_byok == Some(true)).unwrap_or(Usd::ZERO))
}

/// The usage object of OpenAI responses.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ResponsesUsage<'a> {
    input_tokens: Count,
    output_tokens: Count,
    input_tokens_details: Option<InputDetails>,
    output_tokens_details: Option<OutputDetails>,
    #[serde(borrow)]
    cost: Option<&'a RawValue>,
    is_byok: Option<bool>,
    #[serde(borrow)]
    cost_details: Option<CostDetails<'a>>,
}

impl ResponsesUsage<'_> {
    fn normal(&self) -> (Usage, Option<Usd>) {
        let details = self.input_tokens_details.as_ref();
        let normal = Usage {
            input: self.input_tokens.0,
            cached_input: details.and_then(|d| d.cached_tokens.0),
            cache_write: details.and_then(|d| d.cache_write_tokens.0),
            output: self.output_tokens.0,
            reasoning: self.output_tokens_details.as_ref().and_then(|d| d.reasoning_tokens.0),
        };
        (normal, charged(self.cost, self.is_byok, self.cost_details.as_ref()))
    }
}

/// The usage object of Anthropic messages.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AnthropicUsage {
    input_tokens: Count,
    cache_read_input_tokens: Count,
    cache_creation_input_tokens: Count,
    output_tokens: Count,
    output_tokens_details: Option<OutputDetails>,
}

impl AnthropicUsage {
    fn normal(&self) -> Usage {
        let (read, written) =
            (self.cache_read_input_tokens.0, self.cache_creation_input_tokens.0);
        let beside = read.unwrap_or(0).saturating_add(written.unwrap_or(0));
        Usage {
            input: self.input_tokens.0.map(|input| input.saturating_add(beside)),
            cached_input: read,
            cache_write: written,
            output: self.output_tokens.0,
            reasoning: self.output_tokens_details.as_ref().and_then(|d| d.thinking_tokens.0),
        }
    }
}

/// The usage object of Gemini. Counts of 0 are left out of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct GeminiUsage {
    prompt_token_count: Count,
    tool_use_prompt_token_count: Count,
    cached_content_token_count: Count,
    candidates_token_count: Count,
    thoughts_token_count: Count,
    total_token_count: Count,
}

impl GeminiUsage {
    fn normal(&self) -> Usage {
        let sum = |a: Count, b: Count| match (a.0, b.0) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
        };
        let input = sum(self.prompt_token_count, self.tool_use_prompt_token_count);
        // No output at all is said by a total that the prompt makes up.
        let none = input.filter(|_| input == self.total_token_count.0).map(|_| 0);
        let output = sum(self.candidates_token_count, self.thoughts_token_count).or(none);
        Usage {
            input,
            cached_input: self.cached_content_token_count.0,
            cache_write: None,
            output,
            reasoning: self.thoughts_token_count.0,
        }
    }
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
    fn each_dialect_counts_in_its_own_way() {
        let check = |dialect, text: &str, counts: [Option<u64>; 5]| {
            let [input, cached_input, cache_write, output, reasoning] = counts;
            let expected = Usage { input, cached_input, cache_write, output, reasoning };
            assert_eq!(normal(dialect, text).0, expected, "{text}");
        };
        let chat = Dialect::OpenaiChat;
        // What is not said is unknown.
        check(
            chat,
            r#"{"prompt_tokens":9,"completion_tokens":4}"#,
            [Some(9), None, None, Some(4), None],
        );
        check(chat, "[]", [None; 5]);
        check(
            chat,
            r#"{"prompt_tokens":9.0,"completion_tokens":"4","prompt_tokens_details":null}"#,
            [Some(9), None, None, None, None],
        );
        // xAI: the total is more than prompt and completion by the reasoning.
        check(
            chat,
            r#"{"prompt_tokens":9,"completion_tokens":4,"total_tokens":20,
                "completion_tokens_details":{"reasoning_tokens":7}}"#,
            [Some(9), None, None, Some(11), Some(7)],
        );
        check(
            Dialect::Anthropic,
            r#"{"input_tokens":3,"cache_read_input_tokens":10,"cache_creation_input_tokens":20,
                "output_tokens":5,"output_tokens_details":{"thinking_tokens":2}}"#,
            [Some(33), Some(10), Some(20), Some(5), Some(2)],
        );
        let gemini = Dialect::Gemini;
        check(
            gemini,
            r#"{"promptTokenCount":17,"candidatesTokenCount":2,"thoughtsTokenCount":3,
                "toolUsePromptTokenCount":4,"totalTokenCount":26}"#,
            [Some(21), None, None, Some(5), Some(3)],
        );
        check(
            gemini,
            r#"{"promptTokenCount":17,"totalTokenCount":17}"#,
            [Some(17), None, None, Some(0), None],
        );
        check(gemini, r#"{"promptTokenCount":17}"#, [Some(17), None, None, None, None]);
        check(
            Dialect::OpenaiResponses,
            r#"{"input_tokens":9,"input_tokens_details":{"cached_tokens":1,"cache_write_tokens":2},
                "output_tokens":4,"output_tokens_details":{"reasoning_tokens":3}}"#,
            [Some(9), Some(1), Some(2), Some(4), Some(3)],
        );
    }

    #[test]
    fn what_was_charged() {
        let check = |text: &str, expected: Option<&str>| {
            let charged = normal(Dialect::OpenaiChat, text).1.map(|usd| usd.to_string());
            assert_eq!(charged.as_deref(), expected, "{text}");
        };
        check(r#"{"cost":1.5e-6}"#, Some("0.0000015"));
        check(r#"{"cost":{"input_tokens_cost":1,"total_cost":0.25}}"#, Some("0.25"));
        check(
            r#"{"cost":0.1,"is_byok":true,"cost_details":{"upstream_inference_cost":0.02}}"#,
            Some("0.12"),
        );
        check(
            r#"{"cost":0.1,"is_byok":false,"cost_details":{"upstream_inference_cost":null}}"#,
            Some("0.1"),
        );
        check(r#"{"cost":null}"#, None);
    }

    #[test]
    fn parts_with_a_price_of_their_own() {
        let found = parts(
            Dialect::Anthropic,
            r#"{"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":7},
                "server_tool_use":{"web_search_requests":1}}"#,
        );
        assert_eq!(found, [(UsagePart::CacheWrite1h, 7), (UsagePart::WebSearches, 1)].into());
        let found = parts(
            Dialect::Gemini,
            r#"{"promptTokensDetails":[{"modality":"AUDIO"},{"modality":"VIDEO","tokenCount":258}],
                "toolUsePromptTokenCount":4}"#,
        );
        assert_eq!(found, [(UsagePart::InputVideo, 258), (UsagePart::InputTool, 4)].into());
    }
}
