//! The `tool_call` grader: the calls are those of the reference, in any order.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::exact_json;
use super::grader::Grader;
use super::json_value::{is_equal, similar_value_beyond};
use super::sample::{Peers, SampleTask, index, text_answer};
use super::score::{Score, one_line, quoted};
use super::target::{GradingError, Target};
use crate::units::{AnswerContent, ToolCall};

/// The most calls that are judged; a model that makes more has run wild.
const MAX_CALLS: usize = 256;

/// The answer of a model that needs no tool.
const NO_CALL: &str = "None of the tools fits this request.";

/// The tool calls equal the reference, a list of `{"name": …, "arguments": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolCalls {}

/// A tool call as a reference states it. A value `{"any_of": […]}` in its arguments gives
/// alternatives; a null among them lets the argument be left out.
#[derive(Debug)]
pub(super) struct ExpectedCall {
    name: String,
    arguments: Map<String, Value>,
}

/// A call that the model made.
struct ActualCall<'a> {
    name: &'a str,
    arguments: Map<String, Value>,
}

impl Grader for ToolCalls {
    fn version(&self) -> u32 {
        1
    }

    fn check_reference(&self, reference: &Value) -> Result<(), GradingError> {
        expected_calls(reference).map(drop).map_err(GradingError::Reference)
    }

    /// A call in the reference of a tool that the task does not offer.
    fn find_contradiction(&self, task: &SampleTask<'_>) -> Option<String> {
        if task.tools.is_none() {
            return Some("a tool call is expected but the task has no `tools`".to_owned());
        }
        let calls = expected_calls(task.target.reference?).ok()?;
        let offered = task.tool_names();
        let unknown = calls.iter().find(|call| !offered.contains(&call.name.as_str()))?;
        Some(format!("the reference calls `{}`, which is not among the task's tools", unknown.name))
    }

    /// Calls in a table may be a text, as every cell of a CSV is.
    fn read_cell(&self, cell: &Value) -> Option<Value> {
        let parsed = cell.as_str().and_then(|text| exact_json::parse(text).ok());
        Some(parsed.unwrap_or_else(|| cell.clone()))
    }

    fn right_answer(&self, reference: &Value) -> Option<AnswerContent> {
        expected_calls(reference).ok().map(|calls| calls_answer(&calls))
    }

    fn wrong_answer(
        &self,
        task: &SampleTask<'_>,
        _peers: &Peers<'_>,
        pick: u64,
    ) -> Option<AnswerContent> {
        let calls = expected_calls(task.target.reference?).ok()?;
        Some(other_calls(&calls, &task.tool_names(), pick))
    }

    fn needs_text(&self) -> bool {
        false
    }

    fn score(&self, target: &Target<'_>, answer: &AnswerContent) -> Result<Score, GradingError> {
        let expected = expected_calls(target.reference()?).map_err(GradingError::Reference)?;
        Ok(score_calls(&expected, answer))
    }
}

/// The calls of a reference; an empty list means that no tool is to be called.
pub(super) fn expected_calls(reference: &Value) -> Result<Vec<ExpectedCall>, String> {
    const FORM: &str = "it must be a list of {\"name\": …, \"arguments\": {…}}";
    let Value::Array(list) = reference else { return Err(FORM.to_owned()) };
    list.iter()
        .map(|call| {
            let (Some(Value::String(name)), arguments) = (call.get("name"), call.get("arguments"))
            else {
                return Err(FORM.to_owned());
            };
            let arguments = match arguments {
                Some(Value::Object(arguments)) => arguments.clone(),
                None => Map::new(),
                Some(_) => return Err(format!("the arguments of `{name}` must be an object")),
            };
            let unknown = call.as_object().and_then(|call| {
                call.keys().find(|key| !matches!(key.as_str(), "name" | "arguments"))
            });
            if let Some(key) = unknown {
                return Err(format!("a call has no key `{key}`; {FORM}"));
            }
            Ok(ExpectedCall { name: name.clone(), arguments })
        })
        .collect()
}

/// The alternatives of an expected value: those under `any_of` where that is its only key.
fn any_of(expected: &Value) -> Option<&[Value]> {
    match expected {
        Value::Object(object) if object.len() == 1 => {
            object.get("any_of")?.as_array().map(Vec::as_slice)
        }
        _ => None,
    }
}

