//! The grader that suits the references of a file that names none.

use std::collections::BTreeSet;

use serde_json::Value;

use super::choice::{Choice, letter};
use super::json::{Json, read_structure};
use super::number::Number;
use super::number_text::{ends_in_marked_number, is_numeric};
use super::reference;
use super::spec::GraderSpec;
use super::text::{Exact, OneOf};

/// Labels and short answers are compared whole; anything longer is prose, which is never equal.
const MAX_SHORT_CHARS: usize = 60;

/// So few different references over so many tasks are classes.
const MAX_CLASSES: usize = 12;
const MIN_CLASSIFIED: usize = 20;

/// A class may be a longer phrase than a short answer.
const MAX_CLASS_CHARS: usize = 100;

/// Columns in which a list holds the answers that are accepted: those of `OpenAI` Evals, Inspect,
/// `SQuAD` and its like, and open questions.
const ACCEPTED: [&str; 4] = ["ideal", "target", "answers", "answer"];

/// Guesses the grader from the references of a column, and gives the reason. Absent references do
/// not count: the loader refuses them if the grader needs them.
pub(crate) fn guess_grader(
    column: Option<&str>,
    references: &[Option<Value>],
) -> (GraderSpec, String) {
    let Some(column) = column else {
        return none("no reference column");
    };
    let present: Vec<&Value> = references.iter().flatten().collect();
    let (n, total) = (present.len(), references.len());
    if present.is_empty() {
        return none("every reference is empty");
    }
    let all = |test: &dyn Fn(&Value) -> bool| present.iter().all(|value| test(value));
    if all(&|v| ends_in_number(v)) {
        let why = format!("{n} of {total} references end in a number");
        return (GraderSpec::Number(Number::default()), why);
    }
    if all(&|v| letter(v).is_some()) {
        let why = format!("{n} of {total} references are one letter from A to J");
        return (GraderSpec::Choice(Choice::default()), why);
    }
    if ACCEPTED.iter().any(|name| column.eq_ignore_ascii_case(name))
        && all(&|v| reference::texts(v).is_some())
        && present.iter().any(|v| v.is_array())
    {
        let why = format!("each `{column}` is a text or a list of them, and case is ignored");
        return (GraderSpec::OneOf(OneOf::ignoring_case()), why);
    }
    if all(&|v| read_structure(v).is_some()) {
        let why = format!("{n} of {total} references are JSON objects or lists");
        return (GraderSpec::Json(Json::default()), why);
    }
    let texts: Vec<String> = present.iter().filter_map(|v| reference::text(v)).collect();
    if texts.len() < n {
        return none("the references are a mixture of texts and JSON");
    }
    let classes: BTreeSet<String> = texts.iter().map(|t| t.trim().to_lowercase()).collect();
    if n >= MIN_CLASSIFIED && classes.len() <= MAX_CLASSES && short(&texts, MAX_CLASS_CHARS) {
        let why = format!("{} classes over {n} references, and case is ignored", classes.len());
        return (GraderSpec::Exact(Exact::ignoring_case()), why);
    }
    if short(&texts, MAX_SHORT_CHARS) {
        let why = format!(
            "every reference is one line of at most {MAX_SHORT_CHARS} characters, and case is ignored"
        );
        return (GraderSpec::Exact(Exact::ignoring_case()), why);
    }
    none("the references are long free text, which no answer equals")
}

fn none(why: &str) -> (GraderSpec, String) {
    (GraderSpec::NONE, format!("{why}: it measures cost and speed only"))
}

fn ends_in_number(value: &Value) -> bool {
    match value {
        Value::Number(_) => true,
        Value::String(text) => is_numeric(text) || ends_in_marked_number(text),
        _ => false,
    }
}

fn short(texts: &[String], most: usize) -> bool {
    texts.iter().map(|text| text.trim()).all(|t| !t.contains('\n') && t.chars().count() <= most)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(references: &[Value], expected: &str, says: &str) {
        let references: Vec<Option<Value>> =
            references.iter().map(|v| Some(v.clone()).filter(|v| !v.is_null())).collect();
        let (grader, why) = guess_grader(Some("answer"), &references);
        assert_eq!(grader.id(), expected, "{references:?}: {why}");
        assert!(why.contains(says), "{why}");
    }

    #[test]
    fn each_grader_is_guessed_from_its_kind_of_reference() {
        check(&[json!("12"), json!(3.5), json!("$1,200")], "number", "3 of 3 references end in a");
        check(&[json!("She has 3.\n#### 1,234")], "number", "number");
        check(&[json!("A"), json!("c"), json!("(B)")], "choice", "letter");
        check(&[json!({"a": 1}), json!("[1, 2]")], "json", "JSON");
        check(&[json!("Paris"), json!("the Seine")], "exact", "one line");
        check(&[json!(true), json!(false)], "exact", "one line");
        check(&[json!("x".repeat(61)), json!("y")], "none", "cost and speed only");
        check(&[json!("two\nlines")], "none", "cost and speed only");
        check(&[json!("text"), json!({"a": 1})], "none", "mixture");
        check(&[json!(null)], "none", "every reference is empty");
        let classes: Vec<Value> =
            (0..40).map(|i| json!(format!("{} {}", "long".repeat(16), i % 7))).collect();
        check(&classes, "exact", "7 classes over 40 references");
    }

    #[test]
    fn lists_of_accepted_answers_are_alternatives() {
        let references = [Some(json!(["a", "b"])), Some(json!("c"))];
        for column in ["ideal", "Target", "answers", "answer"] {
            assert_eq!(guess_grader(Some(column), &references).0.id(), "one_of", "{column}");
        }
        let lists = [Some(json!(["a", "b"]))];
        assert_eq!(guess_grader(Some("answers"), &lists).0.id(), "one_of");
        assert_eq!(guess_grader(Some("expected"), &lists).0.id(), "json");
        assert_eq!(guess_grader(None, &references).0.id(), "none");
    }
}
