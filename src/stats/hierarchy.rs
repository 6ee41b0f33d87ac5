//! What is true behind many paired differences at once: candidates against one baseline, over
//! several categories.
//!
//! The best of many noisy differences is too good on average. A hierarchical model corrects that:
//! it learns from all cells how much candidates and categories really differ, and draws each cell
//! towards the rest by as much as its own sample is weak.
//!
//! ```text
//! θ[c, e] = r[c]^α · (μ + b[m] + g[c] + u[c, m]) + h[e] + v[c, e]    m: the model that e serves
//! y[c]    ~ N(θ[c], Σ[c])              Σ[c] is full: all candidates share the baseline's noise
//!
//! b ~ N(0, ω²)   g ~ N(0, κ²)   u ~ N(0, τ²)   h, v ~ N(0, host²)   μ ~ N(0, flat²)
//! ```
//!
//! Endpoints that serve one model share its b and u, so its answers at one host are evidence for the
//! other: in the simulated fleet that halves the runs with a false MOVE.
//!
//! r is the room that a category leaves for differences. Where nearly every answer is right, the same
//! advantage is fewer points: on the scale of logits it would be constant, and p·(1 − p) times smaller
//! here. α says how much of that holds and is learnt. Without it, easy categories are drawn towards the
//! large differences of hard ones: in the simulated fleet the difference of the chosen mix was 1.4
//! points too high.
//!
//! τ, ω and κ are integrated over a grid under half-normal priors, α over a grid with equal weights. See Gelman et al. 2013, *Bayesian
//! Data Analysis*, ch. 5, for the model, and Efron 2011, *JASA* 106:1602, for what it does to the
//! best of many.

use libm::{exp, log, pow, sqrt};

use super::Level;
use super::matrix::{Cholesky, Matrix, dot};
use crate::units::normal;

/// Tasks by which a category's covariance is drawn towards the pooled one.
const SHRINKAGE: f64 = 8.0;
/// Components of the grid with less than this share of the posterior are left out.
const NEGLIGIBLE: f64 = 1e-9;
/// Halvings when a quantile is searched.
const HALVINGS: u32 = 60;

/// The scale of the differences, in their unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// The grid of τ, ω and κ.
    pub grid: [f64; 6],
    /// The scale of their half-normal prior.
    pub prior: f64,
    /// The grid of α; 0: categories are of one scale.
    pub exponents: &'static [f64],
    /// The standard deviation of μ, wide beside any difference.
    pub flat: f64,
    /// The standard deviation of what a host changes in the quantity of the model that it serves.
    pub host: f64,
    /// Pseudo-observations that are added to each difference, half of them +1 and half −1, so that a
    /// handful of equal answers is not certainty (Bonett & Price 2012, *J. Educ. Behav. Stat.* 37:479,
    /// add two).
    pub pseudo: f64,
}

impl Scale {
    /// For differences of scores in [0, 1].
    pub const SCORES: Self = Self {
        grid: [0.0, 0.02, 0.05, 0.1, 0.2, 0.35],
        prior: 0.15,
        exponents: &[0.0, 1.0, 2.0],
        flat: 1.0,
        host: 0.015,
        pseudo: 2.0,
    };

    /// For logarithms of ratios of costs. Hosts ask different prices, so each counts as a model.
    pub const LOG_COSTS: Self = Self {
        grid: [0.0, 0.03, 0.1, 0.3, 0.8, 2.0],
        prior: 1.5,
        exponents: &[0.0],
        flat: 5.0,
        host: 0.0,
        pseudo: 0.0,
    };
}

/// One task of a category: what it adds to the differences.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskDifferences {
    /// Tasks of one cluster are not independent; `None`: the task is a cluster by itself.
    pub cluster: Option<u32>,
    /// Candidate less baseline for each candidate, repeats averaged; `None`: not both were scored.
    pub differences: Vec<Option<f64>>,
}

