//! When to try again, and after how long.

use std::time::Duration;

use crate::units::{Seed, TrialKey};
use crate::wire::ErrorClass;

/// How often and how patiently a failed attempt is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// The ceiling of the first wait; it doubles with each further one.
    pub base: Duration,
    /// The longest wait that we choose ourselves.
    pub longest: Duration,
    /// A provider that asks for a longer wait than this is not waited for.
    pub patience: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 4,
            base: Duration::from_millis(500),
            longest: Duration::from_secs(20),
            patience: Duration::from_secs(120),
        }
    }
}

impl RetryPolicy {
    /// How long to wait before the attempt after number `attempt` (from 0); `None`: give up. After
    /// a stale connection there is no wait, and no limit: the next attempt has a new connection.
    ///
    /// "Full jitter" (Brooker, *Exponential Backoff and Jitter*, AWS Architecture Blog 2015):
    /// uniform between zero and the doubling ceiling, so that clients that failed together do not
    /// come back together. A provider's own `Retry-After` is the least that is waited.
    #[must_use]
    pub fn wait(
        &self,
        seed: Seed,
        key: &TrialKey,
        attempt: u32,
        class: ErrorClass,
        asked: Option<Duration>,
    ) -> Option<Duration> {
        if class == ErrorClass::StaleConnection {
            return Some(Duration::ZERO);
        }
        if attempt + 1 >= self.attempts || !class.is_retryable() {
            return None;
        }
        let asked = asked.unwrap_or_default();
        if asked > self.patience {
            return None;
        }
        let ceiling = self.base.saturating_mul(1 << attempt.min(16)).min(self.longest);
        let mut draw = seed.draw("backoff", &[&key.hex(), &attempt.to_string()]);
        Some(asked + ceiling.mul_f64(draw.uniform()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::ContentHash;

    fn wait(attempt: u32, class: ErrorClass, asked: Option<u64>) -> Option<Duration> {
        let key = TrialKey::from_hash(&ContentHash::of(b"t"));
        let asked = asked.map(Duration::from_secs);
        RetryPolicy::default().wait(Seed(3), &key, attempt, class, asked)
    }

    #[test]
    fn waits_grow_and_end() {
        assert!(wait(0, ErrorClass::Server, None).expect("a wait") <= Duration::from_millis(500));
        assert!(wait(2, ErrorClass::Server, None).expect("a wait") <= Duration::from_secs(2));
        assert_eq!(wait(3, ErrorClass::Server, None), None);
        assert_eq!(wait(0, ErrorClass::BadRequest, None), None);
        assert_eq!(wait(3, ErrorClass::StaleConnection, None), Some(Duration::ZERO));
    }

    #[test]
    fn what_the_provider_asks_is_the_least() {
        assert!(
            wait(0, ErrorClass::RateLimited, Some(7)).expect("a wait") >= Duration::from_secs(7)
        );
        assert_eq!(wait(0, ErrorClass::RateLimited, Some(600)), None);
    }
}
