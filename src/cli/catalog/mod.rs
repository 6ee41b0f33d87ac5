//! `catalog …`: what can be called, and at what price.

mod check;
mod diff;
mod list;
mod pick;
mod ping;
mod sync;

use std::path::Path;

use anyhow::Context;

use super::args::{CatalogCommand, Format};
use super::inputs::Fleet;
use super::{Failure, Outcome, console, found, refused};
use crate::catalog::{self, Catalog};
use crate::plan::Config;

pub use list::csv_of;

/// `weighbridge catalog …`.
pub fn catalog(command: &CatalogCommand) -> Outcome {
    match command {
        CatalogCommand::List(args) => list::list(args),
        CatalogCommand::Sync(args) => sync::sync(args),
        CatalogCommand::Diff(args) => diff::diff(args),
        CatalogCommand::Check(args) => check::check(args),
        CatalogCommand::Pick(args) => pick::pick(args),
        CatalogCommand::Ping(args) => ping::ping_all(args),
    }
}

/// A catalog, and the configuration it came with.
struct Found {
    catalog: Catalog,
    /// Where it came from, as errors name it.
    name: String,
    config: Option<Config>,
    simulated: bool,
}

/// The catalog of a file and of the configuration here; without either, the simulated fleet's.
fn find(catalog: Option<&Path>, config: Option<&Path>) -> Result<Found, Failure> {
    find_for(None, catalog, config)
}

/// The same, where globs say which models are meant: with no file, those of the price lists of the
/// providers whose keys are in the environment.
fn find_for(
    globs: Option<&[String]>,
    catalog: Option<&Path>,
    config: Option<&Path>,
) -> Result<Found, Failure> {
    let sources = found::sources(catalog, config, globs)?;
    let texts = sources.texts();
    let name = sources.catalogs.first().or(sources.config.as_ref()).map(|(path, _)| path.clone());
    let Some(name) = name else {
        let catalog = Fleet::unserved().catalog(true);
        let name = "the simulated fleet".to_owned();
        return Ok(Found { catalog, name, config: None, simulated: true });
    };
    let (catalog, config) = match &sources.config {
        Some((path, text)) => {
            let config = Config::load_text(text, path, &texts).map_err(refused)?;
            (config.catalog.clone(), Some(config))
        }
        None => (catalog::load_texts(&texts).map_err(refused)?, None),
    };
    Ok(Found { catalog, name, config, simulated: false })
}

/// Shows what was made in a format: nothing in a table acts on a terminal.
fn show(format: Format, text: &str) -> std::io::Result<()> {
    match format {
        Format::Table => console::table(text),
        Format::Json | Format::Csv => console::data(text),
    }
}

/// The text of a file.
fn text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).with_context(|| path.display().to_string()).map_err(refused)
}

/// A catalog file, and nothing beside it.
fn load(path: &Path) -> Result<Catalog, Failure> {
    catalog::load_text(&text(path)?, &path.display().to_string()).map_err(refused)
}

/// Rows as a table: columns as wide as they need, two spaces between them, at most 80 wide.
fn table(head: &[&str], rows: &[Vec<String>]) -> String {
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
        let text = text.trim_end();
        // What does not fit is in the CSV and in the JSON.
        if text.chars().count() <= COLUMNS {
            return format!("{text}\n");
        }
        text.chars().take(COLUMNS - 1).chain("…\n".chars()).collect()
    };
    let mut text = line(head);
    for row in rows {
        text.push_str(&line(&row.iter().map(String::as_str).collect::<Vec<_>>()));
    }
    text
}
