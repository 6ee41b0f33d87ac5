//! The linear program, and the only file that knows the solver crate.
//!
//! Groups of variables, each a simplex, under a few joint limits. An optimum is a vertex, so at
//! most as many groups are split as there are binding limits (the linear relaxation of a
//! multiple-choice knapsack: Sinha and Zoltners 1979, Operations Research 27(3)).

use microlp::{ComparisonOp, OptimizationDirection, SolveOptions};

/// How far a limit, divided by its largest coefficient, may be missed.
const FEASIBLE: f64 = 1e-9;
/// What the second solve may give up of the optimum, as a share of the largest value: enough for
/// the solver's own tolerance, too little to show in any figure.
const SLACK: f64 = 2e-10;
/// The solver's own tolerance: the smallest that it takes.
const TOLERANCE: f64 = 1e-10;

/// What a limit stands for. The solver does not look at it; who explains a failure does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// The mean cost of the whole traffic.
    Cost,
    /// The share of the whole traffic that misses the latency objective.
    Slo,
    /// The share of the whole traffic that goes to one provider.
    Provider,
    /// What an endpoint gets in the busiest minute.
    Room,
}

/// The weight of one member of a group.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    /// Its group, from 0.
    pub group: usize,
    /// What one unit of it adds to the total, which is minimised.
    pub value: f64,
    /// Among mixes of equal total the one with the least mean rank is chosen.
    pub rank: u32,
    /// Whether it may be above 0.
    pub allowed: bool,
}

/// Σ coefficient × weight ≤ `at_most`.
#[derive(Clone, Debug)]
pub(super) struct Limit {
    /// What it stands for.
    pub family: Family,
    /// One per variable.
    pub coefficients: Vec<f64>,
    /// The right-hand side.
    pub at_most: f64,
}

/// Minimise Σ value × weight, where the weights of each group are not negative and sum to 1.
#[derive(Clone, Debug, Default)]
pub(super) struct Program {
    /// The number of groups.
    pub groups: usize,
    /// The variables.
    pub variables: Vec<Variable>,
    /// The joint limits.
    pub limits: Vec<Limit>,
}

/// Why there is no solution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SolveError {
    /// No weights meet every limit.
    Infeasible,
    /// The solver gave up, or gave an answer that does not hold.
    Failed(String),
}

impl Limit {
    /// The largest coefficient, or 1: rows are divided by it, so that one tolerance fits all.
    fn scale(&self) -> f64 {
        largest(self.coefficients.iter().copied())
    }

    /// Whether some weights meet it within `tolerance` of its scale.
    fn holds(&self, weights: &[f64], tolerance: f64) -> bool {
        dot(&self.coefficients, weights) <= self.at_most + tolerance * self.scale()
    }
}

impl Program {
    /// Σ value × weight.
    pub fn total(&self, weights: &[f64]) -> f64 {
        self.variables.iter().zip(weights).map(|(variable, weight)| variable.value * weight).sum()
    }

    /// Whether some weights meet every limit within `tolerance` of its scale.
    pub fn holds(&self, weights: &[f64], tolerance: f64) -> bool {
        self.limits.iter().all(|limit| limit.holds(weights, tolerance))
    }

    /// The same program with every limit drawn in by a share of its scale.
    pub fn tightened(&self, share: f64) -> Self {
        let mut program = self.clone();
        for limit in &mut program.limits {
            limit.at_most -= share * limit.scale();
        }
        program
    }

    /// The same program without the limits of a family.
    pub fn without(&self, family: Family) -> Self {
        let mut program = self.clone();
        program.limits.retain(|limit| limit.family != family);
        program
    }
}

/// Solves the program: the least total, and of the mixes that reach it the one of least rank. The
/// answer is checked, so it meets every limit within 10⁻⁹ of its scale and every group sums to 1.
pub(super) fn solve(program: &Program) -> Result<Vec<f64>, SolveError> {
    let scale = largest(program.variables.iter().map(|variable| variable.value));
    let values: Vec<f64> = program.variables.iter().map(|v| v.value / scale).collect();
    let best = minimise(program, &values, None)?;
    let reached = dot(&values, &best);
    let ranks: Vec<f64> = program.variables.iter().map(|v| f64::from(v.rank)).collect();
    // The first answer stands where the second solve fails on the slack that it is given.
    Ok(minimise(program, &ranks, Some((&values, reached + SLACK))).unwrap_or(best))
}

