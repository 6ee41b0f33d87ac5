//! Suites that are tables: each row a task, and a guessed grader for each category.

use std::collections::BTreeMap;

use serde_json::Value;

use super::columns::{ColumnMap, Field};
use super::layout::{Draft, GraderGuesses, Layout};
use super::raw::SuiteBuilder;
use super::rows::Table;
use super::table_notes::describe;
use crate::graders::guess_grader;
use crate::suite::error::SuiteError;
use crate::suite::source::Source;
use crate::suite::task::LoadedSuite;

impl Table {
    pub fn into_suite(
        self,
        name: &str,
        source: &Source,
        map: &ColumnMap,
    ) -> Result<LoadedSuite, SuiteError> {
        if self.rows.is_empty() {
            return Err(SuiteError::Empty { path: source.name.clone() });
        }
        let layout = Layout::find(source, &self, map)?;
        let mut drafts = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            drafts.push(layout.draft(&source.at(row.line), row)?);
        }
        let guessed = guess_graders(&self, &layout, &drafts);
        let mut builder = SuiteBuilder::new(name.to_owned(), source.hash);
        let notes = describe(source, &self, &layout, &guessed, &drafts);
        for (row, draft) in self.rows.iter().zip(drafts) {
            let guess = guessed.get(&layout.category_of(row)).map(|(grader, _)| grader);
            builder.add(&source.at(row.line), row.line, draft.finish(guess))?;
        }
        builder.notes = notes;
        builder.finish(&source.name)
    }
}

fn guess_graders(table: &Table, layout: &Layout<'_>, drafts: &[Draft]) -> GraderGuesses {
    let column = layout.mapping.get(Field::Reference.name()).copied();
    let mut references: BTreeMap<String, Vec<Option<Value>>> = BTreeMap::new();
    for (row, draft) in table.rows.iter().zip(drafts).filter(|(_, d)| d.task.grader.is_none()) {
        references.entry(layout.category_of(row)).or_default().push(draft.cell.clone());
    }
    let guess = |(category, references): (String, Vec<Option<Value>>)| {
        let replies = drafts.iter().any(|draft| draft.has_reply);
        let column = column.or_else(|| replies.then_some("messages"));
        (category, guess_grader(column, &references))
    };
    references.into_iter().map(guess).collect()
}
