//! `weights evaluate`: what a file gives on the tasks of a run.

use std::path::Path;

use super::source;
use crate::app::error::{AppError, refused};
use crate::tune::{Evaluation, evaluate as evaluate_on};

/// Evaluates a weights file, or a run folder's, on the tasks of a run.
///
/// # Errors
/// [`AppError::Refused`] for a file that cannot be served by, a folder without a run, a load, and a
/// run that lacks what the file routes to.
pub(crate) fn evaluate(given: &Path, on: &Path) -> Result<Evaluation, AppError> {
    let file = source::file(given)?;
    evaluate_on(&file, &source::metrics(on)?).map_err(refused)
}
