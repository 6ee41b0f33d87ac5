//! The part of a task that an answer is graded by.

use serde_json::Value;

/// The reference and the schema that an answer is graded by, borrowed from a suite's task or from a stored run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Target<'a> {
    /// The reference, in the grader's form.
    pub reference: Option<&'a Value>,
    /// The JSON Schema of the answer.
    pub schema: Option<&'a Value>,
}

impl<'a> Target<'a> {
    pub(super) fn reference(&self) -> Result<&'a Value, GradingError> {
        self.reference.ok_or(GradingError::Missing("reference"))
    }
}

/// Why a grader cannot judge the answers to a task.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GradingError {
    /// A part of the task that the grader needs: `reference`, or `reference or schema`.
    #[error("the task has no {0}")]
    Missing(&'static str),
    /// A reference that is not in the grader's form.
    #[error("unusable reference: {0}")]
    Reference(String),
    /// A schema that does not compile.
    #[error("unusable schema: {0}")]
    Schema(String),
    /// An answer that would take too long to judge.
    #[error("beyond a limit: {0}")]
    Limit(String),
    /// A tolerance that is not a decimal.
    #[error("unusable tolerance: not a decimal")]
    Tolerance,
}
