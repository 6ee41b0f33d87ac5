//! What a command found, as text or as JSON.

use std::fmt;

use serde::Serialize;

use crate::cli::args::ReportFormat;
use crate::cli::console;
use crate::cli::failure::Failure;

/// Prints what was found.
pub(super) fn print<T: Serialize>(
    found: &T,
    format: ReportFormat,
    text: impl FnOnce(&T) -> Result<String, fmt::Error>,
) -> Result<(), Failure> {
    match format {
        ReportFormat::Json => {
            console::data(&format!("{}\n", serde_json::to_string_pretty(found)?))?;
        }
        ReportFormat::Screen => console::table(&text(found)?)?,
    }
    Ok(())
}