/// The tasks of one category.
#[derive(Clone, Debug, PartialEq)]
pub struct CategoryDifferences {
    pub tasks: Vec<TaskDifferences>,
    /// The room that it leaves for differences, positive: p·(1 − p) for pass rates. Only ratios
    /// between categories count.
    pub room: f64,
}

/// A candidate in a category.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellIndex {
    pub category: usize,
    pub candidate: usize,
}

/// A weighted sum of normals: the posterior of one quantity.
#[derive(Clone, Debug, PartialEq)]
pub struct NormalMixture {
    /// Weight, mean and standard deviation of each; the weights add up to 1.
    components: Vec<(f64, f64, f64)>,
}

impl NormalMixture {
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.components.iter().map(|(weight, mean, _)| weight * mean).sum()
    }

    /// E[exp(quantity)], for logarithms.
    #[must_use]
    pub fn mean_exp(&self) -> f64 {
        self.components.iter().map(|(weight, mean, sd)| weight * exp(mean + 0.5 * sd * sd)).sum()
    }

    #[must_use]
    pub fn sd(&self) -> f64 {
        let mean = self.mean();
        let square =
            |(weight, m, sd): &(f64, f64, f64)| weight * (sd * sd + (m - mean) * (m - mean));
        sqrt(self.components.iter().map(square).sum())
    }

    /// The posterior of the quantity plus a constant.
    #[must_use]
    pub fn shifted(&self, by: f64) -> Self {
        let shift = |(weight, mean, sd): &(f64, f64, f64)| (*weight, mean + by, *sd);
        Self { components: self.components.iter().map(shift).collect() }
    }

    /// P(quantity ≥ `bound`).
    #[must_use]
    pub fn at_least(&self, bound: f64) -> f64 {
        let above =
            |(weight, mean, sd): &(f64, f64, f64)| weight * normal::cdf((mean - bound) / sd);
        self.components.iter().map(above).sum()
    }

    /// The value that is not exceeded with probability `p`.
    #[must_use]
    pub fn quantile(&self, p: f64) -> f64 {
        let z = normal::quantile(p);
        let ends = || self.components.iter().map(|(_, mean, sd)| mean + z * sd);
        let mut low = ends().fold(f64::INFINITY, f64::min);
        let mut high = ends().fold(f64::NEG_INFINITY, f64::max);
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            if 1.0 - self.at_least(middle) < p { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    }

    /// The central interval that holds the quantity with the probability `level`.
    #[must_use]
    pub fn interval(&self, level: Level) -> (f64, f64) {
        (self.quantile(level.tail()), self.quantile(level.upper()))
    }
}

/// The differences of one category and the covariance of their means.
struct Category {
    /// Its room beside the geometric mean of all.
    room: f64,
    candidates: Vec<usize>,
    means: Vec<f64>,
    covariance: Matrix,
}

/// The posterior of all cells.
pub struct Posterior {
    categories: Vec<Category>,
    cells: Vec<CellIndex>,
    design: Design,
    components: Vec<Component>,
}

/// Which candidates share what.
#[derive(Clone)]
struct Design {
    /// The model of each candidate.
    models: Vec<usize>,
    n_models: usize,
}

impl Design {
    /// The columns of U: one for each model, one for each candidate, one for μ.
    fn columns(&self) -> usize {
        self.n_models + self.models.len() + 1
    }
}

/// The posterior under one α, τ, ω and κ.
struct Component {
    weight: f64,
    hyper: Hyper,
    means: Vec<f64>,
    variances: Vec<f64>,
}

#[derive(Clone, Copy)]
struct Hyper {
    exponent: f64,
    tau: f64,
    omega: f64,
    kappa: f64,
    flat: f64,
    host: f64,
}

impl Hyper {
    /// The row of U that belongs to a candidate in a category of this room^α: column and value.
    fn row(&self, design: &Design, candidate: usize, room: f64) -> [(usize, f64); 3] {
        [
            (design.models[candidate], room * self.omega),
            (design.n_models + candidate, self.host),
            (design.n_models + design.models.len(), room * self.flat),
        ]
    }

