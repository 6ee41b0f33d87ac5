//! `suite`.

use std::path::PathBuf;

use clap::Subcommand;

use super::values::Format;
use crate::suite::ColumnMap;

/// `suite`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SuiteCommand {
    /// Check suites: the format, and that each grader takes the right answer and not the wrong.
    Check {
        /// Suites: folders, .jsonl or .csv; none: the bundled ones.
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// Columns of a single-file suite: prompt=question,reference=expected,category=type.
        #[arg(long, value_name = "FIELD=COLUMN,…")]
        map: Option<ColumnMap>,
    },
    /// List the bundled suites, or those named.
    List {
        /// Suites: folders, .jsonl or .csv.
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// How to print.
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
}
