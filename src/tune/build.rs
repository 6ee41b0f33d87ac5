//! Figures in, weights file out. Pure: the same figures give the same file.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::admit::{Row, Setting, Sheet};
use super::expected::expected;
use super::fallback::fallbacks;
use super::mix::{Mix, mix};
use super::verdict::verdict;
use super::{notes, round};
use crate::aggregate::RunMetrics;
use crate::weights::{
    CategoryWeights, CellEstimates, FORMAT_VERSION, Objective, PARTS, WeightsFile,
};

/// How long weights should be served by before the models are weighed again: prices and models
/// change within a month.
const VALID_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Tunes the weights under the run's objective.
///
/// Per category an endpoint may be given weight if its price is known, it answers about as often
/// as today's, takes every task, shares at least ten scored tasks with today's endpoint, and its
/// quality is shown (paired, one-sided 95 %) not to be below today's by more than the margin (goal
/// `better`: shown above it). Over those the linear program of all categories is solved exactly.
/// Today's endpoint may always be given weight, and keeps all of it where no mix meets the limits,
/// which the notes and verdicts then say.
///
/// Without an endpoint that stands for today there is nothing to weigh against: the file's weights
/// are empty, every verdict is STAY, and the reason is in it.
#[must_use]
pub fn tune(metrics: &RunMetrics) -> WeightsFile {
    let setting = Setting::of(metrics);
    let sheets = setting.sheets();
    let pooled = setting.pooled();
    let mixes = all_mixes(&setting, &sheets);
    let default = mix(&setting, &[&pooled]).pop().expect("a mix for every sheet");
    let categories = sheets
        .iter()
        .zip(&mixes)
        .map(|(sheet, mixed)| (sheet.name.to_owned(), category(&setting, sheet, mixed)))
        .collect();
    let whole: Vec<(f64, &Sheet<'_>, &[u32])> = sheets
        .iter()
        .zip(&mixes)
        .map(|(sheet, mixed)| (sheet.share, sheet, mixed.parts.as_slice()))
        .collect();
    let expected = expected(&whole);
    let every = || sheets.iter().chain([&pooled]);
    let has_weight = |endpoint: usize| {
        mixes.iter().chain([&default]).any(|m| m.parts.get(endpoint).is_some_and(|part| *part > 0))
    };
    WeightsFile {
        format_version: FORMAT_VERSION,
        simulated: metrics.simulated,
        run: metrics.manifest.run.clone(),
        suites: metrics.manifest.suites.clone(),
        prices: metrics.manifest.prices_hash.clone(),
        made_at: metrics.manifest.started_at.clone(),
        valid_until: valid_until(&metrics.manifest.started_at),
        objective: objective(metrics),
        categories,
        default: category(&setting, &pooled, &default),
        notes: notes::notes(&setting, &sheets, &mixes, &expected),
        expected,
        estimates: every().map(|sheet| (sheet.name.to_owned(), estimates(sheet))).collect(),
        left_out: left_out(&setting, &sheets, has_weight),
    }
}

/// The mix of every category. Those with traffic share the limits; one without is tuned by itself.
fn all_mixes(setting: &Setting<'_>, sheets: &[Sheet<'_>]) -> Vec<Mix> {
    let linked: Vec<&Sheet<'_>> = sheets.iter().filter(|sheet| sheet.share > 0.0).collect();
    let mut together = mix(setting, &linked).into_iter();
    let mixes = sheets.iter().map(|sheet| {
        let own = if sheet.share > 0.0 { together.next() } else { mix(setting, &[sheet]).pop() };
        own.expect("a mix for every sheet")
    });
    mixes.collect()
}

fn category(setting: &Setting<'_>, sheet: &Sheet<'_>, mix: &Mix) -> CategoryWeights {
    let Mix { parts, held } = mix;
    let named = sheet.rows.iter().zip(parts).filter(|(_, part)| **part > 0);
    let mut weights: BTreeMap<String, u32> =
        named.map(|(row, part)| (row.endpoint.id.as_str().to_owned(), *part)).collect();
    if let (None, Some(id)) = (setting.today, &setting.metrics.today.endpoint) {
        // Today's endpoint was not measured, and still is what serves.
        weights.insert(id.as_str().to_owned(), PARTS);
    }
    CategoryWeights {
        weights,
        fallbacks: fallbacks(sheet, parts),
        verdict: verdict(setting, sheet, parts, held.as_deref()),
        expected: expected(&[(1.0, sheet, parts)]),
    }
}

