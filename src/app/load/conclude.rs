//! Everything after the last request of a load.

use std::path::Path;

use crate::aggregate::{self, LoadMetrics};
use crate::app::error::AppError;
use crate::app::outcome::RunStatus;
use crate::report::{self, LoadReport};
use crate::run::load::LoadEnd;
use crate::units::ValidityMark;

/// Aggregates a recorded load and writes its report.
pub(crate) fn conclude(dir: &Path) -> Result<(LoadMetrics, LoadReport), AppError> {
    let metrics = aggregate::compute_load_metrics(dir)?;
    let report = LoadReport::new(&metrics);
    report::load::write(dir, &report)?;
    Ok((metrics, report))
}

pub(super) fn status(end: &LoadEnd, metrics: &LoadMetrics) -> RunStatus {
    let counts = &metrics.all.counts;
    let mark = metrics.validity.as_ref().map_or(ValidityMark::Valid, |validity| validity.mark);
    if counts.ok == 0 && counts.failed > 0 {
        RunStatus::Failed
    } else if end.why.is_some() {
        RunStatus::Incomplete
    } else if metrics.endpoints.iter().any(|e| e.cell.counts.ok == 0 && e.cell.counts.failed > 0) {
        RunStatus::NoData
    } else if mark == ValidityMark::Invalid {
        RunStatus::Invalid
    } else {
        RunStatus::Complete
    }
}

/// The first failure of each class.
pub(super) fn failures(end: &LoadEnd) -> Vec<String> {
    end.failures.iter().map(|(class, detail)| format!("{}: {detail}", class.name())).collect()
}
