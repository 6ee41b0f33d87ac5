//! The `assert` grader: assertions in the notation of promptfoo's tables, such as `contains: Paris`,
//! `not-icontains: sorry` or `is-json`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::exact_json;
use super::grader::Grader;
use super::json::extract;
use super::json_schema::{cached_schema, check_schema};
use super::pattern::cached_pattern;
use super::reference;
use super::sample::text_answer;
use super::score::{Score, quoted};
use super::target::{GradingError, Target};
use crate::units::{AnswerContent, names};

/// The answer passes every assertion of the reference: a text, or a list of texts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assertions {}

/// What is understood; each may have `not-` before it.
pub(crate) const UNDERSTOOD: [&str; 11] = [
    "equals",
    "contains",
    "icontains",
    "contains-all",
    "icontains-all",
    "contains-any",
    "icontains-any",
    "starts-with",
    "regex",
    "is-json",
    "contains-json",
];

/// What promptfoo has beyond that, and why it is not judged here.
const REFUSED: [(&[&str], &str); 5] = [
    (
        &[
            "javascript",
            "fn",
            "eval",
            "python",
            "ruby",
            "webhook",
            "file",
            "guardrails",
            "assert-set",
            "trace-error-spans",
            "trace-span-count",
            "trace-span-duration",
        ],
        "runs code or asks a service",
    ),
    (
        &[
            "llm-rubric",
            "grade",
            "agent-rubric",
            "model-graded-closedqa",
            "model-graded-factuality",
            "closedqa",
            "factuality",
            "g-eval",
            "pi",
            "answer-relevance",
            "context-faithfulness",
            "context-recall",
            "context-relevance",
            "conversation-relevance",
            "search-rubric",
            "select-best",
            "max-score",
            "human",
            "moderation",
            "is-refusal",
            "classifier",
        ],
        "needs a model or a person as judge",
    ),
    (
        &[
            "similar",
            "levenshtein",
            "rouge-n",
            "rouge-l",
            "rouge-s",
            "bleu",
            "gleu",
            "meteor",
            "f-score",
            "perplexity",
            "perplexity-score",
            "word-count",
        ],
        "measures likeness, which no grader here does",
    ),
    (
        &["latency", "cost", "finish-reason"],
        "is about the request, which the report shows for every endpoint",
    ),
    (
        &[
            "is-html",
            "contains-html",
            "is-sql",
            "contains-sql",
            "is-xml",
            "contains-xml",
            "is-valid-function-call",
            "is-valid-openai-function-call",
            "is-valid-openai-tools-call",
            "tool-call-f1",
            "skill-used",
        ],
        "has no grader here",
    ),
];

/// An assertion, read.
struct Assertion {
    is_negated: bool,
    check: Check,
    text: String,
}

enum Check {
    Equals(String),
    Contains { parts: Vec<String>, ignore_case: bool, any: bool },
    StartsWith(String),
    Pattern(String),
    Json { is_whole: bool, schema: Option<Value> },
}

/// Why an assertion is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefusedAssertion {
    /// Its type, such as `llm-rubric`.
    pub kind: String,
    pub why: String,
}

/// Whether a text is written as an assertion, understood or not, and not as a text to compare.
pub(crate) fn is_assertion(text: &str) -> bool {
    head_of(text).is_some()
}

/// Why a text is no assertion that is judged here, where it is written as one.
pub(crate) fn refused_assertion(text: &str) -> Option<RefusedAssertion> {
    parse(text).err()
}

/// The type of an assertion (with its `not-`) and what stands behind the colon; `None` for a text that
/// names no type. A name that is nearly one counts, so that a slip is not compared as text.
fn head_of(text: &str) -> Option<(String, Option<&str>)> {
    let text = text.trim_start();
    if text.starts_with("file://") {
        return Some(("file".to_owned(), text.split_once("://").map(|(_, path)| path)));
    }
    let (head, value) = match text.split_once(':') {
        Some((head, value)) => (head, Some(value)),
        None => (text.trim_end(), None),
    };
    let name = head.split_once('(').map_or(head, |(name, _)| name).trim_end();
    let base = name.strip_prefix("not-").unwrap_or(name);
    let refused = REFUSED.iter().flat_map(|(names, _)| names.iter().copied());
    let mut known = UNDERSTOOD.iter().copied().chain(refused);
    if known.any(|known| known == base) {
        // A word alone is a text, save where the type needs nothing more.
        let is_alone = value.is_none() && !head.contains('(');
        let stands_alone = base.contains('-') || name != base;
        return (!is_alone || stands_alone).then(|| (name.to_owned(), value));
    }
    let is_near = value.is_some()
        && base.len() > 4
        && !base.contains(char::is_whitespace)
        && names::suggest(base, &UNDERSTOOD).starts_with("did you mean");
    is_near.then(|| (name.to_owned(), value))
}

