//! Latency percentiles on a scale of nines: p90, p99 and p99.9 are equally far apart.

use std::fmt::Write as _;

use super::canvas::{Anchor, Canvas, Chart, HEAD, Mark, Point, fit};
use super::color::{ColorRole, DASHED, DOTTED, series_dash};
use super::place::spread;
use super::scale::{Scale, extent, log_ticks};
use crate::aggregate::LatencyMetric;
use crate::report::error::ReportError;
use crate::report::model::{Endpoint, Latency, LoadEndpoint, LoadReport, RunReport};
use crate::report::names::Names;
use crate::report::number::{percentile, significant};
use crate::report::run_text::ranked;

const FILE: &str = "latency-nines";
const WIDTH: u32 = 960;
const HEIGHT: u32 = 500;
const LEFT: f64 = 64.0;
/// Where the lines may end; the names stand to the right of it.
const RIGHT: f64 = 730.0;
const NAMES_AT: f64 = 770.0;
const BOTTOM: f64 = 440.0;
/// Pixels of a name, alone and before a note.
const NAME: f64 = 130.0;
const NAME_WITH_NOTE: f64 = 92.0;
/// Lines that one chart can hold and still be read: today's, then the best by quality.
const MOST_LINES: usize = 14;
/// The percentiles of the axis, in tenths of a percent.
const KEYS: [u16; 5] = [500, 900, 950, 990, 999];

struct Line<'a> {
    name: String,
    /// Said after the name, which is cut before this is.
    note: &'static str,
    latency: &'a Latency,
    /// What its colour and mark follow.
    series: usize,
    dash: u8,
    /// Whether it stands out.
    bold: bool,
}

/// What a chart is of.
struct Subject {
    name: &'static str,
    title: &'static str,
    /// In place of the drawing.
    empty: &'static str,
    /// `the time to the first token of 3 endpoints`
    of: String,
    /// Said after how to read it.
    caption: String,
}

impl Line<'_> {
    fn values(&self) -> impl Iterator<Item = (u16, f64)> + '_ {
        let known = self.latency.percentiles.iter().map(|(key, e)| (*key, e.value));
        known.filter(|(key, v)| KEYS.contains(key) && v.is_finite() && *v > 0.0)
    }
}

/// Draws the chart of a run: the time to the first token of its endpoints.
pub(super) fn chart(report: &RunReport) -> Result<Chart, ReportError> {
    let lines = lines(report);
    let measured = report.endpoints.iter().filter(|e| ttft(e).is_some()).count();
    let mut caption = String::new();
    if measured > lines.len() {
        let _ = write!(caption, " {} of {measured} endpoints are drawn.", lines.len());
    }
    let subject = Subject {
        name: FILE,
        title: "Time to the first token, by percentile",
        empty: "Too few answers were streamed to give a percentile.",
        of: format!("the time to the first token of {} endpoints", lines.len()),
        caption,
    };
    draw(&subject, &lines, report.simulated)
}

/// Draws the charts of a load run: the time to the first token and to the last, in open loop both
/// from the schedule and of the service.
pub(super) fn of_load(report: &LoadReport) -> Result<Vec<Chart>, ReportError> {
    let ttft = Subject {
        name: FILE,
        title: "Time to the first token, by percentile",
        empty: "Too few answers were streamed to give a percentile.",
        of: "the time to the first token".to_owned(),
        caption: String::new(),
    };
    let e2e = Subject {
        name: "e2e-nines",
        title: "Time to the last token, by percentile",
        empty: "Too few answers to give a percentile.",
        of: "the time to the last token".to_owned(),
        caption: String::new(),
    };
    [
        (ttft, [LatencyMetric::TtftSched, LatencyMetric::Ttft]),
        (e2e, [LatencyMetric::E2eSched, LatencyMetric::E2e]),
    ]
    .into_iter()
    .map(|(mut subject, latency_metrics)| {
        let lines = load_lines(report, latency_metrics);
        if report.load.is_open() {
            subject.caption.push_str(
                " Solid: from when a request was due, which is what a caller waits. Broken: of \
                 the service alone, from when the client had sent it. Where they part, requests \
                 waited before they left.",
            );
        }
        draw(&subject, &lines, report.simulated)
    })
    .collect()
}

fn load_lines<'a>(
    report: &'a LoadReport,
    [from_schedule, of_service]: [LatencyMetric; 2],
) -> Vec<Line<'a>> {
    let open = report.load.is_open();
    let names = Names::new(report.endpoints.iter().map(|endpoint| &endpoint.id));
    let names = &names;
    let alone = report.endpoints.len() == 1;
    let pair = |(at, endpoint): (usize, &'a LoadEndpoint)| {
        let line = move |metric, bold: bool, note: &'static str| {
            let latency = endpoint.cell.latency.get(&metric)?;
            let name = names.short(endpoint.id.as_str());
            // Two lines of one endpoint need two colours only where there are no others.
            let series = if alone && !bold { 1 } else { at };
            Some(Line { name, note, latency, series, dash: u8::from(!bold) * DASHED, bold })
        };
        [
            line(from_schedule, true, ", from schedule"),
            line(of_service, !open, if open { ", service" } else { "" }),
        ]
    };
    let lines = report.endpoints.iter().enumerate().flat_map(pair).flatten();
    lines.filter(|line| line.values().next().is_some()).take(MOST_LINES).collect()
}