/// One call of the solver, under a further limit where one is given, and the check of its answer.
fn minimise(
    program: &Program,
    objective: &[f64],
    further: Option<(&[f64], f64)>,
) -> Result<Vec<f64>, SolveError> {
    let mut problem = microlp::Problem::new(OptimizationDirection::Minimize);
    let handles: Vec<microlp::Variable> = program
        .variables
        .iter()
        .zip(objective)
        .map(|(v, &value)| problem.add_var(value, (0.0, if v.allowed { 1.0 } else { 0.0 })))
        .collect();
    let rows = program.limits.iter().map(|limit| (&limit.coefficients[..], limit.at_most));
    for (coefficients, at_most) in rows.chain(further) {
        let scale = largest(coefficients.iter().copied());
        let terms: Vec<(microlp::Variable, f64)> = handles
            .iter()
            .zip(coefficients)
            .filter(|(_, coefficient)| **coefficient != 0.0)
            .map(|(handle, coefficient)| (*handle, coefficient / scale))
            .collect();
        problem.add_constraint(terms.as_slice(), ComparisonOp::Le, at_most / scale);
    }
    for group in 0..program.groups {
        let terms: Vec<(microlp::Variable, f64)> = handles
            .iter()
            .zip(&program.variables)
            .filter(|(_, variable)| variable.group == group)
            .map(|(handle, _)| (*handle, 1.0))
            .collect();
        problem.add_constraint(terms.as_slice(), ComparisonOp::Eq, 1.0);
    }
    let mut options = SolveOptions::default();
    options.tolerances.feasibility = TOLERANCE;
    let solution = problem
        .solve_with(options)
        .map_err(|error| match error {
            microlp::Error::Infeasible => SolveError::Infeasible,
            other => SolveError::Failed(other.to_string()),
        })?
        .into_solution()
        .map_err(|_| SolveError::Failed("the solver was interrupted".to_owned()))?;
    let weights = cleaned(program, handles.iter().map(|h| solution.var_value(*h)).collect());
    let sound = weights.iter().all(|weight| weight.is_finite())
        && program.holds(&weights, FEASIBLE)
        && further.is_none_or(|(row, most)| dot(row, &weights) <= most + FEASIBLE);
    if sound { Ok(weights) } else { Err(SolveError::Failed("the answer does not hold".to_owned())) }
}

/// Clips what the solver's tolerance left outside the simplex, and makes each group sum to 1.
fn cleaned(program: &Program, mut weights: Vec<f64>) -> Vec<f64> {
    let mut sums = vec![0.0; program.groups];
    for (variable, weight) in program.variables.iter().zip(&mut weights) {
        *weight = if *weight < FEASIBLE || !variable.allowed { 0.0 } else { *weight };
        sums[variable.group] += *weight;
    }
    for (variable, weight) in program.variables.iter().zip(&mut weights) {
        *weight /= sums[variable.group];
    }
    weights
}

