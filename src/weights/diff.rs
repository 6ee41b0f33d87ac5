//! What changes in the routing from one weights file to another.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::file::{CategoryWeights, CellEstimates, Expected, PARTS, WeightsFile};

/// The estimates of all categories together.
const ALL: &str = "*";

/// What changes from one file to another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WeightsDiff {
    /// The share of the whole traffic that moves, 0..1, under the new file's shares; `None`: a
    /// category with traffic has no weights in one of the files.
    pub moved: Option<f64>,
    /// Figures of the whole mixture.
    pub expected: ExpectedChange,
    /// The categories of either file, in name order.
    pub categories: Vec<CategoryDiff>,
    /// The mix for traffic without a label.
    pub default: CategoryDiff,
    /// What else differs, so that the figures are of unlike things, one sentence each.
    pub notes: Vec<String>,
}

/// What changes in one category.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CategoryDiff {
    /// The category; `default`: traffic without a label.
    pub category: String,
    /// Its share of the traffic in the new file; `None`: not named there.
    pub share: Option<f64>,
    /// The share of the category's own traffic that moves, 0..1; `None`: no weights in one file.
    pub moved: Option<f64>,
    /// Endpoints that lose traffic, and how much of the category's.
    pub from: BTreeMap<String, f64>,
    /// Endpoints that gain traffic, likewise.
    pub to: BTreeMap<String, f64>,
    /// The verdicts' words; `None`: the file does not name the category, and its `default` serves it.
    pub verdict: Change<&'static str>,
    /// Whether the list of fallbacks differs.
    pub fallbacks_change: bool,
    /// Figures of the mix.
    pub expected: ExpectedChange,
}

/// A value before and after; `None`: not known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Change<T> {
    /// In the old file.
    pub old: Option<T>,
    /// In the new one.
    pub new: Option<T>,
}

/// Expected figures before and after, each as its own file states them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ExpectedChange {
    /// Quality minus today's, score units.
    pub difference: Change<f64>,
    /// Dollars per task.
    pub cost_per_task_usd: Change<f64>,
    /// The share of today's cost that is saved.
    pub saving: Change<f64>,
    /// What the change of routing does by itself: both mixes on the new file's estimates.
    pub routing_alone: RoutingChange,
}

/// The new mix minus the old one, both on the new file's cells as counted; `None`: an endpoint of
/// either mix has no estimate there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct RoutingChange {
    /// Score units.
    pub quality: Option<f64>,
    /// Dollars per task.
    pub cost_per_task_usd: Option<f64>,
}

impl Change<f64> {
    /// New minus old.
    #[must_use]
    pub fn by(&self) -> Option<f64> {
        Some(self.new? - self.old?)
    }
}

/// Compares two files. A category that one of them does not name is served by its `default`.
#[must_use]
pub fn compare(old: &WeightsFile, new: &WeightsFile) -> WeightsDiff {
    let names: BTreeSet<&str> =
        old.categories.keys().chain(new.categories.keys()).map(String::as_str).collect();
    let categories: Vec<CategoryDiff> =
        names.into_iter().map(|name| category(old, new, name)).collect();
    let default = CategoryDiff {
        expected: ExpectedChange::new(
            &old.default.expected,
            &new.default.expected,
            routing_change(&old.default, &new.default, new.estimates.get(ALL)),
        ),
        ..mixes("default", (Some(&old.default), &old.default), (Some(&new.default), &new.default))
    };
    let with_traffic = || categories.iter().filter(|c| c.share.is_some_and(|share| share > 0.0));
    let sum = |of: &dyn Fn(&CategoryDiff) -> Option<f64>| -> Option<f64> {
        with_traffic().map(|c| Some(c.share? * of(c)?)).sum()
    };
    let alone = RoutingChange {
        quality: sum(&|c| c.expected.routing_alone.quality),
        cost_per_task_usd: sum(&|c| c.expected.routing_alone.cost_per_task_usd),
    };
    WeightsDiff {
        moved: sum(&|c| c.moved),
        expected: ExpectedChange::new(&old.expected, &new.expected, alone),
        categories,
        default,
        notes: notes(old, new),
    }
}

fn category(old: &WeightsFile, new: &WeightsFile, name: &str) -> CategoryDiff {
    let of = |file: &WeightsFile| file.categories.get(name).cloned();
    let (before, after) = (of(old), of(new));
    let (old_mix, new_mix) =
        (before.as_ref().unwrap_or(&old.default), after.as_ref().unwrap_or(&new.default));
    let alone = routing_change(old_mix, new_mix, new.estimates.get(name));
    let expected = ExpectedChange {
        routing_alone: alone,
        ..ExpectedChange::of(
            before.as_ref().map(|mix| &mix.expected),
            after.as_ref().map(|mix| &mix.expected),
        )
    };
    CategoryDiff {
        share: new.objective.shares.get(name).copied(),
        expected,
        ..mixes(name, (before.as_ref(), old_mix), (after.as_ref(), new_mix))
    }
}

