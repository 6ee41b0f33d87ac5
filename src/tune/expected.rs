//! The expected figures of a mix on the measured tasks.

use super::admit::{Candidate, CategoryTable, TuneContext};
use super::{evidence, round};
use crate::stats::{Estimate, Level, Method};
use crate::weights::{Expected, PARTS};

/// The expected figures of some tables, each with its share of the traffic and its mix in parts per
/// million, and the figures of today's endpoint. Difference and saving come from the model of the
/// whole run, the rest from the cells as counted.
pub(super) fn expected(
    context: &TuneContext<'_>,
    mixes: &[(f64, &CategoryTable<'_>, &[u32])],
) -> Expected {
    // Traffic that nothing serves has no figures, and so the whole has none.
    let is_served = |weights: &[u32]| weights.iter().any(|part| *part > 0);
    let all_served = mixes.iter().all(|(share, _, parts)| *share <= 0.0 || is_served(parts));
    let of_mix = |of: fn(&Candidate<'_>) -> Option<Estimate>| -> Option<Estimate> {
        let mut parts = Vec::new();
        for (share, table, weights) in mixes {
            for (candidate, weight) in
                table.candidates.iter().zip(*weights).filter(|(_, w)| **w > 0)
            {
                parts.push((share * f64::from(*weight) / f64::from(PARTS), of(candidate)));
            }
        }
        mixture(&parts).filter(|_| all_served)
    };
    let of_today = |of: fn(&Candidate<'_>) -> Option<Estimate>| -> Option<Estimate> {
        let parts: Option<Vec<_>> = mixes
            .iter()
            .map(|(share, table, _)| table.today().map(|candidate| (*share, of(candidate))))
            .collect();
        mixture(&parts?)
    };
    let today_cost = of_today(|candidate| candidate.cell.cost_per_task).map(not_negative);
    let change = Some(context).filter(|_| all_served).and_then(|context| change(context, mixes));
    Expected {
        difference: change.as_ref().map(|change| round::estimate(change.difference)),
        saving: change.as_ref().and_then(|change| change.saving).map(round::estimate),
        slo_miss: of_mix(|candidate| candidate.cell.slo_miss).map(shares_only),
        today_quality: of_today(|candidate| candidate.cell.quality).map(shares_only),
        today_cost_per_task_usd: today_cost,
        today_slo_miss: of_today(|candidate| candidate.cell.slo_miss).map(shares_only),
    }
}

/// What the mixes change, against today's endpoint.
struct Change {
    /// Quality, −1..1.
    difference: Estimate,
    /// The share of today's cost that is saved.
    saving: Option<Estimate>,
}

/// `None`: nothing is known of today's endpoint, or of one with weight.
fn change(
    context: &TuneContext<'_>,
    mixes: &[(f64, &CategoryTable<'_>, &[u32])],
) -> Option<Change> {
    let evidence = context.evidence.as_ref()?;
    let mut moved = Vec::new();
    for (share, table, parts) in mixes {
        for (endpoint, part) in parts.iter().enumerate() {
            let weight = share * f64::from(*part) / f64::from(PARTS);
            if weight > 0.0 && table.today != Some(endpoint) {
                moved.extend(context.spread(table, endpoint, weight));
            }
        }
    }
    let n = context.metrics.scores.tasks().len() as u64;
    if moved.is_empty() {
        let nothing = |method| Estimate {
            value: 0.0,
            low: Some(0.0),
            high: Some(0.0),
            level: Level::P95,
            n,
            method,
        };
        let (difference, saving) = (nothing(Method::Exact), nothing(Method::Exact));
        return Some(Change { difference, saving: Some(saving) });
    }
    let difference = evidence::estimate(&evidence.difference(&moved)?, n);
    Some(Change { difference, saving: evidence.saving_of(&moved) })
}

/// The mean of a figure over a mix; `None` where a part with weight lacks it.
pub(super) fn mean_value<'a>(
    table: &CategoryTable<'a>,
    parts: &[u32],
    of: impl Fn(&Candidate<'a>) -> Option<f64>,
) -> Option<f64> {
    let mut sum = 0.0;
    for (candidate, weight) in table.candidates.iter().zip(parts).filter(|(_, weight)| **weight > 0)
    {
        sum += f64::from(*weight) / f64::from(PARTS) * of(candidate)?;
    }
    Some(sum)
}

/// Σ weight × estimate of independent estimates at one level: half-widths add up as squares, as
/// standard errors do. A single estimate with all the weight stays as it is. `None` where a part
/// with weight is unknown; no interval where a part has none.
fn mixture(parts: &[(f64, Option<Estimate>)]) -> Option<Estimate> {
    let mut known = Vec::new();
    for (weight, estimate) in parts.iter().filter(|(weight, _)| *weight > 0.0) {
        known.push((*weight, (*estimate)?));
    }
    match known.as_slice() {
        [] => return None,
        [(weight, one)] if (weight - 1.0).abs() < 1e-12 => return Some(round::estimate(*one)),
        _ => {}
    }
    let value: f64 = known.iter().map(|(weight, e)| weight * e.value).sum();
    let squares: Option<f64> = known
        .iter()
        .map(|(weight, e)| Some(weight * (e.high? - e.low?) / 2.0))
        .map(|half| half.map(|h| h * h))
        .sum();
    let half = squares.map(libm::sqrt);
    Some(round::estimate(Estimate {
        value,
        low: half.map(|half| value - half),
        high: half.map(|half| value + half),
        level: known[0].1.level,
        n: known.iter().map(|(_, e)| e.n).sum(),
        method: Method::Mixture,
    }))
}

/// The interval cut to 0..1.
fn shares_only(mut estimate: Estimate) -> Estimate {
    estimate.low = estimate.low.map(|low| low.max(0.0));
    estimate.high = estimate.high.map(|high| high.min(1.0));
    estimate
}

/// The interval cut at 0.
fn not_negative(mut estimate: Estimate) -> Estimate {
    estimate.low = estimate.low.map(|low| low.max(0.0));
    estimate
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(value: f64, half: Option<f64>) -> Estimate {
        let (low, high) = (half.map(|h| value - h), half.map(|h| value + h));
        Estimate { value, low, high, level: Level::P95, n: 100, method: Method::Wilson }
    }

    #[test]
    fn variances_add_by_squared_weights() {
        let parts = [(0.6, Some(estimate(0.8, Some(0.05)))), (0.4, Some(estimate(0.9, Some(0.1))))];
        let mixed = mixture(&parts).expect("known");
        // Half-width: sqrt((0.6 × 0.05)² + (0.4 × 0.1)²) = 0.05.
        assert_eq!((mixed.value, mixed.low, mixed.high), (0.84, Some(0.79), Some(0.89)));
        assert_eq!((mixed.n, mixed.method), (200, Method::Mixture));
    }

    #[test]
    fn one_estimate_with_all_the_weight_stays() {
        let one = estimate(0.75, Some(0.125));
        assert_eq!(mixture(&[(0.0, None), (1.0, Some(one))]), Some(one));
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        assert_eq!(mixture(&[(0.5, Some(estimate(0.8, None))), (0.5, None)]), None);
        assert_eq!(mixture(&[]), None);
        let open =
            mixture(&[(0.5, Some(estimate(0.8, None))), (0.5, Some(estimate(0.6, Some(0.1))))]);
        assert_eq!(open.map(|e| (e.low, e.high)), Some((None, None)));
    }
}
