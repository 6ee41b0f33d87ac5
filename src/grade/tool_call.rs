//! The `tool_call` grader: the calls are those of the reference, in any order.

use serde_json::{Map, Value};

use super::{Verdict, json, one_line, quoted};
use crate::suite::reference::{self, ExpectedCall};
use crate::units::AnswerContent;

/// The most calls that are judged; a model that makes more has run wild.
const MAX_CALLS: usize = 256;

/// A call that the model made.
struct SaidCall<'a> {
    name: &'a str,
    arguments: Map<String, Value>,
}

/// Judges an answer's calls. An empty reference says that no tool is to be called.
pub(super) fn verdict(reference: &Value, answer: &AnswerContent) -> Verdict {
    let expected = match reference::calls(reference) {
        Ok(expected) => expected,
        Err(why) => return Verdict::Unscored(format!("unusable reference: {why}")),
    };
    let n = answer.tool_calls.len();
    if n == 0 && !expected.is_empty() {
        let said = if answer.refusal.is_empty() { &answer.text } else { &answer.refusal };
        return Verdict::Wrong(format!(
            "no call but {}, expected {}",
            quoted(said),
            expected[0].name
        ));
    }
    if n != expected.len() || n > MAX_CALLS {
        let first = answer.tool_calls.first().map_or("none", |call| call.name.as_str());
        return Verdict::Wrong(format!("{n} calls (first {first}), expected {}", expected.len()));
    }
    let mut said = Vec::with_capacity(n);
    for call in &answer.tool_calls {
        match arguments(&call.arguments) {
            Some(arguments) => said.push(SaidCall { name: &call.name, arguments }),
            None => {
                return Verdict::Wrong(format!(
                    "the arguments of {} are not a JSON object: {}",
                    call.name,
                    quoted(&call.arguments)
                ));
            }
        }
    }
    match unmatched(&expected, &said) {
        None if n == 0 => Verdict::Right("no call, as expected".to_owned()),
        None => Verdict::Right(format!("{n} of {n} calls as expected")),
        Some(missing) => Verdict::Wrong(complaint(missing, &said)),
    }
}

/// Arguments as the model wrote them; nothing at all is no arguments.
fn arguments(text: &str) -> Option<Map<String, Value>> {
    if text.trim().is_empty() {
        return Some(Map::new());
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(arguments)) => Some(arguments),
        _ => None,
    }
}

