//! Percentiles of a series whose values hang together in time.
//!
//! A provider that is slow for a moment is slow for all requests of that moment, so neighbours are no
//! independent observations. Blocks of time are: Woodruff's interval (1952, *JASA* 47:635) with the
//! variance of a mean of blocks.

use libm::sqrt;

use super::Level;
use super::quantile::lag1;
use super::special::t_quantile;

/// Blocks that are tried, the most first.
const BLOCKS: std::ops::RangeInclusive<usize> = 10..=30;
/// Sums of neighbouring blocks with a correlation below this count as independent.
const CORRELATION_MAX: f64 = 0.2;

/// The interval of a percentile as shares of the ordered sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BlockInterval {
    /// The share of the sample below the lower end, 0..1.
    pub low: f64,
    /// The share below the upper end.
    pub high: f64,
    /// The blocks it rests on.
    pub blocks: usize,
}

/// The interval of the quantile `p`, given for each observation, in the order of time, whether it is
/// at most the sample's quantile. `None`: no number of equal blocks from 10 to 30 has independent
/// sums, so the series is too short to tell.
#[must_use]
pub fn block_interval(is_at_most: &[bool], p: f64, level: Level) -> Option<BlockInterval> {
    let n = is_at_most.len();
    for blocks in BLOCKS.rev().filter(|blocks| n >= 2 * blocks) {
        let sums: Vec<f64> = (0..blocks)
            .map(|block| {
                let part = &is_at_most[block * n / blocks..(block + 1) * n / blocks];
                part.iter().map(|is| f64::from(u8::from(*is)) - p).sum()
            })
            .collect();
        if lag1(&sums) < CORRELATION_MAX {
            let count = blocks as f64;
            let squares: f64 = sums.iter().map(|sum| sum * sum).sum();
            let se = sqrt(count / (count - 1.0) * squares) / n as f64;
            let half = t_quantile(level.upper(), count - 1.0) * se;
            return Some(BlockInterval {
                low: (p - half).max(0.0),
                high: (p + half).min(1.0),
                blocks,
            });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::oracle::close;
    use crate::stats::quantile::nearest_rank;
    use crate::units::Seed;

    fn marks(values: &[f64], p: f64) -> (Vec<bool>, Vec<f64>) {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let rank = rank(values.len() as u64, p);
        (values.iter().map(|value| *value <= sorted[rank - 1]).collect(), sorted)
    }

    #[test]
    fn agrees_with_hand_calculation() {
        // 60 observations, thirty blocks of two; every second one is below the median.
        let alternating: Vec<bool> = (0..60).map(|i| i % 2 == 0).collect();
        let found = block_interval(&alternating, 0.5, Level::P95).expect("blocks");
        assert_eq!(found, BlockInterval { low: 0.5, high: 0.5, blocks: 30 }, "sums of 0");
        // Pairs that agree: ±1 in turns, Σ sums² = 30, se = √(30/29·30)/60.
        let pairs: Vec<bool> = (0..60).map(|i| i / 2 % 2 == 0).collect();
        let found = block_interval(&pairs, 0.5, Level::P95).expect("blocks");
        let half = 2.045_229_642_132_703 * sqrt(30.0 / 29.0 * 30.0) / 60.0;
        close(found.high, 0.5 + half, 1e-12, "the upper end");
        close(found.low, 0.5 - half, 1e-12, "the lower end");
    }

    #[test]
    fn a_series_that_is_one_long_swing_has_no_interval() {
        let swing: Vec<bool> = (0..600).map(|i| i < 300).collect();
        assert_eq!(block_interval(&swing, 0.5, Level::P95), None);
        assert_eq!(
            block_interval(&[true; 19], 0.5, Level::P95),
            None,
            "less than two in each of ten"
        );
    }

    fn rank(n: u64, p: f64) -> usize {
        usize::try_from(nearest_rank(n, p).max(1)).expect("a rank")
    }

    #[test]
    fn slots_that_share_a_delay_are_covered() {
        // 40 slots of 25 requests; the slot's delay is half of the variance.
        let covered = |p: f64, truth: f64| {
            let mut count = (0, 0);
            for series in 0..400 {
                let mut draw = Seed(series).draw("blocks", &[]);
                let values: Vec<f64> = (0..40)
                    .flat_map(|_| {
                        let slot = draw.normal();
                        (0..25).map(|_| slot + draw.normal()).collect::<Vec<_>>()
                    })
                    .collect();
                let (marks, sorted) = marks(&values, p);
                let Some(interval) = block_interval(&marks, p, Level::P95) else { continue };
                let at = |share: f64| sorted[rank(1000, share) - 1];
                count.1 += 1;
                count.0 += u32::from(at(interval.low) <= truth && truth <= at(interval.high));
            }
            f64::from(count.0) / f64::from(count.1)
        };
        let root2 = sqrt(2.0);
        for (p, z) in [(0.5, 0.0), (0.9, 1.281_551_565_544_600_4)] {
            let share = covered(p, root2 * z);
            assert!(share > 0.9, "{p}: {share}");
        }
    }
}
