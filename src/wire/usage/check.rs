//! Whether the counts that a provider states fit its answer.

use serde::Deserialize;

use crate::units::{Usage, UsageFault};
use crate::wire::answer::Answer;

/// The most tokens of a byte of visible output: a token of less than a byte is rare, and a template
/// adds a few.
const TOKENS_PER_BYTE: u64 = 100;
/// How far above its limit hidden reasoning is believed: some providers let it run on a little.
const ABOVE_LIMIT: u64 = 2;

/// What was sent, as far as the check needs it.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// The body of the request. Its prompt is not empty.
    pub body: &'a [u8],
    /// Whether the endpoint may reason without showing or counting it.
    pub may_hide: bool,
}

/// Takes back the counts that do not fit the answer (METRICS.md §3), and notes why: a zero beside
/// text, more visible output than the text can hold, more hidden reasoning than was allowed.
pub fn check(answer: &mut Answer, sent: Sent<'_>) {
    let text = visible_bytes(answer);
    let shown = text.saturating_add(answer.reasoning.len() as u64);
    let before = answer.usage_faults.len();
    if answer.usage.input == Some(0) {
        answer.usage.input = None;
        answer.usage_faults.push(UsageFault::Zero);
    }
    if let Some(fault) = output_fault(&answer.usage, shown, answer.reasoning.len() as u64, sent) {
        (answer.usage.output, answer.usage.reasoning) = (None, None);
        answer.usage_faults.push(fault);
    }
    let usage = &mut answer.usage;
    if answer.usage_faults.len() > before && usage.input.is_none() && usage.output.is_none() {
        *usage = Usage { service_tier: usage.service_tier, ..Usage::UNKNOWN };
    }
    answer.usage_faults.sort_unstable();
    answer.usage_faults.dedup();
}

/// What is wrong with the count of output tokens beside so many bytes of text and reasoning.
fn output_fault(usage: &Usage, shown: u64, thought: u64, sent: Sent<'_>) -> Option<UsageFault> {
    let output = usage.output?;
    if output == 0 {
        return (shown > 0).then_some(UsageFault::Zero);
    }
    let reasoning = usage.reasoning.unwrap_or(0);
    let visible = output.saturating_sub(reasoning);
    // The text of an answer that was filtered or cut off is hidden too.
    let is_hidden = shown == 0 || (usage.reasoning.is_none() && sent.may_hide);
    if !is_hidden && visible > shown.saturating_mul(TOKENS_PER_BYTE) {
        return Some(UsageFault::BeyondText);
    }
    let hidden = if is_hidden { output } else { reasoning };
    let is_beyond = hidden > thought
        && limit_of(sent.body).is_some_and(|limit| hidden > limit.saturating_mul(ABOVE_LIMIT));
    is_beyond.then_some(UsageFault::BeyondLimit)
}

fn visible_bytes(answer: &Answer) -> u64 {
    let calls = answer.tool_calls.iter().map(|call| call.name.len() + call.arguments.len());
    (answer.text.len() + answer.refusal.len() + calls.sum::<usize>()) as u64
}

/// The output limit of a request in any dialect; `None`: it has none.
fn limit_of(body: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Limits {
        max_tokens: Option<serde_json::Value>,
        max_completion_tokens: Option<serde_json::Value>,
        max_output_tokens: Option<serde_json::Value>,
        #[serde(rename = "generationConfig")]
        generation: Option<Generation>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Generation {
        max_output_tokens: Option<serde_json::Value>,
    }
    let limits: Limits = serde_json::from_slice(body).ok()?;
    let of_gemini = limits.generation.and_then(|generation| generation.max_output_tokens);
    [limits.max_tokens, limits.max_completion_tokens, limits.max_output_tokens, of_gemini]
        .iter()
        .flatten()
        .filter_map(serde_json::Value::as_u64)
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: &[u8] = br#"{"model":"m","max_completion_tokens":1000}"#;

    fn check_answer(
        text: &str,
        thought: &str,
        counts: [u64; 2],
        may_hide: bool,
    ) -> (Usage, Vec<UsageFault>) {
        let [input, output] = counts;
        let mut answer = Answer {
            text: text.to_owned(),
            reasoning: thought.to_owned(),
            usage: Usage { input: Some(input), output: Some(output), ..Usage::UNKNOWN },
            ..Answer::default()
        };
        check(&mut answer, Sent { body: LIMIT, may_hide });
        (answer.usage, answer.usage_faults)
    }

    #[test]
    fn a_count_that_does_not_fit_its_text_is_unknown() {
        let check = |text: &str, thought: &str, counts, may_hide, fault: Option<UsageFault>| {
            let (usage, faults) = check_answer(text, thought, counts, may_hide);
            assert_eq!(faults, Vec::from_iter(fault), "{text} {thought} {counts:?}");
            // A fault of the input leaves the output as it is.
            let output = (fault.is_none() || counts[0] == 0).then_some(counts[1]);
            assert_eq!(usage.output, output, "{text} {thought} {counts:?}");
        };
        check("Paris", "", [12, 3], false, None);
        check("Paris", "", [12, 0], false, Some(UsageFault::Zero));
        check("", "hm", [12, 0], false, Some(UsageFault::Zero));
        check("Paris", "", [0, 3], false, Some(UsageFault::Zero));
        check("", "", [12, 0], false, None);
        check("Paris", "", [12, 500], false, None);
        check("Paris", "", [12, 501], false, Some(UsageFault::BeyondText));
        // Visible reasoning is output too, where it is not counted apart.
        check("Paris", "hm", [12, 700], false, None);
        check("Paris", "hm", [12, 701], false, Some(UsageFault::BeyondText));
        // What may be hidden has the limit of the request.
        check("Paris", "", [12, 2000], true, None);
        check("Paris", "", [12, 2001], true, Some(UsageFault::BeyondLimit));
        check("", "", [12, 2000], false, None);
        check("", "", [12, 2001], false, Some(UsageFault::BeyondLimit));
    }

    #[test]
    fn hidden_reasoning_has_the_limit_of_the_request() {
        let check = |reasoning: u64, fault: Option<UsageFault>| {
            let (output, reasoning) = (Some(reasoning + 3), Some(reasoning));
            let usage = Usage { input: Some(12), output, reasoning, ..Usage::UNKNOWN };
            let mut answer = Answer { text: "Paris".to_owned(), usage, ..Answer::default() };
            super::check(&mut answer, Sent { body: LIMIT, may_hide: true });
            assert_eq!(answer.usage_faults, Vec::from_iter(fault), "{reasoning:?}");
        };
        check(0, None);
        check(2000, None);
        check(2001, Some(UsageFault::BeyondLimit));
    }

    #[test]
    fn each_dialect_names_its_limit() {
        let check = |body: &str, limit: Option<u64>| {
            assert_eq!(limit_of(body.as_bytes()), limit, "{body}");
        };
        check(r#"{"max_tokens":5}"#, Some(5));
        check(r#"{"max_completion_tokens":6}"#, Some(6));
        check(r#"{"max_output_tokens":7}"#, Some(7));
        check(r#"{"generationConfig":{"maxOutputTokens":8}}"#, Some(8));
        check(r#"{"max_tokens":null,"generationConfig":{}}"#, None);
    }

    #[test]
    fn nothing_of_a_zero_usage_is_left() {
        let (usage, faults) = check_answer("Paris", "", [0, 0], false);
        assert_eq!((usage, faults), (Usage::UNKNOWN, vec![UsageFault::Zero]));
    }
}