fn score_calls(expected: &[ExpectedCall], answer: &AnswerContent) -> Score {
    let n = answer.tool_calls.len();
    if n == 0 && !expected.is_empty() {
        let text = if answer.refusal.is_empty() { &answer.text } else { &answer.refusal };
        let detail = format!("no call but {}, expected {}", quoted(text), expected[0].name);
        return Score::wrong(&detail);
    }
    if n != expected.len() || n > MAX_CALLS {
        let first = answer.tool_calls.first().map_or("none", |call| call.name.as_str());
        return Score::wrong(&format!("{n} calls (first {first}), expected {}", expected.len()));
    }
    let mut actual = Vec::with_capacity(n);
    for ToolCall { name, arguments, .. } in &answer.tool_calls {
        let Some(parsed) = parse_arguments(arguments) else {
            let arguments = quoted(arguments);
            return Score::wrong(&format!(
                "the arguments of {name} are not a JSON object: {arguments}"
            ));
        };
        actual.push(ActualCall { name, arguments: parsed });
    }
    match find_unmatched(expected, &actual) {
        None if n == 0 => Score::right("no call, as expected"),
        None => Score::right(&format!("{n} of {n} calls as expected")),
        Some(missing) => Score::wrong(&explain(missing, &actual)),
    }
}

/// Arguments as the model wrote them; an empty text is no arguments.
fn parse_arguments(text: &str) -> Option<Map<String, Value>> {
    if text.trim().is_empty() {
        return Some(Map::new());
    }
    match exact_json::parse(text) {
        Ok(Value::Object(arguments)) => Some(arguments),
        _ => None,
    }
}

/// Finds an expected call that no assignment of the actual calls covers. Alternatives overlap, so a
/// first fit may be wrong: augmenting paths (Kuhn's algorithm) find a full matching if there is one.
fn find_unmatched<'a>(
    expected: &'a [ExpectedCall],
    actual: &[ActualCall<'_>],
) -> Option<&'a ExpectedCall> {
    let fits: Vec<Vec<bool>> = expected
        .iter()
        .map(|call| actual.iter().map(|actual| mismatch(call, actual).is_none()).collect())
        .collect();
    let mut assigned_to: Vec<Option<usize>> = vec![None; actual.len()];
    (0..expected.len()).find_map(|idx| {
        let mut tried = vec![false; actual.len()];
        (!assign(idx, &fits, &mut assigned_to, &mut tried)).then(|| &expected[idx])
    })
}

fn assign(
    idx: usize,
    fits: &[Vec<bool>],
    assigned_to: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    for at in 0..assigned_to.len() {
        if !fits[idx][at] || tried[at] {
            continue;
        }
        tried[at] = true;
        if assigned_to[at].is_none_or(|other| assign(other, fits, assigned_to, tried)) {
            assigned_to[at] = Some(idx);
            return true;
        }
    }
    false
}

/// Why an expected call is missing: against the actual call of the same tool where there is one.
fn explain(expected: &ExpectedCall, actual: &[ActualCall<'_>]) -> String {
    let Some(same_tool) = actual.iter().find(|actual| actual.name == expected.name) else {
        let names: Vec<&str> = actual.iter().map(|actual| actual.name).collect();
        return format!("called {}, expected {}", one_line(&names.join(", "), 60), expected.name);
    };
    mismatch(expected, same_tool)
        .unwrap_or_else(|| format!("{} is called less often than expected", expected.name))
}

/// The first way in which a call is not the expected one.
fn mismatch(expected: &ExpectedCall, actual: &ActualCall<'_>) -> Option<String> {
    if expected.name != actual.name {
        return Some(format!("called {}, expected {}", actual.name, expected.name));
    }
    object_mismatch(&expected.arguments, &actual.arguments, &expected.name)
}

fn object_mismatch(
    expected: &Map<String, Value>,
    actual: &Map<String, Value>,
    at: &str,
) -> Option<String> {
    for (key, value) in expected {
        match actual.get(key) {
            Some(actual) if fits(value, actual) => {}
            None if may_be_missing(value) => {}
            Some(actual) => {
                let (actual, expected) = (actual.to_string(), value.to_string());
                return Some(format!(
                    "{at}.{key}: got {}, expected {}",
                    one_line(&actual, 50),
                    one_line(&expected, 50)
                ));
            }
            None => return Some(format!("{at}.{key} is missing")),
        }
    }
    let extra = actual.keys().find(|key| !expected.contains_key(*key))?;
    Some(format!("{at}.{extra} is not expected"))
}

/// Whether a value is the expected one, or one of its alternatives, at any depth of objects.
fn fits(expected: &Value, actual: &Value) -> bool {
    if let Some(alternatives) = any_of(expected) {
        return alternatives.iter().any(|alternative| fits(alternative, actual));
    }
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            object_mismatch(expected, actual, "").is_none()
        }
        (Value::Array(expected), Value::Array(actual)) => {
            expected.len() == actual.len() && expected.iter().zip(actual).all(|(a, b)| fits(a, b))
        }
        _ => is_equal(expected, actual),
    }
}

