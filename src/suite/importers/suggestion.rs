//! A map for a file whose columns are not all known: what is known stays, the prompt is guessed where one
//! column leaves no doubt, and nothing else is claimed.

use std::collections::BTreeSet;

use super::columns::{ColumnMap, Field};
use super::rows::Table;

/// The rows that are looked at.
const MAX_ROWS: usize = 500;

/// A prompt has at least so many characters on average.
const MIN_PROMPT_CHARS: usize = 12;

/// The text of `--map` that would work, or that lacks one name.
pub(super) fn suggest_map(table: &Table, map: &ColumnMap) -> String {
    let known = |field: Field| map.resolve(field, &table.columns).ok().flatten();
    let usual = |field: Field| ColumnMap::default().resolve(field, &table.columns).ok().flatten();
    let mut pairs = Vec::new();
    for field in Field::ALL {
        let column = known(field).or_else(|| map.get(field).and_then(|_| usual(field)));
        match column {
            Some(column) => pairs.push(format!("{}={column}", field.name())),
            None if field == Field::Prompt => {
                let taken: Vec<&str> = Field::ALL.into_iter().filter_map(known).collect();
                let column = guess_prompt(table, &taken).unwrap_or("COLUMN");
                pairs.push(format!("{}={column}", field.name()));
            }
            None => {}
        }
    }
    format!("\"{}\"", pairs.join(","))
}

/// The column whose texts are the longest by far, and hardly ever repeat.
fn guess_prompt<'a>(table: &'a Table, taken: &[&str]) -> Option<&'a str> {
    let mut columns: Vec<(usize, &str)> = Vec::new();
    for column in table.columns.iter().filter(|c| !c.is_empty() && !taken.contains(&c.as_str())) {
        let cells =
            table.rows.iter().take(MAX_ROWS).filter_map(|row| row.cells.get(column)?.as_str());
        let cells: Vec<&str> = cells.collect();
        let distinct: BTreeSet<&str> = cells.iter().copied().collect();
        let is_unique = distinct.len() * 10 >= cells.len() * 9;
        let is_full = cells.len() * 10 >= table.rows.len().min(MAX_ROWS) * 9;
        let chars: usize = cells.iter().map(|cell| cell.chars().count()).sum();
        let mean = chars / cells.len().max(1);
        // An id or a link is as unique as a prompt, but has no spaces.
        let has_words =
            cells.iter().filter(|cell| cell.trim().contains(' ')).count() * 2 > cells.len();
        if is_full && is_unique && has_words && mean >= MIN_PROMPT_CHARS {
            columns.push((mean, column));
        }
    }
    columns.sort_by_key(|(mean, _)| std::cmp::Reverse(*mean));
    match columns[..] {
        [(_, only)] => Some(only),
        [(first, column), (second, _), ..] if first * 2 >= second * 3 => Some(column),
        _ => None,
    }
}
