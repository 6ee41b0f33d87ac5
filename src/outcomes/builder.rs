//! Rows of any format into one table.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::OutcomesError;
use super::place::Place;
use super::table::{Outcome, OutcomeTable, Query, TableModel};

/// The most outcomes of a table.
const MOST: usize = 10_000_000;

/// A table that grows row by row.
#[derive(Debug, Default)]
pub(super) struct TableBuilder {
    table: OutcomeTable,
    query_of: BTreeMap<String, u32>,
    model_of: BTreeMap<TableModel, u32>,
    grader_of: BTreeMap<String, u32>,
    /// How often a query was asked of a model, and where first.
    asked: HashMap<(u32, u32), (u32, String)>,
    /// The ids of logs.
    logs: BTreeSet<String>,
    /// The key of a query, kept so that it need not be made anew.
    key: String,
}

/// What to do with a query that a model was asked twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Twice {
    /// It is a mistake.
    Refuse,
    /// It is a repeat.
    Repeat,
}

impl TableBuilder {
    /// Adds a note, once.
    pub fn note(&mut self, note: String) {
        if !self.table.notes.contains(&note) {
            self.table.notes.push(note);
        }
    }

    /// Whether no log of this id was read before.
    pub fn is_new(&mut self, log: &str) -> bool {
        self.logs.insert(log.to_owned())
    }

    /// Notes when something was measured.
    pub fn measured(&mut self, at: Option<jiff::Timestamp>) {
        self.table.measured_at = match (self.table.measured_at, at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }

    /// The number of a query, which is `make` when it is new.
    pub fn query(
        &mut self,
        (source, id): (&str, &str),
        category: Option<&str>,
        place: &Place<'_>,
        make: impl FnOnce(Query) -> Query,
    ) -> Result<u32, OutcomesError> {
        self.key.clear();
        self.key.push_str(source);
        self.key.push('\0');
        self.key.push_str(id);
        if let Some(&known) = self.query_of.get(self.key.as_str()) {
            let before = self.table.queries[known as usize].category.as_deref();
            if before != category {
                return Err(OutcomesError::bad(
                    place,
                    format!(
                        "query {id:?} is of category {:?} here and of {:?} before",
                        category.unwrap_or_default(),
                        before.unwrap_or_default()
                    ),
                    "give each query one category, or other queries other ids",
                ));
            }
            return Ok(known);
        }
        let number = index(self.table.queries.len());
        self.table.queries.push(make(Query {
            source: source.to_owned(),
            category: category.map(str::to_owned),
            id: id.to_owned(),
            prompt: Vec::new(),
            reference: None,
        }));
        self.query_of.insert(self.key.clone(), number);
        Ok(number)
    }

    /// The number of a model.
    pub fn model(&mut self, model: &TableModel) -> u32 {
        if let Some(&known) = self.model_of.get(model) {
            return known;
        }
        let number = index(self.table.models.len());
        self.table.models.push(model.clone());
        self.model_of.insert(model.clone(), number);
        number
    }

    /// The number of a grader.
    pub fn grader(&mut self, name: &str) -> u32 {
        if let Some(&known) = self.grader_of.get(name) {
            return known;
        }
        let number = index(self.table.graders.len());
        self.table.graders.push(name.to_owned());
        self.grader_of.insert(name.to_owned(), number);
        number
    }

    /// Adds an outcome; its repeat is counted here.
    pub fn add(
        &mut self,
        outcome: Outcome,
        place: &Place<'_>,
        twice: Twice,
    ) -> Result<(), OutcomesError> {
        let (query, model) = (outcome.query, outcome.model);
        let seen = self.asked.get_mut(&(query, model));
        let repeat = match seen {
            None => {
                // Where it was first is told of mistakes only.
                let at = if twice == Twice::Refuse { place.to_string() } else { String::new() };
                self.asked.insert((query, model), (1, at));
                0
            }
            Some((n, _)) if twice == Twice::Repeat => {
                *n += 1;
                *n - 1
            }
            Some((_, first)) => {
                let (query, model) = (query as usize, model as usize);
                return Err(OutcomesError::bad(
                    place,
                    format!(
                        "query {:?} was asked of {:?} before, at {first}",
                        self.table.queries[query].id, self.table.models[model].name
                    ),
                    "keep one row for each query and model, or give repeats ids of their own",
                ));
            }
        };
        if self.table.outcomes.len() >= MOST {
            return Err(OutcomesError::bad(
                place,
                format!("the table has more than {MOST} outcomes"),
                "import a part of it",
            ));
        }
        self.table.outcomes.push(Outcome { repeat, ..outcome });
        Ok(())
    }

    /// How many outcomes there are.
    pub fn len(&self) -> usize {
        self.table.outcomes.len()
    }

    /// The table.
    pub fn finish(self) -> OutcomeTable {
        self.table
    }
}

fn index(len: usize) -> u32 {
    u32::try_from(len).expect("a table has fewer than 2^32 of anything")
}
