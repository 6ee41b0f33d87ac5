//! How large a trial can be: for eligibility, for the output limit that is asked for, for the
//! budget.

use serde_json::{Map, Value};

use crate::catalog::{Capability, Dialect, Endpoint};
use crate::suite::Task;

/// Output tokens that are asked for where a task says nothing.
pub const DEFAULT_MAX_TOKENS: u64 = 4_096;
/// The same where the endpoint reasons first, for reasoning is billed and counted as output.
pub const DEFAULT_MAX_TOKENS_REASONING: u64 = 16_384;
/// No model writes so many tokens: a larger limit bounds nothing.
const MOST_OUTPUT: u64 = 1_000_000_000;
/// Tokens that a message's framing may take: roles and separators.
const TOKENS_PER_MESSAGE: u64 = 16;
/// Bytes of a prompt to a token: about 4 in English prose, fewer in code and other scripts.
const BYTES_PER_TOKEN: u64 = 4;

/// The most tokens that a prompt can have: one per byte of the serialised body (no tokenizer makes
/// more tokens than bytes), and 16 per message.
#[must_use]
pub fn input_bound(body_len: usize, messages: usize) -> u64 {
    (body_len as u64).saturating_add((messages as u64).saturating_mul(TOKENS_PER_MESSAGE))
}

/// The most tokens that an answer can have: the limit that is asked for, else the endpoint's own;
/// `None`: nothing bounds it, so a budget refuses it.
#[must_use]
pub fn output_bound(task: &Task, endpoint: &Endpoint) -> Option<u64> {
    output_bound_of(max_tokens(task, endpoint), endpoint)
}

pub(super) fn output_bound_of(max_tokens: u64, endpoint: &Endpoint) -> Option<u64> {
    match param_limit(endpoint) {
        Param::Absent | Param::Limit(_) => Some(max_tokens),
        Param::Unreadable => endpoint.max_output.filter(|most| *most <= MOST_OUTPUT),
    }
}

/// The output limit that is asked for: the task's, else 4,096 (16,384 with reasoning), no more than
/// the endpoint gives and than the context window leaves. A variant's own limit, in whatever words its
/// dialect has for it, wins over all of this.
#[must_use]
pub fn max_tokens(task: &Task, endpoint: &Endpoint) -> u64 {
    max_tokens_of(PromptSize::of(task), task, endpoint)
}

pub(super) fn max_tokens_of(size: PromptSize, task: &Task, endpoint: &Endpoint) -> u64 {
    if let Some(limit) = stated_limit(endpoint) {
        return limit;
    }
    let unsaid = if reasons(endpoint) { DEFAULT_MAX_TOKENS_REASONING } else { DEFAULT_MAX_TOKENS };
    let wanted = task.max_tokens.unwrap_or(unsaid);
    let given = wanted.min(endpoint.max_output.unwrap_or(u64::MAX));
    let left = endpoint.context_window.map(|window| window.saturating_sub(size.tokens(endpoint)));
    given.min(left.unwrap_or(u64::MAX)).clamp(1, MOST_OUTPUT)
}

/// Whether the endpoint is known to reason: its catalog says so, or its parameters ask for it.
#[must_use]
pub fn reasons(endpoint: &Endpoint) -> bool {
    knows_reasoning(endpoint) == Some(true)
}

/// Whether the endpoint may reason without anything saying so: neither its catalog nor its
/// parameters speak of it.
#[must_use]
pub fn may_reason(endpoint: &Endpoint) -> bool {
    knows_reasoning(endpoint).is_none()
}

fn knows_reasoning(endpoint: &Endpoint) -> Option<bool> {
    let stated = || Some(endpoint.supports.as_ref()?.contains(&Capability::Reasoning));
    asks_reasoning(&endpoint.params).or_else(stated)
}

