//! Staying inside a key's limits: those that the catalog states, and those that responses state.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

use crate::catalog::Limits;
use crate::units::Stamp;
use crate::wire::RateLimits;
use crate::wire::rate_limit::{Counted, Per, Window};

/// How a key's limits are used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Manners {
    /// The share of each limit that is used at most, above 0 and at most 1. The rest is left to
    /// others with the same key. `None`: there are none and nothing is to be learnt, as with the
    /// simulated fleet in the same process, which is asked at its full pace.
    pub share: Option<f64>,
    /// Processes that use that share together, each an equal part.
    pub among: u32,
}

/// What a request takes from its key's limits, in tokens; of requests it takes one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Of the prompt.
    pub input: u64,
    /// Of the answer.
    pub output: u64,
}

/// After so long a pause one request goes and looks what has become of a limit.
pub const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Where a limit was stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatedBy {
    /// By the catalog.
    Catalog,
    /// By the headers of a response.
    Headers,
}

/// A limit that requests had to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What it counts.
    pub counted: Counted,
    /// How many it allows.
    pub limit: u64,
    /// In what time.
    pub per: Per,
    /// Who stated it.
    pub by: StatedBy,
}

/// A limit of which so little remains that the rest is left to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Low {
    /// The limit.
    pub limit: Kept,
    /// When it is full again, as was stated.
    pub reset: Stamp,
}

/// Hands out the moments at which requests may leave.
///
/// A limit by the minute or the second is kept by spacing (the generic cell rate algorithm, ITU-T
/// I.371, without a burst: one theoretical arrival time per limit), so that no minute holds more
/// than the share. A limit by the hour or the day may be used up to the share at any pace. Of both,
/// what a provider says remains is held against the rest that is left to others.
#[derive(Clone, Debug)]
pub struct Pacer {
    manners: Manners,
    rates: Vec<Rate>,
    seen: BTreeMap<(Counted, Option<Per>), Seen>,
    history: History,
    /// All that left.
    left: Total,
    /// Nobody may leave before this: the provider asked for a pause.
    paused_until: Option<Stamp>,
    /// How often less than the rest remained.
    low_pauses: u64,
}

/// A limit that is kept by spacing.
#[derive(Clone, Debug)]
struct Rate {
    limit: Kept,
    /// Whose header stated it.
    key: Option<(Counted, Option<Per>)>,
    allowed: u64,
    among: u32,
    /// When the next may leave, nanoseconds.
    next_ns: u64,
    /// Whether anything had to wait for it.
    held: bool,
}

/// A limit as the last response stated it.
#[derive(Clone, Copy, Debug)]
struct Seen {
    limit: u64,
    /// Whether the limit itself was stated, and not only what remains of it.
    is_stated: bool,
    per: Per,
    /// Whether that is known, and not only presumed.
    is_told: bool,
    remaining: Option<u64>,
    /// What had left when that was so, the request of the response included.
    as_of: Total,
    /// When it is full again: what is known is void from then on.
    reset: Stamp,
    /// While too little remains: when one request may go and look.
    look_at: Stamp,
    /// Whether it was ever low.
    was_low: bool,
}

/// Sums of what left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    requests: u64,
    taken: Taken,
}

impl Taken {
    fn of(self, counted: Counted) -> u64 {
        match counted {
            Counted::Requests => 1,
            Counted::Tokens => self.input.saturating_add(self.output),
            Counted::InputTokens => self.input,
            Counted::OutputTokens => self.output,
        }
    }

    fn plus(self, more: Self) -> Self {
        let (input, output) = (self.input, self.output);
        Self { input: input.saturating_add(more.input), output: output.saturating_add(more.output) }
    }
}

impl Total {
    fn of(self, counted: Counted) -> u64 {
        if counted == Counted::Requests { self.requests } else { self.taken.of(counted) }
    }
}

impl Manners {
    /// How many of a limit are ours: never none, or nothing would ever be asked.
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

    /// How many of a limit are left to others.
    fn rest(self, limit: u64) -> u64 {
        limit.saturating_sub(self.allowed(limit))
    }
}

