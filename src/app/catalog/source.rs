//! Reading a price list: a public one by its name, a URL, a file, a folder.

use std::path::Path;

use crate::app::catalog_source::models_dev;
use crate::app::error::{AppError, Context, internal};
use crate::catalog::source::{self, Reading};
use crate::client::{fetch, runtime};
use crate::dispatch::Redactor;
use crate::units::text_file::read_text;

/// OpenRouter's list of models.
const OPENROUTER: &str = "https://openrouter.ai/api/v1/models";
/// LiteLLM's price map.
const LITELLM: &str =
    "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json";

/// A shorter value in a query is no key.
const LEAST_KEY: usize = 16;

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
        // A list may say back the key that its address holds.
        let keys: Vec<Redactor> =
            values_of_query(url).map(|key| Redactor::new(&key.into())).collect();
        let clean = |said: String| keys.iter().fold(said, |said, key| key.clean(&said));
        let list = io.block_on(fetch::get(url, [])).map_err(|e| internal(clean(e.to_string())))?;
        return Ok(source::read(&clean(list.text), without_query(url))?);
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

/// The values of a URL's query that may be keys.
fn values_of_query(url: &str) -> impl Iterator<Item = &str> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let values = query.split(['&', '#']).filter_map(|pair| Some(pair.split_once('=')?.1));
    values.filter(|value| value.len() >= LEAST_KEY)
}

/// A URL before its first question mark.
pub(super) fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}
