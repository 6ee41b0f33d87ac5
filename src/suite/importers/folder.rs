//! A suite that is a folder: `suite.toml` and `tasks.jsonl`, with known keys only.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fields::Fields;
use super::raw::{RawTask, SuiteBuilder};
use super::template::PromptTemplate;
use crate::graders::exact_json::with_floats;
use crate::graders::{GraderSpec, check_schema, stated_answer};
use crate::suite::error::SuiteError;
use crate::suite::source::Source;
use crate::suite::task::LoadedSuite;
use crate::units::{ContentHash, Message};

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

const BEYOND_FLOAT: &str = "holds a number beyond 1e308";

/// Reads the two files. `folder_name` is the suite's name where `suite.toml` has none.
pub(in crate::suite) fn read(
    folder_name: &str,
    header: &Source,
    tasks: &Source,
) -> Result<LoadedSuite, SuiteError> {
    let Header { values, lines } = read_toml(header)?;
    let at = |key: &str| header.at(lines.get(key).copied().unwrap_or(1));
    let fields = Fields { object: &values, at: &at };
    fields.only(&HEADER_KEYS)?;
    let hash = ContentHash::of_parts([header.hash.as_bytes().as_slice(), tasks.hash.as_bytes()]);
    let name = fields.name("name")?.unwrap_or_else(|| folder_name.to_owned());
    let mut builder = SuiteBuilder::new(name, hash);
    builder.category = fields.name("category")?;
    builder.grader = read_grader(&fields)?;
    let template = fields
        .prose("prompt")?
        .map(|text| PromptTemplate::compile(&at("prompt"), text))
        .transpose()?;
    builder.max_tokens = fields.count("max_tokens")?;
    builder.version = fields.name("version")?;
    builder.license = fields.name("license")?;
    builder.description = fields.prose("description")?;
    for object in tasks.objects() {
        let (line, object) = object?;
        let at = tasks.at(line);
        builder.add(&at, line, read_task(&at, &object, template.as_ref())?)?;
    }
    builder.finish(&tasks.name)
}

pub(super) fn read_grader(fields: &Fields<'_>) -> Result<Option<GraderSpec>, SuiteError> {
    let parse = |value| {
        GraderSpec::parse(value)
            .map_err(|source| SuiteError::BadGrader { at: (fields.at)("grader"), source })
    };
    fields.get("grader").map(parse).transpose()
}

/// `suite.toml`: its values, and the line of each of its keys.
struct Header {
    values: Map<String, Value>,
    lines: BTreeMap<String, usize>,
}

/// Parses TOML, twice: once for the lines of its keys, once for its values.
fn read_toml(source: &Source) -> Result<Header, SuiteError> {
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
    Ok(Header { values, lines })
}

fn read_task(
    at: &str,
    object: &Map<String, Value>,
    template: Option<&PromptTemplate>,
) -> Result<RawTask, SuiteError> {
    let place = |_: &str| at.to_owned();
    let fields = Fields { object, at: &place };
    fields.only(&TASK_KEYS)?;
    let id = fields.name("id")?.ok_or_else(|| fields.bad("id", "is missing"))?;
    Ok(RawTask {
        id: Some(id),
        grader: read_grader(&fields)?,
        category: fields.name("category")?,
        messages: read_messages(&fields, template)?,
        reference: fields.get("reference").cloned(),
        answer: read_answer(&fields, "answer")?,
        wrong: read_answer(&fields, "wrong")?,
        tags: fields.names("tags")?,
        cluster: fields.name("cluster")?,
        tools: read_tools(&fields)?,
        schema: read_schema(&fields)?,
        max_tokens: fields.count("max_tokens")?,
    })
}

/// A JSON Schema.
pub(super) fn read_schema(fields: &Fields<'_>) -> Result<Option<Value>, SuiteError> {
    let Some(schema) = fields.get("schema") else { return Ok(None) };
    let schema = with_floats(schema).ok_or_else(|| fields.bad("schema", BEYOND_FLOAT))?;
    check_schema(&schema).map_err(|why| fields.bad("schema", why))?;
    Ok(Some(schema))
}

/// The prompt through the template, or the messages as they are.
fn read_messages(
    fields: &Fields<'_>,
    template: Option<&PromptTemplate>,
) -> Result<Vec<Message>, SuiteError> {
    let text = match (fields.prose("prompt")?, fields.messages("messages")?) {
        (Some(_), Some(_)) => {
            return Err(fields.bad("messages", "and `prompt` are both there; keep one of them"));
        }
        (None, None) => {
            return Err(fields.bad("prompt", "is missing; a task has `prompt` or `messages`"));
        }
        (None, Some(messages)) => return Ok(messages),
        (Some(prompt), None) => prompt,
    };
    let content = match template {
        None => text,
        Some(template) => template.render(fields)?,
    };
    Ok(vec![Message { role: "user".to_owned(), content }])
}

/// A right or wrong answer: a text, or a list of calls.
pub(super) fn read_answer(fields: &Fields<'_>, key: &str) -> Result<Option<Value>, SuiteError> {
    let Some(value) = fields.get(key) else { return Ok(None) };
    stated_answer(value).map_err(|why| fields.bad(key, why))?;
    Ok(Some(value.clone()))
}

/// Tool definitions as the request sends them.
pub(super) fn read_tools(fields: &Fields<'_>) -> Result<Option<Value>, SuiteError> {
    const FORM: &str = "must be a list of {\"type\": \"function\", \"function\": {\"name\": …, \"parameters\": {…}}}";
    let Some(tools) = fields.get("tools") else { return Ok(None) };
    let named = |tool: &Value| tool.pointer("/function/name").is_some_and(Value::is_string);
    match tools.as_array() {
        Some(list) if !list.is_empty() && list.iter().all(named) => {
            with_floats(tools).map(Some).ok_or_else(|| fields.bad("tools", BEYOND_FLOAT))
        }
        _ => Err(fields.bad("tools", FORM)),
    }
}
