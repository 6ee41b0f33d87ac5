//! What the page shows, as the template takes it.

use std::fmt::Write as _;

use serde::Serialize;

use super::chart::{self, Chart};
use super::number::{self, currency, dollars, points, probability, share};
use super::run_text::{self, Names, State, missing, ranked};
use super::text::escape_control;
use super::timing_error::TimingError;
use super::verdict;
use crate::aggregate::{Cell, EndpointMetrics, RunMetrics};
use crate::stats::Estimate;
use crate::units::fact::{Fact, stand_in};
use crate::units::prose::{group_thousands, pluralize};
use crate::units::{Manifest, RunEnding, SuiteStamp, ValidityMark};
use crate::weights::{VerdictWord, WeightsFile};

/// All that the template shows. `css` and the charts' `svg` are ours and go in as they are; the
/// rest is text.
#[derive(Serialize)]
pub(super) struct Page {
    css: String,
    name: String,
    facts: Vec<String>,
    simulated: bool,
    demo: bool,
    validity: Validity,
    mixture: Vec<String>,
    assumptions: Vec<String>,
    verdicts: Vec<VerdictView>,
    no_verdict: String,
    endpoints: Vec<EndpointView>,
    has_slo: bool,
    charts: Vec<ChartView>,
    categories: Vec<CategoryView>,
    weights: Vec<WeightView>,
    left_out: Vec<(String, String)>,
    notes: Vec<String>,
    judging: Vec<(String, String)>,
    manifest: Vec<(String, String)>,
    suites: Vec<[String; 3]>,
}

#[derive(Serialize)]
pub(super) struct Validity {
    word: String,
    /// `good`, `doubtful` or `bad`.
    tone: &'static str,
    reasons: Vec<String>,
}

#[derive(Serialize)]
struct VerdictView {
    category: String,
    share: String,
    word: &'static str,
    tone: &'static str,
    text: String,
}

#[derive(Serialize)]
struct EndpointView {
    name: String,
    provider: String,
    today: bool,
    quality: String,
    bar: Option<Bar>,
    cost: String,
    pass_cost: String,
    vs_today: String,
    vs_tone: &'static str,
    ttft: String,
    availability: String,
    slo_miss: String,
    trials: String,
}

/// A point with its interval, in percent of the width of its cell.
#[derive(Serialize)]
struct Bar {
    low: String,
    high: String,
    /// The left edge of the point's mark.
    mark: String,
}

/// How wide the mark of a point is, percent.
const MARK_WIDTH: f64 = 2.8;

#[derive(Serialize)]
pub(super) struct ChartView {
    svg: String,
    caption: String,
    name: &'static str,
}

#[derive(Serialize)]
struct CategoryView {
    name: String,
    share: String,
    tasks: String,
    rows: Vec<CellView>,
}

#[derive(Serialize)]
struct CellView {
    name: String,
    today: bool,
    n: String,
    quality: String,
    vs_today: String,
    vs_tone: &'static str,
    p: String,
    cost: String,
    pass_cost: String,
    ttft_50: String,
    ttft_90: String,
    failed: String,
    unscored: String,
    truncated: String,
    refused: String,
}

#[derive(Serialize)]
struct WeightView {
    category: String,
    mix: Vec<(String, String)>,
    fallbacks: String,
    quality: String,
    cost: String,
    why: String,
}

impl Page {
    pub(super) fn of(
        metrics: &RunMetrics,
        weights: &WeightsFile,
        names: &Names,
        charts: &[Chart],
    ) -> Self {
        let mut facts = run_text::heading(metrics);
        let name = facts.remove(0);
        let scored = metrics.counts.scored > 0;
        Self {
            css: css(),
            name,
            facts,
            simulated: metrics.simulated,
            demo: metrics.manifest.demo,
            validity: validity(metrics),
            mixture: verdict::mixture(metrics, weights, names),
            assumptions: assumptions(metrics, weights),
            verdicts: verdicts(metrics, weights, names),
            no_verdict: if scored {
                "There is no verdict: no weights were made. The notes say why."
            } else {
                "There is no verdict: nothing was scored."
            }
            .to_owned(),
            endpoints: endpoints(metrics),
            has_slo: metrics.judging().slo.is_some(),
            charts: charts.iter().map(ChartView::of).collect(),
            categories: categories(metrics, names),
            weights: weight_views(metrics, weights, names),
            left_out: weights
                .left_out
                .iter()
                .map(|(id, why)| (escape_control(id).into_owned(), run_text::sentence(why)))
                .collect(),
            notes: run_text::notes(metrics, weights),
            judging: judging(metrics, weights),
            manifest: manifest(metrics, weights),
            suites: suites(&metrics.manifest),
        }
    }
}

