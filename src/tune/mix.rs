//! The mix of every category: the linear program indexed from the tables, solved, and made into
//! parts per million.

use super::admit::{CategoryTable, PAYS_QUALITY, TuneContext};
use super::exclusion::PAYS;
use super::solve::{Program, SolveError, Variable, solve};
use super::{limits, round};
use crate::units::Goal;
use crate::weights::PARTS;

/// A weight below this is dropped where the limits allow: a thousandth of the traffic does not pay
/// for the upkeep of an endpoint.
const LEAST_WEIGHT: f64 = 0.001;
/// Below half a part per million a weight is the solver's rounding, not a weight.
const NOTHING: f64 = 5e-7;
/// How much the limits are tightened where rounding to parts per million would break one: more than
/// the few split groups of a vertex can lose.
const ROUNDING: f64 = 4e-6;

/// The mix of one category.
pub(super) struct Mix {
    /// Parts per million by endpoint, in catalog order; empty where there is no data.
    pub parts: Vec<u32>,
    /// Why no mix meets the limits; today's endpoint then keeps all weight.
    pub infeasible_reason: Option<String>,
}

impl Mix {
    /// The mix of a category without data.
    pub fn empty() -> Self {
        Self { parts: Vec::new(), infeasible_reason: None }
    }
}

/// A program, with the table and the endpoint of each variable.
struct IndexedProgram {
    program: Program,
    places: Vec<(usize, usize)>,
}

/// The mixes of tables that share one budget and one set of limits, in their order. Today's
/// endpoint keeps everything where nothing can be compared, or where no mix meets the limits.
pub(super) fn mix(context: &TuneContext<'_>, tables: &[&CategoryTable<'_>]) -> Vec<Mix> {
    if context.blocked.is_some() || tables.is_empty() {
        return keep_today(context, tables, None);
    }
    let indexed = write(context, tables);
    match solve(&indexed.program) {
        Ok(first) => {
            let (program, weights) =
                settle(context.judging.goal, indexed.program, first, &indexed.places, tables);
            let parts = rounded(&program, &weights, &indexed.places, tables);
            parts.into_iter().map(|parts| Mix { parts, infeasible_reason: None }).collect()
        }
        Err(SolveError::Infeasible) => {
            keep_today(context, tables, Some(&limits::unmet(context, &indexed.program)))
        }
        Err(SolveError::Failed(why)) => {
            let why = format!("the linear program could not be solved: {why}");
            keep_today(context, tables, Some(&why))
        }
    }
}

fn keep_today(
    context: &TuneContext<'_>,
    tables: &[&CategoryTable<'_>],
    infeasible_reason: Option<&str>,
) -> Vec<Mix> {
    let parts: Vec<u32> = match context.today {
        Some(today) => {
            let endpoints = 0..context.metrics.endpoints.len();
            endpoints.map(|i| if i == today { PARTS } else { 0 }).collect()
        }
        None => Vec::new(),
    };
    tables
        .iter()
        .map(|_| Mix {
            parts: parts.clone(),
            infeasible_reason: infeasible_reason.map(str::to_owned),
        })
        .collect()
}

/// The program of WEIGHTS.md §2: a simplex per category, and limits on the whole.
fn write(context: &TuneContext<'_>, tables: &[&CategoryTable<'_>]) -> IndexedProgram {
    let judging = context.judging;
    let whole: f64 = tables.iter().map(|table| table.share).sum();
    let mut places = Vec::new();
    let mut variables = Vec::new();
    for (group, table) in tables.iter().enumerate() {
        let ranks = ranks(table, judging.goal);
        for (i, candidate) in table
            .candidates
            .iter()
            .enumerate()
            .filter(|(i, candidate)| candidate.excluded.is_none() && table.is_open_to(*i))
        {
            let value = table.share_of(whole) * candidate.value(judging);
            variables.push(Variable { group, value, rank: ranks[i], allowed: true });
            places.push((group, i));
        }
    }
    let limits = limits::limits(context, tables, &places, whole);
    IndexedProgram { program: Program { groups: tables.len(), variables, limits }, places }
}

