//! Graders: an answer to a score, without a model, a clock or a file. One file per family holds its
//! settings, the check of a reference, sample answers for the simulator, and the score.
//!
//! A new grader is a file with a type that implements `grader::Grader`, and a line in the list of
//! `spec.rs`.

mod answer_text;
mod assertion;
mod choice;
mod choice_text;
pub(crate) mod exact_json;
mod form;
mod grader;
mod guess;
mod json;
mod json_schema;
mod json_value;
mod none;
mod number;
mod number_digits;
mod number_lexicon;
mod number_link;
mod number_normal;
mod number_notes;
mod number_scan;
mod number_text;
mod number_units;
mod number_words;
mod pattern;
mod rational;
mod reference;
mod sample;
mod schema_steps;
mod score;
mod spec;
mod stated;
mod target;
mod text;
mod tool_call;

pub(crate) use assertion::{UNDERSTOOD as ASSERTIONS, is_assertion, refused_assertion};
pub(crate) use form::form_fault;
pub(crate) use guess::guess_grader;
pub(crate) use json_schema::{check_schema, compile_schema};
pub(crate) use sample::{Peers, SampleTask};
pub(crate) use score::quoted;
pub use score::{GRADING_ENDED, MAX_GRADING, Score};
pub use spec::{GraderSpec, SpecError};
pub(crate) use stated::stated_answer;
pub(crate) use target::{GradingError, Target};

#[cfg(test)]
mod tests;
