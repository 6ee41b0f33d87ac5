//! `report`, and what every stage after the last request shares.

use std::path::Path;

use anyhow::{Context, anyhow};

use crate::aggregate::{self, RunMetrics};
use crate::app::reprice;
use crate::cli::args::{ReportArgs, ReportFormat};
use crate::cli::{Exit, Outcome, console, refused};
use crate::report::{self, LoadReport, RunReport};
use crate::tune;
use crate::weights::WeightsFile;

/// The weights file of a run folder.
pub const WEIGHTS: &str = "weights.json";

/// `weighbridge report RUN`.
pub fn report(args: &ReportArgs) -> Outcome {
    if let Some(prices) = &args.prices {
        return reprice::reprice(&args.folder.run, prices);
    }
    let format = args.format;
    let args = &args.folder;
    if args.run.join("sweep.csv").exists() {
        return Err(refused(anyhow!(
            "{} is a sweep: sweep.csv has its rates, and each folder in it is a run to report",
            args.run.display()
        )));
    }
    if aggregate::is_load(&args.run).map_err(refused)? {
        let metrics = super::load::conclude(&args.run)?;
        print_load(&LoadReport::new(&metrics), format, &args.run)?;
        return Ok(Exit::Ok);
    }
    let metrics = aggregate::compute_metrics(&args.run)?;
    let path = args.run.join(WEIGHTS);
    let weights = match std::fs::read_to_string(&path) {
        Ok(text) => WeightsFile::from_json(&text, &path.display().to_string())?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => tune::tune(&metrics),
        Err(error) => {
            return Err(anyhow::Error::new(error).context(path.display().to_string()).into());
        }
    };
    let found = write_report(&args.run, &metrics, &weights)?;
    if metrics.counts.ok > 0 && metrics.counts.scored + metrics.counts.unscored == 0 {
        let run = args.run.display();
        console::say(&format!(
            "no answer is graded yet: weighbridge grade {run}, then tune and report it again"
        ));
    }
    print_run(&found, format, &args.run)?;
    Ok(Exit::Ok)
}

/// Prints the result of a run.
pub fn print_run(
    report: &RunReport,
    format: ReportFormat,
    dir: &Path,
) -> Result<(), anyhow::Error> {
    console::data(&match format {
        ReportFormat::Screen => report::answer(report, dir),
        ReportFormat::Json => report.to_json(),
    })?;
    Ok(())
}

/// Prints the result of a load.
pub fn print_load(
    report: &LoadReport,
    format: ReportFormat,
    dir: &Path,
) -> Result<(), anyhow::Error> {
    console::data(&match format {
        ReportFormat::Screen => report::load::answer(report, dir),
        ReportFormat::Json => report.to_json(),
    })?;
    Ok(())
}

/// Computes the report and writes the CSV files, the charts, the HTML and the Markdown.
pub fn write_report(
    dir: &Path,
    metrics: &RunMetrics,
    weights: &WeightsFile,
) -> Result<RunReport, anyhow::Error> {
    let report = RunReport::new(metrics, weights);
    let trials = aggregate::TrialViews::open(dir)?;
    report::write_all(dir, &report, trials)
        .with_context(|| format!("the report of {}", dir.display()))?;
    Ok(report)
}

/// Writes the weights file. Where nothing was scored there are no weights, and none of an earlier
/// tuning may stay.
pub fn write_weights(
    dir: &Path,
    metrics: &RunMetrics,
    weights: &WeightsFile,
) -> Result<(), anyhow::Error> {
    let path = dir.join(WEIGHTS);
    if metrics.counts.scored == 0 {
        return match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| path.display().to_string())
            }
            _ => Ok(()),
        };
    }
    report::write_whole(&path, weights.to_json().as_bytes())
        .with_context(|| path.display().to_string())
}
