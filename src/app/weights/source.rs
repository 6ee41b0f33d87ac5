//! Where a weights file is, and its text.

use std::path::{Path, PathBuf};

use crate::aggregate::{self, RunMetrics};
use crate::app::error::{AppError, Context, refused};
use crate::app::finish::WEIGHTS;
use crate::units::plain_file;
use crate::weights::WeightsFile;

/// A weights file: itself, or the one of a run folder.
pub(super) fn path(given: &Path) -> Result<PathBuf, AppError> {
    if !given.is_dir() {
        return Ok(given.to_owned());
    }
    let path = given.join(WEIGHTS);
    if path.exists() {
        return Ok(path);
    }
    let shown = given.display();
    let why = if given.join("sweep.csv").exists() {
        "it is a sweep, and loads have no weights".to_owned()
    } else if matches!(aggregate::is_load(given), Ok(true)) {
        "it is a load, and loads have no weights".to_owned()
    } else {
        format!("make it: weighbridge tune {shown}")
    };
    Err(refused(format!("{shown} has no {WEIGHTS}; {why}")))
}

/// Its text.
pub(super) fn text(path: &Path) -> Result<String, AppError> {
    plain_file::read_to_string(path).context(path.display()).map_err(refused)
}

/// The file, checked as a reader must.
pub(super) fn file(given: &Path) -> Result<WeightsFile, AppError> {
    let path = path(given)?;
    WeightsFile::from_json(&text(&path)?, &path.display().to_string()).map_err(refused)
}

/// The metrics of a run.
pub(super) fn metrics(run: &Path) -> Result<RunMetrics, AppError> {
    let shown = run.display();
    if run.join("sweep.csv").exists() || aggregate::is_load(run).map_err(refused)? {
        return Err(refused(format!(
            "{shown} is a load: loads grade no answers; name the folder of a run"
        )));
    }
    aggregate::compute_metrics(run).map_err(refused)
}