fn objective(metrics: &RunMetrics) -> Objective {
    let judging = metrics.judging();
    let shares = metrics.categories.iter();
    Objective {
        goal: judging.goal,
        margin: judging.margin,
        slo: judging.slo,
        max_share_provider: judging.max_share_provider,
        today: metrics.today.endpoint.as_ref().map(|id| id.as_str().to_owned()),
        today_stated: metrics.today.stated,
        shares: shares.map(|c| (c.name.as_str().to_owned(), round::six_digits(c.share))).collect(),
        shares_stated: metrics.categories.iter().any(|c| c.share_stated),
    }
}

/// Thirty days after the run began; the beginning itself where it does not read as a time, so that
/// such a file is never taken for fresh.
fn valid_until(made_at: &str) -> String {
    made_at
        .parse::<Timestamp>()
        .and_then(|start| start.checked_add(VALID_FOR))
        .map_or_else(|_| made_at.to_owned(), |end| end.to_string())
}

fn estimates(sheet: &Sheet<'_>) -> BTreeMap<String, CellEstimates> {
    let of = |row: &Row<'_>| CellEstimates {
        n: row.cell.counts.scored,
        quality: row.cell.quality.map(round::estimate),
        cost_per_task_usd: row.cell.cost_per_task.map(round::estimate),
        slo_miss: row.cell.slo_miss.map(round::estimate),
        availability: row.cell.availability_retried.map(round::estimate),
        excluded: row.excluded.as_ref().map(ToString::to_string),
    };
    sheet.rows.iter().map(|row| (row.endpoint.id.as_str().to_owned(), of(row))).collect()
}

