//! Small dense symmetric matrices.

use libm::{log, sqrt};

/// A square matrix, row by row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Matrix {
    size: usize,
    values: Vec<f64>,
}

impl Matrix {
    pub(super) fn zero(size: usize) -> Self {
        Self { size, values: vec![0.0; size * size] }
    }

    pub(super) const fn size(&self) -> usize {
        self.size
    }

    pub(super) fn at(&self, row: usize, column: usize) -> f64 {
        self.values[row * self.size + column]
    }

    pub(super) fn at_mut(&mut self, row: usize, column: usize) -> &mut f64 {
        &mut self.values[row * self.size + column]
    }

    pub(super) fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.size..(row + 1) * self.size]
    }

    pub(super) fn times(&self, vector: &[f64]) -> Vec<f64> {
        (0..self.size).map(|row| dot(self.row(row), vector)).collect()
    }
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The lower triangle L of a positive definite matrix A = L·Lᵀ.
pub(super) struct Cholesky {
    lower: Matrix,
}

impl Cholesky {
    /// A pivot that rounding, or a covariance of incomplete pairs, has made too small is raised to
    /// 10⁻¹² of its diagonal element.
    pub(super) fn new(a: &Matrix) -> Self {
        let size = a.size();
        let mut lower = Matrix::zero(size);
        for row in 0..size {
            for column in 0..=row {
                let known = dot(&lower.row(row)[..column], &lower.row(column)[..column]);
                let rest = a.at(row, column) - known;
                *lower.at_mut(row, column) = if row == column {
                    let least = (a.at(row, row) * 1e-12).max(f64::MIN_POSITIVE);
                    sqrt(rest.max(least))
                } else {
                    rest / lower.at(column, column)
                };
            }
        }
        Self { lower }
    }

    /// ln det A.
    pub(super) fn log_determinant(&self) -> f64 {
        2.0 * (0..self.lower.size()).map(|i| log(self.lower.at(i, i))).sum::<f64>()
    }

    /// A⁻¹·b.
    pub(super) fn solve(&self, b: &[f64]) -> Vec<f64> {
        let size = self.lower.size();
        let mut x = b.to_vec();
        for row in 0..size {
            let known = dot(&self.lower.row(row)[..row], &x[..row]);
            x[row] = (x[row] - known) / self.lower.at(row, row);
        }
        for row in (0..size).rev() {
            let known: f64 =
                (row + 1..size).map(|below| self.lower.at(below, row) * x[below]).sum();
            x[row] = (x[row] - known) / self.lower.at(row, row);
        }
        x
    }

    /// A⁻¹, symmetric.
    pub(super) fn inverse(&self) -> Matrix {
        let size = self.lower.size();
        let mut inverse = Matrix::zero(size);
        let mut unit = vec![0.0; size];
        for column in 0..size {
            unit[column] = 1.0;
            for (row, value) in self.solve(&unit).into_iter().enumerate() {
                *inverse.at_mut(row, column) = value;
            }
            unit[column] = 0.0;
        }
        inverse
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::oracle::close;

    fn example() -> Matrix {
        let mut a = Matrix::zero(3);
        let values = [[4.0, 2.0, 0.6], [2.0, 5.0, 1.0], [0.6, 1.0, 3.0]];
        for (row, values) in values.iter().enumerate() {
            for (column, value) in values.iter().enumerate() {
                *a.at_mut(row, column) = *value;
            }
        }
        a
    }

    #[test]
    fn a_solution_solves() {
        let (a, b) = (example(), [1.0, -2.0, 0.5]);
        let x = Cholesky::new(&a).solve(&b);
        for (found, expected) in a.times(&x).into_iter().zip(b) {
            close(found, expected, 1e-14, "A·x");
        }
    }

    #[test]
    fn the_inverse_and_the_determinant_agree_with_hand_calculation() {
        let factor = Cholesky::new(&example());
        let expected = 4.0 * (15.0 - 1.0) - 2.0 * (6.0 - 0.6) + 0.6 * (2.0 - 3.0);
        close(factor.log_determinant(), log(expected), 1e-14, "ln det");
        close(factor.inverse().at(0, 0), 14.0 / expected, 1e-14, "a cofactor");
    }

    #[test]
    fn a_singular_matrix_still_factors() {
        let mut a = Matrix::zero(2);
        for (row, column) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            *a.at_mut(row, column) = 1.0;
        }
        assert!(Cholesky::new(&a).solve(&[1.0, 1.0]).iter().all(|x| x.is_finite()));
    }
}
