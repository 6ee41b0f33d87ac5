//! Many tests at once.

/// The p-values adjusted so that rejecting those up to α keeps the expected share of false
/// rejections at α, in the order given.
///
/// Benjamini & Hochberg 1995, *JRSS B* 57:289: with m p-values in ascending order, the i-th becomes
/// the least of m·p₍ⱼ₎/j over j ≥ i, at most 1.
#[must_use]
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let mut descending: Vec<usize> = (0..p.len()).collect();
    descending.sort_by(|a, b| p[*b].total_cmp(&p[*a]));
    let mut adjusted = vec![1.0; p.len()];
    let mut least = 1.0_f64;
    for (above, idx) in descending.into_iter().enumerate() {
        let rank = p.len() - above;
        least = least.min(p[idx] * p.len() as f64 / rank as f64);
        adjusted[idx] = least;
    }
    adjusted
}

/// The p-values adjusted so that rejecting those up to α makes any false rejection with a
/// probability of at most α, in the order given.
///
/// Holm 1979, *Scand. J. Stat.* 6:65: with m p-values in ascending order, the i-th becomes the
/// largest of (m + 1 − j)·p₍ⱼ₎ over j ≤ i, at most 1.
#[must_use]
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut ascending: Vec<usize> = (0..p.len()).collect();
    ascending.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut adjusted = vec![1.0; p.len()];
    let mut most = 0.0_f64;
    for (below, idx) in ascending.into_iter().enumerate() {
        most = most.max(p[idx] * (p.len() - below) as f64).min(1.0);
        adjusted[idx] = most;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::oracle::{cases, close, list, numbers};

    fn check(p: &[f64], expected: &[f64]) {
        check_all(&benjamini_hochberg(p), expected);
    }

    fn check_all(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            close(*found, *expected, 1e-10, "adjusted p");
        }
    }

    #[test]
    fn holm_rejects_one_by_one() {
        check_all(&holm(&[]), &[]);
        check_all(&holm(&[0.01, 0.04, 0.03, 0.005]), &[0.03, 0.06, 0.06, 0.02]);
        check_all(&holm(&[0.6, 0.7]), &[1.0, 1.0]);
    }

    #[test]
    fn the_papers_own_example_rejects_four() {
        let p = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
            0.5719, 0.6528, 0.7590, 1.0,
        ];
        assert_eq!(benjamini_hochberg(&p).iter().filter(|p| **p <= 0.05).count(), 4);
    }

    #[test]
    fn order_is_kept_and_equals_stay_equal() {
        check(&[], &[]);
        check(&[0.7], &[0.7]);
        check(&[0.5, 0.01, 0.03], &[0.5, 0.03, 0.045]);
        check(&[0.05, 0.05, 0.05], &[0.05, 0.05, 0.05]);
        check(&[0.9, 1.0], &[1.0, 1.0]);
    }

    #[test]
    fn agrees_with_the_worked_vectors() {
        let Some(cases) = cases("multiple_testing") else { return };
        for case in list(&cases) {
            check(&numbers(&case["p"]), &numbers(&case["bh_adj"]));
            check_all(&holm(&numbers(&case["p"])), &numbers(&case["holm_adj"]));
        }
    }
}
