//! The usage normaliser against 229 real usage bodies with their expected normal form, which
//! others collected (genai-prices; `oracles` of the shared data).

use std::collections::BTreeMap;

use serde_json::Value;
use weighbridge::units::Dialect;
use weighbridge::wire::usage;

use crate::support::{shared_data, skipped};

/// Our dialect of a body and the name of its expected reading in the data, or the reason why it has
/// none.
fn sender(body: &Value) -> Result<(Dialect, &'static str), &'static str> {
    let model = body["model"].as_str().unwrap_or_default();
    if body.get("usageMetadata").is_some() {
        return Ok((Dialect::Gemini, "google/default"));
    }
    let usage = &body["usage"];
    let has = |key: &str| usage.get(key).is_some();
    if has("prompt_tokens") && !has("completion_tokens") {
        return Err("embeddings, which have no output and are not asked for");
    }
    if has("prompt_tokens") {
        let mistral = ["mistral", "ministral", "magistral", "codestral"];
        return Ok((
            Dialect::OpenaiChat,
            match model {
                _ if model.contains('/') => "openrouter/chat",
                _ if model.starts_with("grok") => "x-ai/chat",
                _ if mistral.iter().any(|name| model.starts_with(name)) => "mistral/default",
                _ => "openai/chat",
            },
        ));
    }
    if has("cache_read_input_tokens") || has("cache_creation_input_tokens") {
        return Ok((Dialect::Anthropic, "anthropic/default"));
    }
    if has("input_tokens") {
        return Ok((Dialect::OpenaiResponses, "openai/responses"));
    }
    if has("inputTokens") {
        return Err("Amazon Bedrock's Converse API, a dialect of its own");
    }
    Err("Cohere's own API; its compatible one speaks openai-chat")
}

/// The names of our counts in the data. The data leave out counts of 0.
fn ours(dialect: Dialect, usage: &Value) -> BTreeMap<&'static str, u64> {
    let text = usage.to_string();
    let normal = usage::normal(dialect, &text).usage;
    [
        ("input_tokens", normal.input),
        ("cache_read_tokens", normal.cached_input),
        ("cache_write_tokens", normal.cache_write),
        ("output_tokens", normal.output),
        ("output_reasoning_tokens", normal.reasoning),
        ("cache_write_1h_tokens", normal.cache_write_1h),
        ("input_audio_tokens", normal.audio_input),
        ("input_image_tokens", normal.image_input),
        ("output_image_tokens", normal.image_output),
        ("output_audio_tokens", normal.audio_output),
        ("web_searches", normal.searches),
    ]
    .into_iter()
    .filter_map(|(name, count)| Some((name, count.filter(|n| *n > 0)?)))
    .collect()
}

#[test]
fn real_usage_bodies_come_to_their_normal_form() {
    let Some(path) = shared_data("oracles/genai_prices_usages_trimmed.json") else { return };
    let text = std::fs::read_to_string(path).expect("readable");
    let bodies: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    assert_eq!(bodies.len(), 229);
    let (mut agreed, mut apart) = (BTreeMap::<&str, u32>::new(), BTreeMap::<&str, u32>::new());
    for (at, entry) in bodies.iter().enumerate() {
        let body = &entry["body"];
        let (dialect, reading) = match sender(body) {
            Ok(sender) => sender,
            Err(reason) => {
                skipped(&format!("usage body {at} is under no dialect of ours: {reason}"));
                *apart.entry(reason).or_default() += 1;
                continue;
            }
        };
        let names = |reading: &Value| {
            let (provider, flavour) = (&reading["provider_id"], &reading["api_flavor"]);
            format!("{}/{}", provider.as_str().unwrap_or(""), flavour.as_str().unwrap_or(""))
        };
        let is_meant = |found: &&Value| {
            found["extractors"]
                .as_array()
                .is_some_and(|all| all.iter().any(|r| names(r) == reading))
        };
        let expected = entry["extracted"].as_array().and_then(|all| all.iter().find(is_meant));
        let expected = &expected.unwrap_or_else(|| panic!("{at}: no {reading}"))["usage"];
        let usage = body.get("usageMetadata").unwrap_or(&body["usage"]);
        let got = ours(dialect, usage);
        // Counts that no price needs are not compared: text apart from images, video, tool tokens,
        // five-minute cache writes (the rest of all writes).
        let unasked = ["text", "video", "cache_image", "tool_tokens", "_5m_"];
        let known = |name: &str| !unasked.iter().any(|part| name.contains(part));
        let expected: BTreeMap<&str, u64> = expected
            .as_object()
            .expect("counts")
            .iter()
            .filter(|(name, _)| known(name))
            .filter_map(|(name, count)| Some((name.as_str(), count.as_u64().filter(|n| *n > 0)?)))
            .collect();
        // Some readings of the data ignore audio and image tokens that a body states.
        let passed_over = ["input_audio", "input_image", "output_image", "output_audio"];
        let named = |name: &&str| {
            expected.contains_key(name) || !passed_over.iter().any(|part| name.starts_with(part))
        };
        let got: BTreeMap<&str, u64> = got.into_iter().filter(|(name, _)| named(name)).collect();
        assert_eq!(got, expected, "{at} as {reading}: {usage}");
        *agreed.entry(dialect.name()).or_default() += 1;
    }
    assert_eq!(
        agreed,
        [("anthropic", 40), ("gemini", 40), ("openai-chat", 87), ("openai-responses", 49)].into()
    );
    assert_eq!(apart.values().sum::<u32>(), 13, "{apart:?}");
}
