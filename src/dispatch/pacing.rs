//! Keeps a key's limits: those of the catalog, and those that responses state.

mod history;
mod seen;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use history::History;
use seen::Seen;

use crate::catalog::Limits;
use crate::units::Stamp;
use crate::wire::RateLimits;
use crate::wire::rate_limit::{LimitKind, Per, Window};

/// How a key's limits are used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuotaShare {
    /// The share of each limit that is used at most, above 0 and at most 1. The rest is reserved for
    /// others with the same key. `None`: limits are neither kept nor learnt, as with the simulated
    /// fleet in the same process.
    pub share: Option<f64>,
    /// Processes that use that share together, each an equal part.
    pub among: u32,
}

/// The tokens that a request counts against its key's limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenUse {
    /// Of the prompt.
    pub input: u64,
    /// Of the answer.
    pub output: u64,
}

/// After so long a pause one request is sent to learn the state of a limit.
pub const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Where a limit comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitSource {
    /// The catalog.
    Catalog,
    /// A response's headers.
    Headers,
}

/// A limit that requests had to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// What it counts.
    pub counted: LimitKind,
    /// How many it allows.
    pub limit: u64,
    /// In what time.
    pub per: Per,
    /// Where it comes from.
    pub by: LimitSource,
}

/// A limit of which no more remains than is reserved for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LowQuota {
    /// The limit.
    pub limit: RateLimit,
    /// When it is full again, as the provider stated.
    pub reset: Stamp,
}

/// Decides when requests may be sent.
///
/// A limit by the minute or the second is kept by spacing (the generic cell rate algorithm, ITU-T
/// I.371, without a burst: one theoretical arrival time per limit), so that no minute holds more
/// than the share. A limit by the hour or the day may be used up to the share at any pace. Of both,
/// what a provider says remains is held against the rest that is left to others.
#[derive(Clone, Debug)]
pub struct Pacer {
    quota_share: QuotaShare,
    rates: Vec<Rate>,
    seen: BTreeMap<(LimitKind, Option<Per>), Seen>,
    history: History,
    /// Everything that was sent.
    left: Total,
    /// No request before this: the provider asked for a pause.
    paused_until: Option<Stamp>,
    /// How often less remained than is reserved for others.
    low_pauses: u64,
}

/// A limit that is kept by spacing.
#[derive(Clone, Debug)]
struct Rate {
    limit: RateLimit,
    /// Whose header stated it.
    key: Option<(LimitKind, Option<Per>)>,
    allowed: u64,
    among: u32,
    /// When the next request may be sent, nanoseconds.
    next_ns: u64,
    /// Whether anything had to wait for it.
    held: bool,
}

/// Sums of what was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    requests: u64,
    taken: TokenUse,
}

impl TokenUse {
    fn of(self, counted: LimitKind) -> u64 {
        match counted {
            LimitKind::Requests => 1,
            LimitKind::Tokens => self.input.saturating_add(self.output),
            LimitKind::InputTokens => self.input,
            LimitKind::OutputTokens => self.output,
        }
    }

    fn plus(self, more: Self) -> Self {
        let (input, output) = (self.input, self.output);
        Self { input: input.saturating_add(more.input), output: output.saturating_add(more.output) }
    }
}

impl Total {
    fn of(self, counted: LimitKind) -> u64 {
        if counted == LimitKind::Requests { self.requests } else { self.taken.of(counted) }
    }
}

impl QuotaShare {
    /// How much of a limit this process may use: at least one, or it could never send a request.
    fn allowed(self, limit: u64) -> u64 {
        let Some(share) = self.share else { return limit };
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "limits are far below 2^53, and a share of one is not negative"
        )]
        let allowed = (limit as f64 * share).floor() as u64;
        allowed.clamp(1, limit.max(1))
    }

    /// How much of a limit is reserved for others.
    fn rest(self, limit: u64) -> u64 {
        limit.saturating_sub(self.allowed(limit))
    }
}

impl Rate {
    fn new(
        limit: RateLimit,
        key: Option<(LimitKind, Option<Per>)>,
        quota_share: QuotaShare,
    ) -> Self {
        let (allowed, among) = (quota_share.allowed(limit.limit), quota_share.among.max(1));
        Self { limit, key, allowed, among, next_ns: 0, held: false }
    }

    /// How long so many units take, nanoseconds, rounded up.
    fn time(&self, units: u64) -> u64 {
        let whole = u128::from(units) * self.limit.per.length().as_nanos() * u128::from(self.among);
        u64::try_from(whole.div_ceil(u128::from(self.allowed))).unwrap_or(u64::MAX)
    }

    fn leave(&mut self, at: Stamp, units: u64) {
        self.next_ns = self.next_ns.max(at.as_nanos()).saturating_add(self.time(units));
    }
}

impl Pacer {
    /// A pacer for an endpoint's limits.
    #[must_use]
    pub fn new(limits: &Limits, quota_share: QuotaShare) -> Self {
        let stated = [
            (LimitKind::Requests, limits.requests_per_min.map(u64::from)),
            (LimitKind::Tokens, limits.tokens_per_min),
        ];
        let rate = |(counted, limit): (LimitKind, Option<u64>)| {
            let limit = limit.filter(|n| *n > 0)?;
            let limit = RateLimit { counted, limit, per: Per::Minute, by: LimitSource::Catalog };
            Some(Rate::new(limit, None, quota_share))
        };
        Self {
            quota_share,
            rates: stated.into_iter().filter_map(rate).collect(),
            seen: BTreeMap::new(),
            history: History::default(),
            left: Total::default(),
            paused_until: None,
            low_pauses: 0,
        }
    }

