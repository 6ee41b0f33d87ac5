//! JSON Schemas of answers. The only file that uses `jsonschema`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use super::target::GradingError;
use crate::units::names;

/// A compiled schema.
pub(crate) struct CompiledSchema(Validator);

/// A value that is not valid under a schema.
pub(super) struct SchemaViolation {
    /// The JSON pointer to the invalid part.
    pub pointer: String,
    pub reason: String,
}

/// Compiles a schema. References to other documents are an error: nothing is ever fetched.
/// Patterns run in linear time, so that no schema hangs the grader.
pub(crate) fn compile_schema(schema: &Value) -> Result<CompiledSchema, String> {
    jsonschema::options()
        .offline()
        .with_pattern_options(PatternOptions::regex())
        .build(schema)
        .map(CompiledSchema)
        .map_err(|e| e.to_string())
}

impl CompiledSchema {
    pub(super) fn validate(&self, value: &Value) -> Result<(), SchemaViolation> {
        self.0.validate(value).map_err(|error| SchemaViolation {
            pointer: error.instance_path().as_str().to_owned(),
            reason: error.to_string(),
        })
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

/// A first look at a schema when a suite is loaded: it must be an object, its types must exist, and
/// it may not refer to another file, which is never fetched. The error completes "`schema` …".
pub(crate) fn check_schema(schema: &Value) -> Result<(), String> {
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
            Some(Value::Array(list)) if key == "items" => list.iter().try_for_each(check_schema)?,
            Some(one) => check_schema(one)?,
            None => {}
        }
    }
    for key in LIST {
        if let Some(Value::Array(list)) = keywords.get(key) {
            list.iter().try_for_each(check_schema)?;
        }
    }
    for key in NAMED {
        if let Some(Value::Object(named)) = keywords.get(key) {
            named.values().try_for_each(check_schema)?;
        }
    }
    Ok(())
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