    /// room^α of a category.
    fn room(&self, category: &Category) -> f64 {
        if self.exponent == 0.0 { 1.0 } else { pow(category.room, self.exponent) }
    }
}

impl Posterior {
    /// The posterior given the tasks of each category, each with one difference for each candidate,
    /// and the number of the model that each candidate serves. A candidate that shares no task with
    /// the baseline has no cell there.
    #[must_use]
    pub fn new(categories: &[CategoryDifferences], models: &[usize], scale: &Scale) -> Self {
        let design = Design {
            models: models.to_vec(),
            n_models: models.iter().map(|model| model + 1).max().unwrap_or(0),
        };
        let categories = summarize(categories, models.len(), scale.pseudo);
        let mut cells = Vec::new();
        for (category, found) in categories.iter().enumerate() {
            let cell = |candidate: &usize| CellIndex { category, candidate: *candidate };
            cells.extend(found.candidates.iter().map(cell));
        }
        let components = components(&categories, &design, scale);
        Self { categories, cells, design, components }
    }

    /// The cells that have data, by category and candidate.
    #[must_use]
    pub fn cells(&self) -> &[CellIndex] {
        &self.cells
    }

    /// The posterior of one cell's true difference; `index` is its place in [`Self::cells`].
    #[must_use]
    pub fn cell(&self, index: usize) -> NormalMixture {
        let one = |c: &Component| (c.weight, c.means[index], sqrt(c.variances[index]));
        NormalMixture { components: self.components.iter().map(one).collect() }
    }

    /// The posterior of Σ weight·θ over the cells: the difference that a mix makes.
    #[must_use]
    pub fn sum(&self, weights: &[f64]) -> NormalMixture {
        let one = |component: &Component| {
            let mean = dot(weights, &component.means);
            let variance = Factors::new(&self.categories, &self.design, component.hyper)
                .variance(&self.categories, weights);
            (component.weight, mean, sqrt(variance))
        };
        NormalMixture { components: self.components.iter().map(one).collect() }
    }
}

/// Means and covariances of each category, the latter drawn towards the pooled one.
fn summarize(categories: &[CategoryDifferences], candidates: usize, pseudo: f64) -> Vec<Category> {
    let products: Vec<Products> =
        categories.iter().map(|c| Products::new(&c.tasks, candidates, pseudo)).collect();
    let mut total = Matrix::zero(candidates);
    let mut tasks = Matrix::zero(candidates);
    for product in &products {
        for i in 0..candidates {
            for j in 0..candidates {
                let n = product.shared.at(i, j);
                *total.at_mut(i, j) += n * product.per_task(i, j);
                *tasks.at_mut(i, j) += n;
            }
        }
    }
    let pooled = |i: usize, j: usize| match tasks.at(i, j) {
        n if n > 0.0 => total.at(i, j) / n,
        _ => 0.0,
    };
    let rooms = relative_rooms(categories);
    let one = |(product, room): (&Products, f64)| {
        let present: Vec<usize> =
            (0..candidates).filter(|m| product.shared.at(*m, *m) > 0.0).collect();
        let mut covariance = Matrix::zero(present.len());
        for (a, &i) in present.iter().enumerate() {
            for (b, &j) in present.iter().enumerate() {
                let n = product.shared.at(i, j);
                let variance =
                    (n * product.per_task(i, j) + SHRINKAGE * pooled(i, j)) / (n + SHRINKAGE);
                let (n_i, n_j) = (product.shared.at(i, i), product.shared.at(j, j));
                *covariance.at_mut(a, b) = variance * n / (n_i * n_j);
            }
        }
        let means = present.iter().map(|m| product.means[*m]).collect();
        Category { room, candidates: present, means, covariance }
    };
    products.iter().zip(rooms).map(one).collect()
}

