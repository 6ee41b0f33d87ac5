//! Categories in which nobody passed, or most answers fail for one reason of form: the grader, or the
//! reference, may be what is wrong.

use std::collections::BTreeMap;

use super::{AggregateError, CategoryMetrics, EndpointMetrics};
use crate::graders::{form_fault, quoted};
use crate::store::Reader;
use crate::units::Category;

/// The fewest tasks of a category that is doubted.
const MIN_TASKS: u64 = 5;
/// The fewest scored answers of it.
const MIN_SCORED: u64 = 5;
/// The share of the answers of score 0 that one reason of form must have.
const ONE_REASON: f64 = 0.9;
/// The share of a category's scored answers that must have score 0, where some pass.
const MOST: f64 = 0.5;

/// A category whose grader may be wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Unpassed {
    /// The category.
    pub category: Category,
    /// Scored answers of all endpoints.
    pub scored: u64,
    /// Those of score 0.
    pub failed: u64,
    /// The grader of the example.
    pub grader: String,
    /// The one reason of form that so many of them have.
    pub reason: Option<&'static str>,
    /// What the grader said of one of them; `None`: the run keeps no content. Not escaped.
    pub example: Option<String>,
}

/// The answers of score 0 in one category.
#[derive(Default)]
struct Zeros {
    n: u64,
    by_fault: BTreeMap<&'static str, u64>,
    /// Task and detail of the first.
    first: Option<(u32, String)>,
    /// Those of the first of each fault.
    first_of: BTreeMap<&'static str, (u32, String)>,
}

/// Finds the categories whose grader may be wrong. `category_of`: by task.
pub(super) fn unpassed(
    reader: &Reader,
    categories: &[CategoryMetrics],
    endpoints: &[EndpointMetrics],
    category_of: &[usize],
) -> Result<Vec<Unpassed>, AggregateError> {
    let scored: Vec<u64> = (0..categories.len()).map(|c| scored_in(endpoints, c)).collect();
    // Most runs have no such category, and are not read again.
    let is_suspect = |c: usize| {
        let points: f64 = endpoints.iter().map(|e| points(&e.cells[c])).sum();
        categories[c].tasks >= MIN_TASKS
            && scored[c] >= MIN_SCORED
            && points <= (1.0 - MOST) * scored[c] as f64
    };
    let suspects: Vec<usize> = (0..scored.len()).filter(|c| is_suspect(*c)).collect();
    if suspects.is_empty() {
        return Ok(Vec::new());
    }
    let mut zeros: BTreeMap<usize, Zeros> = BTreeMap::new();
    reader.for_each_zero(|_, task, detail| {
        let Some(category) = category_of.get(task as usize).filter(|c| suspects.contains(c)) else {
            return;
        };
        zeros.entry(*category).or_default().add(task, detail);
    })?;
    let rubrics = reader.rubrics()?;
    let keeps_content = reader.keeps_content()?;
    let found = zeros.into_iter().filter_map(|(c, zeros)| {
        let (task, detail) = zeros.example(scored[c])?;
        let rubric = rubrics.get(*task as usize)?;
        let reason = zeros.one_reason();
        let expected = rubric.reference.as_ref().filter(|_| !detail.contains("expected"));
        let example = match expected {
            Some(reference) => format!("{detail}, expected {}", quoted(&plain(reference))),
            None => detail.clone(),
        };
        Some(Unpassed {
            category: categories[c].name.clone(),
            scored: scored[c],
            failed: zeros.n,
            grader: rubric.grader.id().to_owned(),
            reason,
            example: (keeps_content && !detail.is_empty()).then_some(example),
        })
    });
    Ok(found.collect())
}

fn scored_in(endpoints: &[EndpointMetrics], category: usize) -> u64 {
    endpoints.iter().map(|e| e.cells[category].counts.scored).sum()
}

/// Σ score of a cell, about.
fn points(cell: &super::Cell) -> f64 {
    cell.quality.map_or(0.0, |quality| quality.value) * cell.counts.scored as f64
}

/// A reference as people write it.
fn plain(reference: &serde_json::Value) -> String {
    reference.as_str().map_or_else(|| reference.to_string(), str::to_owned)
}

impl Zeros {
    fn add(&mut self, task: u32, detail: &str) {
        self.n += 1;
        let of = || (task, detail.to_owned());
        self.first.get_or_insert_with(of);
        if let Some(fault) = form_fault(detail) {
            *self.by_fault.entry(fault).or_default() += 1;
            self.first_of.entry(fault).or_insert_with(of);
        }
    }

    /// The reason of form that nearly all have.
    fn one_reason(&self) -> Option<&'static str> {
        let (fault, n) = self.by_fault.iter().max_by_key(|(_, n)| **n)?;
        (*n as f64 >= ONE_REASON * self.n as f64).then_some(*fault)
    }

    /// The task and the detail to show, where the category is to be doubted.
    fn example(&self, scored: u64) -> Option<&(u32, String)> {
        let reason = self.one_reason();
        let nobody_passed = self.n == scored;
        let mostly = reason.is_some() && self.n as f64 >= MOST * scored as f64;
        if !nobody_passed && !mostly {
            return None;
        }
        reason.and_then(|fault| self.first_of.get(fault)).or(self.first.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(details: &[(&str, usize)]) -> Zeros {
        let mut zeros = Zeros::default();
        for (detail, n) in details {
            (0..*n).for_each(|_| zeros.add(0, detail));
        }
        zeros
    }

    fn check(details: &[(&str, usize)], scored: u64, reason: Option<&str>, example: Option<&str>) {
        let zeros = of(details);
        assert_eq!(zeros.one_reason(), reason, "{details:?}");
        assert_eq!(zeros.example(scored).map(|(_, d)| d.as_str()), example, "{details:?}");
    }

    #[test]
    fn a_category_is_doubted_where_nobody_passes_or_one_fault_is_everywhere() {
        let got = "got “It is Paris.”, expected “Paris”";
        check(&[(got, 60)], 60, None, Some(got));
        check(&[(got, 59)], 60, None, None);
        let none = "no JSON in “a”";
        check(&[(got, 5), (none, 55)], 60, Some("no JSON"), Some(none));
        check(&[(got, 7), (none, 53)], 60, None, Some(got));
        check(&[(none, 30)], 60, Some("no JSON"), Some(none));
        check(&[(none, 29)], 60, Some("no JSON"), None);
        check(&[("", 60)], 60, None, Some(""));
    }
}
