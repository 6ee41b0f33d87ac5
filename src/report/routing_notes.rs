//! Who gave the answers of a router, and what prompt caches did and would do to the costs.

use super::names::Names;
use super::number::{dollars, money, percent};
use super::text::escape_control;
use crate::aggregate::{EndpointMetrics, RunMetrics};
use crate::units::prose::group_thousands;
use crate::units::{CacheMode, Usd};

/// A share of cached input from which it is worth a sentence.
const WORTH_SAYING: f64 = 0.01;

/// A sentence each.
pub(super) fn notes(metrics: &RunMetrics) -> Vec<String> {
    let names = Names::new(metrics.endpoints.iter().map(|endpoint| &endpoint.id));
    let mut said: Vec<String> =
        metrics.endpoints.iter().filter_map(|e| served(e, &names)).collect();
    said.extend(passed_over(metrics, &names));
    said.extend(caches(metrics, &names));
    said.extend(stayed_cold(metrics, &names));
    said.extend(primed(metrics));
    said.extend(at_cached_share(metrics, &names));
    said
}

/// Who answered, where that is not the one that was asked, or where several did.
fn served(endpoint: &EndpointMetrics, names: &Names) -> Option<String> {
    let served = &endpoint.served;
    let each = |by: &mut dyn Iterator<Item = (&str, u64)>| {
        let each: Vec<String> = by
            .map(|(name, n)| format!("{} {}", group_thousands(n), escape_control(name)))
            .collect();
        each.join(", ")
    };
    let name = names.short(endpoint.id.as_str());
    let strays = served.strays();
    if let (Some(pin), false) = (&served.pin, strays.is_empty()) {
        let all: u64 = served.by.values().sum();
        let n: u64 = strays.values().sum();
        return Some(format!(
            "WARNING: {name} is pinned to {}, yet {} of {} answers are of others ({}): its figures \
             are not of one endpoint.",
            escape_control(pin),
            group_thousands(n),
            group_thousands(all),
            each(&mut strays.into_iter()),
        ));
    }
    let mut by = served.by.iter().map(|(name, n)| (name.as_str(), *n));
    (served.pin.is_none() && served.by.len() > 1)
        .then(|| format!("{name} was routed to several: {}.", each(&mut by)))
}

/// Whose streams held what nobody here knows: a provider that changes its format is seen so first.
fn passed_over(metrics: &RunMetrics, names: &Names) -> Option<String> {
    let unknown = &metrics.manifest.ended.as_ref()?.unknown_events;
    let each: Vec<String> = unknown
        .iter()
        .map(|(id, n)| format!("{} ({})", names.short(id), group_thousands(*n)))
        .collect();
    let what = "Parts of responses that their dialect does not know were passed over";
    (!each.is_empty()).then(|| format!("{what}: {}.", each.join(", ")))
}

/// What was read from prompt caches, where it is worth saying, and where there was to be nothing.
fn caches(metrics: &RunMetrics, names: &Names) -> Option<String> {
    let cold = metrics.manifest.cache == CacheMode::Cold;
    let least = if cold { 0.0 } else { WORTH_SAYING };
    let share = |e: &EndpointMetrics| {
        let tokens = &e.all.tokens;
        let share = tokens.cached_input as f64 / (tokens.input.max(1)) as f64;
        (share > least).then(|| format!("{} {}", names.short(e.id.as_str()), percent_of(share)))
    };
    let shares: Vec<String> = metrics.endpoints.iter().filter_map(share).collect();
    let what = if cold { "WARNING: caches were to be cold, yet were read" } else { "Read" };
    (!shares.is_empty())
        .then(|| format!("{what} from prompt caches, of the input tokens: {}.", shares.join(", ")))
}

fn percent_of(share: f64) -> String {
    format!("{} %", percent(share))
}

/// Where caches were warmed, and yet nothing was read from them: a provider may cache nothing, or no
/// prompt as short as these.
fn stayed_cold(metrics: &RunMetrics, names: &Names) -> Option<String> {
    if metrics.manifest.cache != CacheMode::Warm {
        return None;
    }
    let cold = |e: &&EndpointMetrics| e.all.tokens.input > 0 && e.all.tokens.cached_input == 0;
    let cold = metrics.endpoints.iter().filter(cold).map(|e| names.short(e.id.as_str()));
    let cold: Vec<String> = cold.collect();
    let what = "WARNING: caches were warmed, yet nothing was read from those of";
    (!cold.is_empty()).then(|| format!("{what} {}.", cold.join(", ")))
}

