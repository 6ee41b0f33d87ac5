//! What the page shows, as the template takes it.

use std::fmt::Write as _;

use serde::Serialize;

use super::answers_page::AnswersView;
use super::chart::{self, Chart};
use super::in_service;
use super::model::{Cell, Ending, Endpoint, Estimate, Failure, RunReport, significance_name};
use super::number::{self, currency, dollars, points, probability, share};
use super::run_text::{self, State, missing, ranked};
use super::text::{escape_control, sentence};
use super::timing_error::TimingError;
use super::verdict;
use crate::units::fact::stand_in;
use crate::units::prose::{group_thousands, pluralize};
use crate::units::{SuiteStamp, ValidityMark};
use crate::weights::VerdictWord;

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
    doubts: Vec<String>,
    failures: Vec<FailureView>,
    has_slo: bool,
    charts: Vec<ChartView>,
    categories: Vec<CategoryView>,
    weights: Vec<WeightView>,
    left_out: Vec<(String, String)>,
    notes: Vec<String>,
    judging: Vec<(String, String)>,
    manifest: Vec<(String, String)>,
    suites: Vec<[String; 3]>,
    /// Where the answers are that differ most; empty: nowhere.
    see: String,
    answers: Option<AnswersView>,
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

#[derive(Serialize)]
struct FailureView {
    endpoint: String,
    what: String,
    words: String,
    url: String,
    remedy: String,
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
    pub(super) fn of(report: &RunReport, charts: &[Chart], answers: Option<AnswersView>) -> Self {
        let mut facts = run_text::heading(report);
        let name = facts.remove(0);
        let scored = report.counts.scored > 0;
        Self {
            css: css(),
            name,
            facts,
            simulated: report.simulated,
            demo: report.run.demo,
            validity: validity(report),
            mixture: verdict::mixture(report),
            assumptions: assumptions(report),
            verdicts: verdicts(report),
            no_verdict: if scored {
                "There is no verdict: no weights were made. The notes say why."
            } else {
                "There is no verdict: nothing was scored."
            }
            .to_owned(),
            endpoints: endpoints(report),
            doubts: report.unpassed.iter().map(|found| sentence(&found.sentence)).collect(),
            failures: failures(report),
            has_slo: report.objective.slo.is_some(),
            charts: charts.iter().map(ChartView::of).collect(),
            categories: categories(report),
            weights: weight_views(report),
            left_out: report
                .left_out
                .iter()
                .map(|(id, why)| (escape_control(id).into_owned(), sentence(why)))
                .collect(),
            notes: report.notes.clone(),
            judging: judging(report),
            manifest: manifest(report),
            suites: suites(&report.run.suites),
            see: differing(report),
            answers,
        }
    }
}

/// `12 answers differ between today and moe@ember: weighbridge show RUN --diff …`
fn differing(report: &RunReport) -> String {
    let Some(found) = &report.differing else { return String::new() };
    let name = report.names.short(found.endpoint.as_str());
    let n = pluralize(found.tasks, "answer");
    let verb = if found.tasks == 1 { "differs" } else { "differ" };
    format!("{n} {verb} between today and {name}: weighbridge show RUN --diff today,{name}")
}

/// What was assumed, and which categories have no verdict.
fn assumptions(report: &RunReport) -> Vec<String> {
    let mut said = report.assumptions.clone();
    let unjudged = verdict::unjudged(report);
    if !unjudged.is_empty() {
        said.push(format!("No verdict for {}: no weights were made there.", unjudged.join(", ")));
    }
    said
}

fn validity(report: &RunReport) -> Validity {
    let state = run_text::state(report);
    let mut validity = Validity::new(state, report.counts.ok, report.run.ending.as_ref());
    validity.reasons.extend(report.no_data.iter().map(|found| found.sentence.clone()));
    validity
}

