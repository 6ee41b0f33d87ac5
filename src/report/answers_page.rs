//! Prompts and answers in the page, in a section that can be searched.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::answers::{content, headline, mark, plain};
use super::text::{escape_control, fit_end};
use crate::aggregate::TaskAnswers;
use crate::units::escape::escape_control_lines;
use crate::units::prose::{group_thousands, pluralize};

/// The most bytes of prompts and answers in a page: a browser still opens it.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// The most characters of one text in it.
const MOST_CHARS: usize = 8_000;
/// The most columns of a heading.
const MOST_COLUMNS: usize = 200;
/// The search. Without it every task is there, and opens.
const SCRIPT: &str = include_str!("answers.js");

/// What the section shows. `script` is ours and goes in as it is; the rest is text.
#[derive(Debug, Serialize)]
pub(super) struct AnswersView {
    tasks: Vec<TaskView>,
    said: String,
    script: &'static str,
    /// What the content security policy allows to run.
    script_hash: String,
}

#[derive(Debug, Serialize)]
struct TaskView {
    name: String,
    category: String,
    marks: String,
    failed: bool,
    prompt: Vec<(String, String)>,
    reference: Option<String>,
    answers: Vec<AnswerPart>,
}

#[derive(Debug, Serialize)]
struct AnswerPart {
    headline: String,
    failed: bool,
    text: String,
}

impl AnswersView {
    /// Of these tasks, as far as there is room.
    ///
    /// # Errors
    /// The first task that cannot be read.
    pub(super) fn new<E>(tasks: impl Iterator<Item = Result<TaskAnswers, E>>) -> Result<Self, E> {
        let (mut views, mut bytes, mut left_out) = (Vec::new(), 0, 0_u64);
        for task in tasks {
            let view = TaskView::new(&task?);
            bytes += view.bytes();
            if bytes <= MOST_BYTES {
                views.push(view);
            } else {
                left_out += 1;
            }
        }
        let mut said = pluralize(views.len() as u64, "task");
        if left_out > 0 {
            let _ = write!(
                said,
                "; {} more are left out, for the page would be too large: weighbridge show has all",
                group_thousands(left_out)
            );
        }
        let script_hash = format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(SCRIPT)));
        Ok(Self { tasks: views, said, script: SCRIPT, script_hash })
    }
}

impl TaskView {
    fn new(task: &TaskAnswers) -> Self {
        let answers: Vec<AnswerPart> = task
            .answers
            .iter()
            .map(|view| AnswerPart {
                headline: fit_end(&escape_control(&headline(view)), MOST_COLUMNS),
                failed: view.has_failed(),
                text: text(&content(view)),
            })
            .collect();
        let prompt = task.prompt.iter();
        Self {
            name: escape_control(&format!("{}/{}", task.suite, task.task)).into_owned(),
            category: escape_control(&task.category).into_owned(),
            marks: task.answers.iter().map(mark).collect(),
            failed: answers.iter().any(|answer| answer.failed),
            prompt: prompt.map(|m| (text(&m.role), text(&m.content))).collect(),
            reference: task.reference.as_ref().map(|reference| text(&plain(reference))),
            answers,
        }
    }

    /// About how many bytes it takes.
    fn bytes(&self) -> usize {
        let prompt: usize = self.prompt.iter().map(|(_, content)| content.len()).sum();
        let answers: usize = self.answers.iter().map(|a| a.headline.len() + a.text.len()).sum();
        prompt + answers + self.reference.as_ref().map_or(0, String::len)
    }
}

/// A text for a page: escaped, tabs as spaces, and cut.
fn text(text: &str) -> String {
    let text = text.replace('\t', "    ");
    let shown = match text.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{}… (cut: weighbridge show has all of it)", &text[..end]),
        None => text,
    };
    escape_control_lines(shown.trim_end()).into_owned()
}