/// The order among equal values: today's endpoint first, then the better (goal: cheaper) or the
/// cheaper, then catalog order.
fn ranks(table: &CategoryTable<'_>, goal: Goal) -> Vec<u32> {
    let mut order: Vec<usize> = (0..table.candidates.len()).collect();
    let key = |i: usize| {
        let candidate = &table.candidates[i];
        if goal == Goal::Cheaper { -candidate.gain() } else { candidate.cost().unwrap_or(f64::MAX) }
    };
    order.sort_by(|&a, &b| {
        (table.today != Some(a))
            .cmp(&(table.today != Some(b)))
            .then(key(a).total_cmp(&key(b)))
            .then(a.cmp(&b))
    });
    let mut ranks = vec![0; order.len()];
    for (rank, i) in (0_u32..).zip(order) {
        ranks[i] = rank;
    }
    ranks
}

/// Removes weights below a thousandth and moves that save less than one percent (or gain less than half
/// a point). Each is removed
/// only if the limits hold without it and, for a move, only if no more than that is lost over
/// the whole: an expensive endpoint in one category may make a large saving in another possible.
fn settle(
    goal: Goal,
    mut program: Program,
    mut weights: Vec<f64>,
    places: &[(usize, usize)],
    tables: &[&CategoryTable<'_>],
) -> (Program, Vec<f64>) {
    loop {
        let taken_back = not_worthwhile(goal, &program, &weights, places, tables)
            .into_iter()
            .find_map(|(variables, may_lose)| {
                let mut without = program.clone();
                for i in variables {
                    without.variables[i].allowed = false;
                }
                let next = solve(&without).ok()?;
                let lost = without.total(&next) - program.total(&weights);
                (lost <= may_lose).then_some((without, next))
            });
        // Every round removes at least one variable, so this ends.
        match taken_back {
            Some((without, next)) => (program, weights) = (without, next),
            None => return (program, weights),
        }
    }
}

/// Sets of variables to remove, each with the largest acceptable loss of the total.
fn not_worthwhile(
    goal: Goal,
    program: &Program,
    weights: &[f64],
    places: &[(usize, usize)],
    tables: &[&CategoryTable<'_>],
) -> Vec<(Vec<usize>, f64)> {
    let whole: f64 = tables.iter().map(|table| table.share).sum();
    let mut sets = Vec::new();
    for (s, table) in tables.iter().enumerate() {
        let members: Vec<usize> = (0..places.len()).filter(|i| places[*i].0 == s).collect();
        let is_today = |i: usize| table.today == Some(places[i].1);
        let Some(&today) = members.iter().find(|i| is_today(**i) && program.variables[**i].allowed)
        else {
            continue;
        };
        let todays = program.variables[today].value;
        let total: f64 = members.iter().map(|i| program.variables[*i].value * weights[*i]).sum();
        let others: Vec<usize> = members.into_iter().filter(|i| *i != today).collect();
        let moved = others.iter().any(|i| weights[*i] > NOTHING);
        let pays = match goal {
            Goal::Better => PAYS_QUALITY * table.share_of(whole),
            Goal::Cheaper => table.pays * todays.abs(),
            Goal::Faster => PAYS * todays.abs(),
        };
        if moved && todays - total <= pays {
            sets.push((others, pays));
        }
    }
    // Last: today's endpoint may have such a weight itself, in a mix that does not pay.
    let thin = |i: &usize| (NOTHING..LEAST_WEIGHT).contains(&weights[*i]);
    let all_thin: Vec<usize> = (0..weights.len()).filter(thin).collect();
    if !all_thin.is_empty() {
        sets.push((all_thin, f64::INFINITY));
    }
    sets
}

/// Integer weights within the limits: where rounding would break one, the program is solved again
/// with the limits tightened by more than rounding can lose.
fn rounded(
    program: &Program,
    weights: &[f64],
    places: &[(usize, usize)],
    tables: &[&CategoryTable<'_>],
) -> Vec<Vec<u32>> {
    let to_parts = |weights: &[f64]| -> Vec<Vec<u32>> {
        tables
            .iter()
            .enumerate()
            .map(|(s, table)| {
                let mut by_endpoint = vec![0.0; table.candidates.len()];
                for (place, weight) in places.iter().zip(weights).filter(|(p, _)| p.0 == s) {
                    by_endpoint[place.1] = *weight;
                }
                round::parts(&by_endpoint)
            })
            .collect()
    };
    let holds = |parts: &[Vec<u32>]| {
        let whole = f64::from(PARTS);
        let back: Vec<f64> = places.iter().map(|p| f64::from(parts[p.0][p.1]) / whole).collect();
        program.holds(&back, 1e-12)
    };
    let parts = to_parts(weights);
    if holds(&parts) {
        return parts;
    }
    match solve(&program.tightened(ROUNDING)).map(|weights| to_parts(&weights)) {
        Ok(within) if holds(&within) => within,
        _ => parts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::RunMetrics;
    use crate::tune::fixture::{Plan, endpoint, metrics, with_cap, with_goal, with_slo};

    fn mixed(metrics: &RunMetrics) -> (Vec<Vec<u32>>, Option<String>) {
        let context = TuneContext::new(metrics);
        let tables = context.tables();
        let mut mixes = mix(&context, &tables.iter().collect::<Vec<_>>());
        let infeasible_reason = mixes[0].infeasible_reason.take();
        (mixes.into_iter().map(|mix| mix.parts).collect(), infeasible_reason)
    }

    /// Checks the mixes of two categories of 400 tasks with half of the traffic each.
    fn check(metrics: &RunMetrics, expected: [&[u32]; 2]) {
        let (parts, infeasible_reason) = mixed(metrics);
        assert_eq!(parts, expected, "{infeasible_reason:?}");
    }

    fn fleet(endpoints: Vec<Plan>) -> RunMetrics {
        metrics(&[("a", 400, 0.5), ("b", 400, 0.5)], endpoints)
    }

    fn large() -> Plan {
        endpoint("acme/large@azure", 0.01).miss(0.02)
    }

    #[test]
    fn the_cheapest_that_is_good_enough_gets_everything() {
        let bad_at_b = endpoint("acme/mini@azure", 0.002).wrong(&[(0, 0), (0, 30)]).miss(0.01);
        let middle = endpoint("acme/middle@azure", 0.005).miss(0.01);
        check(&fleet(vec![large(), bad_at_b, middle]), [&[0, PARTS, 0], &[0, 0, PARTS]]);
    }

    #[test]
    fn a_saving_below_one_percent_moves_nothing() {
        let nearly = endpoint("acme/large@birch", 0.009_91).miss(0.01);
        check(&fleet(vec![large(), nearly]), [&[PARTS, 0], &[PARTS, 0]]);
        let enough = endpoint("acme/large@birch", 0.009_89).miss(0.01);
        check(&fleet(vec![large(), enough]), [&[0, PARTS], &[0, PARTS]]);
    }

    #[test]
    fn the_latency_objective_holds_over_the_whole_traffic() {
        // With w of the traffic on the slow one: 0.02 (1 − w) + 0.10 w ≤ 0.05, so w = 0.375: all
        // of it in one category, as a vertex splits one category only.
        let slow = endpoint("acme/mini@azure", 0.002).miss(0.10);
        let metrics = with_slo(fleet(vec![large(), slow]), 0.05);
        let (parts, _) = mixed(&metrics);
        let whole: f64 = parts.iter().map(|m| f64::from(m[1]) / 2e6).sum();
        assert!((whole - 0.375).abs() < 1e-5, "{parts:?}");
        assert!(0.02 * (1.0 - whole) + 0.10 * whole <= 0.05 + 1e-12, "{parts:?}");
        assert_eq!(parts.iter().filter(|m| m[1] > 0 && m[0] > 0).count(), 1);
    }

    #[test]
    fn a_dear_endpoint_is_kept_where_it_makes_room_for_a_saving() {
        // Today misses too often; only the dear one brings the whole within the objective.
        let late = endpoint("acme/large@azure", 0.01).miss(0.20);
        let prompt = endpoint("acme/large@birch", 0.012).miss(0.0);
        let (parts, infeasible_reason) = mixed(&with_slo(fleet(vec![late, prompt]), 0.05));
        let whole: f64 = parts.iter().map(|m| f64::from(m[1]) / 2e6).sum();
        assert!((whole - 0.75).abs() < 1e-5 && infeasible_reason.is_none(), "{parts:?}");
    }

    #[test]
    fn a_loss_that_pays_elsewhere_is_not_taken_back() {
        // The slow one may serve `b` only if the prompt one, which is dearer, serves `a`.
        let today = endpoint("acme/large@azure", 0.01).miss(0.05);
        let prompt = endpoint("acme/large@birch", 0.011).wrong(&[(0, 0), (0, 30)]).miss(0.0);
        let slow = endpoint("acme/mini@azure", 0.002).wrong(&[(0, 30), (0, 0)]).miss(0.10);
        let metrics = with_slo(fleet(vec![today, prompt, slow]), 0.05);
        check(&metrics, [&[0, PARTS, 0], &[0, 0, PARTS]]);
    }

    #[test]
    fn rounding_breaks_no_limit() {
        // 0.02 (1 − w) + 0.065 w ≤ 0.05: w = 2/3, and 666,667 parts are too many.
        let slow = endpoint("acme/mini@azure", 0.002).miss(0.065);
        let (parts, _) = mixed(&with_slo(metrics(&[("a", 400, 1.0)], vec![large(), slow]), 0.05));
        assert!((666_600..666_667).contains(&parts[0][1]), "{parts:?}");
    }

    #[test]
    fn providers_keep_to_their_share_to_the_last_part() {
        let birch = endpoint("acme/mini@birch", 0.002);
        let metrics =
            metrics(&[("a", 400, 1.0 / 3.0), ("b", 400, 2.0 / 3.0)], vec![large(), birch]);
        let (parts, _) = mixed(&with_cap(metrics, 0.6));
        let birch: f64 = parts[0]
            .iter()
            .skip(1)
            .chain(&parts[1][1..])
            .zip([1.0, 2.0])
            .map(|(part, thirds)| f64::from(*part) * thirds / 3e6)
            .sum();
        assert!(birch <= 0.6 + 1e-12 && birch > 0.599_99, "{birch}: {parts:?}");
    }

    #[test]
    fn what_cannot_be_met_is_said_with_what_could() {
        let birch = || endpoint("acme/large@birch", 0.012).miss(0.083);
        let check = |metrics: RunMetrics, why: &str| {
            let (parts, infeasible_reason) = mixed(&metrics);
            assert_eq!(infeasible_reason.as_deref(), Some(why));
            assert!(parts.iter().all(|mix| mix[0] == PARTS), "{parts:?}");
        };
        let late = || endpoint("acme/large@azure", 0.01).miss(0.2);
        check(
            with_slo(fleet(vec![late(), birch()]), 0.05),
            "no mix keeps P(TTFT > 800 ms) within 5 %; slo.miss = 0.083 could be met",
        );
        check(
            with_cap(fleet(vec![large()]), 0.6),
            "no mix keeps every provider within 60 % of the traffic; max_share.provider = 1 could \
             be met",
        );
        // Birch is dearer, so within today's cost azure cannot give any of its share away.
        let better = endpoint("acme/large@birch", 0.012);
        let today = endpoint("acme/large@azure", 0.01).wrong(&[(0, 10), (0, 10)]);
        let metrics = with_goal(fleet(vec![today, better]), Goal::Better);
        check(
            with_cap(metrics, 0.6),
            "no mix keeps every provider within 60 % of the traffic; max_share.provider = 1 could \
             be met",
        );
    }

    #[test]
    fn better_buys_quality_with_todays_money() {
        // The good one costs twice as much; the cheap one is better than today in `b` at half the
        // cost. What `b` saves, half of today's cost, buys half of `a`.
        let today = endpoint("acme/large@azure", 0.01).wrong(&[(0, 20), (0, 20)]);
        let good = endpoint("acme/huge@birch", 0.02).wrong(&[(0, 0), (0, 10)]);
        let cheap = endpoint("acme/mini@cedar", 0.005).wrong(&[(0, 30), (0, 10)]);
        let metrics = with_goal(fleet(vec![today, good, cheap]), Goal::Better);
        check(&metrics, [&[500_000, 500_000, 0], &[0, 0, PARTS]]);
    }

    #[test]
    fn faster_stays_within_quality_and_cost() {
        let slow = || endpoint("acme/large@azure", 0.01).miss(0.2);
        let fast = endpoint("acme/large@birch", 0.01).miss(0.1);
        let faster_but_dear = endpoint("acme/large@cedar", 0.03).miss(0.0);
        let faster_but_bad =
            endpoint("acme/mini@dahlia", 0.001).miss(0.0).wrong(&[(0, 30), (0, 30)]);
        let metrics = fleet(vec![slow(), fast, faster_but_dear, faster_but_bad]);
        let metrics = with_slo(with_goal(metrics, Goal::Faster), 0.05);
        check(&metrics, [&[0, PARTS, 0, 0], &[0, PARTS, 0, 0]]);
        // Equally fast: nothing moves.
        let same = endpoint("acme/large@birch", 0.005).miss(0.2);
        let metrics = with_slo(with_goal(fleet(vec![slow(), same]), Goal::Faster), 0.05);
        check(&metrics, [&[PARTS, 0], &[PARTS, 0]]);
    }

    #[test]
    fn equal_costs_stay_with_today_and_else_go_to_the_better() {
        let twin = endpoint("acme/large@birch", 0.01);
        check(&fleet(vec![large(), twin]), [&[PARTS, 0], &[PARTS, 0]]);
        let today = endpoint("acme/large@azure", 0.01).wrong(&[(0, 8), (0, 8)]);
        let worse = endpoint("acme/mini@birch", 0.002).wrong(&[(0, 8), (0, 8)]);
        let better = endpoint("acme/mini@cedar", 0.002).wrong(&[(0, 7), (0, 7)]);
        check(&fleet(vec![today, worse, better]), [&[0, 0, PARTS], &[0, 0, PARTS]]);
    }

    #[test]
    fn a_thousandth_of_the_traffic_is_not_kept() {
        // The objective allows 0.05 % of the slow one, which is not worth its upkeep.
        let slow = endpoint("acme/mini@azure", 0.002).miss(1.0);
        let today = endpoint("acme/large@azure", 0.01).miss(0.0);
        let metrics = with_slo(fleet(vec![today, slow]), 0.0005);
        check(&metrics, [&[PARTS, 0], &[PARTS, 0]]);
        // Nor where the rest of the mix pays: 0.04 % of one category would still fit.
        let today = endpoint("acme/large@azure", 0.01).miss(0.1);
        let middle = endpoint("acme/middle@azure", 0.005).miss(0.0498);
        let slow = endpoint("acme/mini@azure", 0.002).miss(1.0);
        let metrics = with_slo(fleet(vec![today, middle, slow]), 0.05);
        check(&metrics, [&[0, PARTS, 0], &[0, PARTS, 0]]);
    }
}
