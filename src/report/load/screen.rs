//! The answer of a load run on one screen: in at most 24 lines of at most 80 columns.

use std::fmt::Write as _;
use std::path::Path;

use super::load_text::{self, Measured, heading, millis};
use crate::report::model::{LoadCell, LoadEndpoint, LoadReport};
use crate::report::number::{percent, percentile, rate};
use crate::report::run_text::missing;
use crate::report::screen::{COLUMNS, LINES, files, lines};
use crate::report::text::{escape_control, fit_end, fit_middle, pad_left, pad_right, width};
use crate::units::prose::pluralize;

/// Reasons that are told before the reader is sent to the page.
const REASONS: usize = 3;
/// Endpoints that are told.
const ENDPOINTS: usize = 10;
/// The percentiles of the table, in tenths of a percent.
const KEYS: [u16; 5] = [500, 900, 950, 990, 999];

/// The answer of a load run as plain text, each line ended by a line feed. `dir` is the run folder
/// as the user may type it.
#[must_use]
pub fn answer(report: &LoadReport, dir: &Path) -> String {
    let mut said = head(report);
    let mut air = vec![said.len()];
    match report.endpoints.as_slice() {
        [alone] => said.extend(percentiles(report, alone)),
        several => said.extend(endpoints(report, several)),
    }
    air.push(said.len());
    said.extend(sums(report));
    air.push(said.len());
    said.push(files("report.html, *.csv and charts in ", dir));
    for at in air.into_iter().rev() {
        if said.len() < LINES {
            said.insert(at, String::new());
        }
    }
    lines(&said)
}

/// The heading, what a simulated run must say of itself, and what is wrong with this one.
fn head(report: &LoadReport) -> Vec<String> {
    let mut facts = heading(report);
    let rest = |facts: &[String]| -> usize { facts[1..].iter().map(|fact| width(fact) + 3).sum() };
    // The duration, which comes last, gives way first.
    if report.run.ending.is_some() && width(&facts[0]) + rest(&facts) > COLUMNS {
        let ended = load_text::duration(report);
        facts.retain(|fact| Some(fact) != ended.as_ref());
    }
    // Then the arrivals, where they are named after a file.
    let over = (width(&facts[0]).min(NAME_LEAST) + rest(&facts)).saturating_sub(COLUMNS);
    if let Some(shape) = facts[1..].iter_mut().max_by_key(|fact| width(fact)) {
        *shape = fit_middle(shape, width(shape).saturating_sub(over).max(12));
    }
    let rest = rest(&facts);
    facts[0] = fit_middle(&facts[0], COLUMNS.saturating_sub(rest).max(NAME_LEAST));
    let mut lines = vec![facts.join(" · ")];
    if report.simulated {
        lines.push("SIMULATED: no real model gave any of these answers".to_owned());
    }
    lines.extend(load_text::reasons(report).iter().take(REASONS).cloned());
    lines.iter().map(|line| fit_end(line, COLUMNS)).collect()
}

/// One endpoint: every metric by percentile.
fn percentiles(report: &LoadReport, endpoint: &LoadEndpoint) -> Vec<String> {
    let error = load_text::timing_error(report);
    let row = |Measured { metric, label, latency }: Measured<'_>| {
        let mut cells = vec![label.to_owned()];
        cells.extend(KEYS.map(|key| load_text::at(latency, key)));
        let median = latency.percentiles.get(&500).map(|p50| p50.value);
        if let Some(error) = error.zip(median).and_then(|(e, median)| e.beside(metric, median)) {
            cells[1] = format!("{} {error}", cells[1]);
        }
        cells.push(millis(latency.max));
        cells
    };
    let mut header = vec!["milliseconds".to_owned()];
    header.extend(KEYS.map(percentile));
    header.push("max".to_owned());
    let rows = load_text::measured(&report.load, &endpoint.cell).into_iter().map(row);
    let name = fit_middle(&escape_control(endpoint.id.as_str()), COLUMNS);
    std::iter::once(name).chain(table(std::iter::once(header).chain(rows).collect())).collect()
}

