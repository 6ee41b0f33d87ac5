//! The limits on the whole traffic, and the reason where they cannot be met.

use super::admit::{Candidate, CategoryTable, TuneContext};
use super::solve::{Family, Limit, Program, solve};
use crate::units::{Goal, prose};

/// The limits of the objective. A floor of each category's quality is not among them: every admitted
/// endpoint is shown to be above it, so every mix is.
///
/// `places` are the table and the endpoint of each variable; `whole` is the sum of the shares.
pub(super) fn limits(
    context: &TuneContext<'_>,
    tables: &[&CategoryTable<'_>],
    places: &[(usize, usize)],
    whole: f64,
) -> Vec<Limit> {
    let judging = context.judging;
    let candidate = |&(s, i): &(usize, usize)| &tables[s].candidates[i];
    let weighed = |of: &dyn Fn(&(usize, usize)) -> f64| -> Vec<f64> {
        places.iter().map(|place| tables[place.0].share_of(whole) * of(place)).collect()
    };
    let mut limits = Vec::new();
    if judging.goal != Goal::Cheaper {
        let coefficients = weighed(&|place| candidate(place).cost().unwrap_or(0.0));
        let todays = places.iter().zip(&coefficients);
        let todays = todays.filter(|(place, _)| context.today == Some(place.1));
        let at_most = todays.map(|(_, cost)| cost).sum();
        limits.push(Limit { family: Family::Cost, coefficients, at_most });
    }
    if judging.goal != Goal::Faster
        && let Some(slo) = judging.slo
    {
        let coefficients = weighed(&|place| candidate(place).miss());
        limits.push(Limit { family: Family::Slo, coefficients, at_most: slo.miss });
    }
    if let Some(cap) = judging.max_share_provider {
        let mut providers: Vec<&str> =
            places.iter().map(|place| candidate(place).endpoint.provider.as_str()).collect();
        providers.sort_unstable();
        providers.dedup();
        for provider in providers {
            let coefficients =
                weighed(&|p| f64::from(u8::from(candidate(p).endpoint.provider == provider)));
            limits.push(Limit { family: Family::Provider, coefficients, at_most: cap });
        }
    }
    limits.extend(rooms(context, tables, places));
    limits
}

/// What each endpoint gets in the busiest minute of every category is within the limits of its catalog,
/// as far as both are known. Today's endpoint serves its traffic already.
fn rooms(
    context: &TuneContext<'_>,
    tables: &[&CategoryTable<'_>],
    places: &[(usize, usize)],
) -> Vec<Limit> {
    let traffic = &context.judging.traffic;
    let peak = |table: &CategoryTable<'_>| traffic.get(table.name)?.peak_requests_per_min;
    let mut endpoints: Vec<usize> =
        places.iter().map(|place| place.1).filter(|i| context.today != Some(*i)).collect();
    endpoints.sort_unstable();
    endpoints.dedup();
    let mut limits = Vec::new();
    for endpoint in endpoints {
        let room = |per_request: &dyn Fn(&Candidate<'_>) -> f64, at_most: f64| {
            let part = |&(s, i): &(usize, usize)| {
                let asked = peak(tables[s]).filter(|_| i == endpoint);
                asked.map_or(0.0, |peak| peak * per_request(&tables[s].candidates[i]) / at_most)
            };
            let coefficients: Vec<f64> = places.iter().map(part).collect();
            Limit { family: Family::Room, coefficients, at_most: 1.0 }
        };
        let stated = context.metrics.endpoints[endpoint].limits;
        let requests = stated.requests_per_min.map(|most| room(&|_| 1.0, f64::from(most)));
        let tokens = stated.tokens_per_min.map(|most| room(&tokens_of_request, most as f64));
        limits.extend(requests.into_iter().chain(tokens));
    }
    // One that nothing can break is left out: without limits each category is solved by itself.
    limits.retain(|limit| limit.coefficients.iter().sum::<f64>() > limit.at_most);
    limits
}

/// Tokens of a request and its answer: of production where they are stated, else of the suite; 0 where
/// they are not known.
fn tokens_of_request(candidate: &Candidate<'_>) -> f64 {
    let cell = candidate.cell;
    let measured = || Some(cell.input_tokens? + cell.output_tokens?);
    let stated = cell.at_traffic.map(|request| request.input_tokens + request.output_tokens);
    stated.or_else(measured).unwrap_or(0.0)
}

/// The limit that cannot be met, and a value that could.
pub(super) fn unmet(context: &TuneContext<'_>, program: &Program) -> String {
    let judging = context.judging;
    let without = |family| {
        let relaxed = program.without(family);
        (relaxed.limits.len() < program.limits.len() && solve(&relaxed).is_ok()).then_some(relaxed)
    };
    if let (Some(slo), Some(relaxed)) = (judging.slo, without(Family::Slo)) {
        let limit = format!(
            "no mix keeps P(TTFT > {} ms) within {}",
            slo.ttft_ms,
            prose::percent(slo.miss)
        );
        let Some(least) = least(program, relaxed, Family::Slo) else { return limit };
        return format!("{limit}; slo.miss = {} could be met", libm::ceil(least * 1000.0) / 1000.0);
    }
    if let (Some(cap), Some(_)) = (judging.max_share_provider, without(Family::Provider)) {
        return format!(
            "no mix keeps every provider within {} of the traffic; max_share.provider = {} could \
             be met",
            prose::percent(cap),
            least_cap(program, cap)
        );
    }
    if let Some(relaxed) = without(Family::Cost) {
        let limit = "no mix within today's cost meets the other limits";
        let Some(least) = least(program, relaxed, Family::Cost) else { return limit.to_owned() };
        return format!("{limit}; ${:.6} per task could be met", libm::ceil(least * 1e6) / 1e6);
    }
    "the limits on latency, providers and cost cannot be met together".to_owned()
}

/// The least of what a limit bounds that the other limits allow.
fn least(program: &Program, mut relaxed: Program, family: Family) -> Option<f64> {
    let bounded = program.limits.iter().find(|limit| limit.family == family)?;
    for (variable, coefficient) in relaxed.variables.iter_mut().zip(&bounded.coefficients) {
        variable.value = *coefficient;
    }
    let weights = solve(&relaxed).ok()?;
    Some(relaxed.total(&weights))
}

/// The least cap on a provider's share, in whole percent, that can be met.
fn least_cap(program: &Program, cap: f64) -> f64 {
    let bounds: Vec<f64> =
        (1..=100).map(|percent| f64::from(percent) / 100.0).filter(|c| *c > cap).collect();
    let first = bounds.partition_point(|bound| {
        let mut wider = program.clone();
        for limit in wider.limits.iter_mut().filter(|l| l.family == Family::Provider) {
            limit.at_most = *bound;
        }
        solve(&wider).is_err()
    });
    bounds.get(first).copied().unwrap_or(1.0)
}