/// The room of each category beside the geometric mean of those with tasks.
fn relative_rooms(categories: &[CategoryDifferences]) -> Vec<f64> {
    let with_tasks = || categories.iter().filter(|category| !category.tasks.is_empty());
    let logs: f64 = with_tasks().map(|category| log(category.room)).sum();
    let mean = exp(logs / (with_tasks().count() as f64).max(1.0));
    categories.iter().map(|category| category.room / mean).collect()
}

/// Sums over the tasks of one category.
struct Products {
    means: Vec<f64>,
    /// Σ of the products of two candidates' deviations, over clusters.
    deviations: Matrix,
    /// Tasks that two candidates share with the baseline.
    shared: Matrix,
    pseudo: f64,
}

impl Products {
    fn new(tasks: &[TaskDifferences], candidates: usize, pseudo: f64) -> Self {
        let mut sums = vec![0.0; candidates];
        let mut shared = Matrix::zero(candidates);
        for task in tasks {
            for (i, difference) in task.differences.iter().enumerate() {
                let Some(difference) = difference else { continue };
                sums[i] += difference;
                for (j, other) in task.differences.iter().enumerate() {
                    *shared.at_mut(i, j) += f64::from(u8::from(other.is_some()));
                }
            }
        }
        let n = |m: usize| shared.at(m, m);
        // The pseudo-observations ±1 leave the sum and add to the count.
        let centre: Vec<f64> =
            (0..candidates).map(|m| sums[m] / (n(m) + pseudo).max(1.0)).collect();
        let means = (0..candidates).map(|m| sums[m] / n(m).max(1.0)).collect();
        let deviations = Self::deviations(tasks, &centre);
        Self { means, deviations, shared, pseudo }
    }

    /// CR1: deviations are added within a cluster before they are multiplied.
    fn deviations(tasks: &[TaskDifferences], centre: &[f64]) -> Matrix {
        let mut clusters = std::collections::BTreeMap::<u32, Vec<f64>>::new();
        let mut units: Vec<Vec<f64>> = Vec::new();
        for task in tasks {
            let deviation: Vec<f64> = (task.differences.iter().zip(centre))
                .map(|(difference, centre)| difference.map_or(0.0, |d| d - centre))
                .collect();
            match task.cluster {
                None => units.push(deviation),
                Some(cluster) => {
                    let sum = clusters.entry(cluster).or_insert_with(|| vec![0.0; centre.len()]);
                    sum.iter_mut().zip(deviation).for_each(|(sum, d)| *sum += d);
                }
            }
        }
        let is_clustered = !clusters.is_empty();
        units.extend(clusters.into_values());
        let count = units.len() as f64;
        let correction = if is_clustered && count > 1.0 { count / (count - 1.0) } else { 1.0 };
        let mut products = Matrix::zero(centre.len());
        for unit in &units {
            for i in 0..centre.len() {
                for j in 0..centre.len() {
                    *products.at_mut(i, j) += correction * unit[i] * unit[j];
                }
            }
        }
        products
    }

    /// The covariance of two candidates' differences on one task.
    fn per_task(&self, i: usize, j: usize) -> f64 {
        let n = self.shared.at(i, j);
        let pseudo = if i == j { self.pseudo } else { 0.0 };
        if n > 0.0 { (self.deviations.at(i, j) + pseudo) / (n + self.pseudo) } else { 0.0 }
    }
}

