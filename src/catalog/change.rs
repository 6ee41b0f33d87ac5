//! Conditions under which other rates apply: prompt size, service tier, time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::rate::Rate;
use crate::units::{ServiceTier, Usd};

/// Rates that replace the base ones if all conditions hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Prompts of more tokens than this; the rates then hold for the whole request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above_input: Option<u64>,
    /// Requests of this service tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<ServiceTier>,
    /// Times of the day, UTC; empty: all day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<Hours>,
    /// Days of the week, 1 (Monday) to 7; empty: every day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<i8>,
    /// The first day, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// The first day on which it no longer holds, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// The rates.
    pub rates: BTreeMap<Rate, Usd>,
}

/// A half-open interval of minutes of the day, UTC. It may cross midnight; the whole day is from 0
/// to 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// The first minute, 0 to 1439.
    pub from_min: u16,
    /// The first minute after it, 0 to 1439.
    pub to_min: u16,
}

impl Hours {
    /// Reads `16:30-00:30`; `24:00` is `00:00`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let minute = |text: &str| {
            let (hours, minutes) = text.trim().split_once(':')?;
            let digits = |s: &str| s.len() <= 2 && s.bytes().all(|b| b.is_ascii_digit());
            let (h, m) = (hours, minutes);
            let (h, m): (u16, u16) =
                (digits(h) && digits(m)).then(|| h.parse().ok().zip(m.parse().ok()))??;
            let total = h * 60 + m;
            (m < 60 && total <= 1440).then_some(total % 1440)
        };
        let (from, to) = text.split_once('-')?;
        Some(Self { from_min: minute(from)?, to_min: minute(to)? })
    }

    /// Whether a minute of the day is in it.
    #[must_use]
    pub const fn holds(self, minute: u16) -> bool {
        if self.from_min < self.to_min {
            self.from_min <= minute && minute < self.to_min
        } else {
            self.from_min <= minute || minute < self.to_min
        }
    }
}

impl std::fmt::Display for Hours {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (a, b) = (self.from_min, self.to_min);
        write!(f, "{:02}:{:02}-{:02}:{:02}", a / 60, a % 60, b / 60, b % 60)
    }
}

/// What a request's price depends on besides its tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// When it was sent; `None`: unknown, so time-dependent rates do not apply.
    pub at: Option<Timestamp>,
    /// Its service tier; `None`: the standard one.
    pub tier: Option<ServiceTier>,
}

impl Change {
    pub(super) fn applies(&self, input: u64, terms: &Terms) -> bool {
        self.above_input.is_none_or(|threshold| input > threshold)
            && self.is_of_tier(terms.tier)
            && (!self.depends_on_time() || terms.at.is_some_and(|at| self.holds_at(at)))
    }

    pub(super) fn is_of_tier(&self, tier: Option<ServiceTier>) -> bool {
        self.tier.is_none_or(|own| own == tier.unwrap_or(ServiceTier::Standard))
    }

    fn depends_on_time(&self) -> bool {
        !self.hours.is_empty()
            || !self.weekdays.is_empty()
            || self.from.is_some()
            || self.until.is_some()
    }

    fn holds_at(&self, at: Timestamp) -> bool {
        let at = at.to_zoned(TimeZone::UTC);
        let minute = u16::try_from(i32::from(at.hour()) * 60 + i32::from(at.minute()));
        let minute = minute.expect("a minute of the day");
        let weekday = at.weekday().to_monday_one_offset();
        (self.hours.is_empty() || self.hours.iter().any(|hours| hours.holds(minute)))
            && (self.weekdays.is_empty() || self.weekdays.contains(&weekday))
            && self.from.is_none_or(|first| at.date() >= first)
            && self.until.is_none_or(|end| at.date() < end)
    }

    /// Its conditions in a few words: `above 272000 tokens, flex`.
    #[must_use]
    pub fn condition(&self) -> String {
        let mut words = Vec::new();
        words.extend(self.above_input.map(|n| format!("above {n} tokens")));
        words.extend(self.tier.map(|tier| tier.name().to_owned()));
        if !self.hours.is_empty() {
            let hours: Vec<String> = self.hours.iter().map(Hours::to_string).collect();
            words.push(format!("{} UTC", hours.join(" ")));
        }
        if !self.weekdays.is_empty() {
            let name = |day: &i8| {
                ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
                    [usize::try_from(*day - 1).unwrap_or(0).min(6)]
            };
            words.push(self.weekdays.iter().map(name).collect::<Vec<_>>().join(" "));
        }
        words.extend(self.from.map(|day| format!("from {day}")));
        words.extend(self.until.map(|day| format!("until {day}")));
        words.join(", ")
    }
}
