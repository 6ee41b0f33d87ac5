//! `report --prices`: a finished run's tokens at other prices. No model is called, and nothing of
//! the run changes.

use std::path::Path;

use anyhow::{Context, anyhow};

use crate::aggregate::{self, PriceComparison};
use crate::app::csv_rows::csv_of;
use crate::catalog;
use crate::cli::{Exit, Outcome, console, refused};
use crate::report;
use crate::units::Usd;

/// What is written into the run folder.
const FILE: &str = "repriced.csv";

/// Prices a run anew, prints the change and writes it beside the run's other tables.
pub fn reprice(run: &Path, prices: &Path) -> Outcome {
    let shown = prices.display().to_string();
    let text = std::fs::read_to_string(prices).with_context(|| shown.clone()).map_err(refused)?;
    let catalog = catalog::load_text(&text, &shown).map_err(refused)?;
    let rows = aggregate::reprice(run, &catalog)?;
    if rows.iter().all(|row| !row.listed) {
        return Err(refused(anyhow!("{shown} names none of the run's endpoints")));
    }
    for stamp in &catalog.snapshots {
        console::say(&format!("prices of {}, read {}", stamp.source, stamp.fetched_at));
    }
    for note in &catalog.warnings {
        console::say(note);
    }
    let path = run.join(FILE);
    report::write_whole(&path, csv_of(&rows)?.as_bytes())
        .with_context(|| path.display().to_string())?;
    console::table(&table(&rows))?;
    Ok(Exit::Ok)
}

fn table(rows: &[PriceComparison]) -> String {
    let widest = rows.iter().map(|row| row.endpoint.as_str().chars().count()).max().unwrap_or(0);
    let widest = widest.clamp(8, 40);
    let line = |name: &str, cells: [&str; 4]| {
        let [then, now, change, note] = cells;
        let name: String = name.chars().take(widest).collect();
        let text = format!("{name:<widest$}  {then:>11}  {now:>11}  {change:>8}  {note}");
        format!("{}\n", text.trim_end())
    };
    let mut text = line("endpoint", ["$ then", "$ now", "change", ""]);
    let mut both = (Usd::ZERO, Usd::ZERO);
    let mut left_out = 0;
    for row in rows {
        let usd = |usd: Option<Usd>| usd.map_or_else(|| "unknown".to_owned(), |u| u.to_fixed(6));
        let change = row.then.zip(row.now).map(|(then, now)| percent(then, now));
        if let Some((then, now)) = row.then.zip(row.now) {
            both = (both.0 + then, both.1 + now);
        } else {
            left_out += 1;
        }
        let note = match (row.listed, row.unknown) {
            (false, _) => "not in the list".to_owned(),
            (true, 0) => String::new(),
            (true, n) => format!("{n} attempts without a known cost"),
        };
        let cells = [&usd(row.then), &usd(row.now), &change.unwrap_or_default(), &note];
        text.push_str(&line(row.endpoint.as_str(), cells.map(String::as_str)));
    }
    let total = if left_out == 0 { "all" } else { "those with both" };
    let (then, now) = both;
    text.push_str(&line(total, [&then.to_fixed(6), &now.to_fixed(6), &percent(then, now), ""]));
    text
}

/// `+20.0 %`; empty from nothing to something.
fn percent(then: Usd, now: Usd) -> String {
    if then == now {
        return "same".to_owned();
    }
    if then == Usd::ZERO {
        return String::new();
    }
    format!("{:+.1} %", (now.to_f64() / then.to_f64() - 1.0) * 100.0)
}
