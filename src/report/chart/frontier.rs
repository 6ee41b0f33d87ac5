//! Cost against quality, with intervals on both axes and the efficient frontier.

use super::canvas::{Anchor, Canvas, Chart, HEAD, Mark, Point, fit, text_width};
use super::color::{ColorRole, DASHED, DOTTED};
use super::place::{Zone, place_label};
use super::scale::{Scale, extent, linear_ticks, log_ticks};
use crate::report::error::ReportError;
use crate::report::model::Estimate;
use crate::report::model::{Endpoint, RunReport};
use crate::report::names::Names;
use crate::report::number::{currency, dollars, significant};

const NAME: &str = "cost-quality";
const WIDTH: u32 = 960;
const HEIGHT: u32 = 560;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 944.0;
const BOTTOM: f64 = 500.0;
/// Room for endpoints that cost nothing, which a logarithm cannot show.
const FREE_GUTTER: f64 = 76.0;
/// How far beyond the points whiskers may stretch the cost axis, as a factor.
const WHISKER_STRETCH: f64 = 2.0;
/// With more points than this, only those on the frontier, today's, and those with a free place
/// are named.
const NAME_ALL: usize = 24;

/// An endpoint with both coordinates; dollars are per 1,000 tasks.
struct Dot<'a> {
    endpoint: &'a Endpoint,
    cost: Estimate,
    quality: Estimate,
    efficient: bool,
    today: bool,
}

/// Draws the chart.
pub(super) fn chart(report: &RunReport) -> Result<Chart, ReportError> {
    let title = "Cost against quality";
    let dots = dots(report);
    if dots.is_empty() {
        let sentence = "No endpoint has both a score and a known price.";
        let canvas = Canvas::sentence(title, report.simulated, sentence);
        return canvas.finish(NAME, format!("{title}. {sentence}"), String::new());
    }
    let mut canvas = Canvas::new(WIDTH, HEIGHT, title, report.simulated);
    let caption = "Each endpoint over all categories, with 95 % intervals on both axes. The \
                   stepped line is the efficient frontier: nothing measured is at once cheaper \
                   and better than a point on it. Cost is on a logarithmic scale.";
    let axes = Axes::of(&dots);
    axes.draw(&mut canvas);
    draw_frontier(&mut canvas, &axes, &dots);
    draw_dots(&mut canvas, &axes, &dots);
    draw_names(&mut canvas, &axes, &dots, &report.names);
    let efficient: Vec<String> = dots
        .iter()
        .filter(|d| d.efficient)
        .map(|d| report.names.short(d.endpoint.id.as_str()))
        .collect();
    let described = format!(
        "Cost against quality of {} endpoints. On the efficient frontier, cheapest first: {}.",
        dots.len(),
        efficient.join(", ")
    );
    canvas.finish(NAME, described, caption.to_owned())
}

/// The endpoints that can be drawn, cheapest first, the better of equals first.
fn dots(report: &RunReport) -> Vec<Dot<'_>> {
    let mut dots: Vec<Dot> = report
        .endpoints
        .iter()
        .filter_map(|endpoint| {
            let (cost, quality) = (endpoint.all.cost_per_task?, endpoint.all.quality?);
            let thousand = |v: f64| v * 1e3;
            let cost = Estimate {
                value: thousand(cost.value),
                low: cost.low.map(thousand),
                high: cost.high.map(thousand),
                ..cost
            };
            let today = endpoint.is_today;
            let known = cost.value.is_finite() && cost.value >= 0.0 && quality.value.is_finite();
            known.then_some(Dot { endpoint, cost, quality, efficient: endpoint.efficient, today })
        })
        .collect();
    dots.sort_by(|a, b| {
        a.cost.value.total_cmp(&b.cost.value).then(b.quality.value.total_cmp(&a.quality.value))
    });
    dots
}

struct Axes {
    cost: Scale,
    quality: Scale,
    cost_range: (f64, f64),
    quality_range: (f64, f64),
    /// Where the logarithmic axis begins, right of the gutter if there is one.
    from: f64,
    free: bool,
}