/// Finds an expected call that no assignment of the said calls covers. Alternatives overlap, so a
/// first fit may be wrong: augmenting paths (Kuhn's algorithm) find a full matching if there is one.
fn unmatched<'a>(expected: &'a [ExpectedCall], said: &[SaidCall<'_>]) -> Option<&'a ExpectedCall> {
    let fits: Vec<Vec<bool>> = expected
        .iter()
        .map(|call| said.iter().map(|said| mismatch(call, said).is_none()).collect())
        .collect();
    let mut taken_by: Vec<Option<usize>> = vec![None; said.len()];
    (0..expected.len()).find_map(|idx| {
        let mut tried = vec![false; said.len()];
        (!assign(idx, &fits, &mut taken_by, &mut tried)).then(|| &expected[idx])
    })
}

fn assign(
    idx: usize,
    fits: &[Vec<bool>],
    taken_by: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    for at in 0..taken_by.len() {
        if !fits[idx][at] || tried[at] {
            continue;
        }
        tried[at] = true;
        if taken_by[at].is_none_or(|other| assign(other, fits, taken_by, tried)) {
            taken_by[at] = Some(idx);
            return true;
        }
    }
    false
}

/// What is wrong, against the said call of the same tool where there is one.
fn complaint(expected: &ExpectedCall, said: &[SaidCall<'_>]) -> String {
    let Some(same_tool) = said.iter().find(|said| said.name == expected.name) else {
        let names: Vec<&str> = said.iter().map(|said| said.name).collect();
        return format!("called {}, expected {}", one_line(&names.join(", "), 60), expected.name);
    };
    mismatch(expected, same_tool)
        .unwrap_or_else(|| format!("{} is called less often than expected", expected.name))
}

/// The first way in which a call is not the expected one.
fn mismatch(expected: &ExpectedCall, said: &SaidCall<'_>) -> Option<String> {
    if expected.name != said.name {
        return Some(format!("called {}, expected {}", said.name, expected.name));
    }
    object_mismatch(&expected.arguments, &said.arguments, &expected.name)
}

fn object_mismatch(
    expected: &Map<String, Value>,
    said: &Map<String, Value>,
    at: &str,
) -> Option<String> {
    for (key, value) in expected {
        match said.get(key) {
            Some(said) if fits(value, said) => {}
            None if may_be_missing(value) => {}
            Some(said) => {
                let (said, expected) = (said.to_string(), value.to_string());
                return Some(format!(
                    "{at}.{key}: got {}, expected {}",
                    one_line(&said, 50),
                    one_line(&expected, 50)
                ));
            }
            None => return Some(format!("{at}.{key} is missing")),
        }
    }
    let extra = said.keys().find(|key| !expected.contains_key(*key))?;
    Some(format!("{at}.{extra} is not expected"))
}

/// Whether a value is the expected one, or one of its alternatives, at any depth of objects.
fn fits(expected: &Value, said: &Value) -> bool {
    if let Some(alternatives) = reference::any_of(expected) {
        return alternatives.iter().any(|alternative| fits(alternative, said));
    }
    match (expected, said) {
        (Value::Object(expected), Value::Object(said)) => {
            object_mismatch(expected, said, "").is_none()
        }
        (Value::Array(expected), Value::Array(said)) => {
            expected.len() == said.len() && expected.iter().zip(said).all(|(a, b)| fits(a, b))
        }
        _ => json::equal(expected, said),
    }
}

fn may_be_missing(expected: &Value) -> bool {
    reference::any_of(expected).is_some_and(|alternatives| alternatives.contains(&Value::Null))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::units::ToolCall;

    #[expect(clippy::needless_pass_by_value, reason = "a call with json!(…) reads better")]
    fn check(reference: Value, said: &[(&str, &str)], expected: &str) {
        let call = |(name, arguments): &(&str, &str)| ToolCall {
            id: String::new(),
            name: (*name).to_owned(),
            arguments: (*arguments).to_owned(),
        };
        let answer = AnswerContent {
            text: "Words.".to_owned(),
            tool_calls: said.iter().map(call).collect(),
            ..AnswerContent::default()
        };
        let detail = match verdict(&reference, &answer) {
            Verdict::Right(_) => "right".to_owned(),
            Verdict::Wrong(detail) | Verdict::Unscored(detail) => detail,
        };
        assert_eq!(detail, expected, "{said:?}");
    }

    #[test]
    fn one_call() {
        let reference = || json!([{"name": "f", "arguments": {"n": 2, "s": "x"}}]);
        check(reference(), &[("f", r#"{"s":"x","n":2.0}"#)], "right");
        check(reference(), &[("f", r#"{"s":"x","n":3}"#)], "f.n: got 3, expected 2");
        check(reference(), &[("f", r#"{"s":"x"}"#)], "f.n is missing");
        check(reference(), &[("f", r#"{"s":"x","n":2,"z":1}"#)], "f.z is not expected");
        check(reference(), &[("g", r#"{"s":"x","n":2}"#)], "called g, expected f");
        check(reference(), &[("f", "{")], "the arguments of f are not a JSON object: “{”");
        check(reference(), &[], "no call but “Words.”, expected f");
        check(reference(), &[("f", "{}"), ("f", "{}")], "2 calls (first f), expected 1");
        check(json!([{"name": "f"}]), &[("f", "")], "right");
    }

    #[test]
    fn no_call_is_an_answer_too() {
        check(json!([]), &[], "right");
        check(json!([]), &[("f", "{}")], "1 calls (first f), expected 0");
    }

    #[test]
    fn alternatives() {
        let reference = || {
            json!([{"name": "f", "arguments":
            {"u": {"any_of": ["C", "celsius"]}, "v": {"any_of": [1, null]}, "w": {"in": {"any_of": [[1], [2]]}}}}])
        };
        check(reference(), &[("f", r#"{"u":"celsius","w":{"in":[2]}}"#)], "right");
        check(reference(), &[("f", r#"{"u":"C","v":1.0,"w":{"in":[1]}}"#)], "right");
        check(
            reference(),
            &[("f", r#"{"u":"F","w":{"in":[1]}}"#)],
            "f.u: got \"F\", expected {\"any_of\":[\"C\",\"celsius\"]}",
        );
        check(
            reference(),
            &[("f", r#"{"u":"C","v":2,"w":{"in":[1]}}"#)],
            "f.v: got 2, expected {\"any_of\":[1,null]}",
        );
    }

    #[test]
    fn several_calls_in_any_order() {
        let reference = || json!([{"name": "f", "arguments": {"n": {"any_of": [1, 2]}}}, {"name": "f", "arguments": {"n": 1}}]);
        check(reference(), &[("f", r#"{"n":1}"#), ("f", r#"{"n":2}"#)], "right");
        check(reference(), &[("f", r#"{"n":2}"#), ("f", r#"{"n":1}"#)], "right");
        check(reference(), &[("f", r#"{"n":2}"#), ("f", r#"{"n":2}"#)], "f.n: got 2, expected 1");
    }
}
