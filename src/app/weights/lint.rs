//! `weights lint`: everything in a file that a gateway should not serve by.

use std::path::Path;

use jiff::Timestamp;

use super::source;
use crate::app::error::{AppError, refused};
use crate::store::{FILE_NAME, Reader};
use crate::units::Clock;
use crate::weights::{self, Finding, RunStamp};

/// The findings of a weights file, or of a run folder's. `on`: the run that it should rest on;
/// without it, the run beside the file, where there is one.
///
/// # Errors
/// [`AppError::Refused`] for a file that cannot be read, and a folder of `on` that holds no run.
pub(crate) fn lint(given: &Path, on: Option<&Path>) -> Result<Vec<Finding>, AppError> {
    let path = source::path(given)?;
    let text = source::text(&path)?;
    let beside = path.parent().filter(|folder| folder.join(FILE_NAME).exists());
    let run = on.or(beside).map(stamp).transpose()?;
    Ok(weights::lint(&text, now(&text), run.as_ref()))
}

fn stamp(folder: &Path) -> Result<RunStamp, AppError> {
    let reader = Reader::open(folder).map_err(refused)?;
    let manifest = reader.manifest()?;
    if manifest.load.is_some() {
        let shown = folder.display();
        return Err(refused(format!("{shown} is a load, and no weights rest on loads")));
    }
    let endpoints = reader.endpoints()?;
    Ok(RunStamp {
        folder: folder.display().to_string(),
        run: manifest.run,
        suites: manifest.suites,
        prices: manifest.prices_hash,
        endpoints: endpoints.into_iter().map(|e| e.endpoint.id.as_str().to_owned()).collect(),
    })
}

/// The time that `valid_until` is held against: for a run in virtual time its beginning, for its
/// dates are of no real day.
fn now(text: &str) -> Timestamp {
    let began = Clock::virtual_time().wall_anchor();
    let file: Option<serde_json::Value> = serde_json::from_str(text).ok();
    let made_at = file.as_ref().and_then(|file| file.get("made_at")?.as_str()?.parse().ok());
    let simulated = file.as_ref().and_then(|file| file.get("simulated")?.as_bool());
    if simulated == Some(true) && made_at == Some(began) {
        return began;
    }
    Clock::real().wall_anchor()
}