impl Rate {
    fn new(limit: Kept, key: Option<(Counted, Option<Per>)>, manners: Manners) -> Self {
        let (allowed, among) = (manners.allowed(limit.limit), manners.among.max(1));
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

impl Seen {
    /// Whether less than the rest remains, counting what left since.
    fn is_low(&self, counted: Counted, left: Total, manners: Manners, now: Stamp) -> bool {
        let Some(remaining) = self.remaining else { return false };
        let since = left.of(counted).saturating_sub(self.as_of.of(counted));
        // With nothing left to others, only what is not there at all is waited for.
        let least = manners.rest(self.limit).saturating_add(since);
        now < self.reset && remaining < least
    }
}

impl Pacer {
    /// A pacer for an endpoint's limits.
    #[must_use]
    pub fn new(limits: &Limits, manners: Manners) -> Self {
        let stated = [
            (Counted::Requests, limits.requests_per_min.map(u64::from)),
            (Counted::Tokens, limits.tokens_per_min),
        ];
        let rate = |(counted, limit): (Counted, Option<u64>)| {
            let limit = limit.filter(|n| *n > 0)?;
            let limit = Kept { counted, limit, per: Per::Minute, by: StatedBy::Catalog };
            Some(Rate::new(limit, None, manners))
        };
        Self {
            manners,
            rates: stated.into_iter().filter_map(rate).collect(),
            seen: BTreeMap::new(),
            history: History::default(),
            left: Total::default(),
            paused_until: None,
            low_pauses: 0,
        }
    }

    /// The provider asks for a pause of the whole endpoint.
    pub fn pause(&mut self, until: Stamp) {
        self.paused_until = self.paused_until.max(Some(until));
    }

    /// When the next request may leave, as far as is known at this moment.
    #[must_use]
    pub fn next(&self, now: Stamp) -> Stamp {
        let paced = self.rates.iter().map(|rate| rate.next_ns).max().unwrap_or(0);
        let low = self.low(now).map(|(_, seen)| seen.look_at.min(seen.reset));
        let until = [Some(Stamp::from_nanos(paced)), self.paused_until].into_iter().flatten();
        until.chain(low).fold(now, Stamp::max)
    }

    /// The limits of which less than the rest remains.
    fn low(&self, now: Stamp) -> impl Iterator<Item = (Counted, &Seen)> {
        let is_low =
            move |(key, seen): &(Counted, &Seen)| seen.is_low(*key, self.left, self.manners, now);
        self.seen.iter().map(|((counted, _), seen)| (*counted, seen)).filter(is_low)
    }

    /// Notes that a request has to wait.
    pub fn wait(&mut self, now: Stamp) {
        for rate in &mut self.rates {
            rate.held |= rate.next_ns > now.as_nanos();
        }
    }

    /// A request leaves; gives what has left by then.
    pub fn leave(&mut self, now: Stamp, taken: Taken) -> Total {
        for rate in &mut self.rates {
            rate.leave(now, taken.of(rate.limit.counted));
        }
        self.history.leave(now, taken);
        self.left.requests += 1;
        self.left.taken = self.left.taken.plus(taken);
        // It is the one that looks; the others wait for what it brings back.
        for ((counted, _), seen) in &mut self.seen {
            if seen.is_low(*counted, self.left, self.manners, now) {
                seen.look_at = now.after(LOOK_AGAIN);
            }
        }
        self.left
    }

    /// A request took other than was expected.
    pub fn settle(&mut self, expected: Taken, taken: Taken) {
        for rate in &mut self.rates {
            let (expected, taken) = (expected.of(rate.limit.counted), taken.of(rate.limit.counted));
            let (more, less) = (taken.saturating_sub(expected), expected.saturating_sub(taken));
            let next = rate.next_ns.saturating_add(rate.time(more));
            rate.next_ns = next.saturating_sub(rate.time(less));
        }
    }

    /// Takes in what a response said. `as_of`: what had left with its request; `came`: when its
    /// headers did, and what the wall clock said then. Gives the limit that is low now, if one is.
    pub fn learn(
        &mut self,
        said: &RateLimits,
        as_of: Total,
        (came, wall): (Stamp, Timestamp),
        now: Stamp,
    ) -> Option<Low> {
        self.manners.share?;
        let was_low = self.low(now).next().is_some();
        for window in &said.windows {
            self.take(window, as_of, came, wall);
        }
        let (manners, left) = (self.manners, self.left);
        let mut lowest: Option<Low> = None;
        for ((counted, _), seen) in &mut self.seen {
            if !seen.is_low(*counted, left, manners, now) {
                continue;
            }
            seen.was_low = true;
            if lowest.is_none_or(|low| low.reset < seen.reset) {
                lowest = Some(Low { limit: seen.kept(*counted), reset: seen.reset });
            }
        }
        self.low_pauses += u64::from(lowest.is_some() && !was_low);
        lowest
    }

    fn take(&mut self, window: &Window, as_of: Total, came: Stamp, wall: Timestamp) {
        let key = (window.counted, window.per);
        let before = self.seen.get(&key).copied();
        // Responses overtake each other: what an older request was told is old.
        if before.is_some_and(|seen| seen.as_of.requests >= as_of.requests) {
            return;
        }
        let known = before.map(|seen| seen.limit);
        // Where the limit is not stated, it is no less than what was ever left of it.
        let unstated = known.max(window.remaining);
        let Some(limit) = window.limit.or(unstated).filter(|n| *n > 0) else { return };
        let told = window.told_per(wall);
        let same = before.filter(|seen| seen.limit == limit);
        let (per, is_told) = match (told, same) {
            (Some(per), _) => (per, true),
            (None, Some(seen)) if seen.is_told => (seen.per, true),
            (None, Some(seen)) => (seen.per.max(window.least_per(wall)), false),
            (None, None) => (window.least_per(wall), false),
        };
        let wait = window.reset.map_or(LOOK_AGAIN, |reset| reset.wait(wall));
        let reset = came.after(wait);
        let seen = Seen {
            limit,
            is_stated: window.limit.is_some() || before.is_some_and(|seen| seen.is_stated),
            per,
            is_told,
            remaining: window.remaining,
            as_of,
            reset,
            look_at: reset.min(came.after(LOOK_AGAIN)),
            was_low: before.is_some_and(|seen| seen.was_low),
        };
        self.seen.insert(key, seen);
        let is_new = before.is_none_or(|b| (b.limit, b.per) != (limit, per));
        if seen.is_stated && is_new {
            self.keep(key, seen.kept(window.counted));
        }
    }

    /// Keeps a limit from now on, as if it had always been known: what left in the last minute
    /// counts.
    fn keep(&mut self, key: (Counted, Option<Per>), limit: Kept) {
        let held = self.rates.iter().any(|rate| rate.key == Some(key) && rate.held);
        self.rates.retain(|rate| rate.key != Some(key));
        if limit.per > Per::Minute {
            return;
        }
        let mut rate = Rate { held, ..Rate::new(limit, Some(key), self.manners) };
        for slot in &self.history.0 {
            rate.leave(slot.last, slot.total.of(limit.counted));
        }
        self.rates.push(rate);
    }

    /// The limits that requests had to wait for, and those of which too little remained.
    pub fn kept(&self) -> impl Iterator<Item = Kept> {
        let held = self.rates.iter().filter(|rate| rate.held).map(|rate| rate.limit);
        let longer = |(key, seen): (&(Counted, Option<Per>), &Seen)| {
            let is_rate = self.rates.iter().any(|rate| rate.key == Some(*key) && rate.held);
            (seen.was_low && seen.is_stated && !is_rate).then(|| seen.kept(key.0))
        };
        held.chain(self.seen.iter().filter_map(longer))
    }

    /// How often requests waited because less than the rest remained.
    #[must_use]
    pub const fn low_pauses(&self) -> u64 {
        self.low_pauses
    }
}

impl Seen {
    fn kept(&self, counted: Counted) -> Kept {
        Kept { counted, limit: self.limit, per: self.per, by: StatedBy::Headers }
    }
}

/// What left in the last minute, by the second.
#[derive(Clone, Debug, Default)]
struct History(VecDeque<Slot>);

#[derive(Clone, Copy, Debug)]
struct Slot {
    second: u64,
    last: Stamp,
    total: Total,
}

impl History {
    const SECONDS: u64 = 60;

    fn leave(&mut self, at: Stamp, taken: Taken) {
        let second = at.as_nanos() / 1_000_000_000;
        while self.0.front().is_some_and(|slot| slot.second + Self::SECONDS < second) {
            self.0.pop_front();
        }
        match self.0.back_mut() {
            Some(slot) if slot.second == second => {
                slot.last = at;
                slot.total.requests += 1;
                slot.total.taken = slot.total.taken.plus(taken);
            }
            _ => self.0.push_back(Slot { second, last: at, total: Total { requests: 1, taken } }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::rate_limit::When;

    const ALL: Manners = Manners { share: None, among: 1 };
    const HALF: Manners = Manners { share: Some(0.5), among: 1 };

    fn at(ms: u64) -> Stamp {
        Stamp::from_nanos(ms * 1_000_000)
    }

    fn wall() -> Timestamp {
        Timestamp::from_second(1_755_780_000).expect("in range")
    }

    fn per_min(n: u32) -> Limits {
        Limits { requests_per_min: Some(n), ..Limits::default() }
    }

    /// When so many requests leave that are all there at the start, milliseconds.
    fn leave_at(pacer: &mut Pacer, start: u64, input: u64, n: usize) -> Vec<u64> {
        let mut now = at(start);
        let taken = Taken { input, output: 0 };
        let mut leave = || {
            now = pacer.next(now);
            pacer.leave(now, taken);
            now.as_nanos() / 1_000_000
        };
        (0..n).map(|_| leave()).collect()
    }

    fn said(limit: u64, remaining: u64, reset_ms: u64) -> RateLimits {
        let reset = Some(When::In(Duration::from_millis(reset_ms)));
        let (counted, per) = (Counted::Requests, None);
        let window = Window { counted, per, limit: Some(limit), remaining: Some(remaining), reset };
        RateLimits { windows: vec![window] }
    }

    #[test]
    fn requests_leave_at_their_rate() {
        let check = |limits: Limits, manners, input, expected: &[u64]| {
            let mut pacer = Pacer::new(&limits, manners);
            assert_eq!(leave_at(&mut pacer, 5_000, input, expected.len()), expected);
        };
        check(per_min(60), ALL, 10, &[5_000, 6_000, 7_000, 8_000]);
        check(per_min(60), HALF, 10, &[5_000, 7_000, 9_000]);
        check(per_min(60), Manners { among: 7, ..ALL }, 10, &[5_000, 12_000, 19_000]);
        check(per_min(1), HALF, 10, &[5_000, 65_000]);
        check(Limits::default(), HALF, 1 << 40, &[5_000, 5_000, 5_000]);
        let tokens = Limits { tokens_per_min: Some(6_000), ..Limits::default() };
        check(tokens, ALL, 200, &[5_000, 7_000, 9_000]);
        check(tokens, HALF, 200, &[5_000, 9_000, 13_000]);
    }

    #[test]
    fn tokens_are_settled() {
        let tokens = Limits { tokens_per_min: Some(6_000), ..Limits::default() };
        let mut pacer = Pacer::new(&tokens, ALL);
        let expected = Taken { input: 100, output: 100 };
        pacer.leave(at(0), expected);
        assert_eq!(pacer.next(at(0)), at(2_000));
        pacer.settle(expected, Taken { input: 100, output: 900 });
        assert_eq!(pacer.next(at(0)), at(10_000));
        pacer.settle(Taken { input: 0, output: 900 }, Taken::default());
        assert_eq!(pacer.next(at(0)), at(1_000));
    }

    #[test]
    fn a_pause_holds_everybody() {
        let mut pacer = Pacer::new(&Limits::default(), HALF);
        pacer.pause(at(3_000));
        pacer.pause(at(0));
        assert_eq!((pacer.next(at(0)), pacer.next(at(4_000))), (at(3_000), at(4_000)));
    }

    #[test]
    fn what_left_before_a_limit_was_known_counts() {
        let mut pacer = Pacer::new(&Limits::default(), HALF);
        let first: Vec<Total> = (0..16).map(|_| pacer.leave(at(0), Taken::default())).collect();
        // 60 a minute, of which 59 remain after the first of sixteen.
        let low = pacer.learn(&said(60, 59, 1_000), first[0], (at(500), wall()), at(500));
        assert_eq!(low, None);
        let next = leave_at(&mut pacer, 500, 0, 3);
        assert_eq!(next, [32_000, 34_000, 36_000], "16 of 30 a minute are 32 s' worth");
        assert!(pacer.kept().next().is_none(), "nobody said that they waited");
    }

    #[test]
    fn no_minute_holds_more_than_the_share() {
        let mut pacer = Pacer::new(&Limits::default(), HALF);
        let first = pacer.leave(at(0), Taken::default());
        pacer.learn(&said(7, 6, 8_571), first, (at(300), wall()), at(300));
        let left = leave_at(&mut pacer, 300, 0, 20);
        for start in &left {
            let within = left.iter().filter(|at| (*start..start + 60_000).contains(at)).count();
            assert!(within <= 3, "{within} of 7 a minute: {left:?}");
        }
    }

    #[test]
    fn below_the_rest_one_request_looks_after_the_reset() {
        let mut pacer = Pacer::new(&Limits::default(), HALF);
        let first = pacer.leave(at(0), Taken::default());
        let low = pacer.learn(&said(60, 20, 40_000), first, (at(1_000), wall()), at(1_000));
        let low = low.expect("20 of 60 is less than half");
        assert_eq!((low.limit.limit, low.reset), (60, at(41_000)));
        assert_eq!(pacer.next(at(1_000)), at(41_000));
        let second = pacer.leave(at(41_000), Taken::default());
        let low = pacer.learn(&said(60, 59, 1_000), second, (at(42_000), wall()), at(42_000));
        assert_eq!((low, pacer.next(at(43_000))), (None, at(43_000)));
        assert_eq!(pacer.low_pauses(), 1);
        assert_eq!(pacer.kept().map(|kept| kept.limit).collect::<Vec<_>>(), [60]);
    }

    #[test]
    fn a_limit_by_the_day_is_looked_at_every_minute() {
        let mut pacer = Pacer::new(&Limits::default(), HALF);
        let day = 86_400_000;
        let first = pacer.leave(at(0), Taken::default());
        // 30 of 200 a day are gone: there is no reason to go slow.
        pacer.learn(&said(200, 170, day / 200 * 30), first, (at(0), wall()), at(0));
        assert_eq!(leave_at(&mut pacer, 0, 0, 3), [0, 0, 0]);
        // 101 are: each look says so again.
        let fifth = pacer.leave(at(0), Taken::default());
        let low = pacer.learn(&said(200, 99, day / 200 * 101), fifth, (at(0), wall()), at(0));
        assert_eq!(low.expect("low").limit.per, Per::Day);
        assert_eq!(leave_at(&mut pacer, 0, 0, 3), [60_000, 120_000, 180_000]);
    }

    #[test]
    fn what_is_on_its_way_counts_as_gone() {
        let mut pacer = Pacer::new(&Limits::default(), HALF);
        let day = 86_400_000;
        let first = pacer.leave(at(0), Taken::default());
        pacer.learn(&said(200, 103, day), first, (at(0), wall()), at(0));
        assert_eq!(leave_at(&mut pacer, 0, 0, 5), [0, 0, 0, 0, 60_000]);
    }

    #[test]
    fn an_older_answer_says_nothing_new() {
        let mut pacer = Pacer::new(&Limits::default(), HALF);
        let first = pacer.leave(at(0), Taken::default());
        let second = pacer.leave(at(0), Taken::default());
        pacer.learn(&said(60, 58, 2_000), second, (at(100), wall()), at(100));
        let low = pacer.learn(&said(60, 1, 59_000), first, (at(200), wall()), at(200));
        assert_eq!(low, None);
    }

    #[test]
    fn only_what_remains_is_stated() {
        let mut pacer = Pacer::new(&Limits::default(), HALF);
        let only = |remaining| {
            let mut said = said(1, remaining, 0);
            (said.windows[0].limit, said.windows[0].reset) = (None, None);
            said
        };
        let first = pacer.leave(at(0), Taken::default());
        assert_eq!(pacer.learn(&only(100), first, (at(0), wall()), at(0)), None);
        assert_eq!(pacer.next(at(0)), at(0), "no limit is stated, so none is kept by spacing");
        let second = pacer.leave(at(0), Taken::default());
        assert!(pacer.learn(&only(49), second, (at(0), wall()), at(0)).is_some());
        assert_eq!(pacer.next(at(0)), at(60_000));
    }

    #[test]
    fn where_nobody_else_is_nothing_is_learnt() {
        let mut pacer = Pacer::new(&Limits::default(), ALL);
        let first = pacer.leave(at(0), Taken::default());
        assert_eq!(pacer.learn(&said(60, 1, 9_000), first, (at(0), wall()), at(0)), None);
        assert_eq!(leave_at(&mut pacer, 0, 0, 3), [0, 0, 0]);
    }

    #[test]
    fn with_the_whole_share_only_what_is_gone_is_waited_for() {
        let whole = Manners { share: Some(1.0), among: 1 };
        let mut pacer = Pacer::new(&Limits::default(), whole);
        let first = pacer.leave(at(0), Taken::default());
        pacer.learn(&said(60, 1, 59_000), first, (at(0), wall()), at(0));
        assert_eq!(leave_at(&mut pacer, 0, 0, 2), [1_000, 59_000]);
    }
}
