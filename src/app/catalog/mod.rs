//! Catalogs: finding, syncing, picking from, pinging.

pub mod find;
pub mod pick;
pub mod ping;
pub mod sync;
