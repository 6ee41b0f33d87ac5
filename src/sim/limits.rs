//! What a simulated endpoint's key is allowed, who else uses it, and how its headers say so.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use serde::Deserialize;

use crate::units::{Dialect, Stamp};

/// What a key is allowed at an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyLimits {
    /// Requests a minute: a bucket of so many that refills evenly.
    pub requests_per_min: Option<u32>,
    /// Requests under way at once; one more is refused without a word on when to come back.
    pub at_once: Option<u32>,
    /// Who else uses the key.
    pub others: Option<Others>,
    /// Whether the catalog says nothing of it, so that it has to be learnt.
    pub unlisted: bool,
}

/// Production on the same key, for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Others {
    /// How many of the requests a minute are always gone.
    pub requests: u32,
    /// For so many seconds from the start.
    pub for_s: u64,
}

const MINUTE: Duration = Duration::from_secs(60);

/// What an endpoint remembers of its key.
#[derive(Debug)]
pub(super) struct Meter(Mutex<State>);

#[derive(Debug)]
struct State {
    /// When the bucket would be full again with nobody else there.
    full: Stamp,
    /// When each request that is under way ends.
    ends: Vec<Stamp>,
}

/// What is left of a key's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    limit: u32,
    remaining: u32,
    full_in: Duration,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TooMany {
    /// The bucket is empty: so many seconds until there is one again.
    InAMinute(u64),
    /// Too many are under way.
    AtOnce,
}

impl Meter {
    pub fn new() -> Self {
        Self(Mutex::new(State { full: Stamp::from_nanos(0), ends: Vec::new() }))
    }

    /// Lets a request through that came so long after the start, or says why not: the generic cell
    /// rate algorithm (ITU-T I.371), which is a token bucket without a clock of its own.
    pub fn admit(&self, limits: &KeyLimits, at: Stamp, start: Stamp) -> Result<(), TooMany> {
        let mut state = self.state();
        state.ends.retain(|end| *end > at);
        if limits.at_once.is_some_and(|most| state.ends.len() >= most as usize) {
            return Err(TooMany::AtOnce);
        }
        let Some(per_min) = limits.requests_per_min else { return Ok(()) };
        let each = MINUTE / per_min;
        let gone = state.full.since(at) + each * others(limits, at, start);
        let over = (gone + each).saturating_sub(MINUTE);
        if !over.is_zero() {
            let wait = over.as_secs() + u64::from(over.subsec_nanos() > 0);
            return Err(TooMany::InAMinute(wait));
        }
        state.full = state.full.max(at).after(each);
        Ok(())
    }

    /// A request that was let through will be under way until then.
    pub fn under_way(&self, limits: &KeyLimits, until: Stamp) {
        if limits.at_once.is_some() {
            self.state().ends.push(until);
        }
    }