/// Whether parameters ask for reasoning (or ask for none), in the words of any dialect; `None`: they
/// do not speak of it.
pub(super) fn asks_reasoning(params: &Map<String, Value>) -> Option<bool> {
    let effort = |value: &Value| value.as_str().map(|effort| effort != "none");
    if let Some(asked) = params.get("reasoning_effort").and_then(effort) {
        return Some(asked);
    }
    if let Some(reasoning) = params.get("reasoning").and_then(Value::as_object) {
        let off = reasoning.get("enabled") == Some(&Value::Bool(false));
        return Some(!off && reasoning.get("effort").and_then(effort).unwrap_or(true));
    }
    if let Some(thinking) = params.get("thinking").and_then(Value::as_object) {
        return Some(thinking.get("type").and_then(Value::as_str) != Some("disabled"));
    }
    let thinking = generation_configs(params).find_map(|config| {
        config.get("thinkingConfig").or_else(|| config.get("thinking_config"))
    })?;
    let budget = thinking.get("thinkingBudget").or_else(|| thinking.get("thinking_budget"));
    Some(budget.and_then(Value::as_i64) != Some(0))
}

/// Where Gemini's own words may stand: beside the others or in the object of its API, whose JSON is
/// read in both spellings.
pub(super) fn generation_configs(
    params: &Map<String, Value>,
) -> impl Iterator<Item = &Map<String, Value>> {
    let nested = ["generationConfig", "generation_config"];
    std::iter::once(params).chain(nested.into_iter().filter_map(|key| params.get(key)?.as_object()))
}

/// The size of a task's prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PromptSize {
    /// Bytes of contents, tools and schema.
    pub(super) bytes: u64,
    /// Messages.
    pub(super) messages: u64,
    /// Bytes of the request body that come from the task.
    pub(super) body: u64,
}

impl PromptSize {
    pub(super) fn of(task: &Task) -> Self {
        let json = |value: Option<&Value>| value.map_or(0, |v| v.to_string().len() as u64);
        let beside = json(task.tools.as_ref()) + json(task.schema.as_ref());
        let contents: u64 = task.messages.iter().map(|m| m.content.len() as u64).sum();
        let messages = serde_json::to_string(&task.messages).expect("plain strings");
        Self {
            bytes: contents + beside,
            messages: task.messages.len() as u64,
            body: messages.len() as u64 + beside,
        }
    }

    /// About how many tokens the prompt is, an endpoint's own system message included.
    pub(super) fn tokens(self, endpoint: &Endpoint) -> u64 {
        let system = endpoint.system.as_ref().map_or(0, |text| text.len() as u64);
        let messages = self.messages + u64::from(endpoint.system.is_some());
        (self.bytes + system).div_ceil(BYTES_PER_TOKEN) + messages * TOKENS_PER_MESSAGE
    }

    /// No fewer tokens than the prompt can have, before its body is rendered.
    pub(super) fn bound(self, endpoint: &Endpoint) -> u64 {
        /// Room for the names of a request's fields and for its response format.
        const FRAMING: u64 = 512;
        let system =
            endpoint.system.as_ref().map_or(0, |s| Value::from(s.as_str()).to_string().len());
        let params = Value::Object(endpoint.params.clone()).to_string().len();
        let messages = self.messages + u64::from(endpoint.system.is_some());
        let model = endpoint.upstream_model.len();
        self.body + (system + params + model) as u64 + FRAMING + messages * TOKENS_PER_MESSAGE
    }
}

enum Param {
    Absent,
    Limit(u64),
    Unreadable,
}

/// The output limit that a variant's parameters state; `None`: they state none that can be read.
pub(super) fn stated_limit(endpoint: &Endpoint) -> Option<u64> {
    match param_limit(endpoint) {
        Param::Limit(limit) => Some(limit),
        Param::Absent | Param::Unreadable => None,
    }
}

