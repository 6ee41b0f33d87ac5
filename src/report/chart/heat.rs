//! Quality by category: endpoints × categories, the value printed in each cell.

use std::fmt::Write as _;

use super::canvas::{Anchor, Canvas, Chart, HEAD, fit, text_width};
use super::color::{ColorRole, STEPS};
use super::scale::extent;
use crate::report::error::ReportError;
use crate::report::model::{Category, Endpoint, RunReport};
use crate::report::names::Names;
use crate::report::number::percent;
use crate::report::run_text::ranked;
use crate::report::text::escape_control;

const NAME: &str = "quality-by-category";
const WIDTH: u32 = 960;
const ROW: f64 = 30.0;
/// Room for the endpoints' names.
const LEFT: f64 = 178.0;
const RIGHT: f64 = 944.0;
/// Room for the categories' names, two lines.
const TOP: f64 = HEAD + 22.0;
/// The size of the categories' names: most are one word, and must fit a narrow column.
const HEAD_SIZE: f64 = 10.5;
/// The gap before the column over all categories.
const GAP: f64 = 10.0;
/// A cell is at most this wide, so that two categories do not fill a page.
const WIDEST: f64 = 150.0;
/// Rows and columns that one chart can hold and still be read.
const MOST_ROWS: usize = 40;
const MOST_COLUMNS: usize = 12;

