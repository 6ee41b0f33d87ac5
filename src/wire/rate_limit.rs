//! The rate limits of a key in response headers, in one normal form.
//!
//! Every family of headers combines the same few words in another order, so the words are read
//! instead of whole names: `x-ratelimit-remaining-tokens` (OpenAI, Azure, Groq, LiteLLM),
//! `anthropic-ratelimit-input-tokens-reset`, `x-ratelimit-limit-req-minute` (Mistral),
//! `x-ratelimit-reset-requests-day` (Cerebras), `x-ratelimit-limit` (OpenRouter),
//! `ratelimit-remaining`. A header with an unknown word (`…-tokens_usage_based`,
//! `anthropic-ratelimit-unified-reset`) counts something else and is ignored.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// The unit that a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LimitKind {
    /// Requests, whatever their size.
    Requests,
    /// Tokens of prompt and answer together.
    Tokens,
    /// Tokens of prompts.
    InputTokens,
    /// Tokens of answers.
    OutputTokens,
}

impl LimitKind {
    /// Every kind.
    pub const ALL: [Self; 4] =
        [Self::Requests, Self::Tokens, Self::InputTokens, Self::OutputTokens];

    /// The word for reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::InputTokens => "input tokens",
            Self::OutputTokens => "output tokens",
        }
    }
}

/// The period of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Per {
    /// One second.
    Second,
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// 24 hours.
    Day,
    /// 30 days.
    Month,
}

impl Per {
    /// The periods that a reset can tell apart.
    const TOLD: [Self; 4] = [Self::Second, Self::Minute, Self::Hour, Self::Day];
    /// Resets are rounded, some of them to a second.
    const TOLERANCE: f64 = 0.2;

    /// The shortest period of a limit with a reset this far away, at least a minute, the most common
    /// period.
    #[must_use]
    pub fn least(reset: Duration) -> Self {
        let longer = |per: &Self| per.length() >= reset.saturating_sub(Self::Second.length());
        [Self::Minute, Self::Hour, Self::Day].into_iter().find(longer).unwrap_or(Self::Month)
    }

    /// Whether a limit of this period may state a reset this far away.
    #[must_use]
    pub fn allows(self, reset: Duration) -> bool {
        reset <= self.length().mul_f64(1.0 + Self::TOLERANCE)
    }

    /// The word for reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// Its length; a month has 30 days.
    #[must_use]
    pub const fn length(self) -> Duration {
        Duration::from_secs(match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
            Self::Month => 30 * 86_400,
        })
    }
}

/// A moment as a header states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// A time after the arrival of the header.
    In(Duration),
    /// By the wall clock.
    At(Timestamp),
}

impl When {
    /// The time until then; zero if it has passed. `None`: it is further away than any limit is, so
    /// it is an error.
    #[must_use]
    pub fn wait(self, now: Timestamp) -> Option<Duration> {
        let wait = match self {
            Self::In(wait) => wait,
            Self::At(moment) => Duration::try_from(moment.duration_since(now)).unwrap_or_default(),
        };
        (wait <= LONGEST).then_some(wait)
    }
}

/// One limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The unit of `limit` and `remaining`.
    pub counted: LimitKind,
    /// Its period, where a header states it.
    pub per: Option<Per>,
    /// The limit; never 0.
    pub limit: Option<u64>,
    /// How much is left; `None`: not stated.
    pub remaining: Option<u64>,
    /// When the limit is fully replenished.
    pub reset: Option<When>,
    /// Whether no header states the unit: such limits may also have a period of a second.
    pub is_bare: bool,
}

impl Window {
    /// The time until it is fully replenished; `None`: not stated, or an error.
    #[must_use]
    pub fn wait(&self, now: Timestamp) -> Option<Duration> {
        self.reset?.wait(now)
    }

