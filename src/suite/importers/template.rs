//! The prompt template of a suite. Its steps, its depth and the length of what it writes are bounded.

use std::borrow::Cow;
use std::collections::BTreeMap;

use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use serde_json::Value;

use super::fields::Fields;
use crate::graders::exact_json;
use crate::suite::error::SuiteError;

/// The keys that a template does not see, so that it cannot reveal the answer.
const HIDDEN: [&str; 3] = ["reference", "answer", "wrong"];

/// The name under which the engine knows the template; without an extension, nothing is escaped.
const NAME: &str = "prompt";

/// The most steps for one task: instructions, and one for each 64 bytes that they make. So a template
/// makes at most 32 MB, which no model takes.
const MAX_STEPS: u64 = 500_000;

/// The deepest nesting of macros and includes.
const MAX_DEPTH: usize = 50;

/// A compiled template.
pub(super) struct PromptTemplate {
    engine: Environment<'static>,
}

impl PromptTemplate {
    /// Compiles a template; `at` is its place in errors.
    pub fn compile(at: &str, text: String) -> Result<Self, SuiteError> {
        let mut engine = Environment::new();
        engine.set_undefined_behavior(UndefinedBehavior::Strict);
        engine.set_fuel(Some(MAX_STEPS));
        engine.set_recursion_limit(MAX_DEPTH);
        engine.add_template_owned(NAME, text).map_err(|e| SuiteError::BadValue {
            at: at.to_owned(),
            key: "prompt".to_owned(),
            why: format!("is not a valid template: {e}"),
        })?;
        Ok(Self { engine })
    }

    /// The prompt of a task.
    pub fn render(&self, fields: &Fields<'_>) -> Result<String, SuiteError> {
        let seen: BTreeMap<&str, Cow<'_, Value>> = fields
            .object
            .iter()
            .filter(|(key, _)| !HIDDEN.contains(&key.as_str()))
            .map(|(key, value)| (key.as_str(), exact_json::plain_number(value)))
            .collect();
        let rendered = self
            .engine
            .get_template(NAME)
            .and_then(|template| template.render(minijinja::value::Serde(&seen)));
        rendered.map_err(|e| {
            let names: Vec<&str> = seen.keys().copied().collect();
            let why = match e.kind() {
                ErrorKind::UndefinedError => format!(
                    "template of suite.toml uses a variable that this task does not give; it gives {}",
                    names.join(", ")
                ),
                ErrorKind::OutOfFuel => format!(
                    "template of suite.toml needs more than {MAX_STEPS} steps for this task; make its loops and its text shorter"
                ),
                _ => format!("template of suite.toml fails on this task: {e}"),
            };
            fields.bad("prompt", why)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn render(template: &str) -> Result<String, String> {
        let template = PromptTemplate::compile("suite.toml:1", template.to_owned()).unwrap();
        let task = json!({"prompt": "p", "answer": "secret"});
        let at = |_: &str| "tasks.jsonl:1".to_owned();
        let fields = Fields { object: task.as_object().unwrap(), at: &at };
        template.render(&fields).map_err(|e| e.to_string())
    }

    #[test]
    fn templates_are_bounded() {
        assert_eq!(render("{% for n in range(3) %}{{ prompt }}{% endfor %}"), Ok("ppp".to_owned()));
        let nested =
            "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
        insta::assert_snapshot!(render(nested).unwrap_err(), @"tasks.jsonl:1: `prompt` template of suite.toml needs more than 500000 steps for this task; make its loops and its text shorter");
        for hostile in [
            "{{ 'x' * 999999999 }}",
            "{% set ns = namespace(s='x') %}{% for n in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s }}",
            "{{ range(999999999) | list }}",
            "{% for a in range(9999) %}{{ 'x' * 99999 }}{% endfor %}",
        ] {
            let error = render(hostile).unwrap_err();
            assert!(
                error.starts_with("tasks.jsonl:1: `prompt` template of suite.toml "),
                "{error}"
            );
        }
        assert!(render("{{ answer }}").unwrap_err().contains("does not give"));
    }
}
