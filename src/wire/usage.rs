//! The usage that providers state, in one normal form.
//!
//! | dialect | prompt | output |
//! |---|---|---|
//! | OpenAI chat, responses | includes cached tokens | includes reasoning; xAI states it separately |
//! | Anthropic | excludes cache reads and writes: the three are added | includes thinking |
//! | Gemini | includes cached; tokens of tools are separate | thoughts are separate |
//!
//! Numbers from outside are bounded where they are read (METRICS.md §3): what is no count, or no
//! charge, is unknown.

mod check;
mod fields;

use serde_json::value::RawValue;

use super::answer::Answer;
use crate::units::{Dialect, MAX_TOKENS, ServiceTier, Usage, UsageFault, Usd};
use fields::{FieldReader, merge};

pub use check::{Sent, check};

/// What a usage object states.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StatedUsage {
    /// The counts in the normal form.
    pub usage: Usage,
    /// The charge in dollars.
    pub cost: Option<Usd>,
    /// What is wrong with them. The counts concerned are unknown.
    pub faults: Vec<UsageFault>,
}

/// Reads a usage object. Unreadable parts are unknown.
#[must_use]
pub fn normal(dialect: Dialect, usage: &str) -> StatedUsage {
    let mut faults = Vec::new();
    let mut fields = FieldReader::new(usage, &mut faults);
    if dialect == Dialect::Gemini {
        fields = fields.with_camel_names();
    }
    let (usage, cost) = match dialect {
        Dialect::OpenaiChat => of_chat(&mut fields),
        Dialect::OpenaiResponses => of_responses(&mut fields),
        Dialect::Anthropic => (of_anthropic(&mut fields), None),
        Dialect::Gemini => (of_gemini(&mut fields), None),
    };
    let usage = consistent(usage, &mut faults);
    StatedUsage { usage, cost, faults }
}

/// Takes a usage object of an answer, which may have several: they merge field by field.
pub(super) fn take(answer: &mut Answer, dialect: Dialect, said: Option<&RawValue>) {
    let Some(said) = said.map(RawValue::get).filter(|said| *said != "null") else { return };
    let stated = normal(dialect, said).usage.output;
    answer.output_counts += u64::from(stated.is_some_and(|tokens| tokens > 0));
    let merged = match answer.usage_verbatim.take() {
        Some(before) if before != said => merge(&before, said),
        _ => said.to_owned(),
    };
    let StatedUsage { usage, cost, faults } = normal(dialect, &merged);
    let service_tier = usage.service_tier.or(answer.usage.service_tier);
    answer.usage = Usage { service_tier, ..usage };
    answer.cost_reported = cost;
    answer.usage_faults = faults;
    answer.usage_verbatim = Some(merged);
}

/// The usage object within another object.
pub(super) fn within(object: &RawValue) -> Option<&RawValue> {
    fields::fields(object.get())?.remove("usage")
}

/// A sum of counts; `None`: it is above [`MAX_TOKENS`].
fn sum(counts: &[u64], faults: &mut FieldReader<'_, '_>) -> Option<u64> {
    let sum = counts.iter().copied().fold(0, u64::saturating_add);
    if sum > MAX_TOKENS {
        faults.fault(UsageFault::NoCount);
        return None;
    }
    Some(sum)
}

/// Takes back the parts that are larger than their whole.
fn consistent(mut usage: Usage, faults: &mut Vec<UsageFault>) -> Usage {
    let mut within = |part: &mut Option<u64>, whole: Option<u64>| {
        if part.zip(whole).is_some_and(|(part, whole)| part > whole) {
            *part = None;
            faults.push(UsageFault::Contradiction);
        }
    };
    let (input, output) = (usage.input, usage.output);
    within(&mut usage.cached_input, input);
    let uncached = input.map(|input| input - usage.cached_input.unwrap_or(0).min(input));
    within(&mut usage.cache_write, uncached);
    within(&mut usage.cache_write_1h, usage.cache_write);
    within(&mut usage.audio_input, input);
    within(&mut usage.cached_audio, usage.cached_input);
    within(&mut usage.image_input, input);
    within(&mut usage.reasoning, output);
    within(&mut usage.audio_output, output);
    within(&mut usage.image_output, output);
    usage
}

