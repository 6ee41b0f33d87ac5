//! How fast scripts are played.

use std::str::FromStr;
use std::time::Duration;

/// How fast scripts are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// As the profiles say.
    #[default]
    Profile,
    /// At once and without the profiles' faults, for measuring what a client itself costs.
    Instant {
        /// The answer is so many one-word tokens; `None`: the answer key decides.
        tokens: Option<usize>,
    },
    /// Every answer by the same schedule, for measuring how wrong a client's stamps are.
    Schedule(Schedule),
}

/// A schedule that is known exactly. All times count from the moment at which the request was
/// read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// When the head and the role chunk are written.
    pub head: Duration,
    /// When the first token is written.
    pub first_token: Duration,
    /// The time between two tokens; the end follows the last one at once.
    pub gap: Duration,
    /// The answer is so many one-word tokens; `None`: the answer key decides.
    pub tokens: Option<usize>,
}

/// Why a schedule cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no part of a schedule: write \"ttft=200ms,gap=10ms,tokens=50\", \
     with \"head=0ms\" where the head shall not come at half the ttft"
)]
pub struct ParseScheduleError(String);

/// The most tokens of a scheduled or instant answer: the longest outputs on the market.
pub const MOST_TOKENS: usize = 1_000_000;

/// The role chunk and the head of a stream come at this share of the time to the first token.
pub(super) const HEAD_SHARE: f64 = 0.5;

impl Pace {
    /// How long answers are, where that is fixed.
    #[must_use]
    pub const fn tokens(self) -> Option<usize> {
        match self {
            Self::Profile => None,
            Self::Instant { tokens } | Self::Schedule(Schedule { tokens, .. }) => tokens,
        }
    }
}

/// Reads `ttft=200ms,gap=10ms,tokens=50,head=0ms`; all but `ttft` and `gap` may be left out.
impl FromStr for Schedule {
    type Err = ParseScheduleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (mut first_token, mut gap, mut head, mut tokens) = (None, None, None, None);
        for part in text.split(',') {
            let error = || ParseScheduleError(part.to_owned());
            let (key, value) = part.split_once('=').ok_or_else(error)?;
            let time = || duration(value).ok_or_else(error);
            match key.trim() {
                "ttft" => first_token = Some(time()?),
                "gap" => gap = Some(time()?),
                "head" => head = Some(time()?),
                "tokens" => {
                    let n: usize = value.trim().parse().map_err(|_| error())?;
                    tokens = Some(n).filter(|n| (1..=MOST_TOKENS).contains(n));
                    tokens.ok_or_else(error)?;
                }
                _ => return Err(error()),
            }
        }
        let (Some(first_token), Some(gap)) = (first_token, gap) else {
            return Err(ParseScheduleError(text.to_owned()));
        };
        let head = head.unwrap_or(first_token.mul_f64(HEAD_SHARE));
        if head > first_token {
            return Err(ParseScheduleError(text.to_owned()));
        }
        Ok(Self { head, first_token, gap, tokens })
    }
}

/// Reads a time such as `1.5s`, `200ms` or `100us`; never longer than an hour.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let time: jiff::SignedDuration = text.trim().parse().ok()?;
    Duration::try_from(time).ok().filter(|time| *time <= Duration::from_secs(3_600))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_read() {
        let ms = Duration::from_millis;
        let check = |text: &str, expected: Option<Schedule>| {
            assert_eq!(text.parse().ok(), expected, "{text}");
        };
        let plain = Schedule { head: ms(100), first_token: ms(200), gap: ms(10), tokens: Some(50) };
        check("ttft=200ms,gap=10ms,tokens=50", Some(plain));
        check("ttft=200ms,gap=10ms", Some(Schedule { tokens: None, ..plain }));
        check("gap=10ms, head=0ms, tokens=50, ttft=0.2s", Some(Schedule { head: ms(0), ..plain }));
        let wrong =
            ["", "ttft=200ms", "gap=1ms", "ttft=1s,gap=-1s", "ttft=1s,gap=1s,tokens=0", "ttft=1ms"];
        for text in wrong {
            check(text, None);
        }
        check("ttft=1ms,gap=1ms,head=2ms", None);
        check("ttft=1ms,gap=1ms,rate=2", None);
    }
}
