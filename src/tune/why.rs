//! Why a category is routed as it is, and what would have to change for another endpoint to enter.
//!
//! The rule that decides is asked again with one endpoint cheaper, or better, than the run shows: the
//! whole of it, with admission, limits and the risk of the run. For a linear program alone the least
//! fall of a price is the reduced cost; here an endpoint may also be kept out by what is not shown yet.

use std::collections::BTreeMap;

use serde::Serialize;

use super::admit::{CategoryTable, TuneContext};
use super::build::all_mixes;
use super::evidence::Shift;
use super::mix::Mix;
use super::verdict::verdict;
use crate::aggregate::RunMetrics;
use crate::units::Goal;
use crate::weights::PARTS;

/// The largest fall of a price that is tried, in percent.
const MOST_PERCENT: u64 = 99;

/// Why a category is routed as it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Why {
    /// Whether any of the run's answers were simulated.
    pub simulated: bool,
    /// The category.
    pub category: String,
    /// The goal.
    pub goal: Goal,
    /// The verdict's word.
    pub verdict: &'static str,
    /// Why what is chosen is chosen.
    pub reason: String,
    /// What is chosen, each with its share of the category's traffic.
    pub chosen: BTreeMap<String, f64>,
    /// The others: those that could enter first, the nearest first.
    pub others: Vec<Candidacy>,
}

/// An endpoint that is not chosen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Candidacy {
    /// The endpoint.
    pub endpoint: String,
    /// Why it may not get weight; `None`: it may, and another is better.
    pub reason: Option<String>,
    /// Its quality less today's, as expected from the whole run, score units.
    pub difference: Option<f64>,
    /// The share of today's cost that it saves, likewise.
    pub saving: Option<f64>,
    /// The least fall of its price, in whole percent as a share, with which it gets weight; `None`:
    /// none to 99 %.
    pub price_fall: Option<f64>,
    /// How many more of the category's tasks it would have to solve, at the least; `None`: none that
    /// it does not solve are enough.
    pub solves_more: Option<u64>,
    /// The category's tasks that are scored for it.
    pub tasks: u64,
}

/// Explains the routing of a category; `None`: the run has no such category.
#[must_use]
pub fn why(metrics: &RunMetrics, category: &str) -> Option<Why> {
    let metrics = &*metrics.at_traffic();
    let metrics = &*metrics.compared();
    let at = metrics.categories.iter().position(|c| c.name.as_str() == category)?;
    let mut context = TuneContext::new(metrics);
    let mut tables = context.tables();
    let mixes = all_mixes(&context, &mut tables);
    let (table, mix) = (&tables[at], &mixes[at]);
    let found = verdict(&context, table, &mix.parts, mix.infeasible_reason.as_deref());
    let name = |i: usize| metrics.endpoints[i].id.as_str().to_owned();
    let weighed = |mix: &Mix, i: usize| mix.parts.get(i).copied().unwrap_or(0);
    let endpoints = 0..metrics.endpoints.len();
    let chosen = endpoints.clone().filter(|i| weighed(mix, *i) > 0);
    let chosen = chosen.map(|i| (name(i), f64::from(weighed(mix, i)) / f64::from(PARTS))).collect();
    let others: Vec<usize> = endpoints.filter(|i| weighed(mix, *i) == 0).collect();
    let mut others: Vec<Candidacy> =
        others.into_iter().map(|i| candidacy(&mut context, table, at, i)).collect();
    let far = |other: &Candidacy| {
        let more = other.solves_more.map(|more| more as f64 / other.tasks.max(1) as f64);
        more.unwrap_or(f64::INFINITY).min(other.price_fall.unwrap_or(f64::INFINITY))
    };
    others.sort_by(|a, b| far(a).total_cmp(&far(b)).then(a.endpoint.cmp(&b.endpoint)));
    Some(Why {
        simulated: metrics.simulated,
        category: category.to_owned(),
        goal: context.judging.goal,
        verdict: found.word.word(),
        reason: found.why,
        chosen,
        others,
    })
}

