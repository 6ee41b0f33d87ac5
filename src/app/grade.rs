//! `grade`: the answers of a finished run, graded again. No model is called.

use crate::aggregate::{self, AggregateError};
use crate::app::error::{AppError, refused};
use crate::app::options::GradeOptions;
use crate::app::run_folder;
use crate::grade::{GradeCounts, grade_run};
use crate::store::{Reader, StoreError};

/// Grades the answers of a finished run again.
///
/// # Errors
/// [`AppError::Refused`] for a load, and for a run that keeps no answers.
pub fn grade(options: GradeOptions) -> Result<GradeCounts, AppError> {
    let GradeOptions { run } = options;
    let lock = run_folder::hold(&run)?;
    if aggregate::is_load(&run).map_err(refused)? {
        return Err(refused(AggregateError::IsLoad(run.display().to_string())));
    }
    let manifest = Reader::open(&run).and_then(|reader| reader.manifest())?;
    if let Some(imported) = manifest.imported {
        return Err(refused(format!(
            "{} is imported and keeps the scores of its own graders ({}); to change them, change the \
             table and import it again",
            run.display(),
            imported.graders.join(", ")
        )));
    }
    grade_run(&lock).map_err(|error| match error {
        StoreError::NoContent { .. } => refused(error),
        other => other.into(),
    })
}