impl Validity {
    /// Of a run that stands so, with so many answers, and how it ended.
    pub(super) fn new(State { word, good }: State, answers: u64, ending: Option<&Ending>) -> Self {
        let Some(ending) = ending else {
            let why = "The run has no ending: it is still going, or it was cut.";
            return Self { word, tone: "bad", reasons: vec![why.to_owned()] };
        };
        let invalid = ending.validity == ValidityMark::Invalid || answers == 0;
        let tone = match good {
            true => "good",
            false if invalid => "bad",
            false => "doubtful",
        };
        Self { word, tone, reasons: ending.reasons.clone() }
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
pub(super) fn suites(suites: &[SuiteStamp]) -> Vec<[String; 3]> {
    let shown = |suite: &SuiteStamp| {
        [&suite.name, &suite.version, &suite.hash].map(|text| escape_control(text).into_owned())
    };
    suites.iter().map(shown).collect()
}

/// What a run noted of its own client.
pub(super) fn client(ending: &Ending) -> Vec<(&'static str, String)> {
    let lag =
        ending.lag_p99_us.map(|lag| ("Client's lag, p99", format!("{} µs", group_thousands(lag))));
    let cpu = ending.io_cpu_peak.map(|cpu| ("Client's busiest I/O thread", share(cpu)));
    lag.into_iter().chain(cpu).collect()
}

fn verdicts(report: &RunReport) -> Vec<VerdictView> {
    verdict::verdicts(report)
        .iter()
        .map(|v| VerdictView {
            category: v.category.clone(),
            share: share(v.share),
            word: v.verdict.word.word(),
            tone: match v.verdict.word {
                VerdictWord::Move => "move",
                VerdictWord::Try => "try",
                VerdictWord::Stay => "stay",
                VerdictWord::NotYet => "wait",
                VerdictWord::NoData => "none",
            },
            text: v.sentences(&report.names),
        })
        .collect()
}

fn endpoints(report: &RunReport) -> Vec<EndpointView> {
    let known = |e: &Endpoint| e.all.quality.filter(|q| q.value.is_finite());
    let ends = report.endpoints.iter().filter_map(known);
    let ends = ends.flat_map(|q| [q.value, q.low.unwrap_or(q.value), q.high.unwrap_or(q.value)]);
    let range = ends.fold(None, |range: Option<(f64, f64)>, v| match range {
        None => Some((v, v)),
        Some((low, high)) => Some((low.min(v), high.max(v))),
    });
    ranked(report)
        .into_iter()
        .map(|e| {
            let today = e.is_today;
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

fn failures(report: &RunReport) -> Vec<FailureView> {
    let view = |failure: &Failure| FailureView {
        endpoint: report.names.short(failure.endpoint.as_str()),
        what: format!("{} {}", group_thousands(failure.trials), failure.class),
        words: failure.words.clone().unwrap_or_else(|| {
            failure.http_status.map_or_else(missing, |status| format!("HTTP {status}"))
        }),
        url: failure.url.clone(),
        remedy: failure.remedy.clone().unwrap_or_default(),
    };
    report.failures.iter().map(view).collect()
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
    cell.vs_today.as_ref().map_or("", |d| significance_name(d.significance))
}

fn known_percent(estimate: Option<&Estimate>) -> String {
    estimate.map_or_else(missing, |e| number::percent(e.value))
}

/// Trials that count, and what is counted beside them.
fn trials(cell: &Cell) -> String {
    let counts = &cell.counts;
    let mut text = group_thousands(counts.trials);
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

fn categories(report: &RunReport) -> Vec<CategoryView> {
    let mut order: Vec<usize> = (0..report.categories.len()).collect();
    order.sort_by(|a, b| report.categories[*b].share.total_cmp(&report.categories[*a].share));
    order
        .into_iter()
        .map(|c| {
            let category = &report.categories[c];
            let mut rows: Vec<(&Endpoint, &Cell)> =
                ranked(report).into_iter().filter_map(|e| Some((e, e.cells.get(c)?))).collect();
            let quality = |cell: &Cell| cell.quality.map_or(f64::NEG_INFINITY, |q| q.value);
            rows.sort_by(|a, b| quality(b.1).total_cmp(&quality(a.1)));
            CategoryView {
                name: escape_control(category.name.as_str()).into_owned(),
                share: share(category.share),
                tasks: pluralize(category.tasks, "task"),
                rows: rows.into_iter().map(|(e, cell)| cell_view(report, e, cell)).collect(),
            }
        })
        .collect()
}

fn cell_view(report: &RunReport, endpoint: &Endpoint, cell: &Cell) -> CellView {
    let today = endpoint.is_today;
    let vs_today = match &cell.vs_today {
        _ if today => "–".to_owned(),
        Some(d) => number::difference(&d.estimate),
        None => missing(),
    };
    CellView {
        name: report.names.short(endpoint.id.as_str()),
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

fn weight_views(report: &RunReport) -> Vec<WeightView> {
    let mut views: Vec<WeightView> = Vec::new();
    let named = report.categories.iter().filter_map(|category| {
        Some((escape_control(&category.name).into_owned(), category.routing.as_ref()?))
    });
    let unlabelled = report.default_routing.iter().map(|found| ("(no label)".to_owned(), found));
    for (category, found) in named.chain(unlabelled) {
        let fallbacks: Vec<String> =
            found.fallbacks.iter().map(|id| report.names.short(id)).collect();
        let expected = &found.expected;
        let per_1000 = |e: &Estimate| currency(&dollars(e.value * 1e3));
        views.push(WeightView {
            category,
            mix: found
                .mix
                .iter()
                .map(|(id, part)| (report.names.short(id), share(*part)))
                .collect(),
            fallbacks: if fallbacks.is_empty() {
                "–".to_owned()
            } else {
                fallbacks.join(", then ")
            },
            quality: against(
                expected.difference.as_ref().map(|gap| points(gap.value)),
                expected.today_quality.as_ref().map(|e| number::percent(e.value)),
            ),
            cost: against(
                expected.saving.as_ref().map(|e| format!("−{} %", number::percent(e.value))),
                expected.today_cost_per_task.as_ref().map(per_1000),
            ),
            why: sentence(&found.verdict.why),
        });
    }
    views
}

/// `+4.2 (today 92.3)`.
fn against(new: Option<String>, today: Option<String>) -> String {
    match (new, today) {
        (Some(new), Some(today)) => format!("{new} (today {today})"),
        (Some(new), None) => new,
        (None, _) => missing(),
    }
}

fn judging(report: &RunReport) -> Vec<(String, String)> {
    let judging = &report.objective;
    let today = report.today.endpoint.as_ref();
    let today = today.map_or_else(missing, |id| escape_control(id.as_str()).into_owned());
    let stated = if report.today.stated { "stated" } else { stand_in(report.today.priced_only) };
    let goal = report.objective.goal.name();
    let margin = points(judging.margin);
    let mut rows = vec![
        ("Today".to_owned(), format!("{today} ({stated})")),
        ("Goal".to_owned(), goal.to_owned()),
        (
            "Accepted loss of quality".to_owned(),
            format!("{} points{}", margin.trim_start_matches(['+', '±']), verdict::margins(report)),
        ),
    ];
    if let Some(worth) = judging.worth_per_month_usd {
        rows.push(("Least saving a month".to_owned(), currency(&dollars(worth.to_f64()))));
    }
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
    let lines = [in_service::speed(report), in_service::outage(report)];
    let lines = lines.into_iter().chain([in_service::money_line(report)]).flatten();
    rows.extend(lines.map(|(name, text)| (name.to_owned(), text)));
    rows.extend(in_service::rooms(report).into_iter().map(|text| ("Room".to_owned(), text)));
    rows
}

fn manifest(report: &RunReport) -> Vec<(String, String)> {
    let m = &report.run;
    let counts = &report.counts;
    let planned = format!(
        "{} = {} ok + {} failed + {} ineligible + {} skipped + {} in doubt",
        group_thousands(counts.planned),
        group_thousands(counts.ok),
        group_thousands(counts.failed),
        group_thousands(counts.ineligible),
        group_thousands(counts.skipped),
        group_thousands(counts.in_doubt)
    );
    let partial = report.cost_is_partial;
    let most = if partial {
        "not known: an endpoint without a known price was asked".to_owned()
    } else {
        format!("${}", report.cost_upper)
    };
    let clock = if m.virtual_time { "virtual: nothing was timed" } else { "real" };
    let mut rows = vec![
        ("Run", m.id.clone()),
        ("Started", m.started_at.clone()),
        ("Trials planned", planned),
        ("Repeats", m.repeats.to_string()),
        ("Seed", m.seed.to_string()),
        ("Time", clock.to_owned()),
        ("Cost", format!("{}${}", if partial { "≥ " } else { "" }, report.cost)),
        ("Cost, at most", most),
        ("Plan, SHA-256", m.plan_sha256.clone()),
        ("Price snapshot, SHA-256", report.prices_sha256.clone()),
        ("Weights valid until", report.valid_until.clone()),
    ];
    rows.extend(m.ending.iter().flat_map(client));
    rows.extend(TimingError::new(m, None).iter().flat_map(TimingError::record));
    rows.into_iter().map(|(k, v)| (k.to_owned(), escape_control(&v).into_owned())).collect()
}