/// What was assumed, and which categories have no verdict.
fn assumptions(metrics: &RunMetrics, weights: &WeightsFile) -> Vec<String> {
    let mut said = run_text::assumptions(metrics);
    let unjudged = verdict::unjudged(metrics, weights);
    if !unjudged.is_empty() {
        said.push(format!("No verdict for {}: no weights were made there.", unjudged.join(", ")));
    }
    said
}

fn validity(metrics: &RunMetrics) -> Validity {
    let ended = metrics.manifest.ended.as_ref();
    let seen = ended.map(|ended| (ended, &ended.validity));
    Validity::of(run_text::state(metrics), metrics.counts.ok, seen)
}

impl Validity {
    /// Of a run that stands so, with so many answers, and how it ended.
    pub(super) fn of(
        State { word, good }: State,
        answers: u64,
        ended: Option<(&RunEnding, &crate::units::Validity)>,
    ) -> Self {
        let Some((ended, validity)) = ended else {
            let why = "The run has no ending: it is still going, or it was cut.";
            return Self { word, tone: "bad", reasons: vec![why.to_owned()] };
        };
        let invalid = validity.mark == ValidityMark::Invalid || answers == 0;
        let tone = match good {
            true => "good",
            false if invalid => "bad",
            false => "doubtful",
        };
        let marks = validity.reasons.iter().map(Fact::to_string);
        let reasons = ended.why.iter().cloned().chain(marks).map(|why| run_text::sentence(&why));
        Self { word, tone, reasons: reasons.collect() }
    }
}

impl ChartView {
    pub(super) fn of(chart: &Chart) -> Self {
        Self { svg: chart.inline(), caption: chart.caption.clone(), name: chart.name }
    }
}

/// The styles of a page and of the charts in it.
pub(super) fn css() -> String {
    chart::style_sheet() + include_str!("report.css")
}

/// Name, version and hash of the suites of a run.
pub(super) fn suites(manifest: &Manifest) -> Vec<[String; 3]> {
    let shown = |suite: &SuiteStamp| {
        [&suite.name, &suite.version, &suite.hash].map(|text| escape_control(text).into_owned())
    };
    manifest.suites.iter().map(shown).collect()
}

/// What a run noted of its own client.
pub(super) fn client(validity: &crate::units::Validity) -> Vec<(&'static str, String)> {
    let lag = validity
        .lag_p99_us
        .map(|lag| ("Client's lag, p99", format!("{} µs", group_thousands(lag))));
    let cpu = validity.io_cpu_peak.map(|cpu| ("Client's busiest I/O thread", share(cpu)));
    lag.into_iter().chain(cpu).collect()
}

fn verdicts(metrics: &RunMetrics, weights: &WeightsFile, names: &Names) -> Vec<VerdictView> {
    verdict::verdicts(metrics, weights)
        .iter()
        .map(|v| VerdictView {
            category: v.category.clone(),
            share: share(v.share),
            word: v.verdict.word.word(),
            tone: match v.verdict.word {
                VerdictWord::Move => "move",
                VerdictWord::Stay => "stay",
                VerdictWord::NotYet => "wait",
            },
            text: v.sentences(names),
        })
        .collect()
}

fn endpoints(metrics: &RunMetrics) -> Vec<EndpointView> {
    let known = |e: &EndpointMetrics| e.all.quality.filter(|q| q.value.is_finite());
    let ends = metrics.endpoints.iter().filter_map(known);
    let ends = ends.flat_map(|q| [q.value, q.low.unwrap_or(q.value), q.high.unwrap_or(q.value)]);
    let range = ends.fold(None, |range: Option<(f64, f64)>, v| match range {
        None => Some((v, v)),
        Some((low, high)) => Some((low.min(v), high.max(v))),
    });
    ranked(metrics)
        .into_iter()
        .map(|e| {
            let today = metrics.today.endpoint.as_ref() == Some(&e.id);
            let cell = &e.all;
            EndpointView {
                name: escape_control(e.id.as_str()).into_owned(),
                provider: escape_control(&e.provider).into_owned(),
                today,
                quality: run_text::quality_or_failure(cell),
                bar: known(e).zip(range).map(|(quality, range)| bar(&quality, range)),
                cost: run_text::per_1000(cell),
                pass_cost: run_text::per_1000_passes(cell),
                vs_today: run_text::vs_today(cell, today),
                vs_tone: tone(cell),
                ttft: run_text::ttft_pair(cell).trim_end_matches(" s").to_owned(),
                availability: run_text::availability(cell),
                slo_miss: known_percent(cell.slo_miss.as_ref()),
                trials: trials(cell),
            }
        })
        .collect()
}

