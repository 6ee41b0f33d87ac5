//! The distribution of the time to the first token: one histogram per endpoint on one logarithmic
//! axis, with p50, p90, p95 and p99 marked.

use std::fmt::Write as _;

use super::canvas::{Anchor, Canvas, Chart, HEAD, fit};
use super::color::{ColorRole, DASHED};
use super::place::spread;
use super::scale::{Scale, extent, log_ticks};
use crate::aggregate::LatencyMetric;
use crate::report::error::ReportError;
use crate::report::model::{Latency, LoadReport, RunReport};
use crate::report::names::Names;
use crate::report::number::{percentile, seconds, significant};
use crate::report::run_text::ranked;

const FILE: &str = "latency-histogram";
const TITLE: &str = "Time to the first token, distribution";
const WIDTH: u32 = 960;
/// Room for the endpoints' names.
const LEFT: f64 = 178.0;
const RIGHT: f64 = 744.0;
const VALUES_AT: f64 = 758.0;
/// A row: labels of the percentiles, then the bars.
const ROW: f64 = 58.0;
const LABELS: f64 = 18.0;
const BARS: f64 = 36.0;
/// Bars over the whole axis. HDR slots are finer; each falls into the bar of its upper end.
const BINS: usize = 113;
/// Endpoints that one chart can hold and still be read: today's, then the best by quality.
const MOST_ROWS: usize = 14;
/// The marked percentiles, in tenths of a percent.
const KEYS: [u16; 4] = [500, 900, 950, 990];
/// Pixels between the labels of two percentiles.
const LABEL_GAP: f64 = 24.0;

struct Row<'a> {
    name: String,
    is_today: bool,
    series: usize,
    latency: &'a Latency,
}

/// Draws the chart of a run.
pub(super) fn chart(report: &RunReport) -> Result<Chart, ReportError> {
    let mut order = ranked(report);
    order.sort_by_key(|endpoint| !endpoint.is_today);
    let mut rows: Vec<Row> = order
        .into_iter()
        .filter_map(|endpoint| {
            Some(Row {
                name: report.names.short(endpoint.id.as_str()),
                is_today: endpoint.is_today,
                series: report.endpoints.iter().position(|e| e.id == endpoint.id)?,
                latency: endpoint.all.latency.get(&LatencyMetric::Ttft)?,
            })
        })
        .collect();
    let measured = rows.len();
    rows.truncate(MOST_ROWS);
    rows.sort_by_key(|row| row.series);
    draw(&rows, measured, report.simulated, "")
}

/// Draws the chart of a load run: in open loop from the schedule, which is what a caller waits.
pub(super) fn of_load(report: &LoadReport) -> Result<Chart, ReportError> {
    let names = Names::new(report.endpoints.iter().map(|endpoint| &endpoint.id));
    let open = report.load.is_open();
    let metric = if open { LatencyMetric::TtftSched } else { LatencyMetric::Ttft };
    let rows = report.endpoints.iter().enumerate().filter_map(|(series, endpoint)| {
        let latency = endpoint.cell.latency.get(&metric)?;
        let name = names.short(endpoint.id.as_str());
        Some(Row { name, is_today: false, series, latency })
    });
    let mut rows: Vec<Row> = rows.collect();
    let measured = rows.len();
    rows.truncate(MOST_ROWS);
    let from = if open { " Times are from the schedule: from when a request was due." } else { "" };
    draw(&rows, measured, report.simulated, from)
}

