//! Reading a price list: a public one by its name, a URL, a file, a folder.

use std::path::Path;

use crate::app::catalog_source::models_dev;
use crate::app::error::{AppError, Context, internal};
use crate::catalog::source::{self, Reading};
use crate::client::{fetch, runtime};
use crate::units::text_file::read_text;

/// OpenRouter's list of models.
const OPENROUTER: &str = "https://openrouter.ai/api/v1/models";
/// LiteLLM's price map.
const LITELLM: &str =
    "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json";

/// Reads the price list.
pub(crate) fn read_list(from: &str) -> Result<Reading, AppError> {
    let mirrored = models_dev();
    let url = match from {
        "openrouter" => OPENROUTER,
        "litellm" => LITELLM,
        "models-dev" => &mirrored,
        other => other,
    };
    if url.contains("://") {
        let io = runtime::with_threads(1, || {})?;
        let text = io.block_on(fetch::get(url, []))?.text;
        return Ok(source::read(&text, without_query(url))?);
    }
    let path = Path::new(from);
    if path.is_dir() {
        return Ok(source::read_folder(path)?);
    }
    if !path.exists() {
        return Err(internal(format!(
            "{from:?} is no file here and no known price list; there are openrouter, litellm, \
             models-dev, a file, or a URL that begins with https://"
        )));
    }
    let text = read_text(path).context(from)?;
    Ok(source::read(&text, from)?)
}

/// A URL before its first question mark.
pub(super) fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}