fn candidacy(
    context: &mut TuneContext<'_>,
    table: &CategoryTable<'_>,
    category: usize,
    endpoint: usize,
) -> Candidacy {
    let candidate = &table.candidates[endpoint];
    let scores = &context.metrics.scores;
    let rows = scores.tasks().iter().enumerate().filter(|(_, task)| task.category == category);
    let scored: Vec<f64> = rows.filter_map(|(row, _)| scores.get(row, endpoint)).collect();
    let (tasks, unsolved) = (scored.len() as u64, scored.iter().filter(|s| **s < 1.0).count());
    let evidence = candidate.evidence.as_ref();
    // What serves today is what all are compared with: to shift it would shift the others.
    let can_shift = evidence.is_some() && table.blocked.is_none();
    let mut enters = |quality: f64, log_cost: f64| {
        let shift = |by| Shift { category: Some(category), endpoint, by };
        // A price falls in every category.
        let cost = Shift { category: None, endpoint, by: log_cost };
        can_shift && is_chosen(context, category, endpoint, [shift(quality), cost])
    };
    let price_fall =
        least(MOST_PERCENT, |percent| enters(0.0, libm::log(1.0 - percent as f64 / 100.0)));
    let solves_more = least(unsolved as u64, |more| enters(more as f64 / tasks as f64, 0.0));
    Candidacy {
        endpoint: candidate.endpoint.id.as_str().to_owned(),
        reason: if table.today == Some(endpoint) {
            Some("it serves today, and what is chosen is better".to_owned())
        } else {
            candidate.excluded.as_ref().map(ToString::to_string)
        },
        difference: evidence.map(|evidence| evidence.difference.mean()),
        saving: evidence.and_then(|evidence| Some(evidence.saving()?.mean)),
        price_fall: price_fall.map(|percent| percent as f64 / 100.0),
        solves_more,
        tasks,
    }
}

/// Whether an endpoint gets weight in a category where it is so much better and cheaper.
fn is_chosen(
    context: &mut TuneContext<'_>,
    category: usize,
    endpoint: usize,
    [quality, log_cost]: [Shift; 2],
) -> bool {
    if let Some(evidence) = &mut context.evidence {
        evidence.shift(Some(quality), Some(log_cost));
    }
    let mut tables = context.tables();
    let mixes = all_mixes(context, &mut tables);
    let is_chosen = mixes[category].parts.get(endpoint).is_some_and(|part| *part > 0);
    if let Some(evidence) = &mut context.evidence {
        evidence.shift(None, None);
    }
    is_chosen
}

/// The least number from 1 to `most` of which something holds, where it then holds of all above.
fn least(most: u64, mut holds: impl FnMut(u64) -> bool) -> Option<u64> {
    if most == 0 || !holds(most) {
        return None;
    }
    let (mut low, mut high) = (0, most);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if holds(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tune::fixture::{endpoint, metrics, with_slo};

    #[test]
    fn the_least_number_is_found_by_halves() {
        for first in 1..=20 {
            assert_eq!(least(20, |n| n >= first), Some(first));
        }
        assert_eq!(least(20, |_| false), None);
        assert_eq!(least(0, |_| true), None);
    }

    #[test]
    fn what_would_let_an_endpoint_in_is_what_does() {
        let today = || endpoint("acme/large@azure", 0.01).wrong(&[(0, 8)]);
        let chosen = || endpoint("acme/mini@birch", 0.005).wrong(&[(0, 8)]);
        let dear = |cost| endpoint("acme/twin@cedar", cost).wrong(&[(0, 8)]);
        let bad = |wrong| endpoint("acme/small@dahlia", 0.001).wrong(&[(0, wrong)]);
        let of = |dear_cost: f64, wrong: usize| {
            let all = vec![today(), chosen(), dear(dear_cost), bad(wrong)];
            why(&metrics(&[("c", 400, 1.0)], all), "c").expect("a category")
        };
        let found = of(0.006, 40);
        assert_eq!(found.chosen.keys().collect::<Vec<_>>(), ["acme/mini@birch"]);
        let other = |found: &Why, id: &str| {
            found.others.iter().find(|other| other.endpoint == id).cloned().expect("an other")
        };
        let fall = other(&found, "acme/twin@cedar").price_fall.expect("a price");
        assert!((0.1..0.3).contains(&fall), "{fall}: 17 % make it as cheap");
        let cheaper = of(0.006 * (1.0 - fall - 0.02), 40);
        assert!(cheaper.chosen.contains_key("acme/twin@cedar"), "{cheaper:?}");
        let more = other(&found, "acme/small@dahlia").solves_more.expect("tasks");
        assert!((100..=160).contains(&more), "{more}: 128 make it as good");
        assert_eq!(other(&found, "acme/small@dahlia").price_fall, None, "at no price");
        let today = other(&found, "acme/large@azure");
        assert_eq!((today.price_fall, today.solves_more), (None, None));
    }

    #[test]
    fn a_missing_category_is_none_and_a_blocked_one_has_no_way_in() {
        let all =
            || vec![endpoint("a/large@azure", 0.01), endpoint("a/mini@birch", 0.005).miss(0.9)];
        assert_eq!(why(&metrics(&[("c", 400, 1.0)], all()), "d"), None);
        let late = with_slo(metrics(&[("c", 400, 1.0)], all()), 0.05);
        let found = why(&late, "c").expect("a category");
        assert!(found.others.iter().all(|other| other.price_fall.is_none()), "{found:?}");
    }
}
