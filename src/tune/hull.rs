//! The best mix of every group within one budget, exactly.
//!
//! With one joint limit the linear program is the relaxation of the multiple-choice knapsack (Sinha
//! and Zoltners 1979, Operations Research 27(3)): an optimum walks along the upper concave hull of each
//! group's (cost, value) points. The steps of all hulls are taken in order of their slope until the
//! budget is spent, and the last one is split.

/// One choice of a group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    /// What it costs, at least 0.
    pub cost: f64,
    /// What it gives; `None`: it cannot be chosen.
    pub value: Option<f64>,
}

/// One step along a group's hull.
struct Step {
    group: usize,
    from: usize,
    to: usize,
    cost: f64,
    slope: f64,
}

/// The weights of each group, which sum to 1, of the greatest Σ value whose Σ cost is at most
/// `budget`; among equals the cheapest. `None`: no choice of every group is within the budget.
pub(super) fn best_within(groups: &[Vec<Point>], budget: f64) -> Option<Vec<Vec<f64>>> {
    let hulls: Vec<Vec<usize>> = groups.iter().map(|group| hull(group)).collect();
    let mut left = budget;
    let mut weights: Vec<Vec<f64>> = groups.iter().map(|group| vec![0.0; group.len()]).collect();
    for ((group, hull), weights) in groups.iter().zip(&hulls).zip(&mut weights) {
        let first = *hull.first()?;
        left -= group[first].cost;
        weights[first] = 1.0;
    }
    // What rounding may lose: a budget that was computed as the cost of a mix must allow that mix.
    if left < -1e-12 * budget.abs() {
        return None;
    }
    for step in steps(groups, &hulls) {
        let part = if step.cost > 0.0 { (left / step.cost).clamp(0.0, 1.0) } else { 1.0 };
        weights[step.group][step.from] -= part;
        weights[step.group][step.to] += part;
        left -= part * step.cost;
        if part < 1.0 {
            break;
        }
    }
    Some(weights)
}

/// The points of the upper concave hull of a group, from its cheapest to its best; empty: nothing can
/// be chosen.
fn hull(points: &[Point]) -> Vec<usize> {
    let of = |i: usize| points[i].value.map(|value| (points[i].cost, value));
    let mut order: Vec<(usize, f64, f64)> =
        (0..points.len()).filter_map(|i| of(i).map(|(cost, value)| (i, cost, value))).collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1).then(b.2.total_cmp(&a.2)).then(a.0.cmp(&b.0)));
    let mut hull: Vec<(usize, f64, f64)> = Vec::new();
    for point in order {
        if hull.last().is_some_and(|last| point.2 <= last.2) {
            continue;
        }
        while let [.., a, b] = hull.as_slice()
            && (b.2 - a.2) * (point.1 - b.1) <= (point.2 - b.2) * (b.1 - a.1)
        {
            hull.pop();
        }
        hull.push(point);
    }
    hull.into_iter().map(|(i, ..)| i).collect()
}

