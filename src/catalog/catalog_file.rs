//! A catalog file that has been read, and places in it.

use std::ops::Range;

use super::error::CatalogError;
use super::raw::RawCatalog;
use crate::units::toml_text::{Place, TomlText};

/// A catalog file that has been read into memory.
#[derive(Clone, Copy, Debug)]
pub struct CatalogText<'a> {
    /// The path that errors name.
    pub path: &'a str,
    /// The file's text.
    pub text: &'a str,
}

/// The catalog tables of one file.
pub(crate) struct CatalogFile<'a> {
    pub(crate) toml: TomlText<'a>,
    pub(crate) tables: RawCatalog,
}

impl<'a> CatalogFile<'a> {
    /// Reads a catalog file without resolving it.
    pub(crate) fn read(file: CatalogText<'a>) -> Result<Self, CatalogError> {
        let toml = TomlText::new(file.path, file.text);
        Ok(Self { toml, tables: toml.decode()? })
    }
}

impl CatalogFile<'_> {
    /// Whether it was synced from a price list: then other files override it.
    pub(super) fn is_snapshot(&self) -> bool {
        self.tables.snapshot.is_some()
    }
}

/// A span whose line is computed only when a message needs it, because a catalog may be long.
#[derive(Clone, Debug)]
pub(crate) struct SourceSpan<'a> {
    toml: TomlText<'a>,
    span: Range<usize>,
}

impl<'a> SourceSpan<'a> {
    pub(crate) fn new(toml: TomlText<'a>, span: Range<usize>) -> Self {
        Self { toml, span }
    }

    pub(crate) fn place(&self) -> Place {
        self.toml.place(&self.span)
    }
}
