//! What a provider does with prompts, by the customer's contract with it.

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::error::CatalogError;
use super::raw::RawProvider;
use crate::units::toml_text::{TomlText, did_you_mean};

/// The contract's rules on prompts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataPolicy {
    /// `data_collection = "deny"`: no prompts are kept for training.
    pub no_collection: bool,
    /// `zdr = true`: no prompts are retained at all.
    pub zdr: bool,
}

impl DataPolicy {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Reads the rules of a `[[provider]]` table; a missing key takes the `listed` value.
pub(super) fn resolve(
    raw: &RawProvider,
    listed: Option<DataPolicy>,
    toml: TomlText<'_>,
) -> Result<DataPolicy, CatalogError> {
    let listed = listed.unwrap_or_default();
    let no_collection = match &raw.data_collection {
        Some(said) => denies_collection(said, toml)?,
        None => listed.no_collection,
    };
    Ok(DataPolicy { no_collection, zdr: raw.zdr.unwrap_or(listed.zdr) })
}

/// Whether `data_collection` is denied rather than allowed.
pub(crate) fn denies_collection(
    said: &Spanned<String>,
    toml: TomlText<'_>,
) -> Result<bool, CatalogError> {
    Ok(word("data_collection", said, &["deny", "allow"], toml)? == "deny")
}

/// One of a few words.
fn word<'a>(
    key: &'static str,
    said: &'a Spanned<String>,
    known: &[&str],
    toml: TomlText<'_>,
) -> Result<&'a str, CatalogError> {
    let text = said.get_ref().as_str();
    if known.contains(&text) {
        return Ok(text);
    }
    Err(CatalogError::UnknownWord {
        at: toml.place(&said.span()),
        key,
        text: text.to_owned(),
        remedy: did_you_mean(text, known),
    })
}