    /// The period that the numbers of one response suggest.
    ///
    /// Many limits refill evenly and state when they will be full. The used amount ÷ the time until
    /// it is refilled is then the rate, and the limit ÷ the rate its period: OpenAI's `9999` of
    /// `10000` with a reset in `8.64s` is a limit per day. A limit that is renewed all at once
    /// mostly gives no known period, but may match one by chance: `59` of `60` with a minute to go
    /// looks like a limit per hour. One hint alone is therefore not enough: see [`Hint::agrees`].
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "limits are far below 2^53")]
    pub fn hint(&self, now: Timestamp) -> Hint {
        /// Above this a reset rounded to a second is within the tolerance.
        const EXACT: Duration = Duration::from_secs(10);
        let missing = self.limit.zip(self.remaining).and_then(|(all, left)| all.checked_sub(left));
        let (Some(limit), Some(missing @ 1..), Some(wait)) = (self.limit, missing, self.wait(now))
        else {
            return Hint::Nothing;
        };
        let length = wait.as_secs_f64() * limit as f64 / missing as f64;
        let fits = |per: &Per| {
            let ratio = length / per.length().as_secs_f64();
            (1.0 - Per::TOLERANCE..=1.0 + Per::TOLERANCE).contains(&ratio)
        };
        match Per::TOLD.into_iter().find(fits) {
            Some(per) => Hint::Evenly { per, missing },
            None if wait >= EXACT => Hint::AtOnce,
            None => Hint::Nothing,
        }
    }
}

/// The period that one response suggests for a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// The numbers are too few or too coarse.
    Nothing,
    /// If the limit refills evenly, this is its period.
    Evenly {
        /// The period.
        per: Per,
        /// The used amount; never 0.
        missing: u64,
    },
    /// The limit does not refill evenly over any known period.
    AtOnce,
}

impl Hint {
    /// Whether both suggest the same period from amounts that differ by half or more: a limit that is
    /// renewed all at once cannot, because its reset does not depend on the used amount.
    #[must_use]
    pub const fn agrees(self, other: Self) -> bool {
        match (self, other) {
            (Self::Evenly { per: a, missing: m }, Self::Evenly { per: b, missing: n }) => {
                a.length().as_secs() == b.length().as_secs() && (m / 2 >= n || n / 2 >= m)
            }
            _ => false,
        }
    }
}

/// The rate-limit headers of one response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// Each limit once.
    pub windows: Vec<Window>,
    /// When the response was made, by the server's clock: its resets are by that clock, and ours may
    /// differ. `None`: not stated.
    pub date: Option<Timestamp>,
}

impl RateLimits {
    /// Reads the headers of a response, names in lower case; `None`: none is about a rate limit.
    pub fn from_headers<'a>(
        headers: impl Iterator<Item = (&'a str, &'a [u8])>,
    ) -> Option<Box<Self>> {
        let mut found: Option<Box<Self>> = None;
        let mut date = None;
        for (name, value) in headers {
            if name == "date" {
                date = Some(value);
            }
            let Some(words) = words(name) else { continue };
            let Some(text) = std::str::from_utf8(value).ok().filter(|t| t.len() <= MOST_BYTES)
            else {
                continue;
            };
            if let Some(named) = HeaderName::parse(words) {
                found.get_or_insert_default().take(&named, text.trim());
            }
        }
        let mut found = found.filter(|found| !found.windows.is_empty())?;
        found.date = date.and_then(|value| http_date(std::str::from_utf8(value).ok()?));
        Some(found)
    }

    fn take(&mut self, named: &HeaderName, text: &str) {
        let HeaderName { part, counted, per, is_bare } = *named;
        let read = match part {
            Part::Limit => count(text).filter(|n| *n > 0).map(Value::Count),
            Part::Remaining => count(text).map(Value::Count),
            Part::Reset => reset(text).map(Value::When),
        };
        let Some(read) = read else { return };
        let known = self.windows.iter().position(|w| w.counted == counted && w.per == per);
        let at = known.unwrap_or_else(|| {
            let (limit, remaining, reset) = (None, None, None);
            let blank = Window { counted, per, limit, remaining, reset, is_bare };
            self.windows.push(blank);
            self.windows.len() - 1
        });
        let window = &mut self.windows[at];
        match (part, read) {
            (Part::Limit, Value::Count(n)) => window.limit = Some(n),
            (Part::Remaining, Value::Count(n)) => window.remaining = Some(n),
            (_, Value::When(when)) => window.reset = Some(when),
            (Part::Reset, Value::Count(_)) => {}
        }
    }
}

/// The longest value of such a header.
const MOST_BYTES: usize = 64;

