//! JSON Schemas of answers. The only file that uses `boon`.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::error::Error;
use std::rc::Rc;

use boon::{CompileError, Compiler, ErrorKind, SchemaIndex, Schemas, UrlLoader, ValidationError};
use serde_json::Value;

use super::pattern;
use super::schema_steps::{check_schema_steps, check_steps};
use super::target::GradingError;
use crate::units::names;

/// A compiled schema.
pub(crate) struct CompiledSchema {
    schemas: Schemas,
    index: SchemaIndex,
    /// As it was written.
    source: Value,
}

/// A value that is not valid under a schema.
pub(super) struct SchemaViolation {
    /// The JSON pointer to the invalid part.
    pub pointer: String,
    pub reason: String,
}

/// The address under which a schema is compiled; nothing is read from it.
const ADDRESS: &str = "schema:///answer.json";

/// Refuses every reference to another document.
struct NoLoader;

impl UrlLoader for NoLoader {
    fn load(&self, url: &str) -> Result<Value, Box<dyn Error>> {
        Err(format!("`{url}` is another document, and nothing is fetched").into())
    }
}

/// Compiles a schema. References to other documents are an error: nothing is ever fetched.
/// Patterns run in linear time, so that no schema hangs the grader.
pub(crate) fn compile_schema(schema: &Value) -> Result<CompiledSchema, String> {
    check_limits(schema)?;
    let mut schemas = Schemas::new();
    let mut compiler = Compiler::new();
    compiler.use_loader(Box::new(NoLoader));
    compiler.add_resource(ADDRESS, schema.clone()).map_err(|error| compile_reason(&error))?;
    let index = compiler.compile(ADDRESS, &mut schemas).map_err(|error| compile_reason(&error))?;
    Ok(CompiledSchema { schemas, index, source: schema.clone() })
}

fn compile_reason(error: &CompileError) -> String {
    match error {
        CompileError::ValidationError { src, .. } => {
            let violation = first_violation(src);
            format!("at `{}`: {}", violation.pointer, violation.reason)
        }
        CompileError::LoadUrlError { src, .. } => src.to_string(),
        other => other.to_string().replace(ADDRESS, ""),
    }
}

impl CompiledSchema {
    /// Judges a value; an error where that could take too long.
    pub(super) fn validate(
        &self,
        value: &Value,
    ) -> Result<Result<(), SchemaViolation>, GradingError> {
        check_steps(&self.source, value).map_err(GradingError::Limit)?;
        Ok(self.schemas.validate(value, self.index).map_err(|error| first_violation(&error)))
    }
}

/// The first violation by its pointer, then by its reason. The validator walks through maps in
/// random order, and a score's detail must be the same in every run.
fn first_violation(error: &ValidationError<'_, '_>) -> SchemaViolation {
    let is_container = matches!(
        error.kind,
        ErrorKind::Group
            | ErrorKind::Schema { .. }
            | ErrorKind::Reference { .. }
            | ErrorKind::ContentSchema
            | ErrorKind::AllOf
    );
    let inner = error.causes.iter().filter(|_| is_container).map(first_violation);
    inner.min_by(|a, b| (&a.pointer, &a.reason).cmp(&(&b.pointer, &b.reason))).unwrap_or_else(
        || SchemaViolation {
            pointer: error.instance_location.to_string(),
            reason: violation_reason(&error.kind),
        },
    )
}

fn violation_reason(kind: &ErrorKind<'_, '_>) -> String {
    let list = |names: &mut dyn Iterator<Item = &str>| {
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    match kind {
        ErrorKind::AdditionalProperties { got } => {
            format!("has additional properties: {}", list(&mut got.iter().map(Cow::as_ref)))
        }
        ErrorKind::Required { want } => {
            format!("lacks properties: {}", list(&mut want.iter().copied()))
        }
        ErrorKind::AnyOf => "is valid under none of the schemas of `anyOf`".to_owned(),
        ErrorKind::OneOf(None) => "is valid under none of the schemas of `oneOf`".to_owned(),
        ErrorKind::Not => "is valid under the schema of `not`".to_owned(),
        ErrorKind::FalseSchema => "is not allowed".to_owned(),
        other => other.to_string(),
    }
}

/// The most compiled schemas that a thread keeps; a full cache is emptied.
const MAX_CACHED: usize = 1_024;

thread_local! {
    static CACHE: RefCell<HashMap<String, Rc<CompiledSchema>>> = RefCell::new(HashMap::new());
}

/// A compiled schema, from the cache.
pub(super) fn cached_schema(schema: &Value) -> Result<Rc<CompiledSchema>, GradingError> {
    let key = schema.to_string();
    CACHE.with_borrow_mut(|cache| {
        if let Some(compiled) = cache.get(&key) {
            return Ok(Rc::clone(compiled));
        }
        let compiled = Rc::new(compile_schema(schema).map_err(GradingError::Schema)?);
        if cache.len() >= MAX_CACHED {
            cache.clear();
        }
        cache.insert(key, Rc::clone(&compiled));
        Ok(compiled)
    })
}

/// The types of JSON Schema.
const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// Keywords whose value is a schema.
const ONE: [&str; 10] = [
    "items",
    "additionalProperties",
    "additionalItems",
    "contains",
    "propertyNames",
    "unevaluatedProperties",
    "not",
    "if",
    "then",
    "else",
];

/// Keywords whose value is a list of schemas.
const LIST: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];