/// Endpoints that have no weight anywhere, each with its reasons and the categories they hold in.
fn left_out(
    setting: &Setting<'_>,
    sheets: &[Sheet<'_>],
    has_weight: impl Fn(usize) -> bool,
) -> BTreeMap<String, String> {
    let endpoints = setting.metrics.endpoints.iter().enumerate();
    let out = endpoints.filter(|(i, _)| !has_weight(*i)).map(|(i, endpoint)| {
        let reason = if setting.today == Some(i) {
            "what serves today: others take its place, and it stays a fallback".to_owned()
        } else {
            reasons(sheets, i)
        };
        (endpoint.id.as_str().to_owned(), reason)
    });
    out.collect()
}

fn reasons(sheets: &[Sheet<'_>], endpoint: usize) -> String {
    let mut found: Vec<(String, Vec<&str>)> = Vec::new();
    for sheet in sheets {
        let reason = match &sheet.rows[endpoint].excluded {
            Some(exclusion) => exclusion.short(),
            None => "allowed, but not in the best mix".to_owned(),
        };
        match found.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, names)) => names.push(sheet.name),
            None => found.push((reason, vec![sheet.name])),
        }
    }
    if let [(only, _)] = found.as_slice() {
        return only.clone();
    }
    let each = found.iter().map(|(reason, names)| format!("{reason} ({})", names.join(", ")));
    each.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tune::fixture::{Plan, endpoint, metrics, with_slo};
    use crate::units::Fact;
    use crate::units::{RunEnding, Validity, ValidityMark};
    use crate::weights::VerdictWord;

    fn large() -> Plan {
        endpoint("acme/large@azure", 0.01).miss(0.02)
    }

    fn two(share: f64) -> RunMetrics {
        let mini = endpoint("acme/mini@birch", 0.002).wrong(&[(0, 0), (0, 30)]).miss(0.01);
        metrics(&[("easy", 400, share), ("hard", 400, 1.0 - share)], vec![large(), mini])
    }

    #[test]
    fn the_same_figures_give_the_same_bytes() {
        assert_eq!(tune(&two(0.6)).to_json(), tune(&two(0.6)).to_json());
        assert_ne!(tune(&two(0.6)).to_json(), tune(&two(0.5)).to_json());
    }

    #[test]
    fn the_whole_is_the_mean_under_the_shares() {
        let file = tune(&two(0.6));
        let cost = file.expected.cost_per_task_usd.expect("known");
        assert!((cost.value - (0.6 * 0.002 + 0.4 * 0.01)).abs() < 1e-9, "{cost:?}");
        assert_eq!(file.expected.today_cost_per_task_usd.map(|c| c.value), Some(0.01));
        assert_eq!(file.expected.quality.map(|q| q.value), Some(1.0));
        // Pooled, mini is 15 points worse: unlabelled traffic stays.
        assert_eq!(file.default.weights["acme/large@azure"], PARTS);
        assert_eq!(file.default.verdict.word, VerdictWord::Stay);
    }

    #[test]
    fn times_are_the_runs() {
        let file = tune(&two(0.6));
        assert_eq!(file.prices, "5f0c".repeat(16), "of the prices, not of the plan");
        assert_eq!(file.made_at, "2026-01-31T12:00:00Z");
        assert_eq!(file.valid_until, "2026-03-02T12:00:00Z");
        assert_eq!(valid_until("yesterday"), "yesterday");
    }

    #[test]
    fn what_has_no_weight_is_listed_with_its_reasons() {
        let mini = endpoint("acme/mini@birch", 0.002);
        let dear = endpoint("acme/huge@birch", 0.02).wrong(&[(0, 0), (0, 30)]);
        let secret = endpoint("acme/secret@birch", 0.001).unpriced();
        let all =
            metrics(&[("easy", 400, 0.5), ("hard", 400, 0.5)], vec![large(), mini, dear, secret]);
        let file = tune(&all);
        let reason = |id: &str| file.left_out.get(id).map(String::as_str);
        assert_eq!(reason("acme/mini@birch"), None);
        assert_eq!(reason("acme/secret@birch"), Some("its price is not known"));
        assert_eq!(
            reason("acme/huge@birch"),
            Some("allowed, but not in the best mix (easy); worse by more than 2 pt (hard)")
        );
        assert!(reason("acme/large@azure").is_some_and(|why| why.contains("fallback")));
        assert_eq!(file.categories["easy"].fallbacks[0], "acme/large@azure");
    }

    #[test]
    fn a_category_without_traffic_is_tuned_by_itself() {
        let file = tune(&two(0.0));
        assert_eq!(file.categories["easy"].weights["acme/mini@birch"], PARTS);
        assert!(
            file.notes
                .iter()
                .any(|note| *note == Fact::WithoutTraffic { categories: vec!["easy".to_owned()] })
        );
        assert_eq!(file.expected.cost_per_task_usd.map(|c| c.value), Some(0.01));
    }

    #[test]
    fn without_a_today_there_is_nothing_to_weigh_against() {
        let mut none = two(0.6);
        none.today.endpoint = None;
        let file = tune(&none);
        assert!(file.categories.values().all(|c| c.weights.is_empty() && c.fallbacks.is_empty()));
        assert!(file.categories.values().all(|c| c.verdict.word == VerdictWord::Stay));
        assert_eq!(
            file.notes[0].to_string(),
            "Nothing was tuned: no endpoint with a known price was scored, so nothing can be \
             compared."
        );

        let mut away = two(0.6);
        away.today.endpoint = Some(crate::units::EndpointId::from_text("acme/old@azure"));
        let file = tune(&away);
        assert_eq!(file.categories["easy"].weights["acme/old@azure"], PARTS);
    }

    #[test]
    fn invalid_latencies_hold_back_only_what_rests_on_them() {
        let mark = |metrics: RunMetrics, mark| {
            let validity =
                Validity { mark, reasons: Vec::new(), lag_p99_us: None, io_cpu_peak: None };
            let ended = RunEnding {
                complete: true,
                why: None,
                validity,
                duration_ns: 1,
                waited_ns: 0,
                paced: Vec::new(),
                unknown_events: std::collections::BTreeMap::new(),
            };
            RunMetrics {
                manifest: crate::units::Manifest { ended: Some(ended), ..metrics.manifest.clone() },
                ..metrics
            }
        };
        let easy = |metrics: &RunMetrics| tune(metrics).categories["easy"].verdict.word;
        assert_eq!(easy(&mark(two(0.6), ValidityMark::Invalid)), VerdictWord::Move);
        let slo = || with_slo(two(0.6), 0.05);
        assert_eq!(easy(&mark(slo(), ValidityMark::Invalid)), VerdictWord::Stay);
        assert_eq!(easy(&mark(slo(), ValidityMark::Degraded)), VerdictWord::Move);
    }

    #[test]
    fn a_broken_cap_is_said() {
        let one = metrics(&[("easy", 400, 1.0)], vec![large()]);
        let file = tune(&crate::tune::fixture::with_cap(one, 0.6));
        let said = "The cap is broken: azure has 100 % of the traffic, max_share.provider allows \
                    60 %.";
        assert!(file.notes.iter().any(|note| note.to_string() == said), "{:?}", file.notes);
    }

    #[test]
    fn simulated_evidence_is_the_first_note() {
        let mut simulated = two(0.6);
        simulated.simulated = true;
        let file = tune(&simulated);
        assert!(file.simulated && file.notes[0] == Fact::Simulated);
        assert!(!tune(&two(0.6)).notes.contains(&Fact::Simulated));
    }
}
