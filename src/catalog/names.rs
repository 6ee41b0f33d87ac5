//! Names in catalogs: which may be part of an endpoint's id, and which name a variable.

use toml::Spanned;

use super::error::CatalogError;
use crate::units::escape::is_unsafe_char;
use crate::units::toml_text::TomlText;

/// `my-ai` → `MY_AI_API_KEY`.
pub(crate) fn key_variable(provider: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let name: String = provider.chars().map(letter).collect();
    format!("{name}_API_KEY")
}

pub(crate) fn is_variable_name(text: &str) -> bool {
    // A long text without an underscore is more likely the key itself.
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && (text.len() < 24 || text.contains('_'))
}

/// The longest name, in bytes: twice the longest in routers' catalogs, and short enough for tables
/// and charts.
const MAX_NAME_BYTES: usize = 256;

/// Whether a name can be part of an endpoint's id, and is displayed as it is.
pub(crate) fn is_name(name: &str) -> bool {
    let forbidden = |c: char| "@#*?".contains(c) || c.is_whitespace() || is_unsafe_char(c);
    !name.is_empty() && name.len() <= MAX_NAME_BYTES && !name.contains(forbidden)
}

/// A name from a file, if it passes [`is_name`].
pub(crate) fn checked_name(
    key: &'static str,
    raw: &Spanned<String>,
    toml: TomlText<'_>,
) -> Result<String, CatalogError> {
    let name = raw.get_ref();
    let at = || toml.place(&raw.span());
    if name.len() > MAX_NAME_BYTES {
        return Err(CatalogError::LongName {
            at: at(),
            key,
            bytes: name.len(),
            limit: MAX_NAME_BYTES,
        });
    }
    if !is_name(name) {
        return Err(CatalogError::BadName { at: at(), key, name: name.clone() });
    }
    Ok(name.clone())
}
