//! What is agreed with a provider beside its wire: what the customer vouches that it does with
//! prompts.

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::error::CatalogError;
use super::raw::RawProvider;
use crate::units::toml_text::{TomlText, did_you_mean};

/// What `[[provider]]` says of a provider beyond how it is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreed {
    /// `data_collection = "deny"`: the customer's contract says that it keeps no prompts to train
    /// on.
    pub no_collection: bool,
    /// `zdr = true`: the contract says that it retains no prompts at all.
    pub zdr: bool,
}

impl Agreed {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Reads it; what is left out is as it is `listed`.
pub(super) fn resolve(
    raw: &RawProvider,
    listed: Option<Agreed>,
    toml: TomlText<'_>,
) -> Result<Agreed, CatalogError> {
    let listed = listed.unwrap_or_default();
    let no_collection = match &raw.data_collection {
        Some(said) => denies_collection(said, toml)?,
        None => listed.no_collection,
    };
    Ok(Agreed { no_collection, zdr: raw.zdr.unwrap_or(listed.zdr) })
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
