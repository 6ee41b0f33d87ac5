//! Limits as they are written to limits that are at least one.

use toml::Spanned;

use super::endpoint::Limits;
use super::error::CatalogError;
use super::raw::RawLimits;
use crate::units::toml_text::TomlText;

pub(super) fn resolve_limits(
    raw: Option<&RawLimits>,
    toml: TomlText<'_>,
) -> Result<Limits, CatalogError> {
    let Some(raw) = raw else { return Ok(Limits::default()) };
    Ok(Limits {
        requests_per_min: at_least_one("requests_per_min", raw.requests_per_min.as_ref(), toml)?,
        tokens_per_min: at_least_one("tokens_per_min", raw.tokens_per_min.as_ref(), toml)?,
        concurrency: at_least_one("concurrency", raw.concurrency.as_ref(), toml)?,
    })
}

pub(super) fn at_least_one<N: Copy + Default + PartialEq>(
    key: &'static str,
    raw: Option<&Spanned<N>>,
    toml: TomlText<'_>,
) -> Result<Option<N>, CatalogError> {
    match raw {
        Some(raw) if *raw.get_ref() == N::default() => {
            Err(CatalogError::ZeroLimit { at: toml.place(&raw.span()), key })
        }
        raw => Ok(raw.map(|raw| *raw.get_ref())),
    }
}
