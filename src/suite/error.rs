//! Why a suite cannot be loaded: where, what, and what to do about it.

/// Why a suite cannot be loaded. `at` is a file and a line: `suites/support/tasks.jsonl:7`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SuiteError {
    /// Nothing there.
    #[error(
        "{path} does not exist; --suite takes a folder with suite.toml and tasks.jsonl, a .jsonl or a .csv"
    )]
    Missing {
        /// What was asked for.
        path: String,
    },
    /// There, but not to be read.
    #[error("{path} cannot be read: {why}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        why: String,
    },
    /// Neither a folder of the right form nor a file of a known kind.
    #[error("{path} is not a suite: {why}")]
    NotASuite {
        /// What was asked for.
        path: String,
        /// What is amiss, and the remedy.
        why: String,
    },
    /// Larger than a limit.
    #[error("{at} has {found} {unit}, more than the limit of {limit}; {remedy}")]
    TooLarge {
        /// The file, with its line where the limit is one of lines.
        at: String,
        /// How much there is.
        found: usize,
        /// Bytes, tasks.
        unit: &'static str,
        /// The limit.
        limit: usize,
        /// What to do.
        remedy: &'static str,
    },
    /// Not UTF-8.
    #[error("{at} is not valid UTF-8; save the file as UTF-8")]
    NotUtf8 {
        /// File and line.
        at: String,
    },
    /// Broken JSON, TOML or CSV.
    #[error("{at}: broken {format}: {why}")]
    Broken {
        /// File and line.
        at: String,
        /// `JSON`, `TOML`, `CSV`.
        format: &'static str,
        /// What the parser said.
        why: String,
    },
    /// A key that means nothing here.
    #[error("{at}: unknown key `{key}`; {hint}")]
    UnknownKey {
        /// File and line.
        at: String,
        /// The key.
        key: String,
        /// The nearest known key, or all of them.
        hint: String,
    },
    /// A value of the wrong kind.
    #[error("{at}: `{key}` {why}")]
    BadValue {
        /// File and line.
        at: String,
        /// The key.
        key: String,
        /// What it must be.
        why: String,
    },
    /// No grader of that name.
    #[error("{at}: unknown grader `{name}`; {hint}")]
    UnknownGrader {
        /// File and line.
        at: String,
        /// The name.
        name: String,
        /// The nearest grader, or all of them.
        hint: String,
    },
    /// A task that nobody said how to judge.
    #[error(
        "{at}: task `{id}` has no grader; set `grader` here or in suite.toml (`grader = \"none\"` measures cost and speed only)"
    )]
    NoGrader {
        /// File and line.
        at: String,
        /// The task.
        id: String,
    },
    /// Two tasks with one id.
    #[error("{at}: duplicate id `{id}`, first used on line {first}; ids are unique in a suite")]
    DuplicateId {
        /// File and line of the second.
        at: String,
        /// The id.
        id: String,
        /// Line of the first.
        first: usize,
    },
    /// The grader has nothing to judge by.
    #[error(
        "{at}: task `{id}` has no {needs}, which grader `{grader}` needs; add it, or use grader `none`"
    )]
    NoReference {
        /// File and line.
        at: String,
        /// The task.
        id: String,
        /// The grader.
        grader: &'static str,
        /// `reference`, `reference or schema`.
        needs: &'static str,
    },
    /// A reference that the grader cannot use.
    #[error("{at}: task `{id}`: the reference does not suit grader `{grader}`: {why}")]
    BadReference {
        /// File and line.
        at: String,
        /// The task.
        id: String,
        /// The grader.
        grader: &'static str,
        /// Why.
        why: String,
    },
    /// No tasks.
    #[error("{path} has no tasks; a suite needs at least one")]
    Empty {
        /// The file.
        path: String,
    },
    /// No column to take the prompts from, or one that `--map` names does not exist.
    #[error("{path}: {why}; its columns are {columns}. Say which is which: --map {example}")]
    Unmapped {
        /// The file.
        path: String,
        /// What is amiss.
        why: String,
        /// The columns it has.
        columns: String,
        /// A map that would work for this file.
        example: String,
    },
}

/// A phrase that names the nearest of some names, or all of them when none is near.
pub(super) fn did_you_mean(typed: &str, names: &[&str]) -> String {
    match crate::units::names::nearest(typed, names.iter().copied(), 1).first() {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are {}", names.join(", ")),
    }
}
