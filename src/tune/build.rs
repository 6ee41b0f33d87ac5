//! Figures in, weights file out. Pure: the same figures give the same file.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::admit::{Candidate, CategoryTable, TuneContext};
use super::choose::choose;
use super::expected::expected;
use super::fallback::fallbacks;
use super::mix::Mix;
use super::verdict::verdict;
use super::{notes, round};
use crate::aggregate::RunMetrics;
use crate::weights::{CategoryWeights, CellEstimates, FORMAT_VERSION, Objective, WeightsFile};

/// How long weights are valid: prices and models change within a month.
const VALID_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Tunes the weights under the run's objective.
///
/// An endpoint may get weight in a category if its price is known, it answers about as often as
/// today's, takes every task, shares at least ten scored tasks with today's endpoint, its quality is
/// at most the margin below today's with a probability of 95 %, and (goal `cheaper`) it is shown to
/// cost less. Probabilities, differences and savings come from one model of the whole run
/// ([`crate::stats::hierarchy`]). The linear program over all categories is then solved exactly, and
/// the surest moves are kept, while the sum of their risks stays within 5 % (goal `better`: if the
/// whole mix is shown better than today's). Today's endpoint may always get weight, and keeps all of it where no mix meets the limits; notes and verdicts then say
/// so.
///
/// A category in which today's endpoint was not scored, or its cost is not known, has the verdict NO
/// DATA and no weights; so has every category without a today's endpoint.
///
/// Costs are those of production's tokens where `[traffic]` states them.
#[must_use]
pub fn tune(metrics: &RunMetrics) -> WeightsFile {
    let metrics = &*metrics.at_traffic();
    let metrics = &*metrics.compared();
    let context = TuneContext::new(metrics);
    let mut tables = context.tables();
    let mut pooled = context.pooled();
    let mixes = all_mixes(&context, &mut tables);
    let default = if pooled.has_no_data() {
        Mix::empty()
    } else {
        choose(&context, &mut [&mut pooled]).pop().expect("a mix for every table")
    };
    let categories = tables
        .iter()
        .zip(&mixes)
        .map(|(table, mixed)| (table.name.to_owned(), category(&context, table, mixed)))
        .collect();
    let whole: Vec<(f64, &CategoryTable<'_>, &[u32])> = tables
        .iter()
        .zip(&mixes)
        .map(|(table, mixed)| (table.share, table, mixed.parts.as_slice()))
        .collect();
    let expected = expected(&context, &whole);
    let every = || tables.iter().chain([&pooled]);
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
        default: category(&context, &pooled, &default),
        notes: notes::notes(&context, &tables, &mixes, &default, &expected),
        gate: None,
        expected,
        estimates: every().map(|table| (table.name.to_owned(), estimates(table))).collect(),
        left_out: left_out(&context, &tables, has_weight),
    }
}

/// The mix of every category. Those with traffic share the limits; one without is tuned by itself.
pub(super) fn all_mixes(context: &TuneContext<'_>, tables: &mut [CategoryTable<'_>]) -> Vec<Mix> {
    let is_linked = |table: &&mut CategoryTable<'_>| table.share > 0.0 && !table.has_no_data();
    let mut linked: Vec<&mut CategoryTable<'_>> = tables.iter_mut().filter(is_linked).collect();
    let mut together = choose(context, &mut linked).into_iter();
    let mixes = tables.iter_mut().map(|table| {
        if table.has_no_data() {
            return Mix::empty();
        }
        let is_alone = table.share <= 0.0;
        let own = if is_alone { choose(context, &mut [table]).pop() } else { together.next() };
        own.expect("a mix for every table")
    });
    mixes.collect()
}

fn category(context: &TuneContext<'_>, table: &CategoryTable<'_>, mix: &Mix) -> CategoryWeights {
    let Mix { parts, infeasible_reason } = mix;
    let named = table.candidates.iter().zip(parts).filter(|(_, part)| **part > 0);
    CategoryWeights {
        weights: named
            .map(|(candidate, part)| (candidate.endpoint.id.as_str().to_owned(), *part))
            .collect(),
        fallbacks: fallbacks(context.judging, table, parts),
        verdict: verdict(context, table, parts, infeasible_reason.as_deref()),
        expected: expected(context, &[(1.0, table, parts)]),
    }
}