/// The names of the prompt's tokens: that of the dialect first, then those that gateways between
/// two dialects leave as they were.
const PROMPT: &[&str] = &["prompt_tokens", "input_tokens", "promptTokens", "inputTokens"];
/// The same of the output's tokens.
const COMPLETION: &[&str] =
    &["completion_tokens", "output_tokens", "completionTokens", "outputTokens"];

/// The usage object of OpenAI chat completions and compatible APIs.
fn of_chat(fields: &mut FieldReader<'_, '_>) -> (Usage, Option<Usd>) {
    let details = of_details(fields, "prompt_tokens_details", "completion_tokens_details");
    // The names of Moonshot and DeepSeek, where there are no details.
    let moonshot = fields.count("cached_tokens");
    let deepseek = fields.count("prompt_cache_hit_tokens");
    let input = fields.count_of(PROMPT);
    let usage = Usage {
        input,
        cached_input: details.cached_input.or(moonshot).or(deepseek),
        output: chat_output(fields, input, details.reasoning),
        searches: fields.object("server_tool_use").count("web_search_requests"),
        ..details
    };
    (usage, charged(fields))
}

/// All billed output. xAI counts reasoning separately from the completion; the total shows it.
fn chat_output(
    fields: &mut FieldReader<'_, '_>,
    input: Option<u64>,
    reasoning: Option<u64>,
) -> Option<u64> {
    let output = fields.count_of(COMPLETION)?;
    let (Some(input), Some(total), Some(reasoning)) =
        (input, fields.hint("total_tokens"), reasoning)
    else {
        return Some(output);
    };
    let apart = output + reasoning;
    if reasoning > 0 && total == input + apart {
        return sum(&[apart], fields);
    }
    Some(output)
}

/// The usage object of OpenAI responses.
fn of_responses(fields: &mut FieldReader<'_, '_>) -> (Usage, Option<Usd>) {
    let usage = Usage {
        input: fields.count_of(&["input_tokens", "prompt_tokens"]),
        output: fields.count_of(&["output_tokens", "completion_tokens"]),
        ..of_details(fields, "input_tokens_details", "output_tokens_details")
    };
    (usage, charged(fields))
}

/// The details of OpenAI's two dialects.
fn of_details(fields: &mut FieldReader<'_, '_>, input: &str, output: &str) -> Usage {
    let mut details = fields.object(input);
    let usage = Usage {
        cached_input: details.count("cached_tokens"),
        cache_write: details.count("cache_write_tokens"),
        audio_input: details.count("audio_tokens"),
        image_input: details.count("image_tokens"),
        ..Usage::UNKNOWN
    };
    let mut details = fields.object(output);
    Usage {
        reasoning: details.count("reasoning_tokens"),
        audio_output: details.count("audio_tokens"),
        image_output: details.count("image_tokens"),
        ..usage
    }
}

/// The charge that a router states. Where the user's own key of the provider behind it is used, that
/// provider charges its price in addition.
fn charged(fields: &mut FieldReader<'_, '_>) -> Option<Usd> {
    // Perplexity gives the parts of the cost and their sum.
    let own = if fields.is_object("cost") {
        fields.object("cost").dollars("total_cost")
    } else {
        fields.dollars("cost")
    }?;
    if !fields.is_true("is_byok") {
        return Some(own);
    }
    let upstream = fields.object("cost_details").dollars("upstream_inference_cost");
    Some(own + upstream.unwrap_or(Usd::ZERO))
}

