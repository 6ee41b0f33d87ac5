//! What was asked and has no measurement, and why.

use super::{Cell, EndpointMetrics, RunMetrics};
use crate::units::prose::{self, group_thousands};
use crate::units::{Category, EndpointId};

/// An endpoint, or a category, that was asked and never answered.
#[derive(Clone, Debug, PartialEq)]
pub struct NoData {
    /// The endpoint; `None`: every endpoint of the category.
    pub endpoint: Option<EndpointId>,
    /// The category; `None`: every category.
    pub category: Option<Category>,
    /// Why, without the names.
    pub why: String,
}

impl Cell {
    /// Whether trials were planned here, and none was answered.
    fn is_empty(&self) -> bool {
        self.counts.planned > 0 && self.counts.ok == 0
    }

    /// Why the cell has no score.
    #[must_use]
    pub fn why_unscored(&self) -> String {
        let counts = &self.counts;
        match (counts.ok, counts.failed) {
            (0, 0) if counts.ineligible > 0 && counts.ineligible == counts.planned => {
                "it cannot take any of the tasks".to_owned()
            }
            (0, 0) => "it was not asked".to_owned(),
            (0, failed) => {
                let classes = self.failures.iter().map(|(class, n)| (*class, *n));
                prose::all_failed(failed, classes)
            }
            (1, _) => "its one answer is not scored".to_owned(),
            (ok, _) => format!("none of its {} answers is scored", group_thousands(ok)),
        }
    }
}

impl RunMetrics {
    /// The endpoints that were asked and answered nothing, and the categories with traffic that
    /// today's endpoint, or every endpoint, did not answer.
    #[must_use]
    pub fn no_data(&self) -> Vec<NoData> {
        let is_dead = |e: &EndpointMetrics| e.all.counts.failed > 0 && e.all.counts.ok == 0;
        let dead = self.endpoints.iter().filter(|e| is_dead(e)).map(|e| NoData {
            endpoint: Some(e.id.clone()),
            category: None,
            why: e.all.why_unscored(),
        });
        dead.chain(self.categories_without_data(&is_dead)).collect()
    }

    fn categories_without_data(&self, is_dead: &dyn Fn(&EndpointMetrics) -> bool) -> Vec<NoData> {
        if self.endpoints.iter().all(|e| e.all.counts.ok == 0) {
            return Vec::new();
        }
        let today = self.today().filter(|today| !is_dead(today));
        let with_traffic =
            self.categories.iter().enumerate().filter(|(_, category)| category.share > 0.0);
        let found = with_traffic.filter_map(|(i, category)| {
            let is_asked = |e: &EndpointMetrics| e.cells[i].counts.trials() > 0;
            let answered = self.endpoints.iter().any(|e| e.cells[i].counts.ok > 0);
            let category = Some(category.name.clone());
            if !answered && self.endpoints.iter().any(is_asked) {
                let why = "no endpoint answered".to_owned();
                return Some(NoData { endpoint: None, category, why });
            }
            let today = today.filter(|e| e.cells[i].is_empty())?;
            let cell = &today.cells[i];
            // What was not asked makes the run incomplete, not empty.
            let is_told = is_asked(today) || cell.counts.ineligible == cell.counts.planned;
            let why = cell.why_unscored();
            is_told.then(|| NoData { endpoint: Some(today.id.clone()), category, why })
        });
        found.collect()
    }
}

impl NoData {
    /// `acme/large@azure answered nothing in classify: all 40 trials failed: connect`.
    #[must_use]
    pub fn sentence(&self) -> String {
        let of = match &self.category {
            Some(category) => format!(" in {}", category.as_str()),
            None => String::new(),
        };
        match &self.endpoint {
            Some(endpoint) => format!("{} answered nothing{of}: {}", endpoint.as_str(), self.why),
            None => format!("nothing is measured{of}: {}", self.why),
        }
    }
}
