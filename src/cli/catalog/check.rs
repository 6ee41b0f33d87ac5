//! `catalog check`: what is odd about catalogs.

use std::collections::BTreeMap;

use crate::app::catalog::find::{find, load};
use crate::app::csv_rows::csv_of;
use crate::catalog::Catalog;
use crate::catalog::check::{Concern, check as findings};
use crate::cli::args::{CatalogCheckArgs, Format};
use crate::cli::failure::Outcome;
use crate::cli::table::{show, table};
use crate::cli::{Exit, console};
use crate::units::Clock;

/// `weighbridge catalog check`.
pub(super) fn check(args: &CatalogCheckArgs) -> Outcome {
    let catalogs: Vec<(String, Catalog)> = if args.files.is_empty() {
        let found = find(None, None)?;
        for warning in &found.catalog.warnings {
            console::say(warning);
        }
        vec![(found.name, found.catalog)]
    } else {
        let read = |path: &std::path::PathBuf| Ok((path.display().to_string(), load(path)?));
        args.files.iter().map(read).collect::<Result<_, crate::app::AppError>>()?
    };
    let today = Clock::real().wall_anchor().to_zoned(jiff::tz::TimeZone::UTC).date();
    let found = findings(&catalogs, today);
    let text = match args.format {
        Format::Json => format!("{}\n", serde_json::to_string_pretty(&found)?),
        Format::Csv => csv_of(&found)?,
        Format::Table if found.is_empty() => "nothing to say\n".to_owned(),
        Format::Table => {
            let several = catalogs.len() > 1;
            let row = |f: &crate::catalog::check::Finding| {
                let file = if several { format!(" [{}]", f.file) } else { String::new() };
                vec![f.concern.word().to_owned(), format!("{}: {}{file}", f.endpoint, f.what)]
            };
            table(&["", "what"], &found.iter().map(row).collect::<Vec<_>>())
        }
    };
    let mut counts: BTreeMap<Concern, usize> = BTreeMap::new();
    for finding in &found {
        *counts.entry(finding.concern).or_default() += 1;
    }
    let endpoints: usize = catalogs.iter().map(|(_, catalog)| catalog.endpoints.len()).sum();
    let counts: Vec<String> =
        counts.iter().map(|(concern, n)| format!("{n} {}", concern.word())).collect();
    let counts = if counts.is_empty() { "nothing found".to_owned() } else { counts.join(", ") };
    console::say(&format!("{endpoints} endpoints: {counts}"));
    show(args.format, &text)?;
    Ok(Exit::Ok)
}
