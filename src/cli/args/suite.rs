//! `suite`.

use std::path::PathBuf;

use clap::Subcommand;

use super::values::Format;
use crate::suite::ColumnMap;

/// `suite`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SuiteCommand {
    /// Check the format of suites, and that graders accept the right answers and reject wrong ones.
    Check {
        /// Suites: folders, .jsonl or .csv; default: the bundled suites.
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// Columns of a single-file suite: prompt=question,reference=expected,category=type.
        #[arg(long, value_name = "FIELD=COLUMN,…")]
        map: Option<ColumnMap>,
    },
    /// List the bundled suites, or the given ones.
    List {
        /// Suites: folders, .jsonl or .csv.
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// Output format.
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
}
