//! The `json` grader: an answer's JSON equals the reference, and is valid under the schema.
//! The only place that uses `jsonschema`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use super::{Verdict, one_line, quoted};

/// The most compiled schemas that a thread keeps; past this many the cache starts anew.
const MAX_SCHEMAS: usize = 1_024;

/// The most places in an answer where JSON is looked for: each try may read to the end.
const MAX_STARTS: usize = 200;

thread_local! {
    static SCHEMAS: RefCell<HashMap<String, Rc<Validator>>> = RefCell::new(HashMap::new());
}

/// Judges an answer by a reference, by a schema, or by both.
pub(super) fn verdict(reference: Option<&Value>, schema: Option<&Value>, answer: &str) -> Verdict {
    let validator = match schema.map(validator).transpose() {
        Ok(validator) => validator,
        Err(why) => return Verdict::Unscored(format!("unusable schema: {why}")),
    };
    let Some(said) = extract(answer, reference) else {
        return Verdict::Wrong(format!("no JSON in {}", quoted(answer)));
    };
    if let Some(validator) = validator
        && let Err(error) = validator.validate(&said)
    {
        return Verdict::Wrong(format!(
            "invalid at {}: {error}",
            place(error.instance_path().as_str())
        ));
    }
    match reference.and_then(|expected| difference(expected, &said, "")) {
        Some(difference) => Verdict::Wrong(difference),
        None if reference.is_some() => Verdict::Right("equal".to_owned()),
        None => Verdict::Right("valid".to_owned()),
    }
}

/// Compiles a schema. References to other documents are an error: nothing is ever fetched.
/// Patterns run in linear time, so that no schema hangs the grader.
pub(super) fn compile(schema: &Value) -> Result<Validator, String> {
    jsonschema::options()
        .offline()
        .with_pattern_options(PatternOptions::regex())
        .build(schema)
        .map_err(|e| e.to_string())
}

/// A compiled schema, from the cache.
fn validator(schema: &Value) -> Result<Rc<Validator>, String> {
    let key = schema.to_string();
    SCHEMAS.with_borrow_mut(|schemas| {
        if let Some(compiled) = schemas.get(&key) {
            return Ok(Rc::clone(compiled));
        }
        let compiled = Rc::new(compile(schema)?);
        if schemas.len() >= MAX_SCHEMAS {
            schemas.clear();
        }
        schemas.insert(key, Rc::clone(&compiled));
        Ok(compiled)
    })
}

/// The JSON of an answer: all of it, else its first fence that holds some, else the first object or
/// list in it (of the reference's kind, where one is).
fn extract(answer: &str, reference: Option<&Value>) -> Option<Value> {
    let parse = |text: &str| serde_json::from_str::<Value>(text.trim()).ok();
    if let Some(whole) = parse(answer) {
        return Some(whole);
    }
    // Text between fences stands at the odd places, with the language before its first line break.
    let fenced = answer.split("```").skip(1).step_by(2).find_map(|block| {
        parse(block).or_else(|| block.split_once('\n').and_then(|(_, body)| parse(body)))
    });
    if fenced.is_some() {
        return fenced;
    }
    let mut found = embedded(answer);
    let wanted = reference.and_then(|expected| found.iter().position(|v| same_kind(v, expected)));
    (!found.is_empty()).then(|| found.swap_remove(wanted.unwrap_or(0)))
}

/// The objects and lists that stand in a text, outermost ones only, in order.
fn embedded(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut at = 0;
    for _ in 0..MAX_STARTS {
        let Some(start) = text[at..].find(['{', '[']).map(|start| at + start) else { break };
        let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
        if let Some(Ok(value)) = values.next() {
            at = start + values.byte_offset();
            found.push(value);
        } else {
            at = start + 1;
        }
    }
    found
}

fn same_kind(a: &Value, b: &Value) -> bool {
    (a.is_object() && b.is_object()) || (a.is_array() && b.is_array())
}

/// Whether two values are equal, numbers by their value: 1 is 1.0.
#[must_use]
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    difference(a, b, "").is_none()
}

/// The first difference, in words, with the JSON pointer to it.
fn difference(expected: &Value, said: &Value, at: &str) -> Option<String> {
    match (expected, said) {
        (Value::Object(expected), Value::Object(said)) => {
            for (key, value) in expected {
                let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                match said.get(key) {
                    None => return Some(format!("{at} is missing, expected {}", shown(value))),
                    Some(other) => {
                        if let Some(difference) = difference(value, other, &at) {
                            return Some(difference);
                        }
                    }
                }
            }
            let extra = said.keys().find(|key| !expected.contains_key(*key))?;
            Some(format!("{at}/{extra} is not expected"))
        }
        (Value::Array(expected), Value::Array(said)) => {
            let mut pairs = expected.iter().zip(said).enumerate();
            let inner = pairs.find_map(|(idx, (a, b))| difference(a, b, &format!("{at}/{idx}")));
            inner.or_else(|| {
                (expected.len() != said.len()).then(|| {
                    format!("{} has {} items, expected {}", place(at), said.len(), expected.len())
                })
            })
        }
        (Value::Number(a), Value::Number(b)) if same_number(a, b) => None,
        (a, b) if a == b => None,
        (a, b) => Some(format!("{}: got {}, expected {}", place(at), shown(b), shown(a))),
    }
}

