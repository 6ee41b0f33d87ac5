//! Catalog files to a catalog.
//!
//! Several files load together: an endpoint in `weighbridge.toml` may use a provider of a catalog
//! file, and a variant may apply to endpoints of either.

use super::catalog_file::{CatalogFile, CatalogText};
use super::error::CatalogError;
use super::listing::{Catalog, SnapshotStamp};
use super::resolve_endpoint::resolve_endpoints;
use super::resolve_provider::resolve_providers;
use super::{overlay, snapshot, variant};

/// Loads one catalog file. `path` is what errors name.
pub fn load_text(text: &str, path: &str) -> Result<Catalog, CatalogError> {
    load_texts(&[CatalogText { path, text }])
}

/// Loads several catalog files as one catalog.
pub fn load_texts(files: &[CatalogText<'_>]) -> Result<Catalog, CatalogError> {
    let files: Result<Vec<_>, _> = files.iter().map(|file| CatalogFile::read(*file)).collect();
    resolve(&files?)
}

/// Resolves the tables of several files as one catalog.
pub(crate) fn resolve(files: &[CatalogFile<'_>]) -> Result<Catalog, CatalogError> {
    let mut catalog = Catalog { snapshots: snapshots(files)?, ..Catalog::default() };
    let providers = resolve_providers(files, &mut catalog.warnings)?;
    let mut base = resolve_endpoints(files, &providers, &mut catalog)?;
    overlay::apply(files, &mut base, &mut catalog.warnings)?;
    catalog.endpoints = variant::apply(files, base)?;
    Ok(catalog)
}

fn snapshots(files: &[CatalogFile<'_>]) -> Result<Vec<SnapshotStamp>, CatalogError> {
    let mut stamps = Vec::new();
    for file in files {
        let Some(raw) = &file.tables.snapshot else { continue };
        if raw.unit.get_ref() != snapshot::UNIT {
            return Err(CatalogError::SnapshotUnit {
                at: file.toml.place(&raw.unit.span()),
                unit: raw.unit.get_ref().clone(),
            });
        }
        let (source, fetched_at) = (raw.source.clone(), raw.fetched_at.clone());
        stamps.push(SnapshotStamp { source, fetched_at });
    }
    Ok(stamps)
}
