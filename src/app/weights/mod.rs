//! Weights files: evaluated, explained, compared, checked. No model is called.

mod diff;
mod evaluate;
mod lint;
mod source;
mod why;

pub(crate) use diff::diff;
pub(crate) use evaluate::evaluate;
pub(crate) use lint::lint;
pub(crate) use why::why;
