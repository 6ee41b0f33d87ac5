//! `catalog diff`: what changed from one catalog to another.

use crate::app::catalog::find::load;
use crate::app::csv_rows::csv_of;
use crate::catalog::diff::{Difference, Kind, between};
use crate::cli::args::{CatalogDiffArgs, Format};
use crate::cli::failure::Outcome;
use crate::cli::table::{show, table};
use crate::cli::{Exit, console};

/// `weighbridge catalog diff`.
pub(super) fn diff(args: &CatalogDiffArgs) -> Outcome {
    let (before, after) = (load(&args.before)?, load(&args.after)?);
    let differences = between(&before, &after);
    let text = match args.format {
        Format::Json => format!("{}\n", serde_json::to_string_pretty(&differences)?),
        Format::Csv => csv_of(&differences)?,
        Format::Table if differences.is_empty() => "nothing changed\n".to_owned(),
        Format::Table => {
            let row =
                |d: &Difference| vec![d.kind.word().to_owned(), d.percent.clone(), d.to_string()];
            table(
                &["", "%", "price per million tokens"],
                &differences.iter().map(row).collect::<Vec<_>>(),
            )
        }
    };
    let count = |kind: Kind| differences.iter().filter(|d| d.kind == kind).count();
    console::say(&format!(
        "{} dearer, {} cheaper, {} vanished, {} appeared, {} changed otherwise; prices in dollars \
         per million tokens",
        count(Kind::Dearer),
        count(Kind::Cheaper),
        count(Kind::Vanished),
        count(Kind::Appeared),
        count(Kind::Changed)
    ));
    show(args.format, &text)?;
    Ok(Exit::Ok)
}
