//! What the reader of a weights file must know.

use std::collections::BTreeMap;

use super::admit::{Setting, Sheet};
use super::mix::Mix;
use crate::units::Fact;
use crate::units::{Goal, ValidityMark};
use crate::weights::{Expected, PARTS};

/// The notes, the gravest first.
pub(super) fn notes(
    setting: &Setting<'_>,
    sheets: &[Sheet<'_>],
    mixes: &[Mix],
    expected: &Expected,
) -> Vec<Fact> {
    let (metrics, judging) = (setting.metrics, setting.judging);
    let mut notes = Vec::new();
    if metrics.simulated {
        notes.push(Fact::Simulated);
    }
    if let Some(why) = &setting.blocked {
        notes.push(Fact::NothingTuned { why: why.clone() });
    } else {
        let mut held = sheets.iter().zip(mixes).filter(|(sheet, _)| sheet.share > 0.0);
        let held = held.find_map(|(_, mix)| mix.held.clone());
        notes.extend(
            held.map(|why| Fact::TodayKeepsAll { today: setting.today_name().to_owned(), why }),
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
            endpoint: setting.today_name().to_owned(),
            priced_only: metrics.has_unpriced(),
        });
    }
    if metrics.categories.len() > 1 && !metrics.categories.iter().any(|c| c.share_stated) {
        notes.push(Fact::SharesNotStated);
    }
    let idle = sheets.iter().filter(|sheet| sheet.share <= 0.0);
    let categories: Vec<String> = idle.map(|sheet| sheet.name.to_owned()).collect();
    if !categories.is_empty() {
        notes.push(Fact::WithoutTraffic { categories });
    }
    notes.extend(unknown_costs(setting));
    notes.extend(broken_cap(setting, sheets, mixes));
    if let (Some(slo), Some(miss)) = (judging.slo, expected.slo_miss)
        && miss.value > slo.miss
    {
        notes.push(Fact::SloMissed { ttft_ms: slo.ttft_ms, miss: miss.value, allowed: slo.miss });
    }
    notes.extend([Fact::ExpectedAreMeans, Fact::DefaultMixTuned]);
    notes
}

/// A provider that has more of the traffic than the cap allows, because no mix keeps it.
fn broken_cap(setting: &Setting<'_>, sheets: &[Sheet<'_>], mixes: &[Mix]) -> Option<Fact> {
    let cap = setting.judging.max_share_provider?;
    let mut shares: BTreeMap<&str, f64> = BTreeMap::new();
    for (sheet, mix) in sheets.iter().zip(mixes) {
        for (row, part) in sheet.rows.iter().zip(&mix.parts) {
            *shares.entry(row.endpoint.provider.as_str()).or_default() +=
                sheet.share * f64::from(*part) / f64::from(PARTS);
        }
    }
    let (provider, share) = shares.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    (share > cap + 1e-6).then(|| Fact::CapBroken { provider: provider.to_owned(), share, cap })
}

/// A cost that leaves out unknown parts is too low.
fn unknown_costs(setting: &Setting<'_>) -> Option<Fact> {
    let endpoints = setting.metrics.endpoints.iter();
    let attempts: Vec<(String, u64)> = endpoints
        .filter(|e| e.priced && e.all.cost_unknown > 0)
        .map(|e| (e.id.short().to_owned(), e.all.cost_unknown))
        .collect();
    (!attempts.is_empty()).then_some(Fact::CostUnknown { attempts })
}
