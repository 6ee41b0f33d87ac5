//! What an endpoint cannot take, and why.
//!
//! A parameter that the user wrote is never dropped in silence: an endpoint that does not take it is
//! ineligible. What a task brings for the grader's sake alone (a schema that the prompt describes as
//! well) is left out where it is not taken, and said.

use std::fmt;

use serde_json::{Map, Value};

use super::bounds::{self, PromptSize};
use super::privacy::Refusal;
use crate::catalog::{Capability, Endpoint};
use crate::suite::Task;

/// Why an endpoint cannot take a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ineligible {
    /// The prompt alone fills the context window.
    ContextWindow,
    /// The prompt and the output limit of the variant do not fit the context window together.
    Room,
    /// The task brings tools, and the endpoint takes none.
    Tools,
    /// The variant sets a parameter that the endpoint does not take.
    Parameter(Capability),
    /// The variant asks for a longer answer than the endpoint gives.
    MaxOutput,
    /// `[privacy]` does not let its provider see prompts.
    Privacy(Refusal),
}

impl Ineligible {
    /// One word for counts: `ineligible (privacy)`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::ContextWindow | Self::Room => "context",
            Self::Tools => "tools",
            Self::Parameter(capability) => capability.name(),
            Self::MaxOutput => "output",
            Self::Privacy(_) => "privacy",
        }
    }

    /// Whether it is so of an endpoint whatever the task, by what the user wrote.
    pub(super) const fn is_of_endpoint(self) -> bool {
        matches!(self, Self::Parameter(_) | Self::MaxOutput | Self::Privacy(_))
    }
}

impl fmt::Display for Ineligible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ContextWindow => "the prompt does not fit the context window",
            Self::Room => "the prompt and the variant's output limit do not fit the context window",
            Self::Tools => "the task needs tools, which the endpoint does not take",
            Self::Parameter(Capability::Tools) => {
                "the variant brings tools, which the endpoint does not take"
            }
            Self::Parameter(Capability::JsonSchema) => {
                "the variant asks for a JSON schema, which the endpoint does not take"
            }
            Self::Parameter(Capability::Temperature) => {
                "the variant sets a temperature, which the endpoint does not take"
            }
            Self::Parameter(Capability::Reasoning) => {
                "the variant asks for reasoning, which the endpoint does not take"
            }
            Self::MaxOutput => "the variant asks for more output than the endpoint gives",
            Self::Privacy(refusal) => return refusal.fmt(f),
        })
    }
}

/// Why an endpoint can take no task at all, by its variant's parameters.
pub(super) fn of_endpoint(endpoint: &Endpoint) -> Option<Ineligible> {
    let asked = [
        (Capability::Tools, brings_tools(endpoint.params.get("tools"))),
        (Capability::JsonSchema, asks_schema(&endpoint.params)),
        (Capability::Temperature, sets_temperature(&endpoint.params)),
        (Capability::Reasoning, bounds::asks_reasoning(&endpoint.params) == Some(true)),
    ];
    let missing = asked.into_iter().find(|(what, asked)| *asked && !endpoint.can(*what));
    if let Some((capability, _)) = missing {
        return Some(Ineligible::Parameter(capability));
    }
    let limits = bounds::stated_limit(endpoint).zip(endpoint.max_output);
    limits.is_some_and(|(asked, given)| asked > given).then_some(Ineligible::MaxOutput)
}

/// Why an endpoint cannot take a task of this size.
pub(super) fn of_task(task: &Task, size: PromptSize, endpoint: &Endpoint) -> Option<Ineligible> {
    if brings_tools(task.tools.as_ref()) && !endpoint.can(Capability::Tools) {
        return Some(Ineligible::Tools);
    }
    let window = endpoint.context_window?;
    let tokens = size.tokens(endpoint);
    if tokens >= window {
        return Some(Ineligible::ContextWindow);
    }
    let limit = bounds::stated_limit(endpoint)?;
    (tokens.saturating_add(limit) > window).then_some(Ineligible::Room)
}

fn brings_tools(tools: Option<&Value>) -> bool {
    tools.and_then(Value::as_array).is_some_and(|list| !list.is_empty())
}

/// Whether parameters ask for an answer under a schema, in the words of any dialect.
fn asks_schema(params: &Map<String, Value>) -> bool {
    const GEMINI: [&str; 4] =
        ["responseJsonSchema", "responseSchema", "response_json_schema", "response_schema"];
    let inside = |holder: &str| params.get(holder).and_then(|holder| holder.get("format"));
    // Chat completions, Responses, Anthropic.
    let formats = [params.get("response_format"), inside("text"), inside("output_config")];
    let is_schema = |format: &Value| {
        format.get("json_schema").is_some()
            || format.get("type").and_then(Value::as_str) == Some("json_schema")
    };
    let mut words = bounds::generation_configs(params)
        .flat_map(|config| GEMINI.iter().filter_map(|key| config.get(*key)));
    formats.into_iter().flatten().any(is_schema) || words.any(|schema| !schema.is_null())
}

