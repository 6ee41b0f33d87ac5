//! What the columns of a table are: prompts, references, categories and ids, what a row says about its
//! grading.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::choices::{ChoiceColumns, choice_reference, counts_from_one, with_choices};
use super::columns::{ColumnMap, Field, is_name};
use super::conversation::read_conversation;
use super::fields;
use super::line_fields::{LineColumns, find_columns, read_line};
use super::promptfoo;
use super::raw::RawTask;
use super::rows::{Row, Table};
use super::suggestion::suggest_map;
use crate::graders::GraderSpec;
use crate::suite::error::SuiteError;
use crate::suite::source::Source;
use crate::units::Message;

/// The column of each field that has one.
pub(super) type Mapping<'a> = BTreeMap<&'static str, &'a str>;

/// The guessed grader of each category, with the reason: one file may hold several kinds of work,
/// and a number is not judged as a label is.
pub(super) type GraderGuesses = BTreeMap<String, (GraderSpec, String)>;

/// What the columns of a table are.
pub(super) struct Layout<'a> {
    pub mapping: Mapping<'a>,
    /// The input of an instruction, which goes behind it.
    pub input: Option<&'a str>,
    /// promptfoo's assertions.
    pub assertions: Vec<&'a str>,
    pub choices: Option<ChoiceColumns<'a>>,
    /// Whether references count choices from 1.
    pub from_one: bool,
    pub line: LineColumns<'a>,
}

/// A task whose grader may still be guessed.
pub(super) struct Draft {
    pub task: RawTask,
    /// The reference as its cell has it.
    pub cell: Option<Value>,
    /// Whether choices were added to the prompt.
    pub has_added_choices: bool,
    /// Whether the last turn of the chat is the reference.
    pub has_reply: bool,
}

impl Draft {
    pub fn finish(self, guess: Option<&GraderSpec>) -> RawTask {
        let mut task = self.task;
        let grader = task.grader.take().or_else(|| guess.cloned()).unwrap_or(GraderSpec::NONE);
        if task.reference.is_none() {
            task.reference = self.cell.and_then(|cell| grader.read_cell(&cell));
        }
        task.grader = Some(grader);
        task
    }
}

impl<'a> Layout<'a> {
    pub fn find(source: &Source, table: &'a Table, map: &ColumnMap) -> Result<Self, SuiteError> {
        let mut mapping = resolve(source, table, map)?;
        let named = map.get(Field::Reference);
        let assertions = match named {
            Some(column) if !column.starts_with("__expected") => Vec::new(),
            _ => promptfoo::assertion_columns(table),
        };
        if !assertions.is_empty() {
            promptfoo::check_assertions(source, table, &assertions)?;
            mapping.insert(Field::Reference.name(), assertions[0]);
        }
        let input = instruction_input(table, map, &mut mapping);
        let mut used: Vec<&str> = mapping.values().copied().chain(input).collect();
        let choices = ChoiceColumns::find(&table.columns)
            .filter(|choices| choices.names().iter().all(|column| !used.contains(column)));
        used.extend(choices.iter().flat_map(ChoiceColumns::names));
        let line = find_columns(&table.columns, &used);
        let mut layout = Self { mapping, input, assertions, choices, from_one: false, line };
        let with_choices = table.rows.iter().filter_map(|row| {
            let choices = layout.choices.as_ref()?.read(row)?;
            Some((layout.cell(row, Field::Reference)?, choices))
        });
        layout.from_one = counts_from_one(with_choices);
        Ok(layout)
    }

