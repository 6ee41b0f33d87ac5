//! Everything after the last request of a load.

use std::path::Path;

use crate::aggregate::{self, LoadMetrics, Target};
use crate::app::error::AppError;
use crate::app::outcome::RunStatus;
use crate::catalog::Endpoint;
use crate::report::{self, LoadReport};
use crate::run::load::{FirstFailure, LoadEnd};
use crate::units::ValidityMark;
use crate::wire::ErrorClass;

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

/// The first failure of each class, with the address and what to try.
pub(super) fn failures(end: &LoadEnd, endpoints: &[Endpoint]) -> Vec<String> {
    let said = |(class, first): (&ErrorClass, &FirstFailure)| {
        let text = format!("{}: {}", class.name(), first.detail);
        let Some(endpoint) = endpoints.iter().find(|e| e.id == first.endpoint) else { return text };
        let target = Target::new(endpoint);
        let remedy = report::remedy(*class, Some(&first.detail), &target);
        let remedy = remedy.map_or_else(String::new, |remedy| format!(": {remedy}"));
        format!("{text} ({} at {}){remedy}", endpoint.id, target.url)
    };
    end.failures.iter().map(said).collect()
}
