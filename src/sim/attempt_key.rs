//! The idempotency key that names an attempt.

/// Which attempt of which trial a request is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct AttemptKey {
    pub text: String,
    pub repeat: u64,
    pub attempt: u64,
    /// Whether it only warms the cache for its repeat; such requests are numbered apart.
    pub primes: bool,
}

impl AttemptKey {
    /// Reads `<32 hexadecimal digits>-<repeat>-<attempt>[-<run>]`. The run does not change how the
    /// fleet behaves. `p` before the attempt: it warms a cache.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (trial, repeat, attempt) = (parts.next()?, parts.next()?, parts.next()?);
        let is_hex = trial.len() == 32 && trial.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_hex || parts.nth(1).is_some() {
            return None;
        }
        let (primes, attempt) = match attempt.strip_prefix('p') {
            Some(number) => (true, number),
            None => (false, attempt),
        };
        let (repeat, attempt) = (repeat.parse().ok()?, attempt.parse().ok()?);
        Some(Self { text: text.to_owned(), repeat, attempt, primes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempt_keys() {
        let check = |text: &str, expected: Option<(u64, u64)>| {
            assert_eq!(AttemptKey::parse(text).map(|k| (k.repeat, k.attempt)), expected, "{text}");
        };
        let primes = |text: &str| AttemptKey::parse(text).map(|key| key.primes);
        assert_eq!(primes("00112233445566778899aabbccddeeff-3-1-0a2f"), Some(false));
        assert_eq!(primes("00112233445566778899aabbccddeeff-3-p1-0a2f"), Some(true));
        check("00112233445566778899aabbccddeeff-3-p1", Some((3, 1)));
        check("00112233445566778899aabbccddeeff-3-p", None);
        check("00112233445566778899aabbccddeeff-3-1", Some((3, 1)));
        check("00112233445566778899aabbccddeeff-3", None);
        check("00112233445566778899aabbccddeeff-3-1-0a2f", Some((3, 1)));
        check("00112233445566778899aabbccddeeff-3-1-2-4", None);
        check("0011-3-1", None);
        check("8c0f4a9e-1111-4222-8333-444455556666", None);
    }
}
