//! `catalog list`: what can be called, and at what price.

use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use super::args::{CatalogCommand, Format};
use super::inputs::Fleet;
use super::{Exit, Failure, Outcome, console, refused};
use crate::catalog::{self, Catalog, Endpoint, Price};
use crate::plan::{Config, config, select};
use crate::units::Usd;
use crate::units::plain::inert;

/// `weighbridge catalog …`.
pub fn catalog(command: &CatalogCommand) -> Outcome {
    let CatalogCommand::List { catalog, config, model, format } = command;
    let (found, simulated) = read(catalog.as_deref(), config.as_deref())?;
    let mark = "SIMULATED fleet: invented models and prices";
    for warning in &found.warnings {
        console::say(warning);
    }
    let endpoints = select::endpoints(&found.endpoints, model, &[]).map_err(refused)?;
    let rows: Vec<Row> = endpoints.iter().map(Row::of).collect();
    let text = match format {
        Format::Json => format!("{}\n", serde_json::to_string_pretty(&rows)?),
        Format::Csv => csv_of(&rows)?,
        Format::Table if simulated => format!("{mark}\n{}", table(&rows)),
        Format::Table => table(&rows),
    };
    if simulated && *format != Format::Table {
        console::say(mark);
    }
    match format {
        Format::Table => console::table(&text)?,
        Format::Json | Format::Csv => console::data(&text)?,
    }
    Ok(Exit::Ok)
}

/// The catalog, and whether it is the simulated fleet's.
fn read(catalog: Option<&Path>, config: Option<&Path>) -> Result<(Catalog, bool), Failure> {
    let text = |path: &Path| {
        std::fs::read_to_string(path).with_context(|| path.display().to_string()).map_err(refused)
    };
    if let Some(path) = catalog {
        let shown = path.display().to_string();
        return Ok((catalog::load_text(&text(path)?, &shown).map_err(refused)?, false));
    }
    let found = config.map(Path::to_owned).or_else(|| config::find(&std::env::current_dir().ok()?));
    match found {
        Some(path) => {
            let shown = path.display().to_string();
            let config = Config::load_text(&text(&path)?, &shown, &[]).map_err(refused)?;
            Ok((config.catalog, false))
        }
        None => Ok((Fleet::unserved().catalog(true), true)),
    }
}

/// One endpoint, dollars per million tokens.
#[derive(Serialize)]
struct Row {
    endpoint: String,
    upstream_model: String,
    input_usd_per_m: Option<String>,
    cached_input_usd_per_m: Option<String>,
    output_usd_per_m: Option<String>,
    context_window: Option<u64>,
    max_output: Option<u64>,
    supports: Option<String>,
}

impl Row {
    fn of(endpoint: &Endpoint) -> Self {
        let per_million = |price: Usd| Some(price.times(1_000_000).to_string());
        let (input, cached, output) = match &endpoint.price {
            Price::Rates(rates) => (
                per_million(rates.input),
                rates.cached_input.and_then(per_million),
                per_million(rates.output),
            ),
            // By the hour nothing is paid by the token.
            Price::Free | Price::PerHour(_) => {
                (Some("0".into()), Some("0".into()), Some("0".into()))
            }
            Price::Unknown => (None, None, None),
        };
        let supports = endpoint.supports.as_ref().map(|set| {
            set.iter().map(|capability| capability.name()).collect::<Vec<_>>().join(" ")
        });
        Self {
            endpoint: endpoint.id.to_string(),
            upstream_model: endpoint.upstream_model.clone(),
            input_usd_per_m: input,
            cached_input_usd_per_m: cached,
            output_usd_per_m: output,
            context_window: endpoint.context_window,
            max_output: endpoint.max_output,
            supports,
        }
    }
}

/// The width that a terminal surely has.
const COLUMNS: usize = 80;

fn table(rows: &[Row]) -> String {
    let widest = rows.iter().map(|row| row.endpoint.chars().count()).max().unwrap_or(0).max(8);
    let line = |endpoint: &str, cells: [&str; 4]| {
        let [input, output, context, supports] = cells;
        let text = format!("{endpoint:<widest$} {input:>7} {output:>7} {context:>8}  {supports}");
        // What does not fit is in the CSV and in the JSON.
        if text.chars().count() <= COLUMNS {
            return text.trim_end().to_owned() + "\n";
        }
        text.chars().take(COLUMNS - 1).chain("…\n".chars()).collect()
    };
    let mut text = line("endpoint", ["$/M in", "$/M out", "context", "supports"]);
    for row in rows {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "unknown".to_owned());
        let context = row.context_window.map(|n| n.to_string()).unwrap_or_default();
        text.push_str(&line(
            &row.endpoint,
            [
                &shown(&row.input_usd_per_m),
                &shown(&row.output_usd_per_m),
                &context,
                row.supports.as_deref().unwrap_or_default(),
            ],
        ));
    }
    text
}

/// Rows as CSV, with a header. Nothing in it is a formula: no number of ours is negative, so every
/// cell that begins like one is a name.
pub fn csv_of<T: Serialize>(rows: &[T]) -> Result<String, anyhow::Error> {
    let mut cells = csv::Writer::from_writer(Vec::new());
    for row in rows {
        cells.serialize(row)?;
    }
    let cells = cells.into_inner().map_err(csv::IntoInnerError::into_error)?;
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in csv::ReaderBuilder::new().has_headers(false).from_reader(cells.as_slice()).records()
    {
        writer.write_record(row?.iter().map(|cell| inert(cell).into_owned()))?;
    }
    Ok(String::from_utf8(writer.into_inner().map_err(csv::IntoInnerError::into_error)?)?)
}
