//! Why a suite cannot be loaded: the place, the reason, the remedy.

use crate::graders::SpecError;

/// Why a suite cannot be loaded. `at` is a file and a line: `suites/support/tasks.jsonl:7`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SuiteError {
    /// A path that does not exist.
    #[error(
        "{path} does not exist; --suite takes a folder with suite.toml and tasks.jsonl, a .jsonl, a .json or a .csv"
    )]
    Missing {
        /// The path.
        path: String,
    },
    /// A file that cannot be read.
    #[error("{path} cannot be read: {why}")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's error.
        why: String,
    },
    /// Neither a suite folder nor a file of a known format.
    #[error("{path} is not a suite: {why}")]
    NotASuite {
        /// The path.
        path: String,
        /// The reason, and the remedy.
        why: String,
    },
    /// Larger than a limit.
    #[error("{at} has {found} {unit}, more than the limit of {limit}; {remedy}")]
    TooLarge {
        /// The file, with its line where the limit is one of lines.
        at: String,
        /// The size.
        found: usize,
        /// Bytes, tasks.
        unit: &'static str,
        /// The limit.
        limit: usize,
        /// The remedy.
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
        /// The parser's error.
        why: String,
    },
    /// A key that is not known.
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
        /// The requirement.
        why: String,
    },
    /// A grader that does not exist, or with a bad setting.
    #[error("{at}: {source}")]
    BadGrader {
        /// File and line.
        at: String,
        /// Why.
        source: SpecError,
    },
    /// A task without a grader.
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
    #[error(
        "{at}: duplicate id `{id}`, first used on line {first}; ids are unique in a suite, so rename one of them"
    )]
    DuplicateId {
        /// File and line of the second.
        at: String,
        /// The id.
        id: String,
        /// Line of the first.
        first: usize,
    },
    /// A task without a part that its grader needs.
    #[error(
        "{at}: task `{id}` has no {part}, which grader `{grader}` needs; add it, or use grader `none`"
    )]
    NoReference {
        /// File and line.
        at: String,
        /// The task.
        id: String,
        /// The grader.
        grader: &'static str,
        /// `reference`, `reference or schema`.
        part: &'static str,
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
    #[error(
        "{path} has no tasks; a suite needs at least one: a line of JSON, or a row below the heading"
    )]
    Empty {
        /// The file.
        path: String,
    },
    /// No column of prompts, or a column of `--map` that does not exist.
    #[error("{path}: {why}; its columns are {columns}. Say which is which: --map {example}")]
    Unmapped {
        /// The file.
        path: String,
        /// The reason.
        why: String,
        /// The columns it has.
        columns: String,
        /// A map that would work for this file.
        example: String,
    },
}
