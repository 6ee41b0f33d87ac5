//! What the page of a load run shows, as its template takes it.

use serde::Serialize;

use super::load_text::{self, Measured, heading, millis};
use crate::report::chart::Chart;
use crate::report::model::{LoadCell, LoadReport};
use crate::report::number;
use crate::report::page::{ChartView, Validity, client, css, suites};
use crate::report::text::{escape_control, sentence};
use crate::report::timing_error::TimingError;
use crate::units::prose::group_thousands;

/// The percentiles of the table, in tenths of a percent.
const KEYS: [u16; 5] = [500, 900, 950, 990, 999];

/// All that the template shows.
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "four independent facts")]
pub(super) struct Page {
    css: String,
    name: String,
    facts: Vec<String>,
    simulated: bool,
    demo: bool,
    validity: Validity,
    lead: String,
    objectives: Option<String>,
    open: bool,
    calibrated: bool,
    endpoints: Vec<EndpointView>,
    latencies: Vec<GroupView>,
    charts: Vec<ChartView>,
    spec: Vec<(String, String)>,
    manifest: Vec<(String, String)>,
    suites: Vec<[String; 3]>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct EndpointView {
    name: String,
    asked: String,
    ok: String,
    failed: String,
    failures: String,
    dropped: String,
    availability: String,
    goodput: String,
    good: String,
    requests_per_s: String,
    tokens_per_s: String,
    cost: String,
}

#[derive(Serialize)]
struct GroupView {
    name: String,
    rows: Vec<LatencyView>,
}

#[derive(Serialize)]
struct LatencyView {
    label: &'static str,
    n: String,
    percentiles: [String; 5],
    error: Option<String>,
    mean: String,
    max: String,
}

impl Page {
    pub(super) fn of(report: &LoadReport, charts: &[Chart]) -> Self {
        let mut facts = heading(report);
        let name = facts.remove(0);
        let all = report.all.counts.ok;
        let shown = |id: &str| escape_control(id).into_owned();
        let several = report.endpoints.len() > 1;
        let each = report.endpoints.iter().map(|e| (shown(e.id.as_str()), &e.cell));
        let error = load_text::timing_error(report);
        // What is in doubt is of no endpoint.
        let whole = several || report.all.counts.in_doubt > 0;
        let cells = each.chain(whole.then(|| ("all".to_owned(), &report.all)));
        Self {
            css: css(),
            name,
            facts,
            simulated: report.simulated,
            demo: report.run.demo,
            validity: Validity::new(load_text::state(report), all, report.run.ending.as_ref()),
            lead: sentence(&format!(
                "{}; {}",
                load_text::asked(report),
                load_text::sent(&report.all)
            )),
            objectives: load_text::objectives(&report.load),
            open: report.load.is_open(),
            calibrated: error.is_some(),
            endpoints: cells.clone().map(|(name, cell)| EndpointView::of(name, cell)).collect(),
            latencies: cells
                .map(|(name, cell)| GroupView {
                    name,
                    rows: load_text::measured(&report.load, cell)
                        .into_iter()
                        .map(|row| LatencyView::of(row, error))
                        .collect(),
                })
                .collect(),
            charts: charts.iter().map(ChartView::of).collect(),
            spec: load_text::settings(report),
            manifest: manifest(report),
            suites: suites(&report.run.suites),
            notes: report.notes.clone(),
        }
    }
}

impl EndpointView {
    fn of(name: String, cell: &LoadCell) -> Self {
        let counts = &cell.counts;
        Self {
            name,
            asked: group_thousands(counts.asked),
            ok: group_thousands(counts.ok),
            failed: group_thousands(counts.failed),
            failures: load_text::failures(cell),
            dropped: group_thousands(counts.dropped),
            availability: load_text::availability(cell),
            goodput: load_text::goodput(cell),
            good: load_text::good(cell),
            requests_per_s: load_text::known_rate(cell.requests_per_s),
            tokens_per_s: load_text::known_rate(cell.output_tokens_per_s),
            cost: load_text::per_1000(cell),
        }
    }
}

impl LatencyView {
    fn of(Measured { metric, label, latency }: Measured<'_>, error: Option<TimingError>) -> Self {
        Self {
            label,
            n: group_thousands(latency.n),
            percentiles: KEYS.map(|key| load_text::at_with_interval(latency, key)),
            error: error
                .zip(latency.percentiles.get(&500))
                .and_then(|(error, p50)| error.beside(metric, p50.value)),
            mean: millis(latency.mean),
            max: millis(latency.max),
        }
    }
}

fn manifest(report: &LoadReport) -> Vec<(String, String)> {
    let (m, counts) = (&report.run, &report.all.counts);
    let clock = if m.virtual_time { "virtual: nothing was timed" } else { "real" };
    let requests = format!(
        "{} = {} ok + {} failed + {} in doubt + {} dropped",
        group_thousands(counts.asked),
        group_thousands(counts.ok),
        group_thousands(counts.failed),
        group_thousands(counts.in_doubt),
        group_thousands(counts.dropped)
    );
    let mut rows = vec![
        ("Run", m.id.clone()),
        ("Started", m.started_at.clone()),
        ("Requests", requests),
        ("Requests of the warm-up, left out", group_thousands(report.warmup)),
        ("Requests sent again on a new connection", group_thousands(report.all.retried_stale)),
        ("Time that rates are over", format!("{} s", number::seconds(report.duration_s))),
        ("Seed", m.seed.to_string()),
        ("Time", clock.to_owned()),
        ("Cost by tokens, warm-up included", format!("${}", report.cost)),
        ("Cost by tokens, at most", format!("${}", report.cost_upper)),
    ];
    rows.extend(report.hourly_cost.map(|cost| ("Cost by the hour", number::money(cost))));
    rows.push(("Plan, SHA-256", m.plan_sha256.clone()));
    rows.extend(m.ending.iter().flat_map(client));
    rows.extend(load_text::timing_error(report).iter().flat_map(TimingError::record));
    rows.into_iter().map(|(k, v)| (k.to_owned(), escape_control(&v).into_owned())).collect()
}
