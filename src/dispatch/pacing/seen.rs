//! A limit as responses state it, and the time that it is for.

use std::time::Duration;

use jiff::Timestamp;

use super::{LOOK_AGAIN, LimitSource, QuotaShare, RateLimit, Total};
use crate::units::Stamp;
use crate::wire::rate_limit::{Hint, LimitKind, Per, Window};

/// A limit as the last response stated it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub limit: u64,
    /// Whether the limit itself was stated, and not only what remains of it.
    pub is_stated: bool,
    pub per: Per,
    /// Whether that is known, and not only presumed.
    pub is_told: bool,
    /// What a response hinted at, to be held against others.
    pub hint: Hint,
    /// The longest that a reset was away: the limit is for no shorter time.
    pub longest: Duration,
    /// When it was first stated.
    pub since: Stamp,
    pub remaining: Option<u64>,
    /// What had been sent by then, the request of the response included.
    pub as_of: Total,
    /// When it is full again: what is known is outdated from then on.
    pub reset: Stamp,
    /// While too little remains: when one request may be sent to learn its state.
    pub look_at: Stamp,
    /// Whether it was ever low.
    pub was_low: bool,
}

impl Seen {
    /// What is known after a response that came then; `wall`: the wall clock's time of it. `None`: an
    /// older response, or no limit.
    pub fn of(
        window: &Window,
        before: Option<Self>,
        as_of: Total,
        (came, wall): (Stamp, Timestamp),
    ) -> Option<Self> {
        // Responses overtake each other: what an older request was told is old.
        if before.is_some_and(|seen| seen.as_of.requests >= as_of.requests) {
            return None;
        }
        let known = before.map(|seen| seen.limit);
        // Where the limit is not stated, it is no less than what was ever left of it.
        let unstated = known.max(window.remaining);
        let limit = window.limit.or(unstated).filter(|n| *n > 0)?;
        let same = before.filter(|seen| seen.limit == limit);
        let (period, wait) = (Period::of(window, same.as_ref(), came, wall), window.wait(wall));
        let Period { per, is_told, hint, longest, since } = period;
        let wait = wait.unwrap_or(LOOK_AGAIN);
        let reset = came.after(wait);
        Some(Self {
            limit,
            is_stated: window.limit.is_some() || before.is_some_and(|seen| seen.is_stated),
            per,
            is_told,
            hint,
            longest,
            since,
            remaining: window.remaining,
            as_of,
            reset,
            look_at: reset.min(came.after(LOOK_AGAIN)),
            was_low: before.is_some_and(|seen| seen.was_low),
        })
    }

    /// Whether less remains than is reserved for others, counting what was sent since.
    pub fn is_low(
        &self,
        counted: LimitKind,
        left: Total,
        quota_share: QuotaShare,
        now: Stamp,
    ) -> bool {
        let Some(remaining) = self.remaining else { return false };
        let since = left.of(counted).saturating_sub(self.as_of.of(counted));
        // With nothing reserved, only an exhausted limit is waited for.
        let least = quota_share.rest(self.limit).max(1).saturating_add(since);
        now < self.reset && remaining < least
    }

    /// The limit, as one to keep.
    pub fn kept(&self, counted: LimitKind) -> RateLimit {
        RateLimit { counted, limit: self.limit, per: self.per, by: LimitSource::Headers }
    }
}

/// The time that a limit is for, as far as responses tell it.
struct Period {
    per: Per,
    is_told: bool,
    hint: Hint,
    longest: Duration,
    since: Stamp,
}

impl Period {
    /// Told where a header names it or where two responses agree; presumed otherwise, and then a
    /// minute or what the longest reset asks for. What only agreed is given up again where a
    /// response contradicts it.
    fn of(window: &Window, same: Option<&Seen>, came: Stamp, wall: Timestamp) -> Self {
        /// So much later a window of a minute has begun anew, if its last second was seen before.
        const NO_LAST_SECOND: Duration = Duration::from_secs(2);
        let second = Per::Second.length();
        let wait = window.wait(wall).unwrap_or_default();
        let longest = same.map_or(wait, |seen| seen.longest.max(wait));
        let since = same.map_or(came, |seen| seen.since);
        let (hint, known) = (window.hint(wall), same.map_or(Hint::Nothing, |seen| seen.hint));
        let told = same.filter(|seen| seen.is_told).map(|seen| seen.per);
        let told = match hint {
            Hint::Nothing => told,
            Hint::AtOnce => None,
            Hint::Evenly { per, .. } if hint.agrees(known) => Some(per),
            Hint::Evenly { per, .. } => told.filter(|told| *told == per),
        };
        // The first of those that agree is kept: others are to differ from it.
        let hint = match (hint, known) {
            (Hint::Nothing, known) => known,
            (Hint::Evenly { per: a, .. }, Hint::Evenly { per: b, .. }) if a == b => known,
            (hint, _) => hint,
        };
        let told = window.per.or(told.filter(|per| per.allows(longest)));
        // Together's bare limits are for a second, OpenRouter's for a minute, and both say no more
        // than their reset.
        let is_second = window.is_bare
            && !wait.is_zero()
            && longest <= second
            && came >= since.after(NO_LAST_SECOND);
        let presumed = if is_second { Per::Second } else { Per::least(longest) };
        Self { per: told.unwrap_or(presumed), is_told: told.is_some(), hint, longest, since }
    }
}
