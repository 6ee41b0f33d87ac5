//! Outcomes as a table of text: one row for each query and model.

use std::path::Path;

use super::builder::{TableBuilder, Twice};
use super::number::{cost_of, error_of, latency_of, score_of, tokens_of};
use super::place::{Part, Place};
use super::table::{Outcome, TableModel};
use super::{OutcomesError, unpack};
use crate::units::{Usage, names};

/// The columns, in any order. The first three are needed.
const COLUMNS: [&str; 10] = [
    "query_id",
    "model",
    "score",
    "source",
    "category",
    "prompt_tokens",
    "completion_tokens",
    "cost_usd",
    "latency_s",
    "error",
];
const NEEDED: usize = 3;
/// What stands between cells.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// Where each of [`COLUMNS`] stands in a row.
#[derive(Debug)]
struct Heading {
    columns: [Option<usize>; COLUMNS.len()],
    /// Columns that are not read.
    unknown: Vec<String>,
}

/// Reads a table into `builder`.
pub(super) fn read(
    bytes: &[u8],
    path: &Path,
    max_score: f64,
    builder: &mut TableBuilder,
) -> Result<(), OutcomesError> {
    let shown = path.display().to_string();
    let text = unpack::text(bytes, &shown)?;
    if text.trim().is_empty() {
        let remedy = "the file is empty: a table has a heading and one outcome a row";
        return Err(OutcomesError::Empty { at: shown, remedy });
    }
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(text))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let heading = Heading::read(reader.headers().map_err(|e| broken(&shown, &e))?, &shown)?;
    if !heading.unknown.is_empty() {
        let names = heading.unknown.join(", ");
        builder.note(format!("columns of {shown} that are not read: {names}"));
    }
    let grader = builder.grader("score column");
    let name = table_name(path);
    let mut conflicts = 0_u64;
    let mut row = csv::StringRecord::new();
    while reader.read_record(&mut row).map_err(|e| broken(&shown, &e))? {
        let line = row.position().map_or(0, |at| line_of(text, at));
        let place = Place { file: &shown, part: Part::Line(line) };
        let cells = Cells { heading: &heading, row: &row };
        conflicts += u64::from(add(&cells, (&name, grader, max_score), &place, builder)?);
    }
    if conflicts > 0 {
        builder.note(format!(
            "{conflicts} rows of {shown} have an error and a score: the error counts, and no score"
        ));
    }
    Ok(())
}

/// The cells of a row, by the names of their columns.
struct Cells<'a> {
    heading: &'a Heading,
    row: &'a csv::StringRecord,
}

impl Cells<'_> {
    fn get(&self, name: &str) -> &str {
        let column = COLUMNS.iter().position(|column| *column == name).expect("one of the columns");
        self.heading.columns[column].and_then(|at| self.row.get(at)).unwrap_or_default()
    }
}

/// Adds a row. Whether it has both an error and a score above 0.
fn add(
    cells: &Cells<'_>,
    (table, grader, max_score): (&str, u32, f64),
    place: &Place<'_>,
    builder: &mut TableBuilder,
) -> Result<bool, OutcomesError> {
    let fault = |(what, remedy): (String, String)| OutcomesError::bad(place, what, remedy);
    let needed = |name: &str| match cells.get(name) {
        "" => Err(OutcomesError::bad(
            place,
            format!("{name} is empty"),
            "each row names its query and its model",
        )),
        cell => Ok(cell),
    };
    let (id, model) = (needed("query_id")?, needed("model")?);
    let source = Some(cells.get("source")).filter(|cell| !cell.is_empty()).unwrap_or(table);
    let category = Some(cells.get("category")).filter(|cell| !cell.is_empty());
    let error = error_of(cells.get("error"));
    let score = score_of(cells.get("score"), max_score).map_err(fault)?;
    let usage = Usage {
        // A prompt of no tokens is one that was not counted.
        input: tokens_of("prompt_tokens", cells.get("prompt_tokens"))
            .map_err(fault)?
            .filter(|count| *count > 0),
        output: tokens_of("completion_tokens", cells.get("completion_tokens")).map_err(fault)?,
        ..Usage::UNKNOWN
    };
    let cost = cost_of("cost_usd", cells.get("cost_usd")).map_err(fault)?;
    let latency_ns = latency_of("latency_s", cells.get("latency_s")).map_err(fault)?;
    let query = builder.query((source, id), category, place, |query| query)?;
    let model = builder.model(&TableModel { name: model.to_owned(), variant: None });
    let is_conflict = error.is_some() && score.is_some_and(|score| score > 0.0);
    let outcome = Outcome {
        query,
        model,
        repeat: 0,
        score: score.filter(|_| error.is_none()),
        grader,
        detail: String::new(),
        usage,
        provider_counted: false,
        cost,
        latency_ns,
        error,
        answer: String::new(),
    };
    builder.add(outcome, place, Twice::Refuse)?;
    Ok(is_conflict)
}