/// Several endpoints: one line each, and one for all.
fn endpoints(report: &LoadReport, endpoints: &[LoadEndpoint]) -> Vec<String> {
    let headline = load_text::headline(&report.load);
    let shown = &endpoints[..endpoints.len().min(ENDPOINTS)];
    let cells = || shown.iter().map(|e| &e.cell);
    let highs = headline.map(|metric| {
        load_text::highest(&cells().filter_map(move |cell| cell.latency.get(&metric)))
    });
    let row = |name: &str, cell: &LoadCell| {
        let pair = |i: usize| load_text::pair(cell.latency.get(&headline[i]), highs[i]);
        vec![
            name.to_owned(),
            load_text::known_rate(cell.goodput_per_s.map(|e| e.value)),
            cell.good_fraction.map_or_else(missing, |e| percent(e.value)),
            pair(0),
            pair(1),
            load_text::per_1000(cell),
        ]
    };
    let error = load_text::timing_error(report);
    let column = |i: usize, name: &str| {
        let high = highs[i].map_or_else(String::new, |key| format!("/{}", percentile(key)));
        let median =
            |cell: &LoadCell| Some(cell.latency.get(&headline[i])?.percentiles.get(&500)?.value);
        let slowest = cells().filter_map(median).fold(0.0, f64::max);
        let error = error.and_then(|error| error.beside(headline[i], slowest));
        let error = error.map_or_else(String::new, |error| format!(" {error}"));
        format!("{name} p50{high} ms{error}")
    };
    let header = ["endpoint", "good/s", "good %"].map(str::to_owned).into_iter();
    let header = header.chain([column(0, "TTFT"), column(1, "e2e"), "$/1,000".to_owned()]);
    let mut rows = vec![header.collect()];
    rows.extend(shown.iter().map(|e| row(&escape_control(e.id.as_str()), &e.cell)));
    rows.push(row("all", &report.all));
    let mut lines = table(rows);
    if endpoints.len() > shown.len() {
        let more = endpoints.len() - shown.len();
        lines.push(format!("… and {} more in report.html", pluralize(more as u64, "endpoint")));
    }
    lines
}

/// Rows with their first column to the left and the others to the right. The first gives way where
/// a line would be too long.
fn table(rows: Vec<Vec<String>>) -> Vec<String> {
    let columns = rows.first().map_or(0, Vec::len);
    let mut wide: Vec<usize> = (0..columns)
        .map(|column| rows.iter().map(|row| width(&row[column])).max().unwrap_or(0))
        .collect();
    let others: usize = wide[1..].iter().map(|wide| wide + GAP).sum();
    wide[0] = wide[0].min(COLUMNS.saturating_sub(others)).max(NAME_LEAST);
    rows.into_iter()
        .map(|row| {
            let cells = row.iter().zip(&wide).enumerate().map(|(column, (cell, wide))| {
                if column == 0 {
                    pad_right(&fit_middle(cell, *wide), *wide)
                } else {
                    pad_left(cell, *wide)
                }
            });
            fit_end(&cells.collect::<Vec<_>>().join("  "), COLUMNS)
        })
        .collect()
}

/// Columns between two columns.
const GAP: usize = 2;
/// A name is not cut below this.
const NAME_LEAST: usize = 12;

/// What became of the requests, how many were good, and what they cost.
fn sums(report: &LoadReport) -> Vec<String> {
    let all = &report.all;
    let open = report.asked_per_s.is_some();
    let mut lines = vec![load_text::asked(report), load_text::sent(all)];
    lines.push(match load_text::objectives(&report.load) {
        Some(met) => format!("good: {met}{}", if open { ", from the schedule" } else { "" }),
        None => "good: any answer (no objective was stated)".to_owned(),
    });
    if all.counts.ok > 0 {
        lines.push(format!(
            "goodput {} a second; good, % {}",
            load_text::goodput(all),
            load_text::good(all)
        ));
    }
    let mut rates = format!("answered {}/s", load_text::known_rate(all.requests_per_s));
    if let Some(tokens) = all.output_tokens_per_s {
        let _ = write!(rates, " · {} output tokens/s", rate(tokens));
    }
    let _ = write!(rates, " · available {} %", load_text::availability(all));
    lines.push(rates);
    if all.cost_per_task.is_some() && all.counts.ok > 0 {
        lines.push(format!("${} per 1,000 tasks", load_text::per_1000(all)));
    }
    lines.iter().map(|line| fit_end(line, COLUMNS)).collect()
}
