//! The usage that providers state, in one normal form.
//!
//! | dialect | prompt | output |
//! |---|---|---|
//! | OpenAI chat, responses | includes cached tokens | includes reasoning; xAI states it separately |
//! | Anthropic | excludes cache reads and writes: the three are added | includes thinking |
//! | Gemini | includes cached; tokens of tools are separate | thoughts are separate |

use serde::Deserialize;
use serde::de::Deserializer;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::units::{Dialect, ServiceTier, Usage, Usd};

/// Reads a usage object: the normal form, and the stated charge in dollars. Unreadable parts are
/// unknown.
#[must_use]
pub fn normal(dialect: Dialect, usage: &str) -> (Usage, Option<Usd>) {
    let read = match dialect {
        Dialect::OpenaiChat => serde_json::from_str(usage).map(|u: ChatUsage<'_>| u.normal()),
        Dialect::OpenaiResponses => {
            serde_json::from_str(usage).map(|u: ResponsesUsage<'_>| u.normal())
        }
        Dialect::Anthropic => {
            serde_json::from_str(usage).map(|u: AnthropicUsage| (u.normal(), None))
        }
        Dialect::Gemini => serde_json::from_str(usage).map(|u: GeminiUsage| (u.normal(), None)),
    };
    read.unwrap_or_default()
}

/// A count. Some compatible APIs write a fraction or omit it; anything but a whole number is unknown
/// and does not affect the other counts.
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

/// The usage object of OpenAI chat completions and compatible APIs.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ChatUsage<'a> {
    prompt_tokens: Count,
    completion_tokens: Count,
    total_tokens: Count,
    prompt_tokens_details: Option<InputDetails>,
    completion_tokens_details: Option<OutputDetails>,
    server_tool_use: Option<ToolUse>,
    /// Moonshot's name of the cached tokens, where there are no details.
    cached_tokens: Count,
    /// That of `DeepSeek`.
    prompt_cache_hit_tokens: Count,
    #[serde(borrow)]
    cost: Option<&'a RawValue>,
    is_byok: Option<bool>,
    #[serde(borrow)]
    cost_details: Option<CostDetails<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the names are the providers'")]
struct InputDetails {
    cached_tokens: Count,
    cache_write_tokens: Count,
    audio_tokens: Count,
    image_tokens: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the names are the providers'")]
struct OutputDetails {
    reasoning_tokens: Count,
    thinking_tokens: Count,
    audio_tokens: Count,
    image_tokens: Count,
}

/// Calls of the provider's own tools.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ToolUse {
    web_search_requests: Count,
}

/// The details of OpenAI's two dialects.
fn of_details(input: Option<&InputDetails>, output: Option<&OutputDetails>) -> Usage {
    Usage {
        cached_input: input.and_then(|d| d.cached_tokens.0),
        cache_write: input.and_then(|d| d.cache_write_tokens.0),
        reasoning: output.and_then(|d| d.reasoning_tokens.0),
        audio_input: input.and_then(|d| d.audio_tokens.0),
        image_input: input.and_then(|d| d.image_tokens.0),
        audio_output: output.and_then(|d| d.audio_tokens.0),
        image_output: output.and_then(|d| d.image_tokens.0),
        ..Usage::UNKNOWN
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CostDetails<'a> {
    #[serde(borrow)]
    upstream_inference_cost: Option<&'a RawValue>,
}

impl ChatUsage<'_> {
    fn normal(&self) -> (Usage, Option<Usd>) {
        let details = of_details(
            self.prompt_tokens_details.as_ref(),
            self.completion_tokens_details.as_ref(),
        );
        let cached = self.cached_tokens.0.or(self.prompt_cache_hit_tokens.0);
        let normal = Usage {
            input: self.prompt_tokens.0,
            cached_input: details.cached_input.or(cached),
            output: self.output(details.reasoning),
            searches: self.server_tool_use.as_ref().and_then(|u| u.web_search_requests.0),
            ..details
        };
        (normal, charged(self.cost, self.is_byok, self.cost_details.as_ref()))
    }

    /// All billed output. xAI counts reasoning separately from the completion; the total shows it.
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

/// The charge that a router states. Where the user's own key of the provider behind it is used, that
/// provider charges its price in addition.
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
    let cost = cost?;
    // Perplexity gives the parts of the cost and their sum.
    let own = dollars(cost).or_else(|| {
        let parts: Parts<'_> = serde_json::from_str(cost.get()).ok()?;
        dollars(parts.total_cost?)
    })?;
    let upstream = details.and_then(|d| dollars(d.upstream_inference_cost?));
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
        let normal = Usage {
            input: self.input_tokens.0,
            output: self.output_tokens.0,
            ..of_details(self.input_tokens_details.as_ref(), self.output_tokens_details.as_ref())
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
    cache_creation: Option<CacheCreation>,
    output_tokens: Count,
    output_tokens_details: Option<OutputDetails>,
    server_tool_use: Option<ToolUse>,
    service_tier: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CacheCreation {
    ephemeral_1h_input_tokens: Count,
}

impl AnthropicUsage {
    fn normal(&self) -> Usage {
        let (read, written) = (self.cache_read_input_tokens.0, self.cache_creation_input_tokens.0);
        let beside = read.unwrap_or(0).saturating_add(written.unwrap_or(0));
        Usage {
            input: self.input_tokens.0.map(|input| input.saturating_add(beside)),
            cached_input: read,
            cache_write: written,
            output: self.output_tokens.0,
            reasoning: self.output_tokens_details.as_ref().and_then(|d| d.thinking_tokens.0),
            cache_write_1h: self
                .cache_creation
                .as_ref()
                .and_then(|c| c.ephemeral_1h_input_tokens.0),
            searches: self.server_tool_use.as_ref().and_then(|u| u.web_search_requests.0),
            service_tier: self.service_tier.as_deref().and_then(ServiceTier::from_name),
            ..Usage::UNKNOWN
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
    prompt_tokens_details: Vec<Modality>,
    cache_tokens_details: Vec<Modality>,
    candidates_tokens_details: Vec<Modality>,
    service_tier: Option<String>,
}

/// The tokens of one kind.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Modality {
    modality: String,
    token_count: Count,
}

const AUDIO: &[&str] = &["AUDIO"];
/// Pages of a document are billed as images.
const IMAGE: &[&str] = &["IMAGE", "DOCUMENT"];

/// The tokens of some kinds; `None`: none of the kinds is in the list.
fn of_kind(list: &[Modality], kinds: &[&str]) -> Option<u64> {
    let counts = list.iter().filter(|entry| kinds.contains(&entry.modality.as_str()));
    counts.map(|entry| entry.token_count.0.unwrap_or(0)).reduce(u64::saturating_add)
}

impl GeminiUsage {
    fn normal(&self) -> Usage {
        let sum = |a: Count, b: Count| match (a.0, b.0) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
        };
        let input = sum(self.prompt_token_count, self.tool_use_prompt_token_count);
        // The API omits counts of 0. The total shows whether a missing count is 0 or unknown.
        let said = sum(self.candidates_token_count, self.thoughts_token_count);
        let is_whole = self.total_token_count.0.is_some()
            && self.total_token_count.0 == sum(Count(input), Count(said));
        let unless_said = |count: Count| count.0.or(is_whole.then_some(0));
        Usage {
            input,
            cached_input: unless_said(self.cached_content_token_count),
            output: unless_said(Count(said)),
            reasoning: unless_said(self.thoughts_token_count),
            audio_input: of_kind(&self.prompt_tokens_details, AUDIO),
            cached_audio: of_kind(&self.cache_tokens_details, AUDIO),
            audio_output: of_kind(&self.candidates_tokens_details, AUDIO),
            image_input: of_kind(&self.prompt_tokens_details, IMAGE),
            image_output: of_kind(&self.candidates_tokens_details, IMAGE),
            service_tier: self.service_tier.as_deref().and_then(ServiceTier::from_name),
            ..Usage::UNKNOWN
        }
    }
}

/// Reads a JSON number, or a string that holds one, as dollars.
fn dollars(number: &RawValue) -> Option<Usd> {
    Usd::from_number(number.get().trim_matches('"')).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dialect_counts_in_its_own_way() {
        let check = |dialect, text: &str, counts: [Option<u64>; 5]| {
            let [input, cached_input, cache_write, output, reasoning] = counts;
            let expected =
                Usage { input, cached_input, cache_write, output, reasoning, ..Usage::UNKNOWN };
            assert_eq!(normal(dialect, text).0, expected, "{text}");
        };
        let chat = Dialect::OpenaiChat;
        // A missing count is unknown.
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
            [Some(21), Some(0), None, Some(5), Some(3)],
        );
        check(
            gemini,
            r#"{"promptTokenCount":17,"totalTokenCount":17}"#,
            [Some(17), Some(0), None, Some(0), Some(0)],
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
        let check = |dialect, text: &str, expected: Usage| {
            assert_eq!(normal(dialect, text).0, expected, "{text}");
        };
        check(
            Dialect::Anthropic,
            r#"{"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":7},
                "server_tool_use":{"web_search_requests":1},"service_tier":"priority"}"#,
            Usage {
                cache_write_1h: Some(7),
                searches: Some(1),
                service_tier: Some(ServiceTier::Priority),
                ..Usage::UNKNOWN
            },
        );
        check(
            Dialect::Gemini,
            r#"{"promptTokensDetails":[{"modality":"AUDIO"},{"modality":"IMAGE","tokenCount":258}],
                "candidatesTokensDetails":[{"modality":"TEXT","tokenCount":4}]}"#,
            Usage { audio_input: Some(0), image_input: Some(258), ..Usage::UNKNOWN },
        );
        check(
            Dialect::OpenaiChat,
            r#"{"prompt_tokens_details":{"audio_tokens":3},
                "completion_tokens_details":{"audio_tokens":2,"image_tokens":1}}"#,
            Usage {
                audio_input: Some(3),
                audio_output: Some(2),
                image_output: Some(1),
                ..Usage::UNKNOWN
            },
        );
    }
}
