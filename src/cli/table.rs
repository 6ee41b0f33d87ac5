//! Tables for people: at most 80 columns.

use super::args::Format;
use super::console;
use super::wrap::{COLUMNS, wrapped};

/// Prints a text in a format. Control characters in a table are escaped.
pub(super) fn show(format: Format, text: &str) -> std::io::Result<()> {
    match format {
        Format::Table => console::table(text),
        Format::Json | Format::Csv => console::data(text),
    }
}

/// Rows as a table: columns as wide as they need, two spaces between them, at most 80 wide.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_keeps_to_eighty_columns() {
        let row = vec!["dearer".to_owned(), "word ".repeat(40)];
        let text = table(&["", "what"], &[row]);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert_eq!(text.matches("word").count(), 40);
        assert!(text.contains("\n          word"), "{text}");
    }
}