/// Keywords whose value holds named schemas.
const NAMED: [&str; 5] =
    ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];

/// A first look at a schema when a suite is loaded: it must be an object, its types must exist, it may
/// not refer to another file, which is never fetched, and its size, its patterns and its steps have
/// limits. The error completes "`schema` …".
pub(crate) fn check_schema(schema: &Value) -> Result<(), String> {
    check_keywords(schema)?;
    check_limits(schema).map_err(|why| format!("is beyond a limit: {why}"))
}

/// The steps of a schema and the sizes of its patterns.
fn check_limits(schema: &Value) -> Result<(), String> {
    let mut parts = vec![schema];
    while let Some(part) = parts.pop() {
        if let Value::Object(object) = part {
            let names = object.get("patternProperties").and_then(Value::as_object);
            let names = names.into_iter().flat_map(|names| names.keys().map(String::as_str));
            let pattern = object.get("pattern").and_then(Value::as_str);
            pattern.into_iter().chain(names).try_for_each(check_pattern_size)?;
            parts.extend(object.values());
        } else if let Value::Array(list) = part {
            parts.extend(list);
        }
    }
    check_schema_steps(schema)
}

fn check_keywords(schema: &Value) -> Result<(), String> {
    let keywords = match schema {
        Value::Bool(_) => return Ok(()),
        Value::Object(keywords) => keywords,
        _ => return Err("must be a JSON Schema: an object".to_owned()),
    };
    if let Some(kind) = keywords.get("type") {
        check_type(kind)?;
    }
    if let Some(Value::String(target)) = keywords.get("$ref")
        && !target.starts_with('#')
    {
        return Err(format!(
            "refers to `{target}`; only references into the schema itself (#/…) are followed, nothing is fetched"
        ));
    }
    for key in ONE {
        match keywords.get(key) {
            // `items` was a list of schemas before 2020-12.
            Some(Value::Array(list)) if key == "items" => {
                list.iter().try_for_each(check_keywords)?;
            }
            Some(one) => check_keywords(one)?,
            None => {}
        }
    }
    for key in LIST {
        if let Some(Value::Array(list)) = keywords.get(key) {
            list.iter().try_for_each(check_keywords)?;
        }
    }
    for key in NAMED {
        if let Some(Value::Object(named)) = keywords.get(key) {
            named.values().try_for_each(check_keywords)?;
        }
    }
    Ok(())
}

/// A pattern may not be larger than a limit; whether it can be read is left to the validator.
fn check_pattern_size(text: &str) -> Result<(), String> {
    match regex::RegexBuilder::new(text).size_limit(pattern::MAX_BYTES).build() {
        Err(error @ regex::Error::CompiledTooBig(_)) => Err(pattern::describe(text, &error)),
        _ => Ok(()),
    }
}

