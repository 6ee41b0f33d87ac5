//! The `json` grader: an answer's JSON equals the reference, and is valid under the schema.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::exact_json;
use super::grader::Grader;
use super::json_schema::cached_schema;
use super::json_value::{change_leaf, describe_place, find_difference};
use super::sample::{Peers, SampleTask, text_answer};
use super::score::{Score, quoted};
use super::target::{GradingError, Target};
use crate::units::AnswerContent;

/// The most places in an answer where JSON is looked for: each try may read to the end.
const MAX_STARTS: usize = 200;

/// The most bytes that are read while JSON is looked for.
const MAX_BYTES: usize = 64 << 20;

/// JSON that equals the reference where there is one, and is valid under the task's `schema` where
/// there is one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Json {}

impl Grader for Json {
    fn version(&self) -> u32 {
        2
    }

    fn missing(&self, target: &Target<'_>) -> Option<&'static str> {
        let nothing = target.reference.is_none() && target.schema.is_none();
        nothing.then_some("reference or schema")
    }

    fn check_reference(&self, _reference: &Value) -> Result<(), GradingError> {
        Ok(())
    }

    /// JSON in a table may be a text, as every cell of a CSV is.
    fn read_cell(&self, cell: &Value) -> Option<Value> {
        read_structure(cell)
    }

    fn right_answer(&self, reference: &Value) -> Option<AnswerContent> {
        Some(text_answer(exact_json::to_text(reference)))
    }

    fn wrong_answer(
        &self,
        task: &SampleTask<'_>,
        _peers: &Peers<'_>,
        pick: u64,
    ) -> Option<AnswerContent> {
        change_leaf(task.target.reference?, pick)
            .map(|value| text_answer(exact_json::to_text(&value)))
    }

    fn score(&self, target: &Target<'_>, answer: &AnswerContent) -> Result<Score, GradingError> {
        let schema = target.schema.map(cached_schema).transpose()?;
        let Some(value) = extract(&answer.text, target.reference) else {
            return Ok(Score::wrong(&format!("no JSON in {}", quoted(&answer.text))));
        };
        if let Some(schema) = schema {
            let Some(plain) = exact_json::with_floats(&value) else {
                return Ok(Score::wrong("a number is beyond what a schema can judge"));
            };
            if let Err(invalid) = schema.validate(&plain)? {
                let place = describe_place(&invalid.pointer);
                return Ok(Score::wrong(&format!("invalid at {place}: {}", invalid.reason)));
            }
        }
        Ok(match target.reference.map(|reference| find_difference(reference, &value)) {
            Some(Some(difference)) => Score::wrong(&difference),
            Some(None) => Score::right("equal"),
            None => Score::right("valid"),
        })
    }
}

/// An object or a list, or a text that holds one.
pub(super) fn read_structure(value: &Value) -> Option<Value> {
    match value {
        Value::Object(_) | Value::Array(_) => Some(value.clone()),
        Value::String(text) => {
            exact_json::parse(text).ok().filter(|parsed| parsed.is_object() || parsed.is_array())
        }
        _ => None,
    }
}

/// The JSON of an answer: all of it, else its first fence that holds some, else the first object or
/// list in it (of the reference's kind, where one is).
pub(super) fn extract(answer: &str, reference: Option<&Value>) -> Option<Value> {
    let parse = |text: &str| exact_json::parse(text.trim().trim_matches('\u{feff}')).ok();
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

/// The objects and lists in a text, outermost ones only, in order.
fn embedded(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut at = 0;
    for _ in 0..MAX_STARTS.min(MAX_BYTES / text.len().max(1)).max(1) {
        let Some(start) = text[at..].find(['{', '[']).map(|start| at + start) else { break };
        if let Some((value, length)) = exact_json::parse_prefix(&text[start..]) {
            at = start + length;
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn score(
        reference: Option<&Value>,
        schema: Option<&Value>,
        answer: &str,
    ) -> Result<Score, GradingError> {
        Json {}.score(&Target { reference, schema }, &text_answer(answer))
    }

    #[expect(clippy::needless_pass_by_value, reason = "a call with json!(…) reads better")]
    fn check(reference: Value, answer: &str, expected: &str) {
        let score = score(Some(&reference), None, answer).expect("no schema");
        let detail = if score.is_right() { "right" } else { &score.detail };
        assert_eq!(detail, expected, "{answer:?}");
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
            let detail = score(None, Some(&schema), answer).expect("a usable schema").detail;
            assert!(detail.starts_with(expected), "{answer}: {detail}");
        };
        check(r#"{"n": 3, "s": "aa"}"#, "valid");
        check(r#"{"n": -3}"#, "invalid at /n: ");
        check("{}", "invalid at the top: ");
        check(r#"{"n": 1, "s": "b"}"#, "invalid at /s: ");
        let both = score(Some(&json!({"n": 2})), Some(&schema), r#"{"n": 1}"#);
        assert_eq!(both, Ok(Score::wrong("/n: got 1, expected 2")));
    }

    #[test]
    fn nothing_is_fetched() {
        for target in ["https://example.com/schema.json", "file:///etc/hostname"] {
            let score = score(None, Some(&json!({"$ref": target})), "{}");
            assert!(matches!(score, Err(GradingError::Schema(_))), "{score:?}");
        }
    }
}