/// Two mixes, each with the entry that states it where there is one.
fn mixes(
    name: &str,
    (old_entry, old): (Option<&CategoryWeights>, &CategoryWeights),
    (new_entry, new): (Option<&CategoryWeights>, &CategoryWeights),
) -> CategoryDiff {
    let endpoints: BTreeSet<&String> = old.weights.keys().chain(new.weights.keys()).collect();
    let (mut from, mut to) = (BTreeMap::new(), BTreeMap::new());
    let is_served = !old.weights.is_empty() && !new.weights.is_empty();
    for endpoint in endpoints.into_iter().filter(|_| is_served) {
        let part = |mix: &CategoryWeights| {
            f64::from(mix.weights.get(endpoint).copied().unwrap_or(0)) / f64::from(PARTS)
        };
        let change = part(new) - part(old);
        if change < 0.0 {
            from.insert(endpoint.clone(), -change);
        } else if change > 0.0 {
            to.insert(endpoint.clone(), change);
        }
    }
    let word = |entry: Option<&CategoryWeights>| entry.map(|mix| mix.verdict.word.word());
    CategoryDiff {
        category: name.to_owned(),
        share: None,
        moved: is_served.then(|| to.values().fold(0.0, |sum, share| sum + share)),
        from,
        to,
        verdict: Change { old: word(old_entry), new: word(new_entry) },
        fallbacks_change: old.fallbacks != new.fallbacks,
        expected: ExpectedChange::of(
            old_entry.map(|mix| &mix.expected),
            new_entry.map(|mix| &mix.expected),
        ),
    }
}

impl ExpectedChange {
    fn new(old: &Expected, new: &Expected, routing_alone: RoutingChange) -> Self {
        Self { routing_alone, ..Self::of(Some(old), Some(new)) }
    }

    fn of(old: Option<&Expected>, new: Option<&Expected>) -> Self {
        let change = |of: fn(&Expected) -> Option<f64>| Change {
            old: old.and_then(of),
            new: new.and_then(of),
        };
        Self {
            difference: change(|e| Some(e.difference?.value)),
            cost_per_task_usd: change(Expected::cost_per_task_usd),
            saving: change(|e| Some(e.saving?.value)),
            routing_alone: RoutingChange::default(),
        }
    }
}

fn routing_change(
    old: &CategoryWeights,
    new: &CategoryWeights,
    estimates: Option<&BTreeMap<String, CellEstimates>>,
) -> RoutingChange {
    let mean = |mix: &CategoryWeights, of: fn(&CellEstimates) -> Option<f64>| -> Option<f64> {
        let parts = mix.weights.iter().filter(|_| !mix.weights.is_empty());
        let sum: Option<f64> = parts
            .map(|(endpoint, part)| {
                Some(f64::from(*part) / f64::from(PARTS) * of(estimates?.get(endpoint)?)?)
            })
            .sum();
        sum.filter(|_| !mix.weights.is_empty())
    };
    let change = |of| Some(mean(new, of)? - mean(old, of)?);
    RoutingChange {
        quality: change(|cell| Some(cell.quality?.value)),
        cost_per_task_usd: change(|cell| Some(cell.cost_per_task_usd?.value)),
    }
}

/// What makes the figures of the two files unlike.
fn notes(old: &WeightsFile, new: &WeightsFile) -> Vec<String> {
    let mut notes = Vec::new();
    for (which, file) in [("old", old), ("new", new)] {
        if file.simulated {
            notes.push(format!("SIMULATED: the {which} file rests on simulated answers"));
        }
    }
    let (before, after) = (&old.objective, &new.objective);
    if before.today != after.today {
        let name = |today: &Option<String>| today.clone().unwrap_or_else(|| "none".to_owned());
        notes.push(format!(
            "today's endpoint was {}, now {}: differences and savings are against unlike endpoints",
            name(&before.today),
            name(&after.today)
        ));
    }
    if before.goal != after.goal {
        notes.push(format!("the goal was {}, now {}", before.goal.name(), after.goal.name()));
    }
    if before.margin.to_bits() != after.margin.to_bits() {
        let points = |margin: f64| libm::round(margin * 10_000.0) / 100.0;
        notes.push(format!(
            "the margin was {} points, now {}",
            points(before.margin),
            points(after.margin)
        ));
    }
    if before.margins != after.margins {
        notes.push("the margins of single categories differ".to_owned());
    }
    if before.shares != after.shares {
        notes.push("the shares of the traffic differ; the new file's count here".to_owned());
    }
    if old.prices != new.prices {
        notes.push("the prices differ".to_owned());
    }
    if old.suites != new.suites {
        notes.push("the suites differ".to_owned());
    }
    notes
}
