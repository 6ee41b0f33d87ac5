//! The files of a load run: requests.csv, and what a run has too.

use std::io;

use super::cells::{io_error, number};
use super::summary::{COLUMNS, Rows};
use super::trials::{Column, known, text, trial_cells, trial_columns};
use crate::aggregate::RequestView;
use crate::report::model::{LoadCell, LoadReport};

/// The columns of requests.csv after those of trials.csv: what only a load has.
static OWN: [Column<RequestView>; 6] = [
    ("ttft_sched_us", |row| known(row.ttft_sched_us)),
    ("e2e_sched_us", |row| known(row.e2e_sched_us)),
    ("scheduled_at", |row| text(row.scheduled_at.as_deref())),
    ("warmup", |row| known(row.warmup)),
    ("http_status", |row| known(row.http_status)),
    ("retried_stale", |row| known(row.retried_stale)),
];

/// The names of the columns of requests.csv.
pub(crate) fn request_columns() -> impl Iterator<Item = &'static str> {
    trial_columns().chain(OWN.iter().map(|(name, _)| *name))
}

/// The cells of a row, under [`request_columns`].
pub(crate) fn request_cells(row: &RequestView) -> Vec<String> {
    let own = OWN.iter().map(|(_, cell)| cell(row));
    trial_cells(&row.trial).into_iter().chain(own).collect()
}

/// The cells of a load run: `*` for all endpoints, then each.
fn cells(report: &LoadReport) -> impl Iterator<Item = (&str, &LoadCell)> {
    let each = report.endpoints.iter().map(|endpoint| (endpoint.id.as_str(), &endpoint.cell));
    std::iter::once(("*", &report.all)).chain(each)
}

/// Writes the whole of latency.csv.
pub(crate) fn write_latency<W: io::Write>(to: W, report: &LoadReport) -> io::Result<()> {
    super::latency::write_cells(to, cells(report).map(|(id, cell)| (id, "*", &cell.latency)))
}

/// Writes the whole of summary.csv.
pub(crate) fn write_summary<W: io::Write>(to: W, report: &LoadReport) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(to);
    csv.write_record(COLUMNS).map_err(io_error)?;
    for (endpoint, cell) in cells(report) {
        let mut rows = Rows { csv: &mut csv, endpoint, category: "*" };
        if endpoint == "*" {
            whole_run(&mut rows, report)?;
        }
        of_cell(&mut rows, cell)?;
    }
    csv.flush()
}

fn whole_run<W: io::Write>(rows: &mut Rows<'_, W>, report: &LoadReport) -> io::Result<()> {
    let asked = report.all.counts.asked;
    rows.count("warmup", report.warmup, asked + report.warmup, "requests")?;
    exact(rows, "duration", Some(report.duration_s), asked, "s")?;
    exact(rows, "asked_per_s", report.asked_per_s, asked, "per_s")?;
    exact(rows, "littles_law", report.littles_law, asked, "ratio")?;
    rows.money("run_cost_usd", Some(report.cost), asked + report.warmup)?;
    rows.money("run_cost_upper_usd", Some(report.cost_upper), asked + report.warmup)?;
    rows.money("hourly_cost_usd", report.hourly_cost, asked + report.warmup)
}

fn of_cell<W: io::Write>(rows: &mut Rows<'_, W>, cell: &LoadCell) -> io::Result<()> {
    let counts = &cell.counts;
    for (metric, count) in [
        ("asked", counts.asked),
        ("sent", counts.sent),
        ("ok", counts.ok),
        ("failed", counts.failed),
        ("dropped", counts.dropped),
        ("in_doubt", counts.in_doubt),
        ("retried_stale", cell.retried_stale),
    ] {
        rows.count(metric, count, counts.asked, "requests")?;
    }
    for (class, count) in &cell.failures {
        rows.count(&format!("failed_{}", class.name()), *count, counts.asked, "requests")?;
    }
    rows.estimate("availability", cell.availability.as_ref(), "share")?;
    rows.count("good", cell.good, counts.asked, "requests")?;
    rows.estimate("good_fraction", cell.good_fraction.as_ref(), "share")?;
    rows.estimate("goodput", cell.goodput_per_s.as_ref(), "per_s")?;
    exact(rows, "requests_per_s", cell.requests_per_s, counts.ok, "per_s")?;
    exact(rows, "output_tokens_per_s", cell.output_tokens_per_s, counts.ok, "per_s")?;
    rows.latencies(&cell.latency)?;
    rows.money("cost_usd", cell.cost, counts.sent)?;
    rows.money("cost_upper_usd", cell.cost_upper, counts.sent)?;
    rows.count("cost_unknown", cell.cost_unknown, counts.sent, "requests")?;
    rows.money("price_per_hour_usd", cell.per_hour, counts.sent)?;
    rows.estimate("cost_per_task", cell.cost_per_task.as_ref(), "usd")?;
    for (metric, sum) in [
        ("input_tokens", cell.tokens.input),
        ("cached_input_tokens", cell.tokens.cached_input),
        ("output_tokens", cell.tokens.output),
        ("reasoning_tokens", cell.tokens.reasoning),
    ] {
        // Zero is never believed beside an answer, so these are the sums of nothing.
        if counts.ok > 0 && cell.tokens.input == 0 && cell.tokens.output == 0 {
            exact(rows, metric, None, counts.ok, "tokens")?;
        } else {
            rows.count(metric, sum, counts.ok, "tokens")?;
        }
    }
    Ok(())
}

/// A number that was counted or timed, without an error of its own.
fn exact<W: io::Write>(
    rows: &mut Rows<'_, W>,
    metric: &str,
    value: Option<f64>,
    n: u64,
    unit: &str,
) -> io::Result<()> {
    let cells = value.map_or_else(Default::default, |value| {
        [number(value), String::new(), String::new(), n.to_string(), "exact".to_owned()]
    });
    rows.row(metric, cells, unit)
}
