//! A suite that is a folder: `suite.toml` and `tasks.jsonl`, every key known.

use std::collections::BTreeMap;

use minijinja::{Environment, UndefinedBehavior};
use serde_json::{Map, Value};

use super::error::SuiteError;
use super::fields::Fields;
use super::load::{Ids, LoadedSuite, short_hash, task_flaw};
use super::source::Source;
use super::{GraderSpec, Suite, Task, grader, reference, schema};
use crate::units::{Category, ContentHash, Message};

const HEADER_KEYS: [&str; 8] =
    ["name", "version", "license", "category", "grader", "prompt", "max_tokens", "description"];

const TASK_KEYS: [&str; 13] = [
    "id",
    "prompt",
    "messages",
    "reference",
    "category",
    "grader",
    "tags",
    "cluster",
    "tools",
    "schema",
    "max_tokens",
    "answer",
    "wrong",
];

/// What a prompt template does not see: it must not be able to give the answer away.
const HIDDEN: [&str; 3] = ["reference", "answer", "wrong"];

/// The name under which the engine knows the template; without an extension, nothing is escaped.
const TEMPLATE: &str = "prompt";

/// Reads the two files. `folder_name` is the suite's name where `suite.toml` has none.
pub(super) fn read(
    folder_name: &str,
    header: &Source,
    tasks: &Source,
) -> Result<LoadedSuite, SuiteError> {
    let (table, lines) = read_toml(header)?;
    let at = |key: &str| header.at(lines.get(key).copied().unwrap_or(1));
    let fields = Fields { object: &table, at: &at };
    fields.only(&HEADER_KEYS)?;
    let hash = ContentHash::of_parts([header.hash.as_bytes().as_slice(), tasks.hash.as_bytes()]);
    let name = fields.name("name")?.unwrap_or_else(|| folder_name.to_owned());
    let defaults = Defaults {
        category: Category::new(fields.name("category")?.unwrap_or_else(|| name.clone())),
        grader: fields.get("grader").map(|value| grader::read(&at("grader"), value)).transpose()?,
        template: fields.prose("prompt")?.map(|text| template(&at("prompt"), text)).transpose()?,
        max_tokens: fields.count("max_tokens")?,
        suite: name.clone(),
    };
    let mut ids = Ids::default();
    let mut all = Vec::new();
    for object in tasks.objects() {
        let (line, object) = object?;
        let at = tasks.at(line);
        let task = defaults.task(&at, &object)?;
        ids.add(&at, line, &task.id)?;
        all.push(task);
    }
    if all.is_empty() {
        return Err(SuiteError::Empty { path: tasks.name.clone() });
    }
    let suite = Suite {
        name,
        version: fields.name("version")?.unwrap_or_else(|| short_hash(&hash)),
        license: fields.name("license")?,
        tasks: all,
        hash,
    };
    Ok(LoadedSuite { suite, description: fields.prose("description")?, notes: Vec::new() })
}

/// The table of a TOML file, and the line of each of its keys.
fn read_toml(source: &Source) -> Result<(Map<String, Value>, BTreeMap<String, usize>), SuiteError> {
    let broken = |e: &toml::de::Error| SuiteError::Broken {
        at: source.at(e.span().map_or(1, |span| source.line_of(span.start))),
        format: "TOML",
        why: e.message().lines().collect::<Vec<_>>().join(", "),
    };
    let spanned = toml::de::DeTable::parse(&source.text).map_err(|e| broken(&e))?;
    let lines = spanned
        .get_ref()
        .keys()
        .map(|key| (key.get_ref().to_string(), source.line_of(key.span().start)))
        .collect();
    let values = toml::from_str::<Map<String, Value>>(&source.text).map_err(|e| broken(&e))?;
    Ok((values, lines))
}

/// Compiles a prompt template.
fn template(at: &str, text: String) -> Result<Environment<'static>, SuiteError> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.add_template_owned(TEMPLATE, text).map_err(|e| SuiteError::BadValue {
        at: at.to_owned(),
        key: "prompt".to_owned(),
        why: format!("is no template: {e}"),
    })?;
    Ok(engine)
}

/// What `suite.toml` says for every task that does not say otherwise.
struct Defaults {
    suite: String,
    category: Category,
    grader: Option<GraderSpec>,
    template: Option<Environment<'static>>,
    max_tokens: Option<u64>,
}

