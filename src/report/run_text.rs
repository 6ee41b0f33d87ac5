//! What a run says, in words: shared by the screen, the page and the Markdown summary.
//!
//! Everything is plain text here; each place escapes it in its own way.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::number::{self, dollars, money, percent, points};
use super::rate_limit_notes;
use super::routing_notes;
use super::text::escape_control;
use super::token_count_notes;
use crate::aggregate::{Cell, EndpointMetrics, LatencyMetric, RunMetrics, Significance};
use crate::stats::Estimate;
use crate::units::fact::{Fact, stand_in};
use crate::units::prose::{group_thousands, pluralize};
use crate::units::{EndpointId, Usd, ValidityMark};
use crate::weights::WeightsFile;

/// The facts of the heading, to be joined by ` · `: the run's name comes first, and right after it
/// what is wrong with the run, so that no narrow line cuts it off. A run that is as it should be
/// says so last.
pub(super) fn heading(metrics: &RunMetrics) -> Vec<String> {
    let tasks: u64 = metrics.categories.iter().map(|c| c.tasks).sum();
    let mut facts = vec![
        escape_control(&metrics.manifest.name).into_owned(),
        format!(
            "{} × {}",
            pluralize(tasks, "task"),
            pluralize(metrics.endpoints.len() as u64, "endpoint")
        ),
        trials(metrics),
        cost(metrics),
    ];
    if let Some(ended) = &metrics.manifest.ended {
        facts.push(number::duration(ended.duration_ns));
    }
    with_state(facts, state(metrics))
}

/// The facts with how the run stands: what is wrong right after its name, what is right last.
pub(super) fn with_state(mut facts: Vec<String>, state: State) -> Vec<String> {
    let at = if state.good { facts.len() } else { 1 };
    facts.insert(at, state.word);
    facts
}

/// How a run stands.
pub(super) struct State {
    /// `VALID`, `INCOMPLETE`, `ALL FAILED`, `INCOMPLETE, INVALID`.
    pub word: String,
    /// Whether nothing is wrong with it.
    pub good: bool,
}

/// How the run stands: what is missing from it, then whether its latencies may be believed.
pub(super) fn state(metrics: &RunMetrics) -> State {
    let ended = metrics.manifest.ended.as_ref().map(|e| (e.complete, e.validity.mark));
    state_of(metrics.counts.ok == 0 && metrics.counts.failed > 0, ended)
}

/// How a run stands: whether every answer failed; where it has ended, whether it is complete and
/// whether its latencies may be believed.
pub(super) fn state_of(all_failed: bool, ended: Option<(bool, ValidityMark)>) -> State {
    let mut wrong: Vec<&str> = Vec::new();
    if all_failed {
        wrong.push("ALL FAILED");
    }
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

fn trials(metrics: &RunMetrics) -> String {
    // What an endpoint cannot take was never going to be asked.
    let done = metrics.counts.trials();
    let planned = metrics.counts.planned - metrics.counts.ineligible;
    if done == planned {
        pluralize(done, "trial")
    } else {
        format!("{}/{}", group_thousands(done), pluralize(planned, "trial"))
    }
}

fn cost(metrics: &RunMetrics) -> String {
    bill(metrics.cost, metrics.cost_upper, metrics.cost_is_partial())
}

/// What a run cost, and at most: `$18.54`, `$18.54–19.10`; `≥ $18.54` where a part is not known.
pub(super) fn bill(known: Usd, most: Usd, partial: bool) -> String {
    let (cost, upper) = (money(known), money(most));
    if partial {
        format!("≥ {cost}")
    } else if cost == upper || most < known {
        cost
    } else {
        format!("{cost}–{}", upper.trim_start_matches('$'))
    }
}

/// What was assumed because nobody stated it, one sentence each.
pub(super) fn assumptions(metrics: &RunMetrics) -> Vec<String> {
    let mut said = Vec::new();
    if let (Some(id), false) = (&metrics.today.endpoint, metrics.today.stated) {
        said.push(format!(
            "No [today] was stated: {}, {}, stands for it.",
            stand_in(metrics.has_unpriced()),
            escape_control(id.as_str())
        ));
    }
    if metrics.categories.len() > 1 && metrics.categories.iter().any(|c| !c.share_stated) {
        said.push("No [traffic] shares were stated: categories count equally.".to_owned());
    }
    said
}

/// Names of endpoints and models as short as they may be without two of them being the same.
pub(super) struct Names {
    shown: BTreeMap<String, (String, String)>,
}

impl Names {
    /// For the endpoints of a run.
    pub(super) fn of(metrics: &RunMetrics) -> Self {
        Self::of_ids(metrics.endpoints.iter().map(|endpoint| &endpoint.id))
    }

    /// For some endpoints.
    pub(super) fn of_ids<'a>(ids: impl Iterator<Item = &'a EndpointId> + Clone) -> Self {
        let mut shorts: BTreeMap<&str, u32> = BTreeMap::new();
        let mut models: BTreeMap<&str, u32> = BTreeMap::new();
        for id in ids.clone() {
            let short = id.short();
            *shorts.entry(short).or_default() += 1;
            *models.entry(model_of(short)).or_default() += 1;
        }
        let shown = ids
            .map(|id| {
                let (id, short) = (id.as_str(), id.short());
                let short_name = if shorts[short] == 1 { short } else { id };
                let model = model_of(short);
                let alone = models[model] == 1 && !short.contains('#');
                let model_name = if alone { model } else { short_name };
                (
                    id.to_owned(),
                    (
                        escape_control(short_name).into_owned(),
                        escape_control(model_name).into_owned(),
                    ),
                )
            })
            .collect();
        Self { shown }
    }

    /// `name@provider`, or the whole id where that is not unique.
    pub(super) fn short(&self, id: &str) -> String {
        self.shown
            .get(id)
            .map_or_else(|| escape_control(id).into_owned(), |(short, _)| short.clone())
    }

    /// The model's name alone where one endpoint has it, else as [`Names::short`].
    pub(super) fn model(&self, id: &str) -> String {
        self.shown
            .get(id)
            .map_or_else(|| escape_control(id).into_owned(), |(_, model)| model.clone())
    }
}