fn sets_temperature(params: &Map<String, Value>) -> bool {
    let mut stated =
        bounds::generation_configs(params).filter_map(|config| config.get("temperature"));
    stated.any(|value| !value.is_null())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalog::Dialect;
    use crate::plan::tests::{endpoint, plan_of, task};
    use crate::units::Fact;

    /// Why an endpoint of these capabilities takes no task under these parameters.
    fn check(params: &Value, supports: &[Capability], expected: Option<&str>) {
        let mut endpoint = endpoint("acme/large");
        endpoint.provider.dialect = Dialect::Gemini;
        endpoint.supports = Some(supports.iter().copied().collect());
        endpoint.max_output = Some(100);
        endpoint.context_window = Some(120);
        endpoint.params = params.as_object().cloned().expect("an object");
        let plan = plan_of(vec![task("1", "math", "12345678")], vec![endpoint]);
        assert!(plan.trials.iter().all(|t| t.ineligible == plan.trials[0].ineligible));
        assert_eq!(plan.trials[0].ineligible.map(Ineligible::word), expected, "{params}");
    }

    #[test]
    fn a_parameter_that_is_not_taken_makes_ineligible() {
        let all = Capability::ALL;
        check(&json!({}), &[], None);
        for (params, word) in [
            (json!({"reasoning_effort": "high"}), "reasoning"),
            (json!({"reasoning": {"effort": "low"}}), "reasoning"),
            (json!({"thinking": {"type": "enabled", "budget_tokens": 9}}), "reasoning"),
            (json!({"generationConfig": {"thinkingConfig": {"thinkingBudget": 5}}}), "reasoning"),
            (json!({"generation_config": {"thinking_config": {}}}), "reasoning"),
            (json!({"thinkingConfig": {"thinkingBudget": 5}}), "reasoning"),
            (json!({"temperature": 0.0}), "temperature"),
            (json!({"generationConfig": {"temperature": 1}}), "temperature"),
            (json!({"generation_config": {"temperature": 1}}), "temperature"),
            (json!({"response_format": {"json_schema": {"schema": {}}}}), "json_schema"),
            (json!({"text": {"format": {"type": "json_schema", "schema": {}}}}), "json_schema"),
            (json!({"output_config": {"format": {"type": "json_schema"}}}), "json_schema"),
            (json!({"responseSchema": {"type": "OBJECT"}}), "json_schema"),
            (json!({"responseJsonSchema": {}}), "json_schema"),
            (json!({"generation_config": {"response_schema": {}}}), "json_schema"),
            (json!({"tools": [{"type": "web_search"}]}), "tools"),
        ] {
            check(&params, &[], Some(word));
            check(&params, &all, None);
        }
        check(&json!({"reasoning_effort": "none"}), &[], None);
        check(&json!({"thinking": {"type": "disabled"}}), &[], None);
        check(&json!({"thinkingConfig": {"thinkingBudget": 0}}), &[], None);
        check(&json!({"text": {"format": {"type": "text"}, "verbosity": "low"}}), &[], None);
        check(&json!({"output_config": {"effort": "low"}}), &[], None);
        check(&json!({"response_format": {"type": "json_object"}}), &[], None);
    }

    #[test]
    fn an_output_limit_of_the_variant_is_taken_whole_or_not_at_all() {
        check(&json!({"max_tokens": 100}), &[], None);
        check(&json!({"max_tokens": 101}), &[], Some("output"));
        check(&json!({"generationConfig": {"maxOutputTokens": 101}}), &[], Some("output"));
        // 8 bytes are 2 tokens, a message takes 16, and a system message more.
        let mut tight = endpoint("acme/large");
        tight.params.insert("max_tokens".to_owned(), 83.into());
        tight.context_window = Some(100);
        let plan = plan_of(vec![task("1", "math", "12345678")], vec![tight]);
        assert_eq!(plan.trials[0].ineligible, Some(Ineligible::Room));
        let why = plan.why_ineligible(&plan.trials[0]).expect("a reason");
        assert!(why.ends_with("window: about 18 + 83 tokens against 100"), "{why}");
    }

    #[test]
    fn what_is_cut_and_left_out_is_said() {
        let (mut long, mut shaped) = (task("1", "math", "x"), task("2", "math", "y"));
        long.max_tokens = Some(9_000);
        shaped.schema = Some(json!({"type": "object"}));
        let mut fleet = ["a/1", "a/2", "a/3", "a/4"].map(endpoint);
        for endpoint in &mut fleet {
            endpoint.max_output = Some(1_000);
        }
        fleet[0].params.insert("temperature".to_owned(), 1.into());
        let notes = plan_of(vec![long, shaped], fleet.into()).shape_notes();
        assert_eq!(notes.len(), 3, "{notes:?}");
        assert_eq!(
            notes[0].to_string(),
            "4 trials ineligible (temperature): the variant sets a temperature, which the endpoint \
             does not take: a/1@local"
        );
        assert!(
            notes[1].to_string().ends_with("cut to it: a/2@local, a/3@local, a/4@local"),
            "{notes:?}"
        );
        assert!(matches!(notes[2], Fact::SchemaNotSent { .. }), "{notes:?}");
    }
}