/// Draws the chart.
pub(super) fn chart(report: &RunReport) -> Result<Chart, ReportError> {
    let mut rows: Vec<&Endpoint> = ranked(report);
    // An endpoint that cannot take every category has cells and no overall quality.
    rows.retain(|e| e.cells.iter().any(|c| c.quality.is_some_and(|q| q.value.is_finite())));
    let mut columns: Vec<(usize, &Category)> = report.categories.iter().enumerate().collect();
    columns.sort_by(|a, b| b.1.share.total_cmp(&a.1.share));
    let (all_rows, all_columns) = (rows.len(), columns.len());
    rows.truncate(MOST_ROWS);
    columns.truncate(MOST_COLUMNS);
    let caption = caption(all_rows, all_columns);
    let range = extent(rows.iter().flat_map(|e| {
        columns.iter().filter_map(|(c, _)| e.cells.get(*c)?.quality.map(|q| q.value))
    }));
    let title = "Quality by category, %";
    let Some(range) = range else {
        let sentence = "No answer was scored.";
        let canvas = Canvas::sentence(title, report.simulated, sentence);
        return canvas.finish(NAME, format!("{title}. {sentence}"), String::new());
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 40 rows")]
    let height = (TOP + ROW * rows.len() as f64 + 24.0) as u32;
    let mut canvas = Canvas::new(WIDTH, height, title, report.simulated);
    let grid =
        Grid { wide: ((RIGHT - LEFT - GAP) / (columns.len() + 1) as f64).min(WIDEST), range };
    grid.head(&mut canvas, 0.0, "all");
    for (i, (_, category)) in columns.iter().enumerate() {
        grid.head(&mut canvas, grid.left(i), category.name.as_str());
    }
    for (r, endpoint) in rows.iter().enumerate() {
        let today = endpoint.is_today;
        grid.row(&mut canvas, r, endpoint, &columns, &rows, today, &report.names);
    }
    let described = format!(
        "Quality of {} endpoints in {} categories, from {} to {} percent.",
        rows.len(),
        columns.len(),
        percent(range.0),
        percent(range.1)
    );
    canvas.finish(NAME, described, caption)
}

fn caption(rows: usize, columns: usize) -> String {
    let mut caption = "Mean score of the scored trials, in percent. The stronger the fill, the \
                       higher; the best of each column is bold. Intervals are in the table of cells."
        .to_owned();
    if rows > MOST_ROWS || columns > MOST_COLUMNS {
        let _ = write!(
            caption,
            " Shown: the best {} of {rows} endpoints, {} of {columns} categories.",
            rows.min(MOST_ROWS),
            columns.min(MOST_COLUMNS)
        );
    }
    caption
}

/// Whether text on a step of the scale is the one for fills.
pub(super) const fn on_dark_step(step: usize) -> bool {
    step > STEPS / 2 + 1
}

struct Grid {
    wide: f64,
    range: (f64, f64),
}

impl Grid {
    /// The left edge of a category's column, from the first column's.
    fn left(&self, column: usize) -> f64 {
        self.wide * (column + 1) as f64 + GAP
    }

    fn head(&self, canvas: &mut Canvas, left: f64, name: &str) {
        let x = LEFT + left + self.wide / 2.0;
        let lines = two_lines(&escape_control(name), HEAD_SIZE, self.wide);
        let first = TOP - 10.0 - 13.0 * (lines.len() - 1) as f64;
        for (i, line) in lines.iter().enumerate() {
            let at = (x, first + 13.0 * i as f64);
            canvas.text(at, line, HEAD_SIZE, false, Anchor::Middle, ColorRole::Muted);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one row of one grid")]
    fn row(
        &self,
        canvas: &mut Canvas,
        r: usize,
        endpoint: &Endpoint,
        columns: &[(usize, &Category)],
        rows: &[&Endpoint],
        today: bool,
        names: &Names,
    ) {
        let top = TOP + ROW * r as f64;
        let most = if today { LEFT - 76.0 } else { LEFT - 28.0 };
        let mut name = fit(&names.short(endpoint.id.as_str()), 12.0, most);
        if today {
            name.push_str(" (today)");
        }
        let at = (LEFT - 10.0, top + ROW / 2.0);
        canvas.text(at, &name, 12.0, today, Anchor::End, ColorRole::Text);
        let overall = |e: &Endpoint| e.all.quality.map(|q| q.value);
        self.cell(canvas, 0.0, top, overall(endpoint), best(rows.iter().map(|e| overall(e))));
        for (i, (c, _)) in columns.iter().enumerate() {
            let quality = |e: &Endpoint| e.cells.get(*c)?.quality.map(|q| q.value);
            let best = best(rows.iter().map(|e| quality(e)));
            self.cell(canvas, self.left(i), top, quality(endpoint), best);
        }
    }

    fn cell(
        &self,
        canvas: &mut Canvas,
        left: f64,
        top: f64,
        value: Option<f64>,
        best: Option<f64>,
    ) {
        let (left, right) = (LEFT + left + 1.0, LEFT + left + self.wide - 1.0);
        let (from, to) = ((left, top + 1.0), (right, top + ROW - 1.0));
        let centre = (left.midpoint(right), top + ROW / 2.0);
        let Some(value) = value.filter(|v| v.is_finite()) else {
            canvas.outline(from, to, ColorRole::Hair);
            canvas.label(centre, "–", Anchor::Middle, ColorRole::Muted);
            return;
        };
        let (low, high) = self.range;
        let part = if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0..=8")]
        let step = (part * (STEPS - 1) as f64).round() as usize;
        canvas.filled(from, to, ColorRole::Heat(step));
        let color = if on_dark_step(step) { ColorRole::OnFill } else { ColorRole::Text };
        let is_best = best.is_some_and(|b| value >= b);
        canvas.text(centre, &percent(value), 12.0, is_best, Anchor::Middle, color);
    }
}

fn best(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    extent(values.flatten()).map(|(_, best)| best)
}

/// A name on one line, or broken at a space, `_` or `-` into two; cut where even that is too wide.
fn two_lines(name: &str, size: f64, most: f64) -> Vec<String> {
    if text_width(name, size) <= most {
        return vec![name.to_owned()];
    }
    let broken = name
        .char_indices()
        .filter(|(_, c)| matches!(c, ' ' | '_' | '-' | '/'))
        .map(|(i, c)| (name[..i + usize::from(c != ' ')].to_owned(), name[i + 1..].to_owned()))
        .min_by(|a, b| {
            let widest =
                |pair: &(String, String)| text_width(&pair.0, size).max(text_width(&pair.1, size));
            widest(a).total_cmp(&widest(b))
        });
    match broken {
        Some((first, second)) => vec![fit(&first, size, most), fit(&second, size, most)],
        None => vec![fit(name, size, most)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_break_where_words_do() {
        assert_eq!(two_lines("extraction", 11.5, 80.0), ["extraction"]);
        assert_eq!(two_lines("instruction following", 11.5, 70.0), ["instruction", "following"]);
        assert_eq!(two_lines("text-transformation", 11.5, 90.0), ["text-", "transformation"]);
        assert_eq!(two_lines("unbreakablecategoryname", 11.5, 60.0).len(), 1);
    }
}
