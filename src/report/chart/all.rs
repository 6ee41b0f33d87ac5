//! Which charts a report has.

use super::{Chart, frontier, heat, histogram, mix, nines};
use crate::report::error::ReportError;
use crate::report::model::{LoadReport, RunReport};

/// The charts of a load run, in the order of the page.
pub(crate) fn of_load(report: &LoadReport) -> Result<Vec<Chart>, ReportError> {
    let mut charts = nines::of_load(report)?;
    charts.push(histogram::of_load(report)?);
    Ok(charts)
}

/// All charts of a run, in the order of the page.
pub(crate) fn all(report: &RunReport) -> Result<Vec<Chart>, ReportError> {
    let mut charts = vec![frontier::chart(report)?];
    // Nobody knows the time to the first token of what was measured elsewhere.
    if report.run.imported_from.is_empty() {
        charts.extend([nines::chart(report)?, histogram::chart(report)?]);
    }
    charts.extend([heat::chart(report)?, mix::chart(report)?]);
    Ok(charts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::RunMetrics;
    use crate::report::fixture;
    use crate::weights::WeightsFile;

    /// Every attribute value of a drawing that holds numbers holds finite ones.
    fn check(made: &(RunMetrics, WeightsFile), sentences: usize) {
        let report = fixture::report(made);
        let charts = all(&report).expect("memory");
        assert_eq!(charts.len(), 5);
        let mut empty = 0;
        for chart in &charts {
            let svg = chart.file();
            assert!(!svg.contains("NaN") && !svg.contains("=\"inf"), "{}", chart.name);
            assert!(!svg.contains("#01"), "{}: a marked colour is left", chart.name);
            assert!(!svg.contains("<script") && !svg.contains("onload=\""), "{}", chart.name);
            assert!(!svg.contains('\u{1b}') && !svg.contains('\u{202e}'));
            assert_eq!(svg.contains(">\nSIMULATED\n<"), report.simulated, "{}", chart.name);
            // A file brings its paper, in both themes; the page has its own.
            assert_eq!(svg.matches("<rect class=\"paper\"").count(), 1);
            assert_eq!(svg.matches(".paper{").count(), 2);
            let svg = chart.inline();
            assert!(!svg.contains("paper"), "{}", chart.name);
            assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
            empty +=
                usize::from(svg.matches("<rect").count() + svg.matches("<polyline").count() == 0);
        }
        assert_eq!(empty, sentences);
    }

    #[test]
    fn charts_are_drawn_whatever_the_figures() {
        check(&fixture::demo(), 0);
        check(&fixture::support(), 0);
        check(&fixture::hostile(), 0);
        check(&fixture::empty(), 5);
    }

    #[test]
    fn the_same_figures_give_the_same_bytes() {
        let draw = || {
            let charts = all(&fixture::report(&fixture::demo())).expect("memory");
            charts.iter().map(Chart::file).collect::<Vec<_>>()
        };
        assert_eq!(draw(), draw());
    }
}
