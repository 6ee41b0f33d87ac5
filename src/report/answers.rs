//! A run's answers for reading: as text for a terminal, and as JSON Lines. Answers are hostile: every
//! line is escaped.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::text::{escape_control, fit_end, pad_right, width};
use crate::aggregate::{AnswerView, TaskAnswers};
use crate::units::escape::is_unsafe_char;
use crate::units::{AnswerContent, EndpointId, Message};

/// The narrowest page.
const LEAST_COLUMNS: usize = 40;
/// Between two answers side by side.
const RULE: &str = " │ ";

/// Two endpoints that stand side by side, the left one first.
pub type Pair<'a> = (&'a EndpointId, &'a EndpointId);

/// A task with its answers, one below the other, or side by side, on lines of at most so many
/// columns; an empty line ends it.
#[must_use]
pub fn answers_text(task: &TaskAnswers, pair: Option<Pair<'_>>, columns: usize) -> String {
    let columns = columns.max(LEAST_COLUMNS);
    let mut lines = vec![title(task, columns)];
    for message in &task.prompt {
        block(&mut lines, &message.role, &message.content, columns);
    }
    if let Some(reference) = &task.reference {
        block(&mut lines, "expected", &plain(reference), columns);
    }
    match pair {
        Some((left, right)) => side_by_side(&mut lines, task, left, right, columns),
        None => {
            for view in &task.answers {
                lines.extend(wrapped(&headline(view), columns, "    "));
                let text = content(view);
                lines.extend(indented(&text, columns, "    "));
            }
        }
    }
    lines.iter().fold(String::new(), |text, line| text + line.trim_end() + "\n") + "\n"
}

/// A task's answers as JSON Lines: one object for each, or one for a pair.
#[must_use]
pub fn answers_json(task: &TaskAnswers, pair: Option<Pair<'_>>) -> String {
    let mut text = String::new();
    match pair {
        None => {
            for view in &task.answers {
                let answer = AnswerPart::new(view);
                text.push_str(&line(&AnswerLine { task: TaskPart::new(task), answer }));
            }
        }
        Some((left, right)) => {
            let of = |id: &EndpointId| -> Vec<AnswerPart<'_>> {
                let views = task.answers.iter().filter(|view| view.endpoint == *id);
                views.map(AnswerPart::new).collect()
            };
            let (a, b) = (of(left), of(right));
            text.push_str(&line(&PairLine { task: TaskPart::new(task), a, b }));
        }
    }
    text
}

fn line(value: &impl Serialize) -> String {
    ascii(&serde_json::to_string(value).expect("strings, numbers and lists")) + "\n"
}

#[derive(Serialize)]
struct AnswerLine<'a> {
    #[serde(flatten)]
    task: TaskPart<'a>,
    #[serde(flatten)]
    answer: AnswerPart<'a>,
}

#[derive(Serialize)]
struct PairLine<'a> {
    #[serde(flatten)]
    task: TaskPart<'a>,
    a: Vec<AnswerPart<'a>>,
    b: Vec<AnswerPart<'a>>,
}

#[derive(Serialize)]
struct TaskPart<'a> {
    suite: &'a str,
    task: &'a str,
    category: &'a str,
    grader: &'a str,
    /// Null: not kept.
    prompt: Option<&'a [Message]>,
    reference: Option<&'a Value>,
}

#[derive(Serialize)]
struct AnswerPart<'a> {
    endpoint: &'a str,
    repeat: u32,
    status: &'static str,
    error: Option<&'a str>,
    words: Option<&'a str>,
    score: Option<f64>,
    reason: Option<&'a str>,
    answer: Option<&'a AnswerContent>,
}

impl<'a> TaskPart<'a> {
    fn new(task: &'a TaskAnswers) -> Self {
        Self {
            suite: &task.suite,
            task: &task.task,
            category: &task.category,
            grader: &task.grader,
            prompt: (!task.prompt.is_empty()).then_some(&task.prompt),
            reference: task.reference.as_ref(),
        }
    }
}

impl<'a> AnswerPart<'a> {
    fn new(view: &'a AnswerView) -> Self {
        Self {
            endpoint: view.endpoint.as_str(),
            repeat: view.repeat,
            status: view.status,
            error: view.error.as_deref(),
            words: view.words.as_deref(),
            score: view.score,
            reason: view.reason.as_deref(),
            answer: view.answer.as_ref(),
        }
    }
}

/// JSON with every character that a terminal would obey, or not show, as `\uXXXX`: the same value.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if is_unsafe_char(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(c);
        }
    }
    text
}

/// `── extract/t0012 · extract · graded by exact ──────`
fn title(task: &TaskAnswers, columns: usize) -> String {
    let said =
        format!("{}/{} · {} · graded by {}", task.suite, task.task, task.category, task.grader);
    let said = fit_end(&escape_control(&said), columns.saturating_sub(6));
    let rest = columns.saturating_sub(width(&said) + 4);
    format!("── {said} {}", "─".repeat(rest))
}

