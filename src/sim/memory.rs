//! What a provider remembers between requests. No answer depends on it, but for clients that do not
//! say which repeat they send.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::units::{ContentHash, Stamp};

/// A request limit lets so much time's worth of requests through at once.
const BURST: Duration = Duration::from_secs(10);
/// Prompts without a key whose repeats are counted; later ones count as asked for the first time.
const MOST_COUNTED: usize = 1_000_000;

/// How many requests came of late, and how often a prompt was asked. Endpoints are numbered.
#[derive(Debug)]
pub(super) struct Memory {
    /// Per endpoint, when the next request is due at the rate of its limit.
    due: Vec<Mutex<Stamp>>,
    asked: Mutex<HashMap<(usize, ContentHash), u64>>,
    n_unnamed: AtomicU64,
}

impl Memory {
    pub fn of_endpoints(n: usize) -> Self {
        Self {
            due: (0..n).map(|_| Mutex::new(Stamp::from_nanos(0))).collect(),
            asked: Mutex::default(),
            n_unnamed: AtomicU64::new(0),
        }
    }

    /// Lets a request through its endpoint's limit, or says how many seconds to wait: the generic
    /// cell rate algorithm (ITU-T I.371), which is a token bucket without a clock of its own.
    pub fn admit(&self, endpoint: usize, per_min: u32, at: Stamp) -> Result<(), u64> {
        let mut due = self.due[endpoint].lock().unwrap_or_else(PoisonError::into_inner);
        let wait = due.since(at.after(BURST));
        if !wait.is_zero() {
            return Err(wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
        }
        *due = at.max(*due).after(Duration::from_secs(60) / per_min.max(1));
        Ok(())
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

    /// A name for a request that has none.
    pub fn name(&self) -> String {
        format!("unnamed-{}", self.n_unnamed.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_lets_a_burst_through_and_then_its_rate() {
        let memory = Memory::of_endpoints(2);
        let start = Stamp::from_nanos(5_000_000_000);
        let at = |s: u64| start.after(Duration::from_secs(s));
        let through = |s: u64| (0..500).take_while(|_| memory.admit(1, 60, at(s)).is_ok()).count();
        assert_eq!(through(0), 11, "ten seconds' worth and one");
        assert_eq!(memory.admit(1, 60, at(0)), Err(1));
        assert_eq!(through(3), 3);
        assert_eq!(memory.admit(1, 4, at(1_000)), Ok(()));
        assert_eq!(memory.admit(1, 4, at(1_000)), Err(5), "15 s apart, 10 s of burst");
        assert_eq!(memory.admit(0, 60, at(0)), Ok(()), "another endpoint");
    }

    #[test]
    fn prompts_are_counted_for_each_endpoint() {
        let memory = Memory::of_endpoints(2);
        let prompt = ContentHash::of(b"p");
        let counts = [0, 0, 1, 0].map(|endpoint| memory.times_asked(endpoint, prompt));
        assert_eq!(counts, [0, 1, 0, 2]);
        assert_ne!(memory.name(), memory.name());
    }
}