/// The steps of all hulls, the most valuable dollar first.
fn steps(groups: &[Vec<Point>], hulls: &[Vec<usize>]) -> Vec<Step> {
    let mut steps = Vec::new();
    for (group, hull) in hulls.iter().enumerate() {
        for pair in hull.windows(2) {
            let (from, to) = (groups[group][pair[0]], groups[group][pair[1]]);
            let cost = to.cost - from.cost;
            let gain = to.value.unwrap_or(0.0) - from.value.unwrap_or(0.0);
            let slope = if cost > 0.0 { gain / cost } else { f64::INFINITY };
            steps.push(Step { group, from: pair[0], to: pair[1], cost, slope });
        }
    }
    steps.sort_by(|a, b| b.slope.total_cmp(&a.slope).then(a.group.cmp(&b.group)));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tune::solve::{Family, Limit, Program, SolveError, Variable, solve};
    use crate::units::{Draw, Seed};

    fn total(groups: &[Vec<Point>], weights: &[Vec<f64>], of: impl Fn(&Point) -> f64) -> f64 {
        let pairs = groups.iter().flatten().zip(weights.iter().flatten());
        pairs.map(|(point, weight)| weight * of(point)).sum()
    }

    fn value(point: &Point) -> f64 {
        point.value.unwrap_or(0.0)
    }

    /// Every vertex: one choice in each group, or one group split between two so that the budget is
    /// spent. Exponential, exact, and shares no code with the hulls.
    fn best_by_vertices(groups: &[Vec<Point>], budget: f64) -> Option<f64> {
        let mut picks: Vec<Vec<usize>> = vec![Vec::new()];
        for group in groups {
            let longer = picks.iter().flat_map(|pick| {
                (0..group.len()).filter(|i| group[*i].value.is_some()).map(|i| {
                    let mut pick = pick.clone();
                    pick.push(i);
                    pick
                })
            });
            picks = longer.collect();
        }
        let sums = |pick: &[usize]| {
            let chosen = || groups.iter().zip(pick).map(|(group, i)| &group[*i]);
            (chosen().map(|p| p.cost).sum::<f64>(), chosen().map(value).sum::<f64>())
        };
        let mut best: Option<f64> = None;
        let mut offer = |value: f64| best = Some(best.map_or(value, |b: f64| b.max(value)));
        for pick in &picks {
            let (cost, value) = sums(pick);
            if cost <= budget {
                offer(value);
            }
            for (at, group) in groups.iter().enumerate() {
                for other in (0..group.len()).filter(|i| group[*i].value.is_some()) {
                    let mut second = pick.clone();
                    second[at] = other;
                    let (second_cost, second_value) = sums(&second);
                    if cost <= budget && second_cost > budget {
                        let part = (budget - cost) / (second_cost - cost);
                        offer(value + part * (second_value - value));
                    }
                }
            }
        }
        best
    }

    fn random_groups(draw: &mut Draw) -> Vec<Vec<Point>> {
        // Half of the instances lie on a coarse grid, which is full of ties.
        let grid = if draw.chance(0.5) { 4.0 } else { 1e6 };
        let number = |draw: &mut Draw| libm::round(draw.uniform() * grid) / grid;
        (0..=draw.index(3))
            .map(|_| {
                let points = (0..=draw.index(4)).map(|_| {
                    let is_choice = !draw.chance(0.1);
                    Point { cost: number(draw), value: Some(number(draw)).filter(|_| is_choice) }
                });
                points.collect()
            })
            .collect()
    }

    /// The same instance for the solver of any limits.
    fn program(groups: &[Vec<Point>], budget: f64) -> Program {
        let each =
            || groups.iter().enumerate().flat_map(|(g, group)| group.iter().map(move |p| (g, p)));
        let variables = each().map(|(group, point)| Variable {
            group,
            value: -value(point),
            rank: 0,
            allowed: point.value.is_some(),
        });
        let coefficients = each().map(|(_, point)| point.cost).collect();
        let limit = Limit { family: Family::Cost, coefficients, at_most: budget };
        Program { groups: groups.len(), variables: variables.collect(), limits: vec![limit] }
    }

    #[test]
    fn no_vertex_and_no_other_solver_is_better() {
        let mut feasible = 0;
        for case in 0..10_000 {
            let mut draw = Seed(case).draw("hull", &[]);
            let groups = random_groups(&mut draw);
            let budget = draw.uniform() * groups.len() as f64;
            let (found, expected) =
                (best_within(&groups, budget), best_by_vertices(&groups, budget));
            let solved = solve(&program(&groups, budget));
            let (Some(weights), Some(best)) = (&found, expected) else {
                assert_eq!(found.is_none(), expected.is_none(), "case {case}");
                assert_eq!(solved, Err(SolveError::Infeasible), "case {case}");
                continue;
            };
            feasible += 1;
            let own = total(&groups, weights, value);
            assert!((own - best).abs() <= 1e-9, "case {case}: {own} against {best} by vertices");
            let other = -program(&groups, budget).total(&solved.expect("feasible"));
            assert!((own - other).abs() <= 1e-6, "case {case}: {own} against {other} by the crate");
            assert!(total(&groups, weights, |p| p.cost) <= budget + 1e-12, "case {case}");
            for weights in weights {
                assert!((weights.iter().sum::<f64>() - 1.0).abs() <= 1e-12, "case {case}");
                assert!(weights.iter().all(|weight| *weight >= 0.0), "case {case}");
            }
            let split = weights.iter().filter(|w| w.iter().filter(|w| **w > 0.0).count() > 1);
            assert!(split.count() <= 1, "case {case}: one limit splits one group");
        }
        assert!((3_000..10_000).contains(&feasible), "{feasible} of 10,000 were feasible");
    }

    #[test]
    fn a_budget_of_nothing_buys_what_is_free() {
        let free = Point { cost: 0.0, value: Some(0.5) };
        let paid = Point { cost: 1.0, value: Some(0.9) };
        let groups = vec![vec![paid, free]];
        assert_eq!(best_within(&groups, 0.0), Some(vec![vec![0.0, 1.0]]));
        assert_eq!(best_within(&groups, 0.25), Some(vec![vec![0.25, 0.75]]));
        assert_eq!(best_within(&[vec![paid]], 0.5), None);
        assert_eq!(best_within(&[vec![Point { value: None, ..free }]], 1.0), None);
    }
}
