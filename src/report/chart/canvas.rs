//! A page to draw on: shapes in pixels, drawn by plotters into SVG.

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Polygon, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontDesc, FontFamily, FontStyle, ShapeStyle};

use super::color::{ColorRole, restyle, style_sheet};
use crate::report::error::ReportError;
use crate::report::text::{escape_control, xml};

/// The family that a reader of SVG falls back to without our style sheet.
const FAMILY: &str = "sans-serif";
/// plotters divides the size of a font by this before it writes it.
const PLOTTERS_FONT_SCALE: f64 = 1.24;
/// Pixels above the drawing that title and mark take.
pub(super) const HEAD: f64 = 66.0;

/// The paper of a file of its own: its colours follow the reader's preference, and the page that
/// it is shown on may not.
const PAPER: &str = "<rect class=\"paper\" width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>";
const PAPER_STYLE: &str = ".paper{fill:#ffffff}\n@media screen and (prefers-color-scheme:dark)\
    {.paper{fill:#141618}}\n";

/// A finished chart.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    /// The file's name without its ending.
    pub name: &'static str,
    /// What it shows, one sentence for those who cannot see it.
    pub described: String,
    /// How to read it.
    pub caption: String,
    width: u32,
    height: u32,
    body: String,
}

impl Chart {
    /// A file of its own.
    pub(crate) fn file(&self) -> String {
        let (w, h) = (self.width, self.height);
        format!(
            "{}<style>\n{}{}</style>\n{PAPER}\n{}</svg>\n",
            self.open(&format!(" width=\"{w}\" height=\"{h}\"")),
            style_sheet(),
            PAPER_STYLE,
            self.body
        )
    }

    /// An element for a page that has [`style_sheet`] in its own styles.
    pub(crate) fn inline(&self) -> String {
        format!("{}{}</svg>", self.open(""), self.body)
    }

    fn open(&self, size: &str) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"wb\"{size} viewBox=\"0 0 {} {}\" \
             role=\"img\" aria-label=\"{}\">\n",
            self.width,
            self.height,
            xml(&self.described)
        )
    }
}

/// Where a text's point lies on it, horizontally; its baseline is centred on the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A mark's form: told apart without colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Disc,
    Ring,
    Square,
    Diamond,
    Triangle,
}

impl Mark {
    /// The mark of the `n`th series.
    pub(super) const fn series(n: usize) -> Self {
        [Self::Disc, Self::Square, Self::Triangle, Self::Diamond, Self::Ring][n % 5]
    }
}

/// A point in pixels.
pub(super) type Point = (f64, f64);

enum Shape {
    Path { points: Vec<Point>, color: ColorRole, width: u32, dash: u8 },
    Box { from: Point, to: Point, color: ColorRole, filled: bool },
    Disc { at: Point, radius: u32, color: ColorRole, filled: bool },
    Area { points: Vec<Point>, color: ColorRole },
    Text { at: Point, text: String, size: f64, bold: bool, anchor: Anchor, color: ColorRole },
}

/// Collects shapes; [`Canvas::finish`] draws them in order.
pub(super) struct Canvas {
    width: u32,
    height: u32,
    shapes: Vec<Shape>,
}

impl Canvas {
    /// A page with a title, and the word SIMULATED where the figures are.
    pub(super) fn new(width: u32, height: u32, title: &str, simulated: bool) -> Self {
        let mut canvas = Self { width, height, shapes: Vec::new() };
        canvas.text((16.0, 22.0), title, 15.0, true, Anchor::Start, ColorRole::Text);
        if simulated {
            let at = (f64::from(width) - 16.0, 22.0);
            canvas.text(at, "SIMULATED", 13.0, true, Anchor::End, ColorRole::Warn);
        }
        canvas
    }

    /// A low page with a sentence in place of a drawing.
    pub(super) fn sentence(title: &str, simulated: bool, sentence: &str) -> Self {
        let mut canvas = Self::new(960, 96, title, simulated);
        canvas.text((16.0, 58.0), sentence, 14.0, false, Anchor::Start, ColorRole::Muted);
        canvas
    }

    pub(super) fn path(&mut self, points: Vec<Point>, color: ColorRole, width: u32, dash: u8) {
        self.shapes.push(Shape::Path { points, color, width, dash });
    }

    pub(super) fn line(&mut self, from: Point, to: Point, color: ColorRole) {
        self.path(vec![from, to], color, 1, 0);
    }

    pub(super) fn filled(&mut self, from: Point, to: Point, color: ColorRole) {
        self.shapes.push(Shape::Box { from, to, color, filled: true });
    }

    pub(super) fn outline(&mut self, from: Point, to: Point, color: ColorRole) {
        self.shapes.push(Shape::Box { from, to, color, filled: false });
    }

    pub(super) fn ring(&mut self, at: Point, radius: u32, color: ColorRole) {
        self.shapes.push(Shape::Disc { at, radius, color, filled: false });
    }