/// The usage object of Anthropic messages.
fn of_anthropic(fields: &mut FieldReader<'_, '_>) -> Usage {
    let names = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];
    // What is stated and no count makes the sum unknown.
    let is_whole = |fields: &FieldReader<'_, '_>, name, count: Option<u64>| {
        count.is_some() || !fields.has(name)
    };
    let [fresh, read, written] = names.map(|name| fields.count(name));
    let beside_is_whole = is_whole(fields, names[1], read) && is_whole(fields, names[2], written);
    let parts = [fresh.unwrap_or(0), read.unwrap_or(0), written.unwrap_or(0)];
    let input = fresh.filter(|_| beside_is_whole).and_then(|_| sum(&parts, fields));
    Usage {
        input,
        cached_input: read,
        cache_write: written,
        output: fields.count("output_tokens"),
        reasoning: fields.object("output_tokens_details").count("thinking_tokens"),
        cache_write_1h: fields.object("cache_creation").count("ephemeral_1h_input_tokens"),
        searches: fields.object("server_tool_use").count("web_search_requests"),
        service_tier: tier(fields, "service_tier"),
        ..Usage::UNKNOWN
    }
}

fn tier(fields: &FieldReader<'_, '_>, name: &str) -> Option<ServiceTier> {
    ServiceTier::from_name(&fields.text(name)?)
}

/// The usage object of Gemini. Counts of 0 are left out of it.
fn of_gemini(fields: &mut FieldReader<'_, '_>) -> Usage {
    let mut added = |names: [&str; 2]| {
        let counts = names.map(|name| fields.count(name));
        let is_whole = names.iter().zip(counts).all(|(n, c)| c.is_some() || !fields.has(n));
        let parts: Vec<u64> = counts.into_iter().flatten().collect();
        if parts.is_empty() || !is_whole { None } else { sum(&parts, fields) }
    };
    let input = added(["promptTokenCount", "toolUsePromptTokenCount"]);
    let said = added(["candidatesTokenCount", "thoughtsTokenCount"]);
    // The API omits counts of 0. The total shows whether a missing count is 0 or unknown.
    let total = fields.hint("totalTokenCount");
    let is_whole = total.is_some() && total == input.map(|input| input + said.unwrap_or(0));
    let unless_said = |name: &str| {
        let missing = is_whole && !fields.has(name);
        fields.hint(name).or(missing.then_some(0))
    };
    let reasoning = unless_said("thoughtsTokenCount");
    let cached_input = if fields.has("cachedContentTokenCount") {
        fields.count("cachedContentTokenCount")
    } else {
        is_whole.then_some(0)
    };
    let has_answer = fields.has("candidatesTokenCount");
    let has_output = has_answer || fields.has("thoughtsTokenCount");
    // Thoughts alone are not the output, unless the total says that there is no more.
    let said = said.filter(|_| has_answer || is_whole);
    Usage {
        input,
        cached_input,
        output: said.or((is_whole && !has_output).then_some(0)),
        reasoning,
        audio_input: of_kind(fields, "promptTokensDetails", AUDIO),
        cached_audio: of_kind(fields, "cacheTokensDetails", AUDIO),
        audio_output: of_kind(fields, "candidatesTokensDetails", AUDIO),
        image_input: of_kind(fields, "promptTokensDetails", IMAGE),
        image_output: of_kind(fields, "candidatesTokensDetails", IMAGE),
        service_tier: tier(fields, "serviceTier"),
        ..Usage::UNKNOWN
    }
}

const AUDIO: &[&str] = &["AUDIO"];
/// Pages of a document are billed as images.
const IMAGE: &[&str] = &["IMAGE", "DOCUMENT"];