/// What warming the caches cost.
fn primed(metrics: &RunMetrics) -> Option<String> {
    let primed: Vec<Usd> =
        metrics.endpoints.iter().filter_map(|e| e.all.cost_cache_warmup).collect();
    (!primed.is_empty()).then(|| {
        format!(
            "Of the bill, {} went into warming prompt caches; the costs of tasks are without it.",
            money(primed.into_iter().sum())
        )
    })
}

/// Dollars per 1,000 tasks as measured and at the stated share of cached input.
fn at_cached_share(metrics: &RunMetrics, names: &Names) -> Option<String> {
    let share = metrics.judging().cached_input?;
    let each = |e: &EndpointMetrics| {
        let then = e.all.cost_per_task?.value;
        let now = e.all.at_cached_share?.per_task?.value;
        let (then, now) = (dollars(then * 1e3), dollars(now * 1e3));
        Some(format!("{} ${then} → ${now}", names.short(e.id.as_str())))
    };
    let each: Vec<String> = metrics.endpoints.iter().filter_map(each).collect();
    (!each.is_empty()).then(|| {
        format!(
            "Dollars per 1,000 tasks as measured → with {} of the input read from caches, as \
             [traffic] states: {}.",
            percent_of(share),
            each.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::aggregate::CachedShareCost;
    use crate::report::fixture;

    /// The notes of a run in which one endpoint was changed.
    fn check(change: impl Fn(&mut RunMetrics), expected: &[&str]) {
        let (mut metrics, _) = fixture::support();
        change(&mut metrics);
        assert_eq!(notes(&metrics), expected);
    }

    #[test]
    fn who_answered_is_said_where_it_matters() {
        let by = |pin: Option<&str>, by: &[(&str, u64)]| {
            let pin = pin.map(str::to_owned);
            let by: BTreeMap<String, u64> =
                by.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
            move |metrics: &mut RunMetrics| {
                metrics.endpoints[0].served.pin.clone_from(&pin);
                metrics.endpoints[0].served.by.clone_from(&by);
            }
        };
        let (metrics, _) = fixture::support();
        let name = Names::new(metrics.endpoints.iter().map(|endpoint| &endpoint.id))
            .short(metrics.endpoints[0].id.as_str());
        check(by(None, &[("DeepInfra", 3)]), &[]);
        check(by(Some("deepinfra/fp4"), &[("DeepInfra", 3)]), &[]);
        check(by(Some("google-vertex/us"), &[("Google", 3)]), &[]);
        let several = format!("{name} was routed to several: 3 DeepInfra, 1 Together.");
        check(by(None, &[("DeepInfra", 3), ("Together", 1)]), &[&several]);
        let stray = format!(
            "WARNING: {name} is pinned to deepinfra, yet 1 of 4 answers are of others (1 \
             Together): its figures are not of one endpoint."
        );
        check(by(Some("deepinfra"), &[("DeepInfra", 3), ("Together", 1)]), &[&stray]);
    }

    #[test]
    fn caches_are_told_as_read_and_as_projected() {
        let (metrics, _) = fixture::support();
        let name = Names::new(metrics.endpoints.iter().map(|endpoint| &endpoint.id))
            .short(metrics.endpoints[0].id.as_str());
        let read = |cache, cached_input| {
            move |metrics: &mut RunMetrics| {
                metrics.manifest.cache = cache;
                metrics.endpoints[0].all.tokens.input = 10_000;
                metrics.endpoints[0].all.tokens.cached_input = cached_input;
            }
        };
        let said = format!("Read from prompt caches, of the input tokens: {name} 12.0 %.");
        check(read(CacheMode::AsIs, 1_200), &[&said]);
        check(read(CacheMode::AsIs, 90), &[]);
        let cold = format!(
            "WARNING: caches were to be cold, yet were read from prompt caches, of the input \
             tokens: {name} 0.9 %."
        );
        check(read(CacheMode::Cold, 90), &[&cold]);
        check(read(CacheMode::Cold, 0), &[]);
        let then = dollars(metrics.endpoints[0].all.cost_per_task.expect("priced").value * 1e3);
        let projected = format!(
            "Dollars per 1,000 tasks as measured → with 60.0 % of the input read from caches, as \
             [traffic] states: {name} ${then} → $2.50."
        );
        let project = |metrics: &mut RunMetrics| {
            metrics.manifest.judging.cached_input = Some(0.6);
            let per_task = metrics.endpoints[0].all.cost_per_task;
            let per_task = per_task.map(|e| crate::stats::Estimate { value: 0.0025, ..e });
            let at_share = CachedShareCost { per_task, ..CachedShareCost::default() };
            metrics.endpoints[0].all.at_cached_share = Some(at_share);
        };
        check(project, &[&projected]);
    }
}
