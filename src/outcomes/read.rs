//! Files of any format into one table.

use std::path::PathBuf;

use super::builder::TableBuilder;
use super::options::ReadOptions;
use super::unpack::read_file;
use super::{OutcomeFormat, OutcomeTable, OutcomesError, csv_table, inspect, promptfoo};
use crate::units::ContentHash;

/// Reads files into one table; `format`: of all files, `None`: each shows its own. Gives the format and the hash of each file too.
///
/// # Errors
/// What is wrong, with file, line and remedy.
pub fn read_tables(
    files: &[PathBuf],
    format: Option<OutcomeFormat>,
    options: &ReadOptions,
) -> Result<(OutcomeTable, Vec<(OutcomeFormat, ContentHash)>), OutcomesError> {
    let mut builder = TableBuilder::default();
    let mut read = Vec::new();
    for path in files {
        let shown = path.display().to_string();
        let bytes = read_file(path, &shown)?;
        let format = match format {
            Some(format) => format,
            None => OutcomeFormat::guess(&bytes, &shown)?,
        };
        let before = builder.len();
        match format {
            OutcomeFormat::Csv => csv_table::read(&bytes, path, options.max_score, &mut builder)?,
            OutcomeFormat::Promptfoo => promptfoo::read(&bytes, &shown, options, &mut builder)?,
            OutcomeFormat::Inspect => inspect::read(&bytes, &shown, options, &mut builder)?,
        }
        if builder.len() == before {
            return Err(OutcomesError::Empty {
                at: shown,
                remedy: "check that the evaluation was complete",
            });
        }
        read.push((format, ContentHash::of(&bytes)));
    }
    Ok((builder.finish(), read))
}