impl Axes {
    fn of(dots: &[Dot]) -> Self {
        let free = dots.iter().any(|d| d.cost.value <= 0.0);
        let from = if free { LEFT + FREE_GUTTER } else { LEFT };
        let paid = || dots.iter().filter(|d| d.cost.value > 0.0);
        let (least, most) = extent(paid().map(|d| d.cost.value)).unwrap_or((1.0, 1.0));
        let ends = paid().flat_map(|d| [d.cost.low, d.cost.high]).flatten().filter(|v| *v > 0.0);
        let ends = ends.filter(|v| (least / WHISKER_STRETCH..=most * WHISKER_STRETCH).contains(v));
        let (low, high) = extent(ends.chain([least, most])).unwrap_or((least, most));
        let cost_range = (low / 1.35, high * 1.35);
        let reach = |e: &Estimate| [Some(e.value), e.low, e.high];
        let (low, high) =
            extent(dots.iter().flat_map(|d| reach(&d.quality)).flatten()).unwrap_or((0.0, 1.0));
        let pad = ((high - low) * 0.08).max(0.01);
        let quality_range = ((low - pad).max(0.0), (high + pad).min(1.0));
        Self {
            cost: Scale::log(cost_range, (from + 8.0, RIGHT)),
            quality: Scale::linear(quality_range, (BOTTOM, HEAD)),
            cost_range,
            quality_range,
            from,
            free,
        }
    }

    fn x(&self, cost: f64) -> f64 {
        if cost > 0.0 { self.cost.at(cost) } else { LEFT + FREE_GUTTER / 2.0 }
    }

    fn at(&self, dot: &Dot) -> Point {
        (self.x(dot.cost.value), self.quality.at(dot.quality.value))
    }

    fn draw(&self, canvas: &mut Canvas) {
        for tick in linear_ticks(self.quality_range.0, self.quality_range.1) {
            let y = self.quality.at(tick);
            canvas.line((LEFT, y), (RIGHT, y), ColorRole::Hair);
            let text = significant(tick * 100.0, 4);
            canvas.label((LEFT - 8.0, y), &text, Anchor::End, ColorRole::Muted);
        }
        for tick in log_ticks(self.cost_range.0, self.cost_range.1) {
            let x = self.cost.at(tick);
            canvas.line((x, BOTTOM), (x, BOTTOM + 5.0), ColorRole::Muted);
            let text = tick_label(tick);
            canvas.label((x, BOTTOM + 17.0), &text, Anchor::Middle, ColorRole::Muted);
        }
        canvas.line((self.from, BOTTOM), (RIGHT, BOTTOM), ColorRole::Muted);
        if self.free {
            let x = LEFT + FREE_GUTTER / 2.0;
            canvas.line((LEFT, BOTTOM), (self.from - 8.0, BOTTOM), ColorRole::Muted);
            canvas.label((x, BOTTOM + 17.0), "free", Anchor::Middle, ColorRole::Muted);
        }
        canvas.label((16.0, 44.0), "quality, %", Anchor::Start, ColorRole::Muted);
        canvas.label(
            (RIGHT, BOTTOM + 40.0),
            "dollars per 1,000 tasks →",
            Anchor::End,
            ColorRole::Muted,
        );
    }
}

/// Dollars on the axis, whole ones without cents: `$20`, `$0.50`, `$0.001`.
fn tick_label(tick: f64) -> String {
    let shown = dollars(tick);
    currency(shown.strip_suffix(".00").unwrap_or(&shown))
}

fn draw_frontier(canvas: &mut Canvas, axes: &Axes, dots: &[Dot]) {
    let corners: Vec<Point> = dots.iter().filter(|d| d.efficient).map(|d| axes.at(d)).collect();
    let mut steps: Vec<Point> = Vec::with_capacity(corners.len() * 2);
    for corner in &corners {
        if let Some((_, y)) = steps.last().copied() {
            steps.push((corner.0, y));
        }
        steps.push(*corner);
    }
    if steps.len() > 1 {
        canvas.path(steps, ColorRole::Accent, 2, 0);
    }
    if let Some(last) = corners.last() {
        canvas.path(vec![*last, (RIGHT, last.1)], ColorRole::Accent, 1, DASHED);
    }
}

fn draw_dots(canvas: &mut Canvas, axes: &Axes, dots: &[Dot]) {
    for dot in dots {
        for (from, to) in whiskers(axes, dot) {
            canvas.line(from, to, if dot.efficient { ColorRole::Accent } else { ColorRole::Muted });
        }
    }
    for dot in dots {
        let at = axes.at(dot);
        let (mark, color) = if dot.efficient {
            (Mark::Disc, ColorRole::Accent)
        } else {
            (Mark::Square, ColorRole::Muted)
        };
        canvas.mark(at, mark, if dot.efficient { 5.0 } else { 4.0 }, color);
        if dot.today {
            canvas.ring(at, 10, ColorRole::Text);
        }
    }
}

