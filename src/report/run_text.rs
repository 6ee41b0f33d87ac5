//! What a run says, in words: shared by the screen, the page and the Markdown summary.
//!
//! Everything is plain text here; each place escapes it in its own way.

use super::model::{Cell, Endpoint, Estimate, RunRecord, RunReport, significance_name};
use super::number::{self, dollars, money, percent, points};
use super::text::escape_control;
use crate::aggregate::LatencyMetric;
use crate::units::prose::{self, group_thousands, pluralize};
use crate::units::{Usd, ValidityMark};
use crate::weights::VerdictWord;

/// The facts of the heading, to be joined by ` · `: the run's name comes first, and right after it
/// what is wrong with the run, so that no narrow line cuts it off. A run that is as it should be
/// says so last.
pub(super) fn heading(report: &RunReport) -> Vec<String> {
    let tasks: u64 = report.categories.iter().map(|c| c.tasks).sum();
    let mut facts = vec![
        escape_control(&report.run.name).into_owned(),
        format!(
            "{} × {}",
            pluralize(tasks, "task"),
            pluralize(report.endpoints.len() as u64, "endpoint")
        ),
        trials(report),
        cost(report),
    ];
    facts.extend(duration(&report.run));
    let state = state(report);
    // Nothing was measured here that could be valid.
    if is_imported(&report.run) && state.good { facts } else { with_state(facts, state) }
}

/// Whether the outcomes of a run were measured elsewhere.
pub(super) fn is_imported(run: &RunRecord) -> bool {
    !run.imported_from.is_empty()
}

/// The facts of the screen's heading: that a run is as it should be is no news there, unless its time
/// is virtual.
pub(super) fn screen_heading(report: &RunReport) -> Vec<String> {
    let tasks: u64 = report.categories.iter().map(|c| c.tasks).sum();
    let simulated = if report.simulated { " simulated" } else { "" };
    let mut facts = vec![
        escape_control(&report.run.name).into_owned(),
        kinds_of_work(report.categories.len() as u64),
        format!(
            "{} × {}",
            pluralize(tasks, "task"),
            pluralize(report.endpoints.len() as u64, "endpoint")
        ),
    ];
    let planned = report.counts.planned - report.counts.ineligible;
    if report.counts.trials != planned {
        facts.push(trials(report));
    }
    facts.push(format!("{}{simulated}", cost(report)));
    facts.extend(duration(&report.run));
    let state = state(report);
    if state.good && state.word == ValidityMark::Valid.word() {
        facts
    } else {
        with_state(facts, state)
    }
}

/// `1 kind of work`, `9 kinds of work`.
pub(super) fn kinds_of_work(n: u64) -> String {
    format!("{} of work", pluralize(n, "kind"))
}

/// How long a run took, or that it took place elsewhere; `None`: it has not ended.
pub(super) fn duration(run: &RunRecord) -> Option<String> {
    if is_imported(run) {
        return Some("imported".to_owned());
    }
    let ending = run.ending.as_ref()?;
    Some(number::duration(ending.duration_us.saturating_mul(1_000)))
}

/// The facts with how the run stands: what is wrong right after its name, what is right last.
pub(super) fn with_state(mut facts: Vec<String>, state: State) -> Vec<String> {
    let at = if state.good { facts.len() } else { 1 };
    facts.insert(at, state.word);
    facts
}

/// How a run stands.
pub(super) struct State {
    /// `VALID`, `INCOMPLETE`, `ALL FAILED`, `NO DATA`, `INCOMPLETE, INVALID`.
    pub word: String,
    /// Whether nothing is wrong with it.
    pub good: bool,
}

/// How the run stands: what is missing from it, then whether its latencies may be believed.
pub(super) fn state(report: &RunReport) -> State {
    let ended = report.run.ending.as_ref().map(|ending| (ending.complete, ending.validity));
    let all_failed = report.counts.ok == 0 && report.counts.failed > 0;
    let mut wrong = Vec::new();
    if all_failed {
        wrong.push("ALL FAILED");
    } else if !report.no_data.is_empty() {
        wrong.push(VerdictWord::NoData.word());
    }
    state_of(wrong, ended)
}

/// How a run stands: what is wrong with its answers; where it has ended, whether it is complete and
/// whether its latencies may be believed.
pub(super) fn state_of(mut wrong: Vec<&str>, ended: Option<(bool, ValidityMark)>) -> State {
    let Some((complete, mark)) = ended else {
        wrong.push("UNFINISHED");
        return State { word: wrong.join(", "), good: false };
    };
    if !complete {
        wrong.push("INCOMPLETE");
    }
    let believed = matches!(mark, ValidityMark::Valid | ValidityMark::Virtual);
    let good = wrong.is_empty() && believed;
    // That what there is may be believed is no news beside what there is not.
    if wrong.is_empty() || mark != ValidityMark::Valid {
        wrong.push(mark.word());
    }
    State { word: wrong.join(", "), good }
}