impl Heading {
    fn read(cells: &csv::StringRecord, shown: &str) -> Result<Self, OutcomesError> {
        let mut columns = [None; COLUMNS.len()];
        let mut unknown = Vec::new();
        let at = || format!("{shown}:1");
        for (i, cell) in cells.iter().enumerate() {
            let name = cell.to_ascii_lowercase();
            let Some(column) = COLUMNS.iter().position(|column| *column == name) else {
                unknown.push(cell.to_owned());
                continue;
            };
            if columns[column].replace(i).is_some() {
                let what = format!("two columns are called {name:?}");
                return Err(OutcomesError::bad(at(), what, "rename one of them"));
            }
        }
        let missing = |i: &usize| columns[*i].is_none();
        // A near miss is a mistake: to pass over it would lose what is in the column.
        for cell in &unknown {
            let free = (0..COLUMNS.len()).filter(missing).map(|i| COLUMNS[i]);
            let stem = |name: &str| name.split('_').next().unwrap_or_default().to_owned();
            let near = names::nearest(cell, free.clone(), 1).first().copied().or_else(|| {
                free.clone().find(|name| stem(name) == stem(&cell.to_ascii_lowercase()))
            });
            if let Some(near) = near {
                let what = format!("unknown column {cell:?}");
                return Err(OutcomesError::bad(
                    at(),
                    what,
                    format!("did you mean {near:?}? Rename it, or remove it"),
                ));
            }
        }
        if let Some(i) = (0..NEEDED).find(missing) {
            return Err(OutcomesError::bad(
                at(),
                format!("there is no column {:?}", COLUMNS[i]),
                format!("a table has the columns {}", COLUMNS.join(", ")),
            ));
        }
        Ok(Self { columns, unknown })
    }
}

/// The line on which a record begins: the reader's position is where the one before it ended, so blank
/// lines in between are still to be skipped.
fn line_of(text: &str, at: &csv::Position) -> u64 {
    let start = usize::try_from(at.byte()).unwrap_or(usize::MAX).min(text.len());
    let blank = text.as_bytes()[start..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    at.line() + blank.filter(|byte| **byte == b'\n').count() as u64
}

/// The character between the cells of the heading.
fn delimiter(text: &str) -> u8 {
    let heading = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().as_bytes();
    let count = |delimiter: &u8| heading.split(|byte| byte == delimiter).count();
    DELIMITERS.into_iter().rev().max_by_key(count).unwrap_or(b',')
}

/// What a table without a column `source` is called: its file, without endings.
fn table_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split('.').find(|part| !part.is_empty()).unwrap_or("table").to_owned()
}

fn broken(shown: &str, error: &csv::Error) -> OutcomesError {
    let line = error.position().map_or(1, csv::Position::line);
    if let csv::ErrorKind::UnequalLengths { expected_len, len, .. } = error.kind() {
        return OutcomesError::bad(
            format!("{shown}:{line}"),
            format!("the row has {len} cells where the heading has {expected_len}"),
            "mend or remove the row, and put cells with a comma between quotes",
        );
    }
    OutcomesError::bad(format!("{shown}:{line}"), error, "mend or remove the row")
}

#[cfg(test)]
mod tests {
    use super::super::OutcomeTable;
    use super::*;

    fn table(text: &str) -> Result<OutcomeTable, String> {
        let mut builder = TableBuilder::default();
        read(text.as_bytes(), Path::new("dir/t.csv.gz"), 1.0, &mut builder)
            .map_err(|error| error.to_string())?;
        Ok(builder.finish())
    }

    #[test]
    fn columns_come_in_any_order_and_may_be_missing() {
        let read = table("\u{feff}Model;score;query_id\nm;1;q1\nm;0.5;q2\n").expect("a table");
        assert_eq!(read.queries.len(), 2);
        assert_eq!((read.queries[0].source.as_str(), &read.queries[0].category), ("t", &None));
        let scores: Vec<_> = read.outcomes.iter().map(|o| o.score).collect();
        assert_eq!(scores, [Some(1.0), Some(0.5)]);
        assert_eq!((read.outcomes[0].cost, read.outcomes[0].latency_ns), (None, None));
    }

    #[test]
    fn an_error_never_scores() {
        let read = table("query_id,model,score,error\nq,m,1,timeout\nq,n,1,0\n").expect("a table");
        assert_eq!((read.outcomes[0].score, read.outcomes[1].score), (None, Some(1.0)));
        assert_eq!(read.notes.len(), 1, "{:?}", read.notes);
    }

    #[test]
    fn one_clear_error_each() {
        let check = |text: &str, expected: &str| {
            assert_eq!(table(text).expect_err(text), expected);
        };
        check(
            " \n",
            "dir/t.csv.gz holds no outcomes; the file is empty: a table has a heading and one \
             outcome a row",
        );
        check(
            "query_id,model,score\nq,m,1\n\nq,m,1\n",
            "dir/t.csv.gz:4: query \"q\" was asked of \"m\" before, at dir/t.csv.gz:2; keep one row \
             for each query and model, or give repeats ids of their own",
        );
        check(
            "query_id,model,score\nq,m,-1\n",
            "dir/t.csv.gz:2: score -1 is negative; scores are from 0 (wrong) to 1 (right)",
        );
        check(
            "query_id,model,score\nq,m,87\n",
            "dir/t.csv.gz:2: score 87 is above 1; scores are from 0 to 1; where they end at N, say \
             so: --max-score N",
        );
        check(
            "query_id,model,score,latency_ms\nq,m,1,7\n",
            "dir/t.csv.gz:1: unknown column \"latency_ms\"; did you mean \"latency_s\"? Rename it, \
             or remove it",
        );
        check(
            "query_id,model\nq,m\n",
            "dir/t.csv.gz:1: there is no column \"score\"; a table has the columns query_id, model, \
             score, source, category, prompt_tokens, completion_tokens, cost_usd, latency_s, error",
        );
        check(
            "query_id,model,score\nq,m\n",
            "dir/t.csv.gz:2: the row has 2 cells where the heading has 3; mend or remove the row, \
             and put cells with a comma between quotes",
        );
        check(
            "query_id,category,model,score\nq,a,m,1\nq,b,n,1\n",
            "dir/t.csv.gz:3: query \"q\" is of category \"b\" here and of \"a\" before; give each \
             query one category, or other queries other ids",
        );
    }
}