fn bar(quality: &Estimate, (low, high): (f64, f64)) -> Bar {
    let at = |v: f64| {
        let part = if high > low { (v - low) / (high - low) } else { 0.5 };
        3.0 + 94.0 * part.clamp(0.0, 1.0)
    };
    let text = |v: f64| format!("{v:.1}");
    Bar {
        low: text(at(quality.low.unwrap_or(quality.value))),
        high: text(at(quality.high.unwrap_or(quality.value))),
        mark: text(at(quality.value) - MARK_WIDTH / 2.0),
    }
}

/// How a difference is coloured.
fn tone(cell: &Cell) -> &'static str {
    cell.vs_today.as_ref().map_or("", |d| run_text::significance(d.significance))
}

fn known_percent(estimate: Option<&Estimate>) -> String {
    estimate.map_or_else(missing, |e| number::percent(e.value))
}

/// Trials that count, and what is counted beside them.
fn trials(cell: &Cell) -> String {
    let counts = &cell.counts;
    let mut text = group_thousands(counts.trials());
    for (n, what) in [
        (counts.failed, "failed"),
        (counts.ineligible, "ineligible"),
        (counts.skipped, "skipped"),
        (counts.in_doubt, "in doubt"),
    ] {
        if n > 0 {
            let _ = write!(text, ", {} {what}", group_thousands(n));
        }
        if what == "failed" && n > 0 {
            let _ = write!(text, " ({})", run_text::failures(cell));
        }
    }
    text
}

fn categories(metrics: &RunMetrics, names: &Names) -> Vec<CategoryView> {
    let mut order: Vec<usize> = (0..metrics.categories.len()).collect();
    order.sort_by(|a, b| metrics.categories[*b].share.total_cmp(&metrics.categories[*a].share));
    order
        .into_iter()
        .map(|c| {
            let category = &metrics.categories[c];
            let mut rows: Vec<(&EndpointMetrics, &Cell)> =
                ranked(metrics).into_iter().filter_map(|e| Some((e, e.cells.get(c)?))).collect();
            let quality = |cell: &Cell| cell.quality.map_or(f64::NEG_INFINITY, |q| q.value);
            rows.sort_by(|a, b| quality(b.1).total_cmp(&quality(a.1)));
            CategoryView {
                name: escape_control(category.name.as_str()).into_owned(),
                share: share(category.share),
                tasks: pluralize(category.tasks, "task"),
                rows: rows
                    .into_iter()
                    .map(|(e, cell)| cell_view(metrics, e, cell, names))
                    .collect(),
            }
        })
        .collect()
}

fn cell_view(
    metrics: &RunMetrics,
    endpoint: &EndpointMetrics,
    cell: &Cell,
    names: &Names,
) -> CellView {
    let today = metrics.today.endpoint.as_ref() == Some(&endpoint.id);
    let vs_today = match &cell.vs_today {
        _ if today => "–".to_owned(),
        Some(d) => number::difference(&d.estimate),
        None => missing(),
    };
    CellView {
        name: names.short(endpoint.id.as_str()),
        today,
        n: group_thousands(cell.counts.scored),
        quality: run_text::quality(cell),
        vs_today,
        vs_tone: tone(cell),
        p: cell.vs_today.as_ref().map_or_else(String::new, |d| probability(d.p_adjusted)),
        cost: run_text::per_1000(cell),
        pass_cost: run_text::per_1000_passes(cell),
        ttft_50: run_text::ttft(cell, 500),
        ttft_90: run_text::ttft(cell, 900),
        failed: group_thousands(cell.counts.failed),
        unscored: group_thousands(cell.counts.unscored),
        truncated: group_thousands(cell.counts.truncated),
        refused: group_thousands(cell.counts.refused),
    }
}