/// The posterior under each point of the grid.
fn components(categories: &[Category], design: &Design, scale: &Scale) -> Vec<Component> {
    let with_data = categories.iter().filter(|category| !category.candidates.is_empty()).count();
    let mut seen = vec![false; design.n_models];
    categories.iter().flat_map(|c| &c.candidates).for_each(|e| seen[design.models[*e]] = true);
    let grid_of = |several: bool| if several { &scale.grid[..] } else { &[0.0][..] };
    let omegas = grid_of(seen.iter().filter(|seen| **seen).count() > 1);
    let kappas = grid_of(with_data > 1);
    // With one cell, τ and μ cannot be told apart.
    let taus = grid_of(omegas.len() > 1 || kappas.len() > 1);
    let exponents = if kappas.len() > 1 { scale.exponents } else { &[0.0] };
    let mut found = Vec::new();
    for &exponent in exponents {
        for &tau in taus {
            for &kappa in kappas {
                for &omega in omegas {
                    let Scale { flat, host, .. } = *scale;
                    let hyper = Hyper { exponent, tau, omega, kappa, flat, host };
                    let squares = tau * tau + omega * omega + kappa * kappa;
                    let log_prior = -squares / (2.0 * scale.prior * scale.prior);
                    let factors = Factors::new(categories, design, hyper);
                    found.push((log_prior + factors.log_likelihood(categories), hyper));
                }
            }
        }
    }
    let best = found.iter().map(|(weight, _)| *weight).fold(f64::NEG_INFINITY, f64::max);
    let weights = found.into_iter().map(|(weight, hyper)| (exp(weight - best), hyper));
    let kept: Vec<(f64, Hyper)> = weights.filter(|(weight, _)| *weight > NEGLIGIBLE).collect();
    let total: f64 = kept.iter().map(|(weight, _)| weight).sum();
    let component = |(weight, hyper): (f64, Hyper)| {
        let (means, variances) = Factors::new(categories, design, hyper).moments(categories);
        Component { weight: weight / total, hyper, means, variances }
    };
    kept.into_iter().map(component).collect()
}

/// The factors of A = V + Σ, the covariance of the observed differences.
///
/// V + Σ = D + U·Uᵀ: D holds a block for each category, Σ and what a category does not share with
/// others; U has a column for each model (ω), each candidate (host) and μ (flat). By Woodbury's
/// identity only the blocks and a matrix of as many rows as U has columns are inverted.
struct Factors<'a> {
    design: &'a Design,
    hyper: Hyper,
    /// room^α of each category.
    rooms: Vec<f64>,
    /// D⁻¹ for each category, and ln det D.
    inverses: Vec<Matrix>,
    log_determinant: f64,
    /// I + Uᵀ·D⁻¹·U.
    inner: Cholesky,
}

impl<'a> Factors<'a> {
    fn new(categories: &[Category], design: &'a Design, hyper: Hyper) -> Self {
        let columns = design.columns();
        let mut inner = Matrix::zero(columns);
        for i in 0..columns {
            *inner.at_mut(i, i) = 1.0;
        }
        let mut log_determinant = 0.0;
        let mut inverses = Vec::with_capacity(categories.len());
        let rooms: Vec<f64> = categories.iter().map(|category| hyper.room(category)).collect();
        for (category, &room) in categories.iter().zip(&rooms) {
            let mut block = category.covariance.clone();
            let model = |at: usize| design.models[category.candidates[at]];
            for i in 0..block.size() {
                for j in 0..block.size() {
                    let same_model = if model(i) == model(j) { hyper.tau * hyper.tau } else { 0.0 };
                    *block.at_mut(i, j) += room * room * (hyper.kappa * hyper.kappa + same_model);
                }
                *block.at_mut(i, i) += hyper.host * hyper.host;
            }
            let factor = Cholesky::new(&block);
            log_determinant += factor.log_determinant();
            let inverse = factor.inverse();
            for (a, &i) in category.candidates.iter().enumerate() {
                for (b, &j) in category.candidates.iter().enumerate() {
                    for (row, left) in hyper.row(design, i, room) {
                        for (column, right) in hyper.row(design, j, room) {
                            *inner.at_mut(row, column) += left * inverse.at(a, b) * right;
                        }
                    }
                }
            }
            inverses.push(inverse);
        }
        let inner = Cholesky::new(&inner);
        log_determinant += inner.log_determinant();
        Self { design, hyper, rooms, inverses, log_determinant, inner }
    }

