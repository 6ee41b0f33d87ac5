//! How what is written is cut into writes.

use std::num::NonZeroUsize;
use std::time::Duration;

/// How a response is cut into writes. The default is one write for each event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// So many events wait for the last of them and go out in one write.
    pub coalesce: Option<NonZeroUsize>,
    /// No write is longer than so many bytes: inside an event, a line, a character.
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
