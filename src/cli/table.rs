//! Tables for people: at most 80 columns.

use super::args::Format;
use super::console;

/// Prints a text in a format. Control characters in a table are escaped.
pub(super) fn show(format: Format, text: &str) -> std::io::Result<()> {
    match format {
        Format::Table => console::table(text),
        Format::Json | Format::Csv => console::data(text),
    }
}

/// Rows as a table: columns as wide as they need, two spaces between them, at most 80 wide.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    /// The width that a terminal surely has.
    const COLUMNS: usize = 80;
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(String::as_str);
        let cells = cells.chain(head.get(column).copied());
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: &[&str]| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let text = padded.collect::<Vec<_>>().join("  ");
        // What does not fit goes on below its own column, which is the last.
        let indent = widths.iter().rev().skip(1).map(|width| width + 2).sum::<usize>() + 2;
        let parts = wrapped(text.trim_end(), COLUMNS, COLUMNS - indent);
        let margin = format!("\n{:indent$}", "");
        parts.join(&margin) + "\n"
    };
    let mut text = line(head);
    for row in rows {
        text.push_str(&line(&row.iter().map(String::as_str).collect::<Vec<_>>()));
    }
    text
}

/// A text in lines: the first at most so wide, the others so; broken at spaces where there are any.
pub(super) fn wrapped(text: &str, first: usize, others: usize) -> Vec<String> {
    let (mut lines, mut rest, mut most) = (Vec::new(), text, first);
    loop {
        let Some((end, _)) = rest.char_indices().nth(most) else {
            lines.push(rest.to_owned());
            return lines;
        };
        // A space right behind the line will do too.
        let next = rest[end..].chars().next().map_or(0, char::len_utf8);
        let cut = rest[..end + next].rfind(' ').filter(|at| !rest[..*at].trim().is_empty());
        let (line, after) = rest.split_at(cut.unwrap_or(end));
        lines.push(line.trim_end().to_owned());
        rest = after.trim_start();
        most = others;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_goes_on_below_and_nothing_is_lost() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(wrapped(text, 10, 6), expected, "{text:?}");
        };
        check("", &[""]);
        check("kind  word", &["kind  word"]);
        check("kind  word and more", &["kind  word", "and", "more"]);
        check("kind  averylongword", &["kind", "averyl", "ongwor", "d"]);
        check("ääääääääääöö", &["ääääääääää", "öö"]);
    }

    #[test]
    fn a_table_keeps_to_eighty_columns() {
        let row = vec!["dearer".to_owned(), "word ".repeat(40)];
        let text = table(&["", "what"], &[row]);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert_eq!(text.matches("word").count(), 40);
        assert!(text.contains("\n          word"), "{text}");
    }
}
