//! When to try again, and after how long.

use std::time::Duration;

use crate::client::AttemptRecord;
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

/// The server does not know the path or the method: it will not learn them.
const NOT_IMPLEMENTED: u16 = 501;

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
        record: &AttemptRecord,
    ) -> Option<Duration> {
        let class = record.error()?;
        if class == ErrorClass::StaleConnection {
            return Some(Duration::ZERO);
        }
        let is_repeated = class.is_retryable() && record.status != Some(NOT_IMPLEMENTED);
        if attempt + 1 >= self.attempts_at(class, record.status) || !is_repeated {
            return None;
        }
        let asked = record.retry_after.unwrap_or_default();
        if asked > self.patience {
            return None;
        }
        let ceiling = self.base.saturating_mul(1 << attempt.min(16)).min(self.longest);
        let mut draw = seed.draw("backoff", &[&key.hex(), &attempt.to_string()]);
        Some(asked + ceiling.mul_f64(draw.uniform()))
    }
}

impl RetryPolicy {
    /// Attempts in all for a failure of this kind. What was read as far as a provider gave it is paid
    /// for, and so may be what a gateway did not wait for: such a failure is repeated once.
    fn attempts_at(&self, class: ErrorClass, status: Option<u16>) -> u32 {
        let is_paid = matches!(class, ErrorClass::Empty | ErrorClass::Protocol);
        let is_gateway_timeout = matches!(status, Some(504 | 524));
        if is_paid || is_gateway_timeout { self.attempts.min(2) } else { self.attempts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Outcome;
    use crate::units::{ContentHash, Stamp};
    use crate::wire::Answer;

    fn wait_after(
        attempt: u32,
        class: ErrorClass,
        status: u16,
        asked: Option<u64>,
    ) -> Option<Duration> {
        let key = TrialKey::from_hash(&ContentHash::of(b"t"));
        let record = AttemptRecord {
            outcome: Outcome::Failed { class, detail: String::new(), partial: Answer::default() },
            status: Some(status),
            retry_after: asked.map(Duration::from_secs),
            ..AttemptRecord::begun(Stamp::from_nanos(0))
        };
        RetryPolicy::default().wait(Seed(3), &key, attempt, &record)
    }

    fn wait(attempt: u32, class: ErrorClass, asked: Option<u64>) -> Option<Duration> {
        wait_after(attempt, class, 500, asked)
    }

    #[test]
    fn what_may_be_paid_for_is_repeated_once_at_most() {
        assert!(wait_after(0, ErrorClass::Server, 524, None).is_some());
        assert_eq!(wait_after(1, ErrorClass::Server, 524, None), None);
        assert_eq!(wait_after(0, ErrorClass::Server, 501, None), None);
        assert!(wait(0, ErrorClass::Empty, None).is_some());
        assert_eq!(wait(1, ErrorClass::Empty, None), None);
        assert_eq!(wait(0, ErrorClass::FirstTokenTimeout, None), None);
        assert_eq!(wait(0, ErrorClass::StallTimeout, None), None);
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