fn parse(text: &str) -> Result<Assertion, RefusedAssertion> {
    let assertion = |is_negated, check| Assertion { is_negated, check, text: text.to_owned() };
    let Some((name, value)) = head_of(text) else {
        return Ok(assertion(false, Check::Equals(text.trim().to_owned())));
    };
    let refuse = |why: String| RefusedAssertion { kind: name.clone(), why };
    let (base, is_negated) = match name.strip_prefix("not-") {
        Some(base) => (base, true),
        None => (name.as_str(), false),
    };
    if let Some((_, why)) = REFUSED.iter().find(|(names, _)| names.contains(&base)) {
        return Err(refuse((*why).to_owned()));
    }
    if !UNDERSTOOD.contains(&base) {
        return Err(refuse(format!("is not known; {}", names::suggest(base, &UNDERSTOOD))));
    }
    let value = value.unwrap_or_default().trim();
    if value.starts_with("file://") {
        return Err(refuse(format!("reads {}, and no file is read", quoted(value))));
    }
    let is_json = base.ends_with("json");
    if value.is_empty() && !is_json {
        return Err(refuse(format!("needs a value, as in `{base}: …`")));
    }
    let ignore_case = base.starts_with("icontains");
    let parts = || value.split(',').map(|part| part.trim().to_owned()).collect();
    let check = match base {
        "equals" => Check::Equals(value.to_owned()),
        "starts-with" => Check::StartsWith(value.to_owned()),
        "regex" => {
            cached_pattern(value).map_err(|error| refuse(error.to_string()))?;
            Check::Pattern(value.to_owned())
        }
        "is-json" | "contains-json" => {
            let schema = (!value.is_empty()).then(|| exact_json::parse(value)).transpose();
            let schema = schema
                .map_err(|e| e.to_string())
                .and_then(|schema| {
                    schema.as_ref().map_or(Ok(()), check_schema)?;
                    Ok(schema)
                })
                .map_err(|why| refuse(format!("has a value that is no JSON Schema: {why}")))?;
            Check::Json { is_whole: base == "is-json", schema }
        }
        "contains-any" | "icontains-any" => {
            Check::Contains { parts: parts(), ignore_case, any: true }
        }
        "contains-all" | "icontains-all" => {
            Check::Contains { parts: parts(), ignore_case, any: false }
        }
        _ => Check::Contains { parts: vec![value.to_owned()], ignore_case, any: false },
    };
    Ok(assertion(is_negated, check))
}

impl Assertion {
    fn passes(&self, answer: &str) -> Result<bool, GradingError> {
        Ok(self.check.passes(answer)? != self.is_negated)
    }
}

impl Check {
    fn passes(&self, answer: &str) -> Result<bool, GradingError> {
        let trimmed = answer.trim();
        Ok(match self {
            Self::Equals(text) => {
                // JSON equals JSON by its value, as in promptfoo.
                let parsed = |text: &str| {
                    exact_json::parse(text).ok().filter(|v| v.is_object() || v.is_array())
                };
                trimmed == text || parsed(text).is_some_and(|v| parsed(trimmed) == Some(v))
            }
            Self::Contains { parts, ignore_case, any } => {
                let folded = |text: &str| {
                    if *ignore_case { text.to_lowercase() } else { text.to_owned() }
                };
                let text = folded(answer);
                let mut found = parts.iter().map(|part| text.contains(&folded(part)));
                if *any { found.any(|found| found) } else { found.all(|found| found) }
            }
            Self::StartsWith(text) => trimmed.starts_with(text.as_str()),
            Self::Pattern(text) => cached_pattern(text)?.is_match(answer)?,
            Self::Json { is_whole, schema } => {
                let value =
                    if *is_whole { exact_json::parse(trimmed).ok() } else { extract(answer, None) };
                match (value.and_then(|value| exact_json::with_floats(&value)), schema) {
                    (None, _) => false,
                    (Some(_), None) => true,
                    (Some(value), Some(schema)) => cached_schema(schema)?.validate(&value)?.is_ok(),
                }
            }
        })
    }

    /// A text that passes.
    fn sample(&self) -> Option<String> {
        match self {
            Self::Equals(text) | Self::StartsWith(text) => Some(text.clone()),
            Self::Contains { parts, any: true, .. } => parts.first().cloned(),
            Self::Contains { parts, .. } => Some(parts.join(" ")),
            Self::Json { schema: None, .. } => Some("{}".to_owned()),
            Self::Json { .. } | Self::Pattern(_) => None,
        }
    }
}

fn assertions(reference: &Value) -> Result<Vec<Assertion>, GradingError> {
    let texts = reference::texts(reference).ok_or_else(|| {
        GradingError::Reference("it must be an assertion or a list of them".to_owned())
    })?;
    let read = |text: &String| {
        parse(text).map_err(|refused| {
            GradingError::Reference(format!(
                "the assertion `{}` {}; understood are {}",
                refused.kind,
                refused.why,
                UNDERSTOOD.join(", ")
            ))
        })
    };
    texts.iter().map(read).collect()
}