impl Defaults {
    fn task(&self, at: &str, object: &Map<String, Value>) -> Result<Task, SuiteError> {
        let place = |_: &str| at.to_owned();
        let fields = Fields { object, at: &place };
        fields.only(&TASK_KEYS)?;
        let id = fields.name("id")?.ok_or_else(|| fields.bad("id", "is missing"))?;
        let grader = match fields.get("grader") {
            Some(value) => grader::read(at, value)?,
            None => self
                .grader
                .clone()
                .ok_or_else(|| SuiteError::NoGrader { at: at.to_owned(), id: id.clone() })?,
        };
        let task = Task {
            suite: self.suite.clone(),
            category: fields.name("category")?.map_or_else(|| self.category.clone(), Category::new),
            messages: self.messages(&fields)?,
            reference: fields.get("reference").cloned(),
            answer: sample(&fields, "answer")?,
            wrong: sample(&fields, "wrong")?,
            tags: fields.names("tags")?,
            cluster: fields.name("cluster")?,
            tools: tools(&fields)?,
            schema: fields.get("schema").cloned(),
            max_tokens: fields.count("max_tokens")?.or(self.max_tokens),
            id,
            grader,
        };
        if let Some(schema) = &task.schema {
            schema::check(schema).map_err(|why| fields.bad("schema", why))?;
        }
        task_flaw(at, &task).map_or(Ok(task), Err)
    }

    /// The prompt through the template, or the messages as they are.
    fn messages(&self, fields: &Fields<'_>) -> Result<Vec<Message>, SuiteError> {
        let prompt = fields.prose("prompt")?;
        let messages = fields.messages("messages")?;
        let text = match (prompt, messages) {
            (Some(_), Some(_)) => {
                return Err(fields.bad("messages", "and `prompt` are both there; keep one of them"));
            }
            (None, None) => {
                return Err(fields.bad("prompt", "is missing; a task has `prompt` or `messages`"));
            }
            (None, Some(messages)) => return Ok(messages),
            (Some(prompt), None) => prompt,
        };
        let text = match &self.template {
            None => text,
            Some(engine) => render(engine, fields)?,
        };
        Ok(vec![Message { role: "user".to_owned(), content: text }])
    }
}

fn render(engine: &Environment<'static>, fields: &Fields<'_>) -> Result<String, SuiteError> {
    let seen: BTreeMap<&str, &Value> = fields
        .object
        .iter()
        .map(|(key, value)| (key.as_str(), value))
        .filter(|(key, _)| !HIDDEN.contains(key))
        .collect();
    let rendered = engine
        .get_template(TEMPLATE)
        .and_then(|template| template.render(minijinja::value::Serde(&seen)));
    rendered.map_err(|e| {
        let names: Vec<&str> = seen.keys().copied().collect();
        let why = match e.kind() {
            minijinja::ErrorKind::UndefinedError => format!(
                "template of suite.toml uses a variable that this task does not give; it gives {}",
                names.join(", ")
            ),
            _ => format!("template of suite.toml fails on this task: {e}"),
        };
        fields.bad("prompt", why)
    })
}

/// A right or wrong answer: a text, or a list of calls.
fn sample(fields: &Fields<'_>, key: &str) -> Result<Option<Value>, SuiteError> {
    match fields.get(key) {
        None => Ok(None),
        Some(calls @ Value::Array(_)) => match reference::calls(calls) {
            Ok(_) => Ok(Some(calls.clone())),
            Err(why) => Err(fields.bad(key, why)),
        },
        Some(value) => match reference::text(value) {
            Some(text) => Ok(Some(Value::String(text))),
            None => Err(fields.bad(key, "must be a text or a list of tool calls")),
        },
    }
}

/// Tool definitions as the request sends them.
fn tools(fields: &Fields<'_>) -> Result<Option<Value>, SuiteError> {
    const FORM: &str = "must be a list of {\"type\": \"function\", \"function\": {\"name\": …, \"parameters\": {…}}}";
    let Some(tools) = fields.get("tools") else { return Ok(None) };
    let named = |tool: &Value| tool.pointer("/function/name").is_some_and(Value::is_string);
    match tools.as_array() {
        Some(list) if !list.is_empty() && list.iter().all(named) => Ok(Some(tools.clone())),
        _ => Err(fields.bad("tools", FORM)),
    }
}
