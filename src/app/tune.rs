//! `tune`: the weights of a finished run, computed again. No model is called.

use crate::aggregate;
use crate::app::error::AppError;
use crate::app::finish::tune_and_write;
use crate::app::options::TuneOptions;
use crate::app::report::{Report, ReportOutcome};
use crate::app::run_folder;
use crate::report::RunReport;

/// Tunes the weights of a finished run and writes its `weights.json`. The report in the folder still
/// shows the weights before.
///
/// # Errors
/// [`AppError::Internal`] when the folder holds no run that can be read.
pub fn tune(options: TuneOptions) -> Result<ReportOutcome, AppError> {
    let TuneOptions { run, goal, margin } = options;
    let _lock = run_folder::hold(&run)?;
    let mut metrics = aggregate::compute_metrics(&run)?;
    let judging = &mut metrics.manifest.judging;
    judging.goal = goal.unwrap_or(judging.goal);
    if let Some(margin) = margin {
        judging.margin = margin;
        judging.margins.clear();
    }
    let (tuned, said) = tune_and_write(&run, &metrics)?;
    let report = Report::Run(Box::new(RunReport::new(&metrics, &tuned)));
    Ok(ReportOutcome { weights: Some(tuned), dir: run, report, gate: said })
}
