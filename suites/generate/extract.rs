//! Structured extraction: a short document with distractors, a list of fields, a JSON Schema.

use serde_json::{Map, Value, json};

use crate::chance::Dice;
use crate::extract_documents::DOCUMENTS;
use crate::folder::{Suite, Task};

/// The kind of a field: what the prompt says of it and what the schema demands.
#[derive(Clone, Copy)]
pub enum Kind {
    Text,
    Whole,
    Number,
    Flag,
    Date,
    Time,
    /// One of these.
    Of(&'static [&'static str]),
    /// A text, or null where the document does not say.
    TextOrNull,
    /// A list of texts.
    Texts,
    /// A list of objects with these fields.
    Objects(&'static [Field]),
}

/// A field: its name, what it holds, its kind.
pub type Field = (&'static str, &'static str, Kind);

/// What a template makes: the document, the values in the order of the fields, and the field that
/// a weak model gets wrong, with its wrong value.
pub struct Document {
    pub text: String,
    pub values: Vec<Value>,
    pub slip: (&'static str, Value),
}

/// A kind of document, its fields, and its template.
pub struct Form {
    pub name: &'static str,
    pub fields: &'static [Field],
    pub write: fn(&mut Dice) -> Document,
}

/// Four documents of each kind.
pub fn suite() -> Suite {
    let mut tasks = Vec::new();
    for form in &DOCUMENTS {
        for n in 1..=4 {
            let id = format!("{}-{n}", form.name);
            let document = (form.write)(&mut Dice::new("extract", &id));
            tasks.push(task(id, form, document, n % 2 == 0));
        }
    }
    Suite {
        name: "extract",
        description: "Structured extraction from short documents to JSON under a schema.",
        grader: "\"json\"",
        prompt: Some("{{ prompt }}\n"),
        max_tokens: None,
        tasks,
    }
}

fn task(id: String, form: &Form, document: Document, fenced: bool) -> Task {
    assert_eq!(form.fields.len(), document.values.len(), "{id}: a value for each field");
    let mut right = Map::new();
    for (field, value) in form.fields.iter().zip(document.values) {
        right.insert(field.0.to_owned(), value);
    }
    let mut wrong = right.clone();
    let replaced = wrong.insert(document.slip.0.to_owned(), document.slip.1);
    assert!(replaced.is_some() && wrong != right, "{id}: the slip must be wrong");
    let fields: Vec<_> = form.fields.iter().map(|field| describe(field, "")).collect();
    let answer = Value::Object(right.clone()).to_string();
    Task {
        tags: vec![form.name.to_owned()],
        prompt: Some(format!(
            "Extract the data of this document as one JSON object with exactly these keys:\n{}\n\n\
             Document:\n{}\n\nAnswer with the JSON alone.",
            fields.join("\n"),
            document.text
        )),
        schema: Some(schema(form.fields)),
        reference: Value::Object(right),
        answer: Some(if fenced { json!(format!("```json\n{answer}\n```")) } else { json!(answer) }),
        wrong: json!(Value::Object(wrong).to_string()),
        id,
        ..Task::default()
    }
}

/// One line of the prompt (or several, for a list of objects).
fn describe(&(name, about, kind): &Field, indent: &str) -> String {
    let form = match kind {
        Kind::Text => "text".to_owned(),
        Kind::Whole => "whole number".to_owned(),
        Kind::Number => "number".to_owned(),
        Kind::Flag => "true or false".to_owned(),
        Kind::Date => "date as YYYY-MM-DD".to_owned(),
        Kind::Time => "time as HH:MM, 24 hours".to_owned(),
        Kind::Of(names) => format!("one of {}", names.join(", ")),
        Kind::TextOrNull => "text, or null where not given".to_owned(),
        Kind::Texts => "list of texts, in the order of the document".to_owned(),
        Kind::Objects(fields) => {
            let inner: Vec<_> = fields.iter().map(|field| describe(field, "  ")).collect();
            format!(
                "list of objects, in the order of the document, each with\n{}",
                inner.join("\n")
            )
        }
    };
    format!("{indent}- {name}: {about} ({form})")
}

/// The JSON Schema of an object with these fields and no others.
fn schema(fields: &[Field]) -> Value {
    let mut properties = Map::new();
    for (name, _, kind) in fields {
        properties.insert((*name).to_owned(), kind_schema(*kind));
    }
    let required: Vec<_> = fields.iter().map(|field| field.0).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn kind_schema(kind: Kind) -> Value {
    match kind {
        Kind::Text => json!({"type": "string"}),
        Kind::Whole => json!({"type": "integer"}),
        Kind::Number => json!({"type": "number"}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Date => json!({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}),
        Kind::Time => json!({"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9]$"}),
        Kind::Of(names) => json!({"type": "string", "enum": names}),
        Kind::TextOrNull => json!({"type": ["string", "null"]}),
        Kind::Texts => json!({"type": "array", "items": {"type": "string"}}),
        Kind::Objects(fields) => json!({"type": "array", "items": schema(fields)}),
    }
}
