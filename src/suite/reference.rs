//! References in the form that each grader needs: read once here for loading, sampling and grading.

use regex::Regex;
use serde_json::{Map, Value};

use super::GraderSpec;
use super::number::{self, Number};

/// The largest compiled pattern, in bytes: enough for any hand-written one, and small enough that
/// a suite of them fits in memory.
const MAX_PATTERN_BYTES: usize = 1 << 20;

/// A tool call as a reference states it. A value `{"any_of": […]}` in its arguments gives
/// alternatives; a null among them lets the argument be left out.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpectedCall {
    /// The tool.
    pub name: String,
    /// Its arguments.
    pub arguments: Map<String, Value>,
}

/// What keeps a grader from using a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Not there, and needed: `reference`, or `reference or schema`.
    Missing(&'static str),
    /// There, but of no use: why.
    Unusable(String),
}

/// The text of a reference: a string as it is, a number or a boolean as JSON writes it.
#[must_use]
pub fn text(reference: &Value) -> Option<String> {
    match reference {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(reference.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The texts of a reference: one, or those of a list that is not empty.
#[must_use]
pub fn texts(reference: &Value) -> Option<Vec<String>> {
    match reference {
        Value::Array(list) if !list.is_empty() => list.iter().map(text).collect(),
        one => text(one).map(|text| vec![text]),
    }
}

/// The number of a reference: its last one, so that a worked answer serves as it is.
#[must_use]
pub fn number(reference: &Value) -> Option<Number> {
    number::last_number(&text(reference)?)
}

/// The letter of a reference: `B`, `b`, `(B)`, `B.`, `B)`.
#[must_use]
pub fn letter(reference: &Value) -> Option<char> {
    let Value::String(text) = reference else { return None };
    let mut inner = text.trim().trim_start_matches('(').trim_end_matches([')', '.', ':']).chars();
    match (inner.next(), inner.next()) {
        (Some(letter), None) => {
            Some(letter.to_ascii_uppercase()).filter(|c| ('A'..='J').contains(c))
        }
        _ => None,
    }
}

/// The calls of a reference; an empty list says that no tool is to be called.
pub fn calls(reference: &Value) -> Result<Vec<ExpectedCall>, String> {
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
#[must_use]
pub fn any_of(expected: &Value) -> Option<&[Value]> {
    match expected {
        Value::Object(object) if object.len() == 1 => {
            object.get("any_of")?.as_array().map(Vec::as_slice)
        }
        _ => None,
    }
}

/// Compiles a pattern.
pub fn pattern(text: &str) -> Result<Regex, String> {
    regex::RegexBuilder::new(text).size_limit(MAX_PATTERN_BYTES).build().map_err(|e| {
        let message = e.to_string();
        let last = message.lines().last().unwrap_or_default();
        format!("`{text}` is no regular expression: {}", last.trim_start_matches("error: "))
    })
}

/// Whether the grader can use the reference.
pub fn check(
    grader: &GraderSpec,
    reference: Option<&Value>,
    schema: Option<&Value>,
) -> Result<(), Flaw> {
    let Some(reference) = reference else {
        return match grader {
            GraderSpec::None {} => Ok(()),
            GraderSpec::Json {} if schema.is_some() => Ok(()),
            GraderSpec::Json {} => Err(Flaw::Missing("reference or schema")),
            _ => Err(Flaw::Missing("reference")),
        };
    };
    let unusable = |why: &str| Flaw::Unusable(why.to_owned());
    match grader {
        GraderSpec::Exact { .. } => {
            text(reference).map(drop).ok_or_else(|| unusable("it must be a text"))
        }
        GraderSpec::OneOf { .. } => {
            texts(reference).map(drop).ok_or_else(|| unusable("it must be a list of texts"))
        }
        GraderSpec::Contains { .. } => match texts(reference) {
            // Every answer contains the empty text.
            Some(texts) if texts.iter().any(String::is_empty) => {
                Err(unusable("an empty text is part of every answer"))
            }
            Some(_) => Ok(()),
            None => Err(unusable("it must be a text or a list of texts")),
        },
        GraderSpec::Regex {} => texts(reference)
            .ok_or_else(|| unusable("it must be a regular expression or a list of them"))?
            .iter()
            .try_for_each(|text| pattern(text).map(drop).map_err(Flaw::Unusable)),
        GraderSpec::Number { .. } => {
            number(reference).map(drop).ok_or_else(|| unusable("it holds no number"))
        }
        GraderSpec::Choice {} => {
            letter(reference).map(drop).ok_or_else(|| unusable("it must be a letter from A to J"))
        }
        GraderSpec::ToolCall {} => calls(reference).map(drop).map_err(Flaw::Unusable),
        GraderSpec::Json {} | GraderSpec::None {} => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_grader_says_what_it_needs() {
        let flaw = |name: &str, reference: Option<Value>| {
            check(&GraderSpec::from_name(name).unwrap(), reference.as_ref(), None).unwrap_err()
        };
        let why = |name: &str, reference: Value| match flaw(name, Some(reference)) {
            Flaw::Unusable(why) => why,
            Flaw::Missing(_) => panic!("it is there"),
        };
        for name in GraderSpec::NAMES.into_iter().filter(|name| *name != "none") {
            assert!(matches!(flaw(name, None), Flaw::Missing(_)), "{name}");
        }
        assert_eq!(why("number", json!("none")), "it holds no number");
        assert_eq!(why("choice", json!("K")), "it must be a letter from A to J");
        assert_eq!(why("exact", json!(["a"])), "it must be a text");
        assert_eq!(why("one_of", json!([])), "it must be a list of texts");
        assert!(why("contains", json!([""])).contains("empty"));
        assert_eq!(why("regex", json!("(a")), "`(a` is no regular expression: unclosed group");
        assert!(why("tool_call", json!([{"nam": "x"}])).contains("list of"));
        assert!(why("tool_call", json!([{"name": "x", "args": {}}])).contains("`args`"));
    }

    #[test]
    fn letters() {
        for text in ["B", "b", "(B)", "B.", " B) "] {
            assert_eq!(letter(&json!(text)), Some('B'), "{text}");
        }
        assert_eq!(letter(&json!("BB")), None);
        assert_eq!(letter(&json!("")), None);
    }
}
