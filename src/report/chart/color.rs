//! Colours by the part they play, so that one drawing serves paper and a dark screen.
//!
//! The drawing library knows only RGB, so a part travels through it as a marked colour and becomes
//! a CSS class afterwards, with the light colour beside it for readers of SVG that know no CSS.

use std::fmt::Write as _;

use plotters::style::RGBColor;

/// The parts of a chart that have a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColorRole {
    /// Text and marks.
    Text,
    /// Text and marks that stand back.
    Muted,
    /// Grid lines and frames.
    Hair,
    /// What the eye should go to.
    Accent,
    /// The word SIMULATED.
    Warn,
    /// Text on a filled area.
    OnFill,
    /// A series; colours repeat after [`SERIES`].
    Series(usize),
    /// A step of the sequential scale, 0..[`STEPS`].
    Heat(usize),
}

/// Colours for series: told apart under the common colour-vision deficiencies, and each at least
/// 3:1 against its background (after Okabe and Ito, darkened for white and lightened for black).
pub(super) const SERIES: usize = 8;
/// Steps of the sequential scale.
pub(super) const STEPS: usize = 9;

const FIXED: [(&str, u32, u32); 6] = [
    ("text", 0x1d_2024, 0xe9_e7e2),
    ("muted", 0x66_6a70, 0x9a_a0a6),
    ("hair", 0xd9_d7d1, 0x3a_3e43),
    ("accent", 0x0b_5c68, 0x63_c3cf),
    ("warn", 0xa8_3a10, 0xf0_9a6c),
    ("on", 0xff_ffff, 0x10_1416),
];
const SERIES_COLOURS: [(u32, u32); SERIES] = [
    (0x0f_5f9e, 0x6c_b4f2),
    (0xc2_500a, 0xf2_9a5c),
    (0x0a_7d60, 0x4f_cfa8),
    (0xa1_4a8c, 0xdb_9bd0),
    (0x86_6a00, 0xdc_c04a),
    (0x3d_8fc4, 0xa9_d8f5),
    (0x6b_4a2f, 0xc9_a58a),
    (0x5a_6270, 0xb4_bcc8),
];
/// The ends and the middle of the sequential scale, on light and on dark.
const HEAT: [[(u8, u8, u8); 2]; 3] = [
    [(0xe6, 0xee, 0xee), (0x1d, 0x28, 0x2b)],
    [(0x82, 0xb3, 0xb9), (0x1a, 0x4a, 0x53)],
    [(0x08, 0x45, 0x50), (0xa5, 0xe3, 0xea)],
];

/// The mark that no real colour of ours has.
const MARK: u8 = 0x01;
/// Roles: the fixed ones, the series, the steps of heat.
const ROLES: usize = FIXED.len() + SERIES + STEPS;

/// How a line is broken, as `stroke-dasharray`; the first is solid.
const DASHES: [&str; 5] = ["", "7 4", "2 3", "10 3 2 3", "1 4"];

/// The dash of the `n`th series: where colours repeat, dashes do not.
pub(super) const fn series_dash(n: usize) -> u8 {
    [0, 1, 2, 3][(n + n / SERIES) % 4]
}
/// A broken line for what is derived.
pub(super) const DASHED: u8 = 1;
/// A dotted line for leaders.
pub(super) const DOTTED: u8 = 4;

impl ColorRole {
    const fn role(self) -> usize {
        match self {
            Self::Text => 0,
            Self::Muted => 1,
            Self::Hair => 2,
            Self::Accent => 3,
            Self::Warn => 4,
            Self::OnFill => 5,
            Self::Series(n) => FIXED.len() + n % SERIES,
            Self::Heat(step) => {
                let step = if step < STEPS { step } else { STEPS - 1 };
                FIXED.len() + SERIES + step
            }
        }
    }

    /// The marked colour that carries this part and a dash through the drawing library.
    pub(super) fn marked(self, dash: u8) -> RGBColor {
        let role = u8::try_from(self.role()).expect("fewer than 256 roles");
        RGBColor(MARK, role, dash)
    }
}

/// The class of a role, and its colours on light and on dark.
fn role(role: usize) -> (String, u32, u32) {
    if let Some((name, light, dark)) = FIXED.get(role) {
        return ((*name).to_owned(), *light, *dark);
    }
    let series = role - FIXED.len();
    if let Some((light, dark)) = SERIES_COLOURS.get(series) {
        return (format!("s{series}"), *light, *dark);
    }
    let step = series - SERIES;
    (format!("h{step}"), heat(step, 0), heat(step, 1))
}