fn model_of(short: &str) -> &str {
    match short.split_once('@') {
        Some(("", _)) | None => short,
        Some((model, _)) => model,
    }
}

/// The endpoints, best quality first; the unscored last; equal ones by cost, then as in the
/// catalog.
pub(super) fn ranked(metrics: &RunMetrics) -> Vec<&EndpointMetrics> {
    let mut endpoints: Vec<&EndpointMetrics> = metrics.endpoints.iter().collect();
    endpoints.sort_by(|a, b| {
        descending(value(a.all.quality.as_ref()), value(b.all.quality.as_ref())).then_with(|| {
            let cost = |e: &EndpointMetrics| value(e.all.cost_per_task.as_ref()).map(|c| -c);
            descending(cost(a), cost(b))
        })
    });
    endpoints
}

fn value(estimate: Option<&Estimate>) -> Option<f64> {
    estimate.map(|e| e.value).filter(|v| v.is_finite())
}

fn descending(a: Option<f64>, b: Option<f64>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => b.total_cmp(&a),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

/// `40 connect`, or `30 connect, 10 reset`: failed trials by class, the most frequent first.
fn by_class(cell: &Cell) -> Vec<(&'static str, u64)> {
    let mut classes: Vec<_> = cell.failures.iter().map(|(class, n)| (*class, *n)).collect();
    classes.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    classes
}

/// Why an endpoint has nothing to show: `all 40 failed: connect`; `None` where anything answered.
pub(super) fn never_answered(cell: &Cell) -> Option<String> {
    let failed = cell.counts.failed;
    if cell.counts.ok > 0 || failed == 0 {
        return None;
    }
    let classes = by_class(cell);
    let why = match classes.as_slice() {
        [] => String::new(),
        [(class, _)] => format!(": {class}"),
        several => {
            let each: Vec<String> =
                several.iter().map(|(c, n)| format!("{} {c}", group_thousands(*n))).collect();
            format!(": {}", each.join(", "))
        }
    };
    Some(match failed {
        1 => format!("its one trial failed{why}"),
        _ => format!("all {} failed{why}", group_thousands(failed)),
    })
}

/// Failed trials of an endpoint by class: `40 connect, 2 reset`; empty where none failed.
pub(super) fn failures(cell: &Cell) -> String {
    let each: Vec<String> = by_class(cell)
        .into_iter()
        .map(|(class, n)| format!("{} {class}", group_thousands(n)))
        .collect();
    each.join(", ")
}

/// A share of failed trials from which an endpoint's failures are said on the screen.
const MANY_FAILED: f64 = 0.05;

/// The endpoints of which many trials failed, those with most failures first.
pub(super) fn failing(metrics: &RunMetrics) -> Vec<&EndpointMetrics> {
    let many = |e: &&EndpointMetrics| {
        let counts = &e.all.counts;
        counts.failed as f64 > MANY_FAILED * counts.trials() as f64
    };
    let mut failing: Vec<&EndpointMetrics> = metrics.endpoints.iter().filter(many).collect();
    failing.sort_by_key(|e| std::cmp::Reverse(e.all.counts.failed));
    failing
}

/// `80 of 200 trials failed: 40 connect (away@dead), 40 not_found (x@y)`; `None` where no
/// endpoint failed often.
pub(super) fn failed(metrics: &RunMetrics, names: &Names) -> Option<String> {
    let failing = failing(metrics);
    if failing.is_empty() {
        return None;
    }
    let each: Vec<String> = failing
        .iter()
        .map(|e| format!("{} ({})", failures(&e.all), names.short(e.id.as_str())))
        .collect();
    let counts = &metrics.counts;
    Some(format!(
        "{} of {} failed: {}",
        group_thousands(counts.failed),
        pluralize(counts.trials(), "trial"),
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
            format!("{} {}", points(found.estimate.value), significance(found.significance))
        }
    }
}

/// What may be said of a difference.
pub(super) const fn significance(significance: Significance) -> &'static str {
    match significance {
        Significance::Better => "better",
        Significance::Worse => "worse",
        Significance::Unclear => "unclear",
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

/// A text as a sentence: a capital first, a full stop last.
pub(super) fn sentence(text: &str) -> String {
    let text = escape_control(text.trim());
    let mut characters = text.chars();
    let Some(first) = characters.next() else { return String::new() };
    // A sentence may begin with an endpoint's name, which keeps its spelling.
    // and so does a file's.
    let is_name = text.split(' ').next().is_some_and(|word| {
        word.contains(['@', '/']) || word.trim_end_matches([':', '.', ',']).contains(['.', '_'])
    });
    let mut sentence: String =
        if is_name { text.to_string() } else { first.to_uppercase().chain(characters).collect() };
    if !sentence.ends_with(['.', '!', '?', '…']) {
        sentence.push('.');
    }
    sentence
}

/// Whether [`assumptions`] states this fact already.
fn is_assumption(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::TodayAssumed
            | Fact::TodayStandsIn { .. }
            | Fact::SharesAssumed
            | Fact::SharesNotStated
    )
}

/// The run's notes and the weights' notes, each once, and why the run is not wholly valid.
pub(super) fn notes(metrics: &RunMetrics, weights: &WeightsFile) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let ended = metrics.manifest.ended.as_ref();
    let why = ended.and_then(|e| e.why.as_ref());
    let marks = ended.map(|e| e.validity.reasons.as_slice()).unwrap_or_default();
    let facts = metrics.manifest.notes.iter().chain(&weights.notes);
    why.cloned()
        .into_iter()
        .chain(marks.iter().map(Fact::to_string))
        .chain(rate_limit_notes::notes(metrics))
        .chain(routing_notes::notes(metrics))
        .chain(facts.filter(|fact| !is_assumption(fact)).map(Fact::to_string))
        .map(|note| sentence(&note))
        .filter(|note| !note.is_empty() && seen.insert(note.clone()))
        .chain(token_count_notes::notes(metrics))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn the_heading_is_the_run_in_one_line() {
        let (metrics, _) = fixture::support();
        assert_eq!(
            heading(&metrics).join(" · "),
            "support · 800 tasks × 3 endpoints · 2,400 trials · $18.54 · 11 min · VALID"
        );
    }

    #[test]
    fn what_is_wrong_with_a_run_comes_first() {
        let (mut metrics, _) = fixture::support();
        let check = |metrics: &RunMetrics, word: &str| {
            assert_eq!(heading(metrics)[1], word);
            assert!(!heading(metrics).iter().any(|fact| fact == "VALID"));
        };
        metrics.manifest.ended.as_mut().expect("ended").complete = false;
        check(&metrics, "INCOMPLETE");
        metrics.manifest.ended.as_mut().expect("ended").validity.mark = ValidityMark::Invalid;
        check(&metrics, "INCOMPLETE, INVALID");
        metrics.manifest.ended = None;
        check(&metrics, "UNFINISHED");
        metrics.counts.failed = metrics.counts.trials();
        metrics.counts.ok = 0;
        check(&metrics, "ALL FAILED, UNFINISHED");
    }

    #[test]
    fn an_unknown_price_is_never_nothing() {
        let (mut metrics, _) = fixture::support();
        metrics.today.stated = false;
        metrics.endpoints[1].priced = false;
        assert_eq!(heading(&metrics)[3], "≥ $18.54");
        let said = assumptions(&metrics).remove(0);
        assert!(said.contains("of this run with a known price, acme/large@azure,"), "{said}");
    }

    #[test]
    fn a_files_name_keeps_its_spelling() {
        assert_eq!(sentence("prompts.csv: prompt ← question"), "prompts.csv: prompt ← question.");
        assert_eq!(sentence("nothing was scored"), "Nothing was scored.");
        assert_eq!(sentence("large@crest stays."), "large@crest stays.");
    }

    #[test]
    fn what_is_assumed_is_said_once() {
        let (mut metrics, mut weights) = fixture::support();
        let before = notes(&metrics, &weights);
        metrics.today.stated = false;
        metrics.manifest.notes.push(Fact::TodayAssumed);
        weights
            .notes
            .push(Fact::TodayStandsIn { endpoint: "large@azure".to_owned(), priced_only: false });
        assert_eq!(assumptions(&metrics).len(), 1);
        assert_eq!(notes(&metrics, &weights), before);
    }

    #[test]
    fn a_model_at_two_providers_keeps_its_providers() {
        let (metrics, _) = fixture::demo();
        let names = Names::of(&metrics);
        assert_eq!(names.model("acme/large@azure"), "large");
        assert_eq!(names.model("birch/pro@birch"), "pro@birch");
        assert_eq!(names.short("birch/pro@cloudy"), "pro@cloudy");
    }

    #[test]
    fn a_percentile_that_is_not_p95_is_named() {
        let (metrics, _) = fixture::support();
        let mut cell = metrics.endpoints[0].all.clone();
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