impl Grader for Assertions {
    fn version(&self) -> u32 {
        1
    }

    fn check_reference(&self, reference: &Value) -> Result<(), GradingError> {
        assertions(reference).map(drop)
    }

    fn right_answer(&self, reference: &Value) -> Option<AnswerContent> {
        let assertions = assertions(reference).ok()?;
        let samples = assertions.iter().filter(|a| !a.is_negated).map(|a| a.check.sample());
        let text = samples.collect::<Option<Vec<String>>>()?.join(" ");
        let text = if text.is_empty() { "…".to_owned() } else { text };
        let passes = assertions.iter().all(|a| a.passes(&text) == Ok(true));
        passes.then(|| text_answer(text))
    }

    fn score(&self, target: &Target<'_>, answer: &AnswerContent) -> Result<Score, GradingError> {
        let assertions = assertions(target.reference()?)?;
        for assertion in &assertions {
            if !assertion.passes(&answer.text)? {
                let (failed, answer) = (quoted(&assertion.text), quoted(&answer.text));
                return Ok(Score::wrong(&format!("{failed} does not hold for {answer}")));
            }
        }
        Ok(Score::right(&format!("passes all of {}", assertions.len())))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn passes(assertion: &str, answer: &str) -> bool {
        let reference = json!(assertion);
        let target = Target { reference: Some(&reference), schema: None };
        Assertions {}.score(&target, &text_answer(answer)).expect("understood").is_right()
    }

    #[test]
    fn each_type_is_judged() {
        let check = |assertion: &str, right: &str, wrong: &str| {
            assert!(passes(assertion, right), "{assertion}: {right}");
            assert!(!passes(assertion, wrong), "{assertion}: {wrong}");
        };
        check("equals: Paris", "Paris", "It is Paris");
        check("Paris", "Paris", "It is Paris");
        check("Note: bring a coat", "Note: bring a coat", "bring a coat");
        check("equals: {\"a\": 1}", "{\"a\":1}", "{\"a\":2}");
        check("contains: Paris", "It is Paris", "it is paris");
        check("contains:Paris", "It is Paris", "it is paris");
        check("icontains: paris", "It is Paris", "Rome");
        check("contains-all: a, b", "b a", "a");
        check("contains-any: 41,42", "42", "43");
        check("icontains-any: YES, Sure", "yes", "no");
        check("icontains-all: A,B", "b a", "a c");
        check("starts-with: Dear", "Dear Ann", "Oh dear");
        check("regex: ^\\d+$", "42", "a42");
        check("is-json", "{\"a\":1}", "It is {\"a\":1}");
        check("is-json: {\"required\":[\"a\"]}", "{\"a\":1}", "{}");
        check("contains-json", "It is {\"a\":1}", "none");
        check("not-contains: sorry", "fine", "sorry");
        check("not-equals: a", "b", "a");
        check("not-is-json", "a", "{}");
        check("not-regex: ^a", "b", "ab");
    }

    #[test]
    fn every_assertion_counts() {
        let reference = json!(["contains: a", "not-contains: b"]);
        let target = Target { reference: Some(&reference), schema: None };
        let score = |text: &str| Assertions {}.score(&target, &text_answer(text)).unwrap();
        assert_eq!(score("a"), Score::right("passes all of 2"));
        assert_eq!(score("ab"), Score::wrong("“not-contains: b” does not hold for “ab”"));
        assert_eq!(Assertions {}.right_answer(&reference), Some(text_answer("a")));
    }

    #[test]
    fn what_is_not_judged_is_named() {
        let check = |text: &str, kind: &str| {
            assert_eq!(refused_assertion(text).map(|r| r.kind).as_deref(), Some(kind), "{text}");
        };
        check("llm-rubric: is friendly", "llm-rubric");
        check("grade: is friendly", "grade");
        check("javascript: output.length < 10", "javascript");
        check("fn: output.length < 10", "fn");
        check("eval: output.length < 10", "eval");
        check("python: len(output) < 10", "python");
        check("file://check.py", "file");
        check("similar(0.8): hello", "similar");
        check("levenshtein(5): hello", "levenshtein");
        check("latency(100)", "latency");
        check("not-similar: hello", "not-similar");
        check("is-sql", "is-sql");
        check("contians: Paris", "contians");
        check("contains: file://list.txt", "contains");
        check("regex: (?=a)", "regex");
        for text in ["Paris", "cost", "human", "Answer: 42", "12:30", "https://example.com"] {
            assert_eq!(refused_assertion(text), None, "{text}");
            assert!(!is_assertion(text), "{text}");
        }
        let error = Assertions {}.check_reference(&json!("python: x")).unwrap_err().to_string();
        insta::assert_snapshot!(error, @"unusable reference: the assertion `python` runs code or asks a service; understood are equals, contains, icontains, contains-all, icontains-all, contains-any, icontains-any, starts-with, regex, is-json, contains-json");
    }
}
