//! Names from catalogs, suites and servers are hostile: made plain before they are shown anywhere,
//! then escaped for the place where they are shown.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub(super) use crate::units::escape::escape_control;

/// Columns that a text takes in a terminal.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// The text in at most `most` columns, with `…` in the middle where it had to be cut: both ends of
/// a name tell it from its neighbours.
pub(super) fn fit_middle(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    if most == 0 {
        return String::new();
    }
    let keep = most - 1;
    let head = take(text.chars(), keep.div_ceil(2));
    let tail: String = take(text.chars().rev(), keep / 2).chars().rev().collect();
    format!("{head}…{tail}")
}

/// The most columns of a provider's words in a report.
pub(crate) const MOST_WORDS: usize = 240;

/// A provider's words as a report shows them: escaped and cut.
pub(crate) fn provider_words(words: &str) -> String {
    fit_end(&escape_control(words), MOST_WORDS)
}

/// The text in at most `most` columns, with `…` at its end where it had to be cut.
pub(super) fn fit_end(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    if most == 0 {
        return String::new();
    }
    format!("{}…", take(text.chars(), most - 1).trim_end())
}

/// The text on lines of at most `columns` columns, all but the first indented by two; what does not
/// fit on `most` lines is cut.
pub(super) fn wrap(text: &str, columns: usize, most: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.len() - 1;
        let line = &mut lines[last];
        let is_first = line.trim().is_empty();
        let needed = width(line) + usize::from(!is_first) + width(word);
        if needed <= columns || last + 1 == most || is_first {
            if !is_first {
                line.push(' ');
            }
            line.push_str(word);
        } else {
            lines.push(format!("  {word}"));
        }
        if lines.len() == most && width(&lines[most - 1]) > columns {
            break;
        }
    }
    lines.iter().map(|line| fit_end(line, columns)).collect()
}

/// The longest prefix of some characters within so many columns.
fn take(characters: impl Iterator<Item = char>, most: usize) -> String {
    let mut used = 0;
    characters
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= most
        })
        .collect()
}

/// The text, then spaces up to `columns`.
pub(super) fn pad_right(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Spaces, then the text, `columns` in all.
pub(super) fn pad_left(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

/// A text as a sentence: a capital first, a full stop last.
pub(super) fn sentence(text: &str) -> String {
    let text = escape_control(text.trim());
    let mut characters = text.chars();
    let Some(first) = characters.next() else { return String::new() };
    // A sentence may begin with an endpoint's name, which keeps its spelling.
    // and so does a file's.
    let is_name = text.split(' ').next().is_some_and(|word| {
        word.contains(['@', '/']) || word.trim_end_matches([':', '.', ',']).contains(['.', '_'])
    });
    let mut sentence: String =
        if is_name { text.to_string() } else { first.to_uppercase().chain(characters).collect() };
    if !sentence.ends_with(['.', '!', '?', '…']) {
        sentence.push('.');
    }
    sentence
}

/// A plain text as GitHub Markdown shows it literally, in a table cell too.
pub(super) fn markdown(text: &str) -> String {
    let text = escape_control(text);
    let mut escaped = String::with_capacity(text.len() + 8);
    for (at, c) in text.char_indices() {
        let rest = &text[at..];
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // Before a word this would call a person, or an issue.
            '@' => escaped.push_str("&#64;"),
            '#' => escaped.push_str("&#35;"),
            // GitHub makes links of bare addresses.
            ':' if rest.starts_with("://") => escaped.push_str("&#58;"),
            '.' if text[..at].to_ascii_lowercase().ends_with("www") => escaped.push_str("&#46;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '|' | '~' | '$' => {
                escaped.push('\\');
                escaped.push(c);
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

/// Plain text as XML character data and attribute value.
pub(super) fn xml(text: &str) -> String {
    let text = escape_control(text);
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_keeps_its_spelling() {
        assert_eq!(sentence("prompts.csv: prompt ← question"), "prompts.csv: prompt ← question.");
        assert_eq!(sentence("nothing was scored"), "Nothing was scored.");
        assert_eq!(sentence("large@crest stays."), "large@crest stays.");
    }

    #[test]
    fn columns() {
        assert_eq!(width("92.3 (90.5–94.1) −…→≈±"), 22);
        assert_eq!(width("模型"), 4);
        assert_eq!(fit_middle("large-long-name@azure", 11), "large…azure");
        assert_eq!(fit_middle("模型模型模型", 7), "模…型");
        assert_eq!(fit_middle("short", 5), "short");
        assert_eq!(fit_end("nothing cheaper is within", 12), "nothing che…");
        assert_eq!(pad_left("7", 3), "  7");
        assert_eq!(pad_right("é", 3), "é  ");
    }

    #[test]
    fn long_texts_are_wrapped_and_cut() {
        assert_eq!(wrap("one two three four", 9, 3), ["one two", "  three", "  four"]);
        assert_eq!(wrap("one two three four", 9, 2), ["one two", "  three…"]);
        assert_eq!(wrap("incomprehensibility is one", 9, 2), ["incompre…", "  is one"]);
        assert_eq!(wrap("", 9, 2), [""]);
    }

    #[test]
    fn markdown_is_literal() {
        assert_eq!(markdown("a|b"), "a\\|b");
        assert_eq!(markdown("`<img src=x>`"), "\\`&lt;img src=x&gt;\\`");
        assert_eq!(markdown("[x](http://e)"), "\\[x\\](http&#58;//e)");
        assert_eq!(markdown("www.e.com"), "www&#46;e.com");
        assert_eq!(markdown("$x$"), "\\$x\\$");
        assert_eq!(markdown("m@p#v"), "m&#64;p&#35;v");
    }

    #[test]
    fn xml_is_literal() {
        assert_eq!(xml("<a href='\"&'>"), "&lt;a href=&#39;&quot;&amp;&#39;&gt;");
        assert_eq!(xml("\u{0}"), "\\u{0}");
    }
}