/// The words of a header's name after its family's prefix; `None`: another family. Called for every
/// header of every response.
fn words(name: &str) -> Option<&str> {
    match name.as_bytes().first()? {
        // LiteLLM passes its provider's headers on under a prefix.
        b'l' => words(name.strip_prefix("llm_provider-").filter(|name| !name.starts_with('l'))?),
        b'x' => name.strip_prefix("x-ratelimit-"),
        b'r' => name.strip_prefix("ratelimit-"),
        b'a' => name.strip_prefix("anthropic-ratelimit-"),
        _ => None,
    }
}

#[derive(Clone, Copy)]
enum Part {
    Limit,
    Remaining,
    Reset,
}

enum Value {
    Count(u64),
    When(When),
}

/// The meaning of a header's name.
struct HeaderName {
    part: Part,
    counted: LimitKind,
    per: Option<Per>,
    is_bare: bool,
}

impl HeaderName {
    fn parse(words: &str) -> Option<Self> {
        let (mut part, mut counted, mut side, mut per) = (None, None, None, None);
        for word in words.split('-') {
            let known = match word {
                "limit" => part.replace(Part::Limit).is_none(),
                "remaining" => part.replace(Part::Remaining).is_none(),
                "reset" => part.replace(Part::Reset).is_none(),
                "requests" | "request" | "req" => counted.replace(LimitKind::Requests).is_none(),
                "tokens" | "token" => counted.replace(LimitKind::Tokens).is_none(),
                "input" | "prompt" => side.replace(LimitKind::InputTokens).is_none(),
                "output" | "completion" | "generated" => {
                    side.replace(LimitKind::OutputTokens).is_none()
                }
                "second" => per.replace(Per::Second).is_none(),
                "minute" => per.replace(Per::Minute).is_none(),
                "hour" => per.replace(Per::Hour).is_none(),
                "day" => per.replace(Per::Day).is_none(),
                "month" => per.replace(Per::Month).is_none(),
                _ => false,
            };
            if !known {
                return None;
            }
        }
        let is_bare = counted.is_none() && per.is_none();
        let counted = match (counted, side) {
            (counted, None) => counted.unwrap_or(LimitKind::Requests),
            (Some(LimitKind::Tokens), Some(side)) => side,
            _ => return None,
        };
        Some(Self { part: part?, counted, per, is_bare })
    }
}

/// The highest limit: a higher one is an error, or a word for none.
const HIGHEST: u64 = 1_000_000_000_000;

/// Reads a count; `None` for anything else, such as `-1` for no limit.
fn count(text: &str) -> Option<u64> {
    // `100, 100;w=60`: the IETF draft lists policies after the limit.
    let number = text.split([',', ';']).next()?.trim();
    let whole = number.strip_suffix(".0").unwrap_or(number);
    whole.parse().ok().filter(|n| *n <= HIGHEST)
}

/// The longest time until a reset; a longer one is an error.
const LONGEST: Duration = Duration::from_secs(32 * 86_400);

/// Reads a reset: a duration as Go writes it (`6m0s`, `120ms`), seconds, a time since the epoch in
/// seconds or milliseconds, or RFC 3339.
fn reset(text: &str) -> Option<When> {
    /// Numbers from here on are a time since the epoch (seconds or milliseconds: both in 2001).
    const EPOCH_S: f64 = 1e9;
    const EPOCH_MS: f64 = 1e12;
    let within = |wait: Duration| (wait <= LONGEST).then_some(When::In(wait));
    if let Ok(number) = text.parse::<f64>() {
        #[expect(clippy::cast_possible_truncation, reason = "out of range is refused by jiff")]
        return match number {
            n if n >= EPOCH_MS => Timestamp::from_millisecond(n as i64).ok().map(When::At),
            n if n >= EPOCH_S => Timestamp::from_second(n as i64).ok().map(When::At),
            n if n >= 0.0 => Duration::try_from_secs_f64(n).ok().and_then(within),
            _ => None,
        };
    }
    if let Ok(wait) = text.parse::<SignedDuration>() {
        return Duration::try_from(wait).ok().and_then(within);
    }
    text.parse().ok().map(When::At)
}

