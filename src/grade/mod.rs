//! Answers to scores: pure functions, one file per family of graders.
//!
//! A score is 0 or 1. `None` means that nothing could be judged (no grader, a reference that is of
//! no use); an answer without what was asked for, such as a number, is wrong, not unscored.

pub mod check;
pub mod choice;
pub mod json;
pub mod number;
mod regrade;
pub mod text;
pub mod tool_call;

use serde_json::Value;

pub use check::{Finding, Severity, check_suite};
pub use regrade::{Graded, grade_run};

use crate::store::TaskRubric;
use crate::suite::{GraderSpec, Task};
use crate::units::AnswerContent;

/// Changes with every change of a score that some answer would get.
pub const GRADERS_VERSION: u32 = 1;

/// The longest detail, in characters: one line of a wide terminal.
pub const MAX_DETAIL_CHARS: usize = 160;

/// What grading needs of a task, borrowed from a suite's or from a run's.
#[derive(Clone, Copy, Debug)]
pub struct GradeTask<'a> {
    /// How the answer is judged.
    pub grader: &'a GraderSpec,
    /// What a right answer is, in the grader's form.
    pub reference: Option<&'a Value>,
    /// The JSON Schema of the answer.
    pub schema: Option<&'a Value>,
}

impl<'a> From<&'a Task> for GradeTask<'a> {
    fn from(task: &'a Task) -> Self {
        Self {
            grader: &task.grader,
            reference: task.reference.as_ref(),
            schema: task.schema.as_ref(),
        }
    }
}

impl<'a> From<&'a TaskRubric> for GradeTask<'a> {
    fn from(task: &'a TaskRubric) -> Self {
        Self {
            grader: &task.grader,
            reference: task.reference.as_ref(),
            schema: task.schema.as_ref(),
        }
    }
}

/// A grader's verdict on one answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// 0..1; `None`: unscored, nothing could be judged.
    pub score: Option<f64>,
    /// What was extracted and what was expected, at most [`MAX_DETAIL_CHARS`], without control
    /// characters.
    pub detail: String,
}

impl Score {
    fn new(verdict: Verdict) -> Self {
        let (score, detail) = match verdict {
            Verdict::Right(detail) => (Some(1.0), detail),
            Verdict::Wrong(detail) => (Some(0.0), detail),
            Verdict::Unscored(detail) => (None, detail),
        };
        Self { score, detail: one_line(&detail, MAX_DETAIL_CHARS) }
    }

    /// Whether the answer was judged right.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.score.is_some_and(|score| score >= 1.0)
    }
}

/// What a grader found, with the detail as it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Right(String),
    Wrong(String),
    Unscored(String),
}

impl Verdict {
    fn of(right: bool, detail: impl Into<String>) -> Self {
        if right { Self::Right(detail.into()) } else { Self::Wrong(detail.into()) }
    }
}

/// Judges one answer.
#[must_use]
pub fn grade(task: &GradeTask<'_>, answer: &AnswerContent) -> Score {
    Score::new(verdict(task, answer))
}

fn verdict(task: &GradeTask<'_>, answer: &AnswerContent) -> Verdict {
    let Some(reference) = task.reference else {
        return match task.grader {
            GraderSpec::None {} => Verdict::Unscored("not graded".to_owned()),
            GraderSpec::Json {} if task.schema.is_some() => match answer.text.trim() {
                "" => Verdict::Wrong(nothing_said(answer)),
                text => json::verdict(None, task.schema, text),
            },
            _ => Verdict::Unscored("the task has no reference".to_owned()),
        };
    };
    let text = answer.text.as_str();
    match task.grader {
        GraderSpec::None {} => Verdict::Unscored("not graded".to_owned()),
        GraderSpec::ToolCall {} => tool_call::verdict(reference, answer),
        _ if text.trim().is_empty() => Verdict::Wrong(nothing_said(answer)),
        GraderSpec::Exact { ignore_case } | GraderSpec::OneOf { ignore_case } => {
            text::equals(reference, text, *ignore_case)
        }
        GraderSpec::Contains { ignore_case } => text::contains(reference, text, *ignore_case),
        GraderSpec::Regex {} => text::matches(reference, text),
        GraderSpec::Number { tolerance } => number::verdict(reference, text, tolerance.as_deref()),
        GraderSpec::Choice {} => choice::verdict(reference, text),
        GraderSpec::Json {} => json::verdict(Some(reference), task.schema, text),
    }
}

/// Why there is no text to judge.
fn nothing_said(answer: &AnswerContent) -> String {
    if !answer.refusal.trim().is_empty() {
        format!("refused: {}", answer.refusal)
    } else if answer.tool_calls.is_empty() {
        "empty answer".to_owned()
    } else {
        format!("no text, only a call of {}", answer.tool_calls[0].name)
    }
}

/// A text on one line: control characters become spaces, spaces run together, the rest is cut.
fn one_line(text: &str, most: usize) -> String {
    let mut line = String::new();
    let mut chars = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        for c in (!line.is_empty()).then_some(' ').into_iter().chain(word.chars()) {
            if chars == most {
                line.pop();
                line.push('…');
                return line;
            }
            line.push(c);
            chars += 1;
        }
    }
    line
}

/// A quoted piece of a text, short enough that a detail holds two of them.
fn quoted(text: &str) -> String {
    format!("“{}”", one_line(text, 60))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn details_are_short_and_clean() {
        assert_eq!(one_line("a\n\tb\u{7}c\u{1b}[0m", 60), "a b c [0m");
        assert_eq!(one_line(&"é".repeat(200), 160).chars().count(), 160);
        assert_eq!(one_line("abc", 3), "abc");
        assert_eq!(one_line("abcd", 3), "ab…");
    }

    #[test]
    fn unscored_is_not_wrong() {
        let check = |grader: &str, reference: Option<Value>, text: &str, expected: Option<f64>| {
            let grader = GraderSpec::from_name(grader).unwrap();
            let task = GradeTask { grader: &grader, reference: reference.as_ref(), schema: None };
            let answer = AnswerContent { text: text.to_owned(), ..AnswerContent::default() };
            let score = grade(&task, &answer);
            assert_eq!(score.score, expected, "{}: {}", grader.name(), score.detail);
        };
        check("none", None, "x", None);
        check("number", None, "7", None);
        check("number", Some(json!("none")), "7", None);
        check("regex", Some(json!("(a")), "a", None);
        check("json", None, "{}", None);
        check("number", Some(json!(7)), "I do not know", Some(0.0));
        check("choice", Some(json!("B")), "I do not know", Some(0.0));
        check("exact", Some(json!("x")), " \n", Some(0.0));
        check("exact", Some(json!("x")), "x", Some(1.0));
    }

    #[test]
    fn a_refusal_is_named() {
        let grader = GraderSpec::from_name("number").unwrap();
        let reference = json!(3);
        let task = GradeTask { grader: &grader, reference: Some(&reference), schema: None };
        let answer = AnswerContent { refusal: "I cannot.".to_owned(), ..AnswerContent::default() };
        assert_eq!(
            grade(&task, &answer),
            Score { score: Some(0.0), detail: "refused: I cannot.".to_owned() }
        );
    }
}
