//! An outcome table, whatever its format was.

use serde_json::Value;

use crate::units::{Message, Usage, Usd};

/// What was asked of which model, and what came of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutcomeTable {
    /// What was asked.
    pub queries: Vec<Query>,
    /// Who was asked.
    pub models: Vec<TableModel>,
    /// The names of the graders that gave the scores.
    pub graders: Vec<String>,
    /// The outcomes, in the order of the files.
    pub outcomes: Vec<Outcome>,
    /// What a reader of the table must know, one sentence each. Not escaped.
    pub notes: Vec<String>,
    /// When the first outcome was measured; `None`: no file says.
    pub measured_at: Option<jiff::Timestamp>,
}

/// One query: a task of the run that is made of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The data set or suite.
    pub source: String,
    /// The kind of work; `None`: the table does not say.
    pub category: Option<String>,
    /// The id within the source.
    pub id: String,
    /// The prompt; empty: the table does not have it.
    pub prompt: Vec<Message>,
    /// What was expected.
    pub reference: Option<Value>,
}

/// A model, under one prompt where there were several.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableModel {
    /// Its name in the table.
    pub name: String,
    /// The label of the prompt; `None`: every model had the same.
    pub variant: Option<String>,
}

/// What came of one query at one model. `None` is not known.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Index into [`OutcomeTable::queries`].
    pub query: u32,
    /// Index into [`OutcomeTable::models`].
    pub model: u32,
    /// The repeat, from 0.
    pub repeat: u32,
    /// 0..1; `None` where nobody scored the answer, and for every error.
    pub score: Option<f64>,
    /// Index into [`OutcomeTable::graders`].
    pub grader: u32,
    /// Why it was scored so, in the grader's words; empty: not said.
    pub detail: String,
    /// Tokens.
    pub usage: Usage,
    /// Whether the tokens are those that the provider counted.
    pub provider_counted: bool,
    /// Dollars.
    pub cost: Option<Usd>,
    /// From the request to the end of the answer, nanoseconds.
    pub latency_ns: Option<u64>,
    /// Why there is no answer, in the table's words; empty: it does not say why.
    pub error: Option<String>,
    /// The answer; empty: the table does not have it.
    pub answer: String,
}
