//! What a user has to mend: what providers said, graders that may be wrong, and where answers differ.

use std::path::Path;

use super::size::COLUMNS;
use crate::report::model::RunReport;
use crate::report::run_text;
use crate::report::text::{escape_control, fit_end, width, wrap};
use crate::units::prose::pluralize;

/// The most lines of a provider's words with the remedy, or of a doubt about a grader.
const PROBLEM_LINES: usize = 3;
/// The most columns of a provider's words.
const PROBLEM_WORDS: usize = 96;

/// What the providers said of endpoints that often failed, and the categories whose grader may be
/// wrong: on at most so many lines, none of them begun in vain.
pub(super) fn problems(report: &RunReport, most: usize) -> Vec<String> {
    let failing: Vec<&str> = run_text::failing(report).into_iter().map(|e| e.id.as_str()).collect();
    let mut failures: Vec<_> =
        report.failures.iter().filter(|f| failing.contains(&f.endpoint.as_str())).collect();
    failures.sort_by_key(|failure| std::cmp::Reverse(failure.trials));
    let said = failures.into_iter().map(|failure| {
        let name = report.names.short(failure.endpoint.as_str());
        let remedy = failure.remedy.as_deref().map_or_else(String::new, |r| format!(". {r}"));
        format!("{name}: {}{remedy}", failure.said(PROBLEM_WORDS))
    });
    let doubts = report.unpassed.iter().map(|found| found.sentence.clone());
    let mut lines = Vec::new();
    for text in doubts.chain(said) {
        let more = wrap(&text, COLUMNS, PROBLEM_LINES);
        if lines.len() + more.len() > most {
            break;
        }
        lines.extend(more);
    }
    lines
}

/// Where the answers are that differ most: `12 answers differ between today and moe@ember:
/// weighbridge show --diff today,moe@ember`, on two lines or in fewer words where that is too wide.
pub(super) fn differing(report: &RunReport, files: &Path) -> Option<Vec<String>> {
    let found = report.differing.as_ref()?;
    let name = report.names.short(found.endpoint.as_str());
    let n = pluralize(found.tasks, "answer");
    let verb = if found.tasks == 1 { "differs" } else { "differ" };
    let is_latest = files.parent().is_some_and(|parent| parent == Path::new("results"));
    let run = if is_latest { "" } else { " RUN" };
    let command = format!("weighbridge show{run} --diff today,{}", shell_word(&name));
    let whole = format!("{n} {verb} between today and {name}: {command}");
    let brief = format!("{n} {verb}: {command}");
    Some(match width(&whole) <= COLUMNS {
        true => vec![whole],
        // The demo's screen is full.
        false if report.run.demo => vec![fit_end(&brief, COLUMNS)],
        false => {
            let said = format!("{n} {verb} between today and {name}:");
            vec![fit_end(&said, COLUMNS), fit_end(&format!("  {command}"), COLUMNS)]
        }
    })
}

/// A text as one word of a shell.
fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "@/._:#,+=-".contains(c);
    let text = escape_control(text);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