/// A label, and the text under it.
fn block(lines: &mut Vec<String>, label: &str, text: &str, columns: usize) {
    lines.push(format!("  {}", fit_end(&escape_control(label), columns - 2)));
    lines.extend(indented(text, columns, "    "));
}

/// `✗ acme/large@azure · 0 · got “Lyon”, expected “Paris”`
pub(super) fn headline(view: &AnswerView) -> String {
    let mut facts = vec![view.endpoint.as_str().to_owned()];
    facts.extend(verdict(view));
    let mark = mark(view);
    format!("{mark} {}", facts.join(" · "))
}

/// Whether it is right, at a glance.
pub(super) fn mark(view: &AnswerView) -> &'static str {
    match view.score {
        _ if view.has_failed() => "✗",
        Some(_) => "✓",
        None => "–",
    }
}

/// Repeat, state or score, and the reason.
pub(super) fn verdict(view: &AnswerView) -> Vec<String> {
    let mut facts = Vec::new();
    if view.repeat > 0 {
        facts.push(format!("repeat {}", view.repeat));
    }
    match (view.status, view.score) {
        ("ok", Some(score)) => facts.push(score_text(score)),
        ("ok", None) => facts.push("not scored".to_owned()),
        (status, _) => match &view.error {
            Some(error) => facts.push(format!("{status}: {error}")),
            None => facts.push(status.to_owned()),
        },
    }
    facts.extend(view.words.as_ref().map(|words| format!("“{words}”")));
    facts.extend(view.reason.clone());
    facts
}

/// A score without needless digits.
fn score_text(score: f64) -> String {
    (libm::round(score * 1000.0) / 1000.0).to_string()
}

/// The answer as text: reasoning, text, refusal and tool calls.
pub(super) fn content(view: &AnswerView) -> String {
    let Some(answer) = &view.answer else { return String::new() };
    let mut parts = Vec::new();
    if !answer.reasoning.is_empty() {
        parts.push(format!("[reasoning] {}", answer.reasoning));
    }
    if !answer.text.is_empty() {
        parts.push(answer.text.clone());
    }
    if !answer.refusal.is_empty() {
        parts.push(format!("[refusal] {}", answer.refusal));
    }
    let calls = answer.tool_calls.iter();
    parts.extend(calls.map(|call| format!("[call] {} {}", call.name, call.arguments)));
    parts.join("\n")
}

/// A reference as people write it.
pub(super) fn plain(reference: &Value) -> String {
    reference.as_str().map_or_else(|| reference.to_string(), str::to_owned)
}

fn side_by_side(
    lines: &mut Vec<String>,
    task: &TaskAnswers,
    left: &EndpointId,
    right: &EndpointId,
    columns: usize,
) {
    let column = (columns - width(RULE)) / 2;
    let of = |id: &EndpointId| -> Vec<String> {
        let views: Vec<&AnswerView> = task.answers.iter().filter(|v| v.endpoint == *id).collect();
        let mut side = Vec::new();
        for view in &views {
            side.extend(wrapped(&headline(view), column, "  "));
            side.extend(indented(&content(view), column, "  "));
        }
        if views.is_empty() {
            side.extend(wrapped(&format!("– {} · not asked", id.as_str()), column, "  "));
        }
        side
    };
    let (left, right) = (of(left), of(right));
    for i in 0..left.len().max(right.len()) {
        let cell = |side: &[String]| side.get(i).cloned().unwrap_or_default();
        lines.push(format!("{}{RULE}{}", pad_right(&cell(&left), column), cell(&right)));
    }
}

/// A text of several lines, each of its lines wrapped and all of them indented.
fn indented(text: &str, columns: usize, margin: &str) -> Vec<String> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let room = columns.saturating_sub(width(margin));
    let lines = text.trim_end().split('\n');
    let wrapped = lines.flat_map(|line| wrapped(line, room, ""));
    wrapped.map(|line| format!("{margin}{line}")).collect()
}

/// One line on lines of at most so many columns, all but the first indented; broken at spaces where
/// there are any, and nothing lost.
fn wrapped(line: &str, columns: usize, margin: &str) -> Vec<String> {
    let line = escape_control(&line.replace('\t', "    ")).into_owned();
    let mut lines = Vec::new();
    let mut rest = line.as_str();
    loop {
        let indent = if lines.is_empty() { "" } else { margin };
        let room = columns.saturating_sub(width(indent)).max(1);
        let end = prefix(rest, room);
        if end == rest.len() {
            lines.push(format!("{indent}{rest}"));
            return lines;
        }
        let cut = rest[..end].rfind(' ').filter(|at| !rest[..*at].trim().is_empty());
        let (now, later) = rest.split_at(cut.unwrap_or(end));
        lines.push(format!("{indent}{}", now.trim_end()));
        rest = if cut.is_some() { later.trim_start() } else { later };
    }
}

