//! The memory that answers in flight hold together. Each may be long; all of them at once may not.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes that all answers in flight hold at most before the largest of them are cut.
const LIMIT: usize = 128 << 20;

static HELD: AtomicUsize = AtomicUsize::new(0);
static IN_FLIGHT: AtomicUsize = AtomicUsize::new(0);

/// The memory of one answer in flight; given back when this is dropped.
#[derive(Debug)]
pub(super) struct AnswerMemory(usize);

impl AnswerMemory {
    pub fn new() -> Self {
        IN_FLIGHT.fetch_add(1, Ordering::Relaxed);
        Self(0)
    }

    /// The answer holds so many bytes now. `false`: all hold too much, and this one holds more than
    /// its even share, so it is to be cut.
    pub fn hold(&mut self, bytes: usize) -> bool {
        let all = if bytes >= self.0 {
            let more = bytes - self.0;
            HELD.fetch_add(more, Ordering::Relaxed) + more
        } else {
            let less = self.0 - bytes;
            HELD.fetch_sub(less, Ordering::Relaxed) - less
        };
        self.0 = bytes;
        all <= LIMIT || bytes <= LIMIT / IN_FLIGHT.load(Ordering::Relaxed).max(1)
    }

    /// What the cut answer's failure says.
    pub fn excess(&self) -> String {
        format!(
            "the answers in flight held more than {} MiB together, and this one {} bytes: lower -c, \
             or max_tokens",
            LIMIT >> 20,
            self.0
        )
    }
}

impl Drop for AnswerMemory {
    fn drop(&mut self) {
        HELD.fetch_sub(self.0, Ordering::Relaxed);
        IN_FLIGHT.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_answers_are_cut() {
        let (mut small, mut large) = (AnswerMemory::new(), AnswerMemory::new());
        assert!(small.hold(1 << 10) && large.hold(100 << 20), "both have room");
        let mut second = AnswerMemory::new();
        assert!(!second.hold(100 << 20), "together they have none");
        assert!(small.hold(2 << 10), "a small one is not cut for the large ones");
        drop(second);
        assert!(large.hold(101 << 20));
    }
}
