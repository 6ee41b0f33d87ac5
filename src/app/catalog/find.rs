//! Finding the catalog that flags and configuration name.

use std::path::Path;

use crate::app::catalog_source;
use crate::app::error::{AppError, Context, refused};
use crate::app::fleet::Fleet;
use crate::catalog::{self, Catalog};
use crate::plan::Config;
use crate::units::text_file::read_text;

/// A catalog, and the configuration that it came with.
pub(crate) struct Found {
    pub catalog: Catalog,
    /// Where it came from, as errors name it.
    pub name: String,
    pub config: Option<Config>,
    pub simulated: bool,
}

/// The catalog of a file and of the configuration here; without either, the simulated fleet's.
pub(crate) fn find(catalog: Option<&Path>, config: Option<&Path>) -> Result<Found, AppError> {
    find_for(None, catalog, config)
}

/// The same, where globs say which models are meant: with no file, those of the price lists of the
/// providers whose keys are in the environment.
pub(crate) fn find_for(
    globs: Option<&[String]>,
    catalog: Option<&Path>,
    config: Option<&Path>,
) -> Result<Found, AppError> {
    let sources = catalog_source::sources(catalog, config, globs)?;
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

/// The text of a file.
pub(crate) fn text(path: &Path) -> Result<String, AppError> {
    read_text(path).context(path.display().to_string()).map_err(refused)
}

/// A catalog file, and nothing beside it.
pub(crate) fn load(path: &Path) -> Result<Catalog, AppError> {
    catalog::load_text(&text(path)?, &path.display().to_string()).map_err(refused)
}
