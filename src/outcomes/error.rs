//! Why an outcome table is not read.

/// Why an outcome table is not read: what is wrong, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutcomesError {
    /// The file, or a part of it, cannot be read or unpacked.
    #[error("{at}: {why}")]
    Unreadable {
        /// The file, and the line where one was reached.
        at: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// It is of no known format.
    #[error("{at}: {why}; {remedy}")]
    UnknownFormat {
        /// The file.
        at: String,
        /// What it looks like.
        why: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A value that no outcome can have.
    #[error("{at}: {what}; {remedy}")]
    BadValue {
        /// The file, with the line, the row or the sample.
        at: String,
        /// The value.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// Nothing is in it.
    #[error("{at} holds no outcomes; {remedy}")]
    Empty {
        /// The file.
        at: String,
        /// What to do.
        remedy: &'static str,
    },
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "texts and places alike, mostly made for the call"
)]
impl OutcomesError {
    pub(super) fn bad(at: impl ToString, what: impl ToString, remedy: impl ToString) -> Self {
        Self::BadValue { at: at.to_string(), what: what.to_string(), remedy: remedy.to_string() }
    }

    pub(super) fn unreadable(at: impl ToString, why: impl ToString) -> Self {
        Self::Unreadable { at: at.to_string(), why: why.to_string() }
    }
}