/// The tokens of some kinds; `None`: none of the kinds is in the list.
fn of_kind(fields: &mut FieldReader<'_, '_>, name: &str, kinds: &[&str]) -> Option<u64> {
    let mut found = None;
    for entry in fields.objects(name) {
        let mut entry = fields.other(entry);
        if entry.text("modality").is_some_and(|kind| kinds.contains(&&*kind)) {
            let tokens = entry.count("tokenCount").unwrap_or(0);
            found = Some(sum(&[found.unwrap_or(0), tokens], fields)?);
        }
    }
    found
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
            assert_eq!(normal(dialect, text).usage, expected, "{text}");
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
            [Some(9), None, None, Some(4), None],
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
    fn what_is_wrong_with_one_count_is_unknown_alone() {
        let check = |dialect, text: &str, counts: [Option<u64>; 4], faults: &[UsageFault]| {
            let stated = normal(dialect, text);
            let [input, cached_input, output, reasoning] = counts;
            let Usage { input: i, cached_input: c, output: o, reasoning: r, .. } = stated.usage;
            assert_eq!([i, c, o, r], [input, cached_input, output, reasoning], "{text}");
            assert_eq!(stated.faults, faults, "{text}");
        };
        let (none, over) = (UsageFault::NoCount, UsageFault::Contradiction);
        let chat = Dialect::OpenaiChat;
        let max = u64::MAX;
        check(
            chat,
            &format!(r#"{{"prompt_tokens":5,"completion_tokens":{max},"total_tokens":{max}}}"#),
            [Some(5), None, None, None],
            &[none],
        );
        check(
            chat,
            r#"{"prompt_tokens":12,"completion_tokens":3,
                "prompt_tokens_details":{"cached_tokens":4000},
                "completion_tokens_details":{"reasoning_tokens":4}}"#,
            [Some(12), None, Some(3), None],
            &[over, over],
        );
        check(
            chat,
            r#"{"prompt_tokens":12,"completion_tokens":3,"prompt_tokens_details":[],
                "completion_tokens_details":"none"}"#,
            [Some(12), None, Some(3), None],
            &[],
        );
        check(
            Dialect::OpenaiResponses,
            r#"{"input_tokens":-1,"output_tokens":"3","input_tokens_details":null}"#,
            [None, None, Some(3), None],
            &[none],
        );
        check(
            Dialect::Anthropic,
            r#"{"input_tokens":3,"cache_read_input_tokens":1e300,"output_tokens":5}"#,
            [None, None, Some(5), None],
            &[none],
        );
        check(
            Dialect::Anthropic,
            r#"{"input_tokens":1000000000,"cache_read_input_tokens":1,"output_tokens":5}"#,
            [None, Some(1), Some(5), None],
            &[none],
        );
        check(
            Dialect::Gemini,
            r#"{"promptTokenCount":17,"candidatesTokenCount":0.5,"thoughtsTokenCount":3,
                "totalTokenCount":20}"#,
            [Some(17), None, None, Some(3)],
            &[none],
        );
        // Thoughts alone are not all that was billed.
        check(
            Dialect::Gemini,
            r#"{"promptTokenCount":17,"thoughtsTokenCount":30}"#,
            [Some(17), None, None, Some(30)],
            &[],
        );
        check(
            Dialect::Gemini,
            r#"{"promptTokenCount":17,"thoughtsTokenCount":30,"totalTokenCount":47}"#,
            [Some(17), Some(0), Some(30), Some(30)],
            &[],
        );
        check(chat, r#""none""#, [None; 4], &[]);
    }

    #[test]
    fn what_was_charged() {
        let check = |text: &str, expected: Option<&str>| {
            let charged = normal(Dialect::OpenaiChat, text).cost.map(|usd| usd.to_string());
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
        check(r#"{"cost":"0.5"}"#, Some("0.5"));
        check(r#"{"cost":0}"#, Some("0"));
        for none in ["1.6e14", "1e300", "-1", "1000000.01", "\"NaN\"", "true", "[]", "\"\""] {
            check(&format!(r#"{{"cost":{none}}}"#), None);
        }
    }

    #[test]
    fn parts_with_a_price_of_their_own() {
        let check = |dialect, text: &str, expected: Usage| {
            assert_eq!(normal(dialect, text).usage, expected, "{text}");
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
