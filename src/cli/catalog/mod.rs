//! `catalog …`: what can be called, and at what price.

mod check;
mod diff;
mod list;
mod pick;
mod sync;

use std::path::Path;

use anyhow::Context;

use super::args::{CatalogCommand, Format};
use super::inputs::Fleet;
use super::{Failure, Outcome, console, refused, today};
use crate::catalog::{self, Catalog};
use crate::plan::{Config, config};

pub use list::csv_of;
pub use sync::{FOLDER as SNAPSHOTS, read_list};

/// `weighbridge catalog …`.
pub fn catalog(command: &CatalogCommand) -> Outcome {
    match command {
        CatalogCommand::List(args) => list::list(args),
        CatalogCommand::Sync(args) => sync::sync(args),
        CatalogCommand::Diff(args) => diff::diff(args),
        CatalogCommand::Check(args) => check::check(args),
        CatalogCommand::Pick(args) => pick::pick(args),
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
    let found = config.map(Path::to_owned).or_else(|| config::find(&std::env::current_dir().ok()?));
    let beside = match catalog {
        Some(path) => Some((path.display().to_string(), text(path)?)),
        None => None,
    };
    match (found, beside) {
        (Some(path), beside) => {
            let shown = path.display().to_string();
            let files: Vec<catalog::CatalogText<'_>> =
                beside.iter().map(|(path, text)| catalog::CatalogText { path, text }).collect();
            let config = Config::load_text(&text(&path)?, &shown, &files).map_err(refused)?;
            let config = today::with_proxy(config)?;
            let name = beside.map_or(shown, |(path, _)| path);
            Ok(Found {
                catalog: config.catalog.clone(),
                name,
                config: Some(config),
                simulated: false,
            })
        }
        (None, Some((path, text))) => {
            let catalog = catalog::load_text(&text, &path).map_err(refused)?;
            Ok(Found { catalog, name: path, config: None, simulated: false })
        }
        (None, None) => {
            let catalog = Fleet::unserved().catalog(true);
            Ok(Found {
                catalog,
                name: "the simulated fleet".to_owned(),
                config: None,
                simulated: true,
            })
        }
    }
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