/// Reads `Retry-After`: seconds (fractions are accepted) or an HTTP date; and `retry-after-ms`,
/// which is more exact where a provider sends both.
#[must_use]
pub fn retry_after(seconds_or_date: Option<&str>, milliseconds: Option<&str>) -> Option<When> {
    let exact = milliseconds.and_then(|text| plain_seconds(text, 1e-3));
    exact.or_else(|| {
        let text = seconds_or_date?;
        plain_seconds(text, 1.0).or_else(|| http_date(text).map(When::At))
    })
}

/// Reads an HTTP date; `None` for anything else.
#[must_use]
pub fn http_date(text: &str) -> Option<Timestamp> {
    Some(jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp())
}

fn plain_seconds(text: &str, unit: f64) -> Option<When> {
    let seconds = text.trim().parse::<f64>().ok()? * unit;
    let is_wait = (0.0..=LONGEST.as_secs_f64()).contains(&seconds);
    is_wait.then(|| When::In(Duration::from_secs_f64(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2025-08-21T12:40:50Z";

    fn now() -> Timestamp {
        NOW.parse().expect("a timestamp")
    }

    fn read(headers: &[(&str, &str)]) -> Vec<Window> {
        let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes()));
        RateLimits::from_headers(headers).map(|found| found.windows).unwrap_or_default()
    }

    fn window(
        counted: LimitKind,
        per: Option<Per>,
        limit: u64,
        remaining: u64,
        reset_ms: u64,
    ) -> Window {
        let reset = Some(When::In(Duration::from_millis(reset_ms)));
        let (limit, remaining, is_bare) = (Some(limit), Some(remaining), false);
        Window { counted, per, limit, remaining, reset, is_bare }
    }

    fn check(headers: &[(&str, &str)], expected: &[Window]) {
        assert_eq!(read(headers), expected, "{headers:?}");
    }

    #[test]
    fn openai_and_those_like_it() {
        check(
            &[
                ("content-type", "text/event-stream"),
                ("x-ratelimit-limit-requests", "5000"),
                ("x-ratelimit-limit-tokens", "160000"),
                ("x-ratelimit-limit-tokens_usage_based", "160000"),
                ("x-ratelimit-remaining-requests", "4999"),
                ("x-ratelimit-remaining-tokens", "159976"),
                ("x-ratelimit-remaining-tokens_usage_based", "159976"),
                ("x-ratelimit-reset-requests", "12ms"),
                ("x-ratelimit-reset-tokens", "9ms"),
                ("x-ratelimit-reset-tokens_usage_based", "9ms"),
                ("x-request-id", "req_1"),
            ],
            &[
                window(LimitKind::Requests, None, 5_000, 4_999, 12),
                window(LimitKind::Tokens, None, 160_000, 159_976, 9),
            ],
        );
        // Groq's own: requests a day, tokens a minute.
        check(
            &[
                ("x-ratelimit-limit-requests", "14400"),
                ("x-ratelimit-remaining-requests", "14370"),
                ("x-ratelimit-reset-requests", "2m59.56s"),
            ],
            &[window(LimitKind::Requests, None, 14_400, 14_370, 179_560)],
        );
        let azure = read(&[("x-ratelimit-remaining-requests", "9")]);
        assert_eq!((azure[0].limit, azure[0].remaining, azure[0].reset), (None, Some(9), None));
    }

    #[test]
    fn anthropic_states_times_of_day() {
        let found = read(&[
            ("anthropic-ratelimit-input-tokens-limit", "80000"),
            ("anthropic-ratelimit-input-tokens-remaining", "79000"),
            ("anthropic-ratelimit-input-tokens-reset", "2025-08-21T12:40:51Z"),
            ("anthropic-ratelimit-output-tokens-limit", "16000"),
            ("anthropic-ratelimit-requests-limit", "1000"),
            ("anthropic-ratelimit-requests-reset", "2025-08-21T12:40:49Z"),
            ("anthropic-ratelimit-unified-reset", "1755780000"),
            ("anthropic-organization-id", "36562039"),
        ]);
        let counted: Vec<LimitKind> = found.iter().map(|w| w.counted).collect();
        assert_eq!(counted, [LimitKind::InputTokens, LimitKind::OutputTokens, LimitKind::Requests]);
        let waits = [0, 2].map(|i| found[i].reset.expect("stated").wait(now()));
        let expected = [Duration::from_secs(1), Duration::ZERO].map(Some);
        assert_eq!(waits, expected, "what has passed is now");
    }

    #[test]
    fn the_other_families() {
        let epoch = "1755780060000";
        let openrouter = read(&[
            ("x-ratelimit-limit", "20"),
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", epoch),
        ]);
        assert_eq!(openrouter.len(), 1);
        assert_eq!(
            (openrouter[0].counted, openrouter[0].remaining),
            (LimitKind::Requests, Some(0))
        );
        let at = Timestamp::from_second(1_755_780_060).expect("in range");
        assert_eq!(openrouter[0].reset, Some(When::At(at)));
        check(
            &[
                ("x-ratelimit-limit-tokens-minute", "5000000"),
                ("x-ratelimit-tokens-query-cost", "52"),
                ("x-ratelimit-limit-req-minute", "720"),
            ],
            &[
                Window {
                    remaining: None,
                    reset: None,
                    ..window(LimitKind::Tokens, Some(Per::Minute), 5_000_000, 0, 0)
                },
                Window {
                    remaining: None,
                    reset: None,
                    ..window(LimitKind::Requests, Some(Per::Minute), 720, 0, 0)
                },
            ],
        );
        check(
            &[
                ("x-ratelimit-limit-requests-day", "14400"),
                ("x-ratelimit-remaining-requests-day", "14000"),
                ("x-ratelimit-reset-requests-day", "33011.5"),
            ],
            &[window(LimitKind::Requests, Some(Per::Day), 14_400, 14_000, 33_011_500)],
        );
        check(
            &[
                ("ratelimit-limit", "100, 100;w=60"),
                ("ratelimit-remaining", "5"),
                ("ratelimit-reset", "7"),
            ],
            &[Window { is_bare: true, ..window(LimitKind::Requests, None, 100, 5, 7_000) }],
        );
    }

    #[test]
    fn what_is_no_limit_is_left_alone() {
        let nothing: &[(&str, &str)] = &[
            ("x-ratelimit-limit-requests", "-1"),
            ("x-ratelimit-limit-tokens", "0"),
            ("x-ratelimit-limit-tokens", "18446744073709551615"),
            ("x-ratelimit-remaining-requests", "1e300"),
            ("x-ratelimit-remaining-requests", "0.5"),
            ("x-ratelimit-remaining-tokens", "many"),
            ("x-ratelimit-reset-requests", "soon"),
            ("x-ratelimit-reset-tokens", "-5"),
            ("x-ratelimit-reset", "99999999"),
            ("x-ratelimit-limit-limit", "5"),
            ("x-ratelimit-limit-input-requests", "5"),
            ("x-ratelimit-", "5"),
            ("x-ratelimit-requests", "5"),
            ("retry-after", "5"),
        ];
        check(nothing, &[]);
        let long = "9".repeat(100);
        assert_eq!(read(&[("x-ratelimit-limit", &long)]), []);
        let raw = [("x-ratelimit-limit", &b"\xff\xfe"[..])];
        assert_eq!(RateLimits::from_headers(raw.into_iter()), None);
    }

    #[test]
    fn resets_come_in_many_forms() {
        let check = |text: &str, expected_ms: Option<u64>| {
            let expected = expected_ms.map(|ms| When::In(Duration::from_millis(ms)));
            assert_eq!(reset(text), expected, "{text}");
        };
        check("1s", Some(1_000));
        check("6m0s", Some(360_000));
        check("120ms", Some(120));
        check("1h2m3s", Some(3_723_000));
        check("2m59.56s", Some(179_560));
        check("7.66s", Some(7_660));
        check("0", Some(0));
        check("33011.5", Some(33_011_500));
        for garbage in ["", "-1s", "NaN", "inf", "1 fortnight", "999999h", "1e400"] {
            check(garbage, None);
        }
        let at = Timestamp::from_second(1_755_780_060).expect("in range");
        for text in ["1755780060", "1755780060000", "2025-08-21T12:41:00Z"] {
            assert_eq!(reset(text), Some(When::At(at)), "{text}");
        }
    }

    #[test]
    fn numbers_hint_at_what_a_limit_is_for() {
        let check = |limit, remaining, reset_ms, per: Result<Per, Hint>| {
            let window = window(LimitKind::Requests, None, limit, remaining, reset_ms);
            let missing = limit.saturating_sub(remaining);
            let expected = per.map_or_else(|hint| hint, |per| Hint::Evenly { per, missing });
            assert_eq!(window.hint(now()), expected, "{window:?}");
        };
        check(10_000, 9_999, 8_640, Ok(Per::Day));
        check(200, 199, 432_000, Ok(Per::Day));
        check(5_000, 4_999, 12, Ok(Per::Minute));
        check(60, 20, 40_000, Ok(Per::Minute));
        check(14_400, 14_370, 179_560, Ok(Per::Day));
        // A fixed window tells nothing but that it is no shorter than what is left of it.
        check(100, 90, 30_000, Err(Hint::AtOnce));
        check(50, 49, 36_000_000, Err(Hint::AtOnce));
        check(100, 97, 9_000, Err(Hint::Nothing));
        check(100, 100, 0, Err(Hint::Nothing));
        check(100, 120, 1_000, Err(Hint::Nothing));
    }

    #[test]
    fn hints_agree_where_the_amounts_differ() {
        let check = |a: (Per, u64), b: (Per, u64), expected| {
            let [a, b] = [a, b].map(|(per, missing)| Hint::Evenly { per, missing });
            assert_eq!((a.agrees(b), b.agrees(a)), (expected, expected), "{a:?} {b:?}");
        };
        check((Per::Day, 1), (Per::Day, 2), true);
        check((Per::Day, 1), (Per::Day, 1), false);
        // A burst into a window of a minute hints twice at an hour: `3000` of which 50, then 51.
        check((Per::Hour, 50), (Per::Hour, 51), false);
        check((Per::Hour, 50), (Per::Hour, 100), true);
        check((Per::Hour, 50), (Per::Day, 100), false);
        assert!(!Hint::AtOnce.agrees(Hint::AtOnce) && !Hint::Nothing.agrees(Hint::Nothing));
    }

    #[test]
    fn a_reset_is_never_later_than_the_end_of_its_time() {
        let check = |secs, expected| assert_eq!(Per::least(Duration::from_secs(secs)), expected);
        check(0, Per::Minute);
        check(61, Per::Minute);
        check(62, Per::Hour);
        check(36_000, Per::Day);
        check(100_000, Per::Month);
        assert!(Per::Second.allows(Duration::from_secs(1)));
        assert!(!Per::Second.allows(Duration::from_secs(2)));
    }

    #[test]
    fn the_date_is_the_clock_of_the_resets() {
        let date = |text: &str| {
            let headers = [("date", text), ("x-ratelimit-remaining", "5")];
            let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes()));
            RateLimits::from_headers(headers).expect("a limit").date
        };
        assert_eq!(date("Thu, 21 Aug 2025 12:40:50 GMT"), Some(now()));
        assert_eq!(date("yesterday"), None);
        assert_eq!(RateLimits::from_headers([("date", &b"x"[..])].into_iter()), None);
    }

    #[test]
    fn retry_after_takes_seconds_dates_and_milliseconds() {
        let check = |plain, exact, expected: Option<Duration>| {
            let wait = retry_after(plain, exact).and_then(|when| when.wait(now()));
            assert_eq!(wait, expected, "{plain:?} {exact:?}");
        };
        check(Some("2"), None, Some(Duration::from_secs(2)));
        check(Some("1.5"), None, Some(Duration::from_millis(1_500)));
        check(Some("2"), Some("1250"), Some(Duration::from_millis(1_250)));
        check(Some("2"), Some("?"), Some(Duration::from_secs(2)));
        check(Some("Wed, 21 Oct 2015 07:28:00 GMT"), None, Some(Duration::ZERO));
        check(Some("Thu, 21 Aug 2025 12:41:00 GMT"), None, Some(Duration::from_secs(10)));
        check(Some("soon"), None, None);
        for absurd in ["-1", "2147483648", "18446744073709551615", "1e300", "NaN", "inf"] {
            check(Some(absurd), None, None);
        }
        check(Some("2"), Some("1e300"), Some(Duration::from_secs(2)));
        check(Some("Fri, 31 Dec 9999 23:59:59 GMT"), None, None);
        check(None, None, None);
    }
}