fn check_type(kind: &Value) -> Result<(), String> {
    let names: Vec<&Value> = match kind {
        Value::Array(names) => names.iter().collect(),
        one => vec![one],
    };
    for name in names {
        match name {
            Value::String(name) if TYPES.contains(&name.as_str()) => {}
            Value::String(name) => {
                return Err(format!("has the type `{name}`; {}", names::suggest(name, &TYPES)));
            }
            other => {
                return Err(format!("has the type {other}; a type is a name or a list of names"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn violation(schema: &Value, value: &Value) -> Option<(String, String)> {
        let compiled = compile_schema(schema).expect("a usable schema");
        compiled
            .validate(value)
            .expect("few steps")
            .err()
            .map(|found| (found.pointer, found.reason))
    }

    /// The validator's maps have a random order, so each check is repeated.
    #[test]
    fn the_first_violation_is_the_same_in_every_run() {
        let schema = json!({"type": "object", "required": ["z", "y"], "additionalProperties": false,
            "properties": {"a": {"type": "string"}, "b": {"anyOf": [{"minimum": 3}, {"const": 1}]},
                "c": {"$ref": "#/$defs/even"}, "d": {"enum": ["x", 2]}, "y": {}, "z": {}},
            "$defs": {"even": {"allOf": [{"multipleOf": 2}, {"maximum": 10}]}}});
        let check = |value: Value, pointer: &str, reason: &str| {
            for _ in 0..20 {
                let found = violation(&schema, &value).expect("a violation");
                assert_eq!((found.0.as_str(), found.1.as_str()), (pointer, reason), "{value}");
            }
        };
        let with = |name: &str, value: Value| json!({"y": 0, "z": 0, name: value});
        check(json!([]), "", "want object, but got array");
        check(json!({"q": 1, "p": 2, "a": 3}), "", "has additional properties: `p`, `q`");
        check(json!({"a": 3}), "", "lacks properties: `y`, `z`");
        check(with("a", json!(3)), "/a", "want string, but got number");
        check(with("b", json!(2)), "/b", "is valid under none of the schemas of `anyOf`");
        check(with("c", json!(13)), "/c", "13 is not multipleOf 2");
        check(with("d", json!(3)), "/d", "value must be one of 'x', 2");
        assert_eq!(violation(&schema, &with("c", json!(8.0))), None);
    }

    /// A format is an annotation since 2019-09, and an assertion before.
    #[test]
    fn drafts_differ_where_they_say_so() {
        let date = |draft: &str| json!({"$schema": draft, "format": "date"});
        let value = json!("tomorrow");
        assert!(violation(&date("http://json-schema.org/draft-07/schema#"), &value).is_some());
        assert_eq!(violation(&json!({"format": "date"}), &value), None);
        // `items` as a list, and an exclusive bound that is a flag.
        let tuple = json!({"$schema": "http://json-schema.org/draft-04/schema#",
            "items": [{"type": "integer", "minimum": 0, "exclusiveMinimum": true}]});
        assert!(violation(&tuple, &json!([0])).is_some());
        assert_eq!(violation(&tuple, &json!([1, "any"])), None);
        let prefix = json!({"prefixItems": [{"type": "integer"}], "items": false});
        assert!(violation(&prefix, &json!([1, 2])).is_some());
    }

    #[test]
    fn what_a_schema_may_not_do_is_an_error() {
        let error = |schema: Value| compile_schema(&schema).err().expect("an error");
        let elsewhere = error(json!({"$ref": "https://example.com/s.json"}));
        assert_eq!(
            elsewhere,
            "`https://example.com/s.json` is another document, and nothing is fetched"
        );
        for target in ["file:///etc/hostname", "other.json", "/etc/hostname", "../s.json#/a"] {
            let said = error(json!({"properties": {"a": {"$ref": target}}}));
            assert!(said.ends_with("nothing is fetched"), "{target}: {said}");
        }
        let with_id = json!({"$id": "http://127.0.0.1:9/", "$ref": "s.json"});
        assert!(error(with_id).ends_with("nothing is fetched"));
        assert_eq!(error(json!({"minimum": "x"})), "at `/minimum`: want number, but got string");
        // A pattern that would need backtracking.
        assert!(error(json!({"pattern": "(?=a)b"})).contains("regex"));
        assert!(error(json!({"$ref": "#/$defs/none"})).contains("none"));
    }

    #[test]
    fn finds_what_is_wrong_at_any_depth() {
        let bad = |schema: Value| check_schema(&schema).unwrap_err();
        assert_eq!(bad(json!("object")), "must be a JSON Schema: an object");
        assert_eq!(
            bad(json!({"properties": {"a": {"items": {"type": "strng"}}}})),
            "has the type `strng`; did you mean `string`?"
        );
        assert!(bad(json!({"anyOf": [{"type": ["null", 3]}]})).contains("has the type 3"));
        assert!(bad(json!({"$ref": "https://x.test/s.json"})).contains("nothing is fetched"));
        assert_eq!(
            check_schema(&json!({"type": ["string", "null"], "items": [{"$ref": "#/$defs/a"}],
                "properties": {"type": {"type": "integer"}}, "$defs": {"a": true}})),
            Ok(())
        );
    }
}
