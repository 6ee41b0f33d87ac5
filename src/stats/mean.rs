//! Means, and the standard error that respects clusters.

use std::collections::BTreeMap;

use libm::sqrt;

use super::special::t_quantile;
use super::{Estimate, Level, Method};

/// A mean with its standard error over independent units: the clusters where values share one,
/// else the values themselves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The mean of all values, each with the same weight.
    pub mean: f64,
    /// Its standard error; `None` with fewer than two units.
    pub se: Option<f64>,
    /// The number of values.
    pub n: u64,
    /// The number of independent units; `n` where no cluster is shared.
    pub units: u64,
    /// The effective number of values if all values of a cluster agree: `n² / Σ n_c²` (Kish
    /// 1965, *Survey Sampling*); `n` where no cluster is shared.
    pub n_floor: f64,
}

impl Spread {
    /// Whether two values share a cluster.
    #[must_use]
    pub const fn is_clustered(&self) -> bool {
        self.units < self.n
    }

    /// Degrees of freedom of the standard error: units − 1.
    #[must_use]
    pub const fn df(&self) -> f64 {
        self.units.saturating_sub(1) as f64
    }
}

/// The mean of values that may share a cluster (`None`: a cluster of its own), with the
/// cluster-robust standard error CR1; `None` without a value.
///
/// `√(C/(C−1) · Σ_c (Σ_{i∈c} (x_i − x̄))²) / n`: Liang & Zeger 1986 (*Biometrika* 73:13); Miller 2024
/// (arXiv:2411.00640) §2.2 for evaluations. Where no cluster is shared it is s/√n.
#[must_use]
pub fn spread(values: &[(f64, Option<u32>)]) -> Option<Spread> {
    if values.is_empty() {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().map(|(value, _)| value).sum::<f64>() / n;
    let mut clusters: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    let (mut units, mut squares, mut size_squares) = (0_u64, 0.0, 0.0);
    for (value, cluster) in values {
        let deviation = value - mean;
        if let Some(cluster) = cluster {
            let (sum, size) = clusters.entry(*cluster).or_default();
            *sum += deviation;
            *size += 1.0;
        } else {
            units += 1;
            squares += deviation * deviation;
            size_squares += 1.0;
        }
    }
    for (sum, size) in clusters.values() {
        units += 1;
        squares += sum * sum;
        size_squares += size * size;
    }
    let correction = units as f64 / (units as f64 - 1.0);
    Some(Spread {
        mean,
        se: (units >= 2).then(|| sqrt(correction * squares) / n),
        n: values.len() as u64,
        units,
        n_floor: n * n / size_squares,
    })
}

/// The mean with Student's interval (Student 1908); no interval from a single value, `None`
/// without one.
#[must_use]
pub fn mean_t(values: &[f64], level: Level) -> Option<Estimate> {
    let alone: Vec<_> = values.iter().map(|value| (*value, None)).collect();
    let spread = spread(&alone)?;
    let half = spread.se.map(|se| t_quantile(level.upper(), spread.df()) * se);
    Some(Estimate {
        value: spread.mean,
        low: half.map(|half| spread.mean - half),
        high: half.map(|half| spread.mean + half),
        level,
        n: spread.n,
        method: Method::T,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::oracle::{cases, close, list, number, numbers};

    #[test]
    fn too_few_values_have_no_interval() {
        assert_eq!(mean_t(&[], Level::P95), None);
        let one = mean_t(&[3.0], Level::P95).unwrap();
        assert_eq!((one.low, one.high, one.n), (None, None, 1));
        let spread = spread(&[(1.0, Some(4)), (2.0, Some(4))]).unwrap();
        assert_eq!((spread.se, spread.units), (None, 1), "one cluster is one observation");
    }

    #[test]
    fn students_sleep_data() {
        // Student 1908, extra hours of sleep, dextro- against laevo-hyoscyamine: mean 1.58, SE
        // 0.389, 95 % interval 0.700 to 2.460.
        let hours = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4];
        let sleep = mean_t(&hours, Level::P95).unwrap();
        close(sleep.value, 1.58, 1e-12, "mean");
        close(sleep.low.unwrap(), 0.700, 5e-4, "low");
        close(sleep.high.unwrap(), 2.460, 5e-4, "high");
    }

    #[test]
    fn a_cluster_that_says_the_same_counts_once() {
        // Four clusters of three equal values are worth four observations.
        let fourfold: Vec<_> =
            [0.1, 0.5, 0.6, 0.9].iter().zip(0..).flat_map(|(x, c)| [(*x, Some(c)); 3]).collect();
        let clustered = spread(&fourfold).unwrap();
        let once = spread(&[(0.1, None), (0.5, None), (0.6, None), (0.9, None)]).unwrap();
        close(clustered.se.unwrap(), once.se.unwrap(), 1e-15, "se");
        close(clustered.n_floor, 4.0, 1e-12, "what they are worth");
        assert!(clustered.is_clustered() && !once.is_clustered());
    }

    #[test]
    fn clusters_of_one_are_no_clusters() {
        let plain = spread(&[(0.0, None), (1.0, None), (1.0, None)]).unwrap();
        let named = spread(&[(0.0, Some(7)), (1.0, None), (1.0, Some(2))]).unwrap();
        assert!(!named.is_clustered());
        close(named.se.unwrap(), plain.se.unwrap(), 1e-15, "se");
    }

    #[test]
    fn means_agree_with_the_worked_vectors() {
        let Some(cases) = cases("mean_se") else { return };
        for case in list(&cases) {
            let values = numbers(&case["x"]);
            let alone: Vec<_> = values.iter().map(|x| (*x, None)).collect();
            let se = spread(&alone).unwrap().se.unwrap();
            close(se, number(&case["se"]), 1e-10, "se");
            if number(&case["conf"]) > 0.96 {
                continue; // Our intervals are all 95 %; the standard error above is the same.
            }
            let mean = mean_t(&values, Level::P95).unwrap();
            close(mean.value, number(&case["mean"]), 1e-10, "mean");
            close(mean.low.unwrap(), number(&case["lo"]), 1e-10, "low");
            close(mean.high.unwrap(), number(&case["hi"]), 1e-10, "high");
        }
    }

    #[test]
    fn clusters_agree_with_the_worked_vectors() {
        for group in ["clustered_se", "paired_diff_clustered"] {
            let Some(cases) = cases(group) else { return };
            for case in list(&cases) {
                let clusters = list(&case["clusters"]).iter().map(|c| {
                    Some(u32::try_from(c.as_u64().expect("a cluster")).expect("a small one"))
                });
                let values: Vec<_> = numbers(&case["scores"]).into_iter().zip(clusters).collect();
                let spread = spread(&values).unwrap();
                let se = spread.se.unwrap();
                close(spread.mean, number(&case["mean"]), 1e-9, "mean");
                close(se, number(&case["se_cr1"]), 1e-9, "se");
                close(spread.df(), number(&case["df"]), 0.0, "df");
                let low = spread.mean - t_quantile(Level::P95.upper(), spread.df()) * se;
                close(low, number(&case["lo_cr1"]), 1e-9, "low");
            }
        }
    }
}