fn draw(subject: &Subject, lines: &[Line], simulated: bool) -> Result<Chart, ReportError> {
    let title = subject.title;
    let range = extent(lines.iter().flat_map(|l| l.values().map(|(_, v)| v)));
    let Some((least, most)) = range else {
        let canvas = Canvas::sentence(title, simulated, subject.empty);
        let described = format!("{title}. {}", subject.empty);
        return canvas.finish(subject.name, described, String::new());
    };
    let mut canvas = Canvas::new(WIDTH, HEIGHT, title, simulated);
    let caption = "The axis is a scale of nines: p90 leaves out one answer in ten, p99 one in \
                   a hundred, as far apart as p99 and p99.9. A line stops at the highest \
                   percentile that its sample can bear. Lower is faster."
        .to_owned()
        + &subject.caption;
    let range = (least / 1.2, most * 1.2);
    let last = lines.iter().flat_map(|l| l.values().map(|(key, _)| key)).max().unwrap_or(900);
    let last = last.max(900);
    let x = Scale::linear((nines(500), nines(last)), (LEFT + 12.0, RIGHT));
    let y = Scale::log(range, (BOTTOM, HEAD));
    draw_axes(&mut canvas, &x, &y, range, last);
    draw_lines(&mut canvas, &x, &y, lines);
    let described = format!(
        "Percentiles of {}, from {} to {} seconds.",
        subject.of,
        significant(least, 2),
        significant(most, 2)
    );
    canvas.finish(subject.name, described, caption)
}

/// −log₁₀(1 − p): the number of nines.
fn nines(key: u16) -> f64 {
    -libm::log10(1.0 - f64::from(key) / 1000.0)
}

fn ttft(endpoint: &Endpoint) -> Option<&Latency> {
    endpoint.all.latency.get(&LatencyMetric::Ttft).filter(|l| !l.percentiles.is_empty())
}

fn lines(report: &RunReport) -> Vec<Line<'_>> {
    let is_today = |e: &Endpoint| e.is_today;
    let mut order = ranked(report);
    order.sort_by_key(|e| !is_today(e));
    let mut lines: Vec<Line> = order
        .into_iter()
        .filter_map(|endpoint| {
            // By its position in the catalog, so that a look is the same in every chart.
            let series = report.endpoints.iter().position(|e| e.id == endpoint.id)?;
            let bold = is_today(endpoint);
            Some(Line {
                name: report.names.short(endpoint.id.as_str()),
                note: if bold { " (today)" } else { "" },
                latency: ttft(endpoint)?,
                series,
                dash: series_dash(series),
                bold,
            })
        })
        .filter(|line| line.values().next().is_some())
        .take(MOST_LINES)
        .collect();
    lines.sort_by_key(|l| l.series);
    lines
}

fn draw_axes(canvas: &mut Canvas, x: &Scale, y: &Scale, range: (f64, f64), last: u16) {
    for tick in log_ticks(range.0, range.1) {
        let at = y.at(tick);
        canvas.line((LEFT, at), (RIGHT, at), ColorRole::Hair);
        canvas.label((LEFT - 8.0, at), &significant(tick, 3), Anchor::End, ColorRole::Muted);
    }
    for key in KEYS.into_iter().filter(|key| *key <= last) {
        let at = x.at(nines(key));
        canvas.line((at, HEAD), (at, BOTTOM), ColorRole::Hair);
        canvas.line((at, BOTTOM), (at, BOTTOM + 5.0), ColorRole::Muted);
        canvas.label((at, BOTTOM + 17.0), &percentile(key), Anchor::Middle, ColorRole::Muted);
    }
    canvas.line((LEFT, BOTTOM), (RIGHT, BOTTOM), ColorRole::Muted);
    canvas.label((16.0, 44.0), "seconds", Anchor::Start, ColorRole::Muted);
    canvas.label((RIGHT, BOTTOM + 40.0), "percentile of answers →", Anchor::End, ColorRole::Muted);
}

fn draw_lines(canvas: &mut Canvas, x: &Scale, y: &Scale, lines: &[Line]) {
    let ends: Vec<f64> =
        lines.iter().map(|l| l.values().last().map_or(BOTTOM, |(_, v)| y.at(v))).collect();
    let places = spread(&ends, 16.0, (HEAD + 4.0, BOTTOM + 30.0));
    for (line, place) in lines.iter().zip(&places) {
        let color = ColorRole::Series(line.series);
        let points: Vec<Point> =
            line.values().map(|(key, v)| (x.at(nines(key)), y.at(v))).collect();
        let end = points[points.len() - 1];
        canvas.path(vec![end, (NAMES_AT - 22.0, *place)], ColorRole::Muted, 1, DOTTED);
        if points.len() > 1 {
            let width = if line.bold { 3 } else { 2 };
            canvas.path(points.clone(), color, width, line.dash);
        }
        for point in &points {
            canvas.mark(*point, Mark::series(line.series), 4.0, color);
        }
        canvas.mark((NAMES_AT - 12.0, *place), Mark::series(line.series), 4.0, color);
        let room = if line.note.starts_with(',') { NAME_WITH_NOTE } else { NAME };
        let name = fit(&line.name, 12.0, room) + line.note;
        canvas.text((NAMES_AT, *place), &name, 12.0, line.bold, Anchor::Start, ColorRole::Text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_line_stops_at_its_floor() {
        let report = fixture::report(&fixture::demo());
        let lines = lines(&report);
        assert_eq!(lines.len(), 11);
        // 486 answers bear p99 (368), not p99.9 (3,688).
        assert!(lines.iter().all(|l| l.values().last().is_some_and(|(key, _)| key == 990)));
        let chart = chart(&report).expect("memory").file();
        assert!((nines(990) - nines(900) - 1.0).abs() < 1e-9, "as the caption says");
        assert!(chart.contains(">\np99\n<") && !chart.contains("p99.9"));
    }
}