    pub(super) fn mark(&mut self, (x, y): Point, mark: Mark, r: f64, color: ColorRole) {
        let area = |points: &[(f64, f64)]| Shape::Area {
            points: points.iter().map(|(dx, dy)| (x + dx * r, y + dy * r)).collect(),
            color,
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few pixels")]
        let radius = r.round() as u32;
        self.shapes.push(match mark {
            Mark::Disc => Shape::Disc { at: (x, y), radius, color, filled: true },
            Mark::Ring => Shape::Disc { at: (x, y), radius, color, filled: false },
            Mark::Square => area(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]),
            Mark::Diamond => area(&[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)]),
            Mark::Triangle => area(&[(0.0, -1.2), (1.2, 0.95), (-1.2, 0.95)]),
        });
    }

    pub(super) fn text(
        &mut self,
        at: Point,
        text: &str,
        size: f64,
        bold: bool,
        anchor: Anchor,
        color: ColorRole,
    ) {
        let text = escape_control(text).into_owned();
        self.shapes.push(Shape::Text { at, text, size, bold, anchor, color });
    }

    /// A label of the usual size.
    pub(super) fn label(&mut self, at: Point, text: &str, anchor: Anchor, color: ColorRole) {
        self.text(at, text, 12.0, false, anchor, color);
    }

    /// Draws everything.
    pub(super) fn finish(
        self,
        name: &'static str,
        described: String,
        caption: String,
    ) -> Result<Chart, ReportError> {
        let mut raw = String::new();
        {
            let area =
                SVGBackend::with_string(&mut raw, (self.width, self.height)).into_drawing_area();
            for shape in &self.shapes {
                draw(&area, shape).map_err(|why| ReportError::Chart { name, why })?;
            }
            area.present().map_err(|e| ReportError::Chart { name, why: e.to_string() })?;
        }
        let body = raw
            .lines()
            .filter(|line| !line.starts_with("<svg") && !line.starts_with("</svg"))
            .fold(String::new(), |body, line| body + &restyle(line) + "\n");
        let (width, height) = (self.width, self.height);
        Ok(Chart { name, described, caption, width, height, body })
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn draw(area: &Area<'_>, shape: &Shape) -> Result<(), String> {
    let style = |color: &ColorRole, filled: bool, stroke_width: u32, dash: u8| {
        let color = color.marked(dash);
        ShapeStyle { color: color.into(), filled, stroke_width }
    };
    let drawn = match shape {
        Shape::Path { points, color, width, dash } => {
            let points: Vec<_> = points.iter().copied().map(pixel).collect();
            area.draw(&PathElement::new(points, style(color, false, *width, *dash)))
        }
        Shape::Box { from, to, color, filled } => {
            area.draw(&Rectangle::new([pixel(*from), pixel(*to)], style(color, *filled, 1, 0)))
        }
        Shape::Disc { at, radius, color, filled } => {
            let stroke = if *filled { 0 } else { 2 };
            area.draw(&Circle::new(pixel(*at), *radius, style(color, *filled, stroke, 0)))
        }
        Shape::Area { points, color } => {
            let points: Vec<_> = points.iter().copied().map(pixel).collect();
            area.draw(&Polygon::new(points, style(color, true, 0, 0)))
        }
        Shape::Text { at, text, size, bold, anchor, color } => {
            let weight = if *bold { FontStyle::Bold } else { FontStyle::Normal };
            let font = FontDesc::new(FontFamily::Name(FAMILY), size * PLOTTERS_FONT_SCALE, weight);
            let h_pos = match anchor {
                Anchor::Start => HPos::Left,
                Anchor::Middle => HPos::Center,
                Anchor::End => HPos::Right,
            };
            let color = color.marked(0);
            let font = font.color(&color).pos(Pos { h_pos, v_pos: VPos::Center });
            area.draw(&Text::new(text.clone(), pixel(*at), font))
        }
    };
    drawn.map_err(|e| e.to_string())
}

/// The nearest pixel; what is not a number lies at the corner, what is far out at the edge.
fn pixel((x, y): Point) -> (i32, i32) {
    #[expect(clippy::cast_possible_truncation, reason = "clamped to ±20,000")]
    let to = |v: f64| if v.is_finite() { v.clamp(-20_000.0, 20_000.0).round() as i32 } else { 0 };
    (to(x), to(y))
}

/// About how wide a text is: no font is asked, so that every machine draws the same bytes.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    let ems: f64 =
        text.chars()
            .map(|c| match c {
                'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '|' | '\'' | '!' | '(' | ')' | '/'
                | ' ' => 0.32,
                'f' | 't' | 'r' | '-' => 0.40,
                'm' | 'w' | 'M' | 'W' | '@' | '%' => 0.88,
                c if c.is_ascii_uppercase() => 0.68,
                c if c.is_ascii() => 0.57,
                c => 0.6 * crate::report::text::width(c.encode_utf8(&mut [0; 4])) as f64,
            })
            .sum();
    ems * size
}

/// The text cut in the middle so that it is at most so many pixels wide.
pub(super) fn fit(text: &str, size: f64, most: f64) -> String {
    let text = escape_control(text);
    let mut columns = crate::report::text::width(&text);
    loop {
        let cut = crate::report::text::fit_middle(&text, columns);
        if columns <= 1 || text_width(&cut, size) <= most {
            return cut;
        }
        columns -= 1;
    }
}