/// The bytes of the longest prefix within so many columns; at least one character.
fn prefix(text: &str, columns: usize) -> usize {
    let mut end = 0;
    for (at, c) in text.char_indices() {
        let next = at + c.len_utf8();
        if end > 0 && width(&text[..next]) > columns {
            return end;
        }
        end = next;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::ToolCall;

    fn view(endpoint: &str, score: f64, text: &str) -> AnswerView {
        AnswerView {
            endpoint: EndpointId::from_text(endpoint),
            repeat: 0,
            status: "ok",
            error: None,
            words: None,
            score: Some(score),
            reason: Some(format!("got “{text}”, expected “Paris”")),
            answer: Some(AnswerContent { text: text.to_owned(), ..AnswerContent::default() }),
        }
    }

    fn task() -> TaskAnswers {
        let mut called = view("acme/tiny@birch", 1.0, "");
        called.reason = None;
        called.answer = Some(AnswerContent {
            tool_calls: vec![ToolCall {
                id: "1".into(),
                name: "look".into(),
                arguments: "{}".into(),
            }],
            ..AnswerContent::default()
        });
        let failed = AnswerView {
            status: "failed",
            error: Some("not_found".into()),
            words: Some("HTTP 404: \u{1b}[2Jnone".into()),
            score: None,
            reason: None,
            answer: None,
            ..view("acme/mini@azure", 0.0, "")
        };
        let hostile =
            "Lyon\u{1b}[31m\r\n\tis\u{202e} the capital, as everybody who has been there knows";
        TaskAnswers {
            suite: "capitals".into(),
            task: "t1".into(),
            category: "facts".into(),
            grader: "exact".into(),
            prompt: vec![Message { role: "user".into(), content: "Capital of\nFrance?".into() }],
            reference: Some("Paris".into()),
            answers: vec![view("acme/large@azure", 0.0, hostile), failed, called],
        }
    }

    #[test]
    fn a_task_reads_from_top_to_bottom() {
        insta::assert_snapshot!(answers_text(&task(), None, 60), @r"
        ── capitals/t1 · facts · graded by exact ───────────────────
          user
            Capital of
            France?
          expected
            Paris
        ✗ acme/large@azure · 0 · got “Lyon\u{1b}[31m\u{d}\u{a}
            is\u{202e} the capital, as everybody who has been there
            knows”, expected “Paris”
            Lyon\u{1b}[31m\u{d}
                is\u{202e} the capital, as everybody who has been
            there knows
        ✗ acme/mini@azure · failed: not_found · “HTTP 404:
            \u{1b}[2Jnone”
        ✓ acme/tiny@birch · 1
            [call] look {}
        ");
    }

    #[test]
    fn two_endpoints_stand_side_by_side() {
        let (left, right) =
            (EndpointId::from_text("acme/large@azure"), EndpointId::from_text("acme/mini@azure"));
        let text = answers_text(&task(), Some((&left, &right)), 80);
        assert!(text.lines().all(|line| width(line) <= 80), "{text}");
        insta::assert_snapshot!(text, @r"
        ── capitals/t1 · facts · graded by exact ───────────────────────────────────────
          user
            Capital of
            France?
          expected
            Paris
        ✗ acme/large@azure · 0 · got           │ ✗ acme/mini@azure · failed: not_found
          “Lyon\u{1b}[31m\u{d}\u{a}            │   · “HTTP 404: \u{1b}[2Jnone”
          is\u{202e} the capital, as           │
          everybody who has been there         │
          knows”, expected “Paris”             │
          Lyon\u{1b}[31m\u{d}                  │
              is\u{202e} the capital, as       │
          everybody who has been there knows   │
        ");
        let wide = answers_text(&task(), Some((&left, &right)), 160);
        assert!(wide.lines().count() < text.lines().count(), "{wide}");
    }

    #[test]
    fn json_lines_obey_no_terminal_and_lose_nothing() {
        let lines = answers_json(&task(), None);
        assert_eq!(lines.lines().count(), 3);
        assert!(!lines.chars().any(|c| c != '\n' && is_unsafe_char(c)), "{lines}");
        let first: Value =
            serde_json::from_str(lines.lines().next().expect("a line")).expect("JSON");
        let task = task();
        let text = &task.answers[0].answer.as_ref().expect("kept").text;
        assert_eq!(first["answer"]["text"], Value::from(text.as_str()));
        assert_eq!(
            (&first["task"], &first["endpoint"]),
            (&"t1".into(), &"acme/large@azure".into())
        );
    }

    #[test]
    fn a_long_line_is_broken_and_whole() {
        let line = "a".repeat(100_000);
        assert_eq!(wrapped(&line, 80, "").concat(), line);
        assert_eq!(wrapped("模型模型", 3, ""), ["模", "型", "模", "型"]);
        assert_eq!(wrapped("one two three", 8, "  "), ["one two", "  three"]);
    }
}
