//! Weights files: checked, compared. No model is called.

mod diff;
mod lint;
mod source;

pub(crate) use diff::diff;
pub(crate) use lint::lint;
