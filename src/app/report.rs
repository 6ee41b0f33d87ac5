//! `report`: the report of a finished run or load, written again. No model is called.

use std::path::{Path, PathBuf};

use crate::aggregate::AnswerViews;
use crate::app::error::{AppError, Context, refused};
use crate::app::events::Events;
use crate::app::finish::{WEIGHTS, write_report};
use crate::app::load;
use crate::app::options::ReportOptions;
use crate::app::run_folder;
use crate::app::served::PROPOSED;
use crate::report::{self as render, Detail, LoadReport, RunReport};
use crate::units::plain_file;
use crate::weights::WeightsFile;
use crate::{aggregate, tune};

/// A report, written into its run folder.
#[derive(Clone, Debug)]
pub struct ReportOutcome {
    /// The weights of a run; `None`: a load has none.
    pub weights: Option<WeightsFile>,
    pub(super) dir: PathBuf,
    pub(super) report: Report,
    /// What became of new weights beside those that are served by; `None`: there are none.
    pub gate: Option<String>,
}

/// The report of a run or of a load.
#[derive(Clone, Debug)]
pub(super) enum Report {
    Run(Box<RunReport>),
    Load(Box<LoadReport>),
}

impl ReportOutcome {
    /// The result on one screen of at most 80 columns.
    #[must_use]
    pub fn screen(&self, detail: Detail) -> String {
        match &self.report {
            Report::Run(report) => render::answer(report, &self.dir, detail),
            Report::Load(report) => render::load::answer(report, &self.dir),
        }
    }

    /// What was asked and answered nothing, one sentence each; a load's are in its report.
    #[must_use]
    pub fn no_data(&self) -> Vec<String> {
        match &self.report {
            Report::Run(report) => report.no_data.iter().map(|d| d.sentence.clone()).collect(),
            Report::Load(_) => Vec::new(),
        }
    }

    /// The report as JSON, by the published schema.
    #[must_use]
    pub fn to_json(&self) -> String {
        match &self.report {
            Report::Run(report) => report.to_json(),
            Report::Load(report) => report.to_json(),
        }
    }
}

/// The prompts and answers of a run.
fn answers(run: &Path) -> Result<AnswerViews, AppError> {
    let answers = AnswerViews::open(run)?;
    if answers.keeps_content() {
        return Ok(answers);
    }
    Err(refused(format!(
        "{} keeps no prompts and no answers (--no-content); leave out --with-content",
        run.display()
    )))
}

/// Writes the report of a finished run or load again.
///
/// # Errors
/// [`AppError::Refused`] when the folder is a sweep's or holds no run.
pub fn report(options: ReportOptions, events: &dyn Events) -> Result<ReportOutcome, AppError> {
    let ReportOptions { run, with_content } = options;
    if run.join("sweep.csv").exists() {
        return Err(refused(format!(
            "{} is a sweep: sweep.csv lists its rates, and each folder in it is a run to report",
            run.display()
        )));
    }
    let _lock = run_folder::hold(&run)?;
    if aggregate::is_load(&run).map_err(refused)? {
        if with_content {
            return Err(refused(format!(
                "{} is a load: loads keep no answers; leave out --with-content",
                run.display()
            )));
        }
        let (_, report) = load::conclude(&run)?;
        let report = Report::Load(Box::new(report));
        return Ok(ReportOutcome { weights: None, dir: run, report, gate: None });
    }
    let metrics = aggregate::compute_metrics(&run)?;
    // Verdicts are on what the run proposed, also where the file before was kept.
    let proposed = run.join(PROPOSED);
    let path = if proposed.exists() { proposed } else { run.join(WEIGHTS) };
    let weights = match plain_file::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => tune::tune(&metrics),
        text => {
            let text = text.context(path.display())?;
            WeightsFile::from_json(&text, &path.display().to_string())?
        }
    };
    let answers = if with_content { Some(answers(&run)?) } else { None };
    let report = write_report(&run, &metrics, &weights, answers)?;
    if metrics.counts.ok > 0 && metrics.counts.scored + metrics.counts.unscored == 0 {
        let run = run.display();
        events.notice(format!(
            "no answer is graded yet: run `weighbridge grade {run}`, then tune and report"
        ));
    }
    let report = Report::Run(Box::new(report));
    Ok(ReportOutcome { weights: Some(weights), dir: run, report, gate: None })
}