/// An output limit among an endpoint's parameters. Where there are several, the largest: which of
/// them a provider goes by is its own affair.
fn param_limit(endpoint: &Endpoint) -> Param {
    const NAMES: [&str; 4] =
        ["max_completion_tokens", "max_tokens", "max_output_tokens", "maxOutputTokens"];
    let of = |params: &Map<String, Value>| NAMES.map(|key| params.get(key).cloned());
    if endpoint.params.is_empty() {
        return Param::Absent;
    }
    // Gemini's own words, which are sent as they stand.
    let nested = ["generationConfig", "generation_config"]
        .iter()
        .filter(|_| endpoint.provider.dialect == Dialect::Gemini)
        .filter_map(|key| endpoint.params.get(*key)?.as_object())
        .flat_map(of);
    let found: Vec<Value> = of(&endpoint.params).into_iter().chain(nested).flatten().collect();
    let read = found.iter().map(Value::as_u64).collect::<Option<Vec<u64>>>();
    match read.map(|limits| limits.into_iter().max()) {
        Some(None) => Param::Absent,
        Some(Some(limit)) if limit <= MOST_OUTPUT => Param::Limit(limit),
        Some(Some(_)) | None => Param::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::tests::{endpoint, task};

    fn check(change_task: impl Fn(&mut Task), change: impl Fn(&mut Endpoint), expected: u64) {
        let (mut task, mut endpoint) = (task("t", "math", "12345678"), endpoint("acme/large"));
        change_task(&mut task);
        change(&mut endpoint);
        assert_eq!(max_tokens(&task, &endpoint), expected);
        assert_eq!(output_bound(&task, &endpoint), Some(expected));
    }

    #[test]
    fn the_output_limit_is_the_least_that_holds() {
        let same = |_: &mut Task| {};
        check(same, |_| {}, 4_096);
        check(|t| t.max_tokens = Some(50), |_| {}, 50);
        check(same, |e| e.max_output = Some(1_000), 1_000);
        // 8 bytes are 2 tokens, and a message takes 16.
        check(same, |e| e.context_window = Some(100), 82);
        check(same, |e| e.supports = Some([Capability::Reasoning].into()), 16_384);
        let param = |key: &'static str, value: Value| {
            move |e: &mut Endpoint| drop(e.params.insert(key.to_owned(), value.clone()))
        };
        check(same, |e| e.supports = None, 4_096);
        check(same, param("reasoning_effort", "high".into()), 16_384);
        check(same, param("reasoning_effort", "none".into()), 4_096);
        check(|t| t.max_tokens = Some(50), param("max_tokens", 70.into()), 70);
    }

    #[test]
    fn what_nothing_bounds_is_refused() {
        let (task, mut endpoint) = (task("t", "math", "?"), endpoint("acme/large"));
        endpoint.params.insert("max_tokens".to_owned(), "many".into());
        assert_eq!(output_bound(&task, &endpoint), None);
        endpoint.max_output = Some(9);
        assert_eq!(output_bound(&task, &endpoint), Some(9));
        for absurd in [1_u64 << 31, 1 << 53, (1 << 63) - 1, 1 << 63, u64::MAX] {
            endpoint.params.insert("max_tokens".to_owned(), absurd.into());
            assert_eq!(output_bound(&task, &endpoint), Some(9), "{absurd}");
            endpoint.max_output = Some(absurd);
            assert_eq!(output_bound(&task, &endpoint), None, "{absurd}");
            endpoint.max_output = Some(9);
        }
    }

    #[test]
    fn a_limit_in_geminis_own_words_is_seen() {
        let (task, mut endpoint) = (task("t", "math", "?"), endpoint("acme/large"));
        let mut bound = |dialect, params: Value| {
            endpoint.provider.dialect = dialect;
            endpoint.params = params.as_object().cloned().expect("an object");
            output_bound(&task, &endpoint)
        };
        let nested = json!({"generationConfig": {"maxOutputTokens": 60_000}});
        assert_eq!(bound(Dialect::Gemini, nested.clone()), Some(60_000));
        // Elsewhere the words mean nothing, and our own limit is sent.
        assert_eq!(bound(Dialect::OpenaiChat, nested), Some(4_096));
        let snake = json!({"generation_config": {"max_output_tokens": 70}, "max_tokens": 50});
        assert_eq!(bound(Dialect::Gemini, snake), Some(70));
        let odd = json!({"generationConfig": {"maxOutputTokens": "many"}, "max_tokens": 50});
        assert_eq!(bound(Dialect::Gemini, odd), None);
        assert_eq!(bound(Dialect::Gemini, json!({"generationConfig": {}})), Some(4_096));
    }

    #[test]
    fn the_input_bound_is_a_token_a_byte() {
        assert_eq!(input_bound(100, 2), 132);
        let task = task("t", "math", "line\n\"quoted\"");
        let size = PromptSize::of(&task);
        let body = serde_json::to_string(&task.messages).expect("json").len();
        assert!(size.bound(&endpoint("acme/large")) > input_bound(body, 1));
    }
}