/// The colour of a step: linear between the three stops.
fn heat(step: usize, theme: usize) -> u32 {
    let at = step as f64 / (STEPS - 1) as f64 * 2.0;
    let (from, to, part) =
        if at <= 1.0 { (HEAT[0], HEAT[1], at) } else { (HEAT[1], HEAT[2], at - 1.0) };
    let (from, to) = (from[theme], to[theme]);
    let mix = |a: u8, b: u8| {
        let mixed = f64::from(a) + (f64::from(b) - f64::from(a)) * part;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0..=255")]
        let mixed = (mixed + 0.5) as u32;
        mixed
    };
    mix(from.0, to.0) << 16 | mix(from.1, to.1) << 8 | mix(from.2, to.2)
}

/// The rules that colour the charts, for a style element: light, and dark where the reader
/// prefers it; print is always light.
pub(crate) fn style_sheet() -> String {
    let mut css = String::from(
        ".wb text{font-family:system-ui,-apple-system,\"Segoe UI\",\"Helvetica Neue\",Arial,sans-serif}\n",
    );
    let mut dark = String::new();
    for n in 0..ROLES {
        let (class, on_light, on_dark) = role(n);
        let rule = |c: u32| format!(".wf-{class}{{fill:#{c:06x}}}.ws-{class}{{stroke:#{c:06x}}}\n");
        css.push_str(&rule(on_light));
        dark.push_str(&rule(on_dark));
    }
    css + "@media screen and (prefers-color-scheme:dark){\n" + &dark + "}\n"
}

/// Turns the marked colours of one line of SVG into classes with a fallback colour, and drops
/// attributes that say nothing.
pub(super) fn restyle(line: &str) -> String {
    const FOUND: &str = "=\"#01";
    let mut out = String::with_capacity(line.len() + 40);
    let mut rest = line;
    while let Some(at) = rest.find(FOUND) {
        let (head, tail) = rest.split_at(at);
        let code = tail.get(FOUND.len()..FOUND.len() + 4).unwrap_or("0000");
        let number = |hex: &str| usize::from_str_radix(hex, 16).unwrap_or(0);
        let (class, colour, _) = role(number(&code[..2]).min(ROLES - 1));
        let attribute = if head.ends_with("stroke") { "stroke" } else { "fill" };
        out.push_str(&head[..head.len() - attribute.len()]);
        let prefix = if attribute == "stroke" { "ws" } else { "wf" };
        let _ = write!(out, "class=\"{prefix}-{class}\" {attribute}=\"#{colour:06x}\"");
        if let Some(dash) = DASHES.get(number(&code[2..])).filter(|d| !d.is_empty()) {
            let _ = write!(out, " stroke-dasharray=\"{dash}\"");
        }
        rest = &tail[FOUND.len() + 5..];
    }
    out.push_str(rest);
    for empty in [" opacity=\"1\"", " stroke=\"none\"", " stroke-width=\"0\""] {
        out = out.replace(empty, "");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_classes_and_text_stays() {
        let line = "<polyline fill=\"none\" opacity=\"1\" stroke=\"#010301\" stroke-width=\"2\"/>";
        assert_eq!(
            restyle(line),
            "<polyline fill=\"none\" class=\"ws-accent\" stroke=\"#0b5c68\" \
             stroke-dasharray=\"7 4\" stroke-width=\"2\"/>"
        );
        assert_eq!(restyle("fill=&quot;#010300&quot;"), "fill=&quot;#010300&quot;");
    }

    /// Relative luminance and contrast as WCAG 2.2 defines them.
    fn contrast(a: u32, b: u32) -> f64 {
        let luminance = |c: u32| {
            let channel = |shift: u32| {
                let v = f64::from(c >> shift & 255) / 255.0;
                if v <= 0.040_45 { v / 12.92 } else { libm::pow((v + 0.055) / 1.055, 2.4) }
            };
            0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0) + 0.05
        };
        let (a, b) = (luminance(a), luminance(b));
        if a > b { a / b } else { b / a }
    }

    #[test]
    fn every_mark_is_seen_on_white_and_on_near_black() {
        for n in 0..FIXED.len() + SERIES {
            let (class, light, dark) = role(n);
            if class == "hair" || class == "on" {
                continue;
            }
            let least = if matches!(class.as_str(), "text" | "muted") { 4.5 } else { 3.0 };
            assert!(contrast(light, 0xff_ffff) >= least, "{class} on white");
            assert!(contrast(dark, 0x14_1618) >= least, "{class} on near-black");
        }
    }

    #[test]
    fn text_is_legible_on_every_fill() {
        let (text, on) = (FIXED[0], FIXED[5]);
        for step in 0..STEPS {
            let (_, light, dark) = role(FIXED.len() + SERIES + step);
            let (_, over_light, over_dark) =
                if super::super::heat::on_dark_step(step) { on } else { text };
            assert!(contrast(over_light, light) >= 4.0, "step {step} on light");
            assert!(contrast(over_dark, dark) >= 4.0, "step {step} on dark");
        }
    }
}
