//! The weights: one bar per category, its parts the endpoints that serve it.

use super::canvas::{Anchor, Canvas, Chart, HEAD, Point, fit, text_width};
use super::color::ColorRole;
use crate::report::error::ReportError;
use crate::report::model::{Routing, RunReport};
use crate::report::names::Names;
use crate::report::number::share;
use crate::report::text::escape_control;
use crate::weights::VerdictWord;

const NAME: &str = "weights";
const WIDTH: u32 = 960;
const ROW: f64 = 34.0;
const LEFT: f64 = 230.0;
const RIGHT: f64 = 860.0;
const TOP: f64 = HEAD - 22.0;
const LEGEND_ROW: f64 = 20.0;
/// Categories that one chart can hold: those with most traffic.
const MOST_ROWS: usize = 30;

/// Draws the chart.
pub(super) fn chart(report: &RunReport) -> Result<Chart, ReportError> {
    let title = "Who serves what: the weights";
    let mut rows: Vec<(String, &Routing)> = report
        .categories
        .iter()
        .filter_map(|c| Some((c, c.routing.as_ref()?)))
        .map(|(c, w)| (c.share, escape_control(c.name.as_str()).into_owned(), w))
        .map(|(part, name, w)| (format!("{} {}", fit(&name, 12.0, 160.0), share(part)), w))
        .collect();
    rows.truncate(MOST_ROWS);
    if rows.is_empty() {
        let sentence = "No weights were made; the notes say why.";
        let canvas = Canvas::sentence(title, report.simulated, sentence);
        return canvas.finish(NAME, format!("{title}. {sentence}"), String::new());
    }
    rows.extend(report.default_routing.iter().map(|found| ("no label".to_owned(), found)));
    let used = used(&rows);
    let legend = legend(&used, &report.names);
    let bars_end = TOP + ROW * rows.len() as f64 + 8.0;
    let legend_rows = legend.iter().map(|(_, _, row)| row + 1).max().unwrap_or(0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 31 rows")]
    let height = (bars_end + 24.0 + LEGEND_ROW * legend_rows as f64) as u32;
    let mut canvas = Canvas::new(WIDTH, height, title, report.simulated);
    for (r, (name, routing)) in rows.iter().enumerate() {
        // The mix for unlabelled traffic stands apart.
        let gap = if r + 1 == rows.len() { 8.0 } else { 0.0 };
        let verdict = (r + 1 < rows.len()).then_some(routing.verdict.word);
        draw_row(
            &mut canvas,
            TOP + ROW * r as f64 + gap,
            name,
            routing,
            verdict,
            &used,
            &report.names,
        );
    }
    for (i, x, row) in legend {
        let y = bars_end + 22.0 + LEGEND_ROW * row as f64;
        canvas.filled((x, y - 5.0), (x + 12.0, y + 6.0), ColorRole::Series(i));
        let name = fit(&report.names.short(used[i]), 12.0, 260.0);
        canvas.label((x + 18.0, y), &name, Anchor::Start, ColorRole::Text);
    }
    let described =
        format!("Weights of {} categories over {} endpoints.", rows.len() - 1, used.len());
    let caption = "Shares of each category's traffic by endpoint; the last bar is the mix for \
                   traffic without a label. The verdict stands at the right."
        .to_owned();
    canvas.finish(NAME, described, caption)
}

/// The endpoints that serve anything, those that serve most first.
fn used<'a>(rows: &[(String, &'a Routing)]) -> Vec<&'a str> {
    let mut used: Vec<(&str, f64)> = Vec::new();
    for (id, part) in rows.iter().flat_map(|(_, routing)| &routing.mix) {
        match used.iter_mut().find(|(known, _)| *known == id) {
            Some((_, sum)) => *sum += part,
            None => used.push((id, *part)),
        }
    }
    used.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    used.into_iter().map(|(id, _)| id).collect()
}

/// Where the entries of the legend stand: index, x, row.
fn legend(used: &[&str], names: &Names) -> Vec<(usize, f64, usize)> {
    let (mut x, mut row) = (LEFT, 0);
    used.iter()
        .enumerate()
        .map(|(i, id)| {
            let wide = 18.0 + text_width(&fit(&names.short(id), 12.0, 260.0), 12.0) + 22.0;
            if x + wide > f64::from(WIDTH) && x > LEFT {
                (x, row) = (LEFT, row + 1);
            }
            let at = x;
            x += wide;
            (i, at, row)
        })
        .collect()
}

fn draw_row(
    canvas: &mut Canvas,
    top: f64,
    name: &str,
    routing: &Routing,
    verdict: Option<VerdictWord>,
    used: &[&str],
    names: &Names,
) {
    let middle = top + ROW / 2.0;
    canvas.label((LEFT - 12.0, middle), name, Anchor::End, ColorRole::Text);
    let mut x = LEFT;
    for (id, part) in &routing.mix {
        let part = *part;
        let series = used.iter().position(|u| *u == id).unwrap_or(0);
        let wide = part * (RIGHT - LEFT);
        // A gap between parts keeps them apart in grey print.
        let (from, to): (Point, Point) =
            ((x, top + 4.0), ((x + wide - 2.0).max(x + 1.0), top + ROW - 4.0));
        canvas.filled(from, to, ColorRole::Series(series));
        let name = names.model(id);
        let text = if part < 0.995 { format!("{name} {}", share(part)) } else { name };
        let text = if text_width(&text, 12.0) + 12.0 <= wide { text } else { share(part) };
        if text_width(&text, 12.0) + 8.0 <= wide {
            canvas.text((x + 8.0, middle), &text, 12.0, false, Anchor::Start, ColorRole::OnFill);
        }
        x += wide;
    }
    if let Some(word) = verdict {
        let (bold, color) = match word {
            VerdictWord::Move => (true, ColorRole::Accent),
            VerdictWord::Try => (false, ColorRole::Accent),
            VerdictWord::Stay => (false, ColorRole::Muted),
            VerdictWord::NotYet | VerdictWord::NoData => (false, ColorRole::Warn),
        };
        canvas.text((RIGHT + 14.0, middle), word.word(), 12.0, bold, Anchor::Start, color);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn every_endpoint_that_serves_is_in_the_legend() {
        let chart = chart(&fixture::report(&fixture::demo())).expect("memory").file();
        for id in ["swift@birch", "large@azure", "open-8b@forge"] {
            assert!(chart.contains(&format!(">\n{id}\n<")), "{id}");
        }
        assert!(chart.contains("MOVE") && chart.contains("NOT YET") && chart.contains("STAY"));
    }
}