    /// What is left at this moment; `None`: there is no limit by the minute.
    pub fn left(&self, limits: &KeyLimits, at: Stamp, start: Stamp) -> Option<Left> {
        let limit = limits.requests_per_min?;
        let each = MINUTE / limit;
        let own = self.state().full.since(at);
        let gone = (own + each * others(limits, at, start)).min(MINUTE);
        let n = gone.as_nanos().div_ceil(each.as_nanos());
        let remaining = limit.saturating_sub(u32::try_from(n).unwrap_or(u32::MAX));
        Some(Left { limit, remaining, full_in: gone })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many of the minute's requests others have taken.
fn others(limits: &KeyLimits, at: Stamp, start: Stamp) -> u32 {
    let there = limits.others.filter(|o| at.since(start) < Duration::from_secs(o.for_s));
    there.map_or(0, |others| others.requests)
}

impl Left {
    /// Says it as a provider of this dialect does; Gemini says nothing.
    pub fn write(&self, dialect: Dialect, now: Timestamp, headers: &mut HeaderMap) {
        let names = match dialect {
            Dialect::OpenaiChat | Dialect::OpenaiResponses => [
                "x-ratelimit-limit-requests",
                "x-ratelimit-remaining-requests",
                "x-ratelimit-reset-requests",
            ],
            Dialect::Anthropic => [
                "anthropic-ratelimit-requests-limit",
                "anthropic-ratelimit-requests-remaining",
                "anthropic-ratelimit-requests-reset",
            ],
            Dialect::Gemini => return,
        };
        let reset = if dialect == Dialect::Anthropic {
            // Theirs are whole seconds too.
            let seconds = i64::try_from(self.full_in.as_millis().div_ceil(1_000)).unwrap_or(60);
            let full = now.as_second().saturating_add(seconds);
            Timestamp::from_second(full).unwrap_or(now).to_string()
        } else {
            go_duration(self.full_in)
        };
        let values = [self.limit.to_string(), self.remaining.to_string(), reset];
        for (name, value) in names.into_iter().zip(values) {
            let value = HeaderValue::try_from(value).expect("digits and letters");
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

/// A duration as Go writes it, in whole milliseconds: `12ms`, `8.64s`, `1m0s`.
fn go_duration(time: Duration) -> String {
    let ms = u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
    let fraction = |ms: u64| match ms % 1_000 {
        0 => String::new(),
        rest => format!(".{rest:03}").trim_end_matches('0').to_owned(),
    };
    match ms {
        0..1_000 => format!("{ms}ms"),
        1_000..60_000 => format!("{}{}s", ms / 1_000, fraction(ms)),
        _ => format!("{}m{}{}s", ms / 60_000, ms / 1_000 % 60, fraction(ms)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Stamp = Stamp::from_nanos(5_000_000_000);

    fn at(s: u64) -> Stamp {
        START.after(Duration::from_secs(s))
    }

    fn limits(per_min: u32) -> KeyLimits {
        KeyLimits { requests_per_min: Some(per_min), ..KeyLimits::default() }
    }

    fn through(meter: &Meter, limits: &KeyLimits, s: u64) -> usize {
        (0..500).take_while(|_| meter.admit(limits, at(s), START).is_ok()).count()
    }

    #[test]
    fn a_minutes_worth_goes_at_once_and_then_the_rate() {
        let (meter, limits) = (Meter::new(), limits(60));
        assert_eq!(through(&meter, &limits, 0), 60);
        assert_eq!(meter.admit(&limits, at(0), START), Err(TooMany::InAMinute(1)));
        assert_eq!(through(&meter, &limits, 3), 3);
        assert_eq!(through(&meter, &limits, 1_000), 60);
    }

    #[test]
    fn others_take_their_part_for_their_time() {
        let others = Some(Others { requests: 40, for_s: 30 });
        let (meter, limits) = (Meter::new(), KeyLimits { others, ..limits(60) });
        let left = meter.left(&limits, at(0), START).expect("a limit");
        assert_eq!((left.remaining, left.full_in), (20, Duration::from_secs(40)));
        assert_eq!(through(&meter, &limits, 0), 20);
        assert_eq!(meter.left(&limits, at(0), START).expect("a limit").remaining, 0);
        let left = meter.left(&limits, at(30), START).expect("a limit");
        assert_eq!((left.remaining, left.full_in), (60, Duration::ZERO));
    }

    #[test]
    fn one_more_at_once_is_refused() {
        let (meter, limits) =
            (Meter::new(), KeyLimits { at_once: Some(2), ..KeyLimits::default() });
        for until in [4, 9] {
            assert_eq!(meter.admit(&limits, at(0), START), Ok(()));
            meter.under_way(&limits, at(until));
        }
        assert_eq!(meter.admit(&limits, at(3), START), Err(TooMany::AtOnce));
        assert_eq!(meter.admit(&limits, at(4), START), Ok(()));
        assert_eq!(meter.left(&limits, at(4), START), None);
    }

    #[test]
    fn each_dialect_says_it_in_its_own_way() {
        let now = Timestamp::from_second(1_755_780_000).expect("in range");
        let check = |dialect, expected: &[(&str, &str)]| {
            let (mut headers, full_in) = (HeaderMap::new(), Duration::from_millis(8_640));
            Left { limit: 60, remaining: 51, full_in }.write(dialect, now, &mut headers);
            assert_eq!(headers.len(), expected.len(), "{dialect:?}");
            for (name, value) in expected {
                assert_eq!(headers[*name], *value, "{name}");
            }
        };
        check(
            Dialect::OpenaiChat,
            &[
                ("x-ratelimit-limit-requests", "60"),
                ("x-ratelimit-remaining-requests", "51"),
                ("x-ratelimit-reset-requests", "8.64s"),
            ],
        );
        check(
            Dialect::Anthropic,
            &[
                ("anthropic-ratelimit-requests-limit", "60"),
                ("anthropic-ratelimit-requests-remaining", "51"),
                ("anthropic-ratelimit-requests-reset", "2025-08-21T12:40:09Z"),
            ],
        );
        check(Dialect::Gemini, &[]);
        let times = [(12, "12ms"), (1_000, "1s"), (60_000, "1m0s"), (179_560, "2m59.56s")];
        for (ms, expected) in times {
            assert_eq!(go_duration(Duration::from_millis(ms)), expected);
        }
    }
}
