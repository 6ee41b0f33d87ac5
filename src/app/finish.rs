//! Everything after the last request of a run: grade, aggregate, tune, report.

use std::path::Path;

use crate::aggregate::{self, AnswerViews, RunMetrics};
use crate::app::error::{AppError, Context};
use crate::app::events::Events;
use crate::app::outcome::{RunOutcome, RunStatus};
use crate::app::run_folder;
use crate::app::served::{self, PROPOSED};
use crate::grade::grade_run;
use crate::report::{self, RunReport};
use crate::run::RunEnd;
use crate::store::{Reader, StoreError};
use crate::tune::{self, Gated};
use crate::units::{ValidityMark, plain_file};
use crate::weights::WeightsFile;

/// The weights file of a run folder.
pub(crate) const WEIGHTS: &str = "weights.json";

/// Finishes a run whose answers are all recorded.
pub(crate) fn finish(dir: &Path, end: RunEnd, events: &dyn Events) -> Result<RunOutcome, AppError> {
    let lock = run_folder::hold(dir)?;
    // What was imported has the scores of its own graders.
    if Reader::open(dir)?.manifest()?.imported.is_none() {
        match grade_run(&lock) {
            // A run without content was graded while it ran.
            Ok(_) | Err(StoreError::NoContent { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let metrics = aggregate::compute_metrics(dir)?;
    let (tuned, said) = tune_and_write(dir, &metrics)?;
    let report = write_report(dir, &metrics, &tuned, None)?;
    for note in report::billing_notes(&metrics) {
        events.notice(note);
    }
    if let Some(said) = said {
        events.notice(said);
    }
    Ok(RunOutcome {
        dir: dir.to_owned(),
        status: status(&end, &metrics),
        why: end.why,
        weights: Some(tuned),
        report: Some(report),
    })
}

/// Tunes a run, holds the result against the file that is served by, where there is one, and writes
/// `weights.json`. The weights are what the run proposes; the sentence says what became of them.
pub(crate) fn tune_and_write(
    dir: &Path,
    metrics: &RunMetrics,
) -> Result<(WeightsFile, Option<String>), AppError> {
    let Some(file) = served::kept(dir)? else {
        let tuned = tune::tune(metrics);
        write_weights(dir, metrics, &tuned)?;
        return Ok((tuned, None));
    };
    let Gated { proposal, kept } = tune::tune_against(metrics, &file);
    write_weights(dir, metrics, kept.as_ref().unwrap_or(&proposal))?;
    let path = dir.join(PROPOSED);
    plain_file::check(&path).context(path.display())?;
    if kept.is_some() && metrics.counts.scored > 0 {
        report::write_whole(&path, proposal.to_json().as_bytes()).context(path.display())?;
    } else if let Err(error) = std::fs::remove_file(&path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        Err(error).context(path.display())?;
    }
    let said = proposal.gate.as_ref().map(served::sentence);
    Ok((proposal, said))
}

fn status(end: &RunEnd, metrics: &RunMetrics) -> RunStatus {
    let ended = metrics.manifest.ended.as_ref();
    let is_invalid = ended.is_some_and(|ended| ended.validity.mark == ValidityMark::Invalid);
    if metrics.counts.ok == 0 && metrics.counts.failed > 0 {
        RunStatus::Failed
    } else if !end.complete {
        RunStatus::Incomplete
    } else if !metrics.no_data().is_empty() {
        RunStatus::NoData
    } else if is_invalid {
        RunStatus::Invalid
    } else {
        RunStatus::Complete
    }
}

/// Computes the report and writes the CSV files, the charts, the HTML and the Markdown. `answers`:
/// what the HTML shows of prompts and answers.
pub(crate) fn write_report(
    dir: &Path,
    metrics: &RunMetrics,
    weights: &WeightsFile,
    answers: Option<AnswerViews>,
) -> Result<RunReport, AppError> {
    let report = RunReport::new(metrics, weights);
    let trials = aggregate::TrialViews::open(dir)?;
    report::write_all(dir, &report, trials, answers)
        .context(format!("the report of {}", dir.display()))?;
    Ok(report)
}

/// Writes the weights file. Without a score there are no weights, and none of an earlier tuning may
/// stay.
pub(crate) fn write_weights(
    dir: &Path,
    metrics: &RunMetrics,
    weights: &WeightsFile,
) -> Result<(), AppError> {
    let path = dir.join(WEIGHTS);
    plain_file::check(&path).context(path.display())?;
    if metrics.counts.scored > 0 {
        report::write_whole(&path, weights.to_json().as_bytes()).context(path.display())?;
    } else if let Err(error) = std::fs::remove_file(&path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        Err(error).context(path.display())?;
    }
    Ok(())
}
