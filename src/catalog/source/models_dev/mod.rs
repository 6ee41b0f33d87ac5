//! models.dev: a folder of TOML, `providers/<name>/models/…toml` with inheritance from
//! `models/<author>/…toml`, or the same as one JSON. Prices are floats in dollars per million
//! tokens; their literals are parsed.

mod api;
mod folder;
mod model;
mod toml_file;

pub(super) use api::read_api;
pub use folder::read_folder;
