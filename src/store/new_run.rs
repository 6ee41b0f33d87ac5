//! How a run database is begun.

use super::{StoredEndpoint, StoredTask};
use crate::units::Manifest;

/// Which thread writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreMode {
    /// A thread of its own; an intent is on the disk when it is acknowledged.
    Threaded,
    /// The caller's thread, in batches: for virtual time, where the run can be made again.
    Inline,
    /// The caller's thread, and an intent is committed when it is acknowledged: for simulations of
    /// crashes in virtual time, which lose what a process holds and not what a disk does.
    InlineIntents,
}

/// What a run is made of, when its database is created.
#[derive(Clone, Copy, Debug)]
pub struct NewRun<'a> {
    /// What the run is.
    pub manifest: &'a Manifest,
    /// Its tasks, by position.
    pub tasks: &'a [StoredTask],
    /// Its endpoints, by position.
    pub endpoints: &'a [StoredEndpoint],
    /// Whether prompts, references, answers and what quotes them are kept. Without them a run
    /// cannot be graded again: grade each answer before it is dropped, and store the score.
    pub keep_content: bool,
}
