//! The prompt template of a suite. Its steps, its depth, its time and the length of what it writes are
//! bounded.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};
use serde_json::Value;

use super::fields::Fields;
use crate::graders::exact_json;
use crate::suite::error::SuiteError;

/// The keys that a template does not see, so that it cannot reveal the answer.
const HIDDEN: [&str; 3] = ["reference", "answer", "wrong"];

/// The name under which the engine knows the template; without an extension, nothing is escaped.
const NAME: &str = "prompt";

/// The most steps for one task: instructions, and one for each 64 bytes that they make.
const MAX_STEPS: u64 = 500_000;

/// The longest prompt in bytes; no model takes it. A list that holds another one twice, forty times
/// over, takes few steps and has no end.
const MAX_BYTES: usize = 32 << 20;

/// The time for one task. What filters make of such a list is no step either.
const MAX_TIME: Duration = Duration::from_secs(10);

/// The deepest nesting of macros and includes.
const MAX_DEPTH: usize = 50;

/// The stack of the engine in bytes, which the system gives as it is used: a list within a list, as
/// deep as the steps allow, is written and dropped by recursion.
const STACK: usize = 1 << 30;

/// The variables of a task.
type Variables = BTreeMap<String, Value>;

/// A compiled template, on a thread of its own, which is left behind where a task keeps it too long.
pub(super) struct PromptTemplate {
    tasks: Sender<Variables>,
    prompts: Receiver<Result<String, Error>>,
}

impl PromptTemplate {
    /// Compiles a template; `at` is its place in errors.
    pub fn compile(at: &str, text: String) -> Result<Self, SuiteError> {
        let bad =
            |why: String| SuiteError::BadValue { at: at.to_owned(), key: "prompt".to_owned(), why };
        let mut engine = Environment::new();
        engine.set_undefined_behavior(UndefinedBehavior::Strict);
        engine.set_fuel(Some(MAX_STEPS));
        engine.set_recursion_limit(MAX_DEPTH);
        engine
            .add_template_owned(NAME, text)
            .map_err(|e| bad(format!("is not a valid template: {e}")))?;
        let (tasks, asked) = mpsc::channel::<Variables>();
        let (answer, prompts) = mpsc::channel();
        std::thread::Builder::new()
            .name("template".to_owned())
            .stack_size(STACK)
            .spawn(move || {
                for task in asked {
                    if answer.send(prompt(&engine, &task)).is_err() {
                        return;
                    }
                }
            })
            .map_err(|e| bad(format!("has no thread to run on: {e}")))?;
        Ok(Self { tasks, prompts })
    }

    /// The prompt of a task.
    pub fn render(&self, fields: &Fields<'_>) -> Result<String, SuiteError> {
        let seen: Variables = fields
            .object
            .iter()
            .filter(|(key, _)| !HIDDEN.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), exact_json::plain_number(value).into_owned()))
            .collect();
        let names = seen.keys().cloned().collect::<Vec<_>>().join(", ");
        let rendered = match self.tasks.send(seen) {
            Ok(()) => self.prompts.recv_timeout(MAX_TIME),
            Err(_) => Err(RecvTimeoutError::Disconnected),
        };
        let why = match rendered {
            Ok(Ok(prompt)) => return Ok(prompt),
            Ok(Err(error)) => failure(&error, &names),
            Err(RecvTimeoutError::Timeout) => format!(
                "template of suite.toml needs more than {} s for this task; make its loops and its text shorter",
                MAX_TIME.as_secs()
            ),
            Err(RecvTimeoutError::Disconnected) => {
                "template of suite.toml fails on this task: the engine broke".to_owned()
            }
        };
        Err(fields.bad("prompt", why))
    }
}

fn prompt(engine: &Environment<'_>, task: &Variables) -> Result<String, Error> {
    let mut written = Bounded(Vec::new());
    let task = minijinja::value::Serde(task);
    engine.get_template(NAME)?.render_captured_to(task, &mut written)?;
    let text = String::from_utf8(written.0);
    text.map_err(|e| Error::new(ErrorKind::BadSerialization, e.to_string()))
}

fn failure(error: &Error, names: &str) -> String {
    match error.kind() {
        ErrorKind::UndefinedError => format!(
            "template of suite.toml uses a variable that this task does not give; it gives {names}"
        ),
        ErrorKind::OutOfFuel => format!(
            "template of suite.toml needs more than {MAX_STEPS} steps for this task; make its loops and its text shorter"
        ),
        ErrorKind::WriteFailure => format!(
            "template of suite.toml writes more than {} MiB for this task; make its loops and its text shorter",
            MAX_BYTES >> 20
        ),
        _ => format!("template of suite.toml fails on this task: {error}"),
    }
}

/// What a template writes, up to [`MAX_BYTES`].
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
        let twice = "{% set ns = namespace(x=[]) %}{% for n in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}";
        insta::assert_snapshot!(render(twice).unwrap_err(), @"tasks.jsonl:1: `prompt` template of suite.toml writes more than 32 MiB for this task; make its loops and its text shorter");
        // Deeper than a usual stack.
        let deep = "{% set ns = namespace(x=[]) %}{% for n in range(40000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}";
        assert_eq!(render(deep).map(|text| text.len()), Ok(2 * 40_001));
        assert!(render("{{ answer }}").unwrap_err().contains("does not give"));
    }
}
