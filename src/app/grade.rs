//! `grade`: a finished run's answers again, without calling a model.

use crate::aggregate::{self, AggregateError};
use crate::cli::args::RunFolder;
use crate::cli::{Exit, Outcome, console, refused};
use crate::grade::grade_run;
use crate::store::StoreError;

/// `weighbridge grade RUN`.
pub fn grade(args: &RunFolder) -> Outcome {
    if aggregate::is_load(&args.run).map_err(refused)? {
        return Err(refused(AggregateError::IsLoad(args.run.display().to_string())));
    }
    let graded = grade_run(&args.run).map_err(|error| match error {
        StoreError::NoContent { .. } => refused(error),
        other => other.into(),
    })?;
    console::say(&format!(
        "{} answers graded: {} scored, {} unscored. Next: weighbridge tune {run} and weighbridge report {run}",
        graded.scored + graded.unscored,
        graded.scored,
        graded.unscored,
        run = args.run.display(),
    ));
    Ok(Exit::Ok)
}