    /// The provider asks for a pause.
    pub fn pause(&mut self, until: Stamp) {
        self.paused_until = self.paused_until.max(Some(until));
    }

    /// When the next request may be sent, as far as is known now.
    #[must_use]
    pub fn next(&self, now: Stamp) -> Stamp {
        let paced = self.rates.iter().map(|rate| rate.next_ns).max().unwrap_or(0);
        let low = self.low(now).map(|(_, seen)| seen.look_at.min(seen.reset));
        let until = [Some(Stamp::from_nanos(paced)), self.paused_until].into_iter().flatten();
        until.chain(low).fold(now, Stamp::max)
    }

    /// The limits of which less remains than is reserved for others.
    fn low(&self, now: Stamp) -> impl Iterator<Item = (LimitKind, &Seen)> {
        let is_low = move |(key, seen): &(LimitKind, &Seen)| {
            seen.is_low(*key, self.left, self.quota_share, now)
        };
        self.seen.iter().map(|((counted, _), seen)| (*counted, seen)).filter(is_low)
    }

    /// Notes that a request has to wait.
    pub fn wait(&mut self, now: Stamp) {
        for rate in &mut self.rates {
            rate.held |= rate.next_ns > now.as_nanos();
        }
    }

    /// A request is sent; returns what has been sent by then.
    pub fn leave(&mut self, now: Stamp, taken: TokenUse) -> Total {
        for rate in &mut self.rates {
            rate.leave(now, taken.of(rate.limit.counted));
        }
        self.history.leave(now, taken);
        self.left.requests += 1;
        self.left.taken = self.left.taken.plus(taken);
        // It learns the state of low limits; the others wait for its response.
        for ((counted, _), seen) in &mut self.seen {
            if seen.is_low(*counted, self.left, self.quota_share, now) {
                seen.look_at = now.after(LOOK_AGAIN);
            }
        }
        self.left
    }

    /// A request used other tokens than expected. An excess counts as one window of the limit at
    /// most: after that the limit is full again, and a wrong usage must not stop an endpoint for
    /// years.
    pub fn settle(&mut self, expected: TokenUse, taken: TokenUse) {
        for rate in &mut self.rates {
            let (expected, taken) = (expected.of(rate.limit.counted), taken.of(rate.limit.counted));
            let (more, less) = (taken.saturating_sub(expected), expected.saturating_sub(taken));
            let more = more.min(rate.allowed);
            let next = rate.next_ns.saturating_add(rate.time(more));
            rate.next_ns = next.saturating_sub(rate.time(less));
        }
    }

    /// Takes in what a response said. `as_of`: what had left with its request; `came`: when its
    /// headers did, and what our wall clock said then, for a response that has no date. Gives the limit that is low now, if one is.
    pub fn learn(
        &mut self,
        said: &RateLimits,
        as_of: Total,
        (came, wall): (Stamp, Timestamp),
        now: Stamp,
    ) -> Option<LowQuota> {
        self.quota_share.share?;
        let was_low = self.low(now).next().is_some();
        let wall = said.date.unwrap_or(wall);
        for window in &said.windows {
            self.take(window, as_of, came, wall);
        }
        let (quota_share, left) = (self.quota_share, self.left);
        let mut lowest: Option<LowQuota> = None;
        for ((counted, _), seen) in &mut self.seen {
            if !seen.is_low(*counted, left, quota_share, now) {
                continue;
            }
            seen.was_low = true;
            if lowest.is_none_or(|low| low.reset < seen.reset) {
                lowest = Some(LowQuota { limit: seen.kept(*counted), reset: seen.reset });
            }
        }
        self.low_pauses += u64::from(lowest.is_some() && !was_low);
        lowest
    }

    fn take(&mut self, window: &Window, as_of: Total, came: Stamp, wall: Timestamp) {
        let key = (window.counted, window.per);
        let before = self.seen.get(&key).copied();
        let Some(seen) = Seen::of(window, before, as_of, (came, wall)) else { return };
        self.seen.insert(key, seen);
        let is_new = before.is_none_or(|b| (b.limit, b.per) != (seen.limit, seen.per));
        if seen.is_stated && is_new {
            self.keep(key, seen.kept(window.counted));
        }
    }

    /// Keeps a limit from now on, as if it had always been known: what left in the last minute
    /// counts.
    fn keep(&mut self, key: (LimitKind, Option<Per>), limit: RateLimit) {
        let held = self.rates.iter().any(|rate| rate.key == Some(key) && rate.held);
        self.rates.retain(|rate| rate.key != Some(key));
        if limit.per > Per::Minute {
            return;
        }
        let mut rate = Rate { held, ..Rate::new(limit, Some(key), self.quota_share) };
        for (last, total) in self.history.slots() {
            rate.leave(last, total.of(limit.counted));
        }
        self.rates.push(rate);
    }

    /// The limits that requests had to wait for, and those of which too little remained.
    pub fn kept(&self) -> impl Iterator<Item = RateLimit> {
        let held = self.rates.iter().filter(|rate| rate.held).map(|rate| rate.limit);
        let longer = |(key, seen): (&(LimitKind, Option<Per>), &Seen)| {
            let is_rate = self.rates.iter().any(|rate| rate.key == Some(*key) && rate.held);
            (seen.was_low && seen.is_stated && !is_rate).then(|| seen.kept(key.0))
        };
        held.chain(self.seen.iter().filter_map(longer))
    }

    /// How often requests waited because less remained than is reserved for others.
    #[must_use]
    pub const fn low_pauses(&self) -> u64 {
        self.low_pauses
    }
}
