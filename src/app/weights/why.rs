//! `weights why`: why a category is routed as it is, and what would change that.

use std::path::Path;

use super::source;
use crate::app::error::{AppError, refused};
use crate::tune::{Why, why as why_of};
use crate::units::names::matches_none;

/// Explains the routing of a category under the objective of a run.
///
/// # Errors
/// [`AppError::Refused`] for a folder without a run, a load, and a category that the run lacks.
pub(crate) fn why(run: &Path, category: &str) -> Result<Why, AppError> {
    let metrics = source::metrics(run)?;
    why_of(&metrics, category).ok_or_else(|| {
        let names: Vec<&str> = metrics.categories.iter().map(|c| c.name.as_str()).collect();
        refused(format!(
            "{category:?} is no category of this run; {}",
            matches_none(category, &names)
        ))
    })
}
