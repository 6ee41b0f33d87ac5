//! Text from outside, made harmless before it is shown: names from catalogs, suites and servers,
//! and whatever a provider says, are hostile.

use std::borrow::Cow;

/// Text without characters that act instead of being seen.
///
/// Control characters (terminal escapes among them), line breaks, bidirectional overrides and
/// invisible marks become visible escapes such as `\u{1b}`; the rest stays as it is.
#[must_use]
pub fn escape_control(text: &str) -> Cow<'_, str> {
    escaped(text, is_unsafe_char)
}

/// The same for text of several lines: the line feeds stay.
#[must_use]
pub fn escape_control_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c != '\n' && is_unsafe_char(c))
}

fn escaped(text: &str, goes: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&goes) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if goes(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Whether a character changes how others are shown, or cannot be seen.
#[must_use]
pub fn is_unsafe_char(c: char) -> bool {
    c.is_control()
        || is_default_ignorable(c)
        || is_noncharacter(c)
        || matches!(
            c,
            // Line and paragraph separators, bidirectional embeddings.
            '\u{2028}'..='\u{202e}'
                // Braille without a dot.
                | '\u{2800}'
                // Interlinear annotations.
                | '\u{fff9}'..='\u{fffb}'
                // Format controls of hieroglyphs, and a note head that is not drawn.
                | '\u{13430}'..='\u{1343f}'
                | '\u{1d159}'
        )
}

/// Unicode's `Default_Ignorable_Code_Point` (17.0): joiners, fillers, variation selectors, tags.
fn is_default_ignorable(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Code points that are no characters and never will be.
fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe
}

/// A text cell of a CSV file, inert in a spreadsheet.
///
/// Spreadsheets run what begins with `=`, `+`, `-`, `@` (the wide forms too, where the locale has
/// them), a tab or a line break; an apostrophe before it makes it text (OWASP, CSV Injection).
#[must_use]
pub fn escape_csv_formula(cell: &str) -> Cow<'_, str> {
    const STARTS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    if cell.starts_with(STARTS) { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acting_characters_become_visible() {
        let check = |text: &str, shown: &str| assert_eq!(escape_control(text), shown);
        check("acme/large@azure", "acme/large@azure");
        check("\u{1b}[31mred", "\\u{1b}[31mred");
        check("a\u{202e}b", "a\\u{202e}b");
        check("two\nlines\t", "two\\u{a}lines\\u{9}");
        check("größe 模型 –", "größe 模型 –");
        check("zero\u{200b}width", "zero\\u{200b}width");
        let invisible = "\u{ad}\u{34f}\u{115f}\u{17b5}\u{180b}\u{2066}\u{2800}\u{3164}\u{fe0f}\u{ffa0}\
                         \u{fff9}\u{fdd0}\u{1fffe}\u{13430}\u{1bca0}\u{1d173}\u{e0020}\u{e0100}\u{e0fff}";
        let escaped: String = invisible.chars().flat_map(char::escape_unicode).collect();
        check(invisible, &escaped);
        // The heart is drawn as text; what asked for the coloured one is told.
        check("\u{2764}\u{fe0f}", "\u{2764}\\u{fe0f}");
        check("a\u{a0}b\u{3000}c", "a\u{a0}b\u{3000}c");
        assert_eq!(escape_control_lines("two\nlines\r\u{9b}2J"), "two\nlines\\u{d}\\u{9b}2J");
    }

    #[test]
    fn formulas_become_text() {
        let check = |cell: &str, written: &str| assert_eq!(escape_csv_formula(cell), written);
        check("=HYPERLINK(\"http://x\")", "'=HYPERLINK(\"http://x\")");
        check("@SUM(A1)", "'@SUM(A1)");
        check("-1+1", "'-1+1");
        check("+1", "'+1");
        check("\tx", "'\tx");
        check("\n=x", "'\n=x");
        check("＝1+1", "'＝1+1");
        check("acme/large@azure", "acme/large@azure");
        check("", "");
    }
}
