//! How a table was read, in sentences for its user.

use std::collections::BTreeSet;

use super::choices::ChoiceColumns;
use super::columns::Field;
use super::layout::{Draft, GraderGuesses, Layout};
use super::rows::Table;
use crate::suite::source::Source;

pub(super) fn describe(
    source: &Source,
    table: &Table,
    layout: &Layout<'_>,
    guessed: &GraderGuesses,
    drafts: &[Draft],
) -> Vec<String> {
    let file = &source.name;
    let mut notes = vec![format!("{file}: {}; {}", pairs(layout), graders(guessed, drafts))];
    if drafts.iter().any(|draft| draft.has_reply) {
        notes.push(format!("{file}: the last turn of the assistant is the reference"));
    }
    if drafts.iter().any(|draft| draft.has_added_choices) {
        notes.push(format!("{file}: the choices are added to prompts that do not list them"));
    }
    let unused = unused(table, layout);
    if !unused.is_empty() {
        notes.push(format!("{file}: columns not used: {}", unused.join(", ")));
    }
    notes
}

/// "prompt ← question, reference ← expected".
fn pairs(layout: &Layout<'_>) -> String {
    let mut pairs: Vec<String> = Vec::new();
    for field in Field::ALL {
        let Some(column) = layout.mapping.get(field.name()) else { continue };
        let more = match (field, layout.input) {
            (Field::Prompt, Some(input)) => format!(" + {input}"),
            (Field::Reference, _) if layout.assertions.len() > 1 => {
                format!(", {}", layout.assertions[1..].join(", "))
            }
            _ => String::new(),
        };
        pairs.push(format!("{} ← {column}{more}", field.name()));
    }
    if let Some(choices) = &layout.choices {
        pairs.push(format!("choices ← {}", choices.names().join(", ")));
    }
    pairs.extend(layout.line.iter().map(|(key, column)| format!("{key} ← {column}")));
    pairs.join(", ")
}

fn graders(guessed: &GraderGuesses, drafts: &[Draft]) -> String {
    let own: BTreeSet<&str> =
        drafts.iter().filter_map(|draft| Some(draft.task.grader.as_ref()?.id())).collect();
    let own: Vec<&str> = own.into_iter().collect();
    let ids: BTreeSet<&str> = guessed.values().map(|(grader, _)| grader.id()).collect();
    let guesses: Vec<String> = match guessed.first_key_value() {
        Some((_, (grader, why))) if guessed.len() == 1 => vec![format!("{} ({why})", grader.id())],
        Some((_, (grader, _))) if ids.len() == 1 => {
            vec![format!("{} in every category", grader.id())]
        }
        _ => guessed
            .iter()
            .map(|(category, (grader, why))| format!("{} for {category} ({why})", grader.id()))
            .collect(),
    };
    match (own.is_empty(), guesses.is_empty()) {
        (true, _) => format!("grader guessed: {}", guesses.join("; ")),
        (false, true) => format!("grader: {}", own.join(", ")),
        (false, false) => {
            format!("grader: {}; for other rows guessed: {}", own.join(", "), guesses.join("; "))
        }
    }
}

fn unused<'a>(table: &'a Table, layout: &Layout<'_>) -> Vec<&'a str> {
    let choices = layout.choices.iter().flat_map(ChoiceColumns::names);
    let used: BTreeSet<&str> = layout
        .mapping
        .values()
        .copied()
        .chain(layout.input)
        .chain(layout.assertions.iter().copied())
        .chain(layout.line.values().copied())
        .chain(choices)
        .chain(["__prefix", "__suffix"])
        .collect();
    let columns = table.columns.iter().map(String::as_str);
    columns.filter(|column| !column.is_empty() && !used.contains(column)).collect()
}