    fn cell<'r>(&self, row: &'r Row, field: Field) -> Option<&'r Value> {
        self.mapping.get(field.name()).and_then(|column| row.cells.get(*column))
    }

    /// A row's category as written in the file; empty where it has none.
    pub fn category_of(&self, row: &Row) -> String {
        let cell = self.cell(row, Field::Category);
        cell.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .unwrap_or_default()
    }

    /// Reads a row.
    pub fn draft(&self, at: &str, row: &Row) -> Result<Draft, SuiteError> {
        let bad = |field: Field, why: String| SuiteError::BadValue {
            at: at.to_owned(),
            key: self.mapping.get(field.name()).copied().unwrap_or(field.name()).to_owned(),
            why,
        };
        let name = |field: Field| {
            self.cell(row, field)
                .map(|value| fields::name(value).map_err(|why| bad(field, why.to_owned())))
                .transpose()
        };
        let mut task = read_line(at, row, &self.line)?;
        task.id = name(Field::Id)?;
        task.category = name(Field::Category)?;
        let (messages, reply) = self.prompt(row).map_err(|why| bad(Field::Prompt, why))?;
        let has_system = messages.iter().any(|message| message.role == "system");
        if has_system {
            task.messages.clear();
        }
        task.messages.extend(messages);
        let stated = self.cell(row, Field::Reference).cloned();
        let has_reply = stated.is_none() && reply.is_some();
        let mut draft = Draft { task, cell: stated.or(reply), has_added_choices: false, has_reply };
        if !self.assertions.is_empty() {
            draft.take_assertions(promptfoo::read_assertions(row, &self.assertions));
        } else if let Some(choices) = self.choices.as_ref().and_then(|choices| choices.read(row)) {
            draft
                .take_choices(&choices, self.from_one)
                .map_err(|why| bad(Field::Reference, why))?;
        }
        if draft.task.grader.is_none() && draft.task.schema.is_some() && draft.cell.is_none() {
            draft.task.grader = GraderSpec::from_id("json");
        }
        let has_calls = draft.cell.as_ref().is_some_and(is_call_list);
        if draft.task.grader.is_none() && has_calls && draft.task.tools.is_some() {
            draft.task.grader = GraderSpec::from_id("tool_call");
        }
        Ok(draft)
    }

    /// The messages of a row, and the reply that its chat ends in.
    fn prompt(&self, row: &Row) -> Result<(Vec<Message>, Option<Value>), String> {
        let empty = || "is empty; every task needs a prompt".to_owned();
        match self.cell(row, Field::Prompt).ok_or_else(empty)? {
            Value::String(text) if text.trim().is_empty() => Err(empty()),
            Value::String(text) => {
                let input = self.input.and_then(|column| row.cells.get(column)?.as_str());
                let behind = input.filter(|input| !input.trim().is_empty());
                let around = |name: &str| row.cells.get(name).and_then(Value::as_str).unwrap_or("");
                let text =
                    behind.map_or_else(|| text.clone(), |input| format!("{text}\n\n{input}"));
                let content = format!("{}{text}{}", around("__prefix"), around("__suffix"));
                Ok((vec![Message { role: "user".to_owned(), content }], None))
            }
            list => {
                let conversation = read_conversation(list)?;
                Ok((conversation.messages, conversation.reply))
            }
        }
    }
}

impl Draft {
    fn take_assertions(&mut self, assertions: Vec<String>) {
        if !assertions.is_empty() {
            self.task.grader = GraderSpec::from_id("assert");
            self.task.reference = Some(assertions.into_iter().map(Value::from).collect());
        }
    }

    fn take_choices(&mut self, choices: &[String], from_one: bool) -> Result<(), String> {
        let is_choice = self.task.grader.as_ref().is_none_or(|grader| grader.id() == "choice");
        let (true, Some(cell)) = (is_choice, &self.cell) else { return Ok(()) };
        self.task.reference = Some(choice_reference(cell, choices, from_one)?);
        self.task.grader = GraderSpec::from_id("choice");
        if let Some(last) = self.task.messages.last_mut()
            && let Some(content) = with_choices(&last.content, choices)
        {
            last.content = content;
            self.has_added_choices = true;
        }
        Ok(())
    }
}

/// Whether a reference is a list of tool calls.
fn is_call_list(cell: &Value) -> bool {
    cell.as_array().is_some_and(|calls| {
        !calls.is_empty() && calls.iter().all(|call| call.get("name").is_some_and(Value::is_string))
    })
}

/// Files of instructions keep the text to work on in `input`: it goes behind the instruction.
fn instruction_input<'a>(
    table: &'a Table,
    map: &ColumnMap,
    mapping: &mut Mapping<'a>,
) -> Option<&'a str> {
    let find = |name: &str| table.columns.iter().find(|column| is_name(column, name));
    let (instruction, input) = (find("instruction")?, find("input")?);
    let prompt = mapping.get(Field::Prompt.name()).copied();
    if map.get(Field::Prompt).is_some() || prompt != Some(input.as_str()) {
        return None;
    }
    mapping.insert(Field::Prompt.name(), instruction);
    Some(input)
}

fn resolve<'a>(
    source: &Source,
    table: &'a Table,
    map: &ColumnMap,
) -> Result<Mapping<'a>, SuiteError> {
    let quoted = |column: &String| format!("`{column}`");
    let unmapped = |why: String| SuiteError::Unmapped {
        path: source.name.clone(),
        why,
        columns: table.columns.iter().map(quoted).collect::<Vec<_>>().join(", "),
        example: suggest_map(table, map),
    };
    let mut mapping = Mapping::new();
    for field in Field::ALL {
        match map.resolve(field, &table.columns) {
            Ok(Some(column)) => {
                mapping.insert(field.name(), column);
            }
            Ok(None) => {}
            Err(named) => {
                let field = field.name();
                return Err(unmapped(format!("there is no column `{named}` for the {field}")));
            }
        }
    }
    if !mapping.contains_key(Field::Prompt.name()) {
        let extension = Path::new(&source.name).extension();
        let is_headed = extension
            .is_some_and(|e| ["csv", "tsv"].iter().any(|table| e.eq_ignore_ascii_case(table)));
        let why = if is_headed {
            "no column is known to hold the prompt, and the first row is read as the heading"
        } else {
            "no column is known to hold the prompt"
        };
        return Err(unmapped(why.to_owned()));
    }
    Ok(mapping)
}
