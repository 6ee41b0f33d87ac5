//! What a provider remembers between requests. No answer depends on it, but for clients that do not
//! say which repeat they send.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::units::ContentHash;

use super::limits::Meter;

/// Prompts without a key whose repeats are counted; later ones count as asked for the first time.
const MOST_COUNTED: usize = 1_000_000;

/// Prompts that were sent ahead and are kept in mind; later ones warm nothing.
const MOST_WARMED: usize = 1_000_000;

/// How many requests came of late, and how often a prompt was asked. Endpoints are numbered.
#[derive(Debug)]
pub(super) struct Memory {
    meters: Vec<Meter>,
    asked: Mutex<HashMap<(usize, ContentHash), u64>>,
    warmed: Mutex<HashSet<(usize, ContentHash, u64)>>,
    n_unnamed: AtomicU64,
}

impl Memory {
    pub fn of_endpoints(n: usize) -> Self {
        Self {
            meters: (0..n).map(|_| Meter::new()).collect(),
            asked: Mutex::default(),
            warmed: Mutex::default(),
            n_unnamed: AtomicU64::new(0),
        }
    }

    /// What an endpoint remembers of its key.
    pub fn meter(&self, endpoint: usize) -> &Meter {
        &self.meters[endpoint]
    }

    /// How often an endpoint was asked this before.
    pub fn times_asked(&self, endpoint: usize, prompt: ContentHash) -> u64 {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.len() >= MOST_COUNTED && !asked.contains_key(&(endpoint, prompt)) {
            return 0;
        }
        let count = asked.entry((endpoint, prompt)).or_insert(0);
        *count += 1;
        *count - 1
    }

    /// A prompt was sent to an endpoint ahead of the request of this repeat that counts.
    pub fn warm(&self, endpoint: usize, prompt: ContentHash, repeat: u64) {
        let mut warmed = self.warmed.lock().unwrap_or_else(PoisonError::into_inner);
        if warmed.len() < MOST_WARMED {
            warmed.insert((endpoint, prompt, repeat));
        }
    }

    /// Whether it was.
    pub fn is_warm(&self, endpoint: usize, prompt: ContentHash, repeat: u64) -> bool {
        let warmed = self.warmed.lock().unwrap_or_else(PoisonError::into_inner);
        warmed.contains(&(endpoint, prompt, repeat))
    }

    /// A name for a request that has none.
    pub fn name(&self) -> String {
        format!("unnamed-{}", self.n_unnamed.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_counted_for_each_endpoint() {
        let memory = Memory::of_endpoints(2);
        let prompt = ContentHash::of(b"p");
        let counts = [0, 0, 1, 0].map(|endpoint| memory.times_asked(endpoint, prompt));
        assert_eq!(counts, [0, 1, 0, 2]);
        assert_ne!(memory.name(), memory.name());
    }
}
