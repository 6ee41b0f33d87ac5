//! `catalog ping`.

use std::time::Duration;

use crate::app::catalog::ping::{NOT_ASKED, PingOptions, Row, ping_all};
use crate::app::csv_rows::csv_of;
use crate::cli::args::{CatalogPingArgs, Format};
use crate::cli::failure::Outcome;
use crate::cli::table::show;
use crate::cli::terminal::Terminal;
use crate::cli::wrap::wrapped;
use crate::cli::{Exit, console};
use crate::units::Usd;

/// `weighbridge catalog ping`.
pub(super) fn ping(args: CatalogPingArgs) -> Outcome {
    let options = PingOptions {
        catalog: args.catalog,
        config: args.config,
        models: args.model,
        endpoints: args.endpoint,
        budget: args.budget,
        yes: args.yes,
        timeout: args.timeout,
    };
    print(args.format, &ping_all(&options, &Terminal::default())?)
}

fn print(format: Format, rows: &[Row]) -> Outcome {
    let simulated = rows.iter().any(|row| row.simulated);
    let mark = "SIMULATED: no real model gave any of these answers";
    let text = match format {
        Format::Json => format!("{}\n", serde_json::to_string_pretty(rows)?),
        Format::Csv => csv_of(rows)?,
        Format::Table if simulated => format!("{mark}\n{}", screen(rows)),
        Format::Table => screen(rows),
    };
    if simulated && format != Format::Table {
        console::say(mark);
    }
    show(format, &text)?;
    let ok = rows.iter().filter(|row| row.is_ok()).count();
    let cost: Usd = rows.iter().filter_map(|row| row.cost).sum();
    let unknown = rows.iter().filter(|row| row.status != NOT_ASKED && row.cost.is_none()).count();
    let more = if unknown == 0 { String::new() } else { format!(" and {unknown} unknown costs") };
    console::say(&format!("{ok} of {} answered · ${}{more}", rows.len(), cost.to_fixed(6)));
    Ok(if ok == 0 { Exit::Internal } else { Exit::Ok })
}

/// Rows as a table of at most 80 columns. What does not fit is in the CSV and in the JSON.
fn screen(rows: &[Row]) -> String {
    const COLUMNS: usize = 80;
    const WIDEST: usize = 34;
    /// Lines of a reason at most.
    const REASON_LINES: usize = 3;
    let shortened = |text: &str, most: usize| -> String {
        if text.chars().count() <= most {
            return text.to_owned();
        }
        text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
    };
    let longest =
        |cell: fn(&Row) -> usize, head: usize| rows.iter().map(cell).max().unwrap_or(0).max(head);
    let name = longest(|row| row.endpoint.chars().count(), "endpoint".len()).min(WIDEST);
    let status = longest(|row| row.status.len(), "status".len());
    let line = |cells: [&str; 6]| {
        let [endpoint, state, ttft, tokens, cost, last] = cells;
        let endpoint = shortened(endpoint, name);
        let text =
            format!("{endpoint:<name$}  {state:<status$} {ttft:>7} {tokens:>6} {cost:>9}  {last}");
        shortened(text.trim_end(), COLUMNS) + "\n"
    };
    let mut text = line(["endpoint", "status", "TTFT", "tokens", "$", "by"]);
    for row in rows {
        if let Some(why) = &row.detail {
            // Nothing was measured: the reason takes the room.
            let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
            let (endpoint, state) = (shortened(&row.endpoint, name), &row.status);
            let failed = format!("{endpoint:<name$}  {state:<status$}  {why}");
            // A provider may say pages; the beginning tells, and the rest is in the JSON.
            let mut lines = wrapped(failed.trim_end(), COLUMNS, COLUMNS - 4);
            if lines.len() > REASON_LINES {
                lines.truncate(REASON_LINES);
                let last = lines.pop().unwrap_or_default();
                lines.push(shortened(&last, COLUMNS - 5) + "…");
            }
            text.push_str(&(lines.join("\n    ") + "\n"));
            continue;
        }
        let count = |n: Option<u64>| n.map_or_else(|| "?".to_owned(), |n| n.to_string());
        let tokens = match (row.input_tokens, row.output_tokens) {
            (None, None) => String::new(),
            (input, output) => format!("{}+{}", count(input), count(output)),
        };
        let ttft = row.ttft_us.map(|us| seconds(Duration::from_micros(us))).unwrap_or_default();
        let cost = row.cost.map(|usd| usd.to_fixed(6)).unwrap_or_default();
        let answered = [row.served_by.as_deref(), row.response_model.as_deref()];
        let answered = answered.into_iter().flatten().collect::<Vec<_>>().join(" · ");
        text.push_str(&line([&row.endpoint, &row.status, &ttft, &tokens, &cost, &answered]));
    }
    text
}

fn seconds(time: Duration) -> String {
    let s = time.as_secs_f64();
    if s < 0.1 { format!("{s:.3} s") } else { format!("{s:.2} s") }
}