fn objective(metrics: &RunMetrics) -> Objective {
    let judging = metrics.judging();
    let shares = metrics.categories.iter();
    Objective {
        goal: judging.goal,
        margin: judging.margin,
        margins: judging.margins.clone(),
        worth_per_month_usd: judging.worth,
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

fn estimates(table: &CategoryTable<'_>) -> BTreeMap<String, CellEstimates> {
    let of = |candidate: &Candidate<'_>| CellEstimates {
        n: candidate.cell.counts.scored,
        quality: candidate.cell.quality.map(round::estimate),
        cost_per_task_usd: candidate.cell.cost_per_task.map(round::estimate),
        slo_miss: candidate.cell.slo_miss.map(round::estimate),
        availability: candidate.cell.availability_retried.map(round::estimate),
        excluded: candidate.excluded.as_ref().map(ToString::to_string),
    };
    table
        .candidates
        .iter()
        .map(|candidate| (candidate.endpoint.id.as_str().to_owned(), of(candidate)))
        .collect()
}

/// Endpoints that have no weight anywhere, each with its reasons and the categories they hold in.
fn left_out(
    context: &TuneContext<'_>,
    tables: &[CategoryTable<'_>],
    has_weight: impl Fn(usize) -> bool,
) -> BTreeMap<String, String> {
    let endpoints = context.metrics.endpoints.iter().enumerate();
    let out = endpoints.filter(|(i, _)| !has_weight(*i)).map(|(i, endpoint)| {
        let is_replaced =
            context.today == Some(i) && !tables.iter().all(CategoryTable::has_no_data);
        let reason = if is_replaced {
            "what serves today: others take its place, and it stays a fallback".to_owned()
        } else {
            reasons(tables, i)
        };
        (endpoint.id.as_str().to_owned(), reason)
    });
    out.collect()
}

fn reasons(tables: &[CategoryTable<'_>], endpoint: usize) -> String {
    let mut found: Vec<(String, Vec<&str>)> = Vec::new();
    for table in tables {
        let reason = match (&table.candidates[endpoint].excluded, &table.blocked) {
            (Some(exclusion), _) => exclusion.short(),
            (None, Some(block)) => block.why().to_owned(),
            (None, None) => "allowed, but not in the best mix".to_owned(),
        };
        match found.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, names)) => names.push(table.name),
            None => found.push((reason, vec![table.name])),
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
    use crate::weights::{PARTS, VerdictWord};

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
        let cost = file.expected.cost_per_task_usd().expect("known");
        assert!((cost - (0.6 * 0.002 + 0.4 * 0.01)).abs() < 1e-6, "{cost}");
        assert_eq!(file.expected.today_cost_per_task_usd.map(|c| c.value), Some(0.01));
        let difference = file.expected.difference.expect("known").value;
        assert!(difference.abs() < 0.01, "{difference}");
        // Pooled, mini is 15 points worse: unlabelled traffic stays.
        assert!(!file.notes.iter().any(|note| note.to_string().starts_with("The default mix ser")));
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
            Some("not shown cheaper (easy); worse by more than 2 pt (hard)")
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
        assert_eq!(file.expected.cost_per_task_usd(), Some(0.01));
    }

    #[test]
    fn without_a_today_there_is_nothing_to_weigh_against() {
        let mut none = two(0.6);
        none.today.endpoint = None;
        let file = tune(&none);
        assert!(file.categories.values().all(|c| c.weights.is_empty() && c.fallbacks.is_empty()));
        assert!(file.categories.values().all(|c| c.verdict.word == VerdictWord::NoData));
        assert_eq!(
            file.notes[0].to_string(),
            "Nothing was tuned: no endpoint with a known price was scored, so nothing can be \
             compared."
        );

        let mut away = two(0.6);
        away.today.endpoint = Some(crate::units::EndpointId::from_text("acme/old@azure"));
        let file = tune(&away);
        let easy = &file.categories["easy"];
        assert_eq!((easy.verdict.word, easy.weights.len()), (VerdictWord::NoData, 0));
        assert_eq!(easy.verdict.why, "old@azure was not in this run, so nothing can be compared");
    }

    #[test]
    fn a_category_that_today_did_not_answer_has_no_weights() {
        let mut dead = two(0.6);
        let cell = &mut dead.endpoints[0].cells[0];
        *cell = crate::aggregate::Cell {
            counts: crate::aggregate::Counts { planned: 400, failed: 400, ..Default::default() },
            failures: [("connect", 390), ("reset", 10)].into(),
            ..Default::default()
        };
        dead.endpoints[0].all.quality = None;
        let file = tune(&dead);
        let easy = &file.categories["easy"];
        assert_eq!((easy.verdict.word, easy.weights.len()), (VerdictWord::NoData, 0));
        assert_eq!(easy.verdict.why, "large@azure: all 400 trials failed: 390 connect, 10 reset");
        assert_eq!(file.categories["hard"].weights.values().sum::<u32>(), PARTS);
        assert_eq!(file.default.verdict.word, VerdictWord::NoData);
        assert_eq!((file.expected.difference, file.expected.saving), (None, None));
        let again = WeightsFile::from_json(&file.to_json(), "weights.json");
        assert_eq!(again.expect("its own words"), file);
    }

    #[test]
    fn each_category_has_its_margin() {
        let worse = endpoint("acme/mini@birch", 0.002).wrong(&[(0, 5), (0, 5)]).miss(0.01);
        let mut two = metrics(&[("easy", 400, 0.5), ("hard", 400, 0.5)], vec![large(), worse]);
        let words = |metrics: &RunMetrics| {
            let file = tune(metrics);
            ["easy", "hard"].map(|name| file.categories[name].verdict.word)
        };
        assert_eq!(words(&two), [VerdictWord::Stay; 2]);
        two.manifest.judging.margins = [("hard".to_owned(), 0.1)].into();
        assert_eq!(words(&two), [VerdictWord::Stay, VerdictWord::Move]);
        let file = tune(&two);
        assert_eq!(
            (file.objective.margin_in("easy"), file.objective.margin_in("hard")),
            (0.02, 0.1)
        );
        assert!(file.categories["hard"].verdict.why.ends_with("within 10 pt of large@azure"));
        assert!(file.default.verdict.why.ends_with("within 2 pt"), "of what has no margin");
        assert_eq!(WeightsFile::from_json(&file.to_json(), "weights.json"), Ok(file));
    }

    #[test]
    fn a_saving_that_is_not_worth_it_moves_nothing() {
        // Easy saves $0.008 on each of 600,000 requests.
        let word = |worth: &str| {
            let mut metrics = two(0.6);
            metrics.manifest.judging.requests_per_month = Some(1_000_000);
            metrics.manifest.judging.worth = Some(worth.parse().expect("dollars"));
            tune(&metrics).categories["easy"].verdict.clone()
        };
        assert_eq!(word("4000").word, VerdictWord::Move);
        assert_eq!(word("6000").word, VerdictWord::Stay);
        assert_eq!(word("6000").why, "nothing saves $6000 a month");
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
                notes: Vec::new(),
                usage_faults: std::collections::BTreeMap::new(),
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
    fn what_the_default_mix_costs_in_each_category_is_said() {
        let mini = endpoint("acme/mini@birch", 0.002).wrong(&[(0, 0), (0, 3)]).miss(0.01);
        let mut both = metrics(&[("easy", 400, 0.9), ("hard", 400, 0.1)], vec![large(), mini]);
        both.manifest.judging.margin = 0.05;
        let file = tune(&both);
        assert_eq!(file.default.weights["acme/mini@birch"], PARTS);
        let said = file.notes.last().map(ToString::to_string).unwrap_or_default();
        assert!(said.contains("easy ") && said.contains("hard −"), "{said}");
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