    /// Each category with its room^α and D⁻¹.
    fn blocks<'c>(
        &'c self,
        categories: &'c [Category],
    ) -> impl Iterator<Item = (&'c Category, f64, &'c Matrix)> {
        let factors = self.rooms.iter().zip(&self.inverses);
        categories.iter().zip(factors).map(|(category, (room, inverse))| (category, *room, inverse))
    }

    /// Uᵀ·v, added up over one category.
    fn project(&self, category: &Category, room: f64, v: &[f64], onto: &mut [f64]) {
        for (&candidate, v) in category.candidates.iter().zip(v) {
            for (column, u) in self.hyper.row(self.design, candidate, room) {
                onto[column] += u * v;
            }
        }
    }

    /// U·x in one category.
    fn spread(&self, category: &Category, room: f64, x: &[f64]) -> Vec<f64> {
        let row = |candidate: &usize| self.hyper.row(self.design, *candidate, room);
        let sum = |candidate| row(candidate).iter().map(|(column, u)| u * x[*column]).sum();
        category.candidates.iter().map(sum).collect()
    }

    /// Uᵀ·D⁻¹·y and yᵀ·D⁻¹·y.
    fn projected(&self, categories: &[Category]) -> (Vec<f64>, f64) {
        let mut projected = vec![0.0; self.design.columns()];
        let mut square = 0.0;
        for (category, room, inverse) in self.blocks(categories) {
            let scaled = inverse.times(&category.means);
            square += dot(&category.means, &scaled);
            self.project(category, room, &scaled, &mut projected);
        }
        (projected, square)
    }

    /// The logarithm of the likelihood but for a constant.
    fn log_likelihood(&self, categories: &[Category]) -> f64 {
        let (projected, square) = self.projected(categories);
        let square = square - dot(&projected, &self.inner.solve(&projected));
        -0.5 * (self.log_determinant + square)
    }

    /// Mean and variance of each θ.
    fn moments(&self, categories: &[Category]) -> (Vec<f64>, Vec<f64>) {
        let solved = self.inner.solve(&self.projected(categories).0);
        let (mut means, mut variances) = (Vec::new(), Vec::new());
        for (category, room, inverse) in self.blocks(categories) {
            // θ = y − noise, and noise given y is Σ·A⁻¹·y.
            let common = self.spread(category, room, &solved);
            let left: Vec<f64> =
                category.means.iter().zip(&common).map(|(mean, common)| mean - common).collect();
            let noise = category.covariance.times(&inverse.times(&left));
            means.extend(category.means.iter().zip(noise).map(|(mean, noise)| mean - noise));
            for i in 0..category.candidates.len() {
                let row = category.covariance.row(i);
                let scaled = inverse.times(row);
                let mut onto = vec![0.0; self.design.columns()];
                self.project(category, room, &scaled, &mut onto);
                let known = dot(row, &scaled) - dot(&onto, &self.inner.solve(&onto));
                variances.push((row[i] - known).max(1e-12));
            }
        }
        (means, variances)
    }

    /// The variance of Σ weight·θ: wᵀ·(Σ − Σ·A⁻¹·Σ)·w.
    fn variance(&self, categories: &[Category], weights: &[f64]) -> f64 {
        let mut onto = vec![0.0; self.design.columns()];
        let (mut variance, mut at) = (0.0, 0);
        for (category, room, inverse) in self.blocks(categories) {
            let weights = &weights[at..at + category.candidates.len()];
            at += category.candidates.len();
            let noise = category.covariance.times(weights);
            let scaled = inverse.times(&noise);
            variance += dot(weights, &noise) - dot(&noise, &scaled);
            self.project(category, room, &scaled, &mut onto);
        }
        (variance + dot(&onto, &self.inner.solve(&onto))).max(1e-12)
    }
}

#[cfg(test)]
mod tests;
