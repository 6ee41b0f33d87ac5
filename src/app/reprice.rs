//! `report --prices`: the tokens of a finished run at other prices. No model is called, and the run
//! does not change.

use std::path::Path;

use crate::aggregate::{self, PriceComparison};
use crate::app::csv_rows::csv_of;
use crate::app::error::{AppError, Context, refused};
use crate::app::events::Events;
use crate::app::run_folder;
use crate::catalog;
use crate::report;
use crate::units::text_file::read_text;

/// The table in the run folder.
const FILE: &str = "repriced.csv";

/// Prices a run by another catalog, and writes the change beside the run's other tables.
///
/// # Errors
/// [`AppError::Refused`] when the catalog does not load or has none of the run's endpoints.
pub(crate) fn reprice(
    run: &Path,
    prices: &Path,
    events: &dyn Events,
) -> Result<Vec<PriceComparison>, AppError> {
    let shown = prices.display().to_string();
    let text = read_text(prices).context(&shown).map_err(refused)?;
    let catalog = catalog::load_text(&text, &shown).map_err(refused)?;
    let rows = aggregate::reprice(run, &catalog)?;
    if rows.iter().all(|row| !row.listed) {
        return Err(refused(format!("{shown} lists none of the run's endpoints")));
    }
    for stamp in &catalog.snapshots {
        events.notice(format!("prices of {}, read {}", stamp.source, stamp.fetched_at));
    }
    for note in &catalog.warnings {
        events.notice(note);
    }
    let _lock = run_folder::hold(run)?;
    let path = run.join(FILE);
    report::write_whole(&path, csv_of(&rows)?.as_bytes()).context(path.display())?;
    Ok(rows)
}
