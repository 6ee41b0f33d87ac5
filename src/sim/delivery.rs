//! The split of a response into writes.

use std::num::NonZeroUsize;
use std::time::Duration;

/// The split of a response into writes. The default is one write per event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// The number of events in one write, sent when the last of them is due.
    pub coalesce: Option<NonZeroUsize>,
    /// The most bytes of a write: it may end inside an event, a line, a character.
    pub split: Option<NonZeroUsize>,
    /// The wait between the writes of one event that is split.
    pub drip: Option<Duration>,
}

impl Delivery {
    /// The bytes of a write at most.
    pub(super) fn piece_bytes(self) -> Option<NonZeroUsize> {
        self.split.or(self.drip.map(|_| NonZeroUsize::MIN))
    }

    /// The events of a write.
    pub(super) fn events(self) -> usize {
        self.coalesce.map_or(1, NonZeroUsize::get)
    }
}
