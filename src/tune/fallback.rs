//! The endpoints to use when the drawn endpoint fails.

use std::cmp::Ordering;

use super::admit::{Candidate, CategoryTable};
use crate::units::{Goal, Judging};

/// The most fallbacks of a category: a request that failed at four endpoints has waited long enough.
const MOST: usize = 3;

/// A fallback costs at most this multiple of today's, unless nothing else would do.
const AFFORDABLE: f64 = 2.0;

/// Up to three endpoints outside the mix: first those that are likelier than not within the margin and,
/// for the goal `cheaper`, cost at most twice as much as today's, then those that cost more, then the
/// others that answer; within each group, first a provider not yet used (an outage takes a
/// whole provider), then as the goal says: the cheaper, or the better. Today's endpoint is always
/// among them, or in the mix.
pub(super) fn fallbacks(
    judging: &Judging,
    table: &CategoryTable<'_>,
    parts: &[u32],
) -> Vec<String> {
    let outside = |i: &usize| parts.get(*i) == Some(&0);
    let mut used: Vec<&str> = (0..parts.len())
        .filter(|i| parts[*i] > 0)
        .map(|i| table.candidates[i].endpoint.provider.as_str())
        .collect();
    let mut chosen: Vec<usize> = Vec::new();
    for rank in 0..=2 {
        let mut pool: Vec<usize> = (0..table.candidates.len())
            .filter(outside)
            .filter(|i| can_answer(&table.candidates[*i]))
            .filter(|i| rank_of(judging.goal, &table.candidates[*i]) == rank)
            .collect();
        pool.sort_by(|a, b| {
            let (a, b) = (*a, *b);
            by_goal(judging.goal, &table.candidates[a], &table.candidates[b]).then(a.cmp(&b))
        });
        while !pool.is_empty() {
            let fresh = pool
                .iter()
                .position(|i| !used.contains(&table.candidates[*i].endpoint.provider.as_str()));
            let next = pool.remove(fresh.unwrap_or(0));
            used.push(&table.candidates[next].endpoint.provider);
            chosen.push(next);
        }
    }
    let today = table.today.filter(|today| outside(today));
    if let Some(today) = today
        && !chosen[..chosen.len().min(MOST)].contains(&today)
    {
        chosen.truncate(MOST - 1);
        chosen.push(today);
    }
    chosen.truncate(MOST);
    chosen.into_iter().map(|i| table.candidates[i].endpoint.id.as_str().to_owned()).collect()
}

/// Sound, dear, weak.
fn rank_of(goal: Goal, candidate: &Candidate<'_>) -> u8 {
    let is_dear = candidate
        .cost()
        .zip(candidate.todays_cost)
        .is_some_and(|(cost, todays)| goal == Goal::Cheaper && cost > todays * AFFORDABLE);
    match (candidate.risk() <= 0.5, is_dear) {
        (true, false) => 0,
        (true, true) => 1,
        (false, _) => 2,
    }
}

fn can_answer(candidate: &Candidate<'_>) -> bool {
    let excluded = candidate.excluded.as_ref();
    excluded.is_none_or(|why| why.can_be_fallback() && candidate.cell.quality.is_some())
}

fn by_goal(goal: Goal, a: &Candidate<'_>, b: &Candidate<'_>) -> Ordering {
    let cost = |candidate: &Candidate<'_>| candidate.cost().unwrap_or(f64::INFINITY);
    let cheaper = cost(a).total_cmp(&cost(b));
    let better = b.gain().total_cmp(&a.gain());
    match goal {
        Goal::Cheaper => cheaper.then(better),
        Goal::Better | Goal::Faster => better.then(cheaper),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tune::admit::TuneContext;
    use crate::tune::fixture::{Plan, endpoint, metrics};
    use crate::weights::PARTS;

    /// Checks the fallbacks of a category in which endpoint `chosen` has all the weight.
    fn check(endpoints: Vec<Plan>, chosen: usize, expected: &[&str]) {
        let metrics = metrics(&[("c", 400, 1.0)], endpoints);
        let tables = TuneContext::new(&metrics).tables();
        let n = metrics.endpoints.len();
        let parts: Vec<u32> = (0..n).map(|i| if i == chosen { PARTS } else { 0 }).collect();
        assert_eq!(fallbacks(metrics.judging(), &tables[0], &parts), expected);
    }

    fn today() -> Plan {
        endpoint("a/large@azure", 0.01).wrong(&[(0, 8)])
    }

    #[test]
    fn another_provider_comes_before_a_better_endpoint() {
        let mini = endpoint("a/mini@azure", 0.002).wrong(&[(0, 8)]);
        let twin = endpoint("a/large@birch", 0.011).wrong(&[(0, 9)]);
        check(vec![today(), mini, twin], 1, &["a/large@birch", "a/large@azure"]);
    }

    #[test]
    fn what_cannot_answer_or_be_paid_for_is_never_a_fallback() {
        let mini = endpoint("a/mini@birch", 0.002).wrong(&[(0, 8)]);
        let broken = endpoint("a/broken@cedar", 0.001).failed(0.5);
        let secret = endpoint("a/secret@dahlia", 0.001).unpriced();
        let narrow = endpoint("a/narrow@elm", 0.001).ineligible(3);
        check(vec![today(), mini, broken, secret, narrow], 1, &["a/large@azure"]);
    }

    #[test]
    fn what_costs_many_times_as_much_comes_after_what_serves_today() {
        let mini = endpoint("a/mini@birch", 0.002).wrong(&[(0, 8)]);
        let huge = endpoint("a/huge@cedar", 0.66);
        check(vec![today(), mini, huge], 1, &["a/large@azure", "a/huge@cedar"]);
    }

    #[test]
    fn the_weak_come_last_and_the_cheap_before_the_dear() {
        let mini = || endpoint("a/mini@birch", 0.002).wrong(&[(0, 8)]);
        let weak = endpoint("a/weak@cedar", 0.001).wrong(&[(0, 40)]);
        check(vec![today(), mini(), weak], 1, &["a/large@azure", "a/weak@cedar"]);
        let better = |provider: &str| endpoint(&format!("a/large@{provider}"), 0.02);
        let four = vec![today(), mini(), better("cedar"), better("dahlia"), better("elm")];
        check(four, 1, &["a/large@azure", "a/large@cedar", "a/large@dahlia"]);
    }
}