fn trials(report: &RunReport) -> String {
    // What an endpoint cannot take was never going to be asked.
    let done = report.counts.trials;
    let planned = report.counts.planned - report.counts.ineligible;
    if done == planned {
        pluralize(done, "trial")
    } else {
        format!("{}/{}", group_thousands(done), pluralize(planned, "trial"))
    }
}

fn cost(report: &RunReport) -> String {
    bill(report.cost, report.cost_upper, report.cost_is_partial)
}

/// What a run cost, and at most: `$18.54`, `$18.54–19.10`; `≥ $18.54` where a part is
/// not known.
pub(super) fn bill(known: Usd, most: Usd, partial: bool) -> String {
    let (cost, upper) = (money(known), money(most));
    if partial && known == Usd::ZERO {
        "cost not known".to_owned()
    } else if partial {
        format!("≥ {cost}")
    } else if cost == upper || most < known {
        cost
    } else {
        format!("{cost}–{}", upper.trim_start_matches('$'))
    }
}

/// The endpoints, best quality first.
pub(super) fn ranked(report: &RunReport) -> Vec<&Endpoint> {
    let mut endpoints: Vec<&Endpoint> = report.endpoints.iter().collect();
    endpoints.sort_by_key(|endpoint| endpoint.rank);
    endpoints
}

fn value(estimate: Option<&Estimate>) -> Option<f64> {
    estimate.map(|e| e.value).filter(|v| v.is_finite())
}

/// Why an endpoint has nothing to show: `NO DATA: all 40 trials failed: connect`; `None` where
/// anything answered.
pub(super) fn never_answered(cell: &Cell) -> Option<String> {
    let failed = cell.counts.failed;
    let classes = cell.failures.iter().map(|(class, n)| (*class, *n));
    (cell.counts.ok == 0 && failed > 0)
        .then(|| format!("{}: {}", VerdictWord::NoData.word(), prose::all_failed(failed, classes)))
}

/// Failed trials of an endpoint by class: `40 connect, 2 reset`; empty where none failed.
pub(super) fn failures(cell: &Cell) -> String {
    prose::by_count(cell.failures.iter().map(|(class, n)| (*class, *n)))
}

/// A share of failed trials from which an endpoint's failures are said on the screen.
const MANY_FAILED: f64 = 0.05;

/// The endpoints of which many trials failed, those with most failures first.
pub(super) fn failing(report: &RunReport) -> Vec<&Endpoint> {
    let many = |e: &&Endpoint| {
        let counts = &e.all.counts;
        counts.failed as f64 > MANY_FAILED * counts.trials as f64
    };
    let mut failing: Vec<&Endpoint> = report.endpoints.iter().filter(many).collect();
    failing.sort_by_key(|e| std::cmp::Reverse(e.all.counts.failed));
    failing
}

/// `80 of 200 trials failed: 40 connect (away@dead), 40 not_found (x@y)`; `None` where no
/// endpoint failed often.
pub(super) fn failed(report: &RunReport) -> Option<String> {
    let failing = failing(report);
    if failing.is_empty() {
        return None;
    }
    let each: Vec<String> = failing
        .iter()
        .map(|e| format!("{} ({})", failures(&e.all), report.names.short(e.id.as_str())))
        .collect();
    let counts = &report.counts;
    Some(format!(
        "{} of {} failed: {}",
        group_thousands(counts.failed),
        pluralize(counts.trials, "trial"),
        each.join(", ")
    ))
}

/// Quality in percent with its interval, or why there is none.
pub(super) fn quality_or_failure(cell: &Cell) -> String {
    never_answered(cell).unwrap_or_else(|| quality(cell))
}

/// Quality in percent with its interval.
pub(super) fn quality(cell: &Cell) -> String {
    cell.quality.as_ref().map_or_else(missing, |e| number::interval(e, percent))
}

/// Dollars per 1,000 tasks, without the sign.
pub(super) fn per_1000(cell: &Cell) -> String {
    value(cell.cost_per_task.as_ref()).map_or_else(missing, |cost| dollars(cost * 1e3))
}

/// Dollars per 1,000 passes; `≥ low` where Fieller's interval has no upper end.
pub(super) fn per_1000_passes(cell: &Cell) -> String {
    cell.cost_per_pass.as_ref().map_or_else(missing, |cost| match (cost.low, cost.high) {
        (Some(low), None) => format!("≥ {}", dollars(low * 1e3)),
        _ => dollars(cost.value * 1e3),
    })
}