fn weight_views(metrics: &RunMetrics, weights: &WeightsFile, names: &Names) -> Vec<WeightView> {
    let mut views: Vec<WeightView> = Vec::new();
    if weights.categories.is_empty() || metrics.counts.scored == 0 {
        return views;
    }
    let stated = metrics.categories.iter().filter_map(|c| {
        let name = c.name.as_str();
        Some((escape_control(name).into_owned(), weights.categories.get(name)?))
    });
    for (category, found) in stated.chain([("(no label)".to_owned(), &weights.default)]) {
        let mix = verdict::mix(found);
        let fallbacks: Vec<String> = found.fallbacks.iter().map(|id| names.short(id)).collect();
        let expected = &found.expected;
        let per_1000 = |e: &Estimate| currency(&dollars(e.value * 1e3));
        views.push(WeightView {
            category,
            mix: mix.into_iter().map(|(id, part)| (names.short(id), share(part))).collect(),
            fallbacks: if fallbacks.is_empty() {
                "–".to_owned()
            } else {
                fallbacks.join(", then ")
            },
            quality: against(
                expected.quality.as_ref().map(|e| number::percent(e.value)),
                expected.today_quality.as_ref().map(|e| number::percent(e.value)),
            ),
            cost: against(
                expected.cost_per_task_usd.as_ref().map(per_1000),
                expected.today_cost_per_task_usd.as_ref().map(per_1000),
            ),
            why: run_text::sentence(&found.verdict.why),
        });
    }
    views
}

/// `92.1 (today 92.3)`.
fn against(new: Option<String>, today: Option<String>) -> String {
    match (new, today) {
        (Some(new), Some(today)) => format!("{new} (today {today})"),
        (Some(new), None) => new,
        (None, _) => missing(),
    }
}

fn judging(metrics: &RunMetrics, weights: &WeightsFile) -> Vec<(String, String)> {
    let judging = metrics.judging();
    let today = metrics.today.endpoint.as_ref();
    let today = today.map_or_else(missing, |id| escape_control(id.as_str()).into_owned());
    let stated = if metrics.today.stated { "stated" } else { stand_in(metrics.has_unpriced()) };
    let goal = weights.objective.goal.name();
    let margin = points(judging.margin);
    let mut rows = vec![
        ("Today".to_owned(), format!("{today} ({stated})")),
        ("Goal".to_owned(), goal.to_owned()),
        (
            "Accepted loss of quality".to_owned(),
            format!("{} points", margin.trim_start_matches(['+', '±'])),
        ),
    ];
    if let Some(slo) = &judging.slo {
        let limit = number::seconds(slo.ttft_ms / 1e3);
        let text =
            format!("first token within {limit} s for all but {} of answers", share(slo.miss));
        rows.push(("Latency objective".to_owned(), text));
    }
    if let Some(cap) = judging.max_share_provider {
        rows.push(("Largest share of one provider".to_owned(), share(cap)));
    }
    if let Some(requests) = judging.requests_per_month {
        rows.push(("Requests a month".to_owned(), group_thousands(requests)));
    }
    rows
}

fn manifest(metrics: &RunMetrics, weights: &WeightsFile) -> Vec<(String, String)> {
    let m = &metrics.manifest;
    let counts = &metrics.counts;
    let planned = format!(
        "{} = {} ok + {} failed + {} ineligible + {} skipped + {} in doubt",
        group_thousands(counts.planned),
        group_thousands(counts.ok),
        group_thousands(counts.failed),
        group_thousands(counts.ineligible),
        group_thousands(counts.skipped),
        group_thousands(counts.in_doubt)
    );
    let partial = metrics.cost_is_partial();
    let most = if partial {
        "not known: an endpoint without a known price was asked".to_owned()
    } else {
        format!("${}", metrics.cost_upper)
    };
    let clock = if m.virtual_time { "virtual: nothing was timed" } else { "real" };
    let mut rows = vec![
        ("Run", m.run.clone()),
        ("Started", m.started_at.clone()),
        ("Trials planned", planned),
        ("Repeats", m.repeats.to_string()),
        ("Seed", m.seed.to_string()),
        ("Time", clock.to_owned()),
        ("Cost", format!("{}${}", if partial { "≥ " } else { "" }, metrics.cost)),
        ("Cost, at most", most),
        ("Plan, SHA-256", m.plan_hash.clone()),
        ("Price snapshot, SHA-256", weights.prices.clone()),
        ("Weights valid until", weights.valid_until.clone()),
    ];
    if let Some(ended) = &m.ended {
        rows.extend(client(&ended.validity));
    }
    rows.extend(TimingError::of(m, None).iter().flat_map(TimingError::record));
    rows.into_iter().map(|(k, v)| (k.to_owned(), escape_control(&v).into_owned())).collect()
}
