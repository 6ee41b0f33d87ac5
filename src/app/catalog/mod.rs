//! Catalogs: found, synced, picked from, pinged.

pub(crate) mod find;
pub(crate) mod pick;
pub(crate) mod ping;
pub(crate) mod source;
pub(crate) mod sync;