/// The two interval lines of a point, as far as they are known.
fn whiskers(axes: &Axes, dot: &Dot) -> Vec<(Point, Point)> {
    let (x, y) = axes.at(dot);
    let mut lines = Vec::new();
    if let (Some(low), Some(high)) = (dot.quality.low, dot.quality.high) {
        lines.push(((x, axes.quality.at(low)), (x, axes.quality.at(high))));
    }
    if dot.cost.value > 0.0
        && let (Some(low), Some(high)) = (dot.cost.low, dot.cost.high)
    {
        lines.push(((axes.x(low.max(f64::MIN_POSITIVE)), y), (axes.x(high), y)));
    }
    lines
}

fn draw_names(canvas: &mut Canvas, axes: &Axes, dots: &[Dot], names: &Names) {
    const SIZE: f64 = 12.5;
    let page = Zone { left: LEFT, top: HEAD - 6.0, right: RIGHT + 8.0, bottom: BOTTOM - 2.0 };
    let mut solid: Vec<Zone> = dots
        .iter()
        .map(|d| {
            Zone::around(
                axes.at(d),
                if d.today { 11.0 } else { 6.0 },
                if d.today { 11.0 } else { 6.0 },
            )
        })
        .collect();
    let line = |(from, to): (Point, Point)| Zone {
        left: from.0.min(to.0) - 1.0,
        top: from.1.min(to.1) - 1.0,
        right: from.0.max(to.0) + 1.0,
        bottom: from.1.max(to.1) + 1.0,
    };
    let mut soft: Vec<Zone> = dots.iter().flat_map(|d| whiskers(axes, d)).map(line).collect();
    let corners: Vec<Point> = dots.iter().filter(|d| d.efficient).map(|d| axes.at(d)).collect();
    for pair in corners.windows(2) {
        soft.push(line((pair[0], (pair[1].0, pair[0].1))));
        soft.push(line(((pair[1].0, pair[0].1), pair[1])));
    }
    let important = |d: &Dot| d.efficient || d.today;
    let first = dots.iter().filter(|d| important(d));
    for dot in first.chain(dots.iter().filter(|d| !important(d))) {
        let mut name = fit(&names.short(dot.endpoint.id.as_str()), SIZE, 190.0);
        if dot.today {
            name.push_str(" (today)");
        }
        let size = (text_width(&name, SIZE) + 6.0, SIZE + 3.0);
        let at = axes.at(dot);
        let place = place_label(at, size, page, &solid, &soft);
        if dots.len() > NAME_ALL && !important(dot) && place.cost > 60.0 {
            continue;
        }
        let zone = Zone::around(place.centre, size.0 / 2.0, size.1 / 2.0);
        if place.led {
            let toward = (at.0.clamp(zone.left, zone.right), at.1.clamp(zone.top, zone.bottom));
            canvas.path(vec![at, toward], ColorRole::Muted, 1, DOTTED);
        }
        let color = if important(dot) { ColorRole::Text } else { ColorRole::Muted };
        canvas.text(place.centre, &name, SIZE, dot.today, Anchor::Middle, color);
        solid.push(zone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn the_frontier_is_what_nothing_beats() {
        let report = fixture::report(&fixture::demo());
        let efficient: Vec<&str> =
            dots(&report).iter().filter(|d| d.efficient).map(|d| d.endpoint.id.short()).collect();
        assert_eq!(
            efficient,
            [
                "open-8b@forge",
                "open-27b@house",
                "chat-70b@forge",
                "swift@birch",
                "mini@azure",
                "coder-large@delta",
                "pro@cloudy",
                "large@azure",
                "think-70b@cedar",
            ]
        );
    }

    #[test]
    fn ticks_keep_the_zeros_after_the_point() {
        let check = |tick: f64, shown: &str| assert_eq!(tick_label(tick), shown);
        check(0.001, "$0.001");
        check(0.003, "$0.003");
        check(0.05, "$0.05");
        check(0.5, "$0.50");
        check(2.0, "$2");
        check(20_000.0, "$20,000");
    }

    #[test]
    fn what_costs_nothing_has_a_place() {
        let mut report = fixture::report(&fixture::support());
        report.endpoints[2].all.cost_per_task = report.endpoints[2]
            .all
            .cost_per_task
            .map(|e| Estimate { value: 0.0, low: Some(0.0), high: Some(0.0), ..e });
        let chart = chart(&report).expect("memory");
        assert!(chart.file().contains(">\nfree\n<"));
    }
}