fn largest(values: impl Iterator<Item = f64>) -> f64 {
    let found = values.fold(0.0, |most: f64, value| most.max(value.abs()));
    if found > 0.0 { found } else { 1.0 }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Draw, Seed};

    fn variable(group: usize, value: f64, rank: u32) -> Variable {
        Variable { group, value, rank, allowed: true }
    }

    /// Every vertex of the polytope: each is where as many limits and zero weights bind as there
    /// are variables less groups. Exponential, exact, and shares no code with the solver.
    fn least_total_by_vertices(program: &Program) -> Option<f64> {
        let n = program.variables.len();
        let mut rows: Vec<(Vec<f64>, f64)> = Vec::new();
        for limit in &program.limits {
            rows.push((limit.coefficients.clone(), limit.at_most));
        }
        for i in 0..n {
            rows.push(((0..n).map(|j| f64::from(u8::from(i == j))).collect(), 0.0));
        }
        let choose = n - program.groups;
        let mut least: Option<f64> = None;
        for subset in 0_u32..(1 << rows.len()) {
            if subset.count_ones() as usize != choose {
                continue;
            }
            let mut system: Vec<(Vec<f64>, f64)> = (0..program.groups)
                .map(|g| {
                    let row = program.variables.iter().map(|v| f64::from(u8::from(v.group == g)));
                    (row.collect(), 1.0)
                })
                .collect();
            let bits = (0..rows.len()).filter(|bit| subset & (1 << bit) != 0);
            system.extend(bits.map(|bit| rows[bit].clone()));
            let Some(point) = eliminate(system) else { continue };
            let allowed =
                program.variables.iter().zip(&point).all(|(v, w)| v.allowed || *w < 1e-10);
            if allowed && point.iter().all(|w| *w >= -1e-10) && program.holds(&point, 1e-10) {
                let total = program.total(&point);
                least = Some(least.map_or(total, |l| l.min(total)));
            }
        }
        least
    }

    /// Gauss–Jordan with partial pivoting; `None`: singular.
    fn eliminate(mut system: Vec<(Vec<f64>, f64)>) -> Option<Vec<f64>> {
        let n = system.len();
        for column in 0..n {
            let pivot = (column..n)
                .max_by(|a, b| system[*a].0[column].abs().total_cmp(&system[*b].0[column].abs()))?;
            if system[pivot].0[column].abs() < 1e-9 {
                return None;
            }
            system.swap(column, pivot);
            let (row, right) = system[column].clone();
            for (at, other) in system.iter_mut().enumerate() {
                if at != column {
                    let factor = other.0[column] / row[column];
                    for (x, y) in other.0.iter_mut().zip(&row) {
                        *x -= factor * y;
                    }
                    other.1 -= factor * right;
                }
            }
        }
        Some((0..n).map(|i| system[i].1 / system[i].0[i]).collect())
    }

    fn random_program(draw: &mut Draw) -> Program {
        let groups = 1 + draw.index(3);
        let members = 2 + draw.index(2);
        let n = groups * members;
        // Half of the programs have values on a coarse grid, which is full of ties.
        let grid = if draw.chance(0.5) { 4.0 } else { 1e6 };
        let number = |draw: &mut Draw| libm::round(draw.uniform() * grid) / grid;
        let variables = (0..n)
            .map(|i| variable(i / members, number(draw), u32::try_from(i % members).expect("few")))
            .collect();
        let limits = (0..draw.index(4))
            .map(|_| Limit {
                family: Family::Cost,
                coefficients: (0..n).map(|_| number(draw)).collect(),
                at_most: number(draw) * groups as f64,
            })
            .collect();
        Program { groups, variables, limits }
    }

    /// Three categories of three endpoints at two providers, with every kind of limit at once: mean
    /// cost, exceedance, a cap on each provider, and floors that keep endpoints out.
    fn routing_program(draw: &mut Draw) -> Program {
        let shares = [0.5, 0.3, 0.2];
        let variables = (0..9).map(|i| Variable {
            group: i / 3,
            value: -shares[i / 3] * draw.uniform(),
            rank: u32::try_from(i % 3).expect("few"),
            allowed: i % 3 == 0 || !draw.chance(0.2),
        });
        let variables = variables.collect();
        let row = |family, at_most, of: &mut dyn FnMut(usize) -> f64| Limit {
            family,
            coefficients: (0..9).map(|i| shares[i / 3] * of(i)).collect(),
            at_most,
        };
        let budget = 0.3 + 0.4 * draw.uniform();
        let cost = row(Family::Cost, budget, &mut |_| draw.uniform());
        let miss = row(Family::Slo, 0.05, &mut |_| 0.15 * draw.uniform());
        let cap = 0.5 + 0.3 * draw.uniform();
        let first = row(Family::Provider, cap, &mut |i| f64::from(u8::from(i % 3 == 0)));
        let second = row(Family::Provider, cap, &mut |i| f64::from(u8::from(i % 3 != 0)));
        Program { groups: 3, variables, limits: vec![cost, miss, first, second] }
    }

    #[test]
    fn never_loses_to_every_vertex_tried() {
        never_loses(300, 150..300, random_program);
    }

    #[test]
    fn never_loses_under_every_kind_of_limit_at_once() {
        never_loses(300, 100..300, routing_program);
    }

    fn never_loses(
        cases: u64,
        feasible_within: std::ops::Range<u64>,
        random: fn(&mut Draw) -> Program,
    ) {
        let mut feasible = 0;
        for case in 0..cases {
            let mut draw = Seed(case).draw("solve", &[]);
            let program = random(&mut draw);
            match (least_total_by_vertices(&program), solve(&program)) {
                (Some(least), Ok(weights)) => {
                    let total = program.total(&weights);
                    assert!((total - least).abs() <= 1e-9, "case {case}: {total} against {least}");
                    assert!(program.holds(&weights, FEASIBLE), "case {case}");
                    feasible += 1;
                }
                (None, Err(SolveError::Infeasible)) => {}
                (least, found) => panic!("case {case}: {least:?} by vertices, {found:?} solved"),
            }
        }
        assert!(feasible_within.contains(&feasible), "{feasible} of {cases} were feasible");
    }

    #[test]
    fn equal_totals_go_to_the_lower_rank() {
        for ranks in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
            let variables = ranks.iter().map(|r| variable(0, 0.25, *r)).collect();
            let weights = solve(&Program { groups: 1, variables, limits: Vec::new() });
            let expected = ranks.map(|rank| if rank == 0 { 1.0 } else { 0.0 });
            assert_eq!(weights.expect("feasible"), expected);
        }
    }

    #[test]
    fn a_binding_limit_splits_one_group() {
        let variables = vec![variable(0, 1.0, 0), variable(0, 0.0, 1)];
        let limit = Limit { family: Family::Slo, coefficients: vec![0.0, 0.08], at_most: 0.05 };
        let program = Program { groups: 1, variables, limits: vec![limit] };
        let weights = solve(&program).expect("feasible");
        assert!((weights[1] - 0.625).abs() < 1e-9, "{weights:?}");
        assert_eq!(solve(&program.tightened(1.0)), Err(SolveError::Infeasible));
        assert_eq!(solve(&program.without(Family::Slo)).expect("feasible"), [0.0, 1.0]);
    }

    #[test]
    fn what_is_not_allowed_gets_nothing() {
        let mut program = Program {
            groups: 1,
            variables: vec![variable(0, 0.0, 0), variable(0, 1.0, 1)],
            limits: Vec::new(),
        };
        program.variables[0].allowed = false;
        assert_eq!(solve(&program).expect("feasible"), [0.0, 1.0]);
        program.variables[1].allowed = false;
        assert_eq!(solve(&program), Err(SolveError::Infeasible));
    }
}
