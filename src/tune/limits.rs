//! The limits on the whole traffic, and what to say when they cannot be met.

use super::admit::{Setting, Sheet};
use super::solve::{Family, Limit, Program, solve};
use super::words;
use crate::units::Goal;

/// The limits that the objective sets. The floor under each category's quality is not among them:
/// every admitted endpoint is shown to be above it, so every mix of them is.
///
/// `places` are the sheet and the endpoint of each variable; `whole` is the sum of the shares.
pub(super) fn limits(
    setting: &Setting<'_>,
    sheets: &[&Sheet<'_>],
    places: &[(usize, usize)],
    whole: f64,
) -> Vec<Limit> {
    let judging = setting.judging;
    let row = |&(s, i): &(usize, usize)| &sheets[s].rows[i];
    let weighed = |of: &dyn Fn(&(usize, usize)) -> f64| -> Vec<f64> {
        places.iter().map(|place| sheets[place.0].share_of(whole) * of(place)).collect()
    };
    let mut limits = Vec::new();
    if judging.goal != Goal::Cheaper {
        let coefficients = weighed(&|place| row(place).cost().unwrap_or(0.0));
        let todays = places.iter().zip(&coefficients);
        let todays = todays.filter(|(place, _)| setting.today == Some(place.1));
        let at_most = todays.map(|(_, cost)| cost).sum();
        limits.push(Limit { family: Family::Cost, coefficients, at_most });
    }
    if judging.goal != Goal::Faster
        && let Some(slo) = judging.slo
    {
        let coefficients = weighed(&|place| row(place).miss());
        limits.push(Limit { family: Family::Slo, coefficients, at_most: slo.miss });
    }
    if let Some(cap) = judging.max_share_provider {
        let mut providers: Vec<&str> =
            places.iter().map(|place| row(place).endpoint.provider.as_str()).collect();
        providers.sort_unstable();
        providers.dedup();
        for provider in providers {
            let coefficients =
                weighed(&|p| f64::from(u8::from(row(p).endpoint.provider == provider)));
            limits.push(Limit { family: Family::Provider, coefficients, at_most: cap });
        }
    }
    limits
}

/// Says which limit cannot be met, and what would do.
pub(super) fn unmet(setting: &Setting<'_>, program: &Program) -> String {
    let judging = setting.judging;
    let without = |family| {
        let relaxed = program.without(family);
        (relaxed.limits.len() < program.limits.len() && solve(&relaxed).is_ok()).then_some(relaxed)
    };
    if let (Some(slo), Some(relaxed)) = (judging.slo, without(Family::Slo)) {
        let limit = format!(
            "no mix keeps P(TTFT > {} ms) within {}",
            slo.ttft_ms,
            words::percent(slo.miss)
        );
        let Some(least) = least_miss(program, relaxed) else { return limit };
        return format!("{limit}; slo.miss = {} could be met", libm::ceil(least * 1000.0) / 1000.0);
    }
    if let (Some(cap), Some(_)) = (judging.max_share_provider, without(Family::Provider)) {
        return format!(
            "no mix keeps every provider within {} of the traffic; max_share.provider = {} could \
             be met",
            words::percent(cap),
            least_cap(program, cap)
        );
    }
    if without(Family::Cost).is_some() {
        return "no mix within today's cost meets the other limits".to_owned();
    }
    "the limits on latency, providers and cost cannot be met together".to_owned()
}

/// The least share of misses that the other limits allow.
fn least_miss(program: &Program, mut relaxed: Program) -> Option<f64> {
    let slo = program.limits.iter().find(|limit| limit.family == Family::Slo)?;
    for (variable, coefficient) in relaxed.variables.iter_mut().zip(&slo.coefficients) {
        variable.value = *coefficient;
    }
    let weights = solve(&relaxed).ok()?;
    Some(relaxed.total(&weights))
}

/// The least cap on a provider's share, in whole percent, that can be met.
fn least_cap(program: &Program, cap: f64) -> f64 {
    let candidates: Vec<f64> =
        (1..=100).map(|percent| f64::from(percent) / 100.0).filter(|c| *c > cap).collect();
    let first = candidates.partition_point(|candidate| {
        let mut wider = program.clone();
        for limit in wider.limits.iter_mut().filter(|l| l.family == Family::Provider) {
            limit.at_most = *candidate;
        }
        solve(&wider).is_err()
    });
    candidates.get(first).copied().unwrap_or(1.0)
}