/// Integers are compared exactly, anything else as floats.
fn same_number(a: &serde_json::Number, b: &serde_json::Number) -> bool {
    let integer =
        |n: &serde_json::Number| n.as_i64().map(i128::from).or_else(|| n.as_u64().map(i128::from));
    match (integer(a), integer(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a.as_f64() == b.as_f64(),
    }
}

fn place(pointer: &str) -> &str {
    if pointer.is_empty() { "the top" } else { pointer }
}

fn shown(value: &Value) -> String {
    one_line(&value.to_string(), 50)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(reference: Value, answer: &str, expected: &str) {
        let verdict = verdict(Some(&reference), None, answer);
        let said = match &verdict {
            Verdict::Right(_) => "right",
            Verdict::Wrong(detail) | Verdict::Unscored(detail) => detail,
        };
        assert_eq!(said, expected, "{answer:?}");
    }

    #[test]
    fn json_is_found_in_an_answer() {
        let reference = || json!({"a": 1, "b": [true, null]});
        check(reference(), r#"{"b":[true,null],"a":1.0}"#, "right");
        check(reference(), "```json\n{\"a\":1,\"b\":[true,null]}\n```", "right");
        check(reference(), "Here:\n```\n{\"a\":1,\"b\":[true,null]}\n```\nDone.", "right");
        check(reference(), "So ```{\"a\":1,\"b\":[true,null]}``` it is", "right");
        check(reference(), r#"It is {"a":1,"b":[true,null]}, as in [1]."#, "right");
        check(reference(), r#"As in [1], it is {"a":1,"b":[true,null]}."#, "right");
        check(reference(), "```text\nno\n```\n{\"a\":1,\"b\":[true,null]}", "right");
        check(reference(), "{a: 1}", "no JSON in “{a: 1}”");
        check(json!([1, 2]), "The list is [1, 2].", "right");
        check(json!("x"), "\"x\"", "right");
        check(reference(), &"[".repeat(5_000), &format!("no JSON in “{}…”", "[".repeat(59)));
    }

    #[test]
    fn the_first_difference_is_named() {
        check(json!({"a": {"b": [1, 2]}}), r#"{"a":{"b":[1,3]}}"#, "/a/b/1: got 3, expected 2");
        check(json!({"a": [1]}), r#"{"a":[1,2]}"#, "/a has 2 items, expected 1");
        check(json!({"a": 1}), "{}", "/a is missing, expected 1");
        check(json!({}), r#"{"x":1}"#, "/x is not expected");
        check(json!({"a/b": 1}), r#"{"a/b":"1"}"#, "/a~1b: got \"1\", expected 1");
        check(json!([1]), "{}", "the top: got {}, expected [1]");
        check(
            json!(9_007_199_254_740_993_i64),
            "9007199254740992",
            "the top: got 9007199254740992, expected 9007199254740993",
        );
        check(json!(0.5), "5e-1", "right");
    }

    #[test]
    fn a_schema_is_enforced() {
        let schema = json!({"type": "object", "required": ["n"],
            "properties": {"n": {"type": "integer", "minimum": 0}, "s": {"pattern": "^a+$"}}});
        let check = |answer: &str, expected: &str| {
            let said = match verdict(None, Some(&schema), answer) {
                Verdict::Right(detail) | Verdict::Wrong(detail) | Verdict::Unscored(detail) => {
                    detail
                }
            };
            assert!(said.starts_with(expected), "{answer}: {said}");
        };
        check(r#"{"n": 3, "s": "aa"}"#, "valid");
        check(r#"{"n": -3}"#, "invalid at /n: ");
        check("{}", "invalid at the top: ");
        check(r#"{"n": 1, "s": "b"}"#, "invalid at /s: ");
        let both = verdict(Some(&json!({"n": 2})), Some(&schema), r#"{"n": 1}"#);
        assert_eq!(both, Verdict::Wrong("/n: got 1, expected 2".to_owned()));
    }

    #[test]
    fn nothing_is_fetched() {
        for target in ["https://example.com/schema.json", "file:///etc/hostname"] {
            let verdict = verdict(None, Some(&json!({"$ref": target})), "{}");
            assert!(
                matches!(&verdict, Verdict::Unscored(why) if why.starts_with("unusable schema")),
                "{verdict:?}"
            );
        }
    }
}
