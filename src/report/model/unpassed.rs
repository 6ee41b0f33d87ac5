//! Categories whose grader may be what is wrong.

use serde::Serialize;

use crate::aggregate;
use crate::report::text::{escape_control, fit_end};
use crate::units::prose::group_thousands;

/// The most columns of an example in a report.
const MOST_EXAMPLE: usize = 200;

/// A category in which nobody passed, or most answers fail for one reason of form.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Unpassed {
    pub category: String,
    /// Scored answers of all endpoints.
    pub scored: u64,
    /// Those of score 0.
    pub failed: u64,
    pub grader: String,
    /// The reason of form that nearly all of them have.
    pub reason: Option<&'static str>,
    /// What the grader said of one of them, escaped; `None`: the run keeps no content.
    pub example: Option<String>,
    /// All of it in a sentence.
    #[serde(skip)]
    pub sentence: String,
}

impl Unpassed {
    pub(super) fn new(found: &aggregate::Unpassed) -> Self {
        let example = found.example.as_deref().map(|e| fit_end(&escape_control(e), MOST_EXAMPLE));
        let category = found.category.as_str();
        let name = escape_control(category);
        let (scored, failed) = (group_thousands(found.scored), group_thousands(found.failed));
        let who = if found.failed == found.scored {
            format!("nobody passed {name}")
        } else {
            format!("{failed} of {scored} answers in {name} fail alike")
        };
        let grader = || format!("graded by {}", found.grader);
        let why = example.clone().or(found.reason.map(str::to_owned)).unwrap_or_else(grader);
        let sentence = format!("{who}: {why}: is the grader right?");
        Self {
            category: category.to_owned(),
            scored: found.scored,
            failed: found.failed,
            grader: found.grader.clone(),
            reason: found.reason,
            example,
            sentence,
        }
    }
}
