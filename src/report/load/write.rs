//! The files of a load run's report.

use std::io::Write as _;
use std::path::Path;

use super::{markdown, page};
use crate::aggregate::{AggregateError, LoadViews};
use crate::report::error::ReportError;
use crate::report::model::LoadReport;
use crate::report::write::{whole, write_charts, write_rows};
use crate::report::{chart, csv, html};

/// Writes `requests.csv`, `summary.csv`, `latency.csv`, `charts/*.svg`, `report.html` and
/// `report.md` into the folder of a load run, as [`crate::report::write_all`] does for other runs.
///
/// # Errors
/// The first file that cannot be written, or the first request that cannot be read; the files
/// before it are then already in place.
pub fn write(dir: &Path, report: &LoadReport) -> Result<(), ReportError> {
    let charts = chart::of_load(report)?;
    let requests = LoadViews::open(dir).map_err(unread)?;
    let path = dir.join("requests.csv");
    write_rows(&path, csv::request_columns(), requests, csv::request_cells)?;
    whole(&dir.join("summary.csv"), |file| csv::write_load_summary(file, report))?;
    whole(&dir.join("latency.csv"), |file| csv::write_load_latency(file, report))?;
    write_charts(dir, &charts)?;
    let page = page::Page::of(report, &charts);
    let page = html::render(include_str!("load.html.j2"), page)?;
    whole(&dir.join("report.html"), |file| file.write_all(page.as_bytes()))?;
    let summary = markdown::summary(report);
    whole(&dir.join("report.md"), |file| file.write_all(summary.as_bytes()))
}

pub(super) fn unread(error: AggregateError) -> ReportError {
    ReportError::Trials(Box::new(error))
}