fn may_be_missing(expected: &Value) -> bool {
    any_of(expected).is_some_and(|alternatives| alternatives.contains(&Value::Null))
}

/// An answer with the expected calls, each argument at its first alternative.
pub(super) fn calls_answer(calls: &[ExpectedCall]) -> AnswerContent {
    if calls.is_empty() {
        return text_answer(NO_CALL);
    }
    answer_of(calls.iter().map(|call| (call.name.clone(), first_alternatives(&call.arguments))))
}

fn answer_of(calls: impl Iterator<Item = (String, Map<String, Value>)>) -> AnswerContent {
    let tool_call = |(idx, (name, arguments)): (usize, (String, Map<String, Value>))| ToolCall {
        id: format!("call_{idx}"),
        name,
        arguments: Value::Object(arguments).to_string(),
    };
    let tool_calls = calls.enumerate().map(tool_call).collect();
    AnswerContent { tool_calls, ..AnswerContent::default() }
}

fn first_alternatives(arguments: &Map<String, Value>) -> Map<String, Value> {
    let chosen = |value: &Value| -> Option<Value> {
        match (any_of(value), value) {
            (Some(alternatives), _) => alternatives.first().filter(|v| !v.is_null()).cloned(),
            (None, Value::Object(inner)) => Some(Value::Object(first_alternatives(inner))),
            (None, other) => Some(other.clone()),
        }
    };
    arguments.iter().filter_map(|(key, value)| Some((key.clone(), chosen(value)?))).collect()
}

/// Calls that are not the expected ones: an argument changed, another tool, or a call where there
/// should be none.
fn other_calls(expected: &[ExpectedCall], tools: &[&str], pick: u64) -> AnswerContent {
    if expected.is_empty() {
        let tool = tools.get(index(pick, tools.len())).copied().unwrap_or("search");
        return answer_of(std::iter::once((tool.to_owned(), Map::new())));
    }
    let mut calls: Vec<(String, Map<String, Value>)> = expected
        .iter()
        .map(|call| (call.name.clone(), first_alternatives(&call.arguments)))
        .collect();
    let which = index(pick, calls.len());
    let (name, arguments) = &mut calls[which];
    let keys: Vec<String> = arguments.keys().cloned().collect();
    if let Some(key) = keys.get(index(pick / 3, keys.len())) {
        let alternatives = any_of(&expected[which].arguments[key]).unwrap_or_default();
        arguments[key] = similar_value_beyond(&arguments[key], alternatives);
    } else if let Some(tool) = tools.iter().find(|tool| *tool != name) {
        (*tool).clone_into(name);
    } else {
        return text_answer(NO_CALL);
    }
    answer_of(calls.into_iter())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "a call with json!(…) reads better")]
    fn check(reference: Value, calls: &[(&str, &str)], expected: &str) {
        let call = |(name, arguments): &(&str, &str)| ToolCall {
            id: String::new(),
            name: (*name).to_owned(),
            arguments: (*arguments).to_owned(),
        };
        let tool_calls = calls.iter().map(call).collect();
        let answer = AnswerContent { tool_calls, ..text_answer("Words.") };
        let target = Target { reference: Some(&reference), schema: None };
        let score = ToolCalls {}.score(&target, &answer).expect("a usable reference");
        let detail = if score.is_right() { "right" } else { &score.detail };
        assert_eq!(detail, expected, "{calls:?}");
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
