//! One spelling for the characters that numbers are written with: digits of any script, minus signs,
//! spaces, and LaTeX's ways to put them.

/// The zero of each decimal script that is in use for numbers, ASCII and mathematical digits aside.
const ZEROS: [u32; 19] = [
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66,
    0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x17E0, 0x1810, 0xFF10,
];

/// The mathematical digits: five alphabets of ten.
const MATH_DIGITS: std::ops::RangeInclusive<u32> = 0x1D7CE..=0x1D7FF;

/// What stands for something else in LaTeX, longest first where one begins another.
const LATEX: [(&str, &str); 24] = [
    ("\\dfrac", "\\frac"),
    ("\\tfrac", "\\frac"),
    ("\\cfrac", "\\frac"),
    ("\\times", "×"),
    ("\\cdot", "·"),
    ("\\approx", "≈"),
    ("\\pm", "±"),
    ("\\left", ""),
    ("\\right", ""),
    ("\\!", ""),
    ("\\,", " "),
    ("\\;", " "),
    ("\\:", " "),
    ("\\ ", " "),
    ("{,}", ","),
    ("{.}", "."),
    ("{ }", " "),
    ("\\%", "%"),
    ("\\$", "$"),
    ("\\{", "{"),
    ("\\}", "}"),
    ("&nbsp;", " "),
    ("&thinsp;", " "),
    ("&minus;", "-"),
];

/// A text in which every digit is an ASCII digit, every space a space, every minus a hyphen (en and
/// em dashes stay), and LaTeX's spaces and signs are plain.
pub(super) fn normalize(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if matches!(c, '\\' | '{' | '&')
            && let Some((latex, meaning)) = LATEX.iter().find(|(latex, _)| rest.starts_with(latex))
        {
            plain.push_str(meaning);
            rest = &rest[latex.len()..];
            continue;
        }
        if let Some(c) = normal_char(c) {
            plain.push(c);
        }
        rest = &rest[c.len_utf8()..];
    }
    plain
}

/// The plain form of a character; `None` where it is invisible.
fn normal_char(c: char) -> Option<char> {
    let code = c as u32;
    if c.is_ascii() {
        return Some(c);
    }
    if let Some(zero) = ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&code)) {
        return char::from_digit(code - zero, 10);
    }
    if MATH_DIGITS.contains(&code) {
        return char::from_digit((code - MATH_DIGITS.start()) % 10, 10);
    }
    Some(match c {
        // The full-width forms of ASCII.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(code - 0xfee0)?,
        // No-break, en to hair, narrow, mathematical and ideographic spaces.
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => ' ',
        // Zero-width characters, soft hyphens, marks of direction.
        '\u{200b}'..='\u{200f}'
        | '\u{2060}'..='\u{2064}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}'
        | '\u{ad}' => return None,
        // Minus signs, small hyphens, hyphens that do not break.
        '\u{2212}' | '\u{fe63}' | '\u{2010}'..='\u{2012}' | '\u{2796}' => '-',
        '\u{2019}' | '\u{2bc}' | '\u{66c}' | '\u{2032}' => '\'',
        '\u{66b}' => '.',
        '\u{2044}' | '\u{2215}' => '/',
        '\u{66a}' | '\u{fe6a}' => '%',
        '\u{fe69}' => '$',
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling() {
        let check = |text: &str, expected: &str| assert_eq!(normalize(text), expected, "{text}");
        check("５００", "500");
        check("٣٫٥ ۱۲ १२ 𝟏𝟐", "3.5 12 12 12");
        check("−4 ﹣4 －4", "-4 -4 -4");
        check("1\u{a0}234\u{202f}567", "1 234 567");
        check("1\\!,\\!234", "1,234");
        check("9{,}500 and 1\\,000", "9,500 and 1 000");
        check("\\dfrac{1}{2} 3\\%", "\\frac{1}{2} 3%");
        check("1’234", "1'234");
        check("4\u{200b}2", "42");
        check("{x}", "{x}");
    }
}
