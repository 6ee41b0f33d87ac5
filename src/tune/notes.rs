//! What the reader of a weights file must know, one sentence each.

use std::collections::BTreeMap;

use super::admit::{Setting, Sheet};
use super::mix::Mix;
use super::words;
use crate::units::{Goal, ValidityMark};
use crate::weights::{Expected, PARTS};

/// The notes, the gravest first.
pub(super) fn notes(
    setting: &Setting<'_>,
    sheets: &[Sheet<'_>],
    mixes: &[Mix],
    expected: &Expected,
) -> Vec<String> {
    let (metrics, judging) = (setting.metrics, setting.judging);
    let mut notes = Vec::new();
    if metrics.simulated {
        notes.push(
            "SIMULATED: this rests on answers of a simulator; do not route real traffic by it."
                .to_owned(),
        );
    }
    if let Some(why) = &setting.blocked {
        notes.push(format!("Nothing was tuned: {why}."));
    } else {
        let mut held = sheets.iter().zip(mixes).filter(|(sheet, _)| sheet.share > 0.0);
        let held = held.find_map(|(_, mix)| mix.held.as_deref());
        notes.extend(held.map(|why| format!("{} keeps everything: {why}.", setting.today_name())));
    }
    if let Some(ended) = metrics.manifest.ended.as_ref().filter(|ended| !ended.complete) {
        let why = ended.why.as_deref().unwrap_or("it did not end by itself");
        notes.push(format!("The run is not complete ({why}); this rests on what was answered."));
    }
    let latency_counts = judging.goal == Goal::Faster || judging.slo.is_some();
    let mark = metrics.manifest.ended.as_ref().map(|ended| ended.validity.mark);
    if latency_counts && mark == Some(ValidityMark::Degraded) {
        notes.push("The run's latencies are degraded, and the objective rests on them.".to_owned());
    }
    if let (false, Some(_)) = (metrics.today.stated, &metrics.today.endpoint) {
        notes.push(format!(
            "No [today] is stated: {}, {}, stands for it.",
            setting.today_name(),
            metrics.stand_in()
        ));
    }
    if metrics.categories.len() > 1 && !metrics.categories.iter().any(|c| c.share_stated) {
        notes.push("No [traffic] shares are stated: categories count equally.".to_owned());
    }
    let idle: Vec<&str> = sheets.iter().filter(|s| s.share <= 0.0).map(|s| s.name).collect();
    if !idle.is_empty() {
        notes.push(format!("{} without traffic: tuned by itself.", words::list(&idle)));
    }
    notes.extend(unknown_costs(setting));
    notes.extend(broken_cap(setting, sheets, mixes));
    if let (Some(slo), Some(miss)) = (judging.slo, expected.slo_miss)
        && miss.value > slo.miss
    {
        notes.push(format!(
            "P(TTFT > {} ms) stays at {}, above the {} that the slo allows.",
            slo.ttft_ms,
            words::percent(miss.value),
            words::percent(slo.miss)
        ));
    }
    notes.push(
        "Expected figures are means over the tasks that were measured, cells taken as independent; \
         traffic that differs from those tasks will differ from them."
            .to_owned(),
    );
    notes.push(
        "The default mix is tuned on all categories together, each weighing its share.".to_owned(),
    );
    notes
}

/// A provider that has more of the traffic than the cap allows, because no mix keeps it.
fn broken_cap(setting: &Setting<'_>, sheets: &[Sheet<'_>], mixes: &[Mix]) -> Option<String> {
    let cap = setting.judging.max_share_provider?;
    let mut shares: BTreeMap<&str, f64> = BTreeMap::new();
    for (sheet, mix) in sheets.iter().zip(mixes) {
        for (row, part) in sheet.rows.iter().zip(&mix.parts) {
            *shares.entry(row.endpoint.provider.as_str()).or_default() +=
                sheet.share * f64::from(*part) / f64::from(PARTS);
        }
    }
    let (provider, share) = shares.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    (share > cap + 1e-6).then(|| {
        format!(
            "The cap is broken: {provider} has {} of the traffic, max_share.provider allows {}.",
            words::percent(share),
            words::percent(cap)
        )
    })
}

/// A cost that leaves out what is not known is too low.
fn unknown_costs(setting: &Setting<'_>) -> Option<String> {
    let endpoints = setting.metrics.endpoints.iter();
    let some: Vec<String> = endpoints
        .filter(|e| e.priced && e.all.cost_unknown > 0)
        .map(|e| format!("{} ({})", e.id.short(), words::count(e.all.cost_unknown, "attempt")))
        .collect();
    let names: Vec<&str> = some.iter().map(String::as_str).collect();
    (!names.is_empty()).then(|| {
        format!("Attempts whose cost is not known are left out of it: {}.", words::list(&names))
    })
}