/// The difference from today: `−3.5 worse`; a dash for today itself.
pub(super) fn vs_today(cell: &Cell, is_today: bool) -> String {
    match &cell.vs_today {
        _ if is_today => "–".to_owned(),
        None => missing(),
        Some(found) => {
            format!("{} {}", points(found.estimate.value), significance_name(found.significance))
        }
    }
}

/// TTFT as `p50/p95`; the highest percentile whose floor is met, by name, where p95's is not.
pub(super) fn ttft_pair(cell: &Cell) -> String {
    let Some(latency) = cell.latency.get(&LatencyMetric::Ttft) else { return missing() };
    let at = |key: u16| latency.percentiles.get(&key).map(|e| number::seconds(e.value));
    match (at(500), at(950), latency.percentiles.range(501..950).next_back()) {
        (Some(p50), Some(p95), _) => format!("{p50}/{p95} s"),
        (Some(p50), None, Some((key, high))) => {
            format!("{p50}/{} {} s", number::percentile(*key), number::seconds(high.value))
        }
        (Some(p50), None, None) => format!("p50 {p50} s"),
        (None, ..) => missing(),
    }
}

/// One percentile of TTFT in seconds.
pub(super) fn ttft(cell: &Cell, key: u16) -> String {
    cell.latency
        .get(&LatencyMetric::Ttft)
        .and_then(|latency| latency.percentiles.get(&key))
        .map_or_else(missing, |e| number::seconds(e.value))
}

/// Availability in percent.
pub(super) fn availability(cell: &Cell) -> String {
    value(cell.availability.as_ref()).map_or_else(missing, percent)
}

pub(super) fn missing() -> String {
    number::NONE.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::units::Fact;

    #[test]
    fn the_heading_is_the_run_in_one_line() {
        let report = fixture::report(&fixture::support());
        assert_eq!(
            heading(&report).join(" · "),
            "support · 800 tasks × 3 endpoints · 2,400 trials · $18.54 · 11 min · VALID"
        );
    }

    #[test]
    fn what_is_wrong_with_a_run_comes_first() {
        let mut report = fixture::report(&fixture::support());
        let check = |report: &RunReport, word: &str| {
            assert_eq!(heading(report)[1], word);
            assert!(!heading(report).iter().any(|fact| fact == "VALID"));
        };
        report.run.ending.as_mut().expect("ended").complete = false;
        check(&report, "INCOMPLETE");
        report.run.ending.as_mut().expect("ended").validity = ValidityMark::Invalid;
        check(&report, "INCOMPLETE, INVALID");
        report.run.ending = None;
        check(&report, "UNFINISHED");
        report.counts.failed = report.counts.trials;
        report.counts.ok = 0;
        check(&report, "ALL FAILED, UNFINISHED");
    }

    #[test]
    fn an_unknown_price_is_never_nothing() {
        let (mut metrics, weights) = fixture::support();
        metrics.today.stated = false;
        metrics.endpoints[1].priced = false;
        let report = RunReport::new(&metrics, &weights);
        assert_eq!(heading(&report)[3], "≥ $18.54");
        let said = &report.assumptions[0];
        assert!(said.contains("of this run with a known price, acme/large@azure,"), "{said}");
    }

    #[test]
    fn what_is_assumed_is_said_once() {
        let (mut metrics, mut weights) = fixture::support();
        let before = RunReport::new(&metrics, &weights).notes;
        metrics.today.stated = false;
        metrics.manifest.notes.push(Fact::TodayAssumed);
        weights
            .notes
            .push(Fact::TodayStandsIn { endpoint: "large@azure".to_owned(), priced_only: false });
        let report = RunReport::new(&metrics, &weights);
        assert_eq!((report.assumptions.len(), report.notes), (1, before));
    }

    #[test]
    fn a_model_at_two_providers_keeps_its_providers() {
        let names = fixture::report(&fixture::demo()).names;
        assert_eq!(names.model("acme/large@azure"), "large");
        assert_eq!(names.model("birch/pro@birch"), "pro@birch");
        assert_eq!(names.short("birch/pro@cloudy"), "pro@cloudy");
    }

    #[test]
    fn a_percentile_that_is_not_p95_is_named() {
        let mut cell = fixture::report(&fixture::support()).endpoints.remove(0).all;
        assert_eq!(ttft_pair(&cell), "0.41/0.78 s");
        let ttft = cell.latency.get_mut(&LatencyMetric::Ttft).expect("measured");
        ttft.percentiles.retain(|key, _| *key <= 900);
        assert_eq!(ttft_pair(&cell), "0.41/p90 0.64 s");
        let ttft = cell.latency.get_mut(&LatencyMetric::Ttft).expect("measured");
        ttft.percentiles.remove(&900);
        assert_eq!(ttft_pair(&cell), "p50 0.41 s");
        cell.latency.clear();
        assert_eq!(ttft_pair(&cell), "n/a");
    }
}
