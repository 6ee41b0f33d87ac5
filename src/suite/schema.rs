//! A first look at a JSON Schema when a suite is loaded. The grader compiles it in full.

use serde_json::Value;

use super::error::did_you_mean;

/// What JSON Schema calls the kinds of values.
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

/// Finds what would make a schema useless: not an object, a type that does not exist, or a
/// reference to another file, which is never fetched.
pub(super) fn check(schema: &Value) -> Result<(), String> {
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
            Some(Value::Array(list)) if key == "items" => list.iter().try_for_each(check)?,
            Some(one) => check(one)?,
            None => {}
        }
    }
    for key in LIST {
        if let Some(Value::Array(list)) = keywords.get(key) {
            list.iter().try_for_each(check)?;
        }
    }
    for key in NAMED {
        if let Some(Value::Object(named)) = keywords.get(key) {
            named.values().try_for_each(check)?;
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
                return Err(format!("has the type `{name}`; {}", did_you_mean(name, &TYPES)));
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
        let bad = |schema: Value| check(&schema).unwrap_err();
        assert_eq!(bad(json!("object")), "must be a JSON Schema: an object");
        assert_eq!(
            bad(json!({"properties": {"a": {"items": {"type": "strng"}}}})),
            "has the type `strng`; did you mean `string`?"
        );
        assert!(bad(json!({"anyOf": [{"type": ["null", 3]}]})).contains("has the type 3"));
        assert!(bad(json!({"$ref": "https://x.test/s.json"})).contains("nothing is fetched"));
        assert_eq!(
            check(&json!({"type": ["string", "null"], "items": [{"$ref": "#/$defs/a"}],
                "properties": {"type": {"type": "integer"}}, "$defs": {"a": true}})),
            Ok(())
        );
    }
}
