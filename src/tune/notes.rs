//! What the reader of a weights file must know.

use std::collections::BTreeMap;

use super::admit::{CategoryTable, TuneContext};
use super::mix::Mix;
use crate::units::{Fact, Goal, ValidityMark};
use crate::weights::{Expected, PARTS};

/// The notes, the most serious first.
pub(super) fn notes(
    context: &TuneContext<'_>,
    tables: &[CategoryTable<'_>],
    mixes: &[Mix],
    default: &Mix,
    expected: &Expected,
) -> Vec<Fact> {
    let (metrics, judging) = (context.metrics, context.judging);
    let mut notes = Vec::new();
    if metrics.simulated {
        notes.push(Fact::Simulated);
    }
    if let Some(block) = &context.blocked {
        notes.push(Fact::NothingTuned { why: block.why().to_owned() });
    } else {
        let mut infeasible_reason = tables.iter().zip(mixes).filter(|(table, _)| table.share > 0.0);
        let infeasible_reason =
            infeasible_reason.find_map(|(_, mix)| mix.infeasible_reason.clone());
        notes.extend(
            infeasible_reason
                .map(|why| Fact::TodayKeepsAll { today: context.today_name().to_owned(), why }),
        );
    }
    if let Some(ended) = metrics.manifest.ended.as_ref().filter(|ended| !ended.complete) {
        let why = ended.why.as_deref().unwrap_or("it did not end by itself").to_owned();
        notes.push(Fact::RunIncomplete { why });
    }
    let latency_counts = judging.goal == Goal::Faster || judging.slo.is_some();
    let mark = metrics.manifest.ended.as_ref().map(|ended| ended.validity.mark);
    if latency_counts && mark == Some(ValidityMark::Degraded) {
        notes.push(Fact::LatenciesDegraded);
    }
    if let (false, Some(_)) = (metrics.today.stated, &metrics.today.endpoint) {
        notes.push(Fact::TodayStandsIn {
            endpoint: context.today_name().to_owned(),
            priced_only: metrics.has_unpriced(),
        });
    }
    if metrics.categories.len() > 1 && !metrics.categories.iter().any(|c| c.share_stated) {
        notes.push(Fact::SharesNotStated);
    }
    let idle = tables.iter().filter(|table| table.share <= 0.0);
    let categories: Vec<String> = idle.map(|table| table.name.to_owned()).collect();
    if !categories.is_empty() {
        notes.push(Fact::WithoutTraffic { categories });
    }
    notes.extend(unknown_costs(context));
    notes.extend(broken_cap(context, tables, mixes));
    if let (Some(slo), Some(miss)) = (judging.slo, expected.slo_miss)
        && miss.value > slo.miss
    {
        notes.push(Fact::SloMissed { ttft_ms: slo.ttft_ms, miss: miss.value, allowed: slo.miss });
    }
    notes.extend([Fact::ExpectedAreMeans, Fact::DefaultMixTuned]);
    notes.extend(default_by_category(context, default));
    notes
}

/// What the default mix does to the quality of each category, for it serves all of them alike; `None`:
/// it leaves everything with today's endpoint.
fn default_by_category(context: &TuneContext<'_>, default: &Mix) -> Option<Fact> {
    let evidence = context.evidence.as_ref()?;
    let parts = default.parts.iter().enumerate();
    let moved: Vec<(usize, f64)> = parts
        .filter(|(endpoint, part)| **part > 0 && context.today != Some(*endpoint))
        .map(|(endpoint, part)| (endpoint, f64::from(*part) / f64::from(PARTS)))
        .collect();
    if moved.is_empty() {
        return None;
    }
    let each = context.metrics.categories.iter().enumerate().filter_map(|(at, category)| {
        let weights: Vec<_> = moved.iter().map(|(endpoint, part)| (at, *endpoint, *part)).collect();
        let points = 100.0 * evidence.difference(&weights)?.mean();
        let points = format!("{points:+.1}").replace('-', "−");
        Some(format!("{} {points}", category.name.as_str()))
    });
    let each: Vec<String> = each.collect();
    Some(Fact::from(format!(
        "The default mix serves traffic without a label; against today's it is, in points of \
         quality: {}.",
        each.join(", ")
    )))
}

/// A provider with more of the traffic than the cap allows, because no mix meets it.
fn broken_cap(
    context: &TuneContext<'_>,
    tables: &[CategoryTable<'_>],
    mixes: &[Mix],
) -> Option<Fact> {
    let cap = context.judging.max_share_provider?;
    let mut shares: BTreeMap<&str, f64> = BTreeMap::new();
    for (table, mix) in tables.iter().zip(mixes) {
        for (candidate, part) in table.candidates.iter().zip(&mix.parts) {
            *shares.entry(candidate.endpoint.provider.as_str()).or_default() +=
                table.share * f64::from(*part) / f64::from(PARTS);
        }
    }
    let (provider, share) = shares.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    (share > cap + 1e-6).then(|| Fact::CapBroken { provider: provider.to_owned(), share, cap })
}

/// A cost that leaves out unknown parts is too low.
fn unknown_costs(context: &TuneContext<'_>) -> Option<Fact> {
    let endpoints = context.metrics.endpoints.iter();
    let attempts: Vec<(String, u64)> = endpoints
        .filter(|e| e.priced && e.all.cost_unknown > 0)
        .map(|e| (e.id.short().to_owned(), e.all.cost_unknown))
        .collect();
    (!attempts.is_empty()).then_some(Fact::CostUnknown { attempts })
}
