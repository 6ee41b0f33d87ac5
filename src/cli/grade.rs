//! `grade`: a finished run's answers again, without calling a model.

use super::args::RunFolder;
use super::{Exit, Outcome, console};
use crate::grade::grade_run;

/// `weighbridge grade RUN`.
pub fn grade(args: &RunFolder) -> Outcome {
    let graded = grade_run(&args.run)?;
    console::say(&format!(
        "{} answers graded: {} scored, {} unscored. Next: weighbridge tune {run} and weighbridge report {run}",
        graded.scored + graded.unscored,
        graded.scored,
        graded.unscored,
        run = args.run.display(),
    ));
    Ok(Exit::Ok)
}
