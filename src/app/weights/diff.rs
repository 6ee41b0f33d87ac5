//! `weights diff`: what changes in the routing from one file to another.

use std::path::Path;

use super::source;
use crate::app::error::AppError;
use crate::weights::{WeightsDiff, compare};

/// Compares two weights files, or those of two run folders.
///
/// # Errors
/// [`AppError::Refused`] for a file that cannot be served by.
pub(crate) fn diff(old: &Path, new: &Path) -> Result<WeightsDiff, AppError> {
    Ok(compare(&source::file(old)?, &source::file(new)?))
}