fn draw(
    rows: &[Row<'_>],
    measured: usize,
    simulated: bool,
    note: &str,
) -> Result<Chart, ReportError> {
    let slots = rows.iter().flat_map(|row| &row.latency.slots);
    // A slot of 0 µs has no place on a logarithmic axis: it is drawn at 1 µs.
    let Some((least, most)) = extent(slots.map(|(us, _)| at_s(*us))) else {
        let sentence = "No answer was streamed.";
        let canvas = Canvas::sentence(TITLE, simulated, sentence);
        return canvas.finish(FILE, format!("{TITLE}. {sentence}"), String::new());
    };
    let range = (least / 1.05, most * 1.05);
    let x = Scale::log(range, (LEFT, RIGHT));
    let bottom = HEAD + ROW * rows.len() as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 14 rows")]
    let height = (bottom + 52.0) as u32;
    let mut canvas = Canvas::new(WIDTH, height, TITLE, simulated);
    draw_axis(&mut canvas, &x, range, bottom);
    for (i, row) in rows.iter().enumerate() {
        draw_row(&mut canvas, &x, HEAD + ROW * i as f64, row);
    }
    let described = format!(
        "Histograms of the time to the first token of {} endpoints, from {} to {} seconds.",
        rows.len(),
        significant(least, 2),
        significant(most, 2)
    );
    let mut caption = "Each histogram holds all answers of an endpoint; its highest bar has the \
                       most. Lines mark p50 (thick), p90, p95 and p99 as far as the sample gives \
                       them. The axis is logarithmic."
        .to_owned()
        + note;
    if measured > rows.len() {
        let _ = write!(caption, " {} of {measured} endpoints are drawn.", rows.len());
    }
    canvas.finish(FILE, described, caption)
}

fn at_s(us: u64) -> f64 {
    us.max(1) as f64 / 1e6
}

fn draw_axis(canvas: &mut Canvas, x: &Scale, range: (f64, f64), bottom: f64) {
    for tick in log_ticks(range.0, range.1) {
        let at = x.at(tick);
        canvas.line((at, HEAD), (at, bottom), ColorRole::Hair);
        canvas.line((at, bottom), (at, bottom + 5.0), ColorRole::Muted);
        let text = significant(tick, 3);
        canvas.label((at, bottom + 17.0), &text, Anchor::Middle, ColorRole::Muted);
    }
    canvas.label((RIGHT, bottom + 38.0), "seconds →", Anchor::End, ColorRole::Muted);
}

fn draw_row(canvas: &mut Canvas, x: &Scale, top: f64, row: &Row<'_>) {
    let (high, low) = (top + LABELS, top + LABELS + BARS);
    let most = if row.is_today { LEFT - 76.0 } else { LEFT - 28.0 };
    let mut name = fit(&row.name, 12.0, most);
    if row.is_today {
        name.push_str(" (today)");
    }
    let middle = high + BARS / 2.0;
    canvas.text((LEFT - 12.0, middle), &name, 12.0, row.is_today, Anchor::End, ColorRole::Text);
    let counts = counts(x, row.latency);
    let tallest = counts.iter().copied().max().unwrap_or(0).max(1);
    let wide = (RIGHT - LEFT) / BINS as f64;
    for (i, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let left = LEFT + wide * i as f64;
        // A bar of one answer among thousands is still seen.
        let tall = (BARS * *count as f64 / tallest as f64).max(1.0);
        let color = ColorRole::Series(row.series);
        canvas.filled((left, low - tall), (left + wide - 1.0, low), color);
    }
    canvas.line((LEFT, low), (RIGHT, low), ColorRole::Muted);
    draw_marks(canvas, x, (high, low), row.latency);
    let known = KEYS.iter().filter_map(|key| Some((*key, row.latency.percentiles.get(key)?)));
    let shown: Vec<String> =
        known.map(|(key, found)| format!("{} {}", percentile(key), seconds(found.value))).collect();
    for (i, pair) in shown.chunks(2).enumerate() {
        let at = (VALUES_AT, middle - 8.0 + 16.0 * i as f64);
        canvas.label(at, &pair.join(" · "), Anchor::Start, ColorRole::Text);
    }
}

/// Marks the percentiles that the sample gives, labels apart from each other.
fn draw_marks(canvas: &mut Canvas, x: &Scale, (high, low): (f64, f64), latency: &Latency) {
    let known = KEYS.iter().filter_map(|key| Some((*key, latency.percentiles.get(key)?.value)));
    let marks: Vec<(u16, f64)> = known.map(|(key, value)| (key, x.at(value))).collect();
    let wanted: Vec<f64> = marks.iter().map(|(_, at)| *at).collect();
    let places = spread(&wanted, LABEL_GAP, (LEFT, RIGHT));
    for ((key, at), place) in marks.iter().zip(places) {
        let (width, dash) = if *key == 500 { (2, 0) } else { (1, DASHED) };
        canvas.path(vec![(*at, high), (*at, low)], ColorRole::Text, width, dash);
        canvas.line((place, high - 4.0), (*at, high), ColorRole::Muted);
        let name = percentile(*key);
        canvas.text((place, high - 10.0), &name, 10.0, false, Anchor::Middle, ColorRole::Muted);
    }
}

/// How many answers fall into each bar.
fn counts(x: &Scale, latency: &Latency) -> [u64; BINS] {
    let mut counts = [0; BINS];
    for (us, count) in &latency.slots {
        let part = (x.at(at_s(*us)) - LEFT) / (RIGHT - LEFT);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0..=113")]
        let bin = (part * BINS as f64) as usize;
        counts[bin.min(BINS - 1)] += count;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn every_answer_is_in_one_bar() {
        let report = fixture::report(&fixture::demo());
        let x = Scale::log((0.001, 100.0), (LEFT, RIGHT));
        for endpoint in &report.endpoints {
            let latency = &endpoint.all.latency[&LatencyMetric::Ttft];
            let all: u64 = latency.slots.iter().map(|(_, count)| count).sum();
            assert_eq!(counts(&x, latency).iter().sum::<u64>(), all);
        }
    }

    #[test]
    fn a_percentile_below_its_sample_floor_is_not_marked() {
        let mut report = fixture::report(&fixture::support());
        report.endpoints.truncate(1);
        let shown = |report: &RunReport| chart(report).expect("memory").file();
        assert!(KEYS.iter().all(|key| shown(&report).contains(&percentile(*key))));
        let cell = &mut report.endpoints[0].all;
        let ttft = cell.latency.get_mut(&LatencyMetric::Ttft).expect("measured");
        ttft.percentiles.retain(|key, _| *key < 950);
        let chart = shown(&report);
        assert!(chart.contains("p90") && !chart.contains("p95") && !chart.contains("p99"));
    }
}
